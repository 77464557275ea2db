"""The sentences of a report: direction, caution, absolute values first, and the words that must not be used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from evidence_lib.language import words
from evidence_lib.report.context import View, view
from evidence_lib.report.narrative import PASSAGES, cautions, first_screen, passage
from evidence_lib.results import Gate
from tests.report.material import a_view, context, per_arm, results

MINUS = "\u2212"
NOT_RANDOMISED = ("partly-randomised", "observational", "single-arm")
NO_EFFECT = {"milestone.difference": 0.0, "rmst.difference": 0.0, "cox.hazard_ratio.stratified": 1.0}
PRIMARY = {
    "survival_difference": "milestone.difference",
    "rmst_difference": "rmst.difference",
    "hazard_ratio": "cox.hazard_ratio.stratified",
}


def changed(at: View, analysis: str, *, groups: dict[str, Any] | None = None, **values: Any) -> View:
    """Replace statistics of an analysis by keyword; None makes it not estimable."""
    found = False
    for key, row in list(at.results.rows.items()):
        wanted = all(row.groups.get(name) == value for name, value in (groups or {}).items())
        if row.analysis != analysis or row.statistic not in values or not wanted:
            continue
        value, found = values[row.statistic], True
        status, reason = ("ok", None) if value is not None else ("not_estimable", "none")
        at.results.rows[key] = replace(row, value=value, status=status, reason=reason)  # type: ignore[arg-type]
    assert found, f"no such row: {analysis} {groups}"
    return at


def withheld(at: View, pattern: str) -> View:
    for key, row in list(at.results.rows.items()):
        if row.analysis.startswith(pattern) and row.statistic not in ("n", "events"):
            at.results.rows[key] = replace(row, value=None, status="withheld", reason="a declared check failed")
    return at


def one_arm(**changes: Any) -> View:
    about = context(["Active"], design="single-arm", **changes)
    made = results(replace(about, arms=("Active", "Control"), treatments=("Active",), reference="Control"))
    made.rows.clear()
    made.tables.clear()
    made.gates.clear()
    made.add(per_arm(about))
    return view(about, made, "en")


def answer(at: View) -> str:
    return "".join(text for text, _ in first_screen(at).answer)


def strong(at: View) -> list[str]:
    return [text for text, is_strong in first_screen(at).answer if is_strong]


def plain(at: View) -> dict[str, str]:
    return dict(first_screen(at).plain)


def everything(at: View) -> str:
    """Every sentence the narrative can make of a view."""
    screen = first_screen(at)
    texts: list[str] = [screen.status_text, *screen.grey_line, answer(at), *screen.caution]
    texts += [line for message in screen.key_messages for line in (message.big, *message.lines)]
    texts += [part for pair in screen.plain for part in pair] + [text for text, _ in screen.links]
    for key in PASSAGES:
        made = passage(key, view=at)
        texts += [*made.paragraphs, *made.items]
    return "\n".join(texts)


# --- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("primary", list(PRIMARY))
@pytest.mark.parametrize(
    ("sign", "said"), [(1, "less frequent"), (-1, "more frequent"), (0, "There may be no difference")]
)
def test_the_direction_is_that_of_the_declared_measure(primary: str, sign: int, said: str) -> None:
    """Only the interval of the declared measure counts; the others point to fewer events throughout."""
    at = a_view(primary_measure=primary)
    analysis = PRIMARY[primary]
    no_effect = NO_EFFECT[analysis]
    toward = -sign if primary == "hazard_ratio" else sign
    value = no_effect + toward * 0.2 if sign else no_effect + 0.01
    half = 0.1
    at = changed(at, analysis, estimate=value, conf_low=value - half, conf_high=value + half)
    assert said in strong(at)[0]
    others = {"less frequent", "more frequent", "There may be no difference"} - {said}
    assert not any(other in answer(at) for other in others)


@pytest.mark.parametrize("primary", list(PRIMARY))
@pytest.mark.parametrize("limits", [(0.0, 0.4), (-0.4, 0.0), (None, 0.4), (0.1, None)])
def test_an_interval_that_touches_no_effect_or_is_incomplete_is_unclear(
    primary: str, limits: tuple[float | None, float | None]
) -> None:
    analysis = PRIMARY[primary]
    low, high = (None if limit is None else NO_EFFECT[analysis] + limit for limit in limits)
    at = a_view(primary_measure=primary)
    at = changed(at, analysis, estimate=NO_EFFECT[analysis] + 0.2, conf_low=low, conf_high=high)
    assert strong(at)[0] == "There may be no difference"
    assert "There may be no difference." in plain(at)["How sure?"]
    assert "includes no difference" in passage("survival.effect", view=at).paragraphs[0]


def test_both_absolute_values_stand_in_the_answer() -> None:
    at = changed(a_view(), "km.survival", groups={"arm": "Active", "time": 1826}, estimate=0.581)
    at = changed(at, "km.survival", groups={"arm": "Control", "time": 1826}, estimate=0.4366)
    assert answer(at) == (
        "The event was less frequent in the Active group: after 5 years, 58 in 100 patients were without the event, "
        "against 44 in 100 in the Control group."
    )
    assert strong(at) == ["less frequent", "58 in 100", "44 in 100"]


def test_the_study_s_own_phrases_are_used() -> None:
    own = {
        "people": "women",
        "event": "Recurrence or death",
        "outcome": "were alive without recurrence",
        "with_treatment": "with hormonal therapy",
        "with_reference": "without it",
    }
    found = answer(a_view(plain=own))
    assert found.startswith("Recurrence or death was less frequent with hormonal therapy: after 5 years, ")
    assert re.search(r"\d+ in 100 women were alive without recurrence, against \d+ in 100 without it\.$", found)


def test_shares_that_point_the_other_way_are_said_to() -> None:
    at = a_view(primary_measure="hazard_ratio")
    at = changed(at, "km.survival", groups={"arm": "Active", "time": 1826}, estimate=0.2)
    assert strong(at)[:2] == ["less frequent", "not at 5 years"]
    at = changed(at, "cox.hazard_ratio.stratified", estimate=1.5, conf_low=1.1, conf_high=2.0)
    at = changed(at, "km.survival", groups={"arm": "Active", "time": 1826}, estimate=0.9)
    assert strong(at)[:2] == ["more frequent", "not at 5 years"]


def test_without_a_milestone_the_answer_needs_no_shares() -> None:
    at = a_view(primary_measure="hazard_ratio", milestone=None)
    assert answer(at) == "The event was less frequent in the Active group than in the Control group."
    assert plain(at)["What was seen?"] == FOLLOWED["fewer"]


def test_a_measure_that_is_not_estimable_gives_no_direction() -> None:
    at = changed(a_view(), "milestone.difference", estimate=None, conf_low=None, conf_high=None)
    assert "The declared main measure could not be estimated." in answer(at)
    assert "frequent" not in answer(at)
    screen = first_screen(at)
    assert screen.key_messages[0].big == "Not estimable"
    assert screen.key_messages[0].lines == ["difference at the milestone", "none"]
    both = changed(at, "km.survival", groups={"arm": "Control"}, estimate=None)
    assert strong(both)[0] == "The data can not answer"


@pytest.mark.parametrize("analysis", ["milestone.difference", "cox.hazard_ratio", "rmst.difference"])
def test_a_withheld_estimate_is_said_to_be_withheld_and_why(analysis: str) -> None:
    at = withheld(a_view(), analysis)
    assert answer(at) == (
        "We can not say whether the event was less frequent in the Active group than in the Control group: "
        "a declared check failed."
    )
    assert plain(at)["What was seen?"] == "We can not say: a declared check failed."
    big = [message.big for message in first_screen(at).key_messages]
    assert big.count("Withheld") == 1


# --- key messages ----------------------------------------------------------------------------------------------------


def test_key_messages_are_absolute_relative_time_each_with_its_interval() -> None:
    at = changed(a_view(), "km.survival", groups={"arm": "Active", "time": 1826}, estimate=0.581)
    at = changed(at, "km.survival", groups={"arm": "Control", "time": 1826}, estimate=0.4366)
    absolute, relative, time = first_screen(at).key_messages
    assert [message.id for message in (absolute, relative, time)] == ["K1", "K2", "K3"]
    assert absolute.big == "+14 in 100"
    assert absolute.lines == ["were without the event at 5 years", "58.1% v 43.7%; 95% CI 5.3 to 23.6 points"]
    assert relative.big == "HR 0.69"
    assert relative.lines[:2] == ["95% CI 0.54 to 0.89", "stratified: GRADE"]
    # 149.4, 53.8 and 245.1 days in months of 30.4375 days: 4.908, 1.768 and 8.053.
    assert time.big == "+4.9 months"
    assert time.lines == ["event-free within 5 years (RMST)", "95% CI 1.8 to 8.1"]


@pytest.mark.parametrize(("strata", "p"), [(("GRADE",), "p = 0.0036"), ((), "p = 0.0034")])
def test_the_p_value_beside_a_hazard_ratio_is_the_matching_log_rank_one(strata: tuple[str, ...], p: str) -> None:
    lines = first_screen(a_view(strata=strata)).key_messages[1].lines
    assert f"log-rank {p}" in lines
    # The model's own p-values (0.0031, 0.0032, 0.0089) are not shown there.
    assert sum("p =" in line for line in lines) == 1


@pytest.mark.parametrize("design", ["randomised", "partly-randomised", "observational"])
def test_the_adjusted_ratio_stands_beside_the_crude_one_unless_randomised(design: str) -> None:
    lines = first_screen(a_view(design=design)).key_messages[1].lines
    assert ("adjusted 0.69 (0.54 to 0.89)" in lines) == (design != "randomised")


def test_a_loss_is_printed_with_its_sign() -> None:
    at = changed(a_view(), "milestone.difference", estimate=-0.1444, conf_low=-0.236, conf_high=-0.053)
    at = changed(at, "rmst.difference", estimate=-149.4, conf_low=-245.1, conf_high=-53.8)
    absolute, _, time = first_screen(at).key_messages
    assert absolute.big == f"{MINUS}14 in 100"
    assert absolute.lines[1].endswith(f"95% CI {MINUS}23.6 to {MINUS}5.3 points")
    assert (time.big, time.lines[1]) == (f"{MINUS}4.9 months", f"95% CI {MINUS}8.1 to {MINUS}1.8")
    assert "about 14 fewer in every 100" in plain(at)["What was seen?"]
    assert "as small as 5 or as large as 24" in plain(at)["What was seen?"]


# 58.4 - 43.6: 58 - 44 = 14, but 14.8 is 15. 58.1 - 43.7 = 14.4 is 14 = 58 - 44. 14.5 - 9.9 = 4.6 is 5 = 15 - 10, but
# only if 0.145 is taken in decimal (in binary 0.145 * 100 is 14.499999999999998, and 14 - 10 = 4).
@pytest.mark.parametrize(
    ("a", "b", "in_plain", "in_key"),
    [
        (0.584, 0.436, True, True),
        (0.581, 0.437, False, False),
        (0.145, 0.099, False, False),
        # 14.46 in 100 is 14; with one decimal 58.06 and 43.60 are 58.1 - 43.6 = 14.5, which reads as 15.
        (0.5806, 0.4360, False, True),
    ],
)
def test_rounded_parts_that_do_not_give_the_rounded_difference_say_so(
    a: float, b: float, in_plain: bool, in_key: bool
) -> None:
    at = changed(a_view(), "km.survival", groups={"arm": "Active", "time": 1826}, estimate=a)
    at = changed(at, "km.survival", groups={"arm": "Control", "time": 1826}, estimate=b)
    at = changed(at, "milestone.difference", estimate=round(a - b, 10), conf_low=0.01, conf_high=0.3)
    assert ("(rounded)" in plain(at)["What was seen?"]) == in_plain
    assert ("(rounded)" in first_screen(at).key_messages[0].lines[0]) == in_key


# --- status, caution, grey line --------------------------------------------------------------------------------------


def test_a_failed_check_makes_a_draft_and_comes_first() -> None:
    at = changed(a_view(), "proportional_hazards.test", p_value=0.01)
    found = cautions(at)
    assert first_screen(at).status == "draft"
    assert found[0] == "A check failed: balance of the arms at the start. too far"
    assert found[1] == "Treatment was not randomised for every patient. This is an association."
    assert found[2].startswith("The groups differed at the start: AGE (mean 52.3 against 52.3) and GRADE: I (")
    assert found[3].startswith("The hazard ratio is an average")
    assert plain(at)["How sure?"].startswith("One check of the data failed: balance of the arms at the start.")
    at.results.gates["balance"] = Gate(id="balance", result="fail", measure=0.41, limit=0.1, governs=None)
    assert cautions(at)[0] == "A check failed: balance of the arms at the start."


@pytest.mark.parametrize("result", ["pass", "informational", "not_evaluable"])
def test_without_a_failed_check_the_page_is_checked(result: Any) -> None:
    at = a_view()
    at.results.gates["balance"] = replace(at.results.gates["balance"], result=result)
    screen = first_screen(at)
    assert (screen.status, screen.caution[0][:9]) == ("checked", "Treatment")
    assert "check" not in plain(at)["How sure?"]


@pytest.mark.parametrize(("p", "alpha", "doubtful"), [(0.049, 0.05, True), (0.05, 0.05, False), (0.04, 0.01, False)])
def test_hazards_are_doubted_under_the_declared_level_only(p: float, alpha: float, doubtful: bool) -> None:
    at = changed(a_view(ph_alpha=alpha), "proportional_hazards.test", p_value=p)
    assert any("hazards were not proportional" in line for line in cautions(at)) == doubtful
    assert ("an average: it depends on follow-up" in first_screen(at).key_messages[1].lines) == doubtful
    said = passage("survival.hazards", view=at).paragraphs[0]
    assert ("an average that depends on the length of follow-up" in said) == doubtful
    assert "is not proof" in said or doubtful


@pytest.mark.parametrize("strata", [(), ("SEX", "GRADE")])
def test_the_check_of_the_hazards_says_that_it_has_no_strata(strata: tuple[str, ...]) -> None:
    said = passage("survival.hazards", view=a_view(strata=strata)).paragraphs
    assert any("the Cox model without strata" in paragraph for paragraph in said) == bool(strata)


def test_a_small_level_is_printed_in_full() -> None:
    at = changed(a_view(ph_alpha=0.001), "proportional_hazards.test", p_value=0.0002)
    assert "under the level of 0.001:" in passage("survival.hazards", view=at).paragraphs[0]


def test_without_a_baseline_table_no_difference_is_claimed() -> None:
    at = a_view(design="observational")
    del at.results.tables["baseline.standardized_difference"]
    assert "Treatment was not randomised. This is an association." in cautions(at)
    assert not any("differed" in line for line in cautions(at))


def test_a_randomised_comparison_has_no_caution_about_its_design() -> None:
    at = a_view(design="randomised")
    at.results.gates.clear()
    assert cautions(at) == []
    assert "Chance decided who got which treatment." in plain(at)["How sure?"]


def test_the_grey_line_says_study_design_people_follow_up_and_cut_off() -> None:
    at = a_view(cutoff={"date": "2024-02-29"})
    at.results.add(replace(row, groups={"arm": "all"}) for row in at.results.select("count.subjects", arm="Active"))
    assert list(first_screen(at).grey_line) == [
        "Demo study",
        "partly randomised cohort study",
        "246 patients, 0 with the event",
        "median follow-up 54 months",
        "data cut-off February 29, 2024",
    ]
    assert first_screen(a_view(cutoff={"unknown": "not stated"})).grey_line[-1] == "cut-off date unknown: not stated"


def test_links_count_the_checks() -> None:
    assert ("Checks (1 pass, 1 fail, 0 to note)", "checks") in list(first_screen(a_view()).links)


# --- plain language --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["randomised", *NOT_RANDOMISED])
def test_the_plain_box_asks_five_questions_in_order_and_answers_each(design: str) -> None:
    at = one_arm() if design == "single-arm" else a_view(design=design)
    asked = first_screen(at).plain
    assert [question for question, _ in asked] == ["Who?", "What was seen?", "How sure?", "Not known:", "For you:"]
    assert all(text.strip() for _, text in asked)


def test_the_plain_box_says_what_was_seen_per_100() -> None:
    at = changed(a_view(), "km.survival", groups={"arm": "Active", "time": 1826}, estimate=0.581)
    at = changed(at, "km.survival", groups={"arm": "Control", "time": 1826}, estimate=0.4366)
    assert plain(at)["What was seen?"] == (
        "After 5 years, about 58 in 100 patients in the Active group were without the event. "
        "It was about 44 in 100 in the Control group. That is about 14 more in every 100. "
        "The true gap could be as small as 5 or as large as 24."
    )


FLAT = "There may be no difference. The true gap could be"
WHOLE = "over the whole follow-up. That is the main measure."
FOLLOWED = {
    "fewer": f"The event was less frequent in the Active group {WHOLE}",
    "more": f"The event was more frequent in the Active group {WHOLE}",
    "unclear": f"There may be no difference {WHOLE}",
}
RATIO = {"fewer": (0.7, 0.5, 0.9), "more": (1.4, 1.1, 1.8), "unclear": (0.9, 0.7, 1.1)}
AT_5_YEARS = {"fewer": (0.1, 0.02, 0.18), "more": (-0.1, -0.18, -0.02), "unclear": (0.05, -0.001, 0.153)}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((-0.03, 0.13), "3 fewer or 13 more"),
        ((-0.001, 0.153), "none or 15 more"),
        ((-0.153, 0.0), "15 fewer or none"),
        ((-0.001, 0.004), "less than 1 fewer or less than 1 more"),
    ],
)
def test_a_gap_that_may_be_none_is_said_both_ways(limits: tuple[float, float], said: str) -> None:
    at = a_view(primary_measure="survival_difference")
    at = changed(at, "milestone.difference", estimate=0.0, conf_low=limits[0], conf_high=limits[1])
    assert plain(at)["What was seen?"].endswith(f"There may be no difference. The true gap could be {said}.")


@pytest.mark.parametrize("milestone", AT_5_YEARS)
@pytest.mark.parametrize("main", RATIO)
def test_the_plain_words_follow_the_main_measure(main: str, milestone: str) -> None:
    at = a_view(primary_measure="hazard_ratio")
    for name, values in (
        ("cox.hazard_ratio.stratified", RATIO[main]),
        ("milestone.difference", AT_5_YEARS[milestone]),
    ):
        at = changed(at, name, **dict(zip(("estimate", "conf_low", "conf_high"), values, strict=True)))
    seen = plain(at)["What was seen?"]
    assert (FLAT in seen) == (main == milestone == "unclear")
    assert [way for way, text in FOLLOWED.items() if seen.endswith(text)] == ([main] if main != milestone else [])
    alone = "At 5 years by itself, the gap could be anything from none to 15 more in 100."
    assert (alone in seen) == (milestone == "unclear" != main)
    assert ("There may be no difference." in plain(at)["How sure?"]) == (main == "unclear")
    assert all(len(re.findall(r"[\w-]+", sentence)) <= 20 for sentence in re.split(r"(?<=[.?!])\s", seen))


def test_a_main_measure_of_the_first_months_is_not_said_to_be_of_the_whole_follow_up() -> None:
    at = changed(a_view(primary_measure="rmst_difference"), "milestone.difference", conf_low=-0.01, conf_high=0.2)
    assert "in the Active group over the first 5 years. That is the main measure." in plain(at)["What was seen?"]


def test_the_smallest_gap_is_never_said_to_be_none_where_none_is_excluded() -> None:
    at = changed(a_view(), "milestone.difference", estimate=0.08, conf_low=0.003, conf_high=0.15)
    assert "as small as less than 1 or as large as 15" in plain(at)["What was seen?"]


def test_what_the_study_says_is_not_known_goes_before_the_general_sentence() -> None:
    assert plain(a_view(plain={"not_known": ["It does not show cost."]}))["Not known:"] == "It does not show cost."
    assert "side effects" in plain(a_view())["Not known:"]


# --- one arm, three arms ---------------------------------------------------------------------------------------------


def test_one_arm_is_described_and_not_compared() -> None:
    at = changed(one_arm(), "km.survival", groups={"time": 1826}, estimate=0.5814, conf_low=0.5, conf_high=0.66)
    assert answer(at) == (
        "After 5 years, 58 in 100 patients were without the event. There is no other group to compare with."
    )
    assert [message.big for message in first_screen(at).key_messages] == ["58 in 100", "50.2 months", "41.5 months"]
    assert [list(message.lines) for message in first_screen(at).key_messages] == [
        ["were without the event at 5 years", "58.1%; 95% CI 50.0% to 66.0%"],
        ["median time to the event", "95% CI 42.6 to NE"],
        ["event-free within 5 years (RMST)", "95% CI 39.6 to 43.5"],
    ]
    seen = "After 5 years, about 58 in 100 patients were without the event. "
    assert plain(at)["What was seen?"] == seen + "The true number could be as low as 50 or as high as 66."
    assert cautions(at)[0].startswith("No other group was studied at the same time")
    assert passage("survival.hazards", view=at).paragraphs == [
        "There is no comparison, so there are no hazards to compare."
    ]
    assert not re.search(r"less frequent|more frequent|\bthan\b|against|HR ", everything(at))


def test_one_arm_without_an_estimate_says_so() -> None:
    for at in (
        one_arm(milestone=None),
        changed(one_arm(), "km.survival", estimate=None, conf_low=None, conf_high=None),
    ):
        assert strong(at) == ["The data can not answer"]
        assert first_screen(at).key_messages[0].big == "Not estimable"
        assert plain(at)["What was seen?"] == "The study is too short to say."
    at = withheld(one_arm(), "km.survival")
    assert strong(at) == ["We can not say"]
    assert first_screen(at).key_messages[0].big == "Withheld"


def test_three_arms_give_three_key_messages_for_each_treatment() -> None:
    at = a_view(("High", "Low", "Placebo"))
    at = changed(at, "cox.hazard_ratio.stratified", groups={"treatment": "Low"}, estimate=0.91)
    at = changed(at, "milestone.difference", groups={"treatment": "Low"}, estimate=0.02, conf_low=-0.05, conf_high=0.09)
    found = first_screen(at).key_messages
    assert [message.id for message in found] == ["K1", "K2", "K3", "K4", "K5", "K6"]
    assert [message.lines[0] for message in found] == ["High against Placebo"] * 3 + ["Low against Placebo"] * 3
    assert [found[1].big, found[4].big] == ["HR 0.69", "HR 0.91"]
    assert strong(at)[0] == "less frequent"
    assert "There may be no difference" in strong(at)
    assert answer(at).count("in the Placebo group") == 2
    hazards = passage("survival.hazards", view=at).paragraphs
    assert sum(paragraph.startswith("The score test gives p") for paragraph in hazards) == 2


def test_with_several_treatments_with_treatment_would_not_say_which() -> None:
    found = answer(a_view(("High", "Low", "Placebo"), plain={"with_treatment": "with it", "with_reference": "without"}))
    assert "in the High group" in found
    assert "in the Low group" in found
    assert "with it" not in found


# --- words that must not be used -------------------------------------------------------------------------------------

CAUSAL = re.compile(
    r"\b(reduc(e|es|ed|ing|tion)|caus(e|es|ed|ing|al)|because of|due to|owing to|thanks to|effects? of|"
    r"effective(ness)?|efficac\w+|prevent\w*|delay\w*|improv\w+|benefit\w*|lead(s|ing)? to|led to|"
    r"result(s|ed|ing)? in|protect\w*|"
    r"sav(e|es|ed|ing)|works?|worked|increas\w+|decreas\w+|lower(s|ed|ing))\b",
    re.IGNORECASE,
)
# Names of statistics and of what they count, in the method and reasons of a statistic; a narrative has no such excuse.
TERMS = re.compile(
    r"net benefit|to benefit|side of benefit|of (this|other) causes?|effects? of the (other )?regions?", re.IGNORECASE
)
SIGNIFICANT = re.compile(r"significan|insignifican", re.IGNORECASE)


def texts_of_the_catalogue() -> dict[str, Sequence[str]]:
    found = words("en")._texts
    return {key: (text,) if isinstance(text, str) else text for key, text in found.items()}


def test_the_pattern_finds_causal_words() -> None:
    for said in ("It reduces relapse", "due to treatment", "the effect of A", "prevented", "has another cause"):
        assert CAUSAL.search(said), said
    for said in ("side effects", "lower hazard", "Lower limit", "left out because it is empty", "the workbook"):
        assert not CAUSAL.search(said), said


def without_terms(key: str, text: str) -> str:
    words_only = re.sub(r"\{[^}]*\}", "", text)
    return TERMS.sub("", words_only) if "_statistics." in key else words_only


def test_terms_are_excused_in_methods_only() -> None:
    said = "Net benefit of the treatment, which reduces events of this cause"
    assert CAUSAL.findall(without_terms("win_statistics.method.net_benefit", said)) != []
    assert not CAUSAL.search(without_terms("win_statistics.method.net_benefit", "Net benefit, events of this cause"))
    assert CAUSAL.search(without_terms("survival.effect", "Net benefit"))


def test_no_catalogue_text_that_a_study_without_randomisation_can_show_is_causal() -> None:
    wrong = {
        key: text
        for key, texts in texts_of_the_catalogue().items()
        for text in texts
        if not key.endswith(".randomised") and CAUSAL.search(without_terms(key, text))
    }
    assert wrong == {}


def test_significant_is_said_nowhere() -> None:
    assert {k: t for k, texts in texts_of_the_catalogue().items() for t in texts if SIGNIFICANT.search(t)} == {}


def views_without_randomisation() -> dict[str, View]:
    found = {"one arm": one_arm(), "three arms": a_view(("High", "Low", "Placebo"), design="observational")}
    for design in ("partly-randomised", "observational"):
        found[design] = a_view(design=design)
        found[f"{design}, more events"] = changed(
            a_view(design=design), "milestone.difference", estimate=-0.1, conf_low=-0.2, conf_high=-0.05
        )
        found[f"{design}, unclear"] = changed(a_view(design=design), "milestone.difference", conf_low=-0.2)
        found[f"{design}, hazards"] = changed(a_view(design=design), "proportional_hazards.test", p_value=0.001)
        found[f"{design}, withheld"] = withheld(a_view(design=design), "cox")
    return found


@pytest.mark.parametrize("name", list(views_without_randomisation()))
def test_no_rendered_sentence_without_randomisation_is_causal(name: str) -> None:
    text = everything(views_without_randomisation()[name])
    assert len(text) > 1000
    assert not CAUSAL.search(text), CAUSAL.search(text)
    assert not SIGNIFICANT.search(text)
    assert "None" not in text
    assert "{" not in text


# --- measures that do not agree --------------------------------------------------------------------------------------

DIFFER = "The key messages do not all agree"


@pytest.mark.parametrize("other", [(0.45, 1.15), (1.1, 1.9)])
def test_a_measure_whose_interval_does_not_follow_the_declared_one_is_a_caution(other: tuple[float, float]) -> None:
    at = a_view(primary_measure="survival_difference")
    assert not any(DIFFER in line for line in cautions(at))
    at = changed(at, "cox.hazard_ratio.stratified", estimate=sum(other) / 2, conf_low=other[0], conf_high=other[1])
    assert any(DIFFER in line for line in cautions(at))


def test_an_unclear_declared_measure_needs_no_such_caution() -> None:
    at = a_view(primary_measure="hazard_ratio")
    at = changed(at, "cox.hazard_ratio.stratified", estimate=0.8, conf_low=0.45, conf_high=1.15)
    assert not any(DIFFER in line for line in cautions(at))
