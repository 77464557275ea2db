"""What identifies an input file: its bytes and its shape."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """One input file: its name (no folder), the SHA-256 of its bytes, its size in bytes, data rows and columns.

    Equal hashes mean equal bytes; rows and columns say what changed where they differ.
    """

    file: str
    sha256: str
    size: int
    rows: int
    columns: int

    def to_json(self) -> dict[str, str | int]:
        """Plain JSON types, for the provenance of a report."""
        return asdict(self)


def fingerprint(content: bytes, *, file: str, rows: int, columns: int) -> Fingerprint:
    """The fingerprint of a file from its bytes as read and the shape of the table they hold."""
    digest = hashlib.sha256(content).hexdigest()
    return Fingerprint(file=file, sha256=digest, size=len(content), rows=rows, columns=columns)
