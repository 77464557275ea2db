"""Lung demo as ADaM: a generated trial of an invented medicine, with true effects that are known.

600 made-up patients with lung cancer, from ``evidence_lib.rehearsal`` and one seed. Nobody in it ever lived; the course
of the disease is of plausible size and taken from no trial. The files are written under ``adam/``. ``truth.json``
holds the true effects; ``--truth`` computes it anew from a million patients per arm (some minutes).

    python data/lung-demo/make_data.py [--truth]
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pandas as pd

from evidence_lib.rehearsal.trial import LUNG_DEMO, generate

FOLDER = Path(__file__).parent
SEED = 20260630
# The large data sets are read faster, and take less room, as parquet.
PARQUET = {"ADLB", "ADVS", "ADTR", "ADAE"}


def written(frame: pd.DataFrame, name: str) -> tuple[str, bytes]:
    """The name and content of a data set's file, the same bytes on every system."""
    if name in PARQUET:
        content = io.BytesIO()
        frame.to_parquet(content, index=False)
        return f"{name.lower()}.parquet", content.getvalue()
    text = frame.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return f"{name.lower()}.csv", text.encode("utf-8")


def write(content: bytes, path: Path) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def main() -> None:
    """Write the data sets, or with ``--truth`` the true effects, and print where they are."""
    if sys.argv[1:] == ["--truth"]:
        from evidence_lib.rehearsal.truth import truth, truth_text

        write(truth_text(truth(LUNG_DEMO, seed=SEED)).encode("utf-8"), FOLDER / "truth.json")
        print(FOLDER / "truth.json")
        return
    adam = FOLDER / "adam"
    adam.mkdir(parents=True, exist_ok=True)
    for name, frame in generate(LUNG_DEMO, seed=SEED).datasets.items():
        file, content = written(frame, name)
        write(content, adam / file)
    print(adam)


if __name__ == "__main__":
    main()
