"""The ADaM data sets as code: columns, types, permitted values, keys; and how a table is made to fit them."""

from evidence_lib.data.specs.conforming import as_text, conform, infer, is_sas, with_adam_headings
from evidence_lib.data.specs.model import ColumnSpec, DatasetSpec
from evidence_lib.data.specs.recognition import spec_for
from evidence_lib.data.specs.terminology import RESPONSE

__all__ = [
    "RESPONSE",
    "ColumnSpec",
    "DatasetSpec",
    "as_text",
    "conform",
    "infer",
    "is_sas",
    "spec_for",
    "with_adam_headings",
]
