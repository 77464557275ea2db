"""The process of one report: papermill executes its notebook, then the pages are made.

``python -m evidence_lib.runs.worker`` reads one job as a line of JSON and answers with one line. When its standard
input ends before that, whoever asked is gone: it sweeps what it started and ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evidence_lib.errors import EvidenceError, InvalidInput, KernelDied, NotebookError, PublishError, error_named
from evidence_lib.results import ResultSet
from evidence_lib.runs.environment import SOCKET_FOLDER
from evidence_lib.runs.jobs import Job, page_name
from evidence_lib.runs.kernel import ERROR_FILE, EXTENSION
from evidence_lib.runs.notebooks import KERNEL
from evidence_lib.runs.processes import MARK, become_subreaper, sweep

PageBuilder = Callable[[Any, ResultSet, Mapping[str, Any], str, Mapping[str, str]], str]
INJECTED = "injected-parameters"


def main(build_page: PageBuilder | None = None) -> int:
    """Answer one job. ``build_page`` makes the pages; without it ``report.page.build_page`` does."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the log, never between us and the asker
    become_subreaper()
    job = Job.from_json(sys.stdin.readline())
    os.chdir(job.folder)
    answer.write(json.dumps(report(job, build_page, asker=0)) + "\n")
    answer.close()
    return 0


def report(job: Job, build_page: PageBuilder | None, *, asker: int) -> dict[str, Any]:
    """Execute a report in this process, with its pages, and leave no other process of it.

    ``asker`` is the file descriptor of a pipe whose end tells that whoever asked is gone.
    """
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()
    record = _answer(job, build_page)
    sweep(os.environ[MARK], root=os.getpid())
    return record


def _end_with(asker: int) -> None:
    while os.read(asker, 4096):
        pass
    sweep(os.environ[MARK], root=os.getpid())
    shutil.rmtree(Path(os.environ[ERROR_FILE]).parent, ignore_errors=True)  # which the asker would have removed
    os._exit(1)


def _answer(job: Job, build_page: PageBuilder | None) -> dict[str, Any]:
    try:
        notebook = _executed(job)
        results = _completed(job)
        _write_pages(job, notebook, results, build_page or _page_builder())
    except _RaisedInKernel as raised:
        return {"exit_code": raised.exit_code, "cause": raised.cause, "message": str(raised)}
    except InvalidInput as error:  # outside the kernel only our own code calls the library
        traceback.print_exc()
        return {"exit_code": 1, "cause": "InvalidInput", "message": f"{job.report}: a bug in making the page: {error}"}
    except EvidenceError as error:
        return {"exit_code": error.exit_code, "cause": type(error).__name__, "message": str(error)}
    except OSError as error:
        failure = PublishError("the report's files cannot be written", where=job.report, found=error.strerror)
        return {"exit_code": failure.exit_code, "cause": "PublishError", "message": str(failure)}
    except Exception as error:
        traceback.print_exc()  # into the log, which only a failed report keeps
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{job.report}: a bug: {type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
        return {"exit_code": 1, "cause": type(error).__name__, "message": text}
    return {"exit_code": 0}


class _RaisedInKernel(Exception):
    """An error of the EvidenceError family that the notebook raised: its own class, code and text."""

    def __init__(self, cause: str, text: str) -> None:
        kind = error_named(cause) or NotebookError
        self.cause, self.exit_code = kind.__name__, kind.exit_code
        super().__init__(text)


def _executed(job: Job) -> Any:
    """The executed notebook, saved under the report's name with fixed cell ids and without paths of this machine."""
    leave_out_the_grammar_of_addresses()
    import nbformat
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel

    target = job.out / f"{job.report}.ipynb"
    try:
        notebook = papermill.execute_notebook(
            _without_braces(job.notebook),
            _without_braces(target),
            parameters=dict(job.parameters),
            kernel_name=KERNEL,
            progress_bar=False,
            start_timeout=int(job.timeout) + 1,  # the limit of the whole report ends a start that hangs
            extra_arguments=[
                f"--IPKernelApp.extra_extensions={EXTENSION}",
                "--InteractiveShellApp.ignore_cwd=True",  # a file random.py beside the study must not be imported
            ],
            config=_transport(),
        )
    except papermill.exceptions.PapermillExecutionError as error:
        _raise_error_of_ours(error.ename)
        raise _cell_failed(job, nbformat.read(target, as_version=4), error.ename) from error
    except NoSuchKernel as error:
        raise NotebookError(
            "this environment has no kernel", expected=KERNEL, mend="install ipykernel into it"
        ) from error
    except nbformat.ValidationError as error:
        raise NotebookError(
            "the notebook is not valid", where=job.notebook.name, mend="save it again in JupyterLab"
        ) from error
    except RuntimeError as error:  # nbclient's DeadKernelError, or a kernel that never answered
        if not str(error).startswith("Kernel"):
            raise
        raise KernelDied(
            "the kernel ended before the notebook did",
            where=job.report,
            mend=f"often the machine is out of memory; {job.report}.ipynb shows how far it came",
        ) from error
    for cell in notebook.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            raise _cell_failed(job, notebook, "SystemExit")
    _normalise(notebook, job)
    nbformat.write(notebook, target)
    return notebook


def leave_out_the_grammar_of_addresses() -> None:
    """Before nbformat is loaded: jsonschema would read a grammar for a second to check addresses in notebooks."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _without_braces(path: Path) -> str:
    """Double the braces: papermill fills in braces of a path."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _transport() -> Any:
    """Unix sockets in this report's own folder; where there are none, TCP on the loopback interface."""
    from traitlets.config import Config

    folder = os.environ.get(SOCKET_FOLDER)
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/k"}} if folder else {})


def _raise_error_of_ours(name: str) -> None:
    path = Path(os.environ[ERROR_FILE])
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if record.get("raised") == name:
        raise _RaisedInKernel(record["cause"], record["message"])


def _cell_failed(job: Job, notebook: Any, name: str) -> NotebookError:
    """Names the exception, the cell and the heading above it; never the exception's text, which may hold data."""
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    number, heading = 0, ""
    for cell in cells:
        number += INJECTED not in cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            lines = [line for line in cell.source.splitlines() if line.startswith("#")]
            heading = lines[-1].lstrip("# ") if lines else heading
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            break
    what = "the notebook stopped itself with sys.exit" if name == "SystemExit" else f"the notebook raised {name}"
    return NotebookError(
        what,
        where=f"{job.report}, cell {number}" + (f" under '{heading}'" if heading else ""),
        mend=f"the executed notebook, {job.report}.ipynb, is kept and shows the error",
    )


def _normalise(notebook: Any, job: Job) -> None:
    source = json.loads(job.notebook.read_bytes())
    own_ids = all("id" in cell for cell in source["cells"])
    for number, cell in enumerate(notebook.cells):
        if INJECTED in cell.metadata.get("tags", []):
            cell["id"] = INJECTED
        elif not own_ids:
            cell["id"] = f"cell-{number}"
    notebook.metadata["papermill"].update(input_path=job.notebook.name, output_path=f"{job.report}.ipynb")


def _completed(job: Job) -> ResultSet:
    """The results, if the completion record is there and is right about them."""
    record_path, results_path = (job.out / f"{job.report}.{part}.json" for part in ("complete", "results"))
    try:
        record = json.loads(record_path.read_bytes())
        content = results_path.read_bytes()
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise NotebookError(
            "the notebook ran to its end but did not complete",
            where=job.report,
            expected=f"the file {name}, which its last cell writes with rep.complete()",
            mend="a cell that catches every exception may hide what went wrong",
        ) from error
    except json.JSONDecodeError as error:
        raise NotebookError("the completion record is damaged", where=job.report) from error
    if record.get("report") != job.report or record.get("results_sha256") != hashlib.sha256(content).hexdigest():
        raise NotebookError(
            "the results are not those that the completion record names",
            where=job.report,
            mend="nothing may write results after rep.complete()",
        )
    try:
        results = ResultSet.from_json(content.decode("utf-8"))
    except (EvidenceError, ValueError, KeyError, TypeError) as error:
        raise NotebookError("the results file cannot be read", where=job.report, found=type(error).__name__) from error
    if len(results.rows) != record.get("rows"):
        raise NotebookError(
            "the results have another number of rows than the completion record",
            where=job.report,
            expected=str(record.get("rows")),
            found=str(len(results.rows)),
        )
    record_path.unlink()
    return results


def _page_builder() -> PageBuilder:
    from evidence_lib.report.page import build_page

    return build_page


def _write_pages(job: Job, notebook: Any, results: ResultSet, build_page: PageBuilder) -> None:
    """Make every display once in each language: for the page, and in the first one for the stored notebook as well."""
    from evidence_lib.report.page import render_displays

    for language in job.languages:
        displays = render_displays(notebook, results, language)
        if displays and language == job.languages[0]:
            _store_displays(job, notebook, displays)
        page = build_page(notebook, results, job.run, language, displays)
        (job.out / page_name(job.report, language, job.languages)).write_text(page, encoding="utf-8", newline="\n")


def _store_displays(job: Job, notebook: Any, displays: Mapping[str, str]) -> None:
    import nbformat

    from evidence_lib.report.page import SHOW_MIME
    from evidence_lib.report.recorded import display_key

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if SHOW_MIME in output.get("data", {}):
                output.data["text/html"] = displays[display_key(output.data[SHOW_MIME])]
    nbformat.write(notebook, job.out / f"{job.report}.ipynb")


if __name__ == "__main__":
    sys.exit(main())
