"""A doctor's spreadsheet, one row per patient, made into ADSL and ADTTE; every decision is a guess that is told.

Direct identifiers (names, numbers, telephones, dates of birth) are never written: patients get running numbers in the
order of the file, and dates only serve to compute times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.data.coding import EventCoding, event_coding
from evidence_lib.data.files import Table
from evidence_lib.data.findings import row_text
from evidence_lib.data.headings import ENDPOINTS, Role, column_name, endpoint_of, role_of, split_unit, without_brackets
from evidence_lib.data.specs import infer
from evidence_lib.data.values import Converted, plain_text, to_dates, to_numbers, to_sex, to_sign
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

MOST_ARMS, MOST_LEVELS = 10, 20
LOOKS_PERSONAL = re.compile(r"\d{17}[\dXx]|1[3-9]\d{9}|[^@\s]+@[^@\s]+\.\w+")
RESERVED = {"STUDYID", "USUBJID", "TRT01P", "TRTP", "PARAM", "PARAMCD", "AVAL", "AVALU", "CNSR", "EVNTDESC", "CNSDTDSC"}


@dataclass
class Spreadsheet:
    """What a spreadsheet became: the two data sets, the printed labels of their columns, and the guesses made."""

    adsl: pd.DataFrame
    adtte: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    guesses: list[Message] = field(default_factory=list)


def read_spreadsheet(table: Table, *, study: str) -> Spreadsheet:
    """ADSL and ADTTE from one row per patient.

    Needed: a treatment column, and either a time and a status column (for each of OS, PFS, ... that has both), or a
    start date with a last follow-up or death date. Headings are recognised by ``headings.role_of``. Times become days.

    Raises DataError where one of them is missing, where a patient (by patient number) stands in two rows, where a time
    or a status is empty or unclear, a date partial, or a time negative; rows are named, patients are not.
    """
    import pandas as pd

    frame = table.frame
    guesses: list[Message] = []
    roles = {str(name): role_of(str(name)) for name in frame.columns}
    _refine(frame, roles)
    _refuse_duplicates(frame, roles, guesses)
    arm = _arm(frame, roles, guesses)
    numbers = [f"{study}-{position:04d}" for position in range(1, len(frame) + 1)]
    identity = {"STUDYID": study, "USUBJID": numbers}
    records = [
        pd.DataFrame(
            {
                **identity,
                "TRTP": arm.to_numpy(),
                "PARAM": label,
                "PARAMCD": code,
                "AVAL": days.to_numpy(),
                "AVALU": "DAYS",
                "CNSR": (~coding.event).astype(int).to_numpy(),
                "EVNTDESC": coding.texts.where(coding.event, "").to_numpy(),
                "CNSDTDSC": coding.texts.where(~coding.event, "").to_numpy(),
            }
        )
        for code, label, days, coding in _outcomes(frame, roles, guesses)
    ]
    made = Spreadsheet(pd.DataFrame({**identity, "TRT01P": arm.to_numpy()}), pd.concat(records, ignore_index=True))
    made.guesses += [*guesses, message("data.guess.pseudonyms")]
    _add_baseline(made, frame, roles)
    return made


def _refine(frame: pd.DataFrame, roles: dict[str, Role]) -> None:
    """Let the values correct the headings: a "time" may be a date or a 0/1 status, a "start" may be no date."""
    for name, role in roles.items():
        present = frame[name].dropna()
        texts = present.map(plain_text).dropna()
        if len(texts) and texts.map(lambda text: bool(LOOKS_PERSONAL.fullmatch(text))).mean() > 0.2:
            roles[name] = "personal"
        elif role in ("start", "end", "death") and not _mostly_dates(present, named=True):
            roles[name] = "time" if role == "death" and split_unit(name)[1] else "other"
        elif role == "time" and _mostly_dates(present):
            roles[name] = "end"
        elif role == "time" and split_unit(name)[1] is None and set(texts) <= {"0", "1", "2"}:
            roles[name] = "status"


def _mostly_dates(present: pd.Series, *, named: bool = False) -> bool:
    """Whether most values are dates, partial ones included; bare numbers count only under a heading of a date."""
    converted = to_dates(present, numbers="excel" if named else "refuse")
    bare = [row for row in converted.partial if (plain_text(present[row]) or "").isdigit()]
    unread = len(converted.invalid) + len(bare)
    return len(present) > 0 and unread < len(present) / 2


def _refuse_duplicates(frame: pd.DataFrame, roles: dict[str, Role], guesses: list[Message]) -> None:
    for name, role in roles.items():
        if role not in ("id", "personal") or role_of(name) != "id":
            continue
        numbers = frame[name].map(plain_text)
        again = list(frame.index[numbers.notna() & numbers.duplicated(keep=False)])
        if again:
            raise DataError(
                "a patient number stands in more than one row",
                where=f"column {name}, {row_text(again)}",
                expected="one row per patient",
                mend="keep one row per patient; a column of this name that does not number patients must be renamed",
            )
        guesses.append(message("data.guess.columns", role=message("data.role.id"), column=name))


def _arm(frame: pd.DataFrame, roles: dict[str, Role], guesses: list[Message]) -> pd.Series:
    names = [name for name, role in roles.items() if role == "arm"]
    fitting = [name for name in names if 2 <= frame[name].map(plain_text).nunique() <= MOST_ARMS]
    if not fitting:
        raise DataError(
            "no column holds the treatment" if not names else "the treatment column does not hold 2 to 10 treatments",
            where=", ".join(names) or None,
            expected="a column 治疗组, 分组, arm or treatment with 2 to 10 treatments",
            mend="rename the column that holds it, or write the treatments alike in every row",
        )
    # the shorter heading that says "group" goes before a free text on the regimen; the order of the file decides else
    name = fitting[0]
    for other in names:
        roles[other] = "arm" if other == name else "other"
    arm = frame[name].map(plain_text)
    blank = list(frame.index[arm.isna()])
    if blank:
        mend = "fill it in, or remove these patients"
        raise DataError("the treatment is empty", where=f"column {name}, {row_text(blank)}", mend=mend)
    guesses.append(message("data.guess.columns", role=message("data.role.arm"), column=name))
    return arm


def _outcomes(
    frame: pd.DataFrame, roles: dict[str, Role], guesses: list[Message]
) -> list[tuple[str, str, pd.Series, EventCoding]]:
    times = [name for name, role in roles.items() if role == "time"]
    states = [name for name, role in roles.items() if role == "status"]
    if not times:
        return [_from_dates(frame, roles, states, guesses)]
    pairs = _pairs(times, states)
    if not pairs:
        raise DataError(
            "no column holds the status (event or not)" if not states else "times and status columns do not match",
            where=", ".join([*times, *states]),
            expected="a column 状态, 是否死亡, event or status; with several endpoints OS_time and OS_event, ...",
        )
    outcomes = []
    for code, time, state in pairs:
        coding = _coded(frame[state], guesses)
        days = _time_in_days(frame[time], guesses)
        outcomes.append((*_endpoint(code, time, state), days, coding))
    used = {name for _, time, state in pairs for name in (time, state)}
    guesses += [message("data.guess.ignored", column=name) for name in [*times, *states] if name not in used]
    return outcomes


def _pairs(times: list[str], states: list[str]) -> list[tuple[str | None, str, str]]:
    """Time and status columns of one endpoint; a lone pair needs no name in common."""
    if len(times) == 1 and len(states) == 1:
        return [(endpoint_of(times[0]) or endpoint_of(states[0]), times[0], states[0])]
    named: list[tuple[str | None, str, str]] = []
    for time in times:
        code = endpoint_of(time)
        matching = [state for state in states if endpoint_of(state) == code]
        if code is not None and matching:
            named.append((code, time, matching[0]))
    if named:
        return list({code: (code, time, state) for code, time, state in reversed(named)}.values())[::-1]
    return [(None, times[0], states[0])] if states else []


def _endpoint(code: str | None, time: str, state: str) -> tuple[str, str]:
    if code is None and re.search(r"死亡|dead|death|died|生存|存活|vital", state.lower()):
        code = "OS"
    return (code, ENDPOINTS[code]) if code else ("TTE", without_brackets(time))


def _coded(column: pd.Series, guesses: list[Message]) -> EventCoding:
    coding = event_coding(column)
    guesses.append(message("data.guess.columns", role=message("data.role.status"), column=column.name))
    guesses.append(
        message("data.guess.coding", column=column.name, events=list(coding.events), others=list(coding.others))
    )
    return coding


def _time_in_days(column: pd.Series, guesses: list[Message]) -> pd.Series:
    converted = to_numbers(column)
    unread = [*converted.invalid, *converted.limits, *column.index[column.isna()]]
    _refuse_rows(unread, "the time is empty or not a number", column.name, "fill it in, or remove these patients")
    _refuse_rows(list(column.index[converted.values < 0]), "the time is negative", column.name, "correct it")
    _, unit = split_unit(str(column.name))
    guesses.append(message("data.guess.columns", role=message("data.role.time"), column=column.name))
    if unit is None:
        largest = f"{converted.values.max():g}"
        guesses.append(message("data.guess.no_unit", column=column.name, largest=largest))
    elif unit != "days":
        name = message(f"data.unit.{unit}")
        guesses.append(message("data.guess.converted", column=column.name, unit=name, days=DAYS_PER_UNIT[unit]))
    return _plain_days(converted.values * DAYS_PER_UNIT[unit or "days"])


def _from_dates(
    frame: pd.DataFrame, roles: dict[str, Role], states: list[str], guesses: list[Message]
) -> tuple[str, str, pd.Series, EventCoding]:
    starts, ends, deaths = (
        [name for name, role in roles.items() if role == wanted] for wanted in ("start", "end", "death")
    )
    if not starts or not (ends or deaths) or not (states or deaths):
        raise DataError(
            "no column holds the time",
            expected="a column such as 生存时间(月), 随访时间(天), time or os_days, with a status column; or a start "
            "date (入组日期), a last follow-up date (末次随访日期) and a death date (死亡日期) or status",
            mend="rename the columns that hold them",
        )
    start = _dates(frame[starts[0]], required=True)
    last = _dates(frame[ends[0]], required=False) if ends else start.where(start.isna())
    if deaths:
        died = _dates(frame[deaths[0]], required=False)
        coding = _coded(frame[states[0]], guesses) if states else _by_death_date(frame[deaths[0]], died, guesses)
        contradiction = list(frame.index[died.notna() & ~coding.event])
        _refuse_rows(
            contradiction, "there is a death date, and the status says no event", deaths[0], "correct one of them"
        )
        last = died.fillna(last)
    else:
        coding = _coded(frame[states[0]], guesses)
    end = " / ".join([*deaths[:1], *ends[:1]])
    _refuse_rows(list(frame.index[last.isna()]), "there is no last date", end, "fill it in, or remove these patients")
    days = (last - start).dt.days + 1
    _refuse_rows(list(frame.index[days < 1]), "the last date lies before the start", end, "correct the dates")
    guesses.append(message("data.guess.dates", start=starts[0], end=end))
    code = "OS" if deaths else None
    return (*_endpoint(code, end, states[0] if states else ""), days, coding)


def _by_death_date(column: pd.Series, died: pd.Series, guesses: list[Message]) -> EventCoding:
    guesses.append(message("data.guess.death_date", column=column.name))
    event = died.notna()
    return EventCoding(event, event.map({True: "Death", False: "Last follow-up"}), ("Death",), ("Last follow-up",))


def _dates(column: pd.Series, *, required: bool) -> pd.Series:
    converted = to_dates(column, numbers="excel")
    _refuse_rows(list(converted.partial), "a date has no day or month", column.name, "complete it by your own rule")
    _refuse_rows(list(converted.invalid), "this is not a date", column.name, "write dates as 2024-03-05")
    if required:
        _refuse_rows(list(column.index[converted.values.isna()]), "the date is empty", column.name, "fill it in")
    return converted.values


def _refuse_rows(rows: list[int], what: str, column: object, mend: str) -> None:
    if rows:
        raise DataError(what, where=f"column {column}, {row_text(sorted(rows))}", mend=mend)


def _plain_days(days: pd.Series) -> pd.Series:
    rounded = days.round(6)
    return rounded.astype("int64") if (rounded == rounded.round()).all() else rounded


def _add_baseline(made: Spreadsheet, frame: pd.DataFrame, roles: dict[str, Role]) -> None:
    """What is left over is baseline: kept under an ADaM-like name where it cannot identify a patient."""
    taken = set(RESERVED)
    for name in map(str, frame.columns):
        role = roles[name]
        if role in ("personal", "id", "birth"):
            if role != "id":
                made.guesses.append(message("data.guess.dropped", column=name))
        elif role == "other":
            column = _baseline(frame[name], made.guesses)
            if column is not None:
                short = column_name(name, taken)
                taken.add(short)
                made.adsl[short] = column.to_numpy()
                made.labels[short] = name


def _baseline(column: pd.Series, guesses: list[Message]) -> pd.Series | None:
    name = str(column.name)
    texts = column.map(plain_text)
    if texts.notna().sum() == 0:
        guesses.append(message("data.guess.empty", column=name))
        return None
    if _mostly_dates(column.dropna()):
        guesses.append(message("data.guess.dropped_dates", column=name))
        return None
    sex = to_sex(column) if column_name(name, set()) == "SEX" else None
    for kind, converted in (("sex", sex), ("sign", to_sign(column))):
        if converted is not None:
            guesses.append(message(f"data.guess.{kind}", column=name))
            return converted.values
    numbers = to_numbers(column)
    if not numbers.invalid and numbers.values.notna().any():
        return _numeric(column, numbers, guesses)
    if texts.nunique() > MOST_LEVELS:
        dropped = "dropped_ids" if texts.nunique() > 0.9 * texts.notna().sum() else "text"
        guesses.append(message(f"data.guess.{dropped}", column=name))
        return None
    return texts


def _numeric(column: pd.Series, numbers: Converted, guesses: list[Message]) -> pd.Series | None:
    values = numbers.values
    long_codes = values.notna().all() and values.is_unique and values.min() >= 100_000 and len(values) > 1
    if long_codes and (values == values.round()).all():
        guesses.append(message("data.guess.dropped_ids", column=column.name))
        return None
    if numbers.limits:
        guesses.append(message("data.guess.limits", column=column.name, rows=row_text(sorted(numbers.limits))))
    return infer(values) if values.notna().all() else values
