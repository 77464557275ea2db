"""Baseline summaries: GBSG-2, values typed from R, and what a baseline table must not hide."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS, Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.baseline import COLUMNS, baseline_summary, standardized_differences

HORMONE, NONE = "Hormonal therapy", "No hormonal therapy"


@pytest.fixture(scope="module")
def gbsg2() -> pd.DataFrame:
    from lifelines.datasets import load_gbsg2

    frame = load_gbsg2()
    return frame.assign(arm=np.where(frame["horTh"] == "yes", HORMONE, NONE))


def row(table: pd.DataFrame, **where: Any) -> dict[str, Any]:
    for column, value in where.items():
        table = table[table[column].isna() if value is None else table[column] == value]
    assert len(table) == 1
    return table.iloc[0].to_dict()


def difference(variables: pd.DataFrame, group: pd.Series, **where: Any) -> Any:
    table = standardized_differences(variables, group, treatment="A", reference="B")
    return row(table, **where)["value"]


# Counts: R 4.2.2 `table(horTh, menostat)` of the same data gives 187 + 59 and 209 + 231: 187/246 = 76.0 % against
# 209/440 = 47.5 %.
def test_gbsg2_menopause(gbsg2: pd.DataFrame) -> None:
    table = baseline_summary(gbsg2[["menostat"]], gbsg2["arm"])
    treated, reference = (row(table, arm=arm, level="Post") for arm in (HORMONE, NONE))
    assert (treated["count"], treated["n"], treated["missing"]) == (187, 246, 0)
    assert (reference["count"], reference["n"], reference["missing"]) == (209, 440, 0)
    assert (treated["share"], reference["share"]) == (187 / 246, 209 / 440)
    assert (row(table, arm=HORMONE, level="Pre")["count"], row(table, arm=NONE, level="Pre")["count"]) == (59, 231)


# R 4.2.2: mean(), sd(), median(), quantile(type = 7) and range() of age by horTh.
def test_gbsg2_age(gbsg2: pd.DataFrame) -> None:
    table = baseline_summary(gbsg2[["age"]], gbsg2["arm"])
    treated, reference = row(table, arm=HORMONE), row(table, arm=NONE)
    assert [treated[name] for name in ("median", "q1", "q3", "low", "high")] == [58, 50, 63, 32, 80]
    assert [reference[name] for name in ("median", "q1", "q3", "low", "high")] == [50, 45, 59, 21, 80]
    assert (treated["mean"], treated["sd"]) == pytest.approx((56.6219512195121979, 9.4142405078937674), rel=1e-14)
    assert (reference["mean"], reference["sd"]) == pytest.approx((51.0568181818181799, 9.9616096284966442), rel=1e-14)


# R 4.2.2, a and b the ages with and without hormonal therapy:
#   (mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2)                                         0.57421105694510055
#   p <- 187/246; q <- 209/440; (p - q) / sqrt((p * (1 - p) + q * (1 - q)) / 2)               0.61379219304519117
def test_gbsg2_standardized_differences(gbsg2: pd.DataFrame) -> None:
    table = standardized_differences(gbsg2[["age", "menostat"]], gbsg2["arm"], treatment=HORMONE, reference=NONE)
    assert row(table, variable="age")["value"] == pytest.approx(0.57421105694510055, rel=1e-13)
    assert row(table, level="Post")["value"] == pytest.approx(0.61379219304519117, rel=1e-13)
    assert row(table, level="Pre")["value"] == pytest.approx(-0.61379219304519117, rel=1e-13)


# R 4.2.2: quantile(x, c(.25, .5, .75), type = 7) and type = 2.
@pytest.mark.parametrize(
    ("values", "convention", "quartiles"),
    [
        ([2.5, 7, 7, 11, 13.25, 20, 41, 58], R, [7.000, 12.125, 25.250]),
        ([2.5, 7, 7, 11, 13.25, 20, 41, 58], SAS, [7.000, 12.125, 30.500]),
        ([3, 1, 4, 1, 5, 9, 2], R, [1.5, 3.0, 4.5]),
        ([3, 1, 4, 1, 5, 9, 2], SAS, [1, 3, 5]),
    ],
)
def test_quartiles_follow_the_convention(values: list[float], convention: Convention, quartiles: list[float]) -> None:
    table = baseline_summary(pd.DataFrame({"x": values}), pd.Series(["A"] * len(values)), convention=convention)
    assert [row(table)[name] for name in ("q1", "median", "q3")] == pytest.approx(quartiles, rel=1e-15)


# R 4.2.2: quantile(progrec[horTh == "yes"], .25, type =) is 7.25 (type 7) and 7 (type 2);
# quantile(estrec[horTh == "no"], .75, type =) is 92.25 and 92.5.
@pytest.mark.parametrize(("convention", "pgr", "er"), [(R, 7.25, 92.25), (SAS, 7, 92.5)])
def test_gbsg2_quartiles_follow_the_convention(
    gbsg2: pd.DataFrame, convention: Convention, pgr: float, er: float
) -> None:
    table = baseline_summary(gbsg2[["progrec", "estrec"]], gbsg2["arm"], convention=convention)
    assert row(table, variable="progrec", arm=HORMONE)["q1"] == pgr
    assert row(table, variable="estrec", arm=NONE)["q3"] == er


def test_a_difference_by_hand() -> None:
    # Means 3 and 1, variances 1 and 7: 2 / sqrt(4) = 1.
    variables = pd.DataFrame({"x": [2.0, 3.0, 4.0, -2.0, 2.0, 3.0]})
    group = pd.Series(["A"] * 3 + ["B"] * 3)
    assert variables["x"][3:].var(ddof=1) == pytest.approx(7)
    assert difference(variables, group) == pytest.approx(1.0, rel=1e-15)


@pytest.fixture
def mixed() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(20240229)
    n = 60
    variables = pd.DataFrame(
        {
            "age": rng.normal(50, 9, n).round(1),
            "stage": rng.choice(["I", "II", "III"], n),
            "smoker": rng.random(n) < 0.4,
        }
    )
    return variables, pd.Series(rng.choice(["A", "B"], n))


def test_swapping_the_arms_turns_the_sign(mixed: tuple[pd.DataFrame, pd.Series]) -> None:
    one = standardized_differences(*mixed, treatment="A", reference="B")
    other = standardized_differences(*mixed, treatment="B", reference="A")
    assert one["value"].astype(float).abs().max() > 0.05
    assert other["value"].tolist() == pytest.approx([-value for value in one["value"]], rel=1e-13)


def test_unit_and_order_of_rows_do_not_matter(mixed: tuple[pd.DataFrame, pd.Series]) -> None:
    variables, group = mixed
    plain = standardized_differences(variables, group, treatment="A", reference="B")["value"].tolist()
    order = np.random.default_rng(7).permutation(len(group))
    # Rows keep their old labels: arms must be matched by position, not by label.
    shuffled = variables.iloc[order].assign(age=lambda frame: frame["age"] * 365.25 + 10)
    moved = standardized_differences(shuffled, group.iloc[order].reset_index(drop=True), treatment="A", reference="B")
    assert moved["value"].tolist() == pytest.approx(plain, rel=1e-9)


def test_a_third_arm_does_not_enter_a_difference(mixed: tuple[pd.DataFrame, pd.Series]) -> None:
    variables, group = mixed
    plain = standardized_differences(variables, group, treatment="A", reference="B")["value"].tolist()
    more = pd.concat([variables, variables.assign(age=1000.0)], ignore_index=True)
    arms = pd.concat([group, pd.Series(["C"] * len(group))], ignore_index=True)
    assert standardized_differences(more, arms, treatment="A", reference="B")["value"].tolist() == pytest.approx(plain)


def test_shares_of_an_arm_add_to_one_and_counts_to_n(mixed: tuple[pd.DataFrame, pd.Series]) -> None:
    table = baseline_summary(*mixed)
    assert list(table.columns) == list(COLUMNS)
    for _, part in table[table["level"].notna()].groupby(["variable", "arm"]):
        assert part["count"].sum() == part["n"].iloc[0]
        assert part["share"].sum() == pytest.approx(1.0)


def test_missing_values_are_counted_and_left_out() -> None:
    variables = pd.DataFrame({"x": [1.0, None, 3.0, 5.0], "level": ["a", None, "a", "b"]})
    table = baseline_summary(variables, pd.Series(["A", "A", "A", "B"]))
    number = row(table, variable="x", arm="A")
    assert (number["n"], number["missing"], number["mean"]) == (2, 1, 2.0)
    word = row(table, variable="level", level="a", arm="A")
    assert (word["n"], word["missing"], word["count"], word["share"]) == (2, 1, 2, 1.0)
    assert row(table, variable="level", level="b", arm="A")["count"] == 0


def test_booleans_are_levels() -> None:
    table = baseline_summary(pd.DataFrame({"smoker": [True, False, True]}), pd.Series(["A"] * 3))
    assert table[["level", "count"]].to_numpy().tolist() == [["False", 1], ["True", 2]]


def test_an_arm_without_values_has_counts_only() -> None:
    variables = pd.DataFrame({"x": [1.0, 2.0, None], "level": ["a", "b", None]})
    group = pd.Series(["A", "A", "B"])
    table = baseline_summary(variables, group)
    empty = row(table, variable="x", arm="B")
    assert (empty["n"], empty["missing"]) == (0, 1)
    assert all(pd.isna(empty[name]) for name in ("mean", "sd", "median", "q1", "q3", "low", "high"))
    assert pd.isna(row(table, variable="level", level="a", arm="B")["share"])
    found = standardized_differences(variables, group, treatment="A", reference="B")["value"].tolist()
    assert found == [None, None, None]


def test_one_patient_has_no_standard_deviation() -> None:
    table = baseline_summary(pd.DataFrame({"x": [4.0]}), pd.Series(["A"]))
    assert (row(table)["mean"], row(table)["median"]) == (4.0, 4.0)
    assert pd.isna(row(table)["sd"])


def test_a_difference_over_no_spread_is_said_to_be_none() -> None:
    group = pd.Series(["A", "A", "B", "B"])
    assert difference(pd.DataFrame({"x": [1, 1, 2, 2]}), group) is None
    assert difference(pd.DataFrame({"x": [1, 1, 1, 1]}), group) == 0.0
    assert difference(pd.DataFrame({"x": ["u", "u", "v", "v"]}), group, level="u") is None


def test_no_answer_is_ever_infinite(mixed: tuple[pd.DataFrame, pd.Series]) -> None:
    variables, group = mixed
    table = standardized_differences(
        variables.assign(same=1, only=(group == "A").map({True: "yes", False: "no"})),
        group,
        treatment="A",
        reference="B",
    )
    same, (no, yes) = row(table, variable="same")["value"], table[table["variable"] == "only"]["value"]
    assert same == 0.0
    assert pd.isna(no)
    assert pd.isna(yes)
    assert not any(math.isinf(value) for value in table["value"].dropna())


def test_variables_and_group_must_be_of_one_length() -> None:
    with pytest.raises(InvalidInput, match="differ in length"):
        baseline_summary(pd.DataFrame({"x": [1, 2]}), pd.Series(["A"]))
    with pytest.raises(InvalidInput, match="differ in length"):
        standardized_differences(pd.DataFrame({"AGE": [1.0]}), pd.Series(["a", "b"]), treatment="a", reference="b")
