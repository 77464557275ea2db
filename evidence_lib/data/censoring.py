"""Is CNSR the right way round? In ADaM 0 is the event; a column of events, 1 = event, is easily taken for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from evidence_lib.data.findings import Finding, finding

if TYPE_CHECKING:
    import pandas as pd

CENSORED_WORDS = re.compile(
    r"censor|alive|lost|withdr|cut.?off|complet|ongoing|no event|event.?free|without|last (contact|follow|known)"
    r"|删失|失访|存活|生存|末次|截止|退出|未发生",
    re.I,
)
EVENT_COLUMNS = ("EVENT", "EVENTFL", "EVNT", "EVNTFL", "DEATH", "DTHFL", "DEAD")
EVENT_VALUES = {"1": True, "Y": True, "0": False, "N": False}


def check_censoring_direction(
    events: pd.DataFrame, labels: Mapping[str, str], *, dataset: str = "ADTTE"
) -> Iterator[Finding]:
    """Findings where another column contradicts CNSR; only whole-column contradictions are errors.

    Errors: EVNTDESC is filled in for censored records only, CNSDTDSC for events only; every description of an event
    speaks of censoring and no description of a censored record does; a 0/1 (or Y/N) event column says "event"
    exactly where CNSR is not 0. Warnings: the label of CNSR speaks of events and not of censoring; an event column
    holds something else than 0 and 1 or Y and N.
    """
    if "CNSR" not in events or events["CNSR"].isna().all():
        return
    happened, censored = events["CNSR"] == 0, events["CNSR"] > 0
    if happened.any() and censored.any():
        yield from _descriptions(events, happened, censored, dataset)
        yield from _event_columns(events, happened, dataset)
    label = labels.get("CNSR", "")
    if re.search(r"event|事件", label, re.I) and not re.search(r"censor|删失", label, re.I):
        yield finding(dataset, "censoring_label", "warning", label=label)


def _descriptions(events: pd.DataFrame, happened: pd.Series, censored: pd.Series, dataset: str) -> Iterator[Finding]:
    for name, wrong, right in (("EVNTDESC", censored, happened), ("CNSDTDSC", happened, censored)):
        if name not in events:
            continue
        filled = events[name].notna()
        if filled[wrong].any() and not filled[right].any():
            yield finding(dataset, "censoring_reversed", "error", events.index[filled & wrong], column=name)
            return
    if "EVNTDESC" in events:
        speaks = events["EVNTDESC"].map(
            lambda text: bool(text) and text == text and bool(CENSORED_WORDS.search(str(text)))
        )
        told = events["EVNTDESC"].notna()
        of_events, of_censored = speaks[happened & told], speaks[censored & told]
        if len(of_events) and len(of_censored) and of_events.all() and not of_censored.any():
            yield finding(dataset, "censoring_reversed", "error", of_events.index, column="EVNTDESC")


def _event_columns(events: pd.DataFrame, happened: pd.Series, dataset: str) -> Iterator[Finding]:
    for name in EVENT_COLUMNS:
        if name not in events:
            continue
        flags = events[name].map(lambda value: EVENT_VALUES.get(str(value).strip().upper().removesuffix(".0")))
        known = flags.notna()
        other = events[name].notna() & ~known
        if other.any():
            yield finding(dataset, "event_values", "warning", events.index[other], column=name)
        if known.any() and (flags[known].astype(bool) != happened[known]).all() and flags[known].nunique() == 2:
            yield finding(dataset, "censoring_reversed", "error", events.index[known], column=name)
