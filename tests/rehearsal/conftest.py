"""One generated demo, made once."""

from __future__ import annotations

import pytest

from evidence_lib.rehearsal.trial import LUNG_DEMO, Happenings, Trial, generate, happen

SEED = 11


@pytest.fixture(scope="package")
def trial() -> Trial:
    return generate(LUNG_DEMO, seed=SEED)


@pytest.fixture(scope="package")
def happened() -> Happenings:
    return happen(LUNG_DEMO, seed=SEED)
