"""The page: one self-contained file, the same for the same input, with nothing of the notebook but its content."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest

from evidence_lib.errors import InvalidInput, NotebookError
from evidence_lib.report import figures, tables
from evidence_lib.report.page import RUN_BLOCK, build_page, content_code
from evidence_lib.report.recorded import display_name, item_kind
from evidence_lib.results import ResultSet
from tests.report import material
from tests.report.conftest import stub_first_screen

RUN = {"id": "20260101-000000-abcd", "started": "9:00", "finished": "9:01", "changes": ["one number changed"]}


def page(run: Any = RUN, arms: tuple[str, ...] = ("Active", "Control"), **changes: Any) -> str:
    about = material.context(arms, **changes)
    return build_page(material.full_notebook(about), material.results(about), run, "en")


@pytest.fixture(scope="module")
def results() -> ResultSet:
    return material.results(material.context())


@pytest.mark.usefixtures("narrative")
class TestPage:
    def test_self_contained(self) -> None:
        html = page()
        assert "<script" not in html
        assert "default-src 'none'" in html
        assert not re.search(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
        assert set(re.findall(r'href="([^"#:]*)', html)) <= {"", "mailto"}
        assert len(html.encode()) < 2_000_000

    def test_same_input_same_bytes(self) -> None:
        assert page() == page()

    def test_run_changes_only_its_blocks_and_not_the_code(self, results: ResultSet) -> None:
        one = page()
        two = page({"id": "other", "pages": {"en": "a.html", "zh-Hans": "a.zh-Hans.html"}})
        assert one != two
        assert RUN_BLOCK.sub("", one) == RUN_BLOCK.sub("", two)
        code = re.search(r"Content code ([0-9A-F]{4}-[0-9A-F]{4})", one)
        assert code is not None
        assert code[1] in two
        assert content_code(one, results.to_json()) == code[1]
        assert RUN["id"] not in RUN_BLOCK.sub("", one)
        assert 'href="a.zh-Hans.html"' in two

    def test_code_changes_with_the_content_and_with_the_results(self, results: ResultSet) -> None:
        html = page()
        assert content_code(html, results.to_json()) != content_code(html.replace("Demo", "Other"), results.to_json())
        assert content_code(html, results.to_json()) != content_code(html, results.to_json() + " ")

    def test_approval_is_outside_the_content(self, narrative: Any) -> None:
        checked = page()
        narrative.first_screen = lambda view: stub_first_screen(view, status="approved", status_text="Approved.")
        approved = page()
        assert RUN_BLOCK.sub("", checked) == RUN_BLOCK.sub("", approved)
        assert "@bottom-center" in checked
        assert "@bottom-center" not in approved

    def test_headings_nest_under_one_h1(self) -> None:
        html = page()
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", html)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))

    def test_every_link_has_its_anchor_and_no_id_stands_twice(self) -> None:
        html = page()
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        links = set(re.findall(r'href="#([^"]+)"', html))
        assert links <= set(ids)
        assert "results" in links
        assert "no-such-section" not in html
        assert {"K1", "K2", "T1", "F1", "F3"} <= set(ids)
        assert '<html lang="en">' in html
        assert '<a class="skip" href="#main">' in html

    def test_nothing_of_the_notebook_but_its_content(self) -> None:
        about = material.context()
        foreign = [
            nbformat.v4.new_output("stream", name="stderr", text="STREAM"),
            nbformat.v4.new_output("error", ename="E", evalue="ERROR", traceback=["TRACEBACK"]),
            nbformat.v4.new_output("display_data", data={"text/html": "<b>FOREIGN</b>", "text/plain": "PLAIN"}),
        ]
        made = material.notebook(
            about,
            nbformat.v4.new_markdown_cell("## Data\n\n<script>SCRIPT</script> text"),
            material.code_cell(material.show("T1", "tables.attrition", {"table": "attrition"}), extra=foreign),
            material.code_cell(material.show("T2", "tables.checks"), tags=["key-messages"]),
        )
        html = build_page(made, material.results(about), RUN, "en")
        for absent in (
            "STREAM",
            "ERROR",
            "TRACEBACK",
            "FOREIGN",
            "PLAIN",
            "SCRIPT",
            "secret",
            "a parameter",
            "Notebook title",
        ):
            assert absent not in html
        assert 'id="T1"' in html
        assert 'id="T2"' not in html

    @pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
    def test_52_payloads_are_shown_literally(self, narrative: Any, payload: str) -> None:
        texts = {"title": payload, "status_text": payload, "grey_line": [payload], "answer": [(payload, True)]}
        texts |= {
            "caution": [payload],
            "caution_title": payload,
            "plain": [(payload, payload)],
            "links": [(payload, "data")],
        }
        narrative.first_screen = lambda view: stub_first_screen(view, **texts)
        html = page(
            {**RUN, "id": payload, "changes": [payload]},
            (payload, "Control"),
            study_title=payload,
            limitations=(payload,),
            citations=(payload,),
            sources=({"name": payload},),
            provenance={payload: payload},
            page={"contact": f"a@b {payload}", "use": payload},
            governance={"owner": payload},
            disclosure={"preset": "none", "reason": payload},
            endpoint_label=payload,
        )
        assert "<script" not in html
        assert "<img src=x" not in html
        assert html.count("<img ") == len(re.findall(r'<img [^<>]*src="data:image/svg\+xml;base64,', html)) == 4

    def test_abbreviations_are_those_used(self) -> None:
        section = page().split('id="abbreviations"')[1]
        assert "<dt>RMST</dt>" in section
        assert "<dt>CI</dt>" in section
        assert "<dt>ITT</dt>" not in section

    def test_closing_sections(self) -> None:
        html = page(citations=("Schumacher 1994",))
        assert html.index('id="limitations"') < html.index('id="references"') < html.index('id="provenance"')
        assert "Not everybody was randomised." in html
        assert "mailto:trial%40example.org" in html or "mailto:trial@example.org" in html

    def test_a_notebook_s_own_limitations_are_not_doubled(self) -> None:
        about = material.context()
        own = material.notebook(about, nbformat.v4.new_markdown_cell("## Limitations\n\nOwn words."))
        html = build_page(own, material.results(about), RUN, "en")
        assert html.count('id="limitations"') == 1
        assert "Own words." in html

    def test_skipped_heading_levels_are_raised(self) -> None:
        about = material.context()
        made = material.notebook(about, nbformat.v4.new_markdown_cell("## A"), nbformat.v4.new_markdown_cell("#### B"))
        html = build_page(made, material.results(about), RUN, "en")
        assert '<h3 id="b">B</h3>' in html.replace('id="b-2"', 'id="b"')

    @pytest.mark.parametrize(
        "function",
        ["tables.__dict__", "tables.pd", "os.system", "cells.level", "narrative.first_screen", "html.render", "tables"],
    )
    def test_only_registered_displays_can_be_called(self, function: str) -> None:
        about = material.context()
        made = material.notebook(about, material.code_cell(material.show("T1", function)))
        with pytest.raises(NotebookError, match="does not know"):
            build_page(made, material.results(about), RUN, "en")

    def test_item_ids_of_another_form_are_refused(self) -> None:
        about = material.context()
        made = material.notebook(about, material.code_cell(material.show('T1" x="', "tables.checks")))
        with pytest.raises(NotebookError, match="item id"):
            build_page(made, material.results(about), RUN, "en")

    def test_notebook_without_context_is_refused(self) -> None:
        with pytest.raises(NotebookError, match="no context"):
            build_page(nbformat.v4.new_notebook(), ResultSet("s", "r"), RUN, "en")

    def test_names_and_kinds(self) -> None:
        assert display_name(tables.rmst) == "tables.rmst"
        assert item_kind(figures.forest) == "F"
        with pytest.raises(InvalidInput, match="not a display function"):
            display_name(print)
