"""Families of endpoints: what is read, the adjusted p-values by hand and by R, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints.estimand import apply_family, read_families
from evidence_lib.endpoints.estimand import tested_in as where_tested
from evidence_lib.endpoints.estimand import testing_note as note_of
from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.results import Estimate

NAMES = ["OS", "PFS", "ORR", "QOL"]
P = {"OS": 0.01, "PFS": 0.04, "ORR": 0.03, "QOL": 0.02}
# R 4.2.2, stats: p.adjust(c(.01, .04, .03, .02), "holm" / "hochberg" / "bonferroni"); the fixed sequence is cummax(p).
REFERENCE = {
    "holm": [0.04, 0.06, 0.06, 0.06],
    "hochberg": [0.04, 0.04, 0.04, 0.04],
    "bonferroni": [0.04, 0.16, 0.12, 0.08],
    "fixed-sequence": [0.01, 0.04, 0.04, 0.04],
}


def hypotheses(*names: str, **weights: float) -> list[dict[str, Any]]:
    return [{"id": name, "report": name.lower(), "weight": weights.get(name)} for name in names]


def family(method: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"id": "primary", "alpha": 0.05, "method": method, "hypotheses": hypotheses(*(names or NAMES)), **more}


GRAPH = {
    "id": "primary", "alpha": 0.025, "method": "graphical", "hypotheses": hypotheses("OS", "PFS", OS=0.6, PFS=0.4),
    "transitions": [[0, 1], [1, 0]],
}  # fmt: skip


def p_values(found: tuple[Estimate, ...]) -> list[float | None]:
    return [one.p_value for one in found]


@pytest.mark.parametrize("method", REFERENCE)
def test_adjusted_p_values_are_those_of_r(method: str) -> None:
    (one,) = read_families([family(method)])
    found = apply_family(one, P)
    assert p_values(found) == pytest.approx(REFERENCE[method])
    assert [item.groups["hypothesis"] for item in found] == NAMES
    assert {item.p_kind for item in found} == {"confirmatory"}
    assert {item.analysis for item in found} == {f"multiplicity.{method.replace('-', '_')}"}


def test_a_graph_by_hand() -> None:
    """PFS first: .004/.4 = .01; its weight goes to OS: max(.01, .02/1) = .02."""
    (one,) = read_families([GRAPH])
    found = apply_family(one, {"PFS": 0.004, "OS": 0.02})
    assert p_values(found) == pytest.approx([0.02, 0.01])
    assert all(item.p_value is not None and item.p_value <= one.alpha for item in found)


def test_estimates_give_their_p_values_and_one_without_cannot_be_rejected() -> None:
    def test_of(p: float | None, **more: Any) -> Estimate:
        reason = None if p is not None else "no events"
        return Estimate(
            analysis="logrank.unstratified", unit="chi-square", method="m", is_test=True, test_statistic=1.0, df=1.0,
            p_value=p, reason=reason, status="ok" if p is not None else "not_estimable", **more,
        )  # fmt: skip

    (one,) = read_families([family("holm", "OS", "PFS", "ORR")])
    found = apply_family(one, {"OS": test_of(0.01), "PFS": test_of(None), "ORR": None})
    assert p_values(found) == [pytest.approx(0.03), None, None]
    assert [item.status for item in found] == ["ok", "not_estimable", "not_estimable"]
    (sequence,) = read_families([family("fixed-sequence", "OS", "PFS", "ORR")])
    assert p_values(apply_family(sequence, {"OS": None, "PFS": 0.001, "ORR": 0.001}))[1:] == [1.0, 1.0]
    with pytest.raises(InvalidInput, match="one-sided p-value"):
        apply_family(one, {"OS": test_of(0.01, alternative="less"), "PFS": 0.1, "ORR": 0.1})
    with pytest.raises(InvalidInput, match="adjusted before"):
        apply_family(one, {"OS": found[0], "PFS": 0.1, "ORR": 0.1})


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.permutations(NAMES))
def test_no_adjusted_p_value_is_smaller_and_the_order_of_the_mapping_does_not_matter(
    values: list[float], order: list[str]
) -> None:
    given = dict(zip(NAMES, values, strict=True))
    for method in REFERENCE:
        (one,) = read_families([family(method)])
        found = apply_family(one, given)
        assert all(
            item.p_value is not None and item.p_value >= p - 1e-15 for item, p in zip(found, values, strict=True)
        )
        assert apply_family(one, {name: given[name] for name in order}) == found


def test_where_a_report_is_tested_is_told() -> None:
    families = read_families([family("holm", "OS", "PFS", alpha=0.04), {**GRAPH, "id": "second", "alpha": 0.01,
                              "hypotheses": hypotheses("ORR", "QOL", ORR=1, QOL=0)}])  # fmt: skip
    found = where_tested(families, "qol")
    assert found is not None
    assert (found[0].id, found[1].id, found[1].weight) == ("second", "QOL", 0.0)
    assert where_tested(families, "safety") is None
    assert str(note_of(families, "safety")).startswith("Not formally tested")
    assert str(note_of(families, "pfs")) == (
        "Tested as hypothesis PFS of family primary: Holm, hypotheses in the family: 2, two-sided alpha 0.04."
    )
    assert "graphical procedure" in str(note_of(families, "orr"))


def test_weights_that_a_method_has_by_itself_may_be_stated() -> None:
    (one,) = read_families([family("holm", hypotheses=hypotheses("OS", "PFS", "ORR", OS=0.33, PFS=0.33, ORR=0.33))])
    assert p_values(apply_family(one, {"OS": 0.01, "PFS": 0.5, "ORR": 0.5})) == pytest.approx([0.03, 1, 1])
    (one,) = read_families([family("fixed-sequence", hypotheses=hypotheses("OS", "PFS", OS=1.0, PFS=0.0))])
    assert one.hypotheses[0].weight == 1.0
    (one,) = read_families([{"id": "p", "method": "holm", "hypotheses": [{"id": "OS", "report": "os"}]}])
    assert (one.alpha, p_values(apply_family(one, {"OS": 0.04}))) == (0.05, [0.04])
    assert read_families([]) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([family("holms")], "not a method.*did you mean holm"),
        ([family("holm", alpa=0.05)], "unknown key.*did you mean alpha"),
        ([family("holm", alpha=0)], "not an alpha"),
        ([family("holm", alpha=True)], "not an alpha"),
        ([family("holm", alpha=0.06)], "spend more than the alpha of the study.*found 0.06"),
        ([family("holm", "OS"), {**family("holm", "PFS"), "id": "b"}], "spend more than the alpha.*found 0.1"),
        ([family("holm", "OS", alpha=0.02), family("holm", "PFS", alpha=0.02)], "a family stands twice"),
        ([family("holm", "OS", "OS")], "a hypothesis stands twice"),
        (
            [family("holm", hypotheses=[{"id": "A", "report": "x"}, {"id": "B", "report": "x"}])],
            "a report stands twice",
        ),
        ([family("holm", hypotheses=[])], "not a list of hypotheses"),
        ([family("holm", hypotheses=[{"id": "OS"}])], "needs its report"),
        ([family("holm", hypotheses=[{"report": "os"}])], "the key id is missing"),
        ([family("holm", hypotheses=["OS"])], "not a mapping"),
        ([family("holm", hypotheses=hypotheses("OS", "PFS", OS=0.8, PFS=0.2))], "weights that holm does not have"),
        (
            [family("fixed-sequence", hypotheses=hypotheses("OS", "PFS", OS=0.5, PFS=0.5))],
            "weights that fixed-sequence",
        ),
        ([family("holm", hypotheses=hypotheses("OS", OS=1.5))], "not a weight"),
        ([family("holm", transitions=[[0]])], "transitions belong to the graphical"),
        ([{**GRAPH, "hypotheses": hypotheses("OS", "PFS", OS=0.6)}], "needs every weight"),
        ([{**GRAPH, "hypotheses": hypotheses("OS", "PFS", OS=0.6, PFS=0.5)}], "weights spend more than alpha.*1.1"),
        ([{**GRAPH, "transitions": None}], "transitions do not fit"),
        ([{**GRAPH, "transitions": [[0, 1]]}], "transitions do not fit"),
        ([{**GRAPH, "transitions": [[0, 1.2], [1, 0]]}], r"transitions\[0\].*cannot be used"),
        ([{**GRAPH, "transitions": [[0, 1], [0.5, 0.5]]}], r"transitions\[1\].*cannot be used"),
        ("holm", "not a list of families"),
        ([7], "not a mapping"),
    ],
)
def test_families_that_cannot_be_used(content: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        read_families(content)
    assert caught.value.exit_code == 2


def test_unknown_reports_and_foreign_p_values_are_refused() -> None:
    with pytest.raises(StudyError, match="a report|that is not there.*did you mean overall-survival"):
        read_families(
            [family("holm", hypotheses=[{"id": "OS", "report": "overall-survivl"}])], reports=["overall-survival"]
        )
    (one,) = read_families([family("holm", "OS", "PFS")])
    for wrong in ({"OS": 0.1}, {"OS": 0.1, "PFS": 0.1, "ORR": 0.1}, [0.1, 0.1]):
        with pytest.raises(InvalidInput, match="not those of the family.*one of each of OS, PFS"):
            apply_family(one, wrong)  # type: ignore[arg-type]
    for value in (1.2, -0.1, float("nan"), True, "0.1"):
        with pytest.raises(InvalidInput, match="a p-value cannot be used"):
            apply_family(one, {"OS": value, "PFS": 0.1})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match="not a family"):
        apply_family("primary", {})  # type: ignore[arg-type]
