"""Families of endpoints: the tests of all their reports, and the p-values that hold for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import StudyError
from evidence_lib.results import Estimate, Estimates

if TYPE_CHECKING:
    from evidence_lib.endpoints.estimand import Family
    from evidence_lib.session.report import Report

TESTED = "families.tested"


def record_families(rep: Report) -> None:
    """The adjusted p-value of every hypothesis of the families that test a hypothesis of this report.

    The primary test of each report of a family is computed from the data as that report declares it, so that each
    report stands alone. Keeps what the families test as a table, with the unadjusted p-values.
    """
    from evidence_lib.endpoints.estimand import apply_family, read_families

    if not rep.treatments:  # pooled while the study is blinded, or one arm: nothing is compared, so nothing is tested
        return
    rows = []
    for family in read_families([dict(family) for family in rep.context.families]):
        tests = {
            h.id: primary_test(rep if h.report == rep.context.report else rep.sibling(h.report))
            for h in family.hypotheses
        }
        adjusted = apply_family(family, tests)
        for estimate, second in zip(adjusted, _again(family, tests).items, strict=True):
            name = str(estimate.groups["hypothesis"])
            rep.add(estimate, endpoint=name, second=second, source=_source(family))
            rows.append(
                {
                    "family": family.id,
                    "method": family.method,
                    "alpha": family.alpha,
                    "hypothesis": name,
                    "report": next(h.report for h in family.hypotheses if h.id == name),
                    "test": tests[name].analysis,
                    "p_value": tests[name].p_value,
                    "adjusted": estimate.p_value,
                    "rejected": estimate.p_value is not None and estimate.p_value <= family.alpha,
                }
            )
    if rows:
        import pandas as pd

        rep.keep(TESTED, pd.DataFrame(rows))


def primary_test(rep: Report) -> Estimate:
    """The test of a report's primary measure, with its p-value.

    Raises StudyError where the report compares several treatments, or its notebook has no test for a family.
    """
    from evidence_lib.session import primary_tests

    test: Callable[[Report], Estimate] | None = primary_tests.TESTS.get(rep.context.notebook)
    where = f"endpoint_families, report {rep.context.report}"
    if test is None:
        raise StudyError("a report that tests no hypothesis", where=where, expected=" or ".join(primary_tests.TESTS))
    if len(rep.treatments) != 1:
        raise StudyError(
            "a hypothesis of a family compares one treatment with the reference",
            where=where,
            expected="one treatment",
            found=str(len(rep.treatments)),
            mend="make a report and a hypothesis for each treatment",
        )
    return test(rep)


def _again(family: Family, tests: Mapping[str, Estimate]) -> Estimates:
    """The adjusted p-values by the second route."""
    import numpy as np
    import pandas as pd

    from evidence_lib.recalculation import multiplicity

    p_values = [test.p_value if test.status == "ok" else None for test in tests.values()]
    frame = pd.DataFrame({"hypothesis": list(tests), "p_value": pd.Series(p_values, dtype=float)})
    if family.method != "graphical":
        return multiplicity.adjust(frame, method=family.method, alpha=family.alpha)
    weights: Any = np.array([hypothesis.weight for hypothesis in family.hypotheses], dtype=float)
    return multiplicity.graphical(frame, weights=weights, transitions=family.transitions, alpha=family.alpha)


def _source(family: Family) -> str:
    from evidence_lib.recalculation import multiplicity

    return multiplicity.SOURCE["graphical" if family.method == "graphical" else "adjust"]
