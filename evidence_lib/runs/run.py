"""``run_study``: check everything, execute the reports, publish them whole or not at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import EXIT_OK, EXIT_SOME_FAILED, DataError, EvidenceError
from evidence_lib.language import words
from evidence_lib.runs import index, publish
from evidence_lib.runs.execute import execute
from evidence_lib.runs.jobs import Job, Outcome
from evidence_lib.runs.plan import Planned, chosen_reports, data_path, plan_report
from evidence_lib.runs.progress import Progress
from evidence_lib.runs.provenance import commit, environment, inputs
from evidence_lib.runs.warm import Server

if TYPE_CHECKING:
    from evidence_lib.study import Study

DEFAULT_OUT = "out"
DEFAULT_JOBS = 2
_REFRESH = 0.5


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What came of one study's run.

    ``published`` is the folder of a good run, ``failed`` that of what is left of a failed one; ``message`` says why
    no report was executed, or why good reports were not published.
    """

    study: str
    exit_code: int
    run_id: str | None = None
    message: str | None = None
    reports: tuple[Outcome, ...] = ()
    published: Path | None = None
    failed: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        record = asdict(self) | {"reports": [outcome.to_json() for outcome in self.reports]}
        return {name: str(value) if isinstance(value, Path) else value for name, value in record.items()}


def combined_exit_code(codes: Iterable[int]) -> int:
    """0 if all succeeded, the common code if all failed alike, 10 if some succeeded or causes differ."""
    found = set(codes)
    if found <= {EXIT_OK}:
        return EXIT_OK
    return found.pop() if len(found) == 1 else EXIT_SOME_FAILED


def run_studies(
    paths: Sequence[str | Path],
    *,
    only: Sequence[str] = (),
    jobs: int = DEFAULT_JOBS,
    out: str | Path = DEFAULT_OUT,
) -> list[RunOutcome]:
    """Run several studies one after another; a bad one does not keep the others from running."""
    outcomes = []
    with Server() as server:
        for path in paths:
            try:
                outcomes.append(run_study(path, only=only, jobs=jobs, out=out, server=server))
            except EvidenceError as error:
                outcomes.append(RunOutcome(study=str(path), exit_code=error.exit_code, message=str(error)))
    return outcomes


def run_study(
    path: str | Path,
    *,
    only: Sequence[str] = (),
    jobs: int = DEFAULT_JOBS,
    out: str | Path = DEFAULT_OUT,
    server: Server | None = None,
) -> RunOutcome:
    """Run the reports of a study file, ``jobs`` at a time, and publish them under ``out``.

    ``only`` names some of its reports: such a run is published too, but does not become ``latest``. When any report
    fails nothing is published: what is left goes to ``<out>/<study>/.failed/`` and the study's index says so.
    ``server`` executes the reports; without one the run has its own.

    Raises
    ------
    EvidenceError
        StudyError or DisclosureError for a study that may not run, Locked while another run holds it, PublishError
        where outputs cannot be written. What is wrong with data, notebooks or parameters comes as an outcome.
    """
    from evidence_lib.study import find_study_file, load_study, require_supported

    root = publish.output_folder(out)
    study = load_study(find_study_file(str(path)))
    require_supported(study)
    reports = chosen_reports(study, only)
    publish.refuse_input_as_output(root, study.data_path)
    folder = root / study.study.id
    with publish.locked(folder), contextlib.ExitStack() as own:
        server = server or own.enter_context(Server())
        server.start()  # it loads its libraries while the run is planned
        run_id, started = publish.new_run_id(), _now()
        try:
            source = data_path(study)
            plans = [plan_report(study, report) for report in reports]
            head = _head(study, run_id, started, source, partial=len(reports) < len(study.reports))
        except EvidenceError as error:
            return _failed(root, study, run_id, None, error=error)
        except OSError as error:
            unreadable = DataError("the data cannot be read", where=study.path.name, found=error.strerror)
            return _failed(root, study, run_id, None, error=unreadable)
        staging = publish.stage(folder, run_id)
        try:
            jobs_to_do = [_job(study, plan, staging, head) for plan in plans]
            outcomes = _execute_all(jobs_to_do, jobs, server)
            if any(outcome.exit_code for outcome in outcomes):
                return _failed(root, study, run_id, staging, outcomes=outcomes)
            try:
                _refuse_changed_inputs(head, source)
                published = _publish(study, folder, staging, head, plans, outcomes)
            except EvidenceError as error:
                return _failed(root, study, run_id, staging, outcomes=outcomes, error=error)
        finally:
            publish.clean_up(staging)
        index.write_study_index(folder)
        index.write_out_index(root)
        return RunOutcome(study=study.study.id, exit_code=EXIT_OK, run_id=run_id, reports=outcomes, published=published)


def _execute_all(jobs: Sequence[Job], at_once: int, server: Server) -> tuple[Outcome, ...]:
    progress, stop = Progress(len(jobs)), threading.Event()
    pool = ThreadPoolExecutor(at_once)
    futures = [pool.submit(execute, job, stop=stop, server=server) for job in jobs]
    try:
        pending = set(futures)
        while pending:
            progress.tick()
            done, pending = wait(pending, timeout=_REFRESH, return_when=FIRST_COMPLETED)
            for future in done:
                progress.finished(future.result())
    except BaseException:  # a signal: end every process first, then let it through
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        progress.clear()
    return tuple(future.result() for future in futures)


def _job(study: Study, plan: Planned, staging: Path, head: dict[str, Any]) -> Job:
    return Job(
        report=plan.report.id,
        notebook=plan.notebook,
        parameters=plan.parameters,
        languages=tuple(study.study.languages),
        folder=study.folder.resolve(),
        out=staging,
        timeout=plan.report.timeout,
        run=head,
    )


def _head(study: Study, run_id: str, started: str, source: Path, *, partial: bool) -> dict[str, Any]:
    """The part of ``run.json`` that is known before the reports run; pages are given it too."""
    say = words(study.study.languages[0])
    return {
        "schema": "evidence-run/1",
        "id": run_id,
        "study": {
            "id": study.study.id,
            "title": say.say(study.study.title),
            "file": study.path.name,
            "sha256": study.sha256,
        },
        "languages": list(study.study.languages),
        "partial": partial,
        "started": started,
        "inputs": inputs(source),
        "commit": commit(study.folder),
        **environment(),
    }


def _refuse_changed_inputs(head: dict[str, Any], source: Path) -> None:
    before, after = ({item["name"]: item["sha256"] for item in items} for items in (head["inputs"], inputs(source)))
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise DataError(
            "the data changed while the reports ran",
            where=", ".join(changed[:5]),
            mend="wait until the files are complete, then run again",
        )


def _publish(
    study: Study,
    folder: Path,
    staging: Path,
    head: dict[str, Any],
    plans: Sequence[Planned],
    outcomes: Sequence[Outcome],
) -> Path:
    say = words(study.study.languages[0])
    record = head | {"finished": _now(), "status": "ok", "reports": []}
    for plan, outcome in zip(plans, outcomes, strict=True):
        record["reports"].append(
            {
                "id": plan.report.id,
                "title": say.say(plan.report.title) if plan.report.title else plan.report.id,
                "notebook": plan.report.notebook,
                "notebook_sha256": plan.notebook_sha256,
                "parameters": plan.parameters,
                "status": outcome.status,
                "seconds": outcome.seconds,
                "outputs": [asdict(output) for output in outcome.outputs],
            }
        )
    with publish.writing(staging):
        _write_record(staging, record)
        (staging / "index.html").write_text(index.run_page(record), encoding="utf-8", newline="\n")
    published = publish.publish(folder, staging, head["id"], as_latest=not head["partial"])
    publish.clear_failure(folder)
    return published


def _failed(
    root: Path,
    study: Study,
    run_id: str,
    staging: Path | None,
    *,
    outcomes: tuple[Outcome, ...] = (),
    error: EvidenceError | None = None,
) -> RunOutcome:
    """Keep what is left, put the banner on the study's index, and say what failed."""
    folder = root / study.study.id
    code = error.exit_code if error else combined_exit_code(outcome.exit_code for outcome in outcomes)
    message = str(error) if error else None
    outcome = RunOutcome(study=study.study.id, exit_code=code, run_id=run_id, message=message, reports=outcomes)
    try:
        kept = publish.set_aside(folder, staging, run_id)
        with publish.writing(kept):
            _write_record(kept, {"id": run_id, "status": "failed", **outcome.to_json()})
        index.write_study_index(folder)
        index.write_out_index(root)
    except EvidenceError:
        if error is not None and error.exit_code == 8:
            return outcome  # the disk that made the run fail cannot take its remains either
        raise
    return RunOutcome(**{**vars(outcome), "failed": kept})


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    (folder / index.RUN_FILE).write_text(text, encoding="utf-8", newline="\n")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
