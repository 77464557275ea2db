"""A whole trial from a design and a seed: what happens to the patients, and the ADaM data sets that record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.errors import InvalidInput
from evidence_lib.rehearsal.course import Course, draw_course
from evidence_lib.rehearsal.design import LUNG_DEMO, TrialDesign
from evidence_lib.rehearsal.patients import Patients, draw_patients
from evidence_lib.rehearsal.quality import Quality, draw_quality
from evidence_lib.rehearsal.safety import AdverseEvents, draw_adverse_events
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.times import Times, overall_survival
from evidence_lib.rehearsal.tumour import Tumours, draw_tumours

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LUNG_DEMO", "Happenings", "Trial", "TrialDesign", "generate", "happen"]


@dataclass(frozen=True, kw_only=True)
class Happenings:
    """What happened to the patients, as arrays; the data sets are written from it, and the true effects computed."""

    patients: Patients
    course: Course
    tumours: Tumours
    survival: Times
    quality: Quality
    adverse: AdverseEvents


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A generated trial: its ``design`` and ``seed``, and the data sets by ADaM name (ADSL, ADTTE, ...)."""

    design: TrialDesign
    seed: int
    datasets: Mapping[str, pd.DataFrame]


def happen(design: TrialDesign, *, seed: int, n: int | None = None) -> Happenings:
    """The fate of ``n`` patients (those of the design where None), by component.

    Parameters
    ----------
    design : TrialDesign
        The trial.
    seed : int
        Zero or more. The same seed gives the same patients (with the same versions of the libraries).
    n : int
        How many are randomised.

    Returns
    -------
    Happenings
        Arrays of one element per patient, in order of randomisation.

    Raises
    ------
    InvalidInput
        For a seed or a number of patients that cannot be used.
    """
    streams = Streams(seed)
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 2):
        raise InvalidInput("too few patients", expected="a whole number, 2 or more", found=repr(n))
    patients = draw_patients(design, design.patients if n is None else n, streams)
    course = draw_course(design, patients, streams)
    return Happenings(
        patients=patients,
        course=course,
        tumours=draw_tumours(design, patients, course, streams),
        survival=overall_survival(course, streams),
        quality=draw_quality(design, patients, course, streams),
        adverse=draw_adverse_events(design, patients, course, streams),
    )


def generate(design: TrialDesign, *, seed: int) -> Trial:
    """A trial with all its data sets: ADSL, ADTTE, ADRS, ADTR, ADAE, ADLB, ADVS, ADQS and ADEX.

    Patients who were screened and not randomised are in ADSL alone (RANDFL is N).

    Misreading: the patients never lived. Agreement of an analysis with the design shows that the analysis is right, and
    nothing about any medicine.

    Parameters
    ----------
    design : TrialDesign
        The trial; ``LUNG_DEMO`` is the demonstration.
    seed : int
        Zero or more. The same seed gives the same data sets, value by value (with the same versions of the libraries).

    Returns
    -------
    Trial
        The data sets by name, rows in order of USUBJID, parameter and time; dates are datetime64.

    Raises
    ------
    InvalidInput
        For a seed that is no whole number of zero or more.
    """
    from evidence_lib.rehearsal.adam.datasets import datasets

    return Trial(design=design, seed=seed, datasets=datasets(design, happen(design, seed=seed), Streams(seed)))
