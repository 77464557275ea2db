"""Fixtures of the run tests: a worker for trivial notebooks, and a study that has a good run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence_lib.runs import execute, warm
from evidence_lib.runs.run import RunOutcome
from tests.runs.material import COMPLETE, PLAIN_SERVER, PLAIN_WORKER, ROOT, Place, notebook, study_text


@pytest.fixture(scope="package", autouse=True)
def plain_worker() -> Iterator[None]:
    """Make pages of trivial notebooks; find the library from a checkout that is not installed, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "WORKER", PLAIN_WORKER)
        patch.setattr(warm, "SERVER", PLAIN_SERVER)
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest.fixture(scope="package", autouse=True)
def server(plain_worker: None) -> Iterator[warm.Server]:
    """The one server of all these tests; it starts when one needs it."""
    with warm.Server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "server", server, raising=False)
        yield server


@pytest.fixture(scope="package")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A study with one report and one good run; copied by ``place``, never changed."""
    place = Place(tmp_path_factory.mktemp("good"))
    outcome = place.write(study_text("first"), first=notebook(COMPLETE)).run()
    assert outcome.exit_code == 0, outcome
    return place


@pytest.fixture
def place(good_run: Place, tmp_path: Path) -> Place:
    """A study of one's own that has a good run already."""
    shutil.copytree(good_run.base, tmp_path / "place", symlinks=True)
    return Place(tmp_path / "place")


@pytest.fixture
def fails(place: Place) -> Callable[..., RunOutcome]:
    """Run the study with this notebook; the run must fail and leave the last good run as it was, byte for byte."""

    def run(content: Any, *, timeout: str = "60s", parameters: str = "{}") -> RunOutcome:
        before = place.published()
        place.write(study_text("first", timeout=timeout, parameters=parameters), first=content)
        outcome = place.run()
        assert outcome.exit_code != 0
        assert outcome.published is None
        assert place.published() == before
        assert not list(place.out.glob("small/.staging*"))
        assert "failed. Nothing of it is shown. What you see is the last good run." in (
            place.out / "small" / "index.html"
        ).read_text(encoding="utf-8")
        return outcome

    return run
