"""The sentences of a report: every one from the catalogue, every number in it from the results.

Wording follows the design and the checks: causal words never appear, an interval that includes no effect says so,
a withheld estimate is said to be withheld, and a failed check comes first. What a report has to say beside that is the
story of its notebook (``report.stories``).
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message_from_json
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import FirstScreen, PageStatus, with_bold
from evidence_lib.report.plain import plain_language

if TYPE_CHECKING:
    from evidence_lib.report.first_screen import KeyMessage

BASELINE_DIFFERENCES_NAMED = 2
IMBALANCE = 0.1  # standard deviations; Austin, Statistics in Medicine 2009;28:3083
STORIES = {
    "trial/disposition-and-baseline": "baseline",
    "trial/response": "response",
    "trial/continuous-endpoints": "continuous",
    "trial/survival": "survival",
    "trial/safety": "safety",
    "trial/regional-consistency": "regional",
}


class Story(Protocol):
    """What a report of one notebook has to say: a module of ``report.stories``."""

    PASSAGES: dict[str, Callable[[View], Passage]]

    def answer(self, view: View) -> str:
        """The answer in one or two sentences, with the absolute values; **strong** parts between asterisks."""

    def key_messages(self, view: View) -> list[KeyMessage]:
        """K1, K2, ... each with its interval."""

    def figure(self, view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
        """The display function of the main figure and its recorded content."""

    def grey_line(self, view: View) -> list[str]:
        """Parts of the grey line between design and data cut-off: numbers of people and events, follow-up."""

    def cautions(self, view: View) -> list[str]:
        """What a reader must know before believing the numbers, beside failed checks and the design."""

    def unclear(self, view: View) -> bool | Sequence[str]:
        """Whether the interval of a primary result includes no difference, or plain sentences on which of them do."""

    def seen(self, view: View) -> list[str]:
        """What was seen, in plain sentences."""


def story(view: View) -> Story:
    """The story of the report's notebook; another notebook than the project's tells that of survival.

    A time to an event with which others compete has a story of its own.
    """
    name = STORIES.get(view.context.notebook, "survival")
    if name == "survival" and view.context.causes:
        name = "competing"
    return importlib.import_module(f"evidence_lib.report.stories.{name}")  # type: ignore[return-value]


def first_screen(view: View) -> FirstScreen:
    """What the reader sees first, in the order that readers need it."""
    say, told = view.words, story(view)
    return FirstScreen(
        status=_status(view),
        status_text=say(f"status.{_status(view)}"),
        title=say.say(view.context.question),
        grey_line=_grey_line(view, told),
        answer=with_bold(told.answer(view)),
        caution_title=say("caution.title"),
        caution=cautions(view),
        key_messages=told.key_messages(view),
        plain=plain_language(
            view,
            told.seen(view),
            unclear=told.unclear(view),
            not_known=getattr(told, "NOT_KNOWN", "plain.not_known.text"),
        ),
        figure=told.figure(view),
        links=_links(view),
    )


def _status(view: View) -> PageStatus:
    failed = any(gate.result == "fail" for gate in view.results.gates.values())
    return "draft" if failed or view.context.blinding.get("state") == "dummy" else "checked"


def _links(view: View) -> list[tuple[str, str]]:
    say, gates = view.words, view.results.gates.values()
    counts = {name: sum(gate.result == name for gate in gates) for name in ("pass", "fail")}
    cautions = len(gates) - counts["pass"] - counts["fail"]
    return [
        (say("link.results"), "results"),
        (say("link.checks", passed=counts["pass"], failed=counts["fail"], cautions=cautions), "checks"),
        (say("link.changes"), "changes"),
        (say("link.limits"), "limitations"),
        (say("link.provenance"), "provenance"),
    ]


def cautions(view: View) -> list[str]:
    """What a reader must know before believing the numbers: dummy arms, failed checks, design, then the story's own."""
    say, context = view.words, view.context
    lines = [say("caution.dummy")] if context.blinding.get("state") == "dummy" else []
    lines += [
        say("caution.failed_check", check=say(f"check.{gate.id}.name"), reason=gate.reason or "").strip()
        for gate in view.results.gates.values()
        if gate.result == "fail"
    ]
    if context.design in ("partly-randomised", "observational"):
        differences = _baseline_differences(view)
        lines.append(say(f"caution.{context.design}"))
        lines += [say("caution.differences", differences=differences)] if differences else []
    if context.design == "single-arm":
        lines.append(say("caution.single-arm"))
    return [*lines, *story(view).cautions(view)]


def passage(key: str, *, view: View) -> Passage:
    """A passage by its name: one of ``PASSAGES``, or of the report's story. Raises InvalidInput for any other."""
    passages = {**PASSAGES, **story(view).PASSAGES}
    if key not in passages:
        raise InvalidInput("no such passage", expected=", ".join(passages), found=key)
    return passages[key](view)


def _grey_line(view: View, told: Story) -> list[str]:
    say, context = view.words, view.context
    cutoff = context.cutoff.get("date")
    return [
        say.say(context.study_title),
        say(f"design.{context.design}"),
        *told.grey_line(view),
        say("grey.cutoff", date=dt.date.fromisoformat(cutoff))
        if cutoff
        else say("grey.no_cutoff", reason=context.cutoff.get("unknown", "")),
    ]


def _baseline_differences(view: View) -> str:
    """The baseline variables that differ most between the arms, with both values; none where all are alike."""
    say, context = view.words, view.context
    if "baseline.standardized_difference" not in view.results.tables:
        return ""
    differences = view.results.table("baseline.standardized_difference").dropna(subset=["value"])
    summary = view.results.table("baseline")
    values = differences["value"].astype(float)
    # Of two levels that differ alike, the one more frequent in the treated arm is named.
    ranked = differences.assign(size=values.abs().round(9), sign=values > 0).sort_values(
        ["size", "sign"], ascending=[False, False], kind="stable"
    )
    named: dict[str, str] = {}
    for row in ranked[ranked["size"] >= IMBALANCE].to_dict("records"):
        name, level = str(row["variable"]), row["level"]
        if name in named or len(named) == BASELINE_DIFFERENCES_NAMED:
            continue
        of = summary[summary["variable"] == name]
        of = of[of["level"].isna()] if level is None else of[of["level"] == level]
        treated, reference = (of[of["arm"] == arm].iloc[0] for arm in (row["treatment"], context.reference))
        statistic = "share" if level is not None else "median"
        if statistic == "median" and treated["median"] == reference["median"]:
            statistic = "mean"
        pair = {"a": treated[statistic], "b": reference[statistic]}
        named[name] = say(f"caution.{statistic}", variable=view.label(name), level=view.label(str(level or "")), **pair)
    return say.listed(list(named.values()))


def _notes(view: View) -> Passage:
    """What was decided while the data were read, and what the checks of the data warn of."""
    say = view.words
    items = [say.say(message_from_json(note)) for note in view.context.notes]
    gate = view.results.gates.get("data")
    items += [say.say(gate.reason)] if gate is not None and gate.reason else []
    return Passage(items=items) if items else Passage(paragraphs=[say("passage.no_notes")])


def _not_declared(view: View) -> Passage:
    return Passage(paragraphs=[view.words("passage.not_declared")])


PASSAGES = {
    "data.notes": _notes,
    "not_declared": _not_declared,
}
