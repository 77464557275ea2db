"""The tumour assessments of a report's subjects: overall responses at visits, sums of diameters, and dates of ADSL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.errors import DataError
from evidence_lib.language import message

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.session.report import Report

DEFAULT_RESPONSES = "OVRLRESP"
NON_TARGET, NEW_LESIONS = "NTRGRESP", "NEWLES"
RECORD_FLAG = "ANL01FL"
STARTS = ("RANDDT", "TRTSDT")
# The dates of ADSL, by what they are here: the first of these columns that there is.
DATES = {
    "death": ("DTHDT",),
    "new_therapy": ("NEWTRTDT", "NACTDT"),
    "last_alive": ("LSTALVDT",),
    "cutoff": ("CUTOFFDT",),
}
LAST_DATES = ("last_alive",)
NOT_STATED = ("", "NAN", "NONE", "<NA>", "NA", "UNK", "ND")


@dataclass(frozen=True)
class Tumours:
    """What is known of the tumours of a report's subjects.

    ``visits``: subject, date, response. ``limits``: one row per subject with start, progression, new_therapy, death,
    last_alive, cutoff as far as they are known. ``target``: what ``target_response`` gives, None without ADTR.
    ``changes``: subject, arm, day, percent_change. ``new_therapy`` is the column of ADSL that dates it.
    """

    visits: pd.DataFrame
    limits: pd.DataFrame
    target: pd.DataFrame | None
    changes: pd.DataFrame
    new_therapy: str | None


def read_tumours(rep: Report, people: pd.DataFrame) -> Tumours:
    """The assessments and dates of these subjects.

    Overall responses are those of ADRS; where there are none, or the criteria are mRECIST, they are made of the sums in
    ADTR, with the non-target and new lesions of ADRS as far as it has them. Assessments before the start are left out.
    """
    limits = _limits(rep, people)
    sums = _sums(rep)
    target = None if sums is None else _target(rep, sums)
    visits = _visits(rep, sums)
    visits, earlier = _from_start_on(visits, limits)
    if earlier:
        rep.told([message("response.note.before_start", n=earlier)])
    return Tumours(
        visits=visits,
        limits=limits,
        target=target,
        changes=_changes(target, people, limits),
        new_therapy=first_column(people, DATES["new_therapy"]),
    )


def first_column(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first of these columns that the frame has."""
    return next((name for name in names if name in frame), None)


def dates_of(frame: pd.DataFrame, name: str | None) -> pd.Series | None:
    """A column of dates; None where there is no such column, or nothing in it.

    Raises DataError for one that holds something else than full dates.
    """
    if name is None or frame[name].isna().all():
        return None
    if not hasattr(frame[name], "dt"):
        raise DataError("not a column of dates", where=f"ADSL, {name}", mend="give full dates, such as 2024-03-05")
    return frame[name]


def _limits(rep: Report, people: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    chosen = rep.parameters["start_date"]
    start = first_column(people, (chosen,) if chosen is not None else STARTS)
    if start is None:
        raise DataError("no date that time counts from", where="ADSL", expected=chosen or " or ".join(STARTS))
    columns = {name: first_column(people, names) for name, names in DATES.items()}
    columns = {"start": start, "progression": rep.parameters["progression_date"], **columns}
    made = pd.DataFrame({"subject": people["subject"].to_numpy()})
    for name, column in columns.items():
        if column is not None and column not in people:
            raise DataError("no such column", where="ADSL", found=column)
        dates = dates_of(people, column)
        if dates is not None:
            made[name] = dates.to_numpy()
    if "start" not in made:
        raise DataError("no subject has a start", where=f"ADSL, {start}")
    if "progression" not in made and columns["progression"] is not None:
        made["progression"] = pd.Series(pd.NaT, index=made.index)
    stated = rep.context.cutoff.get("date")
    if "cutoff" not in made and stated:
        made["cutoff"] = pd.Timestamp(str(stated))
    return made


def _visits(rep: Report, sums: pd.DataFrame | None) -> pd.DataFrame:
    parameter = rep.parameters["parameter"]
    code = parameter[0] if isinstance(parameter, list) else parameter
    anew = rep.parameters["criteria"] == "mrecist" and code is None and sums is not None
    if rep.has("ADRS") and not anew:
        records = analysed(rep, rep.records("ADRS", parameter=code or DEFAULT_RESPONSES))
        return _words(records, "ADRS")
    if sums is None:
        raise DataError("nothing tells how the tumours responded", where="ADRS", expected="ADRS, or ADTR with sums")
    return _made_of_sums(rep, sums)


def analysed(rep: Report, records: pd.DataFrame) -> pd.DataFrame:
    """The records that are flagged for analysis, where the data have the flag."""
    flag = rep.parameters["record_flag"]
    if flag is None and RECORD_FLAG not in records:
        return records
    name = flag or RECORD_FLAG
    if name not in records:
        raise DataError("no such column", where="ADRS and ADTR", found=str(name), mend="correct record_flag")
    return records[records[name].astype(str).str.strip().str.upper() == "Y"].reset_index(drop=True)


def _words(records: pd.DataFrame, where: str) -> pd.DataFrame:
    """Subject, date and response; a record that states nothing and has no date is no assessment."""
    import pandas as pd

    for name in ("ADT", "AVALC"):
        if name not in records:
            raise DataError("no such column", where=where, found=name, mend="the date and the response of a visit")
    text = records["AVALC"].astype(object)
    silent = text.astype(str).str.strip().str.upper().isin(NOT_STATED)
    kept = ~(silent & records["ADT"].isna())
    made = pd.DataFrame({"subject": records["subject"], "date": records["ADT"], "response": text.mask(silent, "ND")})
    return made[kept].reset_index(drop=True)


def _sums(rep: Report) -> pd.DataFrame | None:
    """Subject, date, baseline and sum_diameter of ADTR; None where it has no sums."""
    import pandas as pd

    code = rep.parameters["sums"]
    if not rep.has("ADTR") or code not in set(rep.data.typed("ADTR").get("PARAMCD", ())):
        return None
    records = analysed(rep, rep.records("ADTR", parameter=code))
    for name in ("ADT", "AVAL", "ABLFL"):
        if name not in records:
            raise DataError("no such column", where="ADTR", found=name, mend="date, sum and flag of the baseline")
    known = records[records["AVAL"].notna() | records["ADT"].notna()]
    baseline = known["ABLFL"].astype(str).str.strip().str.upper() == "Y"
    return pd.DataFrame(
        {
            "subject": known["subject"],
            "date": known["ADT"],
            "baseline": baseline.map({True: "Y", False: "N"}),
            "sum_diameter": known["AVAL"].astype(float),
        }
    ).reset_index(drop=True)


def _target(rep: Report, sums: pd.DataFrame) -> pd.DataFrame:
    from evidence_lib.endpoints import response as endpoints

    mrecist = rep.parameters["criteria"] == "mrecist"
    return endpoints.target_response(sums, criteria=endpoints.MRECIST if mrecist else endpoints.RECIST_1_1)


def _made_of_sums(rep: Report, sums: pd.DataFrame) -> pd.DataFrame:
    from evidence_lib.endpoints import response as endpoints

    mrecist = rep.parameters["criteria"] == "mrecist"
    there = set(rep.data.typed("ADRS").get("PARAMCD", ())) if rep.has("ADRS") else set()
    non_target = new = None
    if NON_TARGET in there:
        others = _words(analysed(rep, rep.records("ADRS", parameter=NON_TARGET)), "ADRS")
        non_target = others[others["response"] != "ND"]
    if NEW_LESIONS in there:
        flags = _words(analysed(rep, rep.records("ADRS", parameter=NEW_LESIONS)), "ADRS")
        new = flags.loc[flags["response"].astype(str).str.strip().str.upper() == "Y", ["subject", "date"]]
    made = endpoints.visit_response(
        sums=sums,
        non_target=non_target,
        new_lesions=new,
        criteria=endpoints.MRECIST if mrecist else endpoints.RECIST_1_1,
    )
    rep.told([message(f"response.note.from_sums.{'mrecist' if mrecist else 'recist'}")])
    if non_target is None or new is None:
        rep.told([message("response.note.target_only")])
    return made[["subject", "date", "response"]].astype({"subject": "int64"})


def _from_start_on(visits: pd.DataFrame, limits: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The visits on or after the start of their subject, and how many were before it."""
    if not len(visits):
        return visits, 0
    if not hasattr(visits["date"], "dt"):
        raise DataError("not a column of dates", where="ADRS, ADT", mend="give full dates, such as 2024-03-05")
    start = limits.set_index("subject")["start"].reindex(visits["subject"]).to_numpy()
    early = (visits["date"] < start).to_numpy()
    return visits[~early].reset_index(drop=True), int(early.sum())


def _changes(target: pd.DataFrame | None, people: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """The percentage change from baseline at each visit that has one."""
    import pandas as pd

    if target is None:
        return pd.DataFrame(columns=["subject", "arm", "day", "percent_change"])
    known = target[target["percent_from_baseline"].notna()]
    subject = known["subject"].astype("int64")
    start = limits.set_index("subject")["start"].reindex(subject).to_numpy()
    arm = people.set_index("subject")["arm"].reindex(subject).to_numpy()
    made = pd.DataFrame(
        {
            "subject": subject.to_numpy(),
            "arm": arm,
            "day": (known["date"] - start).dt.days.to_numpy() + 1,
            "percent_change": known["percent_from_baseline"].to_numpy(dtype=float),
        }
    )
    return made[made["day"] >= 1].reset_index(drop=True)
