"""The message catalogue against the code: every key that is used exists, every key is used, placeholders are given.

Keys are read from the syntax trees and the page templates: a string constant that is a key, or an f-string whose fixed
parts fit a key and whose open parts fit words that stand in the code (``message(f"data.unit.{unit}")`` uses
``data.unit.weeks`` because the code knows the word ``weeks``).
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from evidence_lib import language
from evidence_lib.language import LOCALE, words
from evidence_lib.session.checks import CHECKS

PACKAGE = Path(language.__file__).parent
SPEAKERS = {"message", "say", "words", "self"}  # what a call that takes a catalogue key is called
PLANNED_LANGUAGES = {"zh-Hans"}  # named on pages and in the index before its own catalogue is made
KEY = re.compile(r"[a-z_]+(\.[A-Za-z0-9_-]+)+")


@cache
def catalogue() -> dict[str, tuple[str, ...]]:
    return {key: (text,) if isinstance(text, str) else text for key, text in words("en")._texts.items()}


@cache
def trees() -> dict[str, ast.Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8")) for path in paths}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            yield f"{name}:{getattr(node, 'lineno', 0)}", node


@cache
def constants() -> frozenset[str]:
    inside = {id(part) for _, node in nodes() if isinstance(node, ast.JoinedStr) for part in node.values}
    found = {
        node.value
        for _, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
    }
    return frozenset(found)


@cache
def known_words() -> frozenset[str]:
    """What can fill the open part of a key: constants, names of functions, fields and keywords, and languages."""
    found = constants() | PLANNED_LANGUAGES | set(language.LANGUAGES)
    for _, node in nodes():
        if isinstance(node, ast.FunctionDef):
            found |= {node.name}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found |= {node.target.id}
        elif isinstance(node, ast.keyword) and node.arg:
            found |= {node.arg}
    return frozenset(word for word in found if re.fullmatch(r"[A-Za-z0-9_.-]+", word))


@cache
def beginnings() -> frozenset[str]:
    """Beginnings of f-strings that end in one word of the code: ``not_a_`` of ``not_a_{kind}``."""
    made = set()
    for _, node in nodes():
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        if [type(part) for part in parts] == [ast.Constant, ast.FormattedValue]:
            start = str(getattr(parts[0], "value", ""))
            if re.fullmatch(r"[a-z]+(_[a-z]+)*_", start):
                made.add(start)
    return frozenset(made)


@cache
def is_word(text: str) -> bool:
    """Whether a text is one word of the code, or an f-string of one such word."""
    known = known_words()
    return text in known or any(text.startswith(start) and text[len(start) :] in known for start in beginnings())


Pattern = tuple[str | None, ...]  # the fixed parts of an f-string, and None for each open one


def fits(pattern: Pattern, key: str) -> bool:
    """Whether an f-string can make this key, each open part being one word."""
    if not pattern:
        return key == ""
    first, rest = pattern[0], pattern[1:]
    if first is not None:
        return key.startswith(first) and fits(rest, key[len(first) :])
    return any(is_word(key[:end]) and fits(rest, key[end:]) for end in range(1, len(key) + 1))


def pattern_of(node: ast.JoinedStr) -> Pattern | None:
    """The keys an f-string can make; None where its beginning does not say that it is one."""
    parts = tuple(str(part.value) if isinstance(part, ast.Constant) else None for part in node.values)
    return parts if parts[0] is not None and re.match(r"[a-z_]+\.", parts[0]) else None


@cache
def patterns() -> tuple[Pattern, ...]:
    found = (pattern_of(node) for _, node in nodes() if isinstance(node, ast.JoinedStr))
    return tuple(dict.fromkeys(pattern for pattern in found if pattern is not None))


@cache
def templates() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.j2")))


@cache
def calls() -> tuple[tuple[str, tuple[str, ...], ast.Call], ...]:
    """Every call that says a key given as a constant: where, the key (both of a conditional one), the call."""
    found = []
    for where, node in nodes():
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in SPEAKERS:
            continue
        first = node.args[0]
        branches = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
        said = tuple(str(branch.value) for branch in branches if isinstance(branch, ast.Constant))
        if said and all(map(KEY.fullmatch, said)):
            found.append((where, said, node))
    return tuple(found)


def placeholders(key: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in catalogue()[key]:
        for _, name, kind, _ in string.Formatter().parse(text):
            if name is not None:
                found[name] = kind or ""
    return found


def test_every_key_that_is_said_exists() -> None:
    assert len(calls()) > 200
    assert [(where, key) for where, said, _ in calls() for key in said if key not in catalogue()] == []


def test_every_f_string_that_is_said_can_make_a_key() -> None:
    said = [
        (where, pattern_of(node.args[0]))
        for where, node in nodes()
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in SPEAKERS
    ]
    assert len(said) > 20
    assert [where for where, pattern in said if pattern and not any(fits(pattern, key) for key in catalogue())] == []


def used(key: str) -> bool:
    if key in constants() or f'"{key}"' in templates() or f"'{key}'" in templates():
        return True
    # A template joins an open part with "~": say("page.other_language." ~ language_code).
    joined = [(start, None) for start in re.findall(r'"([a-z_.]+\.)" ~', templates())]
    return any(fits(pattern, key) for pattern in [*joined, *patterns()])


def test_every_key_is_used() -> None:
    assert sorted(key for key in catalogue() if not used(key)) == []


def test_a_key_that_nobody_says_is_found_out() -> None:
    assert not used("plain.seen.nowhere")
    assert not used("nowhere.at_all")
    assert used("duration.weeks")


def test_every_placeholder_of_a_said_key_is_given_and_every_value_said() -> None:
    wrong = []
    for where, said, call in calls():
        given = {keyword.arg for keyword in call.keywords}
        wanted = {name for key in said for name in placeholders(key)}
        wanted |= {"count"} if any(len(catalogue()[key]) > 1 for key in said) else set()
        missing = wanted - given if None not in given else set()  # None: **values
        unsaid = given - wanted - {None}
        if missing or unsaid:
            wrong.append((where, said, {"missing": sorted(missing), "never said": sorted(map(str, unsaid))}))
    assert wrong == []


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_text_can_be_said(key: str) -> None:
    kinds = placeholders(key)
    assert all(kind in ("", *language._FORMS) or re.fullmatch(r"\.\d", kind) for kind in kinds.values()), kinds
    assert all(re.fullmatch(r"[a-z_0-9]+", name) for name in kinds), kinds
    assert all(catalogue()[key])


def test_a_plural_has_every_form_its_language_needs() -> None:
    assert {key for key, texts in catalogue().items() if len(texts) > 1}
    assert all(len(texts) in (1, 2) for texts in catalogue().values())


def test_every_check_has_a_name_and_every_name_a_check() -> None:
    named = {key.split(".")[1] for key in catalogue() if re.fullmatch(r"check\.\w+\.name", key)}
    assert named == {*CHECKS, "recalculation"}


def test_every_language_has_the_same_keys() -> None:
    for name in language.LANGUAGES:
        assert set(words(name)._texts) == set(catalogue()), name


def test_every_catalogue_says_its_language() -> None:
    for path in sorted(LOCALE.glob("*/*.po")):
        assert f'"Language: {path.parent.name}\\n"' in path.read_text("utf-8"), path.name
