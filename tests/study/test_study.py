"""The study model: what a valid file gives, and the sections it is made of."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from evidence_lib.errors import DisclosureError, StudyError
from evidence_lib.study import find_study_file, load_study, loading, model, require_supported

Write = Callable[..., Path]


def test_a_study_keeps_its_path_and_fingerprint(study_file: Write) -> None:
    path = study_file()
    study = load_study(path)
    assert study.path == path
    assert study.folder == path.parent
    assert study.data_path == path.parent / "adam"
    assert study.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_can_not_set_its_own_path(study_file: Write) -> None:
    with pytest.raises(StudyError, match=r"study.yml:15 \(sha256\): unknown key"):
        load_study(study_file(("disclosure:", "sha256: abc\ndisclosure:")))


def test_defaults(study_file: Write) -> None:
    study = load_study(study_file())
    assert (study.study.convention, study.study.languages, study.data.encoding) == ("R", ("en",), "auto")
    assert (study.labels, study.governance, study.citations) == ({}, {}, ())
    report = study.report("os")
    assert (report.title, report.limitations, report.plain.people) == (None, (), None)


def test_a_study_is_frozen(study_file: Write) -> None:
    study = load_study(study_file())
    with pytest.raises(ValidationError, match="frozen"):
        study.study.design = "randomised"


def _record(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", exclude_none=True)


def test_the_records_are_plain_json(study_file: Write) -> None:
    study = load_study(
        study_file(
            ('["stopping treatment: ignored"]', "[{event: death, strategy: composite, text: {en: x}}, stopping]"),
            (
                "    estimand:",
                "    plain: {people: women, with_treatment: {en: with A}, not_known: [harms]}\n    estimand:",
            ),
            ("disclosure:", "page: {contact: a@b.org, use: {en: internal}}\ndisclosure:"),
        )
    )
    report = study.report("os")
    assert _record(report.estimand)["intercurrent_events"] == [
        {"event": "death", "strategy": "composite", "text": {"en": "x"}},
        "stopping",
    ]
    assert _record(report.plain) == {"people": "women", "with_treatment": {"en": "with A"}, "not_known": ["harms"]}
    assert _record(study.page) == {"contact": "a@b.org", "use": {"en": "internal"}}
    for record in (_record(report.estimand), _record(report.plain), _record(study.page), _record(study.data.cutoff)):
        assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize("cutoff", ["2024-03-05", '"2024-03-05"', "{date: 2024-03-05}"])
def test_cutoff_is_a_date(study_file: Write, cutoff: str) -> None:
    study = load_study(study_file(('{unknown: "not stated"}', cutoff)))
    assert study.data.cutoff.date == dt.date(2024, 3, 5)
    assert _record(study.data.cutoff) == {"date": "2024-03-05"}


def test_cutoff_may_be_unknown_with_a_reason(study_file: Write) -> None:
    assert _record(load_study(study_file()).data.cutoff) == {"unknown": "not stated"}


@pytest.mark.parametrize(
    "cutoff",
    [
        "2024-3-5",
        "2023-02-29",
        "20240305",
        "05.03.2024",
        "{unknown: ''}",
        "{unknown: null}",
        "{date: null}",
        "{}",
        "{date: 2024-03-05, unknown: x}",
        "null",
    ],
)
def test_other_cutoffs_are_refused(study_file: Write, cutoff: str) -> None:
    with pytest.raises(StudyError, match=r"study.yml:3 \(data.cutoff"):
        load_study(study_file(('{unknown: "not stated"}', cutoff)))


@pytest.mark.parametrize("kind", ["omop", "icsr", "registry", "ai-reads"])
def test_other_kinds_of_data_are_not_available_yet(study_file: Write, kind: str) -> None:
    with pytest.raises(StudyError, match=r"study.yml:3 \(data\): .*not available in this version.*found " + kind):
        load_study(study_file(("kind: adam", f"kind: {kind}, url: {{env: NAME}}")))


@pytest.mark.parametrize("path", ["s3://bucket/adam", "http://x/adam", '""'])
def test_data_stand_in_a_folder(study_file: Write, path: str) -> None:
    with pytest.raises(StudyError, match=r"study.yml:3 \(data.path\)"):
        load_study(study_file(("path: adam", f"path: {path}")))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("version: 1", "version: 2", "1 (version)"),
        ("version: 1", "version: true", "1 (version)"),
        ("version: 1", 'version: "1"', "1 (version)"),
        ("design: observational", "design: observational, convention: SPSS", "2 (study.convention)"),
        ("notebook: trial/survival", "notebook: ../survival", "6 (reports[0].notebook)"),
        ("notebook: trial/survival", "notebook: /etc/passwd", "6 (reports[0].notebook)"),
        ("notebook: trial/survival", "notebook: trial/survival.ipynb", "6 (reports[0].notebook)"),
        ("survival_difference", "p_value", "8 (reports[0].primary_measure)"),
        ('["stopping treatment: ignored"]', "[]", "13 (reports[0].estimand.intercurrent_events)"),
        ('["stopping treatment: ignored"]', "[{event: x}]", "13 (reports[0].estimand.intercurrent_events[0])"),
        (
            '["stopping treatment: ignored"]',
            "[{event: null, strategy: x}]",
            "13 (reports[0].estimand.intercurrent_events[0])",
        ),
        ("population: adults", "population: 18", "11 (reports[0].estimand.population)"),
        ("population: adults", "population:", "11 (reports[0].estimand.population)"),
        ("population: adults", 'population: " "', "11 (reports[0].estimand.population)"),
        ("id: os", "id: index", "5 (reports[0].id)"),
        ("preset: none, reason: public data", "preset: none", "15 (disclosure)"),
        ("preset: none", "preset: all", "15 (disclosure.preset)"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(study_file: Write, old: str, new: str, where: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(study_file((old, new)))
    assert f"study.yml:{where}" in str(caught.value)


@pytest.mark.parametrize("key", ["version", "study", "data", "disclosure"])
def test_sections_that_must_stand(study_file: Write, key: str) -> None:
    text = "".join(f"{line}\n" for line in study_file().read_text().splitlines() if not line.startswith(key))
    with pytest.raises(StudyError, match=f"the key {key} is missing"):
        load_study(study_file(data=text.encode()))


def test_a_language_without_a_catalogue_is_refused(study_file: Write) -> None:
    with pytest.raises(StudyError, match=r"study.yml:2 \(study.languages\): no catalogue yet for this language.*'xx'"):
        load_study(study_file(("design: observational", "design: observational, languages: [en, xx]")))
    for languages in ("[]", "[en, en]"):
        with pytest.raises(StudyError, match=r"\(study.languages\): not a list of languages"):
            load_study(study_file(("design: observational", f"design: observational, languages: {languages}")))


def test_a_map_has_every_language_of_the_study(study_file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loading, model):
        monkeypatch.setattr(module, "LANGUAGES", ("en", "zh-Hans"))
    both = ("design: observational", "design: observational, languages: [en, zh-Hans]")
    with pytest.raises(StudyError, match=r"study.yml:11 \(reports\[0\].estimand.population\): no text for zh-Hans"):
        load_study(study_file(both, ("population: adults", "population: {en: adults}")))
    study = load_study(study_file(both, ("population: adults", "population: {en: adults, zh-Hans: 成人}")))
    assert study.report("os").estimand.population == {"en": "adults", "zh-Hans": "成人"}
    with pytest.raises(StudyError, match=r"intercurrent_events\[0\].*no text for zh-Hans"):
        load_study(study_file(both, ('["stopping treatment: ignored"]', "[{event: {en: x}, strategy: composite}]")))


def test_a_map_may_have_more_languages_than_the_study(study_file: Write) -> None:
    study = load_study(study_file(('"A demo"', '{en: "A demo", zh-Hans: "演示"}')))
    assert study.study.title == {"en": "A demo", "zh-Hans": "演示"}


@pytest.mark.parametrize(
    "texts", ["{en: a, zh-hans: b}", "{english: a}", "{en: a, zh-Hans: 5}", "{en: ''}", "[a]", "{}"]
)
def test_texts_that_are_not_language_maps(study_file: Write, texts: str) -> None:
    with pytest.raises(StudyError, match=r"study.yml:2 \(study.title\)"):
        load_study(study_file(('"A demo"', texts)))


@pytest.mark.parametrize("preset", ["opensafely", "cms", "omop", "custom"])
def test_disclosure_control_that_does_not_exist_yet_is_refused_when_run(study_file: Write, preset: str) -> None:
    study = load_study(study_file(("preset: none, reason: public data", f"preset: {preset}")))
    with pytest.raises(
        DisclosureError, match=f"{preset} is not available in this version.*nothing is published"
    ) as caught:
        require_supported(study)
    assert caught.value.exit_code == 9


def test_no_disclosure_control_with_a_reason_is_supported(study_file: Write) -> None:
    study = load_study(study_file())
    require_supported(study)
    assert study.disclosure.reason == "public data"


def test_a_report_that_is_not_there(study_file: Write) -> None:
    with pytest.raises(StudyError, match="no such report; expected os; found 'oss'; did you mean os"):
        load_study(study_file()).report("oss")


def test_a_relative_path_is_looked_for_in_each_parent(
    study_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_file()
    below = tmp_path / "notebooks" / "trial"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_study_file("study.yml").samefile(tmp_path / "study.yml")
    (below / "study.yml").write_text("nearer")
    assert find_study_file("study.yml").read_text() == "nearer"
    assert find_study_file(str(tmp_path / "study.yml")) == tmp_path / "study.yml"


@pytest.mark.parametrize("path", ["nowhere/study.yml", "", "x" * 5000, "a\x00b"])
def test_a_path_without_a_study_file(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="no such study file|cannot be read"):
        find_study_file(path)


def test_a_folder_is_not_a_study_file(study_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_file()
    monkeypatch.chdir(os.sep)
    with pytest.raises(StudyError, match=r"a folder, not a study file; name the study.yml in it"):
        find_study_file(str(tmp_path))
