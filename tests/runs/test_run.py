"""A study's run: exit codes, what is published, the record of the run, and the index pages."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from evidence_lib.errors import DisclosureError, InvalidInput, Locked, PublishError, StudyError
from evidence_lib.runs import publish, run
from evidence_lib.runs.jobs import Outcome
from evidence_lib.runs.run import combined_exit_code, run_studies
from tests.runs.material import COMPLETE, PLAIN_SERVER, PLAIN_WORKER, Place, notebook, study_text, text_of

RAISES = "from evidence_lib.errors import DataError\nraise DataError('bad rows')"


@pytest.mark.parametrize(
    ("codes", "combined"),
    [([0, 0], 0), ([], 0), ([3, 3], 3), ([0, 3], 10), ([3, 4], 10), ([6], 6), ([0, 3, 4], 10)],
)
def test_combined_exit_code(codes: list[int], combined: int) -> None:
    assert combined_exit_code(codes) == combined


def test_good_run_is_published_whole(good_run: Place) -> None:
    latest = publish.latest(good_run.out / "small")
    assert latest is not None
    assert sorted(path.name for path in latest.iterdir()) == [
        "first.html",
        "first.ipynb",
        "first.results.json",
        "index.html",
        "run.json",
    ]
    assert {path.name for path in (good_run.out / "small").iterdir()} == {".lock", "index.html", "latest", latest.name}


def test_record_of_a_run(good_run: Place) -> None:
    latest = publish.latest(good_run.out / "small")
    assert latest is not None
    text = (latest / "run.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["id"] == latest.name
    assert record["study"]["sha256"] == sha256(good_run.study)
    assert record["inputs"] == [
        {"name": "adsl.csv", "sha256": sha256(good_run.folder / "adam" / "adsl.csv"), "bytes": 10}
    ]
    (report,) = record["reports"]
    assert report["notebook_sha256"] == sha256(good_run.folder / "notebooks" / "first.ipynb")
    assert report["parameters"] == {"study": "study.yml", "report": "first", "language": "en"}
    assert {output["name"]: output["sha256"] for output in report["outputs"]} == {
        name: sha256(latest / name) for name in ("first.html", "first.ipynb", "first.results.json")
    }
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"evidence_lib", "pandas", "lifelines", "papermill"} <= set(record["versions"])
    assert str(good_run.base) not in text
    assert os.environ["PATH"] not in text


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_of_two_reports_fails(place: Place) -> None:
    before = place.published()
    notebooks = {"first": notebook(COMPLETE), "second": notebook(RAISES)}
    outcome = place.write(study_text("first", "second"), **notebooks).run()
    assert outcome.exit_code == 10
    assert [(report.report, report.exit_code) for report in outcome.reports] == [("first", 0), ("second", 3)]
    assert place.published() == before
    assert outcome.failed is not None
    assert (outcome.failed / "first.html").is_file()
    assert json.loads((outcome.failed / "run.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_all_reports_fail_alike_and_a_good_run_takes_the_banner_away(place: Place) -> None:
    place.write(study_text("first", "second"), first=notebook(RAISES), second=notebook(RAISES))
    assert place.run().exit_code == 3
    index = place.out / "small" / "index.html"
    assert "failed. Nothing of it is shown." in index.read_text(encoding="utf-8")
    assert "failed. Nothing of it is shown." in (place.out / "index.html").read_text(encoding="utf-8")
    good = place.write(study_text("first"), first=notebook(COMPLETE)).run()
    assert good.exit_code == 0
    assert good.published == publish.latest(place.out / "small")
    assert "failed" not in index.read_text(encoding="utf-8")
    assert "failed" not in (place.out / "index.html").read_text(encoding="utf-8")


def test_only_some_reports(place: Place) -> None:
    old = publish.latest(place.out / "small")
    place.write(study_text("first", "second"), first=notebook(RAISES), second=notebook(COMPLETE))
    outcome = place.run(only=["second"])
    assert outcome.exit_code == 0
    assert [report.report for report in outcome.reports] == ["second"]
    assert publish.latest(place.out / "small") == old
    page = (place.out / "small" / "index.html").read_text(encoding="utf-8")
    assert "Newer run of some of the reports" in page
    assert f"{outcome.run_id}/second.html" in page
    assert old is not None
    assert f"{old.name}/first.html" in page
    with pytest.raises(StudyError, match="no such report.*did you mean second"):
        place.run(only=["secnd"])


def test_index_pages_lead_to_every_page_and_escape_what_studies_say(good_run: Place) -> None:
    links = {}
    for page in [good_run.out / "index.html", *good_run.out.glob("small/**/index.html")]:
        text = page.read_text(encoding="utf-8")
        assert "A &lt;small&gt; study" in text
        assert "<small>" not in text
        assert "<script" not in text
        assert "default-src 'none'" in text
        links[page] = re.findall(r'href="([^"]+)"', text)
        for link in links[page]:
            assert (page.parent / link).is_file(), link
    assert "small/index.html" in links[good_run.out / "index.html"]


def test_missing_data_name_the_command_that_makes_them(place: Place) -> None:
    (place.folder / "adam" / "adsl.csv").unlink()
    outcome = place.run()
    assert outcome.exit_code == 3
    assert "put the data there" in text_of(outcome)
    (place.folder / "make_data.py").write_text("")
    assert "type: make data" in text_of(place.run())


def test_86_input_that_changes_while_the_reports_run(place: Place) -> None:
    before = place.published()
    grows = "with open('adam/adsl.csv', 'a') as stream:\n    stream.write('2')"
    outcome = place.write(study_text("first"), first=notebook(grows, COMPLETE)).run()
    assert outcome.exit_code == 3
    assert "the data changed while the reports ran" in text_of(outcome)
    assert "adsl.csv" in text_of(outcome)
    assert place.published() == before


def test_disclosure_control_that_does_not_exist_yet_publishes_nothing(place: Place) -> None:
    place.write(place.study.read_text().replace("preset: none", "preset: opensafely"))
    before = place.published()
    with pytest.raises(DisclosureError, match="not available in this version"):
        place.run()
    assert place.published() == before


def test_locked_study(place: Place) -> None:
    with publish.locked(place.out / "small"), pytest.raises(Locked, match="another run of this study"):
        place.run()


def test_disk_full_while_publishing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.published()

    def full(*_: object, **__: object) -> None:
        raise PublishError("the outputs cannot be written", found="No space left on device")

    monkeypatch.setattr(publish, "publish", full)
    outcome = place.run()
    assert outcome.exit_code == 8
    assert outcome.published is None
    assert place.published() == before


def test_output_inside_the_data_is_refused(place: Place) -> None:
    with pytest.raises(InvalidInput, match="inside the data"):
        run.run_study(place.study, out=place.folder / "adam" / "out")
    assert not (place.folder / "adam" / "out").exists()


def test_a_bad_study_does_not_keep_the_others_from_running(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("")
    outcomes = run_studies([tmp_path / "empty.yml", place.study], out=place.out)
    assert [outcome.exit_code for outcome in outcomes] == [2, 0]
    assert outcomes[0].message is not None


def test_reports_run_side_by_side(place: Place) -> None:
    """Each report waits for the other's mark: one after another they would never end."""
    meet = """
import os, time
from pathlib import Path
here = Path(os.environ["EVIDENCE_OUT"])
(here / f"{report}.mark").touch()
while len(list(here.glob("*.mark"))) < 2:
    time.sleep(0.05)
"""
    both = {"first": notebook(meet, COMPLETE), "second": notebook(meet, COMPLETE)}
    assert place.write(study_text("first", "second", timeout="40s"), **both).run(jobs=2).exit_code == 0


def test_outcome_as_json() -> None:
    outcome = run.RunOutcome(study="s", exit_code=4, reports=(Outcome(report="a", exit_code=4, cause="NotebookError"),))
    record = json.loads(json.dumps(outcome.to_json()))
    assert record["reports"][0]["status"] == "failed"
    assert record["published"] is None


@pytest.fixture
def running(place: Place) -> Iterator[subprocess.Popen[str]]:
    """``evidence run`` as a process of its own, in the middle of an endless report."""
    loops = "import os, pathlib\npathlib.Path(os.environ['EVIDENCE_OUT'], 'started').touch()\nwhile True: pass"
    place.write(study_text("first"), first=notebook(loops))
    code = f"""
import sys
from evidence_lib.runs import execute, warm
execute.WORKER = {PLAIN_WORKER!r}
warm.SERVER = {PLAIN_SERVER!r}
from evidence_lib.cli import main
sys.exit(main(["run", {str(place.study)!r}, "--out", {str(place.out)!r}]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while not list(place.out.glob("small/.staging-*/started")):
        assert process.poll() is None
    yield process
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)])
def test_47_signals_end_every_process_and_publish_nothing(
    running: subprocess.Popen[str], place: Place, number: signal.Signals, code: int
) -> None:
    before = place.published()
    started = psutil.Process(running.pid).children(recursive=True)
    assert len(started) >= 2
    running.send_signal(number)
    assert running.wait(timeout=30) == code
    assert [process for process in started if process.is_running()] == []
    assert place.published() == before
    assert not list(place.out.glob("small/.staging*"))
    assert running.stderr is not None
    assert "Traceback" not in running.stderr.read()
