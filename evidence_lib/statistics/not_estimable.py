"""How the inner functions of a statistic say that the data cannot answer."""

from __future__ import annotations

from evidence_lib.language import Message


class NotEstimable(Exception):
    """The data cannot answer; ``reason`` says why. Public functions turn it into a status.

    ``informative`` is False where the data say nothing about the effect, True where they say that it has no limit.
    """

    def __init__(self, reason: Message, *, informative: bool = False) -> None:
        super().__init__(reason.key)
        self.reason, self.informative = reason, informative
