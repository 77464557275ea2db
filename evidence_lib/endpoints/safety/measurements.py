"""Laboratory values and vital signs on treatment: categories, multiples of the normal limit, values by visit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence_lib.endpoints.safety.exposure import day_of
from evidence_lib.errors import DataError
from evidence_lib.statistics.safety.laboratory import LIVER_CATEGORIES, liver_category

RANGES = {"N": "normal", "NORMAL": "normal", "L": "low", "LOW": "low", "H": "high", "HIGH": "high",
          "LL": "low", "HH": "high", "LOW LOW": "low", "HIGH HIGH": "high"}  # fmt: skip
RANGE_ORDER = ("low", "normal", "high", "low_and_high")
WORST = "worst"
VISIT_KEYS = ["parameter", "label", "position", "visit", "arm"]
LIVER = {"transaminase": ("ALT", "AST"), "bilirubin": ("BILI", "BILIRUBIN", "TBILI"), "phosphatase": ("ALP",)}


def laboratory_shifts(
    records: pd.DataFrame, subjects: pd.DataFrame, *, parameters: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Category at baseline and on treatment: by visit, and the worst (``visit`` = worst), for ``statistics.safety``.

    Toxicity grades (BTOXGR, ATOXGR) where the data have them, the worst being the highest; else the normal range
    (BNRIND, ANRIND), where the worst of a subject with low and with high values is ``low_and_high``. On treatment are
    records with ONTRTFL = Y, without that column those after the first day of treatment that are no baseline.
    Columns: subject, arm, parameter, label, visit, baseline, category. Raises DataError for a parameter that does not
    occur.
    """
    empty = pd.DataFrame(columns=["subject", "arm", "parameter", "label", "visit", "baseline", "category"])
    if "PARAMCD" not in records:
        return empty
    if parameters:
        parameters = [parameters] if isinstance(parameters, str) else parameters
        missing = sorted(set(parameters) - set(records["PARAMCD"].dropna()))
        if missing:
            raise DataError("no laboratory record has this parameter", where="ADLB", found=", ".join(missing))
        records = records[records["PARAMCD"].isin(parameters)]
    graded = {"ATOXGR", "BTOXGR"} <= set(records) and bool(records["ATOXGR"].notna().any())
    if not graded and not {"ANRIND", "BNRIND"} <= set(records):
        return empty
    now, before = ("ATOXGR", "BTOXGR") if graded else ("ANRIND", "BNRIND")
    on = records[on_treatment(records, subjects)]
    read = _grade if graded else _range
    made = pd.DataFrame(
        {
            "subject": on["subject"],
            "arm": on["arm"],
            "parameter": on["PARAMCD"],
            "label": labels(on),
            "visit": on.get("AVISIT"),
            "order": on.get("AVISITN", 0.0),
            "baseline": on[before].map(read),
            "category": on[now].map(read),
        }
    ).dropna(subset=["baseline", "category"])
    visits = made.dropna(subset=["visit"]).sort_values(["parameter", "order"], kind="stable")
    visits = visits.assign(visit=visits["visit"].astype(str).str.strip())
    # A visit that a subject made twice counts once, with its worst value.
    parts = [_worst(made.assign(visit=WORST), graded=graded), _worst(visits, graded=graded)]
    return pd.concat(parts, ignore_index=True)[list(empty)]


def liver_peaks(records: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """Each subject's highest liver values on treatment in multiples of the upper limit of normal.

    Columns: subject, arm, ``alt`` (the figure's axis), ``transaminase`` (the higher of ALT and AST), ``bilirubin``,
    ``phosphatase`` (missing where not measured), and the ``category`` of ``statistics.safety.liver_category``.
    Subjects without ALT or bilirubin on treatment have no row.
    """
    columns = ["subject", "arm", "alt", "transaminase", "bilirubin", "phosphatase", "category"]
    if not {"PARAMCD", "AVAL"} <= set(records) or not {"R2A1HI", "A1HI", "ANRHI"} & set(records):
        return pd.DataFrame(columns=columns).astype({"category": pd.CategoricalDtype(list(LIVER_CATEGORIES))})
    on = records[on_treatment(records, subjects)]
    limit = next((name for name in ("A1HI", "ANRHI") if name in on), None)
    # The ratio in the data may be rounded, and a limit must not be reached by rounding.
    multiple = on["R2A1HI"] if limit is None else on["AVAL"] / on[limit].where(on[limit] > 0)
    on = on.assign(multiple=multiple.where(multiple >= 0))

    def peak(codes: Sequence[str]) -> pd.Series:
        return on[on["PARAMCD"].isin(codes)].groupby("subject")["multiple"].max()

    made = subjects[["subject", "arm"]].copy()
    made["alt"] = peak(("ALT",)).reindex(made["subject"]).to_numpy(dtype=float)
    for name, codes in LIVER.items():
        made[name] = peak(codes).reindex(made["subject"]).to_numpy(dtype=float)
    made = made.dropna(subset=["alt", "transaminase", "bilirubin"]).reset_index(drop=True)
    named = liver_category(made["transaminase"], made["bilirubin"], made["phosphatase"])
    return made[columns[:-1]].assign(category=pd.Categorical(named, categories=list(LIVER_CATEGORIES)))


def unnamed(peaks: pd.DataFrame) -> pd.DataFrame:
    """The liver values without subjects, in the order of the values, so that a row points to nobody."""
    kept = peaks[["arm", "alt", "bilirubin", "category"]]
    return kept.sort_values(["arm", "alt", "bilirubin", "category"], kind="stable").reset_index(drop=True)


def by_visit(records: pd.DataFrame) -> pd.DataFrame:
    """Values and changes from baseline by parameter, position and visit, for ``statistics.safety.visit_summary``.

    ANL01FL = Y where it flags every visit's record, and only records of a named visit. Columns: parameter, label,
    position (ATPT; empty without), visit, arm, value, change.
    """
    if not {"PARAMCD", "AVAL", "AVISIT"} <= set(records):
        return pd.DataFrame(columns=[*VISIT_KEYS, "value", "change"]).astype({"value": float, "change": float})
    kept = records[records["AVISIT"].notna() & records["AVAL"].notna()]
    if "ANL01FL" in kept and (kept["ANL01FL"] == "Y").any():
        kept = kept[kept["ANL01FL"] == "Y"]
    keys = [name for name in ("PARAMN", "PARAMCD", "ATPTN", "ATPT", "AVISITN", "AVISIT") if name in kept]
    kept = kept.sort_values(keys, kind="stable")
    made = pd.DataFrame({"parameter": kept["PARAMCD"], "label": labels(kept)})
    made["position"] = kept["ATPT"].where(kept["ATPT"].notna(), "") if "ATPT" in kept else ""
    made["visit"] = kept["AVISIT"].astype(str).str.strip()
    made["arm"] = kept["arm"]
    made["value"] = kept["AVAL"].astype(float)
    change = kept["CHG"] if "CHG" in kept else kept["AVAL"] - kept["BASE"] if "BASE" in kept else float("nan")
    baseline = kept["ABLFL"] == "Y" if "ABLFL" in kept else pd.Series(False, index=kept.index)
    made["change"] = pd.Series(change, index=kept.index, dtype=float).mask(baseline)
    return made.reset_index(drop=True)


def labels(records: pd.DataFrame) -> pd.Series:
    """What each parameter is called: PARAM where a code has one such text, else the code."""
    codes = records["PARAMCD"].astype(str)
    if "PARAM" not in records:
        return codes
    texts = records["PARAM"].astype(str).str.strip().groupby(codes).agg(["nunique", "first"])
    return codes.map(texts["first"].where(texts["nunique"] == 1)).fillna(codes)


def on_treatment(records: pd.DataFrame, subjects: pd.DataFrame) -> pd.Series:
    """Which records were made on treatment: ONTRTFL = Y, else after the first day of treatment and no baseline."""
    if "ONTRTFL" in records and records["ONTRTFL"].notna().any():
        return records["ONTRTFL"] == "Y"
    later = pd.Series(True, index=records.index)
    if "ABLFL" in records:
        later &= records["ABLFL"] != "Y"
    if "ADT" in records and "TRTSDT" in subjects:
        start = subjects.set_index("subject")["TRTSDT"].reindex(records["subject"]).set_axis(records.index)
        return later & (day_of(records["ADT"], start) > 1)
    if "ADY" in records:
        return later & (records["ADY"] > 1)
    return later & (records["AVISITN"] > 0) if "AVISITN" in records else later


def _range(value: object) -> str | None:
    return RANGES.get(str(value).strip().upper())


def _grade(value: object) -> str | None:
    """The size of a grade: a sign says only the direction (-2 is grade 2 of the low side)."""
    text = str(value).strip().removesuffix(".0").lstrip("-")
    return text if text in ("0", "1", "2", "3", "4") else None


def _worst(frame: pd.DataFrame, *, graded: bool) -> pd.DataFrame:
    """One row per subject, parameter and visit: the highest grade, or whether values were low, high or both."""
    codes = frame["category"].astype(int) if graded else frame["category"].map({"low": -1, "normal": 0, "high": 1})
    by_subject = ["subject", "arm", "parameter", "label", "baseline", "visit"]
    found = frame.assign(code=codes).groupby(by_subject, sort=False)["code"].agg(["min", "max"]).reset_index()
    if graded:
        return found.assign(category=found["max"].astype(str))
    low, high = found["min"] < 0, found["max"] > 0
    category = pd.Series("normal", index=found.index, dtype=object).mask(low, "low").mask(high, "high")
    return found.assign(category=category.mask(low & high, "low_and_high"))
