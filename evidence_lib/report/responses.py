"""The results of a report on tumour response, as its tables, figures and sentences read them."""

from __future__ import annotations

from typing import Any, Literal

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value
from evidence_lib.report.context import View
from evidence_lib.results import Row

ORR, DCR, DOR, BOR = "ORR", "DCR", "DOR", "BOR"
SHARES = ("proportion.wilson", "proportion.clopper_pearson")
Measure = Literal["risk_difference", "adjusted", "risk_ratio", "odds_ratio", "test"]
# The analyses of a measure; a report has one of them.
ANALYSES: dict[Measure, tuple[str, ...]] = {
    "risk_difference": ("rd.miettinen_nurminen.stratified", "rd.miettinen_nurminen.unstratified"),
    "adjusted": ("rd.adjusted.ye",),
    "risk_ratio": ("rr.mantel_haenszel", "rr.log"),
    "odds_ratio": ("or.mantel_haenszel", "or.woolf"),
    "test": ("cmh.general_association",),
}
NO_DIFFERENCE = {"risk_difference": 0.0, "risk_ratio": 1.0, "odds_ratio": 1.0}
# From best to worst, with the key of the name.
BEST = {
    "CR": "response.best.CR",
    "PR": "response.best.PR",
    "SD": "response.best.SD",
    "NON-CR/NON-PD": "response.best.non_target",
    "NED": "response.best.NED",
    "PD": "response.best.PD",
    "NE": "response.best.NE",
    "MISSING": "response.best.none",
}
APART = ("role", "rule", "level", "category")  # groups that make a row one of another analysis


def rows(
    view: View, analyses: tuple[str, ...], endpoint: str, *, statistic: str = "estimate", **groups: Any
) -> list[Row]:
    """The rows of these analyses of an endpoint with these groups, and with no rule, level or role beside them."""
    found = []
    for name in analyses:
        for row in view.results.select(name, statistic, **groups):
            other = [key for key in APART if key in row.groups and key not in groups]
            if row.endpoint == endpoint and not other:
                found.append(row)
    return found


def share(view: View, endpoint: str, arm: str, **groups: Any) -> Row | None:
    """The share of an arm."""
    return next(iter(rows(view, SHARES, endpoint, arm=arm, **groups)), None)


def compared(view: View, measure: Measure, treatment: str, endpoint: str = ORR, **groups: Any) -> Row | None:
    """The comparison of a treatment with the reference by a measure."""
    statistic = "test_statistic" if measure == "test" else "estimate"
    found = rows(view, ANALYSES[measure], endpoint, statistic=statistic, treatment=treatment, **groups)
    return next(iter(found), None)


def value(view: View, row: Row | None) -> Value:
    """A row with its limits; nothing where there is none."""
    if row is None:
        return Value(None, None, None, None, False)
    low, high = (cells.statistic(view, row, name) for name in ("conf_low", "conf_high"))
    reason = view.words.say(row.reason) if row.reason is not None else None
    return Value(number(row), number(low), number(high), reason, row.status == "withheld")


def number(row: Row | None) -> float | None:
    """The number of a row, where it has one."""
    return float(row.value) if row is not None and isinstance(row.value, int | float) else None


def counted(view: View, row: Row | None) -> tuple[int, int]:
    """How many have it, of how many."""
    if row is None:
        return 0, 0
    events, n = (number(cells.statistic(view, row, name)) for name in ("events", "n"))
    return int(events or 0), int(n or 0)


def rule_name(view: View, rule: str) -> str:
    """Another rule in words: with or without confirmation, or another minimum of stable disease."""
    if rule in ("confirmed", "unconfirmed"):
        return view.words(f"response.rule.{rule}")
    return view.words("response.rule.stable", days=int(rule.split()[1]))


def confirmed(view: View) -> bool:
    """Whether a response counts only if a later assessment confirms it."""
    return bool(view.results.table("response.rules")["confirmed"].item())


def stable_days(view: View) -> int:
    """The days from the start until stable disease counts."""
    return int(view.results.table("response.rules")["minimum_stable_days"].item())
