"""The EvidenceError family: one class per cause, each with the exit code of the command line.

A message says what is wrong, where, what was expected, what was found and how to mend it. It never holds a
subject identifier or a secret: rows are named by number, values only where they cannot identify anybody.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_SOME_FAILED = 10


class EvidenceError(Exception):
    """A cause that the user, the data or the machine answers for; a bug is any other exception (exit 1)."""

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        mend: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.found, self.mend = what, where, expected, found, mend
        parts = [what if where is None else f"{where}: {what}"]
        parts += [f"expected {expected}"] if expected else []
        parts += [f"found {found}"] if found else []
        parts += [mend] if mend else []
        super().__init__("; ".join(parts))


class InvalidInput(EvidenceError, ValueError):
    """A wrong argument to a function of the library."""

    exit_code = 2


class StudyError(EvidenceError):
    """The study file cannot be used."""

    exit_code = 2


class ParameterError(EvidenceError):
    """A report parameter is undeclared, of the wrong type, or out of range."""

    exit_code = 2


class DataError(EvidenceError):
    """The data fail a check that the analysis needs."""

    exit_code = 3


class NotebookError(EvidenceError):
    """A notebook cannot be executed, or did not complete."""

    exit_code = 4


class RecalculationError(NotebookError):
    """A number and its independent recalculation disagree."""


class ReportTimeout(EvidenceError):
    """A report took longer than its limit."""

    exit_code = 5


class KernelDied(EvidenceError):
    """The kernel of a report ended before its notebook did."""

    exit_code = 6


class Locked(EvidenceError):
    """Another run holds the study."""

    exit_code = 7


class PublishError(EvidenceError):
    """The outputs cannot be written (disk, permission)."""

    exit_code = 8


class DisclosureError(EvidenceError):
    """Publishing would reveal what disclosure control or privacy forbids."""

    exit_code = 9


def error_named(name: str) -> type[EvidenceError] | None:
    """The class of the family with this name: an exception of a kernel arrives as a name."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, EvidenceError) else None
