"""What a report's families of endpoints decided, in sentences: only their adjusted p-values hold for all tests."""

from __future__ import annotations

import math
from typing import Any

from evidence_lib.report.context import View

TESTED = "families.tested"


def formally_tested(view: View) -> list[dict[str, Any]]:
    """The hypotheses of this report that a family tests: family, hypothesis, alpha, adjusted, rejected."""
    if TESTED not in view.results.tables:
        return []
    rows: list[Any] = view.results.table(TESTED).to_dict("records")
    return [row for row in rows if row["report"] == view.context.report]


def formal_sentences(view: View) -> list[str]:
    """One sentence per hypothesis of this report: what its family decided, with the adjusted p-value."""
    sentences = []
    for row in formally_tested(view):
        shown = {"family": row["family"], "hypothesis": row["hypothesis"], "alpha": f"{row['alpha']:g}"}
        adjusted = _given(row["adjusted"])
        if adjusted is None:
            sentences.append(view.words("survival.formal.unknown", **shown))
            continue
        key = "survival.formal.rejected" if row["rejected"] else "survival.formal.not_rejected"
        sentences.append(view.words(key, p=adjusted, **shown))
    return sentences


def formal_lines(view: View) -> list[str]:
    """The same, short, for a key message."""
    return [
        view.words("survival.formal.line", p=adjusted)
        for row in formally_tested(view)
        if (adjusted := _given(row["adjusted"])) is not None
    ]


def kind_of(view: View, p_value: float) -> str:
    """What a p-value is: the one that a family tested, before its adjustment, or a nominal one."""
    tested = [_given(row["p_value"]) for row in formally_tested(view)]
    found = any(one is not None and math.isclose(one, p_value, rel_tol=1e-9, abs_tol=1e-15) for one in tested)
    return view.words(f"survival.formal.kind.{'unadjusted' if found else 'nominal'}")


def limit_of_p_values(view: View) -> str:
    """Which p-values are nominal: all, or all but those that a family adjusted."""
    return view.words("survival.formal.limit" if formally_tested(view) else "limitations.nominal")


def _given(value: Any) -> float | None:
    return None if value is None or value != value else float(value)
