"""What comes back from a lent machine: few files of a limited size, each an archive or, where that is too large, its pieces."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from harmlib.errors import DataError, DiskSpaceError
from harmlib.io.files import replacing

MIB = 2**20
MOST_FILES = 8
LARGEST = 16 * MIB  # bytes a file
PIECE = re.compile(r"(?P<name>.+)\.zip(\.(?P<number>\d))?")


class Outbox:
    """A folder that takes archives as long as they fit; one file is kept for the report.

    room: bytes of all together. Raises DataError for a folder that holds something: an earlier call's files are not replaced.
    """

    def __init__(self, folder: Path, *, room: int) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(f'"{folder}" is not an empty folder: take in with --resume what an earlier call left there, and name a new one')
        self.folder, self.room, self.files = folder, room, MOST_FILES - 1
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, members: Mapping[str, Path]) -> None:
        """Write the archive ``name`` of files, by their names in it; raises DiskSpaceError, and writes nothing, where it does not fit."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:  # stored: weights hardly get smaller
            for member, path in members.items():
                archive.write(path, member)
        data = content.getvalue()
        parts = [data[start : start + LARGEST] for start in range(0, len(data), LARGEST)]
        if len(parts) > self.files or len(data) > self.room:
            raise DiskSpaceError(
                f"{len(data) / MIB:.1f} MiB do not fit into the {self.files} files of {LARGEST / MIB:.0f} MiB and the "
                f"{self.room / MIB:.1f} MiB that are left"
            )
        paths = [self.folder / (f"{name}.zip" if len(parts) == 1 else f"{name}.zip.{number}") for number in range(len(parts))]
        try:
            for path, part in zip(paths, parts, strict=True):
                with replacing(path) as temporary:
                    temporary.write_bytes(part)
        except BaseException:
            for path in paths:  # some pieces of an archive are none
                path.unlink(missing_ok=True)
            raise
        self.files, self.room = self.files - len(parts), self.room - len(data)


def read_archives(folder: Path) -> dict[str, bytes]:
    """Return name -> content of the archives in a folder, their pieces joined; raises DataError for one that is not whole."""
    pieces: dict[str, dict[int, Path]] = {}
    for path in folder.iterdir():
        if match := PIECE.fullmatch(path.name):
            pieces.setdefault(match["name"], {})[int(match["number"] or 0)] = path
    found = {}
    for name, parts in sorted(pieces.items()):
        found[name] = b"".join(parts[number].read_bytes() for number in sorted(parts))
        try:
            with zipfile.ZipFile(io.BytesIO(found[name])) as archive:
                # Nothing was packed: what unfolds to more than its file is not ours.
                unfolded = sum(entry.file_size for entry in archive.infolist())
                damaged = name if unfolded > len(found[name]) else archive.testzip()
        except Exception:  # what a lost piece or a foreign archive leads to depends on where it is damaged
            damaged = name
        if damaged:
            raise DataError(f'"{folder / name}.zip" is not whole: copy all its pieces again')
    return found


def unpack(content: bytes, folder: Path) -> list[Path]:
    """Write the files of an archive below a folder, each by rename; return them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [unpack_file(archive, name, folder) for name in archive.namelist()]


def unpack_file(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    """Write one file of an archive; raises DataError for a name that leads out of the folder."""
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise DataError(f'an archive holds "{name}", which lies outside "{folder}": it was not made by a queue')
    with replacing(target) as temporary:
        temporary.write_bytes(archive.read(name))
    return target


def sizes(paths: Iterable[Path]) -> int:
    """Return the bytes of all files below some paths."""
    return sum(path.stat().st_size for root in paths for path in ([root] if root.is_file() else root.rglob("*")) if path.is_file())
