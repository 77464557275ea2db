"""HTML: everything is escaped, tables are accessible, and the sanitiser lets nothing harmful through."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.report import figures
from evidence_lib.report.display import Passage, Table
from evidence_lib.report.html import render, sanitise
from tests.report import material

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} &amp; {%x%}",
    "`**b**`",
    "' onload='x",
)
TABLE = Table(title="t", columns=("a", "b"), rows=[("r", "1"), ("s", "2")], groups=["g", "h"], footnotes=["n"])


def no_markup_from(payload: str, html: str) -> None:
    assert "<script" not in html.lower()
    assert not re.search(r"<[^>]*\son\w+\s*=", re.sub(r'="[^"]*"', "", html), re.IGNORECASE)
    assert html.count("<img") == html.count('src="data:')


@pytest.mark.parametrize("payload", PAYLOADS)
def test_52_payload_in_every_text_of_a_table_is_shown_literally(payload: str) -> None:
    table = Table(
        title=payload,
        columns=(payload, payload + "2"),
        rows=[(payload, payload)],
        groups=[payload],
        spanners={payload: [1]},
        footnotes=[payload],
    )
    html = render(table, "T1", material.a_view())
    no_markup_from(payload, html)
    shown = _text(html)
    assert shown.count(payload) == 8


@pytest.mark.parametrize("payload", PAYLOADS)
def test_52_payload_in_passages_and_arm_labels(payload: str) -> None:
    at = material.a_view((payload, "Control"), item="F1")
    passage = Passage(paragraphs=[payload], items=[payload], terms=[(payload, payload)])
    html = render(passage, "P1", at)
    no_markup_from(payload, html)
    assert _text(html).count(payload) == 4
    figure = figures.kaplan_meier(at.results.table("km.curve"), at.results.table("km.at_risk"), view=at)
    html = render(figure, "F1", at)
    no_markup_from(payload, html)
    assert payload in _text(html)


def _text(html: str) -> str:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser").get_text(" ")


def test_table_headings_have_scope_and_an_own_caption() -> None:
    html = render(TABLE, "T7", material.a_view())
    assert 'id="T7"' in html
    assert re.search(r'<caption id="T7-title"><span class="item-id">Table T7</span> t</caption>', html)
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 2
    assert html.count('scope="colgroup"') == 2
    assert "<style" not in html
    assert "style=" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for headers in re.findall(r'headers="([^"]+)"', html):
        assert set(headers.split()) <= set(ids)


def test_figure_has_alternative_text_and_its_data() -> None:
    at = material.a_view(item="F2")
    html = render(figures.forest(view=at), "F2", at)
    assert re.search(r'<img src="data:image/svg\+xml;base64,[A-Za-z0-9+/=]+" alt="[^"]*0\.69 \(0\.54 to 0\.89\)', html)
    assert "<details><summary>data behind this figure</summary>" in html
    assert sanitise(html) == sanitise(sanitise(html))


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("<script>x</script>a", "a"),
        ("<style>p{}</style>a", "a"),
        ('<p onclick="x">a</p>', "<p>a</p>"),
        ('<p style="color:red">a</p>', "<p>a</p>"),
        ("<!-- run -->a<!-- /run -->", "a"),
        ('<a href="https://x.org">a</a>', "<a>a</a>"),
        ('<a href="javascript:x">a</a>', "<a>a</a>"),
        ('<a href="#T1">a</a>', '<a href="#T1">a</a>'),
        ('<img src="https://x.org/i.png" alt="a">', '<img alt="a">'),
        ('<img src="data:text/html;base64,QQ==" alt="a">', '<img alt="a">'),
        ('<img src="data:image/svg+xml,<svg/>" alt="a">', '<img alt="a">'),
        ('<img src="data:image/png;base64,QQ==" alt="a">', '<img src="data:image/png;base64,QQ==" alt="a">'),
        ("<form><input></form><iframe></iframe><object></object>a", "a"),
        ('<svg onload="x"><path/></svg>a', "a"),
        ('<div tabindex="5" role="alert">a</div>', "<div>a</div>"),
        ('<th scope="col" colspan="2" rowspan="1" id="a" class="b"></th>', ""),
    ],
)
def test_sanitiser(given: str, left: str) -> None:
    assert sanitise(given) == left


def test_sanitiser_keeps_what_tables_need() -> None:
    heading = '<th scope="row" id="a" colspan="2" rowspan="1" class="b">x</th>'
    html = f'<table><tbody><tr>{heading}<td headers="a">1</td></tr></tbody></table>'
    cleaned = sanitise(html)
    for kept in ('scope="row"', 'id="a"', 'colspan="2"', 'rowspan="1"', 'class="b"', 'headers="a"'):
        assert kept in cleaned


def test_unknown_displays_and_tones_are_refused() -> None:
    wrong: Any = "text"
    with pytest.raises(InvalidInput, match="not a display"):
        render(wrong, "T1", material.a_view())
    with pytest.raises(InvalidInput, match="unknown tone"):
        render(Passage(tone="loud"), "P1", material.a_view())
    with pytest.raises(InvalidInput, match="at most one column"):
        render(Table(title="t", columns=("a", "b"), rows=[("1", "2")], row_headers=2), "T1", material.a_view())
