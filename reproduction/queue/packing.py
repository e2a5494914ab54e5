"""What travels to a lent machine, and what is taken in when it comes back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harmlib.errors import DataError, ParameterError
from harmlib.io.documents import check_shape, read_json
from harmlib.io.files import replacing, write_json, write_text
from reproduction.profiles import load_profile
from reproduction.queue.photographs import pack_photographs
from reproduction.queue.pieces import MIB, read_archives, sizes, unpack
from reproduction.queue.runs import needed_splits, queue_profile, queued_runs, waiting_runs
from reproduction.queue.wheels import wheel_list
from reproduction.reading import profile_path
from reproduction.stages import Results

# Names in the folder and in what comes back: the note, written last; archives of photographs; packages; states of runs.
NOTE, PHOTOGRAPHS, WHEEL_LIST, WHEELS, STATES = "queue.json", "photographs", "wheels.txt", "wheels", "states"
RUN, STATE = "run-", "state-"
NOTE_ROOM = 64 * 1024  # bytes kept for the note, which grows
PACK_AGAIN = "pack the queue again"
NOTE_SHAPE = {
    "profile": str,
    "minutes": float,
    "limit": float,
    "runs": [str],
    "finished": [str],
    "photographs": {str: {"sha256": str, "no_object": (int, None), "photographs": {str: {"carried": int, "of": int}}}},
    "left_out": [str],
}
REPORT_SHAPE = {"profile": str, "finished": {str: float}, "failed": {str: str}, "left": [str], "left_out": [str], "seconds?": float}


def carry(
    profile: str, folder: str | os.PathLike[str], *, data: str | None, minutes: float, limit: float, installed: Collection[str] = ()
) -> dict[str, Any]:
    """Pack a profile's queue into a folder of at most ``limit`` MiB; return its note, which says what was left out.

    minutes: how long a call on the lent machine may take. installed: packages that it has. What stands in the folder's ``wheels`` counts,
    and a second call fits the photographs to what is left.
    Raises ParameterError for a profile without a queue or a limit that is none, DataError for a folder that holds something else or a
    queue that has begun, and for photographs that are missing or do not fit.
    """
    for name, value in (("minutes", minutes), ("limit", limit)):
        if not 0 < value < float("inf"):
            raise ParameterError(f"{name} is {value}: give a number above 0")
    folder, path, loaded = Path(folder), profile_path(profile), load_profile(profile)
    runs, lent = queued_runs(loaded, "gpu"), queue_profile(loaded, "gpu")
    _check_folder(folder, path.name)
    shutil.rmtree(folder / PHOTOGRAPHS, ignore_errors=True)
    (folder / NOTE).unlink(missing_ok=True)
    write_text(folder / WHEEL_LIST, "".join(f"{line}\n" for line in wheel_list(installed)))
    write_text(folder / path.name, path.read_text(encoding="utf-8"))
    room = int(limit * MIB) - sizes([folder]) - NOTE_ROOM
    carried = pack_photographs(lent, needed_splits(lent.plans["gpu"].values()), data, folder / PHOTOGRAPHS, room=room)
    note = {
        "profile": path.name,
        "minutes": minutes,
        "limit": limit,
        "runs": list(runs),
        "finished": [],
        "photographs": carried,
        "left_out": [
            f"{name}: {counts['of'] - counts['carried']} of {counts['of']} {split} photographs"
            for name, facts in carried.items()
            for split, counts in facts["photographs"].items()
            if counts["carried"] < counts["of"]
        ],
    }
    write_json(folder / NOTE, note)
    return note


def _check_folder(folder: Path, profile: str) -> None:
    """Raise DataError for a folder that holds what a queue did not make, or a queue that has begun."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f'"{folder}" is a file: name a folder for the queue')
    others = {path.name for path in folder.glob("*")} - {NOTE, PHOTOGRAPHS, WHEEL_LIST, WHEELS, STATES, profile}
    if others:
        raise DataError(f'"{folder}" holds "{min(others)}", which no queue made: name an empty folder')
    if (folder / STATES).exists() or ((folder / NOTE).exists() and read_note(folder)["finished"]):
        raise DataError(f'"{folder}" holds a queue that has begun: go on with --resume, or name another folder')


def read_note(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the note of a packed folder; raises DataError for one that holds no queue."""
    path = Path(folder) / NOTE
    if not path.exists():
        raise DataError(f'"{folder}" holds no queue: pack one with --carry')
    note: dict[str, Any] = read_json(path, advice=PACK_AGAIN)
    if isinstance(note, dict) and "failed" in note:
        raise DataError(f'"{folder}" holds what came back from a lent machine: take it in with --resume')
    check_shape(note, NOTE_SHAPE, f'"{path}"', advice=PACK_AGAIN)
    if Path(note["profile"]).name != note["profile"]:
        raise DataError(f'"{path}" names the profile "{note["profile"]}", which is a path: {PACK_AGAIN}')
    return note


def take_back(folder: str | os.PathLike[str], back: str | os.PathLike[str], *, results: str = "results") -> dict[str, Any]:
    """Take in what came back from a lent machine, and make the folder ready for the next call; return its note.

    Weights, manifests, histories and scores of finished runs go to ``<results>/<profile>/queue/<run>/``; what unfinished runs need to go
    on goes into the folder, as far as it fits.
    Raises DataError for a folder that is not what it should be, for archives that are not whole, and for a run that is there already.
    """
    folder, back, note = Path(folder), Path(back), read_note(folder)
    if not (back / NOTE).exists():
        raise DataError(f'"{back}" holds no {NOTE} of a lent machine: name the folder that came back')
    report, archives = read_json(back / NOTE, advice="copy it again"), read_archives(back)
    if not isinstance(report, dict) or "failed" not in report or report.get("profile") != note["profile"]:
        raise DataError(f'"{back}" did not come from the queue "{note["profile"]}": name the folder that came back')
    check_shape(report, REPORT_SHAPE, f'"{back / NOTE}"', advice="copy it again")
    profile = load_profile(folder / note["profile"])
    finished = Results(results, profile.name).root / "queue"
    runs, states = (
        {name.removeprefix(kind): content for name, content in archives.items() if name.startswith(kind)} for kind in (RUN, STATE)
    )
    for name, content in runs.items():
        _take_run(finished / name, content)
    note["finished"] = [name for name in note["runs"] if name in {*note["finished"], *runs}]
    note["left_out"] = [*_keep_states(folder, note, states), *report["left_out"]]
    write_json(folder / NOTE, note)
    return note


def _take_run(target: Path, content: bytes) -> None:
    """Unpack a finished run; the same one again changes nothing, another is refused."""
    if target.exists():
        copy = target.with_name(f".{target.name}")
        try:
            same = all((target / path.relative_to(copy)).read_bytes() == path.read_bytes() for path in unpack(content, copy))
        except FileNotFoundError:
            same = False
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        if not same:
            raise DataError(f'"{target}" holds another run of that name: move it away, then take in what came back')
        return
    unpack(content, target)


def _keep_states(folder: Path, note: dict[str, Any], states: dict[str, bytes]) -> list[str]:
    """Put into the folder what unfinished runs go on from, and remove what nobody needs any more; return what did not fit."""
    runs = queued_runs(load_profile(folder / note["profile"]), "gpu")
    needed = waiting_runs(runs, finished=note["finished"], here=())
    kept, missing = folder / STATES, []
    for path in kept.glob("*.zip"):
        if path.stem not in needed or path.stem in states:
            path.unlink()
    for name, content in states.items():
        room = int(note["limit"] * MIB) - sizes([folder])
        if name not in needed:
            continue
        if len(content) > room:
            missing.append(f"{name}: its state of {len(content) / MIB:.1f} MiB, for which {room / MIB:.1f} MiB are left; it starts again")
            continue
        with replacing(kept / f"{name}.zip") as temporary:
            temporary.write_bytes(content)
    return missing


def note_text(note: Mapping[str, Any], folder: str) -> str:
    """Return what a packed folder holds, what was left out, and what is to do with it."""
    left = [name for name in note["runs"] if name not in note["finished"]]
    carried = {name: facts["photographs"].items() for name, facts in note["photographs"].items()}
    return "\n".join(
        [
            *(f"{name}: " + ", ".join(f"{counts['carried']} {split}" for split, counts in splits) for name, splits in carried.items()),
            *(f"left out: {sentence}" for sentence in note["left_out"]),
            f"finished: {', '.join(note['finished']) or 'no run yet'}",
            f"left: {', '.join(left) or 'nothing'}",
            f'"{folder}" has {sizes([Path(folder)]) / MIB:.1f} of at most {note["limit"]:g} MiB; wheels.txt lists what must be installed.',
        ]
    )
