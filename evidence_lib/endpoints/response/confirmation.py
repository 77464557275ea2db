"""When a later assessment confirms a response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.endpoints.response.assessments import Assessments
from evidence_lib.endpoints.response.records import Words, whole_number
from evidence_lib.endpoints.time_to_event.source import Days, Flags
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described

_CONFIRMING = {"CR": ("CR",), "PR": ("CR", "PR")}
_BETWEEN = {"CR": ("CR", "NE"), "PR": ("CR", "PR", "SD", "NE")}


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What confirms CR and PR (RECIST 1.1, section 4.6.1 and table 3; rules of admiralonco).

    A CR is confirmed by a CR, a PR by a PR or CR, at least ``days`` later (4 weeks by default); the first such
    assessment decides. Between a CR and its confirmation only CR and NE may stand, between a PR and its confirmation
    CR, PR, NE and, with ``accept_sd``, one SD; no PR may follow a CR there. At most ``max_ne`` NE may stand between.
    Any other response there, ND among them, leaves it unconfirmed.
    """

    days: int = 28
    max_ne: int = 1
    accept_sd: bool = False

    def __post_init__(self) -> None:
        whole_number(self.days, "the days of confirmation")
        whole_number(self.max_ne, "max_ne")
        if not isinstance(self.accept_sd, bool):
            raise InvalidInput("accept_sd cannot be used", expected="True or False", found=described(self.accept_sd))

    def confirmed(self, records: Assessments) -> Flags:
        """Which of the records, sorted by subject and day, are a confirmed CR or PR."""
        ends = np.searchsorted(records.owner, records.owner, side="right")
        found = np.zeros(records.day.size, dtype=bool)
        for row in np.flatnonzero(np.isin(records.response, ("CR", "PR"))):
            later = slice(row + 1, ends[row])
            found[row] = self._confirms(
                records.response[row], records.response[later], records.day[later] - records.day[row]
            )
        return found

    def _confirms(self, response: str, later: Words, after: Days) -> bool:
        # What may not stand between may not stand before any later confirmation either: the first such record ends it.
        unevaluable = stable = 0
        complete = False
        for word, days in zip(later, after, strict=True):
            unevaluable += word == "NE"
            stable += word == "SD"
            if word not in _BETWEEN[response] or (word == "PR" and complete):
                return False
            if unevaluable > self.max_ne or stable > int(self.accept_sd):
                return False
            if word in _CONFIRMING[response] and days >= self.days:
                return True
            complete |= word == "CR"
        return False
