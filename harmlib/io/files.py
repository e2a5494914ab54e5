"""Files that are never half-written, and the manifests that stand beside them.

Every file appears by write-then-rename; every artefact ends with ``manifest.json``, written last: no manifest, no result.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import logging
import math
import os
import platform
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from harmlib.errors import DataError, DiskSpaceError
from harmlib.io.documents import check_shape, read_json
from harmlib.io.locks import try_lock
from harmlib.io.refusals import ONLY_WRITING, is_special, refusal

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint.pt"
PARTIAL = ".partial"  # marks the temporary files of ``replacing``, so that a killed process's leftovers can be told
LEFT_BEHIND = re.compile(rf"\..*-[a-z0-9_]{{8}}{re.escape(PARTIAL)}(\.[^.]*)?")
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL
STEM_KEPT = 40  # characters of a name in that of its temporary file: with what is added, file systems still take it
# What is known of the fields of manifests, whatever they are of (``documents.check_shape``).
COUNTS = {"photographs": int, "used": int, "composites": int, "skipped": {str: int}}
MANIFEST_SHAPE = {
    "benchmark": str,
    "composer": str,
    "title": str,
    "dataset": str,
    "counts": {str: int},  # of prepared photographs by split
    "draws": int,
    "splits": [str],
    "files": {str: str},
    "pictures": str,
    "inputs": ({str: str}, str),  # of runs and benchmarks by name; of a prepared data set as one
    "seed": (int, None),
    "method": str,
    "label": (str, None),
    "options": dict,
    "parts": ({str: str}, None),
    "start_from": (str, None),
    "iterations": int,
    "batch_size": int,
    "training_seconds": float,
    "outputs": {str: str},
    "paper": str,
    "device": str,
    "versions": {str: str},
    "git": dict,
    "seconds": float,
}
# Where those of benchmarks differ: by sub-dataset and split.
BENCHMARK_SHAPE = {"counts": {str: {str: COUNTS}}, "draws": {str: int}}
# The packages whose versions can change a number.
RECORDED_PACKAGES = (
    "torch",
    "torchvision",
    "lightning-fabric",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "av",
    "numba",
    "pilgram",
    "scikit-image",
    "lpips",
)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, remove it on failure.

    Raises DiskSpaceError when the disk is full, DataError for what else the system refuses.
    """
    target = Path(path)
    temporary, handle = _temporary(target), None
    try:
        if target.is_dir():  # where the rename would fail, after the work
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        _refuse_special(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, NEW_FILE, 0o666)
        try_lock(handle)  # for ``remove_partial``: somebody is at work on it
        yield temporary
        os.fsync(handle)  # so that the rename cannot outrun the content
        temporary.replace(target)
    except (OSError, RuntimeError) as raised:
        # torch.save raises what the system refused as a RuntimeError.
        error = raised if isinstance(raised, OSError) else raised.__context__
        # What another file that is read meanwhile raises is not about this one; copying and encoding a video name the wrong file, though.
        ours = (None, *map(os.fspath, (target, target.parent, temporary)))
        if not isinstance(error, OSError) or error.errno is None or (error.filename not in ours and error.errno not in ONLY_WRITING):
            raise
        raise refusal(target, error) from raised
    finally:
        if handle is not None:
            temporary.unlink(missing_ok=True)
            os.close(handle)


def check_output(path: str | os.PathLike[str], *inputs: str | os.PathLike[str] | None) -> None:
    """Raise DataError, before the work, when a result cannot be written to ``path`` or would replace one of ``inputs``.

    Where the folder does not exist yet, the nearest one that does is tried; nothing is left behind.
    """
    target = Path(path)
    try:
        target.stat()  # a name that is too long shows here
        _refuse_special(target)
        for given in inputs:
            if given is not None and Path(given).exists() and target.samefile(given):
                raise DataError(f'"{target}" is an input: choose another path for the result')
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise refusal(target, error) from error
    folder = target.absolute().parent
    while not folder.exists():
        folder = folder.parent
    probe = _temporary(folder / target.name)
    try:
        os.close(os.open(probe, NEW_FILE, 0o666))
        probe.unlink()
    except OSError as error:
        raise refusal(target, error) from error


def _refuse_special(target: Path) -> None:
    """Raise DataError for a device or a pipe, which a rename would replace by a file."""
    if is_special(target):
        raise DataError(f'"{target}" is a pipe or a device: name a file')


def _temporary(target: Path) -> Path:
    """Return a new path in the target's folder, whose name tells that it is temporary and is not too long."""
    return target.parent / f".{target.stem[:STEM_KEPT]}-{secrets.token_hex(4)}{PARTIAL}{target.suffix[:STEM_KEPT]}"


def remove_partial(path: str | os.PathLike[str]) -> None:
    """Remove what a killed process left half-written of a file, or anywhere under a folder; what a running one is writing stays."""
    place = Path(path)
    of_a_file = f".{glob.escape(place.stem[:STEM_KEPT])}-*{PARTIAL}*"
    for left in place.rglob(f".*{PARTIAL}*") if place.is_dir() else place.parent.glob(of_a_file):
        if LEFT_BEHIND.fullmatch(left.name) and left.is_file() and _is_abandoned(left):
            left.unlink(missing_ok=True)


def _is_abandoned(temporary: Path) -> bool:
    """Tell whether no process is at work on a temporary file."""
    try:
        handle = os.open(temporary, os.O_RDWR)
    except OSError:  # gone by now, or another user's
        return False
    try:
        return try_lock(handle)
    finally:
        os.close(handle)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text by rename, with "\\n" line ends everywhere."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write JSON by rename: indented, keys in the given order."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(parts: Iterable[str]) -> str:
    """Return the SHA-256 of a sequence of strings: one name for many inputs."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def check_free_space(folder: str | os.PathLike[str], needed_bytes: int) -> None:
    """Raise DiskSpaceError when ``folder``'s disk has less than ``needed_bytes`` left."""
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise DiskSpaceError(
            f'"{folder}" needs about {math.ceil(needed_bytes / 2**20)} MiB and its disk has {free // 2**20} MiB left: '
            "free some space or choose another folder"
        )


@cache
def package_versions() -> dict[str, str]:
    """Return the installed versions of the packages that can change a number."""
    versions = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


@cache
def git_revision() -> dict[str, Any]:
    """Return the checkout's revision and whether it had uncommitted changes when this process first asked; empty outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def write_manifest(folder: str | os.PathLike[str], *, started: float, **fields: Any) -> None:
    """Write ``folder/manifest.json``, the last file of an artefact.

    started: ``time.time()`` at the beginning of the work; wall time is counted from it.
    fields: parameters, seed, inputs (name -> sha256), device, ...; never an absolute path.
    """
    content = {
        **fields,
        "versions": package_versions(),
        "git": git_revision(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }
    write_json(Path(folder) / MANIFEST, content)


def read_manifest(folder: str | os.PathLike[str], *needed: str) -> dict[str, Any]:
    """Return the manifest of a finished artefact; raises DataError when there is none, or it lacks one of ``needed`` or is damaged."""
    path = Path(folder) / MANIFEST
    if not path.exists():
        raise DataError(
            f'"{folder}" has no {MANIFEST}, so it is unfinished: run the step that makes it again, it continues where it stopped'
        )
    content = read_json(path)
    known = MANIFEST_SHAPE | (BENCHMARK_SHAPE if isinstance(content, dict) and "composer" in content else {})
    shape = {key if key in needed else f"{key}?": shape for key, shape in known.items()}
    check_shape(content, shape, f'"{path}"')
    return content


def is_finished(folder: str | os.PathLike[str], expected: Mapping[str, Any]) -> bool:
    """Tell whether ``folder`` holds a finished artefact whose manifest has the ``expected`` fields, and the files that this names."""
    if not (Path(folder) / MANIFEST).exists():
        return False
    found = read_manifest(folder)
    if not all(found.get(key) == json.loads(json.dumps(value)) for key, value in expected.items()):
        return False
    lost = [name for name in found.get("files", ()) if not (Path(folder) / name).exists()]
    if lost:
        logger.warning('"%s" has lost %s, so it is made again', folder, ", ".join(lost))
    return not lost
