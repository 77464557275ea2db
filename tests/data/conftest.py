"""Small data for the data room: four patients in two arms, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evidence_lib.data.adam import AdamData, load_adam

REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "reference" / "data"


@pytest.fixture
def reference() -> Path:
    """The folder of reference data; the test is skipped where it is not there."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference data are not beside this checkout")
    return REFERENCE


@pytest.fixture
def adsl() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "STUDYID": "S",
            "USUBJID": ["SECRET-1", "SECRET-2", "SECRET-3", "SECRET-4"],
            "TRT01P": ["A", "B", "A", "B"],
            "ITTFL": "Y",
            "RANDDT": "2024-01-01",
            "REGION": ["east", "east", "west", "west"],
            "AGE": ["60", "61", "62", "63"],
        }
    )


@pytest.fixture
def adtte() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "USUBJID": ["SECRET-1", "SECRET-2", "SECRET-3", "SECRET-4"],
            "PARAM": "Overall survival",
            "PARAMCD": "OS",
            "AVAL": ["10", "20", "30", "40"],
            "AVALU": "DAYS",
            "CNSR": ["0", "0", "1", "1"],
            "STARTDT": "2024-01-01",
            "ADT": ["2024-01-10", "2024-01-20", "2024-01-30", "2024-02-09"],
            "TRTP": ["A", "B", "A", "B"],
            "EVNTDESC": ["Death", "Death", "", ""],
        }
    )


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[pd.DataFrame, pd.DataFrame], AdamData]:
    """Write the two data sets as csv and read them back as a study would."""

    def load(adsl: pd.DataFrame, adtte: pd.DataFrame) -> AdamData:
        adsl.to_csv(tmp_path / "ADSL.csv", index=False)
        adtte.to_csv(tmp_path / "adtte.csv", index=False)
        return load_adam(tmp_path)

    return load
