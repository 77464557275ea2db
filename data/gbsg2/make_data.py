"""GBSG-2 as ADaM: ADSL and ADTTE from the copy of the data that lifelines installs.

The German Breast Cancer Study Group's trial 2 recruited women with node-positive breast cancer from 1984 to 1989. Its
design is a comprehensive cohort study: women who did not consent to randomisation were treated and followed alike.
473 women were randomised; this file holds the 686 with complete data and does not say which of them were.

Sources (abstracts were read; full texts were not):

- Schumacher M, Bastert G, Bojar H, et al. Randomized 2 x 2 trial evaluating hormonal treatment and the duration of
  chemotherapy in node-positive breast cancer patients. J Clin Oncol 1994;12:2086-2093. 473 randomised patients;
  recurrence-free survival, tamoxifen v none: relative risk 0.75 (95 % CI 0.54 to 1.04).
- Sauerbrei W, Bastert G, Bojar H, et al. The same trial, an update based on 10 years' follow-up. J Clin Oncol
  2000;18:94-101. 473 randomised patients; event-free survival, tamoxifen: relative risk 0.81 (0.61 to 1.07).
- Schmoor C, Olschewski M, Schumacher M. Randomized and non-randomized patients in clinical trials: experiences with
  comprehensive cohort studies. Stat Med 1996;15:263-271. The design, in three trials of the group.
- Sauerbrei W, Royston P. Building multivariable prognostic and diagnostic models: transformation of the predictors by
  using fractional polynomials. J R Stat Soc A 1999;162:71-94. The data set of 686 women (source named by the R
  package TH.data, whose GBSG2 has the same columns).

In the copy ``cens`` is 1 for an event, so CNSR = 1 - cens. Time is in days. The file is written under ``adam/``.

    python data/gbsg2/make_data.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

STUDY = "GBSG2"
FOLDER = Path(__file__).parent / "adam"
ARMS = {"yes": "Hormonal therapy", "no": "No hormonal therapy"}
MENOPAUSE = {"Pre": "Premenopausal", "Post": "Postmenopausal"}
GRADES = {"I": 1, "II": 2, "III": 3}


def age_group(age: int) -> str:
    """The age groups of the report."""
    if age <= 45:
        return "45 or under"
    return "46 to 60" if age <= 60 else "61 or over"


def subjects(source: pd.DataFrame) -> pd.DataFrame:
    """ADSL: one row per woman, numbered in the order of the source."""
    return pd.DataFrame(
        {
            "STUDYID": STUDY,
            "USUBJID": [f"{STUDY}-{number:04d}" for number in range(1, len(source) + 1)],
            "TRT01P": source["horTh"].map(ARMS),
            "AGE": source["age"],
            "AGEGR1": source["age"].map(age_group),
            "SEX": "F",
            "MENOSTAT": source["menostat"].map(MENOPAUSE),
            "TSIZE": source["tsize"],
            "TGRADE": source["tgrade"],
            "TGRADEN": source["tgrade"].map(GRADES),
            "PNODES": source["pnodes"],
            "PGR": source["progrec"],
            "ER": source["estrec"],
        }
    )


def times(source: pd.DataFrame, adsl: pd.DataFrame) -> pd.DataFrame:
    """ADTTE: relapse-free survival, one row per woman."""
    event = source["cens"] == 1
    return pd.DataFrame(
        {
            "STUDYID": STUDY,
            "USUBJID": adsl["USUBJID"],
            "TRTP": adsl["TRT01P"],
            "PARAM": "Relapse-free survival",
            "PARAMCD": "RFS",
            "AVAL": source["time"],
            "AVALU": "DAYS",
            "CNSR": 1 - source["cens"],
            "EVNTDESC": event.map({True: "Recurrence or death", False: ""}),
            "CNSDTDSC": event.map({True: "", False: "Last follow-up"}),
        }
    )


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a csv whole or not at all, the same bytes on every system."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_bytes(frame.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    os.replace(unfinished, path)


def main() -> None:
    """Write both files and print where they are."""
    from lifelines.datasets import load_gbsg2

    source = load_gbsg2()
    FOLDER.mkdir(parents=True, exist_ok=True)
    adsl = subjects(source)
    write(adsl, FOLDER / "adsl.csv")
    write(times(source, adsl), FOLDER / "adtte.csv")
    print(FOLDER)


if __name__ == "__main__":
    main()
