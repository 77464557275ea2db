"""What a rule looks at: one data set in its types, with the subjects beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evidence_lib.data.define import DefinedColumn
from evidence_lib.data.files import Table
from evidence_lib.data.findings import Finding, Severity, finding
from evidence_lib.data.specs import DatasetSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DataSet:
    """One data set: ``table`` as read, ``frame`` in its types, and ``adsl`` in its types with USUBJID as its index.

    ``defined`` is what define.xml states of its columns.
    """

    name: str
    spec: DatasetSpec
    table: Table
    frame: pd.DataFrame
    adsl: pd.DataFrame
    defined: Mapping[str, DefinedColumn] = field(default_factory=dict)

    def has(self, *columns: str) -> bool:
        """Whether all these columns are there."""
        return all(column in self.frame for column in columns)

    def there(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that are there."""
        return [column for column in columns if column in self.frame]

    def of_subject(self, column: str) -> pd.Series | None:
        """A column of ADSL for each record; None where ADSL has none, or the records name no subject."""
        if column not in self.adsl or "USUBJID" not in self.frame:
            return None
        return self.adsl[column].reindex(self.frame["USUBJID"]).set_axis(self.frame.index)

    def own_or_of_subject(self, column: str) -> pd.Series | None:
        """A column of the data set, else of ADSL."""
        return self.frame[column] if column in self.frame else self.of_subject(column)

    def broken(self, rule: str, severity: Severity, where: pd.Series, **values: object) -> Iterator[Finding]:
        """A finding for the records where the mask is true; nothing where there is none."""
        rows = self.frame.index[where.to_numpy(dtype=bool)]
        if len(rows):
            yield finding(self.name, rule, severity, rows, **values)


Rule = Callable[[DataSet], Iterator[Finding]]


def is_date(column: pd.Series | None) -> bool:
    """Whether a column holds dates: it may be text or all empty where it could not be read as dates."""
    import pandas as pd

    return column is not None and pd.api.types.is_datetime64_any_dtype(column)


def is_number(column: pd.Series | None) -> bool:
    """Whether a column holds numbers."""
    import pandas as pd

    return column is not None and pd.api.types.is_numeric_dtype(column)
