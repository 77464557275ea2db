"""The passages of a report on outcomes at visits: the result, how bad the missing would have to be, the limits."""

from __future__ import annotations

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import without_bold
from evidence_lib.report.formal import formal_sentences, limit_of_p_values
from evidence_lib.report.mean_differences import (
    facts,
    main_difference,
    value,
)
from evidence_lib.report.mean_phrases import (
    answer,
    answer_of,
    interval,
    seen_counts,
)


def _effect(view: View) -> Passage:
    """The result for a technical reader."""
    say, found = view.words, facts(view)
    paragraphs = []
    for treatment in view.context.treatments:
        parts = [without_bold(answer_of(view, treatment))]
        difference = main_difference(view, treatment)
        if difference.estimate is not None:
            parts.append(
                say(
                    "continuous.story.effect.difference",
                    value=difference.estimate,
                    interval=interval(view, difference),
                )
            )
            if not difference.excludes(0.0):
                parts.append(say("effect.unclear"))
            if found.important_difference is not None and difference.low is not None and difference.high is not None:
                parts.append(_importance(view, difference, found.important_difference))
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        paragraphs.append(without_bold(answer(view)))
    paragraphs += [*formal_sentences(view), say(f"effect.reading.{view.context.design}")]
    return Passage(paragraphs=paragraphs)


def _importance(view: View, difference: Value, size: float) -> str:
    """Where the interval lies beside the smallest difference that was declared to matter, in either direction."""
    low, high = float(difference.low or 0.0), float(difference.high or 0.0)
    key = "below" if -size < low and high < size else "beyond" if low >= size or high <= -size else "around"
    return view.words(f"continuous.story.important.{key}", size=size)


def _tipping(view: View) -> Passage:
    """How bad the missing values would have to be."""
    say = view.words
    items = []
    for treatment in view.context.treatments:
        row = view.results.find("imputation.tipping_point", treatment=treatment)
        versus = cells.versus(view, treatment, view.context.reference)
        if row is None:
            continue
        if row.value is None:
            items.append(say("continuous.story.tipping.never", comparison=versus, reason=cells.text(view, row.reason)))
            continue
        key = "lost" if _unshifted(view, treatment).excludes(0.0) else "gained"
        way = "lower" if float(row.value) < 0 else "higher"
        told = {
            "comparison": versus,
            "visit": facts(view).visit,
            "size": abs(float(row.value)),
            "way": say(f"continuous.story.way.{way}"),
        }
        items.append(say(f"continuous.story.tipping.{key}", **told))
    return Passage(items=items) if items else Passage(paragraphs=[say("passage.not_declared")])


def _unshifted(view: View, treatment: str) -> Value:
    """The difference that a shift is added to: that of the scan without one, else of the main analysis."""
    row = view.results.find("imputation.shifted", treatment=treatment, delta=0.0)
    return main_difference(view, treatment) if row is None else value(view, row)


def _limitations(view: View) -> Passage:
    say, context, found = view.words, view.context, facts(view)
    items = [say(f"limitations.{context.design}")] if context.design != "randomised" else []
    n, seen = seen_counts(view, context.arms)
    if found.carried:
        items.append(say("continuous.story.limitations.carried"))
    elif seen < n:
        items.append(say("continuous.story.limitations.missing"))
    if any(name in found.roles for name in ("jump-to-reference", "copy-reference", "copy-increments")):
        items.append(say("continuous.story.limitations.conservative"))
    if context.treatments:
        items.append(limit_of_p_values(view))
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


PASSAGES = {
    "continuous.effect": _effect,
    "continuous.tipping": _tipping,
    "continuous.limitations": _limitations,
}
