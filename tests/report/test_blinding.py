"""What a page says of blinding, and the names that outputs have in the study report."""

from __future__ import annotations

from typing import Any

from evidence_lib.report.page import build_page
from tests.report import material

RUN = {"id": "20260731-120000-abcd"}
UNBLINDED = {
    "state": "unblinded",
    "unblinded": {"date": {"date": "2026-07-31"}, "person": "A <statistician>", "reason": "final analysis"},
}


def page(**changes: Any) -> str:
    about = material.context(**{"design": "randomised", **changes})
    results = material.results(about)
    results.gates.pop("balance")
    return build_page(material.full_notebook(about), results, RUN, "en")


def test_dummy_arms_are_stamped_on_screen_on_paper_and_in_the_words() -> None:
    made = page(blinding={"state": "dummy"})
    assert '<p class="dummy" role="note">DUMMY TREATMENTS' in made
    assert "@top-center" in made
    assert 'class="status draft"' in made
    assert "The treatments are dummies" in made.split('class="caution"')[1].split("</div>")[0]
    assert "Not at all. The groups were mixed at random for a rehearsal." in made


def test_true_arms_have_no_such_stamp() -> None:
    for state in ({}, UNBLINDED):
        made = page(blinding=state)
        assert 'class="dummy"' not in made
        assert "@top-center" not in made
        assert 'class="status checked"' in made


def test_unblinding_stands_among_the_facts_with_date_person_and_reason() -> None:
    made = page(blinding=UNBLINDED)
    assert "Unblinded. Since: July 31, 2026. Who: A &lt;statistician&gt;. Why: final analysis" in made
    never = {"state": "unblinded", "unblinded": {**UNBLINDED["unblinded"], "date": {"unknown": "open trial"}}}  # type: ignore[dict-item]
    assert "Since: open trial." in page(blinding=never)
    assert "Blinded: nothing is split by treatment." in page(blinding={"state": "blinded"})


def test_an_output_has_the_number_title_population_and_footnotes_of_the_study_file() -> None:
    named = {
        "number": "14-2.01",
        "title": "Follow-up <by arm>",
        "footnotes": ["Source: ADTTE"],
        "population": "All treated",
    }
    made = page(tlf={"follow_up": named})
    assert '<span class="tlf">14-2.01</span> Follow-up &lt;by arm&gt;' in made
    assert '<span class="population">Population: All treated.</span>' in made
    assert "<li>Source: ADTTE</li>" in made


def test_without_a_population_an_output_is_about_that_of_the_report() -> None:
    made = page(tlf={"follow_up": {"number": "14-2.01"}})
    assert "Population: all patients." in made
    assert "Population:" not in page()
