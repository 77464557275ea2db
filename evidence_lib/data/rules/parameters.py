"""Rules of the Basic Data Structure: baseline, change, one record per visit, units, responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evidence_lib.data.findings import Finding, shown
from evidence_lib.data.rules.material import DataSet, Rule
from evidence_lib.data.specs import RESPONSE, as_text
from evidence_lib.data.values import each_value, half_width

if TYPE_CHECKING:
    import pandas as pd

# What may tell two baselines, or two records of one visit, apart.
SERIES = ("USUBJID", "PARAMCD", "BASETYPE", "ATPT", "ATPTN", "TRLNKID", "RSEVAL", "RSEVALID", "PARQUAL")
UNITS = ("AVALU", "LBSTRESU", "VSSTRESU", "QSSTRESU", "EGSTRESU")
BEST_KNOWN = {"CR", "PR", "PD"}
LARGEST = 1e15  # greater numbers have no decimals in floating point
PLACES = 10  # decimals that are looked for; a number with more is taken as not rounded


def change(data: DataSet) -> Iterator[Finding]:
    """CHG = AVAL - BASE and PCHG = 100 CHG / BASE, but for rounding to the decimals that a parameter is given with."""
    if not data.has("PARAMCD", "AVAL", "BASE"):
        return
    frame = data.frame
    difference = frame["AVAL"] - frame["BASE"]
    step = _step(frame, ("AVAL", "BASE"))
    if data.has("CHG"):
        allowed = _largest(step, _step(frame, ("CHG",))) + 1e-9 * frame[["AVAL", "BASE"]].abs().max(axis="columns")
        yield from data.broken("wrong_change", "error", (frame["CHG"] - difference).abs() > allowed)
    if data.has("PCHG"):
        size = frame["BASE"].abs().where(frame["BASE"] != 0)
        exact = 100 * difference / frame["BASE"].where(frame["BASE"] != 0)
        allowed = _step(frame, ("PCHG",)) + 100 * step * (1 + (exact / 100).abs()) / size + 1e-9 * exact.abs()
        yield from data.broken("wrong_percent_change", "error", (frame["PCHG"] - exact).abs() > allowed)
        yield from data.broken("percent_of_zero", "warning", frame["PCHG"].notna() & (frame["BASE"] == 0))


def _step(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """For each record the last decimal that its parameter's values are rounded to: 0.01 for two decimals.

    0 where they are whole numbers (nothing was rounded away) or not rounded.
    """
    import numpy as np

    steps: dict[object, float] = {}
    for code, part in frame.groupby("PARAMCD", sort=False):
        values = part[list(columns)].to_numpy(dtype="float64").ravel()
        values = values[np.isfinite(values)]
        values = values[np.abs(values) < LARGEST]
        places = next((k for k in range(PLACES) if (np.abs((s := values * 10.0**k) - np.round(s)) <= 1e-6).all()), 0)
        steps[code] = 1.01 * 10.0**-places if places else 0.0
    return frame["PARAMCD"].map(steps).astype("float64").fillna(0.0)


def _largest(one: pd.Series, other: pd.Series) -> pd.Series:
    return one.where(one >= other, other)


def baseline(data: DataSet) -> Iterator[Finding]:
    """More than one baseline record, and BASE that is not the value of the baseline record."""
    if not data.has("USUBJID", "PARAMCD", "ABLFL"):
        return
    frame, keys = data.frame, data.there(SERIES)
    flagged = frame["ABLFL"] == "Y"
    marks = frame[flagged]
    several = marks.duplicated(keys, keep=False)
    yield from data.broken("several_baselines", "warning", flagged & _spread(several, frame), columns=tuple(keys))
    if not data.has("AVAL", "BASE"):
        return
    once = marks[~several].set_index(keys)["AVAL"]
    import pandas as pd

    stated = once.reindex(pd.MultiIndex.from_frame(frame[keys])).set_axis(frame.index)
    step = _step(frame, ("AVAL", "BASE")) + 1e-9 * frame["BASE"].abs()
    yield from data.broken("other_baseline", "warning", (frame["BASE"] - stated).abs() > step)
    yield from data.broken("empty_baseline", "warning", flagged & frame["AVAL"].isna())


def analysed_once(data: DataSet) -> Iterator[Finding]:
    """More than one record with ANL01FL = Y for a subject, parameter and visit."""
    if not data.has("USUBJID", "PARAMCD", "AVISIT", "ANL01FL"):
        return
    frame, keys = data.frame, [*data.there(SERIES), "AVISIT", *data.there(("DTYPE",))]
    analysed = (frame["ANL01FL"] == "Y") & frame["AVISIT"].notna()
    again = frame[analysed].duplicated(keys, keep=False)
    yield from data.broken("several_analysed", "warning", _spread(again, frame), columns=tuple(keys))


def _spread(mask: pd.Series, frame: pd.DataFrame) -> pd.Series:
    """A mask of some records as one of all, false for the others."""
    return mask.reindex(frame.index, fill_value=False).astype(bool)


def units(data: DataSet) -> Iterator[Finding]:
    """Several units in one parameter: AVALU is that of AVAL, which is analysed as one number."""
    if not data.has("PARAMCD"):
        return
    for column in data.there(UNITS):
        unit = each_value(data.frame[column], lambda value: half_width(str(value)).lower())
        counts = unit.groupby([data.frame["PARAMCD"], unit]).size()
        usual = {code: found.droplevel(0).idxmax() for code, found in counts.groupby(level=0) if len(found) > 1}
        mixed = tuple(sorted(str(code) for code in usual))
        other = unit.notna() & data.frame["PARAMCD"].isin(usual) & (unit != data.frame["PARAMCD"].map(usual))
        severity = "error" if column == "AVALU" else "warning"
        yield from data.broken("several_units", severity, other, column=column, parameters=mixed)  # type: ignore[arg-type]


def responses(data: DataSet) -> Iterator[Finding]:
    """Tumour responses that are not those of RECIST, in parameters that hold responses."""
    if not data.has("PARAMCD", "AVALC") or not data.name.startswith("ADRS"):
        return
    answers = each_value(data.frame["AVALC"], lambda value: str(as_text(value) or "").upper())
    codes = set(data.frame.loc[answers.isin(BEST_KNOWN), "PARAMCD"])
    other = data.frame["PARAMCD"].isin(codes) & data.frame["AVALC"].notna() & ~answers.isin(RESPONSE)
    yield from data.broken(
        "not_in_codelist",
        "warning",
        other,
        column="AVALC",
        values=shown(data.frame.loc[other, "AVALC"]),
        permitted=RESPONSE,
    )


def limits(data: DataSet) -> Iterator[Finding]:
    """A lower limit of normal above the upper one."""
    for low, high in (("A1LO", "A1HI"), ("ANRLO", "ANRHI")):
        if data.has(low, high):
            yield from data.broken("limits_reversed", "warning", data.frame[low] > data.frame[high], low=low, high=high)


PARAMETER_RULES: tuple[Rule, ...] = (change, baseline, analysed_once, units, responses, limits)
