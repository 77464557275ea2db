"""The checks that every given parameter passes, and the order in which values are taken.

A parameter has the same name, type, range and unit in the study file, in the ``parameters`` cell of a notebook and on
the command line. The value given for a run goes before the study file's, and that before the default. Messages never
repeat a text that was given (it may be a secret or name a subject), only its length, unless it is one short word of
letters.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from typing import Any

from evidence_lib.conventions import DAYS_PER_UNIT, DAYS_PER_YEAR
from evidence_lib.errors import ParameterError
from evidence_lib.study.parameters import PARAMETERS, REPORT_PARAMETERS, Parameter

MAX_YEARS = 100
MAX_TEXT = 200
COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def days_of(value: float, unit: str) -> int:
    """A time in whole days, rounded half away from zero (60 months are 1826 days, 30 months are 913).

    A week has 7 days, a month 30.4375, a year 365.25. The product is exact decimal arithmetic on the shortest
    decimal form of ``value``. Raises ParameterError for another unit, or a value that is not a finite number.
    """
    if unit not in DAYS_PER_UNIT:
        raise ParameterError(
            "not a unit of time", where="unit", expected=", ".join(DAYS_PER_UNIT), found=described(unit)
        )
    number = _number(value, "time")
    days = Decimal(repr(float(number))) * Decimal(repr(DAYS_PER_UNIT[unit]))
    return int(days.to_integral_value(ROUND_HALF_UP))


def check_parameters(given: Mapping[str, Any], *, allowed: Iterable[str] | None) -> dict[str, Any]:
    """The given parameters, checked one by one and against each other.

    Parameters
    ----------
    given : mapping
        Values by parameter name. None means "as the study file says" and passes for every parameter.
    allowed : iterable of str or None
        The names that may be given, such as those that a notebook declares; None for every name of ``PARAMETERS``.

    Returns
    -------
    dict
        The same values; sequences as lists.

    Raises
    ------
    ParameterError
        ``where`` is the parameter: unknown name (a near one is suggested), wrong type, NaN or infinite, out of range,
        or values that contradict each other. Times are held against the unit only where ``given`` has it.
    """
    names = [name for name in (PARAMETERS if allowed is None else allowed) if name in PARAMETERS]
    checked = {}
    for name, value in given.items():
        check_name(name)
        if name not in names:
            raise ParameterError(
                f"no such parameter{' here' if name in PARAMETERS else ''}",
                where=name if len(name) <= 40 else "parameters",
                expected=", ".join(names) or "none",
                mend=suggestion(name, names),
            )
        checked[name] = None if value is None else _CHECKS[PARAMETERS[name].kind](value, PARAMETERS[name])
    _check_together(checked)
    return checked


def merged(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every report parameter: the given value, else the declared one, else the default; checked as a whole."""
    check_parameters(given, allowed=REPORT_PARAMETERS)
    values: dict[str, Any] = {name: PARAMETERS[name].default for name in REPORT_PARAMETERS}
    for source in (declared, given):
        values.update({name: value for name, value in source.items() if value is not None})
    return check_parameters(values, allowed=REPORT_PARAMETERS)


def check_name(name: object) -> None:
    """Refuse a parameter name that is not a plain ASCII identifier, is a keyword of Python, or starts with ``__``."""
    if not isinstance(name, str):
        raise ParameterError("a parameter name that is not text", where="parameters", found=described(name))
    if not (name.isascii() and name.isidentifier()):
        raise ParameterError(
            "not a parameter name",
            where="parameters",
            expected="letters, digits and _ only",
            found=f"{len(name)} characters",
        )
    if keyword.iskeyword(name) or name.startswith("__"):
        raise ParameterError("a name that Python keeps for itself", where="parameters", found=name[:40])


def suggestion(name: str, names: Iterable[str]) -> str | None:
    """``did you mean tau?``, or None where no name is near."""
    near = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else None


def described(value: object) -> str:
    """A value as messages may print it: numbers and short words as they are, of anything else only what it is."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "a huge number" if 1e15 <= abs(value) < math.inf else repr(value)
    if isinstance(value, str):
        return repr(value) if re.fullmatch(r"[A-Za-z-]{1,20}", value) else f"a text of {len(value)} characters"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _text(value: Any, parameter: Parameter) -> str:
    if not isinstance(value, str):
        raise _wrong(value, parameter, "a text")
    if not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise _wrong(value, parameter, f"1 to {MAX_TEXT} printable characters on one line")
    return value


def _texts(value: Any, parameter: Parameter) -> str | list[str]:
    return (
        _text(value, parameter)
        if isinstance(value, str) and not _looks_like_list(value)
        else _list(value, parameter, _text)
    )


def _choice(value: Any, parameter: Parameter) -> str:
    if not isinstance(value, str) or value not in parameter.choices:
        near = suggestion(value, parameter.choices) if isinstance(value, str) else None
        raise _wrong(value, parameter, " or ".join(parameter.choices), near)
    return value


def _choices(value: Any, parameter: Parameter) -> list[str]:
    return _list(value, parameter, _choice)


def _ranged(value: Any, parameter: Parameter) -> float:
    number = _number(value, parameter.name)
    above = number > parameter.low if parameter.open_range else number >= parameter.low
    below = number < parameter.high if parameter.open_range else number <= parameter.high
    if not (above and below) or (parameter.whole and number != int(number)):
        raise _wrong(value, parameter, _range(parameter))
    return int(number) if parameter.whole else number


def _switch(value: Any, parameter: Parameter) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, parameter, "true or false")
    return value


def _numbers(value: Any, parameter: Parameter) -> list[float]:
    return _list(value, parameter, _ranged)


def _column(value: Any, parameter: Parameter) -> str:
    if not isinstance(value, str) or not COLUMN.fullmatch(value):
        raise _wrong(value, parameter, "a column name: a letter, then letters, digits or _, at most 32")
    return value


def _columns(value: Any, parameter: Parameter) -> list[str]:
    return _list(value, parameter, _column, may_be_empty=True)


def _filter(value: Any, parameter: Parameter) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= parameter.at_most:
        raise _wrong(value, parameter, f"a mapping from 1 to {parameter.at_most} columns to a value", _list_hint(value))
    found: dict[str, Any] = {}
    for column, wanted in value.items():
        is_text = isinstance(wanted, str)
        found[_column(column, parameter)] = _text(wanted, parameter) if is_text else _number(wanted, parameter.name)
    return found


def _list(
    value: Any, parameter: Parameter, item: Callable[[Any, Parameter], Any], may_be_empty: bool = False
) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(value, parameter, "a list", _list_hint(value))
    if len(value) > parameter.at_most or (not value and not may_be_empty):
        raise _wrong(
            value, parameter, f"{0 if may_be_empty else 1} to {parameter.at_most} values", found=f"{len(value)} values"
        )
    found = [item(part, parameter) for part in value]
    if len(set(found)) < len(found):
        raise _wrong(value, parameter, "values that differ", found="one of them twice")
    return found


_CHECKS: Mapping[str, Callable[[Any, Parameter], Any]] = {
    "text": _text,
    "texts": _texts,
    "choice": _choice,
    "choices": _choices,
    "number": _ranged,
    "numbers": _numbers,
    "time": _ranged,
    "times": _numbers,
    "column": _column,
    "columns": _columns,
    "filter": _filter,
    "switch": _switch,
}


def _number(value: Any, name: str) -> float:
    """The number itself, an int staying one. A bool is not a number, nor is a text that looks like one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError("not a number", where=name, expected="a number", found=described(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise ParameterError("not a finite number", where=name, expected="a number", found=described(value))
    if abs(value) >= 1e15:
        raise ParameterError("a number too large", where=name, expected="fewer than 16 digits", found="a huge number")
    return value


def _check_together(checked: Mapping[str, Any]) -> None:
    reference, treatment = checked.get("reference"), checked.get("treatment")
    treatments = [treatment] if isinstance(treatment, str) else treatment or []
    if reference is not None and reference in treatments:
        raise ParameterError("the reference is one of the treatments", where="reference", expected="another arm")
    unit = checked.get("unit")
    if unit is None:
        return
    for parameter in (
        p for p in PARAMETERS.values() if p.kind in ("time", "times") and checked.get(p.name) is not None
    ):
        value = checked[parameter.name]
        given = value if isinstance(value, list) else [value]
        days = [days_of(time, unit) for time in given]
        if max(days) > MAX_YEARS * DAYS_PER_YEAR:
            raise ParameterError(
                "out of range",
                where=parameter.name,
                expected=f"at most {MAX_YEARS} years",
                found=f"{described(max(given))} {unit}",
            )
        if parameter.open_range and min(days) < 1:
            raise ParameterError(
                "out of range", where=parameter.name, expected="at least a day", found=f"{described(min(given))} {unit}"
            )
        if len(set(days)) < len(days):
            raise ParameterError("two times are the same day", where=parameter.name, expected="times that differ")


def _looks_like_list(value: object) -> bool:
    """Whether a text was meant as a list or mapping; ``[177Lu]Lu-PSMA-617`` is a treatment."""
    return isinstance(value, str) and value.strip()[:1] + value.strip()[-1:] in ("[]", "{}")


def _list_hint(value: object) -> str | None:
    if not _looks_like_list(value):
        return None
    return "papermill's -p gives a text: use -y, as in -y 'times: [12, 24]'"


def _range(parameter: Parameter) -> str:
    low = f"{'above' if parameter.open_range else 'at least'} {parameter.low:g}"
    if math.isinf(parameter.high):
        return f"a number {low}"
    return f"a number {low} and {'below' if parameter.open_range else 'at most'} {parameter.high:g}"


def _wrong(
    value: object, parameter: Parameter, expected: str, mend: str | None = None, found: str | None = None
) -> ParameterError:
    return ParameterError(
        "not a value of this parameter",
        where=parameter.name,
        expected=expected,
        found=found or described(value),
        mend=mend,
    )
