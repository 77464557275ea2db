"""One row per subject with everything that a report on tumour response needs, from one set of rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.assessments import NewTherapy, Progression
from evidence_lib.endpoints.response.best import best_overall_response, confirmed_best_overall_response
from evidence_lib.endpoints.response.confirmation import Confirmation
from evidence_lib.endpoints.response.rates import disease_control, objective_response
from evidence_lib.endpoints.response.target import best_percent_change

NONE_MADE = "MISSING"
ONE_NAME = {"ND": NONE_MADE}  # of the two best responses that mean that there was no assessment


@dataclass(frozen=True, kw_only=True)
class ResponseRules:
    """What counts as a response and until when; see ``objective_response`` and ``best_overall_response``."""

    confirmed: bool = True
    confirmation: Confirmation = Confirmation()
    minimum_stable_days: int = 42
    progression: Progression = "visits"
    new_therapy: NewTherapy = "stop"

    def without_confirmation(self) -> ResponseRules:
        """The same rules where every CR and PR counts."""
        return replace(self, confirmed=False)

    def with_confirmation(self) -> ResponseRules:
        """The same rules where only a confirmed CR or PR counts."""
        return replace(self, confirmed=True)

    @property
    def asked(self) -> Confirmation | None:
        """The rules of confirmation, where responses need it."""
        return self.confirmation if self.confirmed else None


def response_summary(
    visits: pd.DataFrame, subjects: pd.DataFrame, *, rules: ResponseRules, target: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Best overall response, response, disease control and best change of each subject (RECIST 1.1).

    Misreading: who has no assessment is here with ``MISSING`` and counts as no responder.

    Parameters
    ----------
    visits, subjects
        See ``best_overall_response``.
    rules : ResponseRules
        The rules.
    target : pd.DataFrame, optional
        What ``target_response`` gives; without it nobody has a change.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``; ``best`` by the rules (MISSING without any assessment);
        ``responder`` (0 or 1) with ``responded_on``, the date of the first CR or PR that counts; ``controlled`` (0 or
        1) with ``controlled_on``; ``percent_change``, the largest decrease of the sum of diameters in percent.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    shared: dict[str, Any] = {"progression": rules.progression, "new_therapy": rules.new_therapy}
    stable: dict[str, Any] = {"minimum_stable_days": rules.minimum_stable_days, **shared}
    if rules.confirmed:
        best = confirmed_best_overall_response(visits, subjects, confirmation=rules.confirmation, **stable)
    else:
        best = best_overall_response(visits, subjects, **stable)
    responded = objective_response(visits, subjects, confirmation=rules.asked, **shared)
    controlled = disease_control(visits, subjects, confirmation=rules.asked, **stable)
    change: object = np.full(len(best), np.nan)
    if target is not None:
        found = best_percent_change(target, subjects, new_therapy=rules.new_therapy)
        change = found["percent_change"].to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame(
        {
            "subject": best["subject"].to_numpy(),
            "best": best["response"].replace(ONE_NAME).to_numpy(),
            "responder": responded["responder"].to_numpy(dtype=np.int64),
            "responded_on": responded["date"].to_numpy(),
            "controlled": controlled["controlled"].to_numpy(dtype=np.int64),
            "controlled_on": controlled["date"].to_numpy(),
            "percent_change": change,
        }
    )


def responses_differ(derived: pd.Series, given: pd.Series) -> int:
    """How many subjects have another best overall response in the data than the derived one.

    NE, ND and no assessment are taken as one: who was never evaluated is written down in all three ways.

    Parameters
    ----------
    derived, given : Series
        Best overall responses by subject (the index); a subject without a given one is not compared.
    """
    ours, theirs = (values.astype(str).str.strip().str.upper() for values in (derived, given.dropna()))
    alike = dict.fromkeys(("ND", "NA", "UNK", "", NONE_MADE), "NE")
    both = pd.DataFrame({"ours": ours.replace(alike), "theirs": theirs.replace(alike)}).dropna()
    return int((both["ours"] != both["theirs"]).sum())
