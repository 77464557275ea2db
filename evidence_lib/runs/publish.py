"""Publishing: a run appears whole, in one rename, or not at all; the last good run stays as it is, byte for byte.

``<out>/<study>/.staging-<run-id>`` becomes ``<out>/<study>/<run-id>``, then ``latest`` is switched to it. Where
symbolic links are not possible (some network shares, Windows) a text file ``latest.txt`` names the run instead. What
is left of a failed run goes to ``<out>/<study>/.failed/<run-id>`` (mode 0700: a traceback may show patient data).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from evidence_lib.errors import EvidenceError, InvalidInput, Locked, PublishError

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_STAGING = ".staging-"


def output_folder(text: str | Path) -> Path:
    """The output folder as an absolute path. Raises InvalidInput for what is no folder of this machine."""
    given = str(text)
    if given in ("", "-") or "://" in given:
        raise InvalidInput("the output must be a folder of this machine", where="--out", found=repr(given))
    return Path(given).absolute()


def new_run_id() -> str:
    """``YYYYMMDD-HHMMSS-xxxx``: the time in UTC and four random hexadecimal digits."""
    return dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn an OSError of the block into PublishError (exit 8): disk full, no permission, a file in the way."""
    try:
        yield
    except OSError as error:
        raise PublishError(
            "the outputs cannot be written",
            where=str(where),
            found=error.strerror or type(error).__name__,
            mend="see that the disk has space and the folder may be written to, or choose another with --out; "
            "the last good run is untouched",
        ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the study's output folder, made when missing; what a killed run left in staging is removed.

    Raises Locked (exit 7) when another run holds it, PublishError where it cannot be made or locked.
    """
    with writing(folder):
        if folder.is_symlink():
            raise PublishError("the study's output folder is a symbolic link", where=str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(handle, folder)
        with writing(folder):
            for left in folder.glob(f"{_STAGING}*"):
                shutil.rmtree(left)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise Locked(
            "another run of this study is under way", where=folder.name, mend="wait for it, or use another --out"
        ) from error
    except OSError as error:
        raise PublishError(
            "this file system offers no locks", where=str(folder), found=error.strerror, mend="choose another --out"
        ) from error


def stage(folder: Path, run_id: str) -> Path:
    """A new staging folder for this run."""
    with writing(folder):
        path = folder / f"{_STAGING}{run_id}"
        path.mkdir()
    return path


def publish(folder: Path, staging: Path, run_id: str, *, as_latest: bool) -> Path:
    """Make a staged run visible and, with ``as_latest``, the latest one. Returns its folder.

    Raises PublishError; then the run is not there and ``latest`` is what it was.
    """
    target = folder / run_id
    with writing(folder):
        for path in sorted(staging.iterdir()):
            _sync(path)
        _sync(staging)
        staging.rename(target)
        try:
            _sync(folder)
            if as_latest:
                _switch(folder, run_id)
        except OSError:
            target.rename(staging)
            raise
    return target


def set_aside(folder: Path, staging: Path | None, run_id: str) -> Path:
    """Keep what is left of a failed run for the operator, out of readers' sight. Returns its folder."""
    kept = folder / ".failed"
    with writing(folder):
        kept.mkdir(mode=0o700, exist_ok=True)
        kept.chmod(0o700)
        if staging is None:
            (kept / run_id).mkdir(mode=0o700)
        else:
            staging.chmod(0o700)
            staging.rename(kept / run_id)
        write_atomic(kept / "last", run_id + "\n")
    return kept / run_id


def clear_failure(folder: Path) -> None:
    """Forget that the last attempt failed: a good run has followed."""
    with writing(folder):
        (folder / ".failed" / "last").unlink(missing_ok=True)


def last_failure(folder: Path) -> str | None:
    """The id of the last attempt, if it failed."""
    return _named(folder / ".failed" / "last")


def latest(folder: Path) -> Path | None:
    """The folder of the last run in which every report succeeded."""
    link = folder / "latest"
    name = os.readlink(link) if link.is_symlink() else _named(folder / "latest.txt")
    return folder / name if name and RUN_ID.fullmatch(name) and (folder / name).is_dir() else None


def write_atomic(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def refuse_input_as_output(out: Path, inputs: Path) -> None:
    """Raise InvalidInput where the outputs would be written into the data."""
    if out.resolve().is_relative_to(inputs.resolve()):
        raise InvalidInput("the output folder lies inside the data", where="--out", mend="choose another folder")


def _switch(folder: Path, run_id: str) -> None:
    link, draft = folder / "latest", folder / f".latest-{run_id}"
    try:
        draft.symlink_to(run_id, target_is_directory=True)
    except (OSError, NotImplementedError):
        write_atomic(folder / "latest.txt", run_id + "\n")
        return
    try:
        draft.replace(link)
    finally:
        draft.unlink(missing_ok=True)
    (folder / "latest.txt").unlink(missing_ok=True)


def _named(path: Path) -> str | None:
    try:
        name = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if RUN_ID.fullmatch(name) else None


def _sync(path: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clean_up(staging: Path) -> None:
    """Remove a staging folder that nobody needs; best effort."""
    with contextlib.suppress(OSError, EvidenceError):
        shutil.rmtree(staging)
