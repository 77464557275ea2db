"""One row per subject, and the anonymous frames behind figures of single patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evidence_lib.endpoints.response import (
    Confirmation,
    ResponseRules,
    response_summary,
    responses_differ,
    spider_band,
    spider_lines,
    swimmer_rows,
    waterfall_bars,
)


def visits(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["subject", "date", "response"])


SUBJECTS = pd.DataFrame({"subject": ["a", "b", "c"], "start": 0})
VISITS = visits(("a", 42, "PR"), ("a", 84, "PR"), ("b", 42, "PR"), ("b", 84, "SD"), ("b", 126, "PD"))


def test_everybody_has_a_row_and_who_was_never_assessed_is_no_responder() -> None:
    found = response_summary(VISITS, SUBJECTS, rules=ResponseRules())
    assert found["subject"].tolist() == ["a", "b", "c"]
    assert found["best"].tolist() == ["PR", "SD", "MISSING"]
    assert found["responder"].tolist() == [1, 0, 0]
    assert found["controlled"].tolist() == [1, 1, 0]
    assert found["responded_on"].tolist()[0] == 42
    assert found["percent_change"].isna().all()


def test_without_confirmation_every_response_counts() -> None:
    found = response_summary(VISITS, SUBJECTS, rules=ResponseRules().without_confirmation())
    assert found["best"].tolist() == ["PR", "PR", "MISSING"]
    assert found["responder"].tolist() == [1, 1, 0]


def test_confirmation_and_stable_disease_take_their_days_from_the_rules() -> None:
    slow = ResponseRules(confirmation=Confirmation(days=43))
    assert response_summary(VISITS, SUBJECTS, rules=slow)["best"].tolist() == ["SD", "SD", "MISSING"]
    late = ResponseRules(minimum_stable_days=100)
    assert response_summary(VISITS, SUBJECTS, rules=late)["best"].tolist() == ["PR", "PD", "MISSING"]


def test_no_assessment_is_written_in_several_ways() -> None:
    derived = pd.Series(["MISSING", "NE", "CR", "PR"], index=[1, 2, 3, 4])
    assert responses_differ(derived, pd.Series(["NE", "ND", " cr", "SD"], index=[1, 2, 3, 4])) == 1
    assert responses_differ(derived, pd.Series(["PR"], index=[4])) == 0
    assert responses_differ(derived, pd.Series([None, "CR"], index=[1, 9])) == 0


def people(n: int, arms: tuple[str, ...] = ("A", "B")) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "subject": np.arange(n),
            "arm": [arms[i % len(arms)] for i in range(n)],
            "best": rng.choice(["PR", "SD", "PD"], n),
            "percent_change": rng.uniform(-100, 50, n),
            "end": rng.integers(30, 900, n).astype(float),
            "treated_until": 20.0,
            "response": np.nan,
            "progression": np.nan,
            "died": False,
            "ongoing": False,
        }
    )


def test_the_waterfall_keeps_everybody_who_has_a_change() -> None:
    frame = people(300)
    frame.loc[:9, "percent_change"] = np.nan
    bars = waterfall_bars(frame)
    assert len(bars) == 290
    assert "subject" not in bars
    for _, of in bars.groupby("arm"):
        assert of["percent_change"].is_monotonic_decreasing


@pytest.mark.parametrize("order", [1, -1])
def test_frames_do_not_depend_on_the_order_of_the_data(order: int) -> None:
    frame = people(120)
    pd.testing.assert_frame_equal(waterfall_bars(frame), waterfall_bars(frame.iloc[::order].reset_index(drop=True)))
    shuffled = frame.sample(frac=1, random_state=1)
    changes = frame[["subject", "arm", "percent_change"]].assign(day=43)
    pd.testing.assert_frame_equal(spider_lines(frame, changes), spider_lines(shuffled, changes))


@pytest.mark.parametrize("n", [1, 2, 79, 80, 81, 600])
def test_lines_are_thinned_at_even_steps_and_say_of_how_many(n: int) -> None:
    frame = people(n)
    changes = frame[["subject", "arm", "percent_change"]].assign(day=43)
    lines = spider_lines(frame, changes, most=40)
    assert "subject" not in lines
    for arm, of in lines.groupby("arm"):
        there = int((frame["arm"] == arm).sum())
        assert set(of["of"]) == {there}
        assert of["line"].nunique() == min(there, 40)
        assert (of.loc[of["day"] == 1, "percent_change"] == 0).all()
    drawn = lines[lines["day"] == 43]
    if n == 600:  # even steps: the middle of what is drawn is the middle of all
        for arm, of in drawn.groupby("arm"):
            everybody = frame.loc[frame["arm"] == arm, "percent_change"]
            assert abs(of["percent_change"].median() - everybody.median()) < 5


def test_the_band_holds_the_quartiles_of_the_last_value_in_each_window() -> None:
    rows = [(who, "A", day, value) for who in range(5) for day, value in ((10, 99.0), (42, -10.0 * who), (43, 7.0))]
    changes = pd.DataFrame(rows, columns=["subject", "arm", "day", "percent_change"])
    band = spider_band(changes)
    assert band["n"].tolist() == [5, 5]
    assert band.loc[0, ["q1", "median", "q3"]].tolist() == [-30.0, -20.0, -10.0]
    assert band.loc[1, "median"] == 7.0
    assert len(spider_band(changes[changes["subject"] < 4])) == 0


def test_swimmers_are_in_the_order_of_their_follow_up() -> None:
    rows = swimmer_rows(people(200), most=30)
    assert "subject" not in rows
    for _, of in rows.groupby("arm"):
        assert len(of) == 30
        assert of["end"].is_monotonic_decreasing


def test_empty_frames_stay_empty() -> None:
    frame = people(4).head(0)
    changes = pd.DataFrame(columns=["subject", "arm", "day", "percent_change"])
    assert len(waterfall_bars(frame)) == len(swimmer_rows(frame)) == len(spider_lines(people(4), changes)) == 0
    assert list(spider_band(changes).columns) == ["arm", "day", "n", "q1", "median", "q3"]
