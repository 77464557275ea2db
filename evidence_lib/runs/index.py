"""Index pages of a run, of a study and of the output folder: made from ``run.json`` files alone, no script in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.language import Words, words
from evidence_lib.runs.jobs import page_name
from evidence_lib.runs.publish import RUN_ID, last_failure, latest, output_folder, write_atomic, writing

if TYPE_CHECKING:
    from jinja2 import Template

RUN_FILE = "run.json"


def run_page(record: Mapping[str, Any]) -> str:
    """The index of one run: its reports in each language, with results and executed notebooks."""
    say = words(record["languages"][0])
    card = {**_card(say, record, ""), "title": _when(say, record), "link": RUN_FILE, "note": say("index.record")}
    return _page(say, title=record["study"]["title"], lead=None, up="../index.html", cards=[card])


def write_study_index(folder: Path) -> None:
    """Write ``<out>/<study>/index.html``: the latest good run, and a banner where the last attempt failed."""
    record = read_record(latest(folder))
    partial = _newer_partial(folder, record)
    shown = record or partial
    say = words(shown["languages"][0] if shown else "en")
    cards = []
    if record or not partial:
        cards.append(_latest_card(say, folder, record, f"{record['id']}/" if record else ""))
    if partial:
        note = _when(say, partial)
        cards.append(
            {**_card(say, partial, f"{partial['id']}/"), "title": say("index.partial"), "note": note, "banner": None}
        )
    title = shown["study"]["title"] if shown else folder.name
    with writing(folder):
        write_atomic(folder / "index.html", _page(say, title=title, lead=None, up="../index.html", cards=cards))


def write_out_index(out: Path) -> Path:
    """Write ``<out>/index.html``, which leads to every study of the folder. Returns its path."""
    say = words("en")
    cards = []
    for page in sorted(out.glob("*/index.html")):
        folder = page.parent
        record = read_record(latest(folder))
        card = _latest_card(say, folder, record, f"{folder.name}/{record['id']}/" if record else "")
        title = record["study"]["title"] if record else folder.name
        cards.append({**card, "title": title, "link": f"{folder.name}/index.html"})
    with writing(out):
        write_atomic(
            out / "index.html", _page(say, title=say("index.title"), lead=say("index.lead"), up=None, cards=cards)
        )
    return out / "index.html"


def out_index(out: str | Path) -> Path | None:
    """The index page of an output folder, if there is one."""
    path = output_folder(out) / "index.html"
    return path if path.is_file() else None


def read_record(run: Path | None) -> dict[str, Any] | None:
    """The ``run.json`` of a run folder; None where it is missing or damaged."""
    try:
        record = json.loads((run / RUN_FILE).read_text(encoding="utf-8")) if run else None
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("schema") == "evidence-run/1" else None


def _newer_partial(folder: Path, record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The newest run of only some reports, if it is newer than the latest full one."""
    runs = sorted((path for path in folder.iterdir() if path.is_dir() and RUN_ID.fullmatch(path.name)), reverse=True)
    newest = read_record(runs[0]) if runs else None
    return newest if newest and newest["partial"] and (record is None or newest["id"] > record["id"]) else None


def _latest_card(say: Words, folder: Path, record: Mapping[str, Any] | None, prefix: str) -> dict[str, Any]:
    failed = last_failure(folder)
    banner = None
    if failed:
        banner = say("index.failed" if record else "index.failed_none", id=failed)
    if record is None:
        return {"title": say("index.no_run"), "link": None, "note": None, "banner": banner, "reports": []}
    return {**_card(say, record, prefix), "title": say("index.latest"), "note": _when(say, record), "banner": banner}


def _card(say: Words, record: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    reports = []
    for report in record["reports"]:
        files = [
            {
                "text": say(f"index.language.{language}"),
                "language": language,
                "link": f"{prefix}{page_name(report['id'], language, record['languages'])}",
            }
            for language in record["languages"]
        ]
        files.append({"text": say("index.results"), "language": None, "link": f"{prefix}{report['id']}.results.json"})
        files.append({"text": say("index.notebook"), "language": None, "link": f"{prefix}{report['id']}.ipynb"})
        reports.append({"title": report["title"], "link": files[0]["link"], "files": files})
    return {"link": f"{prefix}index.html", "reports": reports, "banner": None}


def _when(say: Words, record: Mapping[str, Any]) -> str:
    values = {"id": record["id"], "finished": record["finished"][:16].replace("T", " ")}
    commit = record.get("commit")
    if not commit:
        return say("index.run", **values)
    key = "index.run_commit_changed" if commit["changed"] else "index.run_commit"
    return say(key, commit=commit["id"][:10], **values)


def _page(say: Words, *, title: str, lead: str | None, up: str | None, cards: list[dict[str, Any]]) -> str:
    return _template().render(language=say.language, say=say, title=title, lead=lead, up=up, cards=cards)


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    # Every page is HTML whatever the template's file is called.
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("index.html.j2")
