"""The EvidenceError family: exit codes, what a message says, and names that come back from a kernel."""

from __future__ import annotations

import pytest

from evidence_lib import errors
from evidence_lib.errors import EvidenceError, error_named

EXIT_CODES = {  # the table that the command line promises
    "EvidenceError": 1,
    "InvalidInput": 2,
    "StudyError": 2,
    "ParameterError": 2,
    "DataError": 3,
    "NotebookError": 4,
    "RecalculationError": 4,
    "ReportTimeout": 5,
    "KernelDied": 6,
    "Locked": 7,
    "PublishError": 8,
    "DisclosureError": 9,
}


def family() -> dict[str, type[EvidenceError]]:
    found = {name: thing for name, thing in vars(errors).items() if isinstance(thing, type)}
    return {name: thing for name, thing in found.items() if issubclass(thing, EvidenceError)}


def test_every_cause_has_its_exit_code() -> None:
    assert {name: kind.exit_code for name, kind in family().items()} == EXIT_CODES


def test_success_and_partial_failure_are_told_apart_from_every_cause() -> None:
    assert errors.EXIT_OK == 0
    assert errors.EXIT_SOME_FAILED == 10
    assert not {errors.EXIT_OK, errors.EXIT_SOME_FAILED} & set(EXIT_CODES.values())


def test_a_message_says_where_what_expected_found_and_how_to_mend() -> None:
    error = errors.StudyError(
        "unknown key", where="study.yml:7", expected="one of a, b", found="'c'", mend="write a or b"
    )
    assert str(error) == "study.yml:7: unknown key; expected one of a, b; found 'c'; write a or b"
    parts = (error.what, error.where, error.expected, error.found, error.mend)
    assert parts == ("unknown key", "study.yml:7", "one of a, b", "'c'", "write a or b")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "no rows"),
        ({"where": "adtte.csv"}, "adtte.csv: no rows"),
        ({"expected": "rows"}, "no rows; expected rows"),
        ({"found": "0"}, "no rows; found 0"),
        ({"mend": "export it again"}, "no rows; export it again"),
    ],
)
def test_parts_that_are_not_given_leave_no_trace(given: dict[str, str], text: str) -> None:
    assert str(errors.DataError("no rows", **given)) == text


def test_a_wrong_argument_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="tau: must be positive"):
        raise errors.InvalidInput("must be positive", where="tau")


def test_a_disagreement_ends_a_run_as_a_notebook_error_does() -> None:
    with pytest.raises(errors.NotebookError, match="disagree"):
        raise errors.RecalculationError("two numbers disagree")


@pytest.mark.parametrize("name", sorted(EXIT_CODES))
def test_a_name_gives_its_class(name: str) -> None:
    assert error_named(name) is family()[name]


@pytest.mark.parametrize("name", ["ValueError", "KeyError", "EXIT_OK", "error_named", "annotations", "__doc__", ""])
def test_any_other_name_gives_none(name: str) -> None:
    assert error_named(name) is None
