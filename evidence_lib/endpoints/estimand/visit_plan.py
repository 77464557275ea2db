"""What happens to values at visits after each intercurrent event, and the choices that it needs."""

from __future__ import annotations

import math
from typing import Any, Literal

from evidence_lib.endpoints.estimand.model import ENDING, Estimand
from evidence_lib.errors import InvalidInput, StudyError

Imputation = Literal["mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"]


class Plan:
    """The dated events of an estimand by what happens to the values after them."""

    def __init__(self, estimand: Estimand, imputation: Imputation) -> None:
        self.way = {event.number: event.way("continuous") for event in estimand.intercurrent_events}
        self.dated = [event for event in estimand.intercurrent_events if event.date is not None]
        self.ending = [event for event in self.dated if event.strategy in ENDING]
        self.policy = [event for event in self.dated if event.strategy == "treatment policy"]
        self.how = {event.number: "retrieved-dropout" for event in self.policy}
        self.how |= {event.number: "mar" for event in self.policy if self.way[event.number] == "impute"}
        self.how |= {event.number: imputation for event in self.ending if event.strategy == "hypothetical"}
        named = sorted(set(self.how.values()) - {"mar"})
        if len(named) > 1:
            raise StudyError(
                "the intercurrent events ask for two ways of imputing in one analysis",
                where="estimand.intercurrent_events",
                expected="values missing at random, and one other way at most",
                found=" and ".join(named),
            )
        self.imputation = named[0] if named else "mar"

    @property
    def imputed(self) -> list[int]:
        """The numbers of the events that the column ``event`` tells: those of the way of imputing.

        Where all are at random, those of treatment policy: a sensitivity analysis may impute what is missing after them
        another way, while an event with a hypothetical strategy keeps the assumption that it states. Hypothetical ones
        where there are no others.
        """
        if self.imputation == "mar" and self.policy:
            return [event.number for event in self.policy]
        return [number for number, how in self.how.items() if how == self.imputation]


def require_choices(plan: Plan, *, worst: Any, response: str | None, imputation: Imputation) -> None:
    """Raise InvalidInput for a choice of ``visits`` that an event needs, or that nothing needs."""
    ways = {plan.way[event.number] for event in plan.ending}
    if ("worst-value" in ways) != (worst is not None):
        raise InvalidInput(
            "worst is the value of a composite strategy by worst-value",
            expected="a number, lowest or highest" if worst is None else "none, without such an event",
            found=repr(worst),
        )
    number = isinstance(worst, int | float) and not isinstance(worst, bool) and math.isfinite(worst)
    if worst is not None and worst not in ("lowest", "highest") and not number:
        raise InvalidInput("worst cannot be used", expected="a number, lowest or highest", found=repr(worst))
    if "failure" in ways and response is None:
        raise InvalidInput("a failure needs a responder status", expected="response=<column>", found="None")
    if imputation != "mar" and not any(event.strategy == "hypothetical" for event in plan.ending):
        raise InvalidInput(
            "imputation is for values after an event with a hypothetical strategy and a date",
            expected="'mar', without such an event",
            found=repr(imputation),
        )
