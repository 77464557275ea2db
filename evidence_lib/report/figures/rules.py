"""The hazard ratio under each rule of censoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.forest import ForestLine, drawn, ratio_line
from evidence_lib.report.tables.rules import effect_of_rule, short_name
from evidence_lib.report.theme import pens

if TYPE_CHECKING:
    import pandas as pd


def censoring_rules(rules: pd.DataFrame, *, view: View) -> Figure:
    """A forest of the hazard ratio under the report's own rule of censoring and under each other one.

    Parameters
    ----------
    rules : DataFrame
        ``survival.rules``: rule, name; the report's own rule first.
    view : View
        The hazard ratio of each rule is read from its results.

    Notes
    -----
    Misreading: the lines are the same subjects analysed again, so their agreement is no repeated finding.
    """
    lines = [line for treatment in view.context.treatments for line in _block(view, rules, treatment)]
    used = [line.row for line in lines if line.row is not None]
    say = view.words
    data = [line for line in lines if line.row is not None]
    return Figure(
        title=say("survival.figure.rules.title"),
        drawing=drawn(view, lines, heading=say("survival.figure.rules.rule")),
        alternative_text=say(
            "survival.figure.rules.alt",
            lines=[say("survival.figure.rules.alt_line", rule=line.label, value=line.result) for line in data],
        ),
        data=Table(
            title=say("figure.data_title"),
            columns=(
                say("survival.figure.rules.rule"),
                say("figure.forest.events_of_n"),
                say("figure.forest.result", level=cells.level(view)),
            ),
            rows=[(line.label, line.subjects, line.result) for line in data],
            groups=[cells.comparison(view, line.row) for line in data if line.row is not None],
        ),
        footnotes=[say("survival.figure.rules.how_to_read"), *cells.footnotes(view, used)],
    )


def _block(view: View, rules: pd.DataFrame, treatment: str) -> list[ForestLine]:
    colour = pens(view.context.arms)[treatment].colour
    lines = []
    if len(view.context.treatments) > 1:
        lines.append(ForestLine(cells.versus(view, treatment, view.context.reference), None, heading=True))
    for rule in dict.fromkeys(rules["rule"]):
        row = effect_of_rule(view, rule, treatment)
        if row is not None:
            own = rule == view.context.endpoint
            lines.append(ratio_line(view, short_name(view, rule), row, colour, overall=own))
    return lines
