"""The story of a report on disposition and baseline: who took part, who went on, and how alike the arms were."""

from __future__ import annotations

from typing import Any

from evidence_lib.report.comparison import count
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.phrases import own_phrases, per100

IMBALANCE = 0.1
BEYOND_CHANCE = 0.25  # of a randomised trial: smaller ones are common among many variables by chance alone


def answer(view: View) -> str:
    """How many entered, and how many of each arm went on to the end."""
    say = view.words
    n = count(view, "count.subjects", "all")
    shares = _went_on(view)
    if not shares:
        return say("baseline.story.answer.entered", n=n, people=own_phrases(view)["people"])
    parts = [
        say("baseline.story.answer.arm", arm=view.label(arm), n=done, of=of, share=done / of)
        for arm, (done, of) in shares.items()
        if of
    ]
    return say("baseline.story.answer", n=n, people=own_phrases(view)["people"], parts=say.listed(parts))


def key_messages(view: View) -> list[KeyMessage]:
    """K1 how many entered, K2 how many went on to the end, K3 how alike the arms were."""
    say = view.words
    arms = [
        say("baseline.story.key.arm", arm=view.label(arm), n=count(view, "count.subjects", arm))
        for arm in view.context.arms
    ]
    found = [(say.number(count(view, "count.subjects", "all")), [own_phrases(view)["people"], *arms])]
    shares = {arm: pair for arm, pair in _went_on(view).items() if pair[1]}
    if shares:
        big = " / ".join(say("baseline.story.key.per100", n=per100(done / of)) for done, of in shares.values())
        lines = [say("baseline.story.key.completed")]
        lines += [
            say("baseline.story.key.share", arm=view.label(arm), n=done, of=of) for arm, (done, of) in shares.items()
        ]
        found.append((big, lines))
    largest = _largest_difference(view)
    if largest is not None:
        name, size = largest
        found.append((say.number(size, 2), [say("baseline.story.key.difference"), view.label(name)]))
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(found, 1)]


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The flow of participants."""
    return ("figures.consort_flow", ({"table": "baseline.flow"},)) if "baseline.flow" in view.results.tables else None


def grey_line(view: View) -> list[str]:
    """How many people."""
    n = count(view, "count.subjects", "all")
    return [view.words("baseline.story.grey", n=n, people=own_phrases(view)["people"])]


def cautions(view: View) -> list[str]:
    """An imbalance at the start, and tests of baseline variables where the study asks for them."""
    say, lines = view.words, []
    largest = _largest_difference(view)
    if view.context.design == "randomised" and largest is not None and largest[1] > BEYOND_CHANCE:
        lines.append(say("baseline.story.caution.imbalance", variable=view.label(largest[0]), size=largest[1]))
    return lines


def unclear(view: View) -> bool:
    """Nothing is compared here."""
    return False


def seen(view: View) -> list[str]:
    """How many of each arm went on to the end."""
    say = view.words
    found = [
        say("baseline.story.seen.arm", arm=view.label(arm), n=done, of=of)
        for arm, (done, of) in _went_on(view).items()
        if of
    ]
    return found or [say("baseline.story.seen.entered", n=count(view, "count.subjects", "all"))]


def _text(view: View) -> Passage:
    say = view.words
    paragraphs = [without_bold(answer(view))]
    largest = _largest_difference(view)
    if largest is not None:
        name, size = largest
        key = "baseline.story.text.alike" if size <= IMBALANCE else "baseline.story.text.differ"
        paragraphs.append(say(key, variable=view.label(name), size=size))
    return Passage(paragraphs=paragraphs)


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say("baseline.story.limit.describes")]
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


def _went_on(view: View) -> dict[str, tuple[int, int]]:
    """Of each arm's treated subjects, how many did not stop early (completed, or go on), and how many there are."""
    found = {}
    for arm in view.context.arms:
        counts = {
            category: view.results.find("disposition.subjects", arm=arm, category=category)
            for category in ("discontinued", "not_treated")
        }
        all_of = view.results.find("disposition.subjects", "n", arm=arm, category="discontinued")
        if counts["discontinued"] is not None and all_of is not None:
            stopped, untreated = (int(row.value or 0) if row else 0 for row in counts.values())
            n = int(all_of.value or 0) - untreated
            found[arm] = (n - stopped, n)
    return found


def _largest_difference(view: View) -> tuple[str, float] | None:
    """The variable with the largest standardised difference between arms, and that difference without its sign."""
    if "baseline.standardized_difference" not in view.results.tables:
        return None
    table = view.results.table("baseline.standardized_difference")
    sizes = table["value"].dropna().astype(float).abs()
    if sizes.empty:
        return None
    at = sizes.idxmax()
    return str(table.loc[at, "variable"]), float(sizes[at])


PASSAGES = {"baseline.text": _text, "baseline.limitations": _limitations}
