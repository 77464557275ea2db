"""``outcomes``: from the records of one parameter to one row per subject and visit after the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evidence_lib.data.attrition import no_column
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

FLAG, IMPUTED, AT_START = "ANL01FL", "DTYPE", "ABLFL"
VISIT, VISIT_NUMBER, DATE, STUDY_DAY, VALUE = "AVISIT", "AVISITN", "ADT", "ADY", "AVAL"
START = "start"


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcome of one parameter at visits.

    ``frame``: one row per subject and visit, subjects in the order given, visits in that of time: ``subject``, ``arm``,
    ``visit`` (an ordered categorical), ``outcome``, ``observed`` (the outcome as seen, which no estimand changes),
    ``value`` (AVAL), ``baseline`` where the data have it, ``day`` (days from the start, 0 being that day; missing
    without a record), and the columns kept. ``main`` is the main visit.
    ``factors`` are the covariates of every model: the baseline value, then the strata as categories, then the others.
    ``imputation`` is how values missing after the intercurrent event are imputed, ``event`` the column that tells the
    first visit after it (None: drop-out). ``notes``: what was decided while the frame was made.
    """

    frame: pd.DataFrame
    visits: tuple[str, ...]
    main: str
    factors: tuple[str, ...]
    imputation: str = "mar"
    event: str | None = None
    notes: tuple[Message, ...] = ()

    @property
    def modelled(self) -> pd.DataFrame:
        """The rows of the subjects who have every covariate: those whom a model can take."""
        return self.frame.dropna(subset=list(self.factors)).reset_index(drop=True)

    @property
    def at_main(self) -> pd.DataFrame:
        """The rows of the main visit, one per subject."""
        return self.frame[self.frame["visit"] == self.main].reset_index(drop=True)

    def under(self, frame: pd.DataFrame, imputation: str, *, event: str | None) -> Outcomes:
        """The same outcomes after an estimand's strategies."""
        made = frame.assign(visit=pd.Categorical(frame["visit"], list(self.visits), ordered=True))
        return replace(self, frame=made, imputation=imputation, event=event)


def outcomes(
    records: pd.DataFrame,
    people: pd.DataFrame,
    *,
    outcome: str = "CHG",
    baseline: str | None = "BASE",
    visits: Sequence[str] | None = None,
    main: str | None = None,
    record_flag: str | None = None,
    imputed_records: bool = False,
    strata: Sequence[str] = (),
    covariates: Sequence[str] = (),
    kept: Sequence[str] = (),
    start: pd.Series | None = None,
) -> Outcomes:
    """The outcome of every subject at every visit after the start, from the BDS records of one parameter.

    A record counts where its flag is Y and, unless ``imputed_records``, its DTYPE is empty. Records of the start (ABLFL
    is Y, or the visit that such records stand at) are no outcomes; they give the baseline value of subjects without a
    later record. A visit without a record stays missing: nothing is carried forward here.

    Misreading: the frame has as many rows at each visit as there are subjects; who was seen is where ``outcome`` is
    there.

    Parameters
    ----------
    records : DataFrame
        ``subject``, AVISIT, the outcome, and AVISITN, ADT or ADY, ABLFL, DTYPE and the flag where the data have them.
    people : DataFrame
        One row per subject: ``subject``, ``arm``, and the columns of ``strata``, ``covariates`` and ``kept``.
    outcome, baseline : str
        Columns of the records. A baseline column that is not there makes none; None asks for none.
    visits, main : sequence of str, str, optional
        The visits in the order of time (None: all, by AVISITN), and the main one (None: the last).
    record_flag : str, optional
        The flag of the records that count; None: ANL01FL where there is one.
    imputed_records : bool
        Whether records that the data set itself imputed (LOCF) count.
    strata, covariates : sequence of str
        Covariates of every model; strata enter as categories whatever their type.
    kept : sequence of str
        Further columns of ``people``.
    start : Series, optional
        The date of each subject's start, by subject; with ADT it gives ``day``. Without it ADY does.

    Raises
    ------
    DataError
        For a column or a visit that is not there, visits without an order, several records of one subject at a visit,
        and a baseline value that changes within a subject.
    """
    needed = [VISIT, outcome, *([record_flag] if record_flag else [])]
    _require(records, needed, "the records")
    _require(people, [*strata, *covariates, *kept], "ADSL")
    counted = _counted(records, record_flag, imputed_records)
    at_start = _of_start(counted)
    later = counted[~at_start & counted[VISIT].notna()]
    order = _order(later, visits)
    if main is not None and main not in order:
        raise DataError("no such visit", where=VISIT, expected=", ".join(order), found=main, mend="correct visit")
    later = later[later[VISIT].astype(str).isin(order)]
    _require_once(later)
    frame = _grid(people, order, later, outcome, [*strata, *covariates, *kept], start)
    factors: list[str] = []
    if baseline is not None and baseline in records and baseline != outcome:
        frame["baseline"] = frame["subject"].map(_baseline(counted, at_start, baseline)).astype(float)
        factors.append("baseline")
    for name in strata:
        frame[name] = frame[name].map(_as_category)
    factors += list(dict.fromkeys([*strata, *covariates]))
    made = Outcomes(frame=frame, visits=tuple(order), main=main or order[-1], factors=tuple(factors))
    return replace(made, notes=tuple(_notes(made, counted, len(records), imputed_records)))


def _require(frame: pd.DataFrame, names: Sequence[str], where: str) -> None:
    for name in names:
        if name not in frame:
            raise no_column(name, frame.columns, where=where)


def _counted(records: pd.DataFrame, record_flag: str | None, imputed_records: bool) -> pd.DataFrame:
    flag = record_flag or (FLAG if FLAG in records else None)
    counted = records if flag is None else records[records[flag] == "Y"]
    if IMPUTED in records and not imputed_records:
        counted = counted[counted[IMPUTED].isna() | (counted[IMPUTED] == "")]
    return counted


def _of_start(records: pd.DataFrame) -> pd.Series:
    """Which records are of the start: those flagged, and those of a visit at which flagged ones stand."""
    none = pd.Series(False, index=records.index)
    flagged = records[AT_START] == "Y" if AT_START in records else none
    of_visit = records[VISIT].isin(records.loc[flagged, VISIT].dropna().unique())
    before = records[VISIT_NUMBER] <= 0 if VISIT_NUMBER in records else none
    return flagged | of_visit | before.fillna(False).astype(bool)


def _order(later: pd.DataFrame, visits: Sequence[str] | None) -> list[str]:
    there = list(dict.fromkeys(later[VISIT].astype(str)))
    if visits is not None:
        unknown = [visit for visit in visits if visit not in there]
        if unknown:
            raise DataError(
                "no record of a visit after the start",
                where=VISIT,
                expected=", ".join(there[:20]) or "records after the start",
                found=", ".join(unknown),
                mend="correct visits",
            )
        return list(visits)
    if not there:
        raise DataError("no record after the start", where=VISIT, mend="correct parameter, record_flag or outcome")
    numbers = (
        later.groupby(later[VISIT].astype(str))[VISIT_NUMBER].agg(["nunique", "first"])
        if (VISIT_NUMBER in later)
        else None
    )
    if numbers is None or (numbers["nunique"] != 1).any() or numbers["first"].duplicated().any():
        raise DataError(
            "the visits have no order",
            where=VISIT_NUMBER,
            expected="one number of its own for each AVISIT",
            mend="name visits in the order of time",
        )
    first = numbers["first"].astype(float).to_dict()
    return sorted(there, key=first.__getitem__)


def _require_once(later: pd.DataFrame) -> None:
    twice = later.duplicated(["subject", VISIT], keep=False)
    if twice.any():
        raise DataError(
            "several records of one subject at a visit",
            where=", ".join(sorted(later.loc[twice, VISIT].astype(str).unique())[:10]),
            expected="one record that counts",
            found=f"{int(twice.sum())} records",
            mend="name the flag of the records that count with record_flag",
        )


def _grid(
    people: pd.DataFrame,
    order: Sequence[str],
    later: pd.DataFrame,
    outcome: str,
    names: Sequence[str],
    start: pd.Series | None,
) -> pd.DataFrame:
    columns = list(dict.fromkeys(["subject", "arm", *names]))
    whole = people[columns].merge(pd.DataFrame({"visit": list(order)}), how="cross")
    given = pd.DataFrame(
        {
            "subject": later["subject"],
            "visit": later[VISIT].astype(str),
            "outcome": later[outcome].astype(float),
            "value": later[VALUE].astype(float) if VALUE in later else later[outcome].astype(float),
            "day": _days(later, start),
        }
    )
    frame = whole.merge(given, on=["subject", "visit"], how="left")
    frame["observed"] = frame["outcome"]
    return frame.assign(visit=pd.Categorical(frame["visit"], list(order), ordered=True))


def _days(later: pd.DataFrame, start: pd.Series | None) -> pd.Series:
    """Days from the start, which is 0; ADY has no day 0."""
    if start is not None and DATE in later and hasattr(later[DATE], "dt"):
        return (later[DATE] - pd.to_datetime(later["subject"].map(start))).dt.days.astype(float)
    if STUDY_DAY not in later:
        return pd.Series(np.nan, index=later.index)
    day = later[STUDY_DAY].astype(float)
    return day.where(day < 0, day - 1)


def _baseline(counted: pd.DataFrame, at_start: pd.Series, baseline: str) -> pd.Series:
    """The baseline value by subject: the column's, else the value of the record of the start."""
    known = counted.dropna(subset=[baseline])
    changes = known.groupby("subject")[baseline].nunique() > 1
    if changes.any():
        raise DataError(
            "a baseline value that changes",
            where=baseline,
            expected="one value per subject",
            found=f"several in {int(changes.sum())} subjects",
        )
    found = known.drop_duplicates("subject").set_index("subject")[baseline].astype(float)
    if VALUE not in counted:
        return found
    start = counted[at_start].dropna(subset=[VALUE]).drop_duplicates("subject").set_index("subject")[VALUE]
    return found.combine_first(start.astype(float))


def _as_category(value: object) -> str | None:
    """A label of a stratum as text; a whole number without its decimals."""
    if value is None or value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _notes(made: Outcomes, counted: pd.DataFrame, records: int, imputed_records: bool) -> list[Message]:
    notes = []
    left = records - len(counted)
    if left:
        notes.append(message("continuous.note.records_left", n=left, total=records))
    if imputed_records and IMPUTED in counted:
        carried = counted[IMPUTED].notna() & (counted[IMPUTED] != "") & counted[VISIT].isin(made.visits)
        kinds = sorted(counted.loc[carried, IMPUTED].astype(str).unique())
        notes.append(message("continuous.note.imputed_records", n=int(carried.sum()), kinds=kinds))
    at_main = made.at_main
    lacking = at_main[list(made.factors)].isna().any(axis=1) if made.factors else pd.Series(False, index=at_main.index)
    if lacking.any():
        notes.append(message("continuous.note.no_covariates", n=int(lacking.sum())))
    return notes
