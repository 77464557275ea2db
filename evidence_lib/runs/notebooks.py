"""Notebooks: where a report's notebook stands, and what makes it impossible to execute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evidence_lib.errors import NotebookError

KERNEL = "python3"
"""The kernel of every notebook: ``python3`` always is the Python that runs this library, so versions are known."""

_PACKAGE = Path(__file__).resolve().parents[1]
_PROJECT_FOLDERS = (_PACKAGE.parent / "notebooks", _PACKAGE / "notebooks")


def notebook_path(study_folder: Path, name: str) -> Path:
    """The file of the notebook ``name`` (``trial/survival``).

    The study's own ``notebooks/`` folder goes before the project's, so that a study may bring its own version.
    Raises NotebookError where there is none, naming the nearest one.
    """
    from difflib import get_close_matches

    folders = [study_folder / "notebooks", *_PROJECT_FOLDERS]
    for folder in folders:
        path = (folder / f"{name}.ipynb").resolve()
        if path.is_file() and path.is_relative_to(folder.resolve()):
            return path
    known = sorted(
        {
            str(path.relative_to(folder).with_suffix("").as_posix())
            for folder in folders
            for path in folder.rglob("*.ipynb")
        }
    )
    near = get_close_matches(name, known, n=1)
    raise NotebookError(
        "there is no such notebook",
        where=f"notebook {name}",
        expected=f"a file {name}.ipynb in notebooks/ beside the study file, or in the project's notebooks/",
        mend=f"did you mean {near[0]}?" if near else None,
    )


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook as plain JSON. Stored outputs are fine: they are replaced when it runs.

    Raises NotebookError for a file that is cut off or no notebook, for the old format 3, for one without code, and
    for one that wants another kernel than ``python3``.
    """
    where = path.name
    try:
        notebook = json.loads(path.read_bytes())
    except OSError as error:
        raise NotebookError("the notebook cannot be read", where=where, found=error.strerror) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        line = (
            f"the JSON ends or breaks in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "no UTF-8"
        )
        raise NotebookError(
            "the notebook is damaged",
            where=where,
            found=line,
            mend="take it from version control, or save it again in JupyterLab",
        ) from error
    if not isinstance(notebook, Mapping) or not isinstance(notebook.get("nbformat"), int):
        raise NotebookError("the file is no notebook", where=where, expected="JSON with nbformat and cells")
    if notebook["nbformat"] != 4:
        raise NotebookError(
            "the notebook has another format",
            where=where,
            expected="nbformat 4",
            found=f"nbformat {notebook['nbformat']}",
            mend="open it in JupyterLab and save it",
        )
    _refuse_without_code(notebook.get("cells"), where)
    _refuse_other_kernel(notebook.get("metadata"), where)
    return dict(notebook)


def _refuse_without_code(cells: Any, where: str) -> None:
    if not isinstance(cells, list) or not all(isinstance(cell, Mapping) and "cell_type" in cell for cell in cells):
        raise NotebookError("the notebook is damaged", where=where, expected="a list of cells")
    code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell.get("source", "")).strip()]
    if not code:
        raise NotebookError(
            "the notebook is empty",
            where=where,
            expected="code cells, the last one with rep.complete()",
            found="no code",
        )


def _refuse_other_kernel(metadata: Any, where: str) -> None:
    spec = metadata.get("kernelspec") if isinstance(metadata, Mapping) else None
    name = spec.get("name") if isinstance(spec, Mapping) else None
    if name != KERNEL:
        raise NotebookError(
            "the notebook's kernel is not the Python of this environment",
            where=where,
            expected=f"the kernel {KERNEL}",
            found=f"the kernel {name!r}" if name else "no kernel named",
            mend="choose the kernel 'Python 3 (ipykernel)' in JupyterLab and save it",
        )
