"""Random numbers: a stream per component, in which each patient has a place of their own."""

from __future__ import annotations

import numpy as np

from evidence_lib.errors import InvalidInput


class Streams:
    """Independent generators derived from one seed by name.

    ``stream(name)`` is seeded by the seed and the letters of the name, whatever was drawn before: a further component
    moves no number of the others. A component draws arrays of one row per patient, which NumPy fills row by row: the
    numbers of a row do not depend on how many rows come later.

    Raises InvalidInput for a seed that is no whole number of zero or more.
    """

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise InvalidInput("the seed cannot be used", expected="a whole number, 0 or more", found=repr(seed))
        self.seed = int(seed)

    def stream(self, name: str) -> np.random.Generator:
        """The generator of a component."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, *name.encode("ascii")]))
