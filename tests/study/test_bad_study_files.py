"""Bad study files and parameters: each gets exit code 2, the file, the line, the key, and how to mend it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.errors import ParameterError, StudyError
from evidence_lib.study import check_parameters, load_study, resolve
from evidence_lib.study import strict_yaml as strict

from .conftest import STUDY

Write = Callable[..., Path]


def refusal(path: Path, kind: type[StudyError | ParameterError] = StudyError) -> str:
    """The message of the refusal of this study file."""
    with pytest.raises(kind) as caught:  # noqa: PT011 - the callers match the text
        load_study(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_small_study_is_valid(study_file: Write) -> None:
    assert load_study(study_file()).study.id == "demo"


def test_01_undeclared_name(study_file: Write) -> None:
    found = refusal(study_file(("tau: 60", "horizon: 60")), ParameterError)
    assert "study.yml:7 (reports[0].parameters.horizon): no such parameter" in found
    with pytest.raises(ParameterError, match="horizon: no such parameter"):
        check_parameters({"horizon": 60}, allowed=None)
    with pytest.raises(ParameterError, match="tau: no such parameter here; expected endpoint"):
        check_parameters({"tau": 60}, allowed=["endpoint"])


def test_01_the_run_names_study_report_and_language(study_file: Write) -> None:
    assert "no such parameter here" in refusal(study_file(("tau: 60", "language: en")), ParameterError)


@pytest.mark.parametrize(
    ("old", "new", "where", "near"),
    [
        ("design:", "desing:", "study.yml:2 (study.desing)", "did you mean design?"),
        ("cutoff:", "cut_off:", "study.yml:3 (data.cut_off)", "did you mean cutoff?"),
        ("    primary_measure:", "    primary_mesure:", "study.yml:8 (reports[0].primary_mesure)", "primary_measure?"),
        ("      variable:", "      varible:", "study.yml:12 (reports[0].estimand.varible)", "did you mean variable?"),
        ("disclosure:", "disclosures:", "study.yml:15 (disclosures)", "did you mean disclosure?"),
        ("observational", "observatonal", "study.yml:2 (study.design)", "did you mean observational?"),
    ],
)
def test_02_misspelt_key(study_file: Write, old: str, new: str, where: str, near: str) -> None:
    found = refusal(study_file((old, new)))
    assert found.startswith(where) or f"/{where}" in found
    assert near in found


def test_02_misspelt_parameter(study_file: Write) -> None:
    assert "did you mean treatment?" in refusal(study_file(("treatment: A,", "treatmant: A,")), ParameterError)
    with pytest.raises(ParameterError, match="did you mean conf_level"):
        check_parameters({"conf_levl": 0.9}, allowed=None)


def test_03_duplicate_key(study_file: Write) -> None:
    found = refusal(study_file(("disclosure:", "version: 1\ndisclosure:")))
    assert "study.yml:15 (version): the key stands twice; found it first on line 1" in found
    found = refusal(study_file(("tau: 60", 'tau: 60, "tau": 61')), StudyError)
    assert "reports[0].parameters.tau): the key stands twice" in found


def test_04_alias_bomb(study_file: Write) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    found = refusal(study_file(data="\n".join(lines).encode()))
    assert "study.yml:1: an anchor (&a)" in found
    assert "an alias (*x)" in refusal(study_file(data=b"version: *x"))


@pytest.mark.parametrize("text", ["[" * 20_000, "- " * 20_000, "{a: " * 20_000, "a: " + "[" * 20_000 + "]" * 20_000])
def test_05_deep_list(study_file: Write, text: str) -> None:
    start = time.monotonic()
    found = refusal(study_file(data=text.encode()))
    assert "nested too deeply; expected at most 20 levels" in found
    assert time.monotonic() - start < 5


def test_05_twenty_levels_are_read_and_no_more() -> None:
    assert strict.parse(b"a: " + b"[" * 19 + b"]" * 19, name="x").value["a"] != []
    with pytest.raises(StudyError, match="nested too deeply"):
        strict.parse(b"a: " + b"[" * 20 + b"]" * 20, name="x")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!!str A", "! A", "!local A"])
def test_06_tags(study_file: Write, tag: str) -> None:
    found = refusal(study_file(("disclosure:", f"citations:\n  - {tag}\ndisclosure:")))
    assert "study.yml:16: a tag (!)" in found


@pytest.mark.parametrize("word", ["NO", "no", "on", "Off", "YES", "y", "N", "True", "FALSE", "~", "NULL", "=", "<<"])
def test_07_yaml_words(study_file: Write, word: str) -> None:
    found = refusal(study_file(("treatment: A,", f"treatment: {word},")))
    assert "study.yml:7 (reports[0].parameters.treatment)" in found
    assert "quote it" in found
    quoted = load_study(study_file(("treatment: A,", f'treatment: "{word}",')))
    assert quoted.report("os").parameters["treatment"] == word


def test_07_yaml_words_as_keys(study_file: Write) -> None:
    found = refusal(study_file(("disclosure:", "labels: {NO: Norway}\ndisclosure:")))
    assert "study.yml:15 (labels): a word that some YAML readers take for true or false; found NO" in found


@pytest.mark.parametrize("value", ["010", "1:30", "1:30:00", "0x1F", "0o17", "0b11", "1e3", "+5", ".5", "5.", "-010"])
def test_08_numbers_that_readers_read_differently(study_file: Write, value: str) -> None:
    found = refusal(study_file(("tau: 60", f"tau: {value}")))
    assert (
        f"study.yml:7 (reports[0].parameters.tau): not a plain decimal number (such as 10 or 0.5); found {value}"
        in found
    )


@pytest.mark.parametrize("value", ["007", "1_000", "00.5"])
def test_09_leading_zeros_and_underscores(study_file: Write, value: str) -> None:
    assert f"found {value}; quote it if it is text" in refusal(study_file(("tau: 60", f"tau: {value}")))


@pytest.mark.parametrize("value", ["٦٠", "６０", "१२.५"])
def test_09_digits_of_other_scripts(study_file: Write, value: str) -> None:
    assert "digits other than 0 to 9" in refusal(study_file(("tau: 60", f"tau: {value}")))
    with pytest.raises(ParameterError, match="tau: not a number"):
        check_parameters({"tau": value}, allowed=None)


@pytest.mark.parametrize(
    "value", [".nan", ".NaN", ".inf", "-.inf", "+.INF", "NaN", "nan", "Infinity", "-Infinity", "inf"]
)
def test_10_not_finite(study_file: Write, value: str) -> None:
    assert "(reports[0].parameters.tau): not a finite number" in refusal(study_file(("tau: 60", f"tau: {value}")))
    found = refusal(study_file(("tau: 60", f'tau: "{value}"')), ParameterError)
    assert "(reports[0].parameters.tau): not a number; expected a number" in found


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["tau", "conf_level", "ph_alpha", "balance_limit"])
def test_10_not_finite_parameter(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=f"{name}: not a finite number"):
        check_parameters({name: value}, allowed=None)
    with pytest.raises(ParameterError, match="times: not a finite number"):
        check_parameters({"times": [12, value]}, allowed=None)


def test_11_huge_integer(study_file: Write) -> None:
    found = refusal(study_file(("tau: 60", f"tau: {'9' * 5000}")))
    assert "(reports[0].parameters.tau): a number too large to be exact" in found
    assert "9" * 31 not in found
    for value in (10**400, -(10**400), 1e300):
        with pytest.raises(ParameterError, match="tau: a number too large"):
            check_parameters({"tau": value}, allowed=None)


@pytest.mark.parametrize("name", ["tau\nimport os", "tau = 1; x", "tau ", "", "os.system('x')", "täu", "1tau"])
def test_12_name_with_newline_or_code(study_file: Write, name: str) -> None:
    with pytest.raises(ParameterError, match="not a parameter name"):
        check_parameters({name: 1}, allowed=None)
    key = name.replace("\n", "\\n")
    found = refusal(study_file(("tau: 60", f'"{key}": 60')), ParameterError)
    assert "study.yml:7 (reports[0].parameters): not a parameter name" in found
    assert "import os" not in found


@pytest.mark.parametrize("name", ["class", "None", "lambda", "__import__", "__name__"])
def test_13_keyword_or_dunder_name(study_file: Write, name: str) -> None:
    with pytest.raises(ParameterError, match="a name that Python keeps for itself"):
        check_parameters({name: 1}, allowed=[name])
    found = refusal(study_file(("tau: 60", f'"{name}": 60')), ParameterError)
    assert f"a name that Python keeps for itself; found {name}" in found


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "[a, b]", "{a: b}", "2024"])
def test_14_mixed_type_keys(study_file: Write, key: str) -> None:
    found = refusal(study_file(("disclosure:", f"labels:\n  A: arm\n  ? {key}\n  : x\ndisclosure:")))
    assert "study.yml:17 (labels): a key that is not text" in found
    assert "quote it" in found
    with pytest.raises(ParameterError, match="a parameter name that is not text"):
        check_parameters({"tau": 1, 2: 3}, allowed=None)  # type: ignore[dict-item]


AWKWARD = 'O\'Neil "q" \\ {x} %s \u2028 \u2029 <b> # : 中文'


def test_15_quotes_and_line_separators_are_kept(study_file: Write) -> None:
    raw = "'" + AWKWARD.replace("'", "''") + "'"
    study = load_study(study_file(('"A demo"', raw), ("reference: B", 'reference: "\\"B\\" \\\\ x"')))
    assert study.study.title == AWKWARD
    assert study.report("os").parameters["reference"] == '"B" \\ x'
    assert load_study(study_file(('"A demo"', '"a\\u2028b"'))).study.title == "a\u2028b"
    assert load_study(study_file(('"A demo"', "a\u2028b"))).study.title == "a\u2028b"


def test_15_a_line_separator_ends_no_comment() -> None:
    assert strict.parse("a: b # note\u2028c: d\n".encode(), name="x").value == {"a": "b"}


@pytest.mark.parametrize(
    "id", ["o's", 'o"s', "o\\\\s", "o\u2028s", "OS", "../os", "o s", "", "x" * 65, "os\\n", "生存"]
)
def test_15_ids_hold_plain_characters_only(study_file: Write, id: str) -> None:
    escaped = id.replace('"', '\\"')
    assert "(reports[0].id): not of the right form" in refusal(study_file(("id: os", f'id: "{escaped}"')))
    assert "(study.id): not of the right form" in refusal(study_file(("id: demo", f'id: "{escaped}"')))


@pytest.mark.parametrize("character", ["\x07", "\x85", "\x9b", "\ufdd0"])
def test_15_control_characters_are_refused(study_file: Write, character: str) -> None:
    found = refusal(study_file(("A demo", f"A {character} demo")))
    assert f"study.yml:2: a character that text may not hold; found U+{ord(character):04X}" in found


@pytest.mark.parametrize("escape", ["\\0", "\\a", "\\e", "\\x9b", "\\ufdd0"])
def test_15_escaped_control_characters_are_refused(study_file: Write, escape: str) -> None:
    assert "study.yml:2" in refusal(study_file(('"A demo"', f'"A {escape} demo"')))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a note\n", b"---\n", b"\xef\xbb\xbf"])
def test_16_empty_file(study_file: Write, data: bytes) -> None:
    found = refusal(study_file(data=data))
    assert "the file is empty" in found or "the file is not a mapping" in found


@pytest.mark.parametrize("data", [b"- version: 1\n", b"just words\n", b"[1, 2]", b"3"])
def test_16_top_level_is_not_a_mapping(study_file: Write, data: bytes) -> None:
    assert "study.yml:1: the file is not a mapping" in refusal(study_file(data=data))


def test_16_two_documents_and_directives(study_file: Write) -> None:
    assert "expected a single document" in refusal(study_file(data=b"a: 1\n---\na: 2\n"))
    assert "a YAML directive (%)" in refusal(study_file(data=b"%YAML 1.2\n---\na: 1\n"))
    found = refusal(study_file(data=b"version: 1\n\tstudy: x\n"))
    assert "study.yml:2: not valid YAML" in found


def test_17_utf8_with_byte_order_mark_is_read(study_file: Write) -> None:
    study = load_study(study_file(data=b"\xef\xbb\xbf" + STUDY.replace("A demo", "演示").encode()))
    assert study.study.title == "演示"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_17_utf16_is_refused(study_file: Write, encoding: str) -> None:
    assert "save it again as UTF-8" in refusal(study_file(data=STUDY.encode(encoding)))


@pytest.mark.parametrize(("title", "encoding"), [("Élan", "latin-1"), ("生存", "gb18030")])
def test_17_other_encodings_are_refused(study_file: Write, title: str, encoding: str) -> None:
    found = refusal(study_file(data=STUDY.replace("A demo", title).encode(encoding)))
    assert "study.yml:2: the file is not UTF-8" in found


@pytest.mark.parametrize(
    "limit", ["0", "-5", "1000000000", "20", '"20"', "0m", "-5m", "1000000000s", "25h", "1440m1s", "1d", "20 m"]
)
def test_18_timeouts(study_file: Write, limit: str) -> None:
    found = refusal(study_file(("    primary_measure", f"    timeout: {limit}\n    primary_measure")))
    assert "study.yml:8 (reports[0].timeout): not a time limit; expected 90s, 20m or 2h; 1 second to 24 hours" in found


@pytest.mark.parametrize(("limit", "seconds"), [("1s", 1), ("90s", 90), ("20m", 1200), ("2h", 7200), ("24h", 86400)])
def test_18_timeouts_in_seconds(study_file: Write, limit: str, seconds: int) -> None:
    study = load_study(study_file(("    primary_measure", f"    timeout: {limit}\n    primary_measure")))
    assert study.report("os").timeout == seconds
    assert load_study(study_file()).report("os").timeout == 1200


def _reports(count: int, id: Callable[[int], str]) -> str:
    head, rest = STUDY.split("  - id: os\n")
    body, tail = rest.split("disclosure:")
    return head + "".join(f"  - id: {id(i)}\n{body}" for i in range(count)) + "disclosure:" + tail


def test_19_duplicate_report_ids(study_file: Write) -> None:
    found = refusal(study_file(data=_reports(3, lambda i: "os" if i != 1 else "pfs").encode()))
    assert "study.yml:25 (reports[2].id): two reports have one id; found it first in reports[0]" in found


def test_19_ids_that_differ_only_in_case(study_file: Write) -> None:
    assert "study.yml:15 (reports[1].id)" in refusal(study_file(data=_reports(2, lambda i: ("os", "OS")[i]).encode()))


@pytest.mark.parametrize("reports", ["[]", "", "{}", "none"])
def test_20_empty_list(study_file: Write, reports: str) -> None:
    head, rest = STUDY.split("reports:\n")
    text = f"{head}reports: {reports}\ndisclosure:" + rest.split("disclosure:")[1]
    assert "study.yml:4 (reports): not a list of reports; expected 1 to 500 reports" in refusal(
        study_file(data=text.encode())
    )


def test_20_too_many_reports(study_file: Write) -> None:
    rows = "".join(f"  - {{id: r{i}}}\n" for i in range(10_000))
    text = STUDY.split("reports:\n")[0] + "reports:\n" + rows
    assert "expected 1 to 500 reports; found 10000 reports" in refusal(study_file(data=text.encode()))


def test_20_five_hundred_reports_are_read(study_file: Write) -> None:
    assert len(load_study(study_file(data=_reports(500, lambda i: f"r{i}").encode())).reports) == 500


def test_a_file_over_4_mb_is_not_parsed(study_file: Write) -> None:
    assert "the file is too large" in refusal(study_file(data=b"# " + b"x" * strict.MAX_BYTES))


def test_a_file_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    assert "the study file cannot be read; found No such file" in refusal(tmp_path / "none.yml")
    assert "the study file cannot be read; found Is a directory" in refusal(tmp_path)


def test_messages_never_repeat_a_text_that_may_be_a_secret(study_file: Write) -> None:
    secret = "postgresql://user:hunter2@db/clinic"
    for old, new in (("tau: 60", f'tau: "{secret}"'), ("unit: months", f'unit: "{secret}"')):
        assert "hunter2" not in refusal(study_file((old, new)), ParameterError)
    for old, new in (
        ("id: os", f'id: "{secret}"'),
        ("observational", f'"{secret}"'),
        ("path: adam", f'path: "{secret}"'),
    ):
        assert "hunter2" not in refusal(study_file((old, new)))


@pytest.mark.parametrize(
    "text",
    ["5-FU", "1,000", "12/24", "10%", "3.5.1", "2024-03-05", "三", "E5", "A-1:x", "II", "Nora", "no one", "-x", "1e"],
)
def test_ordinary_texts_need_no_quotes(text: str) -> None:
    assert strict.parse(f"a: {text}\n{text}: b\n".encode(), name="x").value == {"a": text, text: "b"}


@given(st.text(alphabet="a1:-[]{},'\"\\\n #&*!|>%@`~.eE_0xN\u2028\u0663", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_with_a_study_error(text: str) -> None:
    with contextlib.suppress(StudyError):
        assert all(isinstance(key, str) for key in strict.parse(text.encode(), name="x").value)


def test_both_yaml_parsers_read_and_refuse_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        STUDY,
        "a: NO",
        "a: 010",
        "a: &x 1",
        "a: !t 1",
        "[" * 30,
        "a: 1\na: 2",
        "a: |\n  NO\nb: 'on'\n",
        "",
        "%YAML 1.1\n---\na: 1",
    ]

    def outcomes() -> list[object]:
        found: list[object] = []
        for text in texts:
            try:
                found.append(strict.parse(text.encode(), name="x"))
            except StudyError as error:
                found.append(str(error))
        return found

    by_default = outcomes()
    monkeypatch.setattr(strict, "_LOADER", yaml.SafeLoader)
    assert outcomes() == by_default


def test_resolve_refuses_what_the_file_refuses(study_file: Write) -> None:
    study = load_study(study_file())
    with pytest.raises(ParameterError, match="times: not a value.*papermill's -p gives a text: use -y"):
        resolve(study, "os", {"times": "[1,2]"})
