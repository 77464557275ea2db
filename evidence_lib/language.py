"""Words: the only place that formats numbers, dates and text.

A ``Message`` is a catalogue key with its values; ``Words(language)`` turns it into text. The catalogue of a language
is all gettext files ``locale/<language>/*.po`` together; a key stands in one of them. Placeholders are ``{name}`` or
``{name:kind}`` where the kind is a number form of ``Words``: ``{share:percent}``, ``{p:p}``, ``{when:date}``. An entry
with plural forms chooses by the value ``count``.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from evidence_lib.errors import InvalidInput

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = tuple(sorted(folder.name for folder in LOCALE.iterdir() if any(folder.glob("*.po"))))
NOT_ESTIMABLE = "NE"
MINUS = "\u2212"

Localized = str | Mapping[str, str]


@dataclass(frozen=True)
class Message:
    """A catalogue key and the values of its placeholders. Values may be messages or language maps themselves."""

    key: str
    values: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return words("en").say(self)

    def to_json(self) -> dict[str, Any]:
        """The form in which a notebook records a message: its key and values, of which any language can be made."""
        return {"message": self.key, "values": {name: _plain(value) for name, value in self.values}}


def message(key: str, **values: Any) -> Message:
    """A message with these values."""
    return Message(key, tuple(values.items()))


def message_from_json(value: Any) -> Any:
    """The inverse of ``Message.to_json``, for nested values too; any other value comes back as it is."""
    if isinstance(value, Mapping) and set(value) == {"message", "values"}:
        return message(value["message"], **{k: message_from_json(v) for k, v in value["values"].items()})
    if isinstance(value, list):
        return tuple(message_from_json(item) for item in value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def round_half_away(value: float | Decimal, digits: int) -> Decimal:
    """``value`` rounded half away from zero in decimal, from its shortest decimal form (0.125 gives 0.13)."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded


def fixed(value: float | None, digits: int) -> str:
    """Decimal text that is the same in every language: ``formatted`` of the results, ``NE`` for none."""
    return NOT_ESTIMABLE if value is None else f"{round_half_away(value, digits):.{digits}f}"


def p_text(value: float | None) -> str:
    """A p-value: three decimals, four below 0.01, never 0 or 1 (``0.021``, ``0.0012``, ``<0.0001``, ``>0.999``)."""
    if value is None:
        return NOT_ESTIMABLE
    if value < 0.0001:
        return "<0.0001"
    if value >= 0.9995:
        return ">0.999"
    return fixed(value, 4 if value < 0.01 else 3)


class _Formatter(string.Formatter):
    def __init__(self, words: Words) -> None:
        self.words = words

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int):
            raise InvalidInput("a catalogue text has a placeholder without a name", expected="{name} or {name:kind}")
        return kwargs[key]

    def format_field(self, value: Any, kind: str) -> str:
        return self.words.form(value, kind)


class Words:
    """The words of one language: catalogue texts, and the forms of numbers, dates and lists."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise InvalidInput("no catalogue for this language", expected=" or ".join(LANGUAGES), found=repr(language))
        self.language = language
        self._texts, self._plural_form = _catalogue(language)
        self._formatter = _Formatter(self)

    def say(self, text: Message | Localized) -> str:
        """The text of a message, of a language map, or the string itself."""
        if isinstance(text, str):
            return text
        if not isinstance(text, Message):
            return self.localized(text)
        entry = self._texts.get(text.key)
        if entry is None:
            raise InvalidInput("no such message in the catalogue", where=self.language, found=repr(text.key))
        values = dict(text.values)
        template = entry if isinstance(entry, str) else entry[self._plural_form(int(values["count"]))]
        return self._formatter.vformat(template, (), values)

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a catalogue key with these values."""
        return self.say(message(key, **values))

    def has(self, key: str) -> bool:
        """Whether the catalogue holds this key."""
        return key in self._texts

    def localized(self, text: Localized) -> str:
        """The text of a language map in this language; English, then the first given, where it has none."""
        if isinstance(text, str):
            return text
        return text.get(self.language) or text.get("en") or next(iter(text.values()))

    def form(self, value: Any, kind: str = "") -> str:
        """One value as text. ``kind`` names the form: a key of ``_FORMS``, or ``.2`` for fixed decimals."""
        if isinstance(value, Message | Mapping):
            return self.say(value)
        if isinstance(value, list | tuple):
            return self.listed([self.form(item, kind) for item in value])
        if value is None:
            return self("form.not_estimable") if kind else ""
        if kind == "" or (isinstance(value, str) and kind != "date"):
            return str(value)
        if kind.startswith("."):
            return self.number(value, int(kind[1:]))
        form = _FORMS.get(kind)
        if form is None:
            raise InvalidInput("unknown number form in a catalogue text", expected=", ".join(_FORMS), found=repr(kind))
        return form(self, value)

    def number(self, value: float | Decimal | None, digits: int = 0) -> str:
        """A number with this many decimals, grouped in thousands, with a true minus sign."""
        from babel.numbers import format_decimal

        if value is None:
            return self("form.not_estimable")
        rounded = round_half_away(value, digits)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(rounded, format=pattern, locale=self._babel).replace("-", MINUS)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share between 0 and 1 as a percentage: 0.581 gives 58.1%."""
        return self("form.percent", number=self.number(None if share is None else _times_100(share), digits))

    def p_value(self, value: float | None) -> str:
        """A p-value, without the "p =": ``0.0034``, ``<0.0001``."""
        return p_text(value) if value is not None else self("form.not_estimable")

    def duration(self, value: float, unit: str, digits: int | None = None) -> str:
        """A length of time with its unit: ``4.9 months``, and ``5 years`` for months that are a multiple of 12."""
        if unit == "months" and digits is None and value >= 12 and value % 12 == 0:
            value, unit = value / 12, "years"
        shown = (0 if float(value).is_integer() else 1) if digits is None else digits
        rounded = round_half_away(value, shown)
        return self(f"duration.{unit}", count=1 if rounded == 1 else 2, number=self.number(value, shown))

    def date(self, value: str | dt.date) -> str:
        """A calendar date in full."""
        from babel.dates import format_date

        day = dt.date.fromisoformat(value) if isinstance(value, str) else value
        return format_date(day, format="long", locale=self._babel)

    def listed(self, items: Sequence[str]) -> str:
        """``a and b``; ``a, b, and c``."""
        from babel.lists import format_list

        return format_list(list(items), locale=self._babel) if items else ""

    @property
    def _babel(self) -> str:
        return self.language.replace("-", "_")


def _times_100(share: float) -> Decimal:
    return Decimal(repr(float(share))) * 100


def _signed(words: Words, value: float, digits: int) -> str:
    text = words.number(value, digits)
    return text if text.startswith(MINUS) or float(round_half_away(value, digits)) == 0 else f"+{text}"


def _p_is(text: str) -> str:
    return f"p {text[0]} {text[1:]}" if text[0] in "<>" else f"p = {text}"


_FORMS: dict[str, Any] = {
    "count": lambda words, value: words.number(value, 0),
    "ratio": lambda words, value: words.number(value, 2),
    "percent": lambda words, value: words.percent(value, 1),
    "percent0": lambda words, value: words.percent(value, 0),
    "points": lambda words, value: words.number(_times_100(value), 1),
    "per100": lambda words, value: words.number(_times_100(value), 0),
    "signed1": lambda words, value: _signed(words, value, 1),
    "signed_per100": lambda words, value: _signed(words, float(_times_100(value)), 0),
    "short": lambda words, value: words.number(value, 0 if float(value).is_integer() else 1),
    "number1": lambda words, value: words.number(value, 1),
    "p": lambda words, value: words.p_value(value),
    "p_is": lambda words, value: _p_is(words.p_value(value)),
    "date": lambda words, value: words.date(value),
}


@lru_cache(maxsize=8)
def words(language: str) -> Words:
    """The words of a language, made once. Raises InvalidInput for a language without a catalogue."""
    return Words(language)


@lru_cache(maxsize=8)
def _catalogue(language: str) -> tuple[dict[str, str | tuple[str, ...]], Any]:
    from gettext import c2py

    from babel.messages.pofile import read_po

    texts: dict[str, str | tuple[str, ...]] = {}
    plural = c2py("n != 1")
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as stream:
            catalogue = read_po(stream, locale=language.replace("-", "_"), abort_invalid=True)
        plural = c2py(catalogue.plural_expr)
        for entry in catalogue:
            if not entry.id:
                continue
            key = entry.id if isinstance(entry.id, str) else entry.id[0]
            if key in texts:
                raise InvalidInput("a catalogue key stands twice", where=path.name, found=repr(key))
            texts[key] = entry.string if isinstance(entry.string, str) else tuple(entry.string or ("",))
    return texts, plural
