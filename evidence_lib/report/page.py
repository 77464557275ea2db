"""The page: one self-contained HTML file made from an executed notebook, its results and the facts of its run.

Nothing is executed or computed here. Every display that the notebook recorded is made again in the page's language.
What belongs to the run and not to the content (status, run id, times, what changed, the code itself) stands between
the markers ``<!-- run -->`` and ``<!-- /run -->``; the content code leaves it out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

from evidence_lib.errors import InvalidInput, NotebookError
from evidence_lib.language import words
from evidence_lib.report.about import abbreviations, facts
from evidence_lib.report.context import Context, View, view
from evidence_lib.report.display import Figure
from evidence_lib.report.first_screen import FirstScreen
from evidence_lib.report.html import image, render, sanitise
from evidence_lib.report.recorded import display_key, display_of, room_of
from evidence_lib.results import ResultSet

PAGE_FOLLOWS = "EVIDENCE_PAGE_FOLLOWS"
"""Environment variable of a run: its pages make every display, so that the notebook only records them meanwhile."""
SHOW_MIME = "application/vnd.evidence-lib.show+json"
CONTEXT_MIME = "application/vnd.evidence-lib.context+json"
HIDDEN_TAGS = frozenset({"parameters", "injected-parameters", "key-messages", "status", "notebook-only"})
RUN_BLOCK = re.compile(r"<!-- run -->.*?<!-- /run -->", re.DOTALL)
CODE_PLACE = "\u0000content-code\u0000"
TEMPLATES = Path(__file__).with_name("templates")


def build_page(
    notebook: Mapping[str, Any],
    results: ResultSet,
    run: Mapping[str, Any],
    language: str,
    displays: Mapping[str, str] | None = None,
) -> str:
    """The whole page as HTML text.

    Parameters
    ----------
    notebook : mapping
        The executed notebook in nbformat 4. Code, streams, errors and foreign outputs are dropped, as is the cell of
        its H1 (the page has a title of its own) and every cell with a tag of ``HIDDEN_TAGS``.
    results : ResultSet
        Its results.
    run : mapping
        id, and where known: started and finished (texts), pages (language to file name), changes (a list of texts).
    language : str
        The page's language.
    displays : mapping, optional
        What ``render_displays`` gave for the same notebook, results and language; without it that is done here.

    Returns
    -------
    str
        The same input gives the same bytes.

    Raises
    ------
    NotebookError
        The notebook holds no context (it did not complete), or a display that this version does not know.
    """
    context = _context(notebook)
    at = view(context, results, language)
    narrative = room_of("narrative")
    first: FirstScreen = narrative.first_screen(at)
    made = render_displays(notebook, results, language) if displays is None else displays
    body, contents = _sections(_body(notebook, made))
    closing = _closing(at, {anchor for _, anchor, _ in contents})
    contents += [(2, section["anchor"], section["heading"]) for section in closing]
    anchors = {anchor for _, anchor, _ in contents} | {"changes"}
    page = _template().render(
        say=at.words,
        language=language,
        context=context,
        study=at.words.say(context.study_title),
        run_id=str(run["id"]),
        run_times=(run["started"], run["finished"]) if run.get("started") and run.get("finished") else None,
        changes=list(run.get("changes") or []),
        first=first,
        first_figure=_first_figure(first, at),
        links=[(text, anchor) for text, anchor in first.links if anchor in anchors],
        body=body,
        closing=closing,
        abbreviations=abbreviations(at, [body, *(section["html"] for section in closing), *_first_texts(first)]),
        contents=contents,
        facts=facts(at),
        contact=at.words.say(context.page["contact"]) if context.page.get("contact") else None,
        other_pages=[(code, name) for code, name in dict(run.get("pages") or {}).items() if code != language],
        code=CODE_PLACE,
    )
    return page.replace(CODE_PLACE, content_code(page, results.to_json()))


def content_code(page: str, results_json: str) -> str:
    """The short code of a page's content (``7F3A-91C2``): what an approval names.

    The first 8 hexadecimal digits of the SHA-256 of the page without its run blocks, a line break, and the results
    file's text. A page that is otherwise the same has the same code in every run.
    """
    content = RUN_BLOCK.sub("", page) + "\n" + results_json
    digest = hashlib.sha256(content.encode("utf-8")).hexdigest()[:8].upper()
    return f"{digest[:4]}-{digest[4:]}"


def render_displays(notebook: Mapping[str, Any], results: ResultSet, language: str) -> dict[str, str]:
    """The HTML of every display that an executed notebook recorded, in one language, by its ``display_key``.

    Raises NotebookError as ``build_page`` does.
    """
    records = _outputs(notebook, SHOW_MIME)
    if not records:
        return {}
    context = _context(notebook)
    made = {}
    for record in records:
        at = view(context, results, language, str(record["item"]))
        made[display_key(record)] = render(display_of(record, at), at.item, at)
    return made


def _outputs(notebook: Mapping[str, Any], mime: str) -> list[Any]:
    return [
        output["data"][mime]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if mime in output.get("data", {})
    ]


def _context(notebook: Mapping[str, Any]) -> Context:
    found = _outputs(notebook, CONTEXT_MIME)
    if not found:
        raise NotebookError("the executed notebook holds no context", mend="its last cell must call rep.complete()")
    return Context.from_json(found[-1])


def _body(notebook: Mapping[str, Any], displays: Mapping[str, str]) -> str:
    """The notebook's text and displays as sanitised HTML."""
    import nbformat

    cells = []
    for cell in notebook["cells"]:
        if HIDDEN_TAGS & set(cell.get("metadata", {}).get("tags", [])):
            continue
        if cell["cell_type"] == "markdown" and not re.match(r"\s*#\s", _joined(cell["source"])):
            cells.append(nbformat.v4.new_markdown_cell(_joined(cell["source"])))
        elif cell["cell_type"] == "code":
            cells += [_output_cell(displays[display_key(record)]) for record in _shown(cell)]
    made = nbformat.v4.new_notebook(cells=cells)
    for i, kept in enumerate(made.cells):
        kept["id"] = f"cell{i}"
    html, _ = _exporter().from_notebook_node(made)
    return sanitise(html)


def _joined(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _shown(cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [o["data"][SHOW_MIME] for o in cell.get("outputs", []) if SHOW_MIME in o.get("data", {})]


def _output_cell(html: str) -> Any:
    import nbformat

    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    return nbformat.v4.new_code_cell("", outputs=[output])


@lru_cache(maxsize=1)
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )


def warm_up() -> None:
    """Make ready what every page needs, once for all processes that are forked from this one.

    No figure is drawn: two processes that share an open font file would move each other's place in it.
    """
    import nbformat

    _exporter().from_notebook_node(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("a")]))
    _template()
    sanitise("")
    words("en")


HEADING = re.compile(r"<h([2-6])[^>]*>(.*?)</h\1>", re.DOTALL)


def _sections(body: str) -> tuple[str, list[tuple[int, str, str]]]:
    """The body with an anchor on every heading, and its table of contents as (level, anchor, text).

    Headings nest: one that skips a level is raised to the level it should have.
    """
    contents: list[tuple[int, str, str]] = []

    def anchored(found: re.Match[str]) -> str:
        level = min(int(found[1]), contents[-1][0] + 1 if contents else 2)
        text = unescape(re.sub(r"<[^>]+>", "", found[2])).strip()
        anchor = _free_anchor(_slug(text), {taken for _, taken, _ in contents})
        contents.append((level, anchor, text))
        return f'<h{level} id="{anchor}">{found[2]}</h{level}>'

    return HEADING.sub(anchored, re.sub(r"<(/?)h1\b", r"<\1h2", body)), contents


def _slug(text: str) -> str:
    # An item id (T1) and the page's own anchors stay free: a section's anchor never is one letter and digits.
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"


def _free_anchor(wanted: str, taken: set[str]) -> str:
    reserved = taken | {"top", "first-screen", "main", "contents", "changes", "key-messages", "plain", "provenance"}
    reserved |= {"abbreviations"}
    if wanted not in reserved and not re.fullmatch(r"[a-z]\d+", wanted):
        return wanted
    number = 2
    while f"{wanted}-{number}" in reserved:
        number += 1
    return f"{wanted}-{number}"


def _closing(at: View, present: set[str]) -> list[dict[str, str]]:
    """The sections after the notebook's own: limitations (unless it has them), references, provenance."""
    say, context = at.words, at.context
    sections = []
    if context.limitations and "limitations" not in present:
        sections.append(_section("limitations", say("page.limitations"), _list(at, context.limitations)))
    if context.citations and "references" not in present:
        sections.append(_section("references", say("page.references"), _list(at, context.citations)))
    tables = room_of("tables")
    trust = "".join(
        render(function(view=at), item, at) for function, item in ((tables.sources, "D1"), (tables.provenance, "D2"))
    )
    return [*sections, _section("provenance", say("page.provenance"), sanitise(trust))]


def _section(anchor: str, heading: str, html: str) -> dict[str, str]:
    return {"anchor": anchor, "heading": heading, "html": html}


def _list(at: View, texts: Sequence[Any]) -> str:
    return "<ul>" + "".join(f"<li>{escape(at.words.say(text))}</li>" for text in texts) + "</ul>"


def _first_figure(first: FirstScreen, at: View) -> str | None:
    if first.figure is None:
        return None
    function, content = first.figure
    record = {"item": "F0", "function": function, "content": content, "options": {"size": "first_screen"}}
    figure = display_of(record, replace(at, item="F0"))
    if not isinstance(figure, Figure):
        raise InvalidInput("the first screen shows a figure", found=type(figure).__name__)
    return sanitise(image(figure, "F0"))


def _first_texts(first: FirstScreen) -> list[str]:
    return [line for message in first.key_messages for line in (message.big, *message.lines)]


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_text"] = _css_text
    return environment.get_template("page.html.j2")


def _css_text(text: str) -> Any:
    """A text as the inside of a CSS string, which HTML escaping does not make safe."""
    from markupsafe import Markup

    return Markup("".join(c if c.isalnum() or c in " .,;" else f"\\{ord(c):x} " for c in text))
