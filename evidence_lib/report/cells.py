"""Cells: how a result row becomes the text of a table cell, a sentence or a footnote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.language import message
from evidence_lib.report.context import View
from evidence_lib.results import Row

UNIT_NAMES = {
    "days": "figure.unit.days",
    "weeks": "figure.unit.weeks",
    "months": "figure.unit.months",
    "years": "figure.unit.years",
}


def duration(view: View, days: float) -> str:
    """A time with its unit: ``5 years``, ``4.9 months``."""
    return view.words.duration(_in_unit(view, days), view.context.unit)


def time_number(view: View, days: float) -> str:
    """A time of a grid without its unit: whole where whole days were rounded from a whole number of the unit."""
    value = _in_unit(view, days)
    return view.words.number(value, 0 if float(value).is_integer() else 1)


def _in_unit(view: View, days: float) -> float:
    """Days in the display unit; whole where they are a whole number of it rounded to days (1826: 60 months)."""
    value = view.context.in_unit(days)
    slack = 0.0 if view.context.unit == "days" else 0.5 / DAYS_PER_UNIT[view.context.unit]
    return float(round(value)) if abs(value - round(value)) <= slack + 1e-9 else value


def level(view: View) -> str:
    """The confidence level: ``95%``, ``97.5%``."""
    whole = abs(view.context.conf_level * 100 - round(view.context.conf_level * 100)) < 1e-9
    return view.words.percent(view.context.conf_level, 0 if whole else 1)


def value_text(view: View, row: Row | None) -> str:
    """One value in the reader's form: days in the display unit, probabilities in percent, NE or withheld said so."""
    if row is None:
        return view.words("table.none")
    if row.status == "withheld":
        return view.words("table.withheld")
    if row.value is None:
        return view.words("form.not_estimable")
    if isinstance(row.value, str):
        return row.value
    return number_text(view, row.value, statistic=row.statistic, unit=row.unit)


def number_text(view: View, value: float, *, statistic: str, unit: str) -> str:
    """A number in the form that its statistic and unit ask for."""
    say = view.words
    if statistic in ("n", "events"):
        return say.number(value, 0)
    if statistic == "p_value":
        return say.p_value(value)
    if statistic == "df":
        return say.number(value, 0 if float(value).is_integer() else 1)
    if unit == "days":
        return say.number(view.context.in_unit(value), 0 if view.context.unit == "days" else 1)
    if unit == "probability":
        return say.percent(value, 1)
    return say.number(value, 0 if unit in ("subjects", "events") else 2)


def statistic(view: View, row: Row, name: str) -> Row | None:
    """The row of another statistic of the same estimate: its limit, its p-value."""
    key = (row.analysis, row.endpoint, row.population, tuple(sorted(row.groups.items())), name)
    return view.results.rows.get(key)


def interval_text(view: View, row: Row | None) -> str:
    """``0.54 to 0.89``, NE where a limit is; a dash where the estimate has no interval at all."""
    if row is None or row.status == "withheld":
        return view.words("table.none")
    low, high = statistic(view, row, "conf_low"), statistic(view, row, "conf_high")
    if low is None and high is None:
        return view.words("table.none")
    return view.words("table.interval", low=value_text(view, low), high=value_text(view, high))


def estimate_text(view: View, row: Row | None) -> str:
    """``42.0 (40.1 to 44.2)``."""
    interval = interval_text(view, row)
    value = value_text(view, row)
    if row is None or row.status == "withheld" or interval == view.words("table.none"):
        return value
    return view.words("table.estimate_interval", value=value, interval=interval)


def points_text(view: View, row: Row | None) -> str:
    """A difference of probabilities in percentage points, signed, with its limits."""
    if row is None or row.value is None or row.status == "withheld":
        return value_text(view, row)
    low, high = statistic(view, row, "conf_low"), statistic(view, row, "conf_high")
    key = "table.points" if low is None or high is None else "table.points_interval"
    limits = {"low": low.value if low else None, "high": high.value if high else None}
    return view.words(key, value=row.value, **limits)


def p_text_of(view: View, row: Row | None) -> str:
    """The p-value of the estimate of ``row``, a dash where it has none."""
    return value_text(view, statistic(view, row, "p_value")) if row is not None else view.words("table.none")


def agreement_text(view: View, rows: Iterable[Row | None]) -> str:
    """``agrees`` or ``DIFFERS`` for rows that were recalculated, a dash where none was."""
    checked = [row.agrees for row in every_statistic(view, rows) if row.agrees is not None]
    if not checked:
        return view.words("table.none")
    return view.words("table.agrees" if all(checked) else "table.differs")


def every_statistic(view: View, rows: Iterable[Row | None]) -> list[Row]:
    """All statistics of the estimates that ``rows`` belong to, in recorded order."""
    wanted = {row.key[:-1] for row in rows if row is not None}
    return [row for row in view.results.rows.values() if row.key[:-1] in wanted]


def footnotes(view: View, rows: Sequence[Row | None]) -> list[str]:
    """What stands under a table: methods, why a value is missing or withheld, and who recalculated it."""
    every = every_statistic(view, rows)
    lines = [view.words("table.method", method=method) for method in _once(text(view, r.method) for r in every)]
    for row in every:
        if row.status == "ok" or not row.reason:
            continue
        key = "table.withheld_because" if row.status == "withheld" else "table.not_estimable_because"
        lines.append(view.words(key, reason=text(view, row.reason)))
    sources = {row.second_source: True for row in every if row.second_source}
    for source in sources:
        agrees = all(row.agrees for row in every if row.second_source == source)
        lines.append(view.words("table.recalculated" if agrees else "table.recalculated_differs", source=source))
    return _once(lines)


def comparison(view: View, row: Row) -> str:
    """``A against B``, or "all arms" for a result that compares every arm at once."""
    treatment, reference = row.groups.get("treatment"), row.groups.get("reference")
    if treatment is None:
        return view.words("table.all_arms")
    return versus(view, str(treatment), str(reference if reference is not None else view.context.reference))


def versus(view: View, treatment: str, reference: str) -> str:
    """``A against B`` with the printed labels."""
    return view.words("table.versus", treatment=view.label(treatment), reference=view.label(reference))


def unstratified_hazard_ratio(view: View, treatment: str) -> Row | None:
    """The hazard ratio of all patients by the model that subgroups and the check of hazards use: without strata.

    Where other events compete it is the cause-specific one.
    """
    if view.context.causes:
        return view.results.find("cause_specific.hazard_ratio.unstratified", treatment=treatment, cause=1)
    return view.results.find("cox.hazard_ratio.unstratified", treatment=treatment)


def present_arms(view: View, names: Iterable[Any]) -> tuple[str, ...]:
    """The context's arms that occur among ``names``, in display order."""
    there = {str(name) for name in names}
    return tuple(arm for arm in view.context.arms if arm in there)


def text(view: View, value: Any) -> str:
    """A recorded text in the view's language: a message, a language map, a catalogue key, or the text itself."""
    if value is None:
        return ""
    if isinstance(value, str) and view.words.has(value):
        return view.words.say(message(value))
    return view.words.form(value)


def rule_text(rule: Any) -> str:
    """A rule such as ``>= 5`` as readers write it."""
    return str(rule).replace(">=", "\u2265").replace("<=", "\u2264")


def _once(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
