"""The parameters that a notebook declares in its cell tagged ``parameters``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from evidence_lib.errors import NotebookError, ParameterError
from evidence_lib.study.checking import check_parameters, described, suggestion
from evidence_lib.study.parameters import PARAMETERS

TAG = "parameters"


def declared_parameters(notebook: Mapping[str, Any]) -> dict[str, object]:
    """The names and defaults of a notebook's ``parameters`` cell, in its order.

    The cell holds one ``name: type = literal`` per line and nothing else: a default computed from another parameter
    would keep its old value when papermill puts new values into a cell below.

    Parameters
    ----------
    notebook : mapping
        The notebook's JSON (nbformat 4).

    Raises
    ------
    NotebookError
        No ``parameters`` cell or several, a line that is not such an assignment, a default that is not a literal, a
        second ``=`` in a line (papermill cannot read it), a name twice or outside ``PARAMETERS``, or a default that
        the parameter does not take.
    """
    cells = [cell for cell in notebook.get("cells", []) if TAG in cell.get("metadata", {}).get("tags", [])]
    if len(cells) != 1 or cells[0].get("cell_type") != "code":
        raise NotebookError(
            "a notebook needs one code cell tagged parameters",
            expected="one",
            found=str(len(cells)) if len(cells) != 1 else f"a {described(cells[0].get('cell_type'))} cell",
            mend="keep the literals in one cell with the tag parameters",
        )
    source = cells[0].get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise NotebookError("the parameters cell is not plain Python", where=_where(line)) from None
    lines = text.split("\n")
    found: dict[str, object] = {}
    starts = [statement.lineno for statement in statements]
    for statement in statements:
        line = statement.lineno
        if starts.count(line) > 1 or statement.end_lineno != line:
            raise NotebookError("not one parameter per line", where=_where(line), expected="name: type = value")
        name, default = _assignment(statement)
        if lines[line - 1].count("=") != 1:
            mend = "write the default and the comment without ="
            raise NotebookError("a second = hides the parameter from papermill", where=_where(line, name), mend=mend)
        if name in found:
            raise NotebookError("the parameter stands twice", where=_where(line, name))
        if name not in PARAMETERS:
            mend = suggestion(name, PARAMETERS) or "its name, type, range and unit belong into PARAMETERS"
            raise NotebookError(
                "a parameter that is not in the list of parameters", where=_where(line, name), mend=mend
            )
        try:
            check_parameters({name: default}, allowed=None)
        except ParameterError as error:
            raise NotebookError(
                "a default that the parameter does not take",
                where=_where(line, name),
                expected=error.expected,
                found=error.found,
            ) from None
        found[name] = default
    return found


def _assignment(statement: ast.stmt) -> tuple[str, object]:
    line = statement.lineno
    target: ast.expr | None = None
    value: ast.expr | None = None
    if isinstance(statement, ast.AnnAssign):
        target, value = statement.target, statement.value
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name) or value is None:
        raise NotebookError("not a parameter", where=_where(line), expected="name: type = value")
    try:
        return target.id, ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        raise NotebookError(
            "a default that is computed",
            where=_where(line, target.id),
            expected="a literal: it would keep its old value when another parameter is given",
            mend="write the value, or None, and compute in a later cell",
        ) from None


def _where(line: int, name: str = "") -> str:
    return f"parameters cell, line {line}" + (f" ({name})" if name else "")
