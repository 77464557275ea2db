"""Which code of a status column is the event: 0/1, 1/2 as in R's lung, or words in Chinese or English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.data.findings import row_text
from evidence_lib.data.headings import ALIVE_HEADINGS, CENSORING_HEADINGS, split_unit
from evidence_lib.data.values import plain_text
from evidence_lib.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

EVENT_WORDS = {
    *("死亡", "死", "已死亡", "已死", "病故", "去世", "复发", "进展", "复发或死亡", "进展或死亡", "转移", "发生"),
    *("dead", "died", "death", "deceased", "event", "relapse", "relapsed", "recurrence", "recurred"),
    *("progression", "progressed", "d"),
}
CENSORED_WORDS = {
    *("存活", "生存", "健在", "活", "活着", "在世", "删失", "失访", "截尾"),
    *("未死亡", "未复发", "未进展", "未发生", "无复发", "无进展"),
    *("alive", "living", "survived", "censored", "censor", "lost", "ltfu", "none", "a"),
}
YES_WORDS = {"是", "有", "yes", "y", "true", "t", "1"}
NO_WORDS = {"否", "无", "没有", "未", "no", "n", "false", "f", "0"}
MEND = "code it 1 for the event and 0 for no event, or in words such as 死亡 and 存活"


@dataclass(frozen=True)
class EventCoding:
    """``event`` for each patient; ``texts`` as written; which texts are events and which are not."""

    event: pd.Series
    texts: pd.Series
    events: tuple[str, ...]
    others: tuple[str, ...]


def event_coding(column: pd.Series) -> EventCoding:
    """The events of a status column: 1 of 0/1, 2 of 1/2 (R's ``survival::lung``), words such as 死亡, dead, 是, yes.

    A heading that speaks of censoring (删失, censored, CNSR) or of being alive turns 0/1 and yes/no round; ``cens``,
    which data sets use both ways, does not. Raises DataError for empty cells, a third number beside 0 and 1 (a 2 there
    may be another outcome), one lone code that could mean either, and words that are not known.
    """
    where = f"column {column.name}"
    texts = column.map(plain_text)
    blank = list(column.index[texts.isna()])
    if blank:
        mend = "fill it in, or remove these patients"
        raise DataError("the status is empty", where=f"{where}, {row_text(blank)}", mend=mend)
    present = sorted(set(texts))
    happened = _meaning([text.lower() for text in present], str(column.name), where)
    events = tuple(text for text in present if text.lower() in happened)
    others = tuple(text for text in present if text not in events)
    return EventCoding(texts.isin(events), texts, events, others)


def _meaning(codes: list[str], heading: str, where: str) -> set[str]:
    present = set(codes)
    base, _ = split_unit(heading)
    turned = bool(ALIVE_HEADINGS.fullmatch(base)) or (bool(CENSORING_HEADINGS.fullmatch(base)) and base != "cens")
    if present <= {"0", "1", "2"} and not present <= {"0", "1"}:
        if present == {"1", "2"} and not turned:
            return {"2"}
        raise _unclear("the codes of the event are not clear", codes, where)
    if present == {"1"}:
        raise _unclear("all patients have the code 1, which may be all events or none", codes, where)
    if present <= YES_WORDS | NO_WORDS:
        return (present & NO_WORDS) if turned else (present & YES_WORDS)
    if present <= EVENT_WORDS | CENSORED_WORDS:
        return present & EVENT_WORDS
    raise _unclear("the codes of the event are not known", codes, where)


def _unclear(what: str, codes: list[str], where: str) -> DataError:
    # few and short codes are shown; anything longer may be free text about a patient
    shown = ", ".join(codes) if len(codes) <= 6 and all(len(code) <= 12 for code in codes) else f"{len(codes)} values"
    return DataError(what, where=where, expected="0 and 1, 1 and 2, or known words", found=shown, mend=MEND)
