"""The report object: what a notebook talks to, and the only thing that touches files."""

from evidence_lib.session.opening import open_report
from evidence_lib.session.report import Report

__all__ = ["Report", "open_report"]
