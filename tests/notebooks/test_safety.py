"""Safety of the CDISC pilot study against its published tables (14-4.01, 14-5.01, 14-6.05, 14-7.02) and against R."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest

from tests.pilot import pilot_results
from tests.reference import case, data, needs_reference

ARMS = ("Placebo", "Xanomeline Low Dose", "Xanomeline High Dose")
LOW, HIGH = ARMS[1:]
SKIN = "GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS"
PRURITUS = {"soc": SKIN, "term": "APPLICATION SITE PRURITUS"}
pytestmark = needs_reference


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return pilot_results(tmp_path_factory, "safety")


@pytest.fixture(scope="module")
def rows(results: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    return {(r["analysis"], r["statistic"], tuple(sorted(r["groups"].items()))): r for r in results["results"]}


def value(rows: Any, analysis: str, statistic: str = "estimate", **groups: Any) -> Any:
    return rows[analysis, statistic, tuple(sorted(groups.items()))]["value"]


def versus(treatment: str, **groups: Any) -> dict[str, Any]:
    return {"treatment": treatment, "reference": ARMS[0], "subgroup": "all", **groups}


def table(results: dict[str, Any], name: str) -> pd.DataFrame:
    return pd.DataFrame(results["tables"][name]["rows"], columns=results["tables"][name]["columns"])


def rounded(number: float, digits: int) -> float:
    return float(Decimal(repr(float(number))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def test_every_headline_number_was_computed_twice(results: dict[str, Any]) -> None:
    checked = [r for r in results["results"] if r["agrees"] is not None]
    assert all(r["agrees"] for r in checked)
    names = {r["analysis"] for r in checked}
    assert {"ae.incidence", "ae.events", "rd.miettinen_nurminen.unstratified", "rate.incidence", "rate.ratio.exact",
            "rate.difference.score", "aalen_johansen.cumulative_incidence", "liver.incidence", "death.incidence",
            "exposure.patient_years"} <= names  # fmt: skip
    for row in results["results"]:
        if row["analysis"] in ("ae.incidence", "ae.events") and row["statistic"] == "estimate":
            assert row["agrees"] is True


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("any", {"category": "any"}),
        ("app_site_pruritus", PRURITUS),
        ("cardiac", {"soc": "CARDIAC DISORDERS"}),
        ("general", {"soc": SKIN}),
    ],
)
def test_the_published_counts(rows: Any, name: str, groups: dict[str, str]) -> None:
    for arm, expected in zip(ARMS, case("A4")[name], strict=True):
        subjects, events = expected if isinstance(expected, list) else (expected, None)
        assert value(rows, "ae.incidence", "events", arm=arm, **groups) == subjects
        if events is not None:
            assert value(rows, "ae.events", arm=arm, **groups) == events


@pytest.mark.parametrize(
    ("name", "groups"),
    [("any_p", {"category": "any"}), ("pruritus_p", PRURITUS), ("cardiac_p", {"soc": "CARDIAC DISORDERS"})],
)
def test_the_published_p_values(rows: Any, name: str, groups: dict[str, str]) -> None:
    expected = case("A4")[name]
    both = expected if isinstance(expected, list) else [expected, expected]
    found = [rounded(value(rows, "fisher_exact", "p_value", **versus(t, **groups)), 3) for t in (LOW, HIGH)]
    assert found == both


def test_p_values_equal_those_of_r(rows: Any) -> None:
    """R 4.2.2, fisher.test(matrix(c(77, 7, 65, 21), 2)), (76, 8, 65, 21) and (22, 62, 6, 80)."""
    any_event = {"category": "any"}
    assert value(rows, "fisher_exact", "p_value", **versus(LOW, **any_event)) == pytest.approx(0.006533129, rel=1e-6)
    assert value(rows, "fisher_exact", "p_value", **versus(HIGH, **any_event)) == pytest.approx(0.01363769, rel=1e-6)
    assert value(rows, "fisher_exact", "p_value", **versus(HIGH, **PRURITUS)) == pytest.approx(0.0008117584, rel=1e-6)


def test_every_term_is_recounted_from_the_data(rows: Any) -> None:
    adae = data("cdisc-pilot/adae.csv.gz")
    emergent = adae[adae["TRTEMFL"] == "Y"]
    by = ["AEBODSYS", "AEDECOD", "TRTA"]
    subjects = emergent.groupby(by)["USUBJID"].nunique()
    events = emergent.groupby(by).size()
    assert len(subjects) > 350
    for (soc, term, arm), n in subjects.items():
        groups = {"soc": soc, "term": term, "arm": arm}
        assert value(rows, "ae.incidence", "events", **groups) == n
        assert value(rows, "ae.events", **groups) == events[soc, term, arm]
    told = [k for k in rows if k[0] == "ae.incidence" and k[1] == "events" and len(k[2]) == 3 and "term" in dict(k[2])]
    assert len(told) == 3 * emergent.groupby(by[:2]).ngroups


def test_differences_and_rates_are_of_the_terms_that_are_shown(results: dict[str, Any], rows: Any) -> None:
    shown = table(results, "safety.shown")
    terms = {(r["soc"], r["term"]) for r in shown.to_dict("records") if r["term"]}
    compared = {
        (dict(k[2])["soc"], dict(k[2])["term"])
        for k in rows
        if k[0].startswith("rd.") and "term" in dict(k[2])
    }  # fmt: skip
    assert compared == terms
    sizes = dict(zip(ARMS, (86, 84, 84), strict=True))
    adae = data("cdisc-pilot/adae.csv.gz").query("TRTEMFL == 'Y'")
    shares = adae.groupby(["AEBODSYS", "AEDECOD", "TRTA"])["USUBJID"].nunique().reset_index(name="n")
    reached = shares[shares["n"] >= 0.05 * shares["TRTA"].map(sizes)]
    assert terms == set(zip(reached["AEBODSYS"], reached["AEDECOD"], strict=True))


def test_rates_equal_those_of_r(rows: Any) -> None:
    """R 4.2.2: poisson.test(77, 2562 / 36525), poisson.test(c(77, 65), c(2562, 5398)); days at risk."""
    at = {"category": "any"}
    limits = [value(rows, "rate.incidence", name, arm=LOW, **at) for name in ("conf_low", "conf_high")]
    assert limits == pytest.approx([866.3238987, 1371.9940281], rel=1e-6)
    ratio = [value(rows, "rate.ratio.exact", n, **versus(LOW, **at)) for n in ("estimate", "conf_low", "conf_high")]
    assert ratio == pytest.approx([2.495922657, 1.770762047, 3.527446424], rel=1e-6)


def test_the_cumulative_incidence_equals_that_of_r(rows: Any) -> None:
    """R 4.2.2, cmprsk 2.2.11: timepoints(cuminc(time, cause), 56) in each arm, dermatologic events."""
    expected = {
        "Placebo": (0.220930233, 0.00202972639, 0.069767442),
        LOW: (0.58333333, 0.0029541499, 0.15476190),
        HIGH: (0.63095238, 0.0028347842, 0.19047619),
    }
    for arm, (incidence, variance, stopped) in expected.items():
        at = {"arm": arm, "time": 56, "cause": "event"}
        assert value(rows, "aalen_johansen.cumulative_incidence", **at) == pytest.approx(incidence, rel=1e-6)
        error = value(rows, "aalen_johansen.cumulative_incidence", "std_error", **at)
        assert error**2 == pytest.approx(variance, rel=1e-6)
        at["cause"] = "discontinuation"
        assert value(rows, "aalen_johansen.cumulative_incidence", **at) == pytest.approx(stopped, rel=1e-6)


def test_the_published_exposure(results: dict[str, Any]) -> None:
    """Table 14-4.01, safety population (atorus, CDISC pilot replication, outputs/14-4.01.rtf)."""
    found = table(results, "safety.exposure").set_index(["variable", "arm"])
    published = {
        ("average_dose", LOW): (84, 54.0, 0.00, 54.0, 54.0, 54.0),
        ("average_dose", HIGH): (84, 71.6, 8.11, 75.1, 54.0, 78.6),
        ("cumulative_dose", "Placebo"): (86, 0.0, 0.00, 0.0, 0.0, 0.0),
        ("cumulative_dose", LOW): (84, 5347.3, 3680.35, 4455.0, 108.0, None),
        ("cumulative_dose", HIGH): (84, 7551.0, 5531.04, 5778.0, 54.0, None),
    }
    for key, (n, mean, sd, median, low, high) in published.items():
        line = found.loc[key]
        assert line["n"] == n
        digits = {"mean": (mean, 1), "sd": (sd, 2), "median": (median, 1), "low": (low, 1), "high": (high, 1)}
        for name, (expected, places) in digits.items():
            assert expected is None or rounded(float(line[name]), places) == expected


def test_the_published_changes_of_blood_pressure(results: dict[str, Any]) -> None:
    """Table 14-7.02, systolic, lying (atorus, outputs/14-7.02.rtf); it counts one missing value in the high dose."""
    found = table(results, "safety.vital_signs").query("parameter == 'SYSBP' and what == 'change'")
    found = found[found["position"] == "AFTER LYING DOWN FOR 5 MINUTES"].set_index(["visit", "arm"])
    published = {
        ("Week 24", "Placebo"): (58, -2.1, 14.73, -4.0, -28.0, 50.0),
        ("End of Treatment", "Placebo"): (81, -3.7, 18.98, -5.0, -46.0, 48.0),
        ("Week 24", LOW): (27, -0.3, 17.19, 2.0, -48.0, 30.0),
        ("End of Treatment", LOW): (72, -3.5, 16.69, -4.0, -42.0, 34.0),
        ("Week 24", HIGH): (30, -5.6, 17.18, -7.0, -36.0, 26.0),
        ("End of Treatment", HIGH): (72, -8.9, 16.54, -10.0, -54.0, 30.0),
    }
    for key, (n, mean, sd, median, low, high) in published.items():
        line = found.loc[key]
        told = (line["n"], rounded(line["mean"], 1), rounded(line["sd"], 2), line["median"], line["low"], line["high"])
        assert told == (n, mean, sd, median, low, high)


def test_vital_signs_are_recomputed_from_the_data(results: dict[str, Any]) -> None:
    advs = data("cdisc-pilot/advs.csv.gz").query("ANL01FL == 'Y'")
    advs = advs.assign(ATPT=advs["ATPT"].fillna(""))
    keys = ["PARAMCD", "ATPT", "AVISIT", "TRTA"]
    expected = advs.groupby(keys)["AVAL"].agg(["count", "mean", "std", "median", "min", "max"])
    found = table(results, "safety.vital_signs").query("what == 'value'")
    found = found.set_index(["parameter", "position", "visit", "arm"]).sort_index()
    assert len(found) == len(expected)
    for key, line in expected.iterrows():
        told = found.loc[key]
        assert told[["n", "mean", "median", "low", "high"]].tolist() == pytest.approx(
            line[["count", "mean", "median", "min", "max"]].tolist()
        )
        assert told["sd"] == pytest.approx(line["std"])


def test_shifts_by_visit_are_recomputed_from_the_data(results: dict[str, Any]) -> None:
    adlb = data("cdisc-pilot/adlbc.csv.gz", low_memory=False)
    adlb = adlb[(adlb["ABLFL"] != "Y") & (adlb["ADY"] > 1)].dropna(subset=["ANRIND", "BNRIND"])
    adlb = adlb.assign(AVISIT=adlb["AVISIT"].str.strip())
    found = table(results, "safety.shifts")
    names = {"low": "L", "normal": "N", "high": "H"}
    for parameter, visit in (("ALT", "Week 2"), ("BILI", "Week 8"), ("CREAT", "Week 24"), ("GLUC", "End of Treatment")):
        of = adlb[(adlb["PARAMCD"] == parameter) & (adlb["AVISIT"] == visit)]
        expected = of.groupby(["TRTA", "BNRIND", "ANRIND"])["USUBJID"].nunique().to_dict()
        told = found[(found["parameter"] == parameter) & (found["visit"] == visit)].to_dict("records")
        assert {(r["arm"], names[r["baseline"]], names[r["category"]]): r["n"] for r in told} == expected


def test_potential_cases_of_hys_law_are_counted_from_the_data(rows: Any) -> None:
    adlb = data("cdisc-pilot/adlbc.csv.gz", low_memory=False)
    adlb = adlb[(adlb["ABLFL"] != "Y") & (adlb["ADY"] > 1)]
    peak = (adlb["AVAL"] / adlb["A1HI"]).groupby([adlb["USUBJID"], adlb["PARAMCD"]]).max().unstack()
    arm = adlb.groupby("USUBJID")["TRTA"].first()
    peak = peak.dropna(subset=["ALT", "BILI"])
    both = (peak[["ALT", "AST"]].max(axis=1) >= 3) & (peak["BILI"] > 2)
    case_ = both & (peak["ALP"] < 2)
    for name in ARMS:
        here = arm.reindex(peak.index) == name
        groups = {"arm": name, "category": "potential_hys_law"}
        assert value(rows, "liver.incidence", "events", **groups) == int((case_ & here).sum())
        assert value(rows, "liver.incidence", "n", **groups) == int(here.sum())


def test_who_stopped_and_who_died(rows: Any) -> None:
    adsl = data("cdisc-pilot/adsl.csv")
    for name in ARMS:
        of = adsl[adsl["TRT01A"] == name]
        stopped = value(rows, "ae.incidence", "events", arm=name, category="discontinuation")
        assert stopped == (of["DSRAEFL"] == "Y").sum()
        assert value(rows, "ae.events", arm=name, category="discontinuation") is None
        assert value(rows, "death.incidence", "events", arm=name) == (of["DTHFL"] == "Y").sum()


def test_no_subject_is_named(results: dict[str, Any]) -> None:
    text = str(results["tables"])
    assert "01-701-1015" not in text
    peaks = table(results, "safety.liver_peaks")
    assert list(peaks) == ["arm", "alt", "bilirubin", "category"]
    ordered = peaks.sort_values(["arm", "alt", "bilirubin", "category"], kind="stable")
    assert peaks.equals(ordered)
