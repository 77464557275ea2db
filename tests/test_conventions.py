"""The frozen choices, against the table that fixes them."""

from __future__ import annotations

import dataclasses

import pytest

from evidence_lib import conventions
from evidence_lib.conventions import SAS, Convention, R, convention
from evidence_lib.errors import InvalidInput


# The defaults of R 4.2.2 (survival 3.5-3: survfit conf.type "log", coxph ties "efron"; stats: quantile type 7,
# mantelhaen.test and prop.test correct = TRUE) and of SAS (LIFETEST CONFTYPE=LOGLOG, PHREG TIES=BRESLOW, FREQ without
# continuity correction, UNIVARIATE PCTLDEF=5, which is type 2).
def test_the_two_conventions() -> None:
    assert dataclasses.asdict(R) == {
        "name": "R",
        "km_interval": "log",
        "flat_to_end": "midpoint",
        "cox_ties": "efron",
        "continuity_correction": True,
        "quantile_type": 7,
    }
    assert dataclasses.asdict(SAS) == {
        "name": "SAS",
        "km_interval": "log-log",
        "flat_to_end": "not_estimable",
        "cox_ties": "breslow",
        "continuity_correction": False,
        "quantile_type": 2,
    }


def test_they_differ_in_every_choice() -> None:
    for field in dataclasses.fields(Convention):
        assert getattr(R, field.name) != getattr(SAS, field.name), field.name


def test_a_convention_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        R.cox_ties = "breslow"  # type: ignore[misc]


def test_a_convention_is_found_by_its_name() -> None:
    assert convention("R") is R
    assert convention("SAS") is SAS


@pytest.mark.parametrize("name", ["r", "sas", "Stata", ""])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="unknown convention; expected R or SAS"):
        convention(name)


def test_lengths_of_time() -> None:
    assert conventions.DAYS_PER_UNIT == {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
    assert conventions.DAYS_PER_MONTH * 12 == conventions.DAYS_PER_YEAR
