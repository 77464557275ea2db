"""The server of a run with the page builder of ``plain_worker``."""

from __future__ import annotations

import sys

from evidence_lib.runs import server
from tests.runs.plain_worker import build_page

if __name__ == "__main__":
    sys.exit(server.main(build_page))
