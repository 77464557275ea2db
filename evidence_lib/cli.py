"""The command line: ``evidence new``, ``check`` and ``run``. Commands only; what they do is in the rooms."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from evidence_lib import __version__
from evidence_lib.errors import EXIT_OK, EvidenceError

EXIT_BUG = 1
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
DEBUG = "EVIDENCE_DEBUG"
_EXIT_CODES = (
    "Exit codes: 0 ok, 1 a bug, 2 study or parameters, 3 data, 4 notebook, 5 timeout, 6 kernel died, 7 locked, "
    "8 cannot write, 9 disclosure, 10 some reports failed or causes differ, 130 and 143 stopped by a signal."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A user's mistake gives one clear line, never a traceback."""
    given = _parser().parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    try:
        return int(given.command(given))
    except EvidenceError as error:
        print(f"evidence: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("evidence: stopped; nothing was published", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has left
        return EXIT_TERMINATED
    except Exception as error:
        if os.environ.get(DEBUG) == "1":
            raise
        print(f"evidence: a bug: {type(error).__name__} at {_own_line(error)}", file=sys.stderr)
        print(f"evidence: please report it; {DEBUG}=1 shows the traceback (it may show data)", file=sys.stderr)
        return EXIT_BUG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evidence", description="Clinical evidence reports.", epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"evidence {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _command(commands, "run", "run a study's reports and publish them", "evidence run data/gbsg2/study.yml")
    run.add_argument("studies", nargs="+", metavar="STUDY", help="a study file (study.yml)")
    run.add_argument("--only", action="append", default=[], metavar="ID", help="only this report; may be given again")
    run.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="reports at the same time (default: 2)")
    run.add_argument("--out", default="out", metavar="DIR", help="where the pages go (default: out)")
    run.add_argument("--json", action="store_true", help="print the outcome as JSON")
    run.set_defaults(command=_run)

    check = _command(commands, "check", "check a study and its data, run nothing", "evidence check my-study/study.yml")
    check.add_argument("study", metavar="STUDY", help="a study file (study.yml)")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(command=_check)

    new = _command(commands, "new", "make a study file from data", "evidence new my-study --from patients.xlsx")
    new.add_argument("directory", metavar="DIR", type=Path, help="the study's folder; made when it is missing")
    new.add_argument(
        "--from",
        dest="source",
        required=True,
        type=Path,
        metavar="DATA",
        help="a table with a row per patient, or an ADaM folder",
    )
    new.set_defaults(command=_new)
    return parser


def _command(commands: argparse._SubParsersAction, name: str, what: str, example: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=what, epilog=f"Example: {example}"
    )
    return parser


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 64, found {text!r}")
    return int(text)


def _run(given: argparse.Namespace) -> int:
    from evidence_lib.runs.index import out_index
    from evidence_lib.runs.run import combined_exit_code, run_studies

    outcomes = run_studies(given.studies, only=given.only, jobs=given.jobs, out=given.out)
    code = combined_exit_code(outcome.exit_code for outcome in outcomes)
    for outcome in outcomes:
        if outcome.message:
            print(f"evidence: {outcome.message}", file=sys.stderr)
        if outcome.failed:
            print(f"evidence: {outcome.study}: nothing was published; see {outcome.failed}", file=sys.stderr)
    if given.json:
        print(json.dumps({"exit_code": code, "studies": [outcome.to_json() for outcome in outcomes]}, indent=1))
        return code
    for outcome in outcomes:
        if outcome.published:
            print(f"published {outcome.study}: {outcome.published}")
    index = out_index(given.out)
    if index is not None:
        print(index)
    return code


def _check(given: argparse.Namespace) -> int:
    from evidence_lib.runs.check import check_study

    found = check_study(given.study)
    if given.json:
        print(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
        return found.exit_code
    for severity, heading in (("error", "Errors (a run stops)"), ("warning", "Warnings (a run goes on)")):
        lines = [line for line in found.lines if line.severity == severity]
        print(f"{heading}: {len(lines)}")
        for line in lines:
            rule = f"[{line.rule}]" if line.rule else ""
            parts = (line.report or found.study, line.where, line.text, rule)
            print("  " + " | ".join(part for part in parts if part))
    return found.exit_code


def _new(given: argparse.Namespace) -> int:
    from evidence_lib.data.proposal import propose, write_proposal

    proposal = propose(given.source, directory=given.directory)
    target = write_proposal(given.directory, proposal)
    print(f"wrote {target}")
    print("Guessed, please check each (they are marked GUESS in the study file):")
    for guess in proposal.guesses:
        print(f"  - {guess}")
    print(f"next: evidence run {target}")
    return EXIT_OK


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not disturb the sweeping
    raise SystemExit(EXIT_TERMINATED)


def _own_line(error: Exception) -> str:
    """The innermost line of ours in the traceback: file and number, no text of the error."""
    own = Path(__file__).resolve().parent
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(own)]
    frame = (ours or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


if __name__ == "__main__":
    sys.exit(main())
