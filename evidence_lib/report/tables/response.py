"""Tables of tumour response: best overall response, rates and their comparison, other rules, and durations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.responses import (
    BEST,
    BOR,
    DCR,
    DOR,
    ORR,
    Measure,
    compared,
    counted,
    rows,
    rule_name,
    share,
    stable_days,
)
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd

MEASURES: tuple[Measure, ...] = ("risk_difference", "adjusted", "risk_ratio", "odds_ratio", "test")


def best_overall_response(*, view: View) -> Table:
    """How many of each arm had which best overall response, with the interval of the share.

    Parameters
    ----------
    view : View
        The shares of the endpoint BOR by category are read from its results.

    Notes
    -----
    Misreading: stable disease in a tumour that grows slowly is common without any treatment.
    """
    arms, used, lines = view.context.arms, [], []
    there = {row.groups.get("category") for row in view.results.rows.values() if row.endpoint == BOR}
    for category in (name for name in BEST if name in there):
        found = [share(view, BOR, arm, category=category) for arm in arms]
        used += found
        lines.append((view.words(BEST[category]), *(count_cell(view, row) for row in found)))
    return Table(
        title=view.words("response.table.best.title"),
        columns=(view.words("response.table.best"), *(arm_heading(view, arm) for arm in arms)),
        rows=lines,
        footnotes=[
            view.words("response.table.cell_note", level=cells.level(view)),
            view.words("response.table.best.note", days=stable_days(view)),
            view.words("response.table.days_note"),
            *cells.footnotes(view, used),
        ],
    )


def response_rates(*, view: View) -> Table:
    """How many of each arm responded, and the share with its interval.

    Parameters
    ----------
    view : View
        The shares of the endpoint ORR are read from its results.
    """
    arms, say = view.context.arms, view.words
    found = [share(view, ORR, arm) for arm in arms]
    counts = [counted(view, row) for row in found]
    return Table(
        title=say("response.table.rates.title"),
        columns=(say("response.table.rates"), *(view.label(arm) for arm in arms)),
        rows=[
            (say("table.subjects"), *(say.number(n) for _, n in counts)),
            (say("response.table.responders"), *(say.number(events) for events, _ in counts)),
            (
                say("response.table.share", level=cells.level(view)),
                *(cells.estimate_text(view, row) for row in found),
            ),
        ],
        footnotes=[say("response.table.missing_note"), *cells.footnotes(view, found)],
    )


def response_comparisons(*, view: View) -> Table:
    """The arms compared: difference, adjusted difference, ratios and the test; the primary measure first.

    Parameters
    ----------
    view : View
        ``rd.*``, ``rr.*``, ``or.*`` and ``cmh.*`` of the endpoint ORR are read from its results.

    Notes
    -----
    Misreading: an odds ratio is no ratio of shares; where responses are frequent it is further from 1.
    """
    say, lines, groups, used = view.words, [], [], []
    order = sorted(MEASURES, key=lambda measure: measure != view.context.primary_measure)
    for treatment in view.context.treatments:
        versus = cells.versus(view, treatment, view.context.reference)
        for measure in order:
            row = compared(view, measure, treatment)
            if row is None:
                continue
            used.append(row)
            main = measure == view.context.primary_measure
            second = cells.agreement_text(view, [row])
            lines.append((_measure_name(view, measure), *_result(view, row, measure), second))
            role = say("response.role.primary" if main else "response.role.beside")
            groups.append(say("response.table.group", comparison=versus, role=role))
    return Table(
        title=say("response.table.comparisons.title"),
        columns=(
            say("response.table.measure"),
            say("response.table.result"),
            say("table.interval_of", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=lines,
        groups=groups,
        footnotes=[say("response.table.comparisons.note"), *cells.footnotes(view, used)],
    )


def response_sensitivity(*, view: View) -> Table:
    """Response and disease control, by the rules of the report and by others.

    Parameters
    ----------
    view : View
        The shares and differences of the endpoints ORR and DCR, with role and rule, are read from its results.

    Notes
    -----
    Misreading: without confirmation more patients respond, because the error of one scan can look like a response.
    """
    say, lines, groups, used = view.words, [], [], []
    arms, treatments = view.context.arms, view.context.treatments
    for endpoint, name, given in _analyses(view):
        found = [share(view, endpoint, arm, **given) for arm in arms]
        apart = [compared(view, "risk_difference", treatment, endpoint, **given) for treatment in treatments]
        if all(row is None for row in found):
            continue
        used += [*found, *apart]
        lines.append(
            (name, *(count_cell(view, row) for row in found), *(cells.points_text(view, row) for row in apart))
        )
        groups.append(say(f"response.role.{given.get('role', 'main')}", name=say(f"response.name.{endpoint}")))
    return Table(
        title=say("response.table.sensitivity.title"),
        columns=(
            say("response.table.analysis"),
            *(arm_heading(view, arm) for arm in arms),
            *(
                say("response.table.difference", comparison=cells.versus(view, treatment, view.context.reference))
                for treatment in treatments
            ),
        ),
        rows=lines,
        groups=groups,
        footnotes=[
            say("response.table.cell_note", level=cells.level(view)),
            say("response.table.days_note"),
            *cells.footnotes(view, used),
        ],
    )


def response_durations(times: pd.DataFrame, *, view: View) -> Table:
    """How long responses lasted, and when they began, in those who responded.

    Parameters
    ----------
    times : DataFrame
        ``response.time``: variable, arm, n, median, q1, q3, low, high; days from the start to the first response.
    view : View
        ``km.median`` of the endpoint DOR is read from its results.

    Notes
    -----
    Misreading: responders are chosen by their outcome, so durations of two arms are not a randomised comparison.
    """
    say, arms = view.words, view.context.arms
    medians = [next(iter(rows(view, ("km.median",), DOR, arm=arm, role="supplementary")), None) for arm in arms]
    records = {str(row["arm"]): row for row in times.to_dict("records")} if len(times) else {}
    found = [records.get(arm, {}) for arm in arms]
    counts = [counted(view, row) for row in medians]
    unit = say(cells.UNIT_NAMES[view.context.unit])
    return Table(
        title=say("response.table.durations.title"),
        columns=(say("response.table.durations", unit=unit), *(view.label(arm) for arm in arms)),
        rows=[
            (say("response.table.responders"), *(say.number(n) for _, n in counts)),
            (say("response.table.ended"), *(say.number(events) for events, _ in counts)),
            (
                say("response.table.median_duration", level=cells.level(view)),
                *(cells.estimate_text(view, row) for row in medians),
            ),
            (say("response.table.median_time"), *(_spread(view, row, "median", "q1", "q3") for row in found)),
            (say("response.table.range_time"), *(_spread(view, row, None, "low", "high") for row in found)),
        ],
        footnotes=[say("response.table.durations.note"), *cells.footnotes(view, medians)],
    )


def count_cell(view: View, row: Row | None) -> str:
    """``154 (52.0%; 46.3% to 57.6%)``."""
    if row is None or row.status != "ok":
        return cells.value_text(view, row)
    events, _ = counted(view, row)
    share_text, interval = cells.value_text(view, row), cells.interval_text(view, row)
    return view.words("response.table.cell", count=events, share=share_text, interval=interval)


def arm_heading(view: View, arm: str) -> str:
    """The name of an arm with the number of its patients."""
    row = view.results.find("count.subjects", arm=arm)
    return view.words("baseline.table.arm_n", arm=view.label(arm), n=cells.value_text(view, row) if row else "")


def _analyses(view: View) -> list[tuple[str, str, dict[str, Any]]]:
    """Endpoint, name and groups of every line of the table of other rules."""
    say = view.words
    made: list[tuple[str, str, dict[str, Any]]] = []
    report_rule = {
        ORR: say("response.rule.report"),
        DCR: say("response.rule.report_stable", days=stable_days(view)),
    }
    for endpoint, own in ((ORR, {}), (DCR, {"role": "supplementary"})):
        made.append((endpoint, report_rule[endpoint], own))
        for rule in _rules(view, endpoint):
            made.append((endpoint, rule_name(view, rule), {"role": "sensitivity", "rule": rule}))
    return made


def _rules(view: View, endpoint: str) -> list[str]:
    rules = (row.groups.get("rule") for row in view.results.rows.values() if row.endpoint == endpoint)
    return list(dict.fromkeys(str(rule) for rule in rules if rule is not None))


def _measure_name(view: View, measure: Measure) -> str:
    return view.words(f"response.measure.{measure}")


def _result(view: View, row: Row, measure: Measure) -> Sequence[str]:
    """The result, its interval and its p-value as texts."""
    p = cells.p_text_of(view, row)
    if measure == "test":
        df = cells.statistic(view, row, "df")
        text = cells.value_text(view, row)
        if row.value is not None and row.status == "ok":
            text = view.words("table.test.chi_square", value=text, df=cells.value_text(view, df))
        return text, view.words("table.none"), p
    if measure in ("risk_difference", "adjusted") and row.value is not None and row.status == "ok":
        low, high = (cells.statistic(view, row, name) for name in ("conf_low", "conf_high"))
        limits = {"low": low.value if low else None, "high": high.value if high else None}
        interval = view.words("response.table.points_limits", **limits)
        return view.words("table.points", value=row.value), interval, p
    return cells.value_text(view, row), cells.interval_text(view, row), p


def _spread(view: View, record: Mapping[Any, Any], middle: str | None, low: str, high: str) -> str:
    """A median with its quartiles, or a range, in the display unit."""
    if not record or record.get(low) is None:
        return view.words("table.none")
    ends = [cells.number_text(view, float(record[name]), statistic="estimate", unit="days") for name in (low, high)]
    interval = view.words("table.interval", low=ends[0], high=ends[1])
    if middle is None:
        return interval
    median = cells.number_text(view, float(record[middle]), statistic="estimate", unit="days")
    return view.words("table.estimate_interval", value=median, interval=interval)
