"""Cox statistics against published results and R. R is 4.2.2 with survival 3.5-3 throughout; commands stand beside."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS, R
from evidence_lib.statistics.cox import (
    cox,
    hazard_ratio,
    log_hazard_ratio_over_time,
    piecewise_hazard_ratio,
    proportional_hazards_test,
    subgroup_effects,
)
from tests.reference import case, needs_reference
from tests.reference import data as reference

DATA = Path(__file__).parents[2] / ".." / "shared" / "reference" / "data"
NEEDS_DATA = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data are not beside this checkout")

# Freireich et al. 1963, Blood 21:699, as in Gehan 1965, Biometrika 52:203: weeks in remission, + censored.
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
SIX_MP = [6, 6, 6, 7, 10, 13, 16, 22, 23]
SIX_MP_CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


@pytest.fixture(scope="module")
def gbsg2() -> pd.DataFrame:
    from lifelines.datasets import load_gbsg2

    frame = load_gbsg2()
    return frame.assign(grade=frame["tgrade"].map({"I": 1, "II": 2, "III": 3}))


def arms(frame: pd.DataFrame) -> dict:
    return {"time": frame["time"], "event": frame["cens"], "group": frame["horTh"]}


COMPARED = {"treatment": "yes", "reference": "no"}


def survival_data(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / "survival" / f"{name}.csv")


@pytest.mark.parametrize(("ties", "expected"), [("efron", -1.572125149), ("breslow", -1.509191413)])
def test_freireich_by_both_handlings_of_ties(ties, expected):
    # coxph(Surv(time, cens) ~ treat, MASS::gehan, ties = ...); Breslow also in Kalbfleisch & Prentice 2002, table 4.2
    time = [*CONTROL, *SIX_MP, *SIX_MP_CENSORED]
    event = [1] * (len(CONTROL) + len(SIX_MP)) + [0] * len(SIX_MP_CENSORED)
    group = ["control"] * len(CONTROL) + ["6-MP"] * (len(time) - len(CONTROL))
    found = hazard_ratio(time, event, group, treatment="6-MP", reference="control", ties=ties)
    assert math.log(found.estimate) == pytest.approx(expected, abs=1e-8)
    assert (found.n, found.events) == (42, 30)


def test_gbsg2_crude(gbsg2):
    # summary(coxph(Surv(time, cens) ~ horTh, gbsg2)); $loglik; conf.int = 0.9
    found = hazard_ratio(**arms(gbsg2), **COMPARED)
    assert found.estimate == pytest.approx(0.694884327, abs=1e-9)
    assert found.conf_low == pytest.approx(0.5438440546, abs=1e-9)
    assert found.conf_high == pytest.approx(0.8878725874, abs=1e-9)
    assert found.std_error == pytest.approx(0.12504457036, abs=1e-9)
    assert found.p_value == pytest.approx(0.00360226633223, abs=1e-9)
    assert (found.n, found.events, found.scale) == (686, 299, "log")
    narrower = hazard_ratio(**arms(gbsg2), **COMPARED, conf_level=0.9)
    assert narrower.conf_low == pytest.approx(0.565700836265, abs=1e-9)
    assert narrower.conf_high == pytest.approx(0.853568170549, abs=1e-9)
    assert narrower.conf_level == 0.9
    model = cox(gbsg2["time"], gbsg2["cens"], gbsg2[["horTh"]])
    assert model.terms == ("horTh=yes",)
    assert model.null_log_likelihood == pytest.approx(-1788.10473712307, abs=1e-8)
    assert model.log_likelihood == pytest.approx(-1783.69393959547, abs=1e-8)


def test_gbsg2_stratified(gbsg2):
    # coxph(Surv(time, cens) ~ horTh + strata(menostat, tgrade), gbsg2)
    found = hazard_ratio(**arms(gbsg2), **COMPARED, strata=gbsg2[["menostat", "tgrade"]])
    assert math.log(found.estimate) == pytest.approx(-0.374533478, abs=1e-9)
    assert found.std_error == pytest.approx(0.1291870045, abs=1e-9)
    assert found.analysis == "cox.hazard_ratio.stratified"
    assert "stratified by menostat and tgrade" in str(found.method)


def test_gbsg2_adjusted(gbsg2):
    # coxph(Surv(time, cens) ~ horTh + age + menostat + tsize + as.integer(tgrade) + pnodes + progrec + estrec, gbsg2)
    covariates = gbsg2[["age", "menostat", "tsize", "grade", "pnodes", "progrec", "estrec"]]
    found = hazard_ratio(**arms(gbsg2), **COMPARED, covariates=covariates)
    assert math.log(found.estimate) == pytest.approx(-0.337202910, abs=1e-9)
    assert found.std_error == pytest.approx(0.128961754, abs=1e-9)
    assert found.analysis == "cox.hazard_ratio.adjusted"
    both = hazard_ratio(**arms(gbsg2), **COMPARED, covariates=covariates[["age"]], strata=gbsg2["tgrade"])
    assert both.analysis == "cox.hazard_ratio.adjusted"
    assert str(both.method).startswith("Cox model, Efron ties, stratified, adjusted for age;")


def test_gbsg2_breslow_is_the_convention_of_sas(gbsg2):
    # coxph(Surv(time, cens) ~ horTh, gbsg2, ties = "breslow")
    found = hazard_ratio(**arms(gbsg2), **COMPARED, convention=SAS)
    assert math.log(found.estimate) == pytest.approx(-0.3638987514, abs=1e-9)
    assert "Breslow" in str(found.method)
    assert found == hazard_ratio(**arms(gbsg2), **COMPARED, ties="breslow", convention=R)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [("km", 0.227476381665), ("rank", 0.235945998891), ("identity", 0.210210143975), ("log", 0.334186773053)],
)
def test_gbsg2_proportional_hazards(gbsg2, transform, expected):
    # cox.zph(coxph(Surv(time, cens) ~ horTh, gbsg2), transform = ...)
    (found,) = proportional_hazards_test(**arms(gbsg2), transform=transform).items
    assert found.test_statistic == pytest.approx(expected, abs=1e-8)
    assert (found.df, dict(found.groups), found.is_test) == (1, {}, True)


def test_gbsg2_proportional_hazards_other_models(gbsg2):
    # cox.zph of: ties = "breslow"; + strata(menostat, tgrade); ~ horTh + age + tgrade + pnodes + strata(menostat)
    (found,) = proportional_hazards_test(**arms(gbsg2), ties="breslow").items
    assert found.test_statistic == pytest.approx(0.227862337917, abs=1e-8)
    (found,) = proportional_hazards_test(**arms(gbsg2), strata=gbsg2[["menostat", "tgrade"]]).items
    assert found.test_statistic == pytest.approx(0.0435377803831, abs=1e-8)
    found = proportional_hazards_test(
        **arms(gbsg2), covariates=gbsg2[["age", "tgrade", "pnodes"]], strata=gbsg2["menostat"]
    )
    assert [(dict(e.groups).get("variable"), e.df) for e in found.items] == [
        (None, 1), ("age", 1), ("tgrade", 2), ("pnodes", 1), ("global", 5),
    ]  # fmt: skip
    values = [0.00638675693509, 3.17738379229776, 11.05075366633825, 0.66736712605556, 15.43380587813399]
    assert [e.test_statistic for e in found.items] == pytest.approx(values, abs=1e-7)
    assert found.items[2].p_value == pytest.approx(0.00398436696756, abs=1e-9)


def test_gbsg2_log_hazard_ratio_over_time(gbsg2):
    # z <- cox.zph(coxph(Surv(time, cens) ~ horTh, gbsg2)); the lines of plot.cox.zph: yhat and sqrt(z$var * seval) at
    # points 1, 2, 21, 40 of pred.x, times by approx(z$x[indx], z$time[indx], pred.x); then + strata(menostat, tgrade)
    crude = log_hazard_ratio_over_time(**arms(gbsg2), **COMPARED)
    some = crude.iloc[[0, 1, 20, 39]]
    assert len(crude) == 40
    assert list(some["time"]) == pytest.approx([72, 179.457930220, 890.367787366, 2456], abs=1e-7)
    smooth = [-0.732196925336, -0.667667202078, -0.367044995885, -0.101048172995]
    assert list(some["log_hazard_ratio"]) == pytest.approx(smooth, abs=1e-8)
    low = [-1.538363774885, -1.354124104417, -0.790471761716, -1.547912989945]
    assert list(some["conf_low"]) == pytest.approx(low, abs=1e-8)
    assert list(some["conf_high"] - some["log_hazard_ratio"]) == pytest.approx(
        list(some["log_hazard_ratio"] - some["conf_low"]), abs=1e-12
    )
    stratified = log_hazard_ratio_over_time(**arms(gbsg2), **COMPARED, strata=gbsg2[["menostat", "tgrade"]])
    smooth = [-0.551141808833, -0.501365931595, -0.471374333612, -0.126785563241]
    assert list(stratified["log_hazard_ratio"].iloc[[0, 1, 20, 39]]) == pytest.approx(smooth, abs=1e-8)
    wide = log_hazard_ratio_over_time(**arms(gbsg2), **COMPARED, conf_level=0.99, points=7)
    assert len(wide) == 7
    assert wide["conf_low"].iloc[0] < crude["conf_low"].iloc[0]


def test_gbsg2_subgroups(gbsg2):
    # coxph(Surv(time, cens) ~ horTh, gbsg2, subset = ...); 2 * (loglik of ~ horTh * s - loglik of ~ horTh + s)
    found = subgroup_effects(**arms(gbsg2), subgroups=gbsg2[["menostat", "tgrade"]], **COMPARED)
    levels = [(e.analysis, e.groups["subgroup"], e.groups.get("level"), e.n, e.events) for e in found.items]
    assert levels == [
        ("cox.hazard_ratio.subgroup", "menostat", "Post", 396, 180),
        ("cox.hazard_ratio.subgroup", "menostat", "Pre", 290, 119),
        ("cox.interaction", "menostat", None, 686, 299),
        ("cox.hazard_ratio.subgroup", "tgrade", "I", 81, 18),
        ("cox.hazard_ratio.subgroup", "tgrade", "II", 444, 202),
        ("cox.hazard_ratio.subgroup", "tgrade", "III", 161, 79),
        ("cox.interaction", "tgrade", None, 686, 299),
    ]
    ratios = [e for e in found.items if not e.is_test]
    logs = [-0.404409517676, -0.369805633510, -0.342597692648, -0.423844762516, -0.0966430135313]
    errors = [0.152498963209, 0.237654217107, 0.502108120300, 0.151207839564, 0.2480271247552]
    assert [math.log(e.estimate) for e in ratios] == pytest.approx(logs, abs=1e-8)
    assert [e.std_error for e in ratios] == pytest.approx(errors, abs=1e-8)
    tests = [e for e in found.items if e.is_test]
    assert [(e.test_statistic, e.df) for e in tests] == [
        (pytest.approx(0.0187279616, abs=1e-8), 1),
        (pytest.approx(0.924776703162, abs=1e-8), 2),
    ]
    breslow = subgroup_effects(**arms(gbsg2), subgroups=gbsg2[["tgrade"]], **COMPARED, ties="breslow")
    assert breslow.items[-1].test_statistic == pytest.approx(0.923242503784, abs=1e-8)


def test_gbsg2_interaction_with_strata(gbsg2):
    # anova of ~ horTh + menostat and ~ horTh * menostat, each + strata(tgrade); then + strata(menostat, tgrade)
    found = subgroup_effects(**arms(gbsg2), subgroups=gbsg2[["menostat"]], **COMPARED, strata=gbsg2["tgrade"])
    assert found.items[-1].test_statistic == pytest.approx(0.00355098687942, abs=1e-8)
    strata = gbsg2[["menostat", "tgrade"]]
    found = subgroup_effects(**arms(gbsg2), subgroups=gbsg2[["menostat"]], **COMPARED, strata=strata)
    assert found.items[-1].test_statistic == pytest.approx(0.04466, abs=5e-6)
    assert found.items[-1].df == 1


@NEEDS_DATA
def test_cdisc_pilot_enters_all_arms_in_one_model():
    # coxph(Surv(AVAL, CNSR == 0) ~ relevel(factor(TRTA), "Placebo"), adtte); cox.zph of it
    frame = pd.read_csv(DATA / "cdisc-pilot" / "adtte.csv")
    data = {"time": frame["AVAL"], "event": frame["CNSR"] == 0, "group": frame["TRTA"]}
    expected = {
        "Xanomeline High Dose": (5.02597004242, 0.233260526262, 170, 90),
        "Xanomeline Low Dose": (4.14770410260, 0.229509800940, 170, 91),
    }
    for arm, (ratio, std_error, n, events) in expected.items():
        found = hazard_ratio(**data, treatment=arm, reference="Placebo")
        assert found.estimate == pytest.approx(ratio, abs=1e-8)
        assert found.std_error == pytest.approx(std_error, abs=1e-9)
        assert (found.n, found.events) == (n, events)
        assert "all arms in one model" in str(found.method)
    (found,) = proportional_hazards_test(**data).items
    assert (found.test_statistic, found.df) == (pytest.approx(1.04991763297, abs=1e-7), 2)


@NEEDS_DATA
def test_kmdata_hazard_ratios():
    # r_survival.csv beside the data: coxph of each of the reconstructed figures with two arms
    patients = pd.read_csv(DATA / "kmdata" / "patients.csv.gz")
    expected = pd.read_csv(DATA / "kmdata" / "r_survival.csv")
    figures = dict(tuple(patients.groupby("name")))
    assert len(expected) == 160
    for row in expected.itertuples():
        frame = figures[row.name]
        found = hazard_ratio(frame["time"], frame["event"], frame["arm"], treatment=row.arm_trt, reference=row.arm_ref)
        answer = (found.estimate, found.conf_low, found.conf_high)
        assert answer == pytest.approx((row.hr, row.lo, row.hi), rel=1e-4), row.name


@NEEDS_DATA
def test_lung_proportional_hazards():
    # cox.zph(coxph(Surv(time, status) ~ sex + age, lung)); then ~ sex + age + ph.ecog + strata(inst)
    lung = survival_data("lung")
    data = {"time": lung["time"], "event": lung["status"] == 2, "group": lung["sex"]}
    found = proportional_hazards_test(**data, covariates=lung[["age"]])
    assert [e.test_statistic for e in found.items] == pytest.approx([2.607671703, 0.209202826, 2.770785376], abs=1e-8)
    assert [e.p_value for e in found.items] == pytest.approx([0.106347798, 0.647392939, 0.250225520], abs=1e-8)
    lung = lung.dropna(subset=["ph.ecog", "inst"])
    found = proportional_hazards_test(
        lung["time"], lung["status"] == 2, lung["sex"], covariates=lung[["age", "ph.ecog"]], strata=lung["inst"]
    )
    values = [1.491568608714, 0.105846672931, 1.307755189695, 3.174545542365]
    assert [e.test_statistic for e in found.items] == pytest.approx(values, abs=1e-7)


@NEEDS_DATA
def test_veteran_model_with_a_categorical_covariate():
    # coxph(Surv(time, status) ~ trt + karno + celltype + age, veteran), celltype's first level "adeno"
    veteran = survival_data("veteran")
    model = cox(veteran["time"], veteran["status"], veteran[["trt", "karno", "celltype", "age"]])
    assert model.terms == ("trt", "karno", "celltype=large", "celltype=smallcell", "celltype=squamous", "age")
    logs = [0.303048095127, -0.03268548274010, -0.776474832624, -0.322466653522, -1.17880702939, -0.00890316513148]
    assert list(model.coefficients) == pytest.approx(logs, abs=1e-9)
    errors = [0.205655900787, 0.00540884963363, 0.297702699591, 0.268923195742, 0.29644047774, 0.00922428318900]
    assert list(np.sqrt(np.diag(model.covariance))) == pytest.approx(errors, abs=1e-9)
    assert model.log_likelihood == pytest.approx(-474.457790184840, abs=1e-9)
    found = proportional_hazards_test(
        veteran["time"], veteran["status"], veteran["trt"], covariates=veteran[["karno", "celltype", "age"]]
    )
    values = [0.284421629313, 12.977298736568, 14.883722182454, 1.874274720521, 29.179219055374]
    assert [e.test_statistic for e in found.items] == pytest.approx(values, abs=1e-7)


@NEEDS_DATA
@pytest.mark.parametrize(
    ("ties", "logs", "tests"),
    [
        ("efron", [0.232834676889, -0.03580112300016], [0.0507695190755, 6.7067884895471, 7.0950522124245]),
        ("breslow", [0.227521038236, -0.03556314472736], [0.0521650792479, 6.5090101520074, 6.8943959026786]),
    ],
)
def test_veteran_stratified(ties, logs, tests):
    # f <- coxph(Surv(time, status) ~ trt + karno + strata(celltype), veteran, ties = ...); cox.zph(f)
    veteran = survival_data("veteran")
    strata = veteran["celltype"]
    model = cox(veteran["time"], veteran["status"], veteran[["trt", "karno"]], strata=strata, ties=ties)
    assert list(model.coefficients) == pytest.approx(logs, abs=1e-9)
    found = proportional_hazards_test(
        veteran["time"], veteran["status"], veteran["trt"], covariates=veteran[["karno"]], strata=strata, ties=ties
    )
    assert [e.test_statistic for e in found.items] == pytest.approx(tests, abs=1e-7)


@NEEDS_DATA
def test_colon_three_arms():
    # deaths (etype 2); coxph(Surv(time, status) ~ rx + strata(extent, surg) + age) with coxph.control(eps = 1e-14),
    # since the default leaves an error of 1.3e-9; cox.zph of the default fit; rx != "Lev" alone, and there twice
    # the difference of log-likelihoods of ~ rx * factor(differ) and ~ rx + factor(differ), 13 values missing
    colon = survival_data("colon").query("etype == 2")
    data = {"time": colon["time"], "event": colon["status"], "group": colon["rx"]}
    pair = {"treatment": "Lev+5FU", "reference": "Obs"}
    options = {"strata": colon[["extent", "surg"]], "covariates": colon[["age"]]}
    found = hazard_ratio(**data, **pair, **options)
    assert math.log(found.estimate) == pytest.approx(-0.341527286780, abs=1e-9)
    assert found.std_error == pytest.approx(0.119713701279, abs=1e-9)
    tests = proportional_hazards_test(**data, **options).items
    assert [(e.test_statistic, e.df) for e in tests] == [
        (pytest.approx(1.69832793667, abs=1e-7), 2),
        (pytest.approx(0.59269699208, abs=1e-7), 1),
        (pytest.approx(2.18426677109, abs=1e-7), 3),
    ]
    (found,) = proportional_hazards_test(**data, **pair).items
    assert (found.test_statistic, found.df, found.n) == (pytest.approx(1.18753843614, abs=1e-7), 1, 619)
    found = subgroup_effects(**data, **pair, subgroups=colon[["differ"]])
    assert [e.groups.get("level") for e in found.items] == ["1", "2", "3", None]
    assert found.items[-1].test_statistic == pytest.approx(2.94349264, abs=1e-7)
    assert found.items[-1].n == 606
    assert "without a value of differ left out: 13" in str(found.items[-1].method)


@NEEDS_DATA
def test_rotterdam_adjusted():
    # coxph(Surv(dtime, death) ~ hormon + age + size + nodes, rotterdam) and its cox.zph
    frame = survival_data("rotterdam")
    data = {"time": frame["dtime"], "event": frame["death"], "group": frame["hormon"]}
    covariates = frame[["age", "size", "nodes"]]
    found = hazard_ratio(**data, treatment=1, reference=0, covariates=covariates)
    assert math.log(found.estimate) == pytest.approx(-0.0230306085141, abs=1e-9)
    assert found.std_error == pytest.approx(0.0876063577662, abs=1e-9)
    tests = proportional_hazards_test(**data, covariates=covariates).items
    values = [0.754276203917, 15.223683319898, 4.979569198718, 3.192228199263, 23.136761586256]
    assert [e.test_statistic for e in tests] == pytest.approx(values, abs=1e-7)


# Ties, weights, clusters, late entry. All fits with coxph.control(eps = 1e-13, iter.max = 50, toler.chol = 1e-14).


def compare(model, logs, robust, naive=None, log_likelihood=None):
    assert model.status == "ok"
    assert list(model.coefficients) == pytest.approx(logs, abs=1e-9)
    assert list(np.sqrt(np.diag(model.covariance))) == pytest.approx(robust, abs=1e-9)
    assert model.robust == (naive is not None)
    assert list(np.sqrt(np.diag(model.naive_covariance))) == pytest.approx(naive or robust, abs=1e-9)
    if log_likelihood is not None:
        assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-8)


@needs_reference
@pytest.mark.parametrize("ties", ["breslow", "efron", "exact"])
def test_freireich_case_of_the_reference_collection(ties):
    gehan = reference("survival/gehan.csv")
    found = hazard_ratio(gehan["time"], gehan["cens"], gehan["treat"], treatment="6-MP", reference="control", ties=ties)
    assert math.log(found.estimate) == pytest.approx(case("C1")[ties], abs=1e-6)


@needs_reference
def test_cdisc_pilot_case_of_the_reference_collection():
    frame = reference("cdisc-pilot/adtte.csv")
    arms_ = ("Xanomeline Low Dose", "Xanomeline High Dose")
    found = [
        hazard_ratio(frame["AVAL"], frame["CNSR"] == 0, frame["TRTA"], treatment=arm, reference="Placebo").estimate
        for arm in arms_
    ]
    assert found == pytest.approx(case("A3")["cox_efron_hr"], abs=1e-6)


@NEEDS_DATA
def test_gehan_exact_and_clustered():
    # x <- treat == "6-MP"; coxph(Surv(time, cens) ~ x, cluster = pair, ties = ...); ~ x and ~ x + strata(pair < 11),
    # ties = "exact"
    gehan = survival_data("gehan")
    x = pd.DataFrame({"x": (gehan["treat"] == "6-MP").astype(float)})
    data = (gehan["time"], gehan["cens"], x)
    efron = cox(*data, cluster=gehan["pair"])
    compare(efron, [-1.5721251488291], [0.3911361673167], [0.4123967177095], -85.0084245773716)
    breslow = cox(*data, cluster=gehan["pair"], ties="breslow")
    compare(breslow, [-1.5091914125859], [0.3759766915341], [0.4095644063667], -86.3796220711455)
    exact = cox(*data, ties="exact")
    compare(exact, [-1.6282439516724], [0.4331312964924], log_likelihood=-74.5431011645186)
    assert exact.null_log_likelihood == pytest.approx(-82.6692792527922, abs=1e-9)
    compare(cox(*data, ties="exact", strata=gehan["pair"] < 11), [-1.6279825237384], [0.4473155446027])


@NEEDS_DATA
def test_phreg_has_the_wrong_robust_variance_where_times_are_tied():
    # coxph(Surv(time, status) ~ sex + age, lung, robust = TRUE) and the Freireich fit above
    from statsmodels.duration.hazard_regression import PHReg

    lung, gehan = survival_data("lung"), survival_data("gehan")
    x = lung[["sex", "age"]]
    ours = cox(lung["time"], lung["status"] == 2, x, robust=True)
    compare(ours, [-0.5132185198362, 0.017045331850165], [0.1601741679141, 0.009504638125996],
            [0.1674579624362, 0.009223273477257])  # fmt: skip
    theirs = PHReg(lung["time"], x, status=(lung["status"] == 2).astype(int), ties="efron")
    assert theirs.fit(groups=np.arange(len(lung)), disp=False).bse[0] < 0.1600
    other = PHReg(gehan["time"], (gehan["treat"] == "6-MP").to_numpy(float), status=gehan["cens"], ties="efron")
    assert other.fit(groups=gehan["pair"].to_numpy(), disp=False).bse[0] == pytest.approx(0.3832, abs=1e-4)


@NEEDS_DATA
def test_lung_with_weights_clusters_and_late_entry():
    # l <- lung without missing ph.karno and inst; w <- ph.karno / 80; e0 <- floor(time * (age %% 7) / 10);
    # coxph(Surv(time, e) ~ sex + age, l, weights = w, ...) with ties = "breslow", cluster = inst, robust = FALSE,
    # + strata(ph.ecog), where one patient is missing; then without weights; then Surv(e0, time, e)
    lung = survival_data("lung").dropna(subset=["ph.karno", "inst"])
    assert len(lung) == 226
    data = (lung["time"], lung["status"] == 2, lung[["sex", "age"]])
    weight, inst = lung["ph.karno"] / 80, lung["inst"]
    known = lung["ph.ecog"].notna()
    by_ecog = [part[known] for part in data]
    ecog = {"weights": weight[known], "cluster": inst[known], "strata": lung["ph.ecog"][known]}
    logs, naive = [-0.5299582186570, 0.019349686933522], [0.1680965527771, 0.009318431028868]
    compare(cox(*data, weights=weight), logs, [0.1641601331158, 0.009408617793998], naive, -739.391810513516)
    compare(cox(*data, weights=weight, cluster=inst), logs, [0.1389136356093, 0.007562312212166], naive)
    compare(cox(*data, weights=weight, robust=False), logs, naive)
    compare(
        cox(*data, weights=weight, ties="breslow"), [-0.5291774919330, 0.019315338806808],
        [0.1639311020191, 0.009389330722360], [0.1681006601489, 0.009316726436322], -739.621133588823,
    )  # fmt: skip
    compare(
        cox(*by_ecog, **ecog, ties="breslow"),
        [-0.5958968301859, 0.013638269241022], [0.1236018348042, 0.007739314206366],
        [0.1723630184110, 0.009270337635990], -562.654291126263,
    )  # fmt: skip
    logs, naive = [-0.5046088461055, 0.017145694583634], [0.1679200626848, 0.009259213470535]
    compare(cox(*data, cluster=inst), logs, [0.1281528613942, 0.007349847528587], naive)
    compare(cox(*data, robust=True), logs, [0.1607531985460, 0.009541364275059], naive)
    entry = np.floor(lung["time"] * (lung["age"] % 7) / 10)
    compare(cox(*data, entry=entry), [-0.4050035432103, 0.018521971083459], [0.1684907604167, 0.009390246300808])
    compare(
        cox(*by_ecog, **ecog, entry=entry[known]),
        [-0.4886965641558, 0.013857524591207], [0.1266112507735, 0.008545511761456],
        [0.1739563410556, 0.009381402035695], -520.08464640512,
    )  # fmt: skip
    estimate = hazard_ratio(*data[:2], lung["sex"], treatment=2, reference=1, covariates=lung[["age"]], weights=weight)
    assert (estimate.analysis, estimate.n) == ("cox.hazard_ratio.weighted", 226)
    assert math.log(estimate.estimate) == pytest.approx(-0.5299582186570, abs=1e-9)
    assert estimate.std_error == pytest.approx(0.1641601331158, abs=1e-9)


@NEEDS_DATA
def test_exact_ties_of_several_trials():
    # coxph(..., ties = "exact"): veteran ~ trt + karno + age; ~ trt + karno + strata(celltype); Surv(floor(time *
    # (age %% 5) / 8), time, status) ~ trt + karno; ceiling(time / 7) ~ trt + karno; ovarian ~ rx + age; aml ~ x
    veteran = survival_data("veteran")
    data = (veteran["time"], veteran["status"])
    first, both = veteran[["trt", "karno"]], veteran[["trt", "karno", "age"]]
    compare(
        cox(*data, both, ties="exact"), [0.1888893794800, -0.034610461153822, -0.003774630350708],
        [0.1864139776841, 0.005270455105105, 0.009248433683100], None, -459.283470632607,
    )  # fmt: skip
    compare(
        cox(*data, first, ties="exact", strata=veteran["celltype"]), [0.2307057115400, -0.035955039519122],
        [0.2019088167285, 0.005565703061073], None, -309.990818215467,
    )  # fmt: skip
    entry = np.floor(veteran["time"] * (veteran["age"] % 5) / 8)
    compare(
        cox(*data, first, ties="exact", entry=entry), [0.07405539702336, -0.027885595377886],
        [0.18605769991883, 0.005138917278279], None, -413.690959480761,
    )  # fmt: skip
    weeks = np.ceil(veteran["time"] / 7)
    compare(
        cox(weeks, veteran["status"], first, ties="exact"), [0.1823925406990, -0.035601711519093],
        [0.1906722424493, 0.005434233479666], None, -372.393131685672,
    )  # fmt: skip
    ovarian, aml = survival_data("ovarian"), survival_data("aml")
    compare(
        cox(ovarian["futime"], ovarian["fustat"], ovarian[["rx", "age"]], ties="exact"),
        [-0.8039730126651, 0.1473265954691], [0.6320493718795, 0.0461470477408], None, -27.0418988630084,
    )  # fmt: skip
    compare(cox(aml["time"], aml["status"], aml[["x"]], ties="exact"), [0.9217608691589], [0.5162484008097])


@NEEDS_DATA
def test_counting_process_data():
    # coxph(Surv(start, stop, event) ~ rx + size + strata(enum), bladder2, cluster = id, ties = ...);
    # coxph(Surv(tstart, tstop, status) ~ treat + age + steroids, cgd, cluster = id); and weights = 1 + (id %% 3) / 2
    bladder = survival_data("bladder2")
    options = {"entry": bladder["start"], "strata": bladder["enum"], "cluster": bladder["id"]}
    data = (bladder["stop"], bladder["event"], bladder[["rx", "size"]])
    compare(
        cox(*data, **options), [-0.2689456831053, -0.04878406154563], [0.2101934160966, 0.05663585336051],
        [0.2151861266642, 0.07055507947221], -318.321820820150,
    )  # fmt: skip
    compare(
        cox(*data, **options, ties="breslow"), [-0.2659521821673, -0.04679576603875],
        [0.1988465856758, 0.05504562002959], [0.2145550933822, 0.07052504832110], -322.018407480429,
    )  # fmt: skip
    cgd = survival_data("cgd")
    x = pd.DataFrame({"treat": cgd["treat"] == "rIFN-g", "age": cgd["age"], "steroids": cgd["steroids"]})
    data = (cgd["tstop"], cgd["status"], x)
    compare(
        cox(*data, entry=cgd["tstart"], cluster=cgd["id"]), [-1.127474689448, -0.03406013397501, 1.0372701190843],
        [0.314550591724, 0.01381330134361, 0.5350204045807], [0.261790537181, 0.01344447353880, 0.5269241921015],
        -327.715955507201,
    )  # fmt: skip
    compare(
        cox(*data, entry=cgd["tstart"], cluster=cgd["id"], weights=1 + (cgd["id"] % 3) / 2),
        [-1.2082436664590, -0.04054435276546, 0.9662444055605], [0.3163800977277, 0.01551809346744, 0.5071856296684],
        [0.2117381860047, 0.01099389700072, 0.4915069657814], -577.721101044035,
    )  # fmt: skip


@NEEDS_DATA
def test_veteran_in_periods():
    # s <- survSplit(Surv(time, status) ~ ., veteran, cut = c(30, 180), episode = "p"); a <- coxph(Surv(tstart, time,
    # status) ~ trt:factor(p), s); 2 * (loglik of a - loglik of ~ trt); + karno + age; + strata(celltype), Breslow;
    # + karno, cluster = (row - 1) %/% 2, with Wald's statistic of equal effects; weights = 1 + age / 50, cluster = row
    veteran = survival_data("veteran")
    data = (veteran["time"], veteran["status"], veteran["trt"])
    given = {"treatment": 2, "reference": 1, "cut_points": [30, 180]}
    pairs = np.arange(len(veteran)) // 2
    table = [
        ({}, [0.162528973333, 0.124097744872, -0.567034477988], [0.313225793330, 0.255162360846, 0.433952537218],
         2.21226990532),
        ({"covariates": veteran[["karno", "age"]]}, [0.0340300155354, 0.3730109843419, -0.0269532232983],
         [0.315593496720, 0.261666995782, 0.447197082518], 0.993604198732),
        ({"strata": veteran["celltype"], "ties": "breslow"}, [0.279281728591, 0.266786956042, -0.567956041042],
         [0.325493174304, 0.277895194730, 0.545437427780], 2.03588550434),
        ({"covariates": veteran[["karno"]], "cluster": pairs}, [0.02687677660925, 0.3579396924648, -0.04497227234556],
         [0.31938269636805, 0.3090460062087, 0.44000245624353], 0.9605299718754),
        ({"weights": 1 + veteran["age"] / 50}, [0.1543902309007, 0.1060975879412, -0.5208815597322],
         [0.3132133939983, 0.2552777980052, 0.3902607133628], 2.20704547298),
    ]  # fmt: skip
    for options, logs, errors, statistic in table:
        found = piecewise_hazard_ratio(*data, **given, **options)
        ratios, test = found.items[:-1], found.items[-1]
        assert [math.log(e.estimate) for e in ratios] == pytest.approx(logs, abs=1e-9)
        assert [e.std_error for e in ratios] == pytest.approx(errors, abs=1e-9)
        assert (test.test_statistic, test.df) == (pytest.approx(statistic, abs=1e-8), 2)
        assert [(e.groups["period"], e.n, e.events) for e in ratios] == [
            ("0 to 30", 137, 41), ("30 to 180", 95, 62), ("after 180", 27, 25),
        ]  # fmt: skip
