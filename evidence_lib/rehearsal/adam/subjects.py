"""ADSL: one row per screened patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evidence_lib.rehearsal.adam.keys import Keys, only
from evidence_lib.rehearsal.course import (
    ADVERSE,
    COMPLETED,
    DIED,
    LEFT,
    LOST,
    NEVER,
    NOT_TREATED,
    ONGOING,
    PHYSICIAN,
    PROGRESSED,
    WITHDRAWN,
    Course,
)  # fmt: skip
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import HISTOLOGIES, PDL1_GROUPS, Flags
from evidence_lib.rehearsal.places import locate
from evidence_lib.rehearsal.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.rehearsal.trial import Happenings

TREATMENT_REASONS = {
    PROGRESSED: "PROGRESSIVE DISEASE",
    ADVERSE: "ADVERSE EVENT",
    WITHDRAWN: "WITHDRAWAL BY SUBJECT",
    PHYSICIAN: "PHYSICIAN DECISION",
    DIED: "DEATH",
    LEFT: "WITHDRAWAL BY SUBJECT",
    LOST: "LOST TO FOLLOW-UP",
}
SCREENING_REASONS = (
    ("ELIGIBILITY CRITERIA NOT MET", 0.62),
    ("NO MEASURABLE LESION", 0.14),
    ("WITHDRAWAL BY SUBJECT", 0.12),
    ("DEATH", 0.05),
    ("LOST TO FOLLOW-UP", 0.03),
    ("OTHER", 0.04),
)
RACES = {
    "China": (("ASIAN", 1.0),),
    "East Asia excl. China": (("ASIAN", 1.0),),
    "Europe": (("WHITE", 0.93), ("BLACK OR AFRICAN AMERICAN", 0.03), ("ASIAN", 0.02), ("OTHER", 0.02)),
    "North America": (("WHITE", 0.76), ("BLACK OR AFRICAN AMERICAN", 0.13), ("ASIAN", 0.07), ("OTHER", 0.04)),
}
OTHER_RACES = (("WHITE", 0.66), ("BLACK OR AFRICAN AMERICAN", 0.14), ("ASIAN", 0.08), ("OTHER", 0.12))
SMOKING = ("Never", "Former", "Current")
NEXT_THERAPIES = (
    ("Single-agent chemotherapy", 0.5),
    ("Chemotherapy with an angiogenesis inhibitor", 0.2),
    ("Other systemic therapy", 0.3),
)
# Share, T, N, M and stage group of the 8th edition.
STAGES = ((0.10, "T4", "N2", "M0", "IIIB"), (0.05, "T4", "N3", "M0", "IIIC"), (0.30, "T3", "N2", "M1a", "IVA"),
          (0.20, "T2a", "N2", "M1b", "IVA"), (0.35, "T3", "N3", "M1c", "IVB"))  # fmt: skip


def yes(flags: Flags) -> np.ndarray:
    """Y or N."""
    return np.where(flags, "Y", "N").astype(object)


def chosen(u: np.ndarray, options: tuple[tuple[str, float], ...]) -> np.ndarray:
    """One of the options by its share, from a uniform number."""
    bounds = np.cumsum([share for _, share in options])[:-1]
    return np.array([name for name, _ in options], dtype=object)[np.searchsorted(bounds, u, side="right")]


def adsl(design: TrialDesign, happened: Happenings, keys: Keys, streams: Streams, fatal: Flags) -> pd.DataFrame:
    """ADSL; ``fatal`` says who died of an adverse event."""
    import pandas as pd

    rows = [_randomised(design, happened, keys, streams, fatal), _screened(design, happened.patients.n, streams)]
    return pd.concat(rows, ignore_index=True)


def _randomised(design: TrialDesign, happened: Happenings, keys: Keys, streams: Streams, fatal: Flags) -> pd.DataFrame:
    import pandas as pd

    p, c, survival = happened.patients, happened.course, happened.survival
    u = streams.stream("subjects").random((p.n, 6))
    frame = pd.DataFrame(
        {
            "STUDYID": keys.study,
            "USUBJID": keys.subject,
            "SUBJID": [text.rsplit("-", 1)[1] for text in keys.subject],
            "SITEID": keys.site,
            "COUNTRY": keys.country,
            "REGION1": np.array(list(design.regions), dtype=object)[p.region],
            "AGE": p.age,
            "AGEU": "YEARS",
            "AGEGR1": _age_group(p.age),
            "SEX": np.where(p.female, "F", "M"),
            "RACE": _races(design, p.region, u[:, 0]),
            "ARM": keys.arm,
            "TRT01P": keys.arm,
            "TRT01PN": 2 - p.arm,
            "TRT01A": only(c.treated, keys.arm),
            "RANDFL": "Y",
            "ITTFL": "Y",
            "SAFFL": yes(c.treated),
            "PPROTFL": yes(c.treated & (u[:, 1] > 0.04)),
            "RFICDT": keys.dates(-1 - np.floor(u[:, 2] * 27).astype(np.int64)),
            "RANDDT": keys.dates(np.zeros(p.n, dtype=np.int64)),
            "TRTSDT": keys.dates(c.start),
            "TRTEDT": keys.dates(c.last_dose),
        }
    )
    frame["TRTDURD"] = (frame["TRTEDT"] - frame["TRTSDT"]).dt.days + 1
    return frame.assign(
        **_baseline(happened, u),
        STRAT1=frame["REGION1"],
        **_ends(design, happened, keys, u, fatal),
        LSTALVDT=keys.dates(survival.day),
    )


def _baseline(happened: Happenings, u: np.ndarray) -> dict[str, np.ndarray]:
    p = happened.patients
    position = np.searchsorted(np.cumsum([row[0] for row in STAGES])[:-1], p.stage, side="right")
    stage = {name: np.array([row[i] for row in STAGES], dtype=object)[position]
             for i, name in enumerate(("TSTAGE", "NSTAGE", "MSTAGE", "STAGE"), start=1)}  # fmt: skip
    pdl1, histology = (
        np.array(PDL1_GROUPS, dtype=object)[p.pdl1_group],
        np.array(HISTOLOGIES, dtype=object)[p.histology],
    )
    height = np.round(np.where(p.female, 160, 171) + 6.5 * (u[:, 3] + u[:, 4] + u[:, 5] - 1.5) * 2, 0)
    return {
        "ECOGBL": p.ecog,
        "PDL1": p.pdl1,
        "PDL1GR1": pdl1,
        "EGFR": np.where(p.egfr, "Mutated", "Wild type"),
        "ALK": np.where(p.alk, "Rearranged", "Not rearranged"),
        "HISTOL": histology,
        **stage,
        "LIVMETFL": yes(p.liver),
        "BRNMETFL": yes(p.brain),
        "SMOKE": np.array(SMOKING, dtype=object)[p.smoking],
        "WEIGHTBL": p.weight,
        "HEIGHTBL": height,
        "TUMSUMBL": happened.tumours.baseline,
        "STRAT2": pdl1,
        "STRAT3": histology,
    }


def _ends(design: TrialDesign, happened: Happenings, keys: Keys, u: np.ndarray, fatal: Flags) -> dict[str, np.ndarray]:
    c = happened.course
    treatment = np.select(
        [c.why == ONGOING, c.why == COMPLETED, c.why == NOT_TREATED], ["ONGOING", "COMPLETED", ""], "DISCONTINUED"
    )
    reasons = np.array([TREATMENT_REASONS.get(int(code)) for code in c.why], dtype=object)
    study = np.select([c.dead, c.left, c.lost], ["DEATH", "WITHDRAWAL BY SUBJECT", "LOST TO FOLLOW-UP"], "")
    progressed = c.progression <= c.death
    cause = np.select([fatal, progressed], ["ADVERSE EVENT", "DISEASE PROGRESSION"], "OTHER OR UNKNOWN")
    other = np.where(c.crossed, f"Crossover to {design.medicines[0]}", chosen(u[:, 5], NEXT_THERAPIES))
    discontinued = treatment == "DISCONTINUED"
    return {
        "NTRTREAS": only(~c.treated, _not_treated(c)),
        "EOTSTT": only(treatment != "", treatment),
        "DCTREAS": reasons,
        "DISCFL": only(c.treated, yes(discontinued)),
        "DISCDT": keys.dates(np.where(discontinued, c.stop, NEVER)),
        "EOSSTT": np.where(study == "", "ONGOING", "DISCONTINUED"),
        "DCSREAS": only(study != "", study),
        "EOSDT": keys.dates(np.where(study == "", NEVER, np.minimum(c.end, c.death))),
        "DTHFL": yes(c.dead),
        "DTHDT": keys.dates(np.where(c.dead, c.death, NEVER)),
        "DTHCAUS": only(c.dead, cause),
        "NEWTRTDT": keys.dates(c.next_therapy),
        "NEWTRT": only(c.next_therapy < NEVER, other),
        "XOVERFL": yes(c.crossed),
        "CUTOFFDT": np.full(c.end.size, np.datetime64(design.cutoff), dtype="datetime64[ns]"),
    }


def _age_group(age: np.ndarray) -> np.ndarray:
    return np.select([age < 65, age < 75], ["<65", "65-74"], ">=75").astype(object)


def _not_treated(course: Course) -> np.ndarray:
    """Why somebody was never treated: death or leaving in the first days, else no longer eligible."""
    early = np.minimum(course.death, course.end) <= 4
    return np.select([early & course.dead, early], ["DEATH", "WITHDRAWAL BY SUBJECT"], "NO LONGER ELIGIBLE").astype(
        object
    )


def _races(design: TrialDesign, region: np.ndarray, u: np.ndarray) -> np.ndarray:
    race = np.empty(region.size, dtype=object)
    for position, name in enumerate(design.regions):
        here = region == position
        race[here] = chosen(u[here], RACES.get(name, OTHER_RACES))
    return race


def _screened(design: TrialDesign, randomised: int, streams: Streams) -> pd.DataFrame:
    """Those who gave consent and were not randomised, with the reason; only what screening knows of them."""
    import pandas as pd

    n = round(randomised * (design.screened_per_randomised - 1))
    rng = streams.stream("screening")
    u = rng.random((n, 7))
    region = np.minimum(
        np.searchsorted(np.cumsum(list(design.regions.values())), u[:, 0], side="right"), len(design.regions) - 1
    )
    country, site = locate(region, u[:, 1], list(design.regions))
    day = np.floor(u[:, 2] * design.recruiting).astype("timedelta64[D]")
    number = 1001 + randomised + rng.permutation(n)
    age = np.clip(np.round(64 + 18 * (u[:, 3] - 0.5)), 31, 86).astype(np.int64)
    return pd.DataFrame(
        {
            "STUDYID": design.study,
            "USUBJID": [f"{design.study}-{s}-{i}" for s, i in zip(site, number, strict=True)],
            "SUBJID": number.astype(str),
            "SITEID": site,
            "COUNTRY": country,
            "REGION1": np.array(list(design.regions), dtype=object)[region],
            "AGE": age,
            "AGEU": "YEARS",
            "AGEGR1": _age_group(age),
            "SEX": np.where(u[:, 4] < 0.36, "F", "M"),
            "RACE": _races(design, region, u[:, 5]),
            "RANDFL": "N",
            "ITTFL": "N",
            "SAFFL": "N",
            "PPROTFL": "N",
            "RFICDT": (np.datetime64(design.first) + day).astype("datetime64[ns]"),
            "SCRFREAS": chosen(u[:, 6], SCREENING_REASONS),
            "CUTOFFDT": np.full(n, np.datetime64(design.cutoff), dtype="datetime64[ns]"),
        }
    )
