"""The cumulative incidence of an event while others compete: curves with bands, and the numbers at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import place_labels, stack_labels, wrapped
from evidence_lib.report.figures.time_axis import (
    LABEL_WIDTH,
    MARGIN_WIDTH,
    MOST_BESIDE,
    Size,
    TimeAxis,
    canvas,
    draw_at_risk,
    dress,
    thinned,
    time_axis,
)
from evidence_lib.report.tables.comparisons import cause_name
from evidence_lib.report.theme import Pen, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

EVENT = 1
INCIDENCE = "aalen_johansen.cumulative_incidence"


def competing_events(curve: pd.DataFrame, at_risk: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """Curves of the probability of the event (Aalen-Johansen) with bands, and thin lines for the competing events.

    Parameters
    ----------
    curve : DataFrame
        ``cumulative_incidence.curve``: arm, cause (1 is the event), time (days), n_events, cumulative_incidence,
        conf_low, conf_high.
    at_risk : DataFrame
        ``km.at_risk``: arm, time (days), n_at_risk: those without any event so far.
    view : View
        The context, the results and the words.
    size : {"main", "first_screen"}
        The first screen's small form has the event only, and ends at the last time of the at-risk grid.

    Returns
    -------
    Figure
        Its data table holds the probability of each kind of event at the chosen times, and the numbers at risk.

    Notes
    -----
    Misreading: the curves of the event and of the others add up to the share with any event; 1 minus a Kaplan-Meier
    curve would lie above them.
    """
    arms = cells.present_arms(view, at_risk["arm"].unique())
    pen = pens(view.context.arms)
    last = float(max([1.0, *at_risk["time"], *(curve["time"] if len(curve) else ())]))
    axis = time_axis(view, last, at_risk, size)
    with theme(view.item or "cumulative-incidence", small=size == "first_screen"):
        figure, axes = canvas(view, arms, size)
        for arm in arms:
            _draw_arm(axes, curve, arm, pen[arm], axis)
            if size == "main":
                _draw_others(axes, view, curve, arm, pen[arm], axis)
        dress(axes, view, axis, size, label=view.words("survival.figure.incidence.axis"))
        draw_at_risk(axes, view, at_risk, arms, pen, axis, size)
        _label_curves(axes, view, curve, arms, pen, axis, size)
    return Figure(
        title=view.words("survival.figure.incidence.title", endpoint=view.context.endpoint_label),
        drawing=figure,
        alternative_text=_alternative_text(view, arms),
        data=_data(view, at_risk, arms),
        footnotes=_footnotes(view) if size == "main" else [],
    )


def _rows(curve: pd.DataFrame, arm: str, cause: int, end: float) -> pd.DataFrame:
    """The steps of one curve, to the end of the arm's follow-up; flat at 0 where this kind of event never came."""
    import pandas as pd

    columns = ["time", "cumulative_incidence", "conf_low", "conf_high"]
    if len(curve):
        of_arm = curve[curve["arm"] == arm]
        of = of_arm[of_arm["cause"] == cause]
        if len(of):
            return thinned(of)
        end = float(of_arm["time"].max()) if len(of_arm) else end
    return pd.DataFrame([[0.0, 0.0, None, None], [end, 0.0, None, None]], columns=columns)


def _draw_arm(axes: Axes, curve: pd.DataFrame, arm: str, pen: Pen, axis: TimeAxis) -> None:
    rows = _rows(curve, arm, EVENT, axis.end)
    axes.step(
        rows["time"],
        rows["cumulative_incidence"].astype(float),
        where="post",
        color=pen.colour,
        linestyle=pen.dash,
        linewidth=1.8,
    )
    banded = rows.dropna(subset=["conf_low", "conf_high"])
    axes.fill_between(
        banded["time"].astype(float),
        banded["conf_low"].astype(float),
        banded["conf_high"].astype(float),
        step="post",
        color=pen.colour,
        alpha=0.13,
        linewidth=0,
    )


def _draw_others(axes: Axes, view: View, curve: pd.DataFrame, arm: str, pen: Pen, axis: TimeAxis) -> None:
    for cause in range(EVENT + 1, len(view.context.causes) + 1):
        rows = _rows(curve, arm, cause, axis.end)
        axes.step(
            rows["time"],
            rows["cumulative_incidence"].astype(float),
            where="post",
            color=pen.colour,
            linestyle=(0, (1, 1.5)),
            linewidth=1.0,
        )


def _label_curves(
    axes: Axes,
    view: View,
    curve: pd.DataFrame,
    arms: Sequence[str],
    pen: Mapping[str, Pen],
    axis: TimeAxis,
    size: Size,
) -> None:
    """Each curve's name, and its probability at the milestone, beside the curve."""
    milestone = view.context.milestone
    at = float(milestone) if milestone is not None and milestone <= axis.end else axis.end * 0.97
    curves, texts = {}, {}
    beside = len(arms) <= MOST_BESIDE
    for arm in arms:
        rows = _rows(curve, arm, EVENT, axis.end)
        curves[arm] = (rows["time"].astype(float).to_list(), rows["cumulative_incidence"].astype(float).to_list())
        label = wrapped(view.label(arm), LABEL_WIDTH[size] if beside else MARGIN_WIDTH[size], lines=2)
        row = view.results.find(INCIDENCE, arm=arm, cause=EVENT, time=milestone) if milestone is not None else None
        if row is not None and row.value is not None and row.status == "ok" and milestone is not None:
            key = "figure.km.label" if beside else "figure.km.label_at"
            label = view.words(key, arm=label, share=row.value, time=cells.duration(view, milestone))
        texts[arm] = label
    if beside:
        place_labels(axes, texts, curves, pen, at=at, gap=0.008 * axis.end)
    else:
        stack_labels(axes, texts, curves, pen, end=axis.end)


def _alternative_text(view: View, arms: Sequence[str]) -> str:
    milestone, parts = view.context.milestone, []
    for arm in arms if milestone is not None else ():
        for cause in range(EVENT, len(view.context.causes) + 1):
            row = view.results.find(INCIDENCE, arm=arm, cause=cause, time=milestone or 0)
            if row is not None:
                parts.append(
                    view.words(
                        "survival.figure.incidence.alt_arm",
                        arm=view.label(arm),
                        event=cause_name(view, cause),
                        time=cells.duration(view, float(milestone or 0)),
                        value=cells.estimate_text(view, row),
                    )
                )
    gap = view.words("figure.sentence_gap")
    return view.words("survival.figure.incidence.alt", endpoint=view.context.endpoint_label, arms=gap.join(parts))


def _data(view: View, at_risk: pd.DataFrame, arms: Sequence[str]) -> Table:
    say, causes = view.words, range(EVENT, len(view.context.causes) + 1)
    rows, groups = [], []
    for arm in arms:
        for record in at_risk[at_risk["arm"] == arm].sort_values("time").to_dict("records"):
            found = [view.results.find(INCIDENCE, arm=arm, cause=cause, time=record["time"]) for cause in causes]
            shown = [cells.estimate_text(view, row) for row in found]
            rows.append((cells.time_number(view, record["time"]), say.number(record["n_at_risk"]), *shown))
            groups.append(view.label(arm))
    return Table(
        title=say("figure.data_title"),
        columns=(
            say("figure.km.time", unit=say(cells.UNIT_NAMES[view.context.unit])),
            say("figure.km.at_risk"),
            *(say("survival.figure.incidence.probability", event=cause_name(view, cause)) for cause in causes),
        ),
        rows=rows,
        groups=groups,
    )


def _footnotes(view: View) -> list[str]:
    say = view.words
    others = [cause_name(view, cause) for cause in range(EVENT + 1, len(view.context.causes) + 1)]
    lines = [say("survival.figure.incidence.how_to_read", level=cells.level(view))]
    lines += [say("survival.figure.incidence.others", events=others)] if others else []
    if view.context.milestone is not None:
        time = cells.duration(view, view.context.milestone)
        lines.append(say("survival.figure.incidence.milestone", time=time))
    return lines
