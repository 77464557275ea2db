"""A generated trial hangs together: its data sets tell one story of each patient."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.data.specs import conform, spec_for
from evidence_lib.errors import InvalidInput
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.trial import LUNG_DEMO, Trial, TrialDesign, generate, happen

NAMES = ("ADSL", "ADTTE", "ADRS", "ADTR", "ADAE", "ADLB", "ADVS", "ADQS", "ADEX")
SMALL = replace(LUNG_DEMO, patients=40)


def times(trial: Trial, code: str) -> pd.DataFrame:
    adtte = trial.datasets["ADTTE"]
    return adtte[adtte["PARAMCD"] == code].set_index("USUBJID")


def subjects(trial: Trial) -> pd.DataFrame:
    return trial.datasets["ADSL"].set_index("USUBJID")


def responses(trial: Trial, code: str) -> pd.DataFrame:
    adrs = trial.datasets["ADRS"]
    return adrs[adrs["PARAMCD"] == code]


def told_twice(trial: Trial) -> list[str]:
    """What does not hang together in a trial; the list is empty for a coherent one."""
    adsl, data = subjects(trial), trial.datasets
    randomised = adsl[adsl["RANDFL"] == "Y"]
    os, pfs, ema = (times(trial, code) for code in ("OS", "PFS", "PFSEMA"))
    wrong = []

    def expect(right: Any, what: str) -> None:
        if not np.all(right):
            wrong.append(what)

    for name, frame in data.items():
        expect(frame["USUBJID"].isin(adsl.index), f"{name}: an unknown subject")
        expect(name == "ADSL" or frame["USUBJID"].isin(randomised.index).all(), f"{name}: not randomised")
        for column in frame.select_dtypes("datetime"):
            expect(
                frame[column].dropna() <= frame["USUBJID"].map(adsl["CUTOFFDT"]).loc[frame[column].notna()],
                f"{name}.{column}: after the cut-off",
            )
            died = frame["USUBJID"].map(adsl["DTHDT"])
            late = (frame[column] > died) & (column != "CUTOFFDT")
            expect(~late, f"{name}.{column}: after the death")
    for endpoint in (os, pfs, ema):
        expect(endpoint.index.sort_values() == randomised.index.sort_values(), "an endpoint lacks a subject")
    expect(pfs["AVAL"] <= os["AVAL"], "PFS is longer than OS")
    expect(ema["AVAL"] <= os["AVAL"], "PFS by the EMA rule is longer than OS")
    expect(pfs["AVAL"] <= ema["AVAL"], "the FDA rule is later than the EMA rule")
    expect((pfs["CNSR"] != 0) | (pfs["ADT"] == ema["ADT"]), "an event of the FDA rule that is none of the EMA rule")
    every = data["ADTTE"]
    expect(every["AVAL"] == (every["ADT"] - every["STARTDT"]).dt.days + 1, "AVAL is not ADT - STARTDT + 1")
    expect(every["AVAL"] >= 1, "a time below 1")
    expect((every["CNSR"] == 0) == every["EVNTDESC"].notna(), "an event without a description")
    expect((every["CNSR"] != 0) == every["CNSDTDSC"].notna(), "a censored time without a description")
    dead = randomised["DTHFL"] == "Y"
    expect(dead == randomised["DTHDT"].notna(), "DTHFL without a date")
    expect((os["CNSR"] == 0) == dead.loc[os.index], "a death in one of ADSL and ADTTE")
    expect(os["ADT"][os["CNSR"] == 0] == randomised["DTHDT"].loc[os.index[os["CNSR"] == 0]], "two dates of death")
    expect(os["ADT"] == randomised["LSTALVDT"].loc[os.index], "OS does not end on the last day alive")
    expect((randomised["DCSREAS"] == "DEATH") == dead, "who died left for another reason")
    wrong += [*_response_told_twice(trial), *_treatment_told_twice(trial, randomised)]
    return wrong


def _response_told_twice(trial: Trial) -> list[str]:
    wrong = []
    visits, best = responses(trial, "OVRLRESP"), responses(trial, "CBOR").set_index("USUBJID")
    adtr = trial.datasets["ADTR"]
    sums = adtr[adtr["PARAMCD"] == "SUMDIAM"]
    progressed = visits[visits["AVALC"] == "PD"].groupby("USUBJID")["ADT"].min()
    ema = times(trial, "PFSEMA")
    by_progression = ema[ema["EVNTDESC"] == "Progressive disease"]
    if not (by_progression["ADT"].sort_index() == progressed.sort_index()).all():
        wrong.append("the first PD is not the date of progression")
    last = visits.groupby("USUBJID")["ADT"].max()
    if (last.loc[progressed.index] != progressed).any():
        wrong.append("an assessment after progression")
    lesions = adtr[adtr["PARAMCD"] == "LDIAM"].groupby(["USUBJID", "AVISITN"])["AVAL"].sum()
    both = sums.set_index(["USUBJID", "AVISITN"])["AVAL"]
    if not (lesions.loc[both.index] == both).all():
        wrong.append("the lesions do not add up to the sum")
    responders = set(best.index[best["AVALC"].isin(["CR", "PR"])])
    if responders != set(times(trial, "DOR").index):
        wrong.append("duration of response of others than responders")
    shrunk = set(sums["USUBJID"][sums["PCHG"] <= -30])
    if not responders <= shrunk:
        wrong.append("a responder whose lesions did not shrink by 30 %")
    return wrong


def _treatment_told_twice(trial: Trial, randomised: pd.DataFrame) -> list[str]:
    wrong = []
    adae = trial.datasets["ADAE"]
    adsl = randomised.loc[adae["USUBJID"]]
    onset = adae["ASTDT"].to_numpy()
    if not ((onset >= adsl["TRTSDT"]) & (onset <= adsl["TRTEDT"] + pd.Timedelta(days=30))).all():
        wrong.append("an adverse event outside the treatment-emergent period")
    fatal = adae[adae["ATOXGR"] == 5]
    if not (fatal["AENDT"].to_numpy() == randomised.loc[fatal["USUBJID"], "DTHDT"].to_numpy()).all():
        wrong.append("a fatal event that ends on another day than the death")
    if set(fatal["USUBJID"]) != set(randomised.index[randomised["DTHCAUS"] == "ADVERSE EVENT"]):
        wrong.append("a death of an adverse event in one of ADAE and ADSL")
    if set(adae["USUBJID"][adae["AEACN"] == "DRUG WITHDRAWN"]) != set(
        randomised.index[randomised["DCTREAS"] == "ADVERSE EVENT"]
    ):
        wrong.append("treatment stopped for an adverse event in one of ADAE and ADSL")
    reasons = (adae[["AESDTH", "AESLIFE", "AESHOSP"]] == "Y").any(axis=1)
    if not (reasons == (adae["AESER"] == "Y")).all() or not ((adae["AESDTH"] == "Y") == (adae["ATOXGR"] == 5)).all():
        wrong.append("a serious event without its reason")
    treated = randomised["SAFFL"] == "Y"
    if not (treated == randomised["TRTSDT"].notna()).all() or not (treated == randomised["TRT01A"].notna()).all():
        wrong.append("treated without a date or an arm")
    doses = trial.datasets["ADEX"]
    given = doses[doses["PARAMCD"] == "DOSE"].groupby("USUBJID")["ASTDT"]
    if not (
        (given.min() == randomised.loc[treated, "TRTSDT"]) & (given.max() == randomised.loc[treated, "TRTEDT"])
    ).all():
        wrong.append("doses outside of the treatment period")
    later = randomised["NEWTRTDT"].dropna().index
    if (randomised.loc[later, "NEWTRTDT"] <= randomised.loc[later, "TRTEDT"]).any():
        wrong.append("another therapy during treatment")
    return wrong


def test_the_demo_hangs_together(trial: Trial) -> None:
    assert tuple(trial.datasets) == NAMES
    assert told_twice(trial) == []


designs = st.builds(
    lambda n, rates, ratio, frailty, missed, stop: replace(
        LUNG_DEMO,
        patients=n,
        progression=replace(LUNG_DEMO.progression, rate=rates[0], ratio=ratio, frailty=frailty),
        death=replace(LUNG_DEMO.death, rate=rates[1]),
        death_after=replace(LUNG_DEMO.death_after, rate=rates[2]),
        missed=(missed, 0.5, 0.3),
        unevaluable=missed,
        adverse_stop=(stop, stop),
        withdrawal=stop,
    ),
    st.integers(2, 60),
    st.tuples(*[st.floats(0.01, 30)] * 3),
    st.floats(0.05, 10),
    st.floats(-2, 2),
    st.floats(0, 0.9),
    st.floats(0.01, 5),
)


@settings(max_examples=15, deadline=None)
@given(design=designs, seed=st.integers(0, 2**63))
def test_any_design_hangs_together(design: TrialDesign, seed: int) -> None:
    assert told_twice(generate(design, seed=seed)) == []


def test_the_check_finds_what_does_not_hang_together(trial: Trial) -> None:
    def changed(name: str, change: Any) -> list[str]:
        frame = trial.datasets[name].copy()
        change(frame)
        return told_twice(replace(trial, datasets={**trial.datasets, name: frame}))

    def later_death(frame: pd.DataFrame) -> None:
        frame.loc[frame["DTHFL"] == "Y", "DTHDT"] -= pd.Timedelta(days=1)

    def longer(frame: pd.DataFrame) -> None:
        frame.loc[frame["PARAMCD"] == "PFS", "AVAL"] += 3000

    def grown(frame: pd.DataFrame) -> None:
        frame.loc[frame["PARAMCD"] == "SUMDIAM", "AVAL"] += 1

    assert "two dates of death" in changed("ADSL", later_death)
    assert "PFS is longer than OS" in changed("ADTTE", longer)
    assert changed("ADTR", grown) == ["the lesions do not add up to the sum"]


def test_the_data_sets_conform_without_a_finding(trial: Trial) -> None:
    for name in NAMES:
        typed, found = conform(trial.datasets[name], spec_for(name))
        assert found == [], name
        assert not typed.duplicated(
            [c for c in ("USUBJID", "PARAMCD", "TRLNKID", "AVISITN", "AESEQ") if c in typed]
        ).any()


def test_arms_are_balanced_within_every_stratum(trial: Trial) -> None:
    adsl = subjects(trial)
    adsl = adsl[adsl["RANDFL"] == "Y"]
    assert len(adsl) == LUNG_DEMO.patients
    counts = adsl.groupby(["STRAT1", "STRAT2", "STRAT3", "TRT01P"]).size().unstack(fill_value=0)
    assert len(counts) == 30
    assert (counts.diff(axis=1).iloc[:, 1].abs() <= LUNG_DEMO.block // 2).all()
    assert (adsl["STRAT2"] == adsl["PDL1GR1"]).all()
    groups = pd.cut(adsl["PDL1"], [-1, 0, 49, 100], labels=["<1%", "1-49%", ">=50%"]).astype(str)
    assert (groups == adsl["PDL1GR1"]).all()


def test_screened_patients_who_were_not_randomised_have_a_reason_and_nothing_else(trial: Trial) -> None:
    adsl = subjects(trial)
    screened = adsl[adsl["RANDFL"] == "N"]
    assert len(screened) == 150
    assert screened["SCRFREAS"].notna().all()
    assert screened[["RANDDT", "TRT01P", "TRTSDT", "DTHDT"]].isna().all(axis=None)
    assert adsl.loc[adsl["RANDFL"] == "Y", "SCRFREAS"].isna().all()


def test_laboratory_grades_and_planted_cases(trial: Trial) -> None:
    adlb = trial.datasets["ADLB"]
    platelets = adlb[adlb["PARAMCD"] == "PLAT"]
    # CTCAE v5.0, platelet count decreased: below the lower limit, 75, 50 and 25.
    expected = sum((platelets["AVAL"] < limit).astype(int) for limit in (140, 75, 50, 25))
    assert (platelets["ATOXGR"] == expected).all()
    alt = adlb[adlb["PARAMCD"] == "ALT"]
    expected = sum((alt["AVAL"] > 45 * multiple).astype(int) for multiple in (1, 3, 5, 20))
    assert (alt["ATOXGR"] == expected).all()
    liver = adlb.pivot_table(index=["USUBJID", "AVISITN", "TRTA"], columns="PARAMCD", values="R2A1HI").reset_index()
    raised = liver[((liver["ALT"] >= 3) | (liver["AST"] >= 3)) & (liver["BILI"] >= 2)]
    by_arm = raised[raised["ALP"] < 2].groupby("TRTA")["USUBJID"].nunique()
    assert by_arm.to_dict() == {LUNG_DEMO.arms[0]: 3, LUNG_DEMO.arms[1]: 1}
    assert raised[raised["ALP"] >= 2]["USUBJID"].nunique() == 1


def test_changes_are_from_the_baseline_of_the_same_subject(trial: Trial) -> None:
    for name in ("ADLB", "ADVS", "ADQS"):
        frame = trial.datasets[name]
        base = frame[frame["ABLFL"] == "Y"].set_index(["USUBJID", "PARAMCD"])["AVAL"]
        assert base.index.is_unique
        mine = pd.Series(base.reindex(pd.MultiIndex.from_frame(frame[["USUBJID", "PARAMCD"]])).to_numpy(), frame.index)
        assert mine.equals(frame["BASE"].astype(float))
        after = frame["ABLFL"].isna()
        assert np.allclose(frame["CHG"][after], (frame["AVAL"] - mine)[after], equal_nan=True)
    scores = trial.datasets["ADQS"]["AVAL"] / (100 / 12)
    assert np.allclose(scores, scores.round(), atol=1e-4)


def bytes_of(trial: Trial) -> dict[str, bytes]:
    return {name: frame.to_csv(index=False).encode() for name, frame in trial.datasets.items()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = bytes_of(generate(SMALL, seed=3))
    assert first == bytes_of(generate(SMALL, seed=3))
    other = bytes_of(generate(SMALL, seed=4))
    assert all(first[name] != other[name] for name in NAMES)


def test_a_component_moves_no_other() -> None:
    faster = replace(SMALL, quality_sd=30.0, adverse_stop=SMALL.adverse_stop)
    before, after = bytes_of(generate(SMALL, seed=5)), bytes_of(generate(faster, seed=5))
    assert {name for name in NAMES if before[name] != after[name]} == {"ADQS"}
    streams = Streams(7)
    alone = streams.stream("frailty").random(5)
    streams.stream("something new").random(100)
    assert np.array_equal(streams.stream("frailty").random(5), alone)
    assert np.array_equal(streams.stream("frailty").random((9, 1))[:5, 0], alone)
    assert not np.array_equal(streams.stream("treatment").random(5), alone)


def test_the_files_of_the_demo_are_the_same_bytes_again(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "data" / "lung-demo" / "make_data.py"
    spec = importlib.util.spec_from_file_location("make_lung_demo", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    trial = generate(SMALL, seed=1)
    for name, frame in trial.datasets.items():
        file, content = made.written(frame, name)
        assert made.written(frame.copy(), name) == (file, content)
        made.write(content, tmp_path / file)
        read = pd.read_parquet(tmp_path / file) if file.endswith(".parquet") else pd.read_csv(tmp_path / file)
        assert list(read.columns) == list(frame.columns)
        assert len(read) == len(frame)
    assert sorted(p.name.split(".")[0].upper() for p in tmp_path.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True])
def test_a_seed_that_is_no_whole_number_is_refused(seed: Any) -> None:
    with pytest.raises(InvalidInput, match="the seed cannot be used"):
        generate(SMALL, seed=seed)


@pytest.mark.parametrize("n", [0, 1, -5, 2.0, True])
def test_a_number_of_patients_that_cannot_be_used_is_refused(n: Any) -> None:
    with pytest.raises(InvalidInput, match="too few patients"):
        happen(SMALL, seed=1, n=n)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"patients": 1}, "too few patients"),
        ({"patients": 10.5}, "too few patients"),
        ({"block": 3}, "cannot be halved"),
        ({"arms": ("A", "A")}, "the arms are not two"),
        ({"regions": {"Europe": 0.5}}, "shares of the regions"),
        ({"regions": {"Europe": 0.5, "Atlantis": 0.5}}, "a region has no countries"),
        ({"cutoff": LUNG_DEMO.first}, "out of order"),
        ({"assessments": (42, 45)}, "assessments are wrong"),
        ({"assessments": ()}, "assessments are wrong"),
        ({"assessments": (3, 60)}, "assessments are wrong"),
        ({"quality_difference": (0.0,)}, "another number of means"),
        ({"quality_main_day": 99}, "the main visit is not scheduled"),
        ({"crossover": 1.2}, "crossover is no share"),
        ({"lost": 0.0}, "lost is no rate"),
        ({"death": replace(LUNG_DEMO.death, rate=0.0)}, "the hazard of death is wrong"),
        ({"death": replace(LUNG_DEMO.death, log_ratios={"height": 1.0})}, "unknown covariate"),
    ],
)
def test_a_design_that_cannot_be_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        replace(LUNG_DEMO, **change)
