"""HTML: displays as accessible markup, and the sanitiser that everything from a notebook passes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from evidence_lib.errors import InvalidInput
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Passage, Table
from evidence_lib.report.theme import svg

Display = Table | Figure | Passage

TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
CLASS_AND_ID = {"class", "id"}
CELL = CLASS_AND_ID | {"scope", "headers", "colspan", "rowspan"}
ATTRIBUTES = {
    **dict.fromkeys(TAGS, CLASS_AND_ID),
    "a": CLASS_AND_ID | {"href"},
    "img": CLASS_AND_ID | {"src", "alt"},
    "th": CELL,
    "td": CELL,
    "ol": CLASS_AND_ID | {"start"},
    "div": CLASS_AND_ID | {"tabindex", "role", "aria-labelledby"},
}
IMAGE = re.compile(r"data:image/(?:png|svg\+xml);base64,[A-Za-z0-9+/=\s]+\Z")
TONES = ("plain", "caution", "note")


def render(display: Display, item: str, view: View) -> str:
    """A table, figure or passage as HTML with the anchor ``item``; every text in it is escaped.

    Raises InvalidInput for anything else, and for a passage of an unknown tone.
    """
    if isinstance(display, Table):
        return _table(display, item, _caption(display, view.words("page.table_item", item=item), view))
    if isinstance(display, Figure):
        return _figure(display, item, view)
    if isinstance(display, Passage):
        return _passage(display, item)
    raise InvalidInput("not a display", expected="Table, Figure or Passage", found=type(display).__name__)


def image(figure: Figure, salt: str) -> str:
    """The drawing as an ``img`` with its alternative text; the same figure under the same salt is the same text."""
    data = base64.b64encode(svg(figure.drawing, salt)).decode("ascii")
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(figure.alternative_text)}">'


def sanitise(html: str) -> str:
    """HTML with only harmless markup left: no script, style, event handler, comment, form or foreign address.

    Links lead within the page (``#...``); images are embedded PNG or SVG.
    """
    return _cleaner().clean(html)


@lru_cache(maxsize=1)
def _cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=_harmless,
        url_schemes={"data"},
        link_rel=None,
        strip_comments=True,
    )


def _harmless(tag: str, attribute: str, value: str) -> str | None:
    """The value where it may stay, None where the attribute must go."""
    if attribute == "href":
        return value if value.startswith("#") else None
    if attribute == "src":
        return value if IMAGE.match(value) else None
    if attribute == "tabindex":
        return value if value == "0" else None
    if attribute == "role":
        return value if value == "region" else None
    return value


def _caption(display: Table | Figure, heading: str, view: View) -> str:
    """Item, number in the study report, title and population of a table or figure, as HTML."""
    number = f' <span class="tlf">{escape(display.number)}</span>' if display.number else ""
    about = escape(view.words("page.population", population=display.population)) if display.population else ""
    population = f' <span class="population">{about}</span>' if about else ""
    return f'<span class="item-id">{escape(heading)}</span>{number} {escape(display.title)}{population}'


def _table(table: Table, item: str, caption: str) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.footnotes)
    below = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f'<section class="item table" id="{escape(item)}">{_grid(table, item, caption)}{below}</section>'


def _grid(table: Table, item: str, caption: str) -> str:
    """The table element by great_tables, without its style sheet, with a caption and in a box that scrolls."""
    import great_tables as gt
    import pandas as pd

    if table.row_headers not in (0, 1):
        raise InvalidInput("a table has at most one column of row headings", found=str(table.row_headers))
    names = [f"c{i}" for i in range(len(table.columns))]
    frame = pd.DataFrame([list(map(str, row)) for row in table.rows], columns=names, dtype=object)
    labels: dict[str, Any] = {name: _label(text) for name, text in zip(names, table.columns, strict=True)}
    options: dict[str, Any] = {"rowname_col": names[0]} if table.row_headers else {}
    if table.groups is not None:
        frame["group"] = list(table.groups)
        options["groupname_col"] = "group"
    grid = gt.GT(frame, id=f"{item}-grid", **options)
    if table.row_headers:
        grid = grid.tab_stubhead(labels.pop(names[0]))
    grid = grid.cols_label(cases=labels) if labels else grid
    grid = grid.cols_align("left", columns=list(labels))
    for i, (text, positions) in enumerate(table.spanners.items()):
        grid = grid.tab_spanner(_label(text), columns=[names[p] for p in positions], id=f"spanner{i}")
    raw = grid.as_raw_html()
    inner = raw[raw.index("<table") : raw.rindex("</table>") + len("</table>")]
    inner = re.sub(
        r"<table[^>]*>", lambda _: f'<table><caption id="{escape(item)}-title">{caption}</caption>', inner, count=1
    )
    box = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{escape(item)}-title">'
    return sanitise(f"{box}{inner}</div>")


def _label(text: str) -> Any:
    """A heading as ready HTML without braces: great_tables reads ``{{...}}`` in a heading as the notation of a unit."""
    import great_tables as gt

    return gt.html(escape(text).replace("{", "&#123;"))


def _figure(figure: Figure, item: str, view: View) -> str:
    caption = _caption(figure, view.words("page.figure_item", item=item), view)
    parts = [
        f'<figure class="item figure" id="{escape(item)}">',
        f"<figcaption>{caption}</figcaption>",
        image(figure, item or "figure"),
    ]
    parts += [f'<p class="notes">{escape(note)}</p>' for note in figure.footnotes]
    if figure.data is not None:
        grid = _grid(figure.data, f"{item}-data", escape(figure.data.title))
        parts.append(f"<details><summary>{escape(view.words('page.open_data'))}</summary>{grid}</details>")
    return "".join([*parts, "</figure>"])


def _passage(passage: Passage, item: str) -> str:
    if passage.tone not in TONES:
        raise InvalidInput("unknown tone of a passage", expected=" or ".join(TONES), found=repr(passage.tone))
    parts = [f"<p>{escape(paragraph)}</p>" for paragraph in passage.paragraphs]
    parts += _listed("ul", passage.items, lambda text: f"<li>{escape(text)}</li>")
    parts += _listed("dl", passage.terms, lambda pair: f"<dt>{escape(pair[0])}</dt><dd>{escape(pair[1])}</dd>")
    return f'<div class="item passage {passage.tone}" id="{escape(item)}">{"".join(parts)}</div>'


def _listed(tag: str, entries: Sequence[Any], form: Callable[[Any], str]) -> list[str]:
    return [f"<{tag}>{''.join(form(entry) for entry in entries)}</{tag}>"] if entries else []
