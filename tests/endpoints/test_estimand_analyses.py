"""Which analyses answer which estimand: every pair that ICH E9(R1) forbids is refused with its reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from evidence_lib.endpoints.estimand import Estimand, allowed_analyses, read_estimand, refuse_mismatch
from evidence_lib.endpoints.estimand.analyses import measures, target_of, targets
from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import words
from evidence_lib.results import analyses
from evidence_lib.study.model import ALL_MEASURES

MORE: dict[str, dict[str, str]] = {
    "hypothetical": {"assumption": "as the others"},
    "principal stratum": {"identification": "ignorability", "estimator": "principal-ignorability-weighting"},
}
KM = ["km.survival", "km.median", "logrank.stratified", "cox.hazard_ratio.adjusted", "rmst.difference", "win.ratio",
      "milestone.difference", "maxcombo.unstratified", "weighted_logrank.unstratified"]  # fmt: skip
COMPETING = ["aalen_johansen.difference", "gray.unstratified", "fine_gray.subdistribution_hazard_ratio.adjusted",
             "cause_specific.hazard_ratio.stratified"]  # fmt: skip
MEANS = ["ancova.contrast", "t_test.difference.welch", "wilcoxon.shift"]
RESPONSES = ["rd.miettinen_nurminen.unstratified", "or.woolf", "fisher_exact", "proportion.wilson"]
ALWAYS = ["count.subjects", "follow_up.median", "proportional_hazards.test", "multiplicity.holm"]


def estimand(*strategies: str | None, **more: Any) -> Estimand:
    events = [
        f"E{n}, in words"
        if strategy is None
        else {"event": f"E{n}", "strategy": strategy, "date": f"D{n}DT", **MORE.get(strategy, {}), **more}
        for n, strategy in enumerate(strategies, start=1)
    ]
    base = {"treatment": "A", "population": "P", "variable": "V", "summary": "S"}
    return read_estimand({**base, "intercurrent_events": events})


def test_the_table_answers_for_every_analysis_once() -> None:
    for name, analysis in analyses().items():
        fitting = [target.pattern for target in targets() if fnmatchcase(name, target.pattern)]
        assert len(fitting) <= 1, (name, fitting)
        assert fitting or not analysis.direction, f"{name} compares arms and has no row in targets.csv"
    for target in targets():
        assert any(fnmatchcase(name, target.pattern) for name in analyses()), target.pattern
        assert target.kind in ("any", "time-to-event", "continuous", "binary", "count", "stratum")
        assert target.events in ("any", "one", "competing")
        assert target.missing in ("any", "censors", "drops", "models", "imputes")
        assert all(words("en").has(f"estimand_endpoints.measure.{measure}") for measure in target.measures)


def test_every_measure_that_a_report_can_declare_has_an_analysis() -> None:
    assert set(ALL_MEASURES) <= set(measures())


@pytest.mark.parametrize("role", ["main", "sensitivity"])
@pytest.mark.parametrize("analysis", KM)
def test_while_on_treatment_is_not_censored(analysis: str, role: Any) -> None:
    with pytest.raises(StudyError, match=r"E2 ends the outcome.*cumulative_incidence, gray_test, fine_gray") as caught:
        refuse_mismatch(estimand("treatment policy", "while on treatment"), analysis, role=role)
    assert caught.value.exit_code == 2
    assert f"the {role} analysis {analysis}" in caught.value.what
    assert ("changes assumptions only" in str(caught.value)) == (role == "sensitivity")


@pytest.mark.parametrize("analysis", KM)
@pytest.mark.parametrize("strategies", [("treatment policy",), ("composite", "hypothetical"), (None,)])
def test_one_kind_of_event_fits_without_competing_ones(strategies: tuple[str | None, ...], analysis: str) -> None:
    assert refuse_mismatch(estimand(*strategies), analysis, role="main") is None


@pytest.mark.parametrize("analysis", COMPETING)
def test_competing_risks_need_a_competing_event(analysis: str) -> None:
    assert refuse_mismatch(estimand("composite", "while on treatment"), analysis, role="main") is None
    assert refuse_mismatch(estimand("composite", None), analysis, role="main") is None
    with pytest.raises(StudyError, match=r"E1 is part of the outcome \(composite\), so that it cannot compete"):
        refuse_mismatch(estimand("composite", "treatment policy"), analysis, role="main")
    with pytest.raises(StudyError, match="no intercurrent event is stated as while on treatment"):
        refuse_mismatch(estimand("treatment policy"), analysis, role="sensitivity")


@pytest.mark.parametrize("strategy", ["treatment policy", "composite"])
def test_censoring_at_an_event_is_hypothetical(strategy: str) -> None:
    asked = estimand("hypothetical", strategy)
    assert refuse_mismatch(asked, "cox.hazard_ratio.unstratified", role="main", censored_at=[1]) is None
    with pytest.raises(StudyError, match=f"it censors at E2, which asks.*the estimand says {strategy}"):
        refuse_mismatch(asked, "cox.hazard_ratio.unstratified", role="main", censored_at=[1, 2])
    with pytest.raises(InvalidInput, match="censored_at names no intercurrent event.*found 3"):
        refuse_mismatch(asked, "cox.hazard_ratio.unstratified", role="main", censored_at=[3])


@pytest.mark.parametrize("analysis", [*KM, *COMPETING, *MEANS, *RESPONSES, "mmrm.contrast", "imputation.contrast"])
def test_a_principal_stratum_is_of_another_population(analysis: str) -> None:
    with pytest.raises(StudyError, match=r"principal stratum of E1.*expected principal_stratum_effect"):
        refuse_mismatch(estimand("principal stratum"), analysis, role="main")


def test_an_analysis_of_a_principal_stratum_needs_one() -> None:
    for analysis in ("principal_stratum.mean_difference", "principal_stratum.risk_difference"):
        assert refuse_mismatch(estimand("principal stratum"), analysis, role="main") is None
        with pytest.raises(StudyError, match="the estimand is of the whole population"):
            refuse_mismatch(estimand("treatment policy"), analysis, role="main")


@pytest.mark.parametrize("analysis", [*MEANS, *RESPONSES])
def test_what_is_set_to_missing_is_not_dropped(analysis: str) -> None:
    with pytest.raises(StudyError, match=r"set to missing \(hypothetical\), and it drops subjects"):
        refuse_mismatch(estimand("hypothetical"), analysis, role="main")
    assert refuse_mismatch(estimand("hypothetical", date=None), analysis, role="main") is None
    assert refuse_mismatch(estimand("composite"), analysis, role="main") is None


def test_other_rules_of_values_at_visits() -> None:
    for analysis in ("mmrm.contrast", "imputation.contrast"):
        assert refuse_mismatch(estimand("hypothetical"), analysis, role="main") is None
    declared = estimand("treatment policy", handling="retrieved-dropout")
    assert refuse_mismatch(declared, "imputation.contrast", role="main") is None
    assert refuse_mismatch(declared, "mmrm.contrast", role="sensitivity") is None
    with pytest.raises(StudyError, match="imputed by retrieved dropouts, and it imputes none"):
        refuse_mismatch(declared, "mmrm.contrast", role="main")
    with pytest.raises(StudyError, match="models values that go on after it"):
        refuse_mismatch(estimand("while on treatment"), "mmrm.contrast", role="main")
    assert refuse_mismatch(estimand("while on treatment"), "ancova.contrast", role="main") is None
    with pytest.raises(StudyError, match="have no value of which it could take the mean"):
        refuse_mismatch(estimand("composite", handling="failure"), "ancova.contrast", role="main")
    assert refuse_mismatch(estimand("composite", handling="failure"), "or.woolf", role="main") is None
    with pytest.raises(StudyError, match=r"the handling of E1 \(censor\) is none of this kind.*expected for a contin"):
        refuse_mismatch(estimand("hypothetical", handling="censor"), "mmrm.contrast", role="main")


@pytest.mark.parametrize(
    ("analysis", "fits", "does_not"),
    [
        ("cox.hazard_ratio.stratified", "hazard_ratio", "rmst_difference"),
        ("milestone.difference", "survival_difference", "hazard_ratio"),
        ("logrank.stratified", "hazard_ratio", "rmst_difference"),
        ("rmst.difference.adjusted", "rmst_difference", "survival_difference"),
        ("rd.mee", "risk_difference", "odds_ratio"),
        ("or.exact", "odds_ratio", "risk_difference"),
        ("rr.log", "risk_ratio", "odds_ratio"),
        ("mmrm.contrast", "mean_difference", "risk_difference"),
        ("win.ratio.stratified", "win_ratio", "hazard_ratio"),
        ("rate.ratio.exact", "rate_ratio", "risk_difference"),
    ],
)
def test_the_measure_is_the_declared_one(analysis: str, fits: str, does_not: str) -> None:
    asked = estimand("treatment policy")
    assert refuse_mismatch(asked, analysis, role="main", primary_measure=fits) is None
    for role in ("main", "sensitivity"):
        with pytest.raises(StudyError, match=r"it is of the .*, while the declared summary measure is the"):
            refuse_mismatch(asked, analysis, role=role, primary_measure=does_not)  # type: ignore[arg-type]
    said = refuse_mismatch(asked, analysis, role="supplementary", primary_measure=does_not)
    assert str(said).startswith(f"Supplementary: {analysis} answers another question than the estimand, because it is")


def test_competing_measures() -> None:
    asked = estimand("while on treatment")
    for analysis, measure in (
        ("aalen_johansen.difference", "cumulative_incidence_difference"),
        ("fine_gray.subdistribution_hazard_ratio.unstratified", "subdistribution_hazard_ratio"),
        ("cause_specific.hazard_ratio.unstratified", "hazard_ratio"),
    ):
        assert refuse_mismatch(asked, analysis, role="main", primary_measure=measure) is None


def test_a_supplementary_analysis_says_every_difference() -> None:
    said = refuse_mismatch(
        estimand("while on treatment"), "cox.hazard_ratio.unstratified", role="supplementary",
        primary_measure="cumulative_incidence_difference", censored_at=[1],
    )  # fmt: skip
    text = str(said)
    for part in (
        "it censors at E1",
        "E1 ends the outcome",
        "while the declared summary measure is the difference in cum",
    ):
        assert part in text
    assert refuse_mismatch(estimand("composite"), "km.survival", role="supplementary") is None


@pytest.mark.parametrize("analysis", ALWAYS)
def test_counts_and_checks_fit_every_estimand(analysis: str) -> None:
    for strategy in ("while on treatment", "composite", "principal stratum", "hypothetical"):
        assert refuse_mismatch(estimand(strategy), analysis, role="main", primary_measure="odds_ratio") is None


def test_the_allowed_analyses_are_those_that_are_not_refused() -> None:
    for strategies in (("treatment policy",), ("while on treatment", "composite"), ("principal stratum",), (None,)):
        asked = estimand(*strategies)
        allowed = allowed_analyses(asked, primary_measure="hazard_ratio")
        for name in analyses():
            if target_of(name).kind == "any":
                assert name not in allowed
                continue
            try:
                refuse_mismatch(asked, name, role="main", primary_measure="hazard_ratio")
                assert name in allowed
            except StudyError:
                assert name not in allowed
    assert "cause_specific.hazard_ratio.adjusted" in allowed_analyses(
        estimand("while on treatment"), primary_measure="hazard_ratio"
    )
    assert allowed_analyses(estimand("principal stratum"), primary_measure="mean_difference") == (
        "principal_stratum.mean", "principal_stratum.mean_difference",
    ) or set(allowed_analyses(estimand("principal stratum"), primary_measure="mean_difference")) == {
        "principal_stratum.mean", "principal_stratum.mean_difference",
    }  # fmt: skip


def test_wrong_arguments() -> None:
    asked = estimand("composite")
    with pytest.raises(InvalidInput, match="no such analysis.*did you mean km.median"):
        refuse_mismatch(asked, "km.medan", role="main")
    with pytest.raises(InvalidInput, match="unknown role"):
        refuse_mismatch(asked, "km.median", role="primary")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="not a summary measure.*did you mean hazard_ratio"):
        refuse_mismatch(asked, "km.median", role="main", primary_measure="hazard_ration")
    with pytest.raises(InvalidInput, match="not an estimand"):
        allowed_analyses({"strategy": "composite"})  # type: ignore[arg-type]
