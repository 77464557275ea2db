"""Print the coverage table; exit 1 where an interval falls outside its limits.

    python -m benchmarks.coverage [MODULE ...] [--repeats N] [--jobs 2]

Same seed, same table. ``MODULE`` is one of the modules of statistics; none means all of them.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from concurrent.futures import ProcessPoolExecutor

import benchmarks.coverage
from benchmarks.coverage.scenario import SEED, Coverage, Scenario, coverage

HEAD = f"{'interval':<58} {'nominal':>7} {'observed':>8} {'limits':>15} {'repeats':>7}  verdict"


def modules() -> list[str]:
    """The modules that hold scenarios."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.coverage.__path__))
    return sorted(name for name in found if name not in ("__main__", "scenario"))


def scenarios(module: str) -> list[Scenario]:
    """The scenarios of a module."""
    return list(importlib.import_module(f"benchmarks.coverage.{module}").SCENARIOS)


def of_one(module: str, position: int, repeats: int | None) -> list[Coverage]:
    """The coverage of one scenario, in a process of its own."""
    return coverage(scenarios(module)[position], repeats=repeats)


def line(row: Coverage) -> str:
    """One row as printed."""
    verdict = "holds" if row.holds else "FAILS"
    notes = [f"conservative: {row.conservative}"] if row.conservative else []
    notes += [f"{row.no_interval} draws without an interval"] if row.no_interval else []
    limits = f"{row.low:.4f}-" + ("1     " if row.conservative else f"{row.high:.4f}")
    numbers = f"{row.nominal:7.3f} {row.observed:8.4f} {limits:>15} {row.repeats:7d}"
    return f"{row.label:<58} {numbers}  {verdict}" + (f" ({'; '.join(notes)})" if notes else "")


def main() -> int:
    """Run the scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=[])
    parser.add_argument("--repeats", type=int, help="instead of each scenario's own number")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    chosen = given.modules or modules()
    tasks = [(name, position) for name in chosen for position in range(len(scenarios(name)))]
    print(f"Coverage of confidence intervals, seed {SEED}; limits: exact binomial, 99.9 %\n\n{HEAD}")
    failed = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        results = [pool.submit(of_one, name, position, given.repeats) for name, position in tasks]
        for result in results:
            rows = result.result()
            print(f"\n{rows[0].about}", *map(line, rows), sep="\n", flush=True)
            failed += sum(not row.holds for row in rows)
    print(f"\n{failed} outside the limits" if failed else "\nall within the limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
