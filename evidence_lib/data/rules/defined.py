"""Rules of a study's own define.xml: its codelists, its keys, and the columns that it describes."""

from __future__ import annotations

from collections.abc import Iterator

from evidence_lib.data.findings import Finding, finding, shown
from evidence_lib.data.rules.material import DataSet, Rule, is_number
from evidence_lib.data.specs import as_text
from evidence_lib.data.values import each_value


def codelists(data: DataSet) -> Iterator[Finding]:
    """Values that the codelist of their column does not have."""
    for name, defined in data.defined.items():
        if defined.codelist and name in data.frame:
            values = each_value(data.frame[name], as_text)
            allowed = set(defined.codelist)
            if is_number(data.frame[name]):
                allowed |= {code.removesuffix(".0") for code in allowed}
            other = values.notna() & ~values.isin(allowed)
            yield from data.broken("not_in_define", "warning", other, column=name, values=shown(values[other]))


def keys(data: DataSet) -> Iterator[Finding]:
    """Records that share the key which define.xml states."""
    places = {name: defined.key for name, defined in data.defined.items() if defined.key is not None}
    columns = sorted(places, key=lambda name: places[name] or 0)
    if columns and data.has(*columns):
        yield from data.broken(
            "define_key", "warning", data.frame.duplicated(columns, keep=False), columns=tuple(columns)
        )


def columns(data: DataSet) -> Iterator[Finding]:
    """Columns that only the data have, or only define.xml; columns that it calls mandatory and that have gaps."""
    if not data.defined:
        return
    missing = tuple(name for name in data.defined if name not in data.frame)
    if missing:
        yield finding(data.name, "define_without_data", "warning", columns=missing)
    undescribed = tuple(str(name) for name in data.frame.columns if name not in data.defined)
    if undescribed:
        yield finding(data.name, "data_without_define", "warning", columns=undescribed)
    for name, defined in data.defined.items():
        if defined.mandatory and name in data.frame:
            empty = data.frame[name].isna()
            yield from data.broken("define_mandatory", "warning", empty, column=name, origin=defined.origin or "-")


DEFINE_RULES: tuple[Rule, ...] = (codelists, keys, columns)
