"""An edited picture on disk, and the recipe that makes it again without the network.

    edited.png     the picture at the composite's size
    edited.json    the recipe: method, composite, predicted arguments, edits, versions
    edited.npz     what is too large for it: operator masks, the mask, the regions

The recipe names the other two files by their sha256, and the composite by that of its pixels: the same picture in another file will do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harmlib.editor.regions import Regions
from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import FilterArguments, OperatorMasks, WhiteBox
from harmlib.errors import DataError, HarmlibError, ParameterError
from harmlib.inference.pictures import Picture, read_picture
from harmlib.io.arrays import read_arrays
from harmlib.io.documents import check_shape, read_json
from harmlib.io.files import check_output, package_versions, replacing, sha256, write_json
from harmlib.io.images import read_image
from harmlib.io.saving import save_picture

FORMAT = "harmlib editor recipe"
VERSION = 1
ARRAY_BYTES = 64  # a pixel takes less in all arrays of a recipe
AGAIN = "export the picture again"
IDENTITY = {"height": int, "width": int, "sha256": str}
SHAPE = {
    "method": str,
    "composite": IDENTITY,
    "kind": str,
    "prediction": dict,
    "regions": {"ids": [int], "origin": str},
    "arrays": {"file": str, "sha256": str},
    "edits": [{"region": int, "name": str, "scale": float, "shift": float}],
    "picture": {"file": str, **IDENTITY},
    "versions": {str: str},
}
# Kind of a prediction -> what its recipe says of it.
PREDICTIONS = {
    OperatorMasks.kind: {"inside_mask": bool},
    FilterArguments.kind: {"filters": [str], "arguments": [float]},
}


def export(state: EditorState, path: str | os.PathLike[str]) -> Path:
    """Write the edited picture at full size as PNG, arrays and recipe beside it, the recipe last; return the recipe's path.

    path: of the picture, ending in .png. What an earlier export wrote there is replaced; nothing else ever is.
    Raises ParameterError for another ending; DataError where one of the three names belongs to a file that is not an export, was changed
    since or is the composite, and for what the system refuses; DiskSpaceError when the disk is full.
    """
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise ParameterError(f'"{target}" does not end in .png, and another format would change the picture: choose PNG')
    recipe, arrays = target.with_suffix(".json"), target.with_suffix(".npz")
    picture, (prediction, stored) = state.full(), _stored(state)
    _check_free(state, picture, target, recipe, arrays)
    shown = Image.fromarray(picture)
    shown.info.update(state.kept)
    save_picture(shown, target)
    # Without dates, so that the same edits give the same bytes.
    with replacing(arrays) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **stored)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "method": state.box.method,
        "composite": _identity(state.composite),
        "kind": state.box.kind,
        "prediction": prediction,
        "regions": {"ids": list(state.regions.ids), "origin": state.regions.origin},
        "arrays": {"file": arrays.name, "sha256": sha256(arrays)},
        "edits": [
            {"region": region, "name": name, "scale": change.scale, "shift": change.shift}
            for (region, name), change in sorted(state.edits.items())
        ],
        "picture": {"file": target.name, **_identity(picture)},
        "versions": package_versions(),
    }
    write_json(recipe, content)
    return recipe


def replay(recipe: str | os.PathLike[str], composite: Picture) -> np.ndarray:
    """Return the picture that was exported, uint8 RGB (H, W, 3), pixel by pixel the same; no network is needed.

    recipe: the .json file, its .npz beside it. composite: the picture it was made from, PIL or uint8 RGB (H, W, 3).
    Raises DataError for a recipe that is missing, damaged, foreign, of another version or of another composite, and for
    one that gives another picture than was exported.
    """
    state, content = _open(Path(recipe), composite)
    picture = state.full()
    if _identity(picture)["sha256"] != content["picture"]["sha256"]:
        here, then = package_versions(), content["versions"]
        differing = [f"{name} {then.get(name)}, here {version}" for name, version in here.items() if then.get(name) != version]
        raise DataError(
            f'"{recipe}" gives another picture than was exported: it was changed by hand, or made with other versions '
            f"({'; '.join(differing) or 'all versions agree'})"
        )
    return picture


def open_recipe(recipe: str | os.PathLike[str], composite: Picture) -> EditorState:
    """Return the state of a recipe, to continue editing; its edits are one step each. Arguments and errors as for ``replay``."""
    return _open(Path(recipe), composite)[0]


def _check_free(state: EditorState, picture: np.ndarray, target: Path, recipe: Path, arrays: Path) -> None:
    """Raise DataError unless the three files can be written: nothing is there, or an export of which its recipe tells."""
    for path in (target, recipe, arrays):
        check_output(path)
    there = [path for path in (target, recipe, arrays) if path.exists()]
    if not there:
        return
    try:
        content = _read(recipe)
        ours = not arrays.exists() or sha256(arrays) == content["arrays"]["sha256"]
        found = _identity(read_image(target)) if target.exists() else None
    except HarmlibError as error:
        raise DataError(f'"{there[0]}" is there and was not exported from here: choose another name') from error
    if found is not None and found == _identity(state.composite) != _identity(picture):
        raise DataError(f'"{target}" is the composite: choose another name')
    if not ours or (found is not None and found["sha256"] != content["picture"]["sha256"]):
        raise DataError(f'"{target}" was changed after its export: choose another name')


def _open(path: Path, composite: Picture) -> tuple[EditorState, Mapping[str, Any]]:
    """Return the state of a recipe and the recipe; raises DataError."""
    content, given = _read(path), read_picture(composite)
    picture = given.pixels
    if _identity(picture) != content["composite"]:
        expected, found = content["composite"], _identity(picture)
        raise DataError(
            f'"{path}" belongs to another composite ({_in_words(expected)}) than this one ({_in_words(found)}): '
            "give the picture that was edited, unscaled"
        )
    arrays = _read_arrays(path, content["arrays"], limit=picture.shape[0] * picture.shape[1] * ARRAY_BYTES + 2**20)
    try:
        regions = Regions(arrays["labels"], tuple(content["regions"]["ids"]), content["regions"]["origin"])
        state = EditorState(picture, _box(content, arrays), arrays.get("mask"), regions, kept=given.kept)
        for edit in content["edits"]:
            state.set(edit["name"], scale=edit["scale"], shift=edit["shift"], region=edit["region"])
    except (HarmlibError, KeyError) as error:
        raise DataError(f'"{path}" is damaged ({error}): {AGAIN}') from error
    return state, content


def _read(path: Path) -> Mapping[str, Any]:
    """Return the content of a recipe of this version; raises DataError."""
    content = read_json(path, advice=AGAIN)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f'"{path}" is no recipe of the editor: give the .json file that stands beside an exported picture')
    if content.get("version") != VERSION:
        raise DataError(f'"{path}" has version {content.get("version")}, this harmlib reads {VERSION}: export the picture again')
    check_shape(content, SHAPE, f'"{path}"', advice=AGAIN)
    return content


def _read_arrays(path: Path, entry: Mapping[str, Any], *, limit: int) -> dict[str, np.ndarray]:
    """Return the arrays that a recipe names, from the file beside it; raises DataError when they are missing or not the same."""
    file = path.parent / Path(entry["file"]).name
    if not file.is_file():
        raise DataError(f'"{file}" is missing, which holds the arrays of "{path}": keep the two files together')
    if sha256(file) != entry["sha256"]:
        raise DataError(f'"{file}" is damaged or belongs to another recipe than "{path}": export the picture again')
    return read_arrays(file, ("labels",), limit=limit, advice=AGAIN)


def _stored(state: EditorState) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a recipe says of the prediction, and the arrays beside it: regions, operator masks, the mask that the method works in."""
    box, arrays = state.box, {"labels": state.regions.labels}
    prediction: dict[str, Any] = {"operators": list(box.names), "inside_mask": box.inside_mask}
    if isinstance(box, OperatorMasks):
        arrays["operator_masks"] = box.masks
    elif isinstance(box, FilterArguments):
        prediction = {"filters": list(box.names), "arguments": box.arguments.tolist()}
    if box.inside_mask and state.mask is not None:
        arrays["mask"] = state.mask
    return prediction, arrays


def _box(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> WhiteBox:
    """Return the prediction of a recipe; raises ParameterError, KeyError."""
    prediction = content["prediction"]
    if content["kind"] not in PREDICTIONS:
        raise ParameterError(f'kind "{content["kind"]}" is none of {", ".join(PREDICTIONS)}')
    check_shape(prediction, PREDICTIONS[content["kind"]], "prediction")
    if content["kind"] == FilterArguments.kind:
        return FilterArguments(content["method"], prediction["arguments"], prediction["filters"])
    return OperatorMasks(content["method"], arrays["operator_masks"], inside_mask=prediction["inside_mask"])


def _identity(picture: np.ndarray) -> dict[str, Any]:
    """Return what tells pictures apart: size, and the sha256 of size and pixels."""
    height, width = picture.shape[:2]
    digest = hashlib.sha256(f"{height}x{width}".encode() + np.ascontiguousarray(picture).tobytes()).hexdigest()
    return {"height": height, "width": width, "sha256": digest}


def _in_words(identity: Mapping[str, Any]) -> str:
    """Return a picture's size and the beginning of its sha256."""
    return f"{identity['height']}x{identity['width']}, sha256 {identity['sha256'][:8]}…"
