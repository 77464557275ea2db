"""The contract of a results file, checked in one place: the schema, and what a schema cannot say."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from evidence_lib.results import SCHEMA_FILE, ResultSet, analyses


@cache
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _not_json(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def mistakes(text: str) -> list[str]:
    """Every way in which a results text breaks the contract, as ``place: what``."""
    document = json.loads(text, parse_constant=_not_json)
    found = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]
    if found:
        return found
    for position, row in enumerate(document["results"]):
        if row["analysis"] not in analyses():
            found.append(f"$.results[{position}]: {row['analysis']} is not on the list of analyses")
    parts = ("analysis", "endpoint", "population", "groups", "statistic")
    keys = [json.dumps([row[part] for part in parts], sort_keys=True) for row in document["results"]]
    found += [f"$.results: twice {key}" for key in sorted(set(keys)) if keys.count(key) > 1]
    for name, table in document["tables"].items():
        widths = {len(row) for row in table["rows"]} - {len(table["columns"])}
        if widths:
            found.append(f"$.tables.{name}: rows of {sorted(widths)} cells under {len(table['columns'])} columns")
    ids = [gate["id"] for gate in document["gates"]]
    found += [f"$.gates: twice {id}" for id in sorted(set(ids)) if ids.count(id) > 1]
    return found


def assert_valid_results(path: Path) -> ResultSet:
    """Fail unless the file keeps the contract and is read back to the same bytes; returns what it holds."""
    text = path.read_text(encoding="utf-8")
    wrong = mistakes(text)
    assert not wrong, "\n".join([path.name, *wrong[:20]])
    results = ResultSet.from_json(text)
    assert results.to_json() == text, f"{path.name} is not what its own rows are written as"
    return results
