"""Strict YAML: the text of a study file as plain values, with the line of every key, or a refusal.

Read are mappings with text keys, lists, text, ``true`` and ``false``, ``null``, and decimal numbers such as ``60``
or ``0.95``. Everything that two YAML readers may read differently (``NO``, ``010``, ``1:30``, aliases, tags, merge
keys) is refused, because a study file must mean what it seems to say. Dates stay text.

The file is UTF-8; a byte order mark at its start (as Windows Notepad writes it) is accepted.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from evidence_lib.errors import StudyError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 20
MAX_DIGITS = 15  # a float holds every whole number of 15 digits exactly

KeyPath = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_NUMBER_LIKE = re.compile(
    r"""[-+]?(?:
        0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+           # 0x1F, 0o17, 0b1
      | [0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?                    # 1:30, which YAML 1.1 reads as 90
      | (?:[0-9][0-9_]*)?\.?[0-9_]*(?<=[0-9_.])(?:[eE][-+]?[0-9]+)?  # 010, 1_000, .5, 5., 1e3, +5
    )""",
    re.VERBOSE,
)
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)
_SWITCHES = {"y", "n", "yes", "no", "on", "off", "true", "false"}

# YAML 1.1 breaks lines at these two; YAML 1.2 and every editor do not. They stand aside while the text is parsed, as
# noncharacters of Unicode that no text may hold, and come back as they were.
_ASIDE = str.maketrans({"\u2028": "\ufdd0", "\u2029": "\ufdd1"})
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0\ufdd1]|\\\\[uU](?:0000)?[fF][dD][dD][01]")
_BACK = str.maketrans({"\ufdd0": "\u2028", "\ufdd1": "\u2029"})


@dataclass(frozen=True)
class Document:
    """The values of one file, and the line (from 1) at which each key or list item stands."""

    name: str
    value: dict[str, Any]
    lines: dict[KeyPath, int]

    def where(self, path: KeyPath) -> str:
        """``study.yml:12 (reports[0].parameters.tau)``: the line of the nearest key that stands in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return place(self.name, self.lines.get(known, 1), path)


def parse(data: bytes, *, name: str) -> Document:
    """The values of a strict YAML text.

    Parameters
    ----------
    data : bytes
        The content of the file.
    name : str
        The file as messages call it.

    Raises
    ------
    StudyError
        With file, line and key: not UTF-8, over 4 MB, not YAML, empty, not a mapping, nested deeper than 20, or
        holding an alias, an anchor, a tag, a duplicate key, or a value that YAML readers read differently.
    """
    text = _decoded(data, name)
    try:
        _check_events(text, name)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _not_yaml(error, name) from None
    if root is None:
        raise StudyError("the file is empty", where=name, expected="a study: a mapping that starts with version: 1")
    lines: dict[KeyPath, int] = {}
    value = _value(root, (), lines, name)
    if not isinstance(value, dict):
        raise StudyError("the file is not a mapping", where=place(name, 1, ()), expected="keys such as version: 1")
    return Document(name, value, lines)


def place(name: str, line: int, path: KeyPath) -> str:
    """File, line and key as messages write them."""
    key = ""
    for part in path:
        key += f"[{part}]" if isinstance(part, int) else f".{_short_key(part)}" if key else _short_key(part)
    return f"{name}:{line} ({key})" if key else f"{name}:{line}"


def _short_key(key: str) -> str:
    """A key as messages may print it: short and on one line."""
    return key if re.fullmatch(r"[\w .-]{1,40}", key) else f"a key of {len(key)} characters"


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise StudyError("the file is too large", where=name, expected="at most 4 MB", found=f"{len(data)} bytes")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:4]:
        raise StudyError("the file is UTF-16", where=name, expected="UTF-8", mend="save it again as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyError(
            "the file is not UTF-8 (Latin-1 or GB18030?)",
            where=f"{name}:{line}",
            expected="UTF-8",
            mend="save it again as UTF-8",
        ) from None
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        line = text.count("\n", 0, forbidden.start()) + 1
        raise StudyError(
            "a character that text may not hold",
            where=f"{name}:{line}",
            found=_code_point(forbidden.group()),
            mend="delete it",
        )
    return text.translate(_ASIDE)


def _check_events(text: str, name: str) -> None:
    """Refuse what composing hides or cannot survive. The parser is not recursive, so depth stops it in time."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        mark: Any = event.start_mark
        line = mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                _refuse("nested too deeply", name, line, expected=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
            _refuse("a YAML directive (%)", name, line, mend="delete the line")
        if isinstance(event, yaml.AliasEvent):
            _refuse(
                f"an alias (*{_short(str(event.anchor))})",
                name,
                line,
                mend="write the value out, or quote a text that starts with *",
            )
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            _refuse(
                f"an anchor (&{_short(str(event.anchor))})",
                name,
                line,
                mend="delete it, or quote a text that starts with &",
            )
        if getattr(event, "tag", None) is not None:
            _refuse("a tag (!)", name, line, mend="delete it, or quote a text that starts with !")


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, name)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, position), lines, name) for position, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, path, name)
        line = key_node.start_mark.line + 1
        if key in found:
            first = lines[(*path, key)]
            _refuse("the key stands twice", name, line, (*path, key), found=f"it first on line {first}")
        lines[(*path, key)] = line
        found[key] = _value(value_node, (*path, key), lines, name)
    return found


def _key(node: yaml.Node, path: KeyPath, name: str) -> str:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        _refuse("a key that is not text", name, line, path, mend='quote it: "..."')
    key = _scalar(node, path, name)
    if not isinstance(key, str):
        _refuse(
            "a key that is not text",
            name,
            line,
            path,
            found=_short(node.value),
            mend=f'quote it: "{_short(node.value)}"',
        )
    return key


def _scalar(node: yaml.ScalarNode, path: KeyPath, name: str) -> Any:
    text = str(node.value).translate(_BACK)
    if node.style in ("'", '"', "|", ">"):
        return _text(text, node, path, name)
    if text in ("", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return _number(text, node, path, name)
    what, mend = _surprise(text)
    if what:
        line = node.start_mark.line + 1
        _refuse(what, name, line, path, found=_short(text), mend=mend or f'quote it if it is text: "{_short(text)}"')
    return _text(text, node, path, name)


def _text(text: str, node: yaml.ScalarNode, path: KeyPath, name: str) -> str:
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}:
            line = node.start_mark.line + 1
            _refuse(
                "a character that text may not hold", name, line, path, found=_code_point(character), mend="delete it"
            )
    return text


def _number(text: str, node: yaml.ScalarNode, path: KeyPath, name: str) -> int | float:
    if len(text.lstrip("-").partition(".")[0]) > MAX_DIGITS:
        line = node.start_mark.line + 1
        _refuse(
            "a number too large to be exact",
            name,
            line,
            path,
            expected=f"at most {MAX_DIGITS} digits",
            found=_short(text),
        )
    return float(text) if "." in text else int(text)


def _surprise(text: str) -> tuple[str, str]:
    """What is wrong with an unquoted value that YAML readers read differently, and how to mend it; or nothing."""
    if text.lower() in _SWITCHES:
        return "a word that some YAML readers take for true or false", f'quote it: "{text}", or write true or false'
    if text.lower() == "null" or text == "~":
        return "an unusual way to write null", "write null, or quote it if it is text"
    if _NOT_FINITE.fullmatch(text):
        return "not a finite number", ""
    if text in ("=", "<<"):
        return "a special key of YAML", f'quote it: "{text}"'
    if _NUMBER_LIKE.fullmatch(text) and any(character.isdigit() for character in text):
        return "not a plain decimal number (such as 10 or 0.5)", ""
    if not text.isascii() and all(character.isdigit() or character in "-+.,:_eE" for character in text):
        return "digits other than 0 to 9", ""
    return "", ""


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}" if len(character) == 1 else character


def _short(text: str) -> str:
    return text if len(text) <= 30 and text.isprintable() else f"{len(text)} characters"


def _refuse(what: str, name: str, line: int, path: KeyPath = (), **rest: str) -> NoReturn:
    raise StudyError(what, where=place(name, line, path), **rest)


def _not_yaml(error: yaml.YAMLError, name: str) -> StudyError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = [getattr(error, part, None) for part in ("context", "problem")]
    problem = ", ".join(part for part in parts if part) or "it cannot be parsed"
    mend = "indent with spaces, not tabs; quote texts that hold ': ' or ' #', or that start with one of @ % ` { [ & * !"
    return StudyError(f"not valid YAML ({problem})", where=f"{name}:{mark.line + 1}" if mark else name, mend=mend)


def read_document(path: Path, *, name: str) -> tuple[Document, bytes]:
    """The document of a file and its bytes. Raises StudyError where the file cannot be read, and as ``parse``."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise StudyError("the study file cannot be read", where=name, found=error.strerror or "an error") from None
    return parse(data, name=name), data
