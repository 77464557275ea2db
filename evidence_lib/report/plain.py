"""The plain-language box: who, what was seen, how sure, what is not known, what it means for the reader."""

from __future__ import annotations

from collections.abc import Sequence

from evidence_lib.report.comparison import count
from evidence_lib.report.context import View
from evidence_lib.report.phrases import own_phrases


def plain_language(
    view: View, seen: Sequence[str], *, unclear: bool | Sequence[str], not_known: str = "plain.not_known.text"
) -> list[tuple[str, str]]:
    """Question and answer, five times; what differs by story is given.

    ``unclear``: no difference is in the interval, or the sentences that say of what. ``not_known``: what is said there
    unless the study file says it.
    """
    say = view.words
    return [
        (say(f"plain.{question}.heading"), " ".join(sentence for sentence in sentences if sentence))
        for question, sentences in (
            ("who", _who(view)),
            ("seen", seen),
            ("sure", _sure(view, unclear)),
            ("not_known", _not_known(view, not_known)),
            ("for_you", [say("plain.for_you.text")]),
        )
    ]


def _who(view: View) -> list[str]:
    say, context = view.words, view.context
    plain = context.plain
    n = count(view, "count.subjects", "all")
    people = own_phrases(view)["people"]
    if plain.get("condition"):
        sentences = [say("plain.who.condition", n=n, people=people, condition=plain["condition"])]
    else:
        sentences = [say("plain.who.generic", n=n, people=people)]
    counts = {arm: count(view, "count.subjects", arm) for arm in context.arms}
    if len(context.treatments) == 1 and plain.get("treatment") and plain.get("reference"):
        treated, reference = counts[context.treatments[0]], counts[context.reference]
        sentences.append(say("plain.who.took", n=treated, did=plain["treatment"]))
        sentences.append(say("plain.who.not", n=reference, did=plain["reference"]))
    elif len(counts) > 1:
        sentences += [say("plain.who.group", n=n, group=view.label(arm)) for arm, n in counts.items()]
    return sentences


def _sure(view: View, unclear: bool | Sequence[str]) -> list[str]:
    say = view.words
    failed = [gate for gate in view.results.gates.values() if gate.result == "fail"]
    sentences = [say("plain.sure.dummy")] if view.context.blinding.get("state") == "dummy" else []
    sentences += [say("plain.sure.failed", check=say(f"check.{gate.id}.name")) for gate in failed]
    sentences.append(say(f"plain.sure.{view.context.design}"))
    if isinstance(unclear, bool):
        return [*sentences, say("plain.sure.maybe_none")] if unclear else sentences
    return [*sentences, *unclear]


def _not_known(view: View, key: str) -> list[str]:
    given = view.context.plain.get("not_known") or []
    return [view.words.say(text) for text in given] or [view.words(key)]
