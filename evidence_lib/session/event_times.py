"""The time-to-event data of a report: competing events, and how follow-up ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evidence_lib.errors import DataError, ParameterError, StudyError
from evidence_lib.language import Localized
from evidence_lib.session import estimands

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.session.report import Report

OUTCOMES = "survival.outcomes"
OUTCOME_COLUMNS = ["arm", "kind", "reason", "n", "share"]
KINDS = ("event", "competing", "censored")
DESCRIPTIONS = ("EVNTDESC", "CNSDTDSC")
ONE_EVENT_MEASURES = ("survival_difference", "rmst_difference")
COMPETING_MEASURES = ("cumulative_incidence_difference", "subdistribution_hazard_ratio")


def analysed(rep: Report, given: pd.DataFrame) -> pd.DataFrame:
    """The data of the report's endpoint under its estimand; keeps the outcomes with their reasons as a table.

    Raises StudyError where the primary measure is not one of the estimand's kind of outcome.
    """
    _require_measure(rep)
    described = descriptions(rep, rep.context.endpoint)
    frame, dated = estimands.time_to_event(rep, with_causes(rep, given, described))
    if rep.competing:
        rep.context = replace(rep.context, causes=_names(rep, dated))
    rep.keep(OUTCOMES, outcomes_of(rep, frame, described))
    return frame.assign(ended=(frame["cause"] if "cause" in frame else frame["event"]).gt(0).astype("int64"))


def descriptions(rep: Report, endpoint: str) -> pd.DataFrame:
    """EVNTDESC and CNSDTDSC of each subject's record of an endpoint, by subject; missing where the data lack them."""
    import pandas as pd

    from evidence_lib.data.subjects import numbers_by_id

    frame = rep.data.typed("ADTTE")
    of = frame[frame["PARAMCD"].astype(str).str.strip() == endpoint]
    numbers = numbers_by_id(rep.data.typed("ADSL")).reindex(of["USUBJID"])
    empty = pd.Series(None, index=of.index, dtype=object)
    texts = {name: of[name].astype(object) if name in of else empty for name in DESCRIPTIONS}
    made = pd.DataFrame({name: text.to_numpy() for name, text in texts.items()}, index=numbers.to_numpy())
    return made.map(lambda text: text.strip() or None if isinstance(text, str) else None)


def with_causes(rep: Report, frame: pd.DataFrame, described: pd.DataFrame) -> pd.DataFrame:
    """The frame with ``cause``, where the study file names competing events by their words in the data.

    A record whose EVNTDESC or CNSDTDSC is one of the words is a competing event, whatever its CNSR; the first word is
    cause 2. Raises ParameterError where no competing event is part of the estimand, DataError where no record of the
    endpoint has the word.
    """
    words = _competing_words(rep)
    if not words:
        return frame
    if not rep.competing:
        raise ParameterError(
            "competing events are named, but the estimand has none",
            where="competing",
            mend="give the intercurrent event the strategy while on treatment, or leave competing out",
        )
    cause = frame["event"].copy()
    for place, word in enumerate(words):
        says = (described.map(lambda text: (text or "").casefold()) == word.casefold()).any(axis="columns")
        if not says.any():
            known = sorted({text for name in DESCRIPTIONS for text in described[name].dropna()})
            raise DataError(
                "no record has this competing event",
                where=f"ADTTE, {' or '.join(DESCRIPTIONS)}",
                expected=", ".join(known[:12]) or "a description of events and censoring",
                found=word,
            )
        cause[frame["subject"].isin(says.index[says]).to_numpy()] = 2 + place
    return frame.assign(cause=cause, event=(cause == 1).astype("int64"))


def _require_measure(rep: Report) -> None:
    measure = rep.context.primary_measure
    wrong = ONE_EVENT_MEASURES if rep.competing else COMPETING_MEASURES
    if measure not in wrong:
        return
    raise StudyError(
        "the primary measure does not answer the estimand: "
        + ("other events compete" if rep.competing else "no event competes"),
        where=f"report {rep.context.report}, primary_measure",
        expected=" or ".join((*COMPETING_MEASURES, "hazard_ratio") if rep.competing else ONE_EVENT_MEASURES),
        found=measure,
        mend="change the measure, or the strategy of the intercurrent event",
    )


def _competing_words(rep: Report) -> list[str]:
    return listed(rep.parameters["competing"])


def listed(given: str | list[str] | None) -> list[str]:
    """The texts of a parameter that is one text, several or none."""
    return [given] if isinstance(given, str) else list(given or ())


def _names(rep: Report, dated: Mapping[int, Localized]) -> tuple[Localized, ...]:
    """The names of the causes from 1 on: the endpoint, the words of the study file, the dated competing events."""
    names = {**dict(enumerate([rep.context.endpoint_label, *_competing_words(rep)], 1)), **dated}
    return tuple(names[cause] for cause in sorted(names))


def outcomes_of(rep: Report, frame: pd.DataFrame, described: pd.DataFrame) -> pd.DataFrame:
    """How follow-up ended: subjects of each arm by kind (event, competing, censored) and by the reason in the data."""
    import pandas as pd

    stated = described[~described.index.duplicated()].reindex(frame["subject"])
    cause = (frame["cause"] if "cause" in frame else frame["event"]).to_numpy()
    kind = [KINDS[0] if one == 1 else KINDS[1] if one > 1 else KINDS[2] for one in cause]
    reason = stated["EVNTDESC"].where(stated["EVNTDESC"].notna(), stated["CNSDTDSC"]).tolist()
    if "decided_by" in frame and rep.asked is not None:
        names = {event.number: event.name for event in rep.asked.intercurrent_events}
        decided = frame["decided_by"].to_numpy()
        reason = [names[int(by)] if by else text for by, text in zip(decided, reason, strict=True)]
    return counted(rep, pd.DataFrame({"arm": frame["arm"].to_numpy(), "kind": kind, "reason": reason}))


def counted(rep: Report, ended: pd.DataFrame) -> pd.DataFrame:
    """Counts of arm, kind and reason, with the share of the arm, in the order of kinds and arms."""
    made = ended.fillna({"reason": ""})
    counts = made.groupby(["arm", "kind", "reason"], observed=True).size().rename("n").reset_index()
    counts = counts.assign(share=counts["n"] / counts["arm"].map(made["arm"].value_counts()))
    order = {kind: place for place, kind in enumerate(KINDS)}
    places = {arm: place for place, arm in enumerate(rep.arms)}
    counts = counts.assign(_k=counts["kind"].map(order), _a=counts["arm"].map(places))
    counts = counts.sort_values(["_k", "reason", "_a"], kind="stable")[OUTCOME_COLUMNS]
    return counts.assign(reason=counts["reason"].replace("", None)).reset_index(drop=True)
