"""Speed of the statistics beside their peers, on the same data and checked to agree, as a table of ratios.

    python benchmarks/statistics.py [--only WORDS]

Peers are lifelines and statsmodels in this process, and R (survival, cmprsk, nlme) in a process of its own, which
times the call alone. Where R or one of its packages is missing the rows that need it are left out, and the table says
so. Linear algebra runs on one thread on both sides. Exit 1 where two answers disagree or a ratio is below what is
asked.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As a script, this file would stand in for the standard library's module of the same name.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

SEED = 20261125


class Missing(Exception):
    """A peer is not on this machine."""


@dataclass(frozen=True)
class Timed:
    """The shortest of some calls, in seconds, and what the call answered."""

    seconds: float
    answer: Sequence[float]


@dataclass(frozen=True)
class Row:
    """One line of the table: ``wanted`` is the least ratio, ``limit`` the most seconds of ours, None for none."""

    what: str
    ours: Callable[[], Timed]
    peer_name: str
    peer: Callable[[], Timed]
    wanted: float | None = None
    limit: float | None = None
    tolerance: float = 1e-6


def shortest(call: Callable[[], Any], answer: Callable[[Any], Sequence[float]], repeats: int, number: int = 1) -> Timed:
    """The shortest time of one call, over ``repeats`` rounds of ``number`` calls, after one that does not count."""
    found = answer(call())
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(number):
            call()
        best = min(best, (time.perf_counter() - start) / number)
    return Timed(best, [float(value) for value in found])


def in_r(packages: Sequence[str], frame: pd.DataFrame, call: str, answer: str, repeats: int) -> Timed:
    """The shortest time of an R expression on ``d``, the frame; its answer is the R expression ``answer`` of ``f``."""
    if shutil.which("Rscript") is None:
        raise Missing("R is not on this machine")
    libraries = "\n".join(f"suppressPackageStartupMessages(library({name}))" for name in packages)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        frame.to_csv(path, index=False, float_format="%.17g")
        code = f"""
        {libraries}
        d <- read.csv("{path.as_posix()}", stringsAsFactors = TRUE)
        best <- Inf
        for (i in 1:{repeats}) {{ best <- min(best, system.time(f <- {call})[["elapsed"]]) }}
        cat("TIME", best, "\\nANSWER", format({answer}, digits = 15), "\\n")
        """
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(done.stderr.strip().splitlines()[-1] if done.stderr else "R failed")
    lines = {
        line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.startswith(("TIME", "ANSWER"))
    }
    return Timed(float(lines["TIME"][0]), [float(value) for value in lines["ANSWER"]])


# Data


def cohort(n: int, covariates: int, *, round_to_days: bool = True) -> pd.DataFrame:
    """Exponential times with normal covariates, half of them censored."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(n, covariates))
    time_ = rng.exponential(500 * np.exp(-x.sum(axis=1) * 0.1))
    end = rng.uniform(100, 1500, n)
    days = np.minimum(time_, end)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(1, covariates + 1)])
    return frame.assign(time=np.ceil(days) if round_to_days else days, event=(time_ <= end).astype(int))


def trial(n: int = 500) -> pd.DataFrame:
    """Two arms, four strata, times in whole days."""
    rng = np.random.default_rng(SEED)
    arm = np.repeat(["a", "b"], n // 2)
    time_, end = rng.exponential(np.where(arm == "a", 500.0, 400.0)), rng.uniform(100, 1200, n)
    return pd.DataFrame(
        {
            "time": np.ceil(np.minimum(time_, end)),
            "event": (time_ <= end).astype(int),
            "arm": arm,
            "stratum": rng.integers(0, 4, n),
        }
    )


def visits(subjects: int = 200, count: int = 6) -> pd.DataFrame:
    """A trial with six visits, correlated within patients, a tenth of the values missing."""
    rng = np.random.default_rng(SEED)
    lags = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    spread = np.linspace(1.0, 1.6, count)
    y = rng.multivariate_normal(np.zeros(count), 0.7**lags * np.outer(spread, spread), size=subjects)
    arm = np.repeat(["a", "b"], subjects // 2)
    y += np.arange(count) * np.where(arm == "a", 0.3, 0.2)[:, None]
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(subjects), count),
            "visit": np.tile(np.arange(1, count + 1), subjects),
            "arm": np.repeat(arm, count),
            "y": y.ravel(),
        }
    )
    return frame[rng.random(len(frame)) > 0.1]


# Rows


def robust_cox() -> Row:
    """Weighted Cox model with robust variance, 100,000 patients."""
    frame = cohort(100_000, 1).assign(weight=np.random.default_rng(SEED + 1).uniform(0.5, 2.0, 100_000))

    def ours() -> Timed:
        from evidence_lib.statistics.cox import cox

        return shortest(
            lambda: cox(frame["time"], frame["event"], frame[["x1"]], weights=frame["weight"], robust=True),
            lambda fit: (fit.coefficients[0], math.sqrt(fit.covariance[0, 0])),
            repeats=5,
        )

    def peer() -> Timed:
        import warnings

        from lifelines import CoxPHFitter

        def call() -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                options = {"precision": 1e-12, "r_precision": 1e-12}
                return CoxPHFitter().fit(frame, "time", "event", weights_col="weight", robust=True, fit_options=options)

        # A call takes about half a minute: the first one counts.
        start = time.perf_counter()
        fit = call()
        seconds = time.perf_counter() - start
        return Timed(seconds, (float(fit.params_["x1"]), float(fit.standard_errors_["x1"])))

    return Row("weighted Cox model, robust variance, n = 100,000", ours, "lifelines", peer, wanted=200, tolerance=1e-4)


def large_cox() -> Row:
    """Cox model of a million patients with six covariates."""
    frame = cohort(1_000_000, 6, round_to_days=False)
    names = [f"x{number}" for number in range(1, 7)]

    def ours() -> Timed:
        from evidence_lib.statistics.cox import cox

        return shortest(
            lambda: cox(frame["time"], frame["event"], frame[names]), lambda fit: list(fit.coefficients), repeats=3
        )

    def peer() -> Timed:
        formula = " + ".join(names)
        call = f"coxph(Surv(time, event) ~ {formula}, d)"
        return in_r(["survival"], frame, call, "coef(f)", repeats=3)

    return Row("Cox model, n = 1,000,000, 6 covariates", ours, "R survival::coxph", peer, wanted=2)


def subdistribution() -> Row:
    """Fine-Gray model of 5,000 patients with two covariates."""
    frame = cohort(5_000, 2)
    cause = np.where(frame["event"] == 1, 1 + (np.random.default_rng(SEED + 2).random(5_000) < 0.4), 0)
    frame = frame.assign(cause=cause)

    def ours() -> Timed:
        from evidence_lib.statistics.competing_risks import fine_gray

        return shortest(
            lambda: fine_gray(
                frame["time"],
                frame["cause"],
                None,
                event_of_interest=1,
                treatment=None,
                reference=None,
                covariates=frame[["x1", "x2"]],
            ),
            lambda found: [math.log(e.estimate) for e in found.items] + [e.std_error for e in found.items],
            repeats=10,
        )

    def peer() -> Timed:
        call = "crr(d$time, d$cause, cbind(d$x1, d$x2), failcode = 1)"
        return in_r(["cmprsk"], frame, call, "c(f$coef, sqrt(diag(f$var)))", repeats=2)

    return Row("Fine-Gray model, n = 5,000", ours, "R cmprsk::crr", peer, wanted=100, tolerance=1e-5)


def log_rank() -> Row:
    """Log-rank test of 500 patients."""
    frame = trial()
    data = [frame[name].to_numpy() for name in ("time", "event", "arm")]

    def ours() -> Timed:
        from evidence_lib.statistics.survival import logrank

        call = lambda: logrank(*data, treatment="a", reference="b")  # noqa: E731
        return shortest(call, lambda found: [found.test_statistic], repeats=20, number=200)

    def peer() -> Timed:
        from lifelines.statistics import logrank_test

        treated = data[2] == "a"
        pair = [part[chosen] for part in data[:2] for chosen in (treated, ~treated)]
        return shortest(lambda: logrank_test(*pair), lambda found: [found.test_statistic], repeats=10, number=10)

    return Row("log-rank test, n = 500", ours, "lifelines", peer, wanted=100)


def repeated_measures() -> Row:
    """MMRM with unstructured covariance, 200 patients by 6 visits."""
    frame = visits()

    def ours() -> Timed:
        from evidence_lib.statistics.means import mmrm

        choices: dict[str, Any] = {"subject": "id", "visit": "visit", "outcome": "y", "arm": "arm"}
        return shortest(
            lambda: mmrm(frame, **choices, treatment="a", reference="b", covariance="un"),
            lambda fit: [fit.log_likelihood],
            repeats=5,
        )

    def peer() -> Timed:
        call = (
            "gls(y ~ arm * factor(visit), d, correlation = corSymm(form = ~ visit | id),"
            " weights = varIdent(form = ~ 1 | visit))"
        )
        return in_r(["nlme"], frame, call, "f$logLik", repeats=3)

    return Row("MMRM, unstructured, 200 patients x 6 visits", ours, "R nlme::gls", peer, wanted=10, tolerance=1e-6)


def stratified_log_rank() -> Row:
    """Stratified log-rank test of 500 patients."""
    frame = trial()
    data = [frame[name].to_numpy() for name in ("time", "event", "arm", "stratum")]

    def ours() -> Timed:
        from evidence_lib.statistics.survival import logrank

        call = lambda: logrank(*data[:3], strata=data[3], treatment="a", reference="b")  # noqa: E731
        return shortest(call, lambda found: [found.test_statistic], repeats=20, number=100)

    def peer() -> Timed:
        from statsmodels.duration.survfunc import survdiff

        call = lambda: survdiff(*data[:3], strata=data[3])  # noqa: E731
        return shortest(call, lambda found: [found[0]], repeats=5, number=5)

    return Row("stratified log-rank test, n = 500", ours, "statsmodels survdiff", peer, limit=1e-3)


def restricted_mean() -> Row:
    """Restricted mean survival time of 500 patients."""
    frame = trial()
    data = [frame[name].to_numpy() for name in ("time", "event")]

    def ours() -> Timed:
        from evidence_lib.statistics.survival import rmst

        return shortest(lambda: rmst(*data, tau=365), lambda found: [found.estimate], repeats=20, number=100)

    def peer() -> Timed:
        from lifelines import KaplanMeierFitter
        from lifelines.utils import restricted_mean_survival_time

        call = lambda: restricted_mean_survival_time(KaplanMeierFitter().fit(*data), t=365)  # noqa: E731
        return shortest(call, lambda found: [found], repeats=5, number=5)

    return Row("restricted mean survival time, n = 500", ours, "lifelines", peer, limit=1e-3)


def max_combo() -> Row:
    """MaxCombo of four tests, 500 patients; the peer integrates the same normal distribution at random."""
    frame = trial()
    data = [frame[name].to_numpy() for name in ("time", "event", "arm")]

    def ours() -> Timed:
        from evidence_lib.statistics.survival import maxcombo

        def call() -> Any:
            return maxcombo(*data, treatment="a", reference="b", weights=FOUR)

        first, second = (call().items[0].p_value for _ in range(2))
        if first != second:
            raise SystemExit("MaxCombo gave two p-values for the same data")
        return shortest(call, lambda found: [found.items[0].p_value], repeats=10, number=10)

    def peer() -> Timed:
        from scipy.stats import multivariate_normal

        correlation, largest = joint(data)
        law = multivariate_normal(cov=correlation, allow_singular=True, maxpts=2_000_000, abseps=1e-7, seed=1)
        call = lambda: 1 - law.cdf(np.full(4, largest), lower_limit=np.full(4, -largest))  # noqa: E731
        return shortest(call, lambda found: [found], repeats=3)

    return Row("MaxCombo of 4 tests, n = 500", ours, "the integral alone by scipy", peer, limit=1e-2, tolerance=1e-4)


FOUR = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


def joint(data: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """The correlations of the four tests and the largest of them, written out from their definition."""
    time_, event, arm = data
    moments = np.unique(time_[event == 1])
    n = np.array([(time_ >= t).sum() for t in moments])
    treated = np.array([((time_ >= t) & (arm == "a")).sum() for t in moments])
    d = np.array([((time_ == t) & (event == 1)).sum() for t in moments])
    own = np.array([((time_ == t) & (event == 1) & (arm == "a")).sum() for t in moments])
    before = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]])
    weights = np.array([before**rho * (1 - before) ** gamma for rho, gamma in FOUR])
    share = treated / n
    spread = np.where(n > 1, d * (n - d) / np.maximum(n - 1, 1), 0.0) * share * (1 - share)
    covariance = (weights * spread) @ weights.T
    error = np.sqrt(np.diag(covariance))
    z = (weights @ (own - d * share)) / error
    return covariance / np.outer(error, error), float(np.abs(z).max())


ROWS = (
    log_rank,
    stratified_log_rank,
    restricted_mean,
    max_combo,
    repeated_measures,
    subdistribution,
    robust_cox,
    large_cox,
)


def agree(ours: Timed, peer: Timed, tolerance: float) -> bool:
    """Whether the two answered the same, relative to the larger number."""
    return len(ours.answer) == len(peer.answer) and all(
        abs(a - b) <= tolerance * max(abs(a), abs(b)) for a, b in zip(ours.answer, peer.answer, strict=True)
    )


def told(seconds: float) -> str:
    """Seconds as printed."""
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1e3:.3g} ms"
        if seconds >= 1e-3
        else f"{seconds * 1e6:.3g} us"
    )


def main() -> int:
    """Time every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name holds these words")
    only = parser.parse_args().only.lower()
    print(f"{'':<50} {'ours':>9} {'peer':>9} {'ratio':>7} {'asked':>12}  {'agree':<5} peer")
    failed = 0
    for made in ROWS:
        row = made()
        if only not in row.what.lower():
            continue
        ours = row.ours()
        asked = f"x {row.wanted:g}" if row.wanted else f"< {told(row.limit or math.inf)}"
        start = f"{row.what:<50} {told(ours.seconds):>9}"
        try:
            peer = row.peer()
        except Missing as gap:
            print(f"{start} {'-':>9} {'-':>7} {asked:>12}  {'-':<5} {row.peer_name}: left out, {gap}", flush=True)
            continue
        ratio, same = peer.seconds / ours.seconds, agree(ours, peer, row.tolerance)
        good = same and (row.wanted is None or ratio >= row.wanted) and (row.limit is None or ours.seconds < row.limit)
        failed += not good
        line = (
            f"{start} {told(peer.seconds):>9} {ratio:>7.1f} {asked:>12}  {'yes' if same else 'NO':<5} {row.peer_name}"
        )
        print(
            line + ("" if good else "  BELOW WHAT IS ASKED" if same else f"  {ours.answer} {peer.answer}"), flush=True
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
