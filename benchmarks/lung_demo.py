"""Whether the statistics recover the true effects of the lung demo: coverage of their intervals over generated trials.

    python -m benchmarks.lung_demo [--trials 200] [--seed N] [--jobs 1]

Each trial has 600 new patients of the demo's design. Every effect in ``data/lung-demo/truth.json`` is estimated from
the trial's ADaM data sets, and its 95 % interval holds the true value or not. The limits are the exact binomial ones
that an interval of nominal coverage passes in all but 0.1 % of tables. Exit 1 where an effect falls outside.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import SEED, limits
from evidence_lib.rehearsal.trial import LUNG_DEMO, generate
from evidence_lib.results import Estimate
from evidence_lib.statistics.competing_risks import cumulative_incidence, cumulative_incidence_difference
from evidence_lib.statistics.cox import hazard_ratio
from evidence_lib.statistics.means import mmrm
from evidence_lib.statistics.proportions import proportion, risk_difference
from evidence_lib.statistics.survival import median_survival, milestone_difference, rmst_difference, survival_at

TRUTH = Path(__file__).parents[1] / "data" / "lung-demo" / "truth.json"
ARMS: dict[str, Any] = {"treatment": LUNG_DEMO.arms[0], "reference": LUNG_DEMO.arms[1]}
STRATA = ["STRAT1", "STRAT2", "STRAT3"]
CAUSES = {"Treatment discontinued": "stopped", "Death": "died"}


def estimates(seed: int, listed: list[dict[str, Any]]) -> Iterator[tuple[str, Estimate]]:
    """The estimate of each listed effect in one generated trial."""
    data = generate(LUNG_DEMO, seed=seed).datasets
    subjects = data["ADSL"][data["ADSL"]["RANDFL"] == "Y"].set_index("USUBJID")
    for effect in listed:
        yield effect["name"], _estimate(effect, data, subjects)


def _estimate(effect: Mapping[str, Any], data: Mapping[str, pd.DataFrame], subjects: pd.DataFrame) -> Estimate:
    family = effect["name"].split(".")[0]
    if family in ("OS", "PFS", "PFSEMA"):
        return _time_to_event(effect, data["ADTTE"], subjects)
    if family in ("BOR", "CBOR"):
        best = data["ADRS"][data["ADRS"]["PARAMCD"] == family].set_index("USUBJID")["AVALC"]
        return _share(effect, subjects["TRT01P"], best.reindex(subjects.index).isin(["CR", "PR"]))
    if family == "AE":
        return _adverse(effect, data["ADAE"], subjects[subjects["SAFFL"] == "Y"])
    if family == "TTD":
        return _stopped(effect, data["ADTTE"])
    return _quality(effect, data["ADQS"], subjects)


def _time_to_event(effect: Mapping[str, Any], adtte: pd.DataFrame, subjects: pd.DataFrame) -> Estimate:
    groups = effect["groups"]
    frame = adtte[adtte["PARAMCD"] == groups["endpoint"]].merge(subjects[STRATA], left_on="USUBJID", right_index=True)
    if "level" in groups:
        frame = frame[frame["STRAT1"] == groups["level"]]
    arm, time, event = frame["TRTP"].to_numpy(), frame["AVAL"].to_numpy(), (frame["CNSR"] == 0).to_numpy()
    name = effect["analysis"]
    if name.startswith("cox.hazard_ratio"):
        strata = frame[STRATA].reset_index(drop=True) if name.endswith(".stratified") else None
        return hazard_ratio(time, event, arm, **ARMS, strata=strata)
    if name == "rmst.difference":
        return rmst_difference(time, event, arm, **ARMS, tau=float(groups["time"]))
    if name == "milestone.difference":
        return milestone_difference(time, event, arm, **ARMS, times=[float(groups["time"])]).items[0]
    here = arm == groups["arm"]
    if name == "km.median":
        return median_survival(time[here], event[here], conf_type="log-log")
    return survival_at(time[here], event[here], times=[float(groups["time"])], conf_type="log-log").items[0]


def _share(effect: Mapping[str, Any], arm: pd.Series, flags: pd.Series) -> Estimate:
    if effect["analysis"].startswith("rd."):
        return risk_difference(flags.to_numpy(), arm.to_numpy(), **ARMS)
    return proportion(flags[arm == effect["groups"]["arm"]].to_numpy(), method="clopper-pearson")


def _adverse(effect: Mapping[str, Any], adae: pd.DataFrame, subjects: pd.DataFrame) -> Estimate:
    name = effect["groups"]["endpoint"]
    which = {"any grade 3 or more": adae["ATOXGR"] >= 3, "any serious": adae["AESER"] == "Y"}
    has = set(adae["USUBJID"][which.get(name, adae["AEDECOD"] == name)])
    return _share(effect, subjects["TRT01A"], pd.Series(subjects.index.isin(has), index=subjects.index))


def _stopped(effect: Mapping[str, Any], adtte: pd.DataFrame) -> Estimate:
    frame = adtte[adtte["PARAMCD"] == "TTD"]
    cause = frame["EVNTDESC"].map(CAUSES).fillna("censored").to_numpy()
    time, arm = frame["AVAL"].to_numpy(), frame["TRTP"].to_numpy()
    asked: dict[str, Any] = {
        "event_of_interest": "stopped",
        "times": [float(effect["groups"]["time"])],
        "censored": "censored",
    }
    if effect["analysis"].endswith("difference"):
        return cumulative_incidence_difference(time, cause, arm, **ARMS, **asked).items[0]
    here = arm == effect["groups"]["arm"]
    return cumulative_incidence(time[here], cause[here], **asked).items[0]


def _quality(effect: Mapping[str, Any], adqs: pd.DataFrame, subjects: pd.DataFrame) -> Estimate:
    frame = adqs[(adqs["AVISITN"] > 0) & adqs["BASE"].notna()]
    frame = frame.merge(subjects[["STRAT2", "STRAT3", "ECOGBL"]], left_on="USUBJID", right_index=True)
    week = int(effect["groups"]["visit"].removeprefix("Week "))
    found = mmrm(
        frame, subject="USUBJID", visit="AVISITN", outcome="CHG", arm="TRTP", **ARMS,
        covariates=["BASE", "STRAT2", "STRAT3", "ECOGBL"], by_visit=["BASE"],
    )  # fmt: skip
    return found.contrasts.where(visit=week)


def holds(estimate: Estimate, value: float) -> bool | None:
    """Whether the interval holds the true value; None where there is no estimate. A limit that is not there is far."""
    if estimate.estimate is None:
        return None
    low = -math.inf if estimate.conf_low is None else estimate.conf_low
    high = math.inf if estimate.conf_high is None else estimate.conf_high
    return low <= value <= high


def _trial(seed: int, listed: list[dict[str, Any]]) -> dict[str, tuple[bool | None, float | None]]:
    values = {effect["name"]: effect["value"] for effect in listed}
    return {name: (holds(found, values[name]), found.estimate) for name, found in estimates(seed, listed)}


def main() -> int:
    """Generate the trials, print the table, and say whether everything is within the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    listed = json.loads(TRUTH.read_text(encoding="utf-8"))["effects"]
    seeds = [int(seed) for seed in np.random.SeedSequence(given.seed).generate_state(given.trials, np.uint64)]
    with ProcessPoolExecutor(given.jobs) as pool:
        trials = list(pool.map(_trial, seeds, [listed] * len(seeds)))
    print(
        f"{given.trials} trials of {LUNG_DEMO.patients} patients, seed {given.seed}; limits: exact binomial, 99.9 %\n"
    )
    print(f"{'effect':<44} {'true':>9} {'mean found':>10} {'covered':>8} {'limits':>13} {'trials':>6}  verdict")
    failed = 0
    for effect in listed:
        hits: dict[Any, int] = defaultdict(int)
        values = []
        for trial in trials:
            covered, value = trial[effect["name"]]
            hits[covered] += 1
            values += [] if value is None else [value]
        given_intervals = hits[True] + hits[False]
        low, high = limits(0.95, given_intervals) if given_intervals else (1.0, 0.0)
        share = hits[True] / given_intervals if given_intervals else math.nan
        right = low <= share <= high
        failed += not right
        mean = math.exp(np.log(values).mean()) if effect["scale"] == "log" else float(np.mean(values))
        print(
            f"{effect['name']:<44} {effect['value']:9.4f} {mean:10.4f} {share:8.3f} {low:6.3f}-{high:5.3f}  "
            f"{given_intervals:6d}  {'holds' if right else 'FAILS'}"
        )
    print(f"\n{failed} outside the limits" if failed else "\nall within the limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
