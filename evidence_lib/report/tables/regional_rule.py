"""Tables of a report on regions: what chance brings, the rule of consistency, heterogeneity, and what was planned."""

from __future__ import annotations

from typing import Any

from evidence_lib.report import cells
from evidence_lib.report import regional as read
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.results import Row

PATTERNS = ("other_way", "below_share", "as_small")


def regional_patterns(*, view: View) -> Table:
    """How often chance alone would bring such regions, in 100 trials of this size with the same effect everywhere.

    Parameters
    ----------
    view : View
        ``regional.pattern.*`` are read from its results.

    Notes
    -----
    Misreading: these are no probabilities that the regions are alike.
    """
    say, plan = view.words, read.plan_of(view)
    models = read.models(view)
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    for treatment in view.context.treatments:
        kinds: list[tuple[str, str | None]] = [(kind, None) for kind in PATTERNS]
        kinds += [("region_as_small", plan["focus"])] if plan["focus"] else []
        for kind, region in kinds:
            named = {} if region is None else {"region": region}
            found = [
                view.results.find(f"regional.pattern.{kind}", treatment=treatment, model=model, **named)
                for model in models
            ]
            if any(row is not None for row in found):
                heading = say(
                    f"regional.table.pattern.{kind}",
                    share=plan["retained"],
                    region=view.label(region or ""),
                )
                rows.append((heading, *(_per100(view, row) for row in found), cells.agreement_text(view, found)))
                used += found
        groups += [cells.versus(view, treatment, view.context.reference)] * (len(rows) - len(groups))
    return Table(
        title=say("regional.table.pattern.title"),
        columns=(
            say("regional.table.pattern"),
            *(say(f"regional.table.pattern.model.{model}") for model in models),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if len(view.context.treatments) > 1 else None,
        footnotes=[say("regional.table.pattern.how_to_read"), *cells.footnotes(view, used)],
    )


def _per100(view: View, row: Row | None) -> str:
    value = read.number_of(row)
    return cells.value_text(view, row) if value is None else chance_text(view, value)


def chance_text(view: View, probability: float, *, short: bool = False) -> str:
    """A probability as trials in 100: ``13 in 100``, ``fewer than 1 in 100`` (``short``: ``<1 in 100``)."""
    if 0.01 <= probability <= 0.99:
        return view.words("regional.chance", share=probability)
    kind = "few" if probability < 0.01 else "most"
    return view.words(f"regional.chance.{kind}_short" if short else f"regional.chance.{kind}")


def regional_retention(*, view: View) -> Table:
    """The share of the overall effect that each region keeps, beside the declared one.

    Parameters
    ----------
    view : View
        ``regional.retention`` and ``regional.pattern.region_as_small`` are read from its results.

    Notes
    -----
    Misreading: a share below the declared one in a small region is mostly chance; the last column says how often.
    """
    say, plan = view.words, read.plan_of(view)
    rows, groups, used = [], [], []
    for treatment in view.context.treatments:
        for region in read.compared_regions(view, treatment):
            kept = view.results.find("regional.retention", treatment=treatment, region=region)
            value = read.number_of(kept)
            chance = read.pattern(view, "region_as_small", treatment, region)
            rows.append(
                (
                    view.label(region),
                    _percent(view, kept),
                    _percent_interval(view, kept),
                    say("table.none") if value is None else _reached(view, value, plan["retained"]),
                    _per100(view, chance),
                    cells.agreement_text(view, [kept, chance]),
                )
            )
            groups.append(cells.versus(view, treatment, view.context.reference))
            used += [kept, chance]
    scale = say("regional.table.retention.how_to_read")
    unclear = [say("regional.table.retention.unbounded")] if _any_unbounded(view) else []
    return Table(
        title=say("regional.table.retention.title"),
        columns=(
            say("regional.table.region"),
            say("regional.table.retention.kept"),
            say("table.interval_of", level=cells.level(view)),
            say("regional.table.retention.reached", share=plan["retained"]),
            say("regional.table.retention.chance"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if len(view.context.treatments) > 1 else None,
        footnotes=[scale, *unclear, *cells.footnotes(view, used)],
    )


def _any_unbounded(view: View) -> bool:
    return any(read.unbounded(view, treatment) for treatment in view.context.treatments)


def _reached(view: View, value: float, share: float) -> str:
    return view.words("regional.table.retention.yes" if value >= share else "regional.table.retention.no")


def _percent(view: View, row: Row | None) -> str:
    value = read.number_of(row)
    return cells.value_text(view, row) if value is None else view.words.percent(value, 0)


def _percent_interval(view: View, row: Row | None) -> str:
    if row is None:
        return view.words("table.none")
    low, high = (cells.statistic(view, row, limit) for limit in ("conf_low", "conf_high"))
    return view.words("table.interval", low=_percent(view, low), high=_percent(view, high))


def regional_heterogeneity(*, view: View) -> Table:
    """Whether the regions differ by more than chance: signs, Cochran's Q, I2, the variance, and the interaction.

    Parameters
    ----------
    view : View
        ``regional.sign_agreement``, ``regional.heterogeneity``, ``regional.i_squared``, ``regional.tau_squared`` and
        ``cox.interaction`` are read from its results.

    Notes
    -----
    Misreading: these tests find little; a large p-value does not show that the regions are alike.
    """
    say, column = view.words, read.plan_of(view)["column"]
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    for treatment in view.context.treatments:
        pair: dict[str, Any] = {"treatment": treatment}
        same = read.agreement(view, treatment)
        signs = view.results.find("regional.sign_agreement", **pair)
        text = say("table.none") if same is None else say("regional.table.signs.cell", n=same[0], of=same[1])
        rows.append((say("regional.table.signs"), text, say("table.none"), cells.agreement_text(view, [signs])))
        tests = [
            (say("regional.table.q"), view.results.find("regional.heterogeneity", "test_statistic", **pair)),
            (say("regional.table.i2"), view.results.find("regional.i_squared", **pair)),
            (say("regional.table.tau2"), view.results.find("regional.tau_squared", **pair)),
            (
                say("regional.table.interaction"),
                view.results.find("cox.interaction", "test_statistic", subgroup=column, **pair),
            ),
        ]
        for heading, row in tests:
            rows.append((heading, _test_text(view, row), cells.p_text_of(view, row), cells.agreement_text(view, [row])))
        groups += [cells.versus(view, treatment, view.context.reference)] * (len(rows) - len(groups))
        used += [signs, *(row for _, row in tests)]
    return Table(
        title=say("regional.table.heterogeneity.title"),
        columns=(
            say("regional.table.measure"),
            say("table.test.result"),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if len(view.context.treatments) > 1 else None,
        footnotes=[say("regional.table.heterogeneity.how_to_read"), *cells.footnotes(view, used)],
    )


def _test_text(view: View, row: Row | None) -> str:
    if row is None or row.value is None or row.statistic != "test_statistic":
        return cells.value_text(view, row)
    df = cells.value_text(view, cells.statistic(view, row, "df"))
    return view.words("table.test.chi_square", value=cells.value_text(view, row), df=df)


def regional_planning(*, view: View) -> Table:
    """The probability of meeting the rule by the plan, and the share and number of patients that a region needs.

    Parameters
    ----------
    view : View
        ``consistency.*`` are read from its results.

    Notes
    -----
    Misreading: it holds for equal true effects and the planned power; it is no result of the trial.
    """
    say, plan = view.words, read.plan_of(view)
    method, senses = f"consistency.method_{plan['method']}", ("unconditional", "joint", "conditional")
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    for treatment in view.context.treatments:
        first = view.results.select(f"{method}.unconditional", treatment=treatment)
        for row in first:
            region = row.groups.get("region")
            named: dict[str, Any] = {} if region is None else {"region": region}
            found = [view.results.find(f"{method}.{sense}", treatment=treatment, **named) for sense in senses]
            heading = say("regional.table.planning.all") if region is None else view.label(str(region))
            rows.append((heading, *(cells.value_text(view, one) for one in found), cells.agreement_text(view, found)))
            used += found
        groups += [cells.versus(view, treatment, view.context.reference)] * (len(rows) - len(groups))
    needed = [_needed(view, row) for row in view.results.select("consistency.smallest_fraction")]
    used += view.results.select("consistency.smallest_fraction")
    return Table(
        title=say("regional.table.planning.title"),
        columns=(
            say("regional.table.region"),
            *(say(f"regional.table.planning.{sense}") for sense in senses),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if len(view.context.treatments) > 1 else None,
        footnotes=[*needed, say("regional.table.planning.how_to_read"), *cells.footnotes(view, used)],
    )


def _needed(view: View, row: Row) -> str:
    """How many patients of a trial of this size a region needs."""
    value = read.number_of(row)
    if value is None:
        return view.words("regional.table.planning.no_size", reason=cells.text(view, row.reason))
    needed = view.results.table("regional.needed").set_index("treatment").loc[str(row.groups["treatment"])]
    return view.words("regional.table.planning.needed", share=value, n=needed["needed"], of=needed["of"])
