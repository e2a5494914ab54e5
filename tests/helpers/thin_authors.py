"""How ``tests/authors`` came about: ``python tests/helpers/thin_authors.py FOLDER`` thins ``FOLDER/golden``, copies ``specs/params``.

Arrays of up to 1024 values stay whole, and so do those that tests feed to our code (``INPUTS``).
The notes beside the full files (``golden/*.md``) say how the authors' code made them.
"""

from __future__ import annotations

import json
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from authors import AUTHORS, INDEX, PARAMETERS, thin

LARGEST_WHOLE = 1024
INPUTS = {
    "classical": ["ct_[IUFM]?", "?_xiao_U?", "?_ycbcr", "F_idt_img", "zhu_src", "zhu_tgt", "zhu_m", "lal_lab", "lal_io", "xue_[ImY]"],
    "frih_loss": ["composite", "target", "coarse", "refined", "submasks", "mask", "label_map"],
    "frih_submasks": ["*/rgb", "*/image", "*/mask"],
    "harmonizer": [
        "B/bn_vector", "filt/image_*", "filt/gradW", "syn/real", "syn/mask", "syn/composite", "coarse/*",
        "pcm/[lh]r_src", "pcm/lr_dst", "pcm/hr_mask",
    ],
    "idih": ["*/bn_vector", "predict/image", "predict/mask", "loss/*"],
    "pctnet": [
        "*/bn_vector", "predict/image*", "predict/mask*", "pct/params", "loss/pixel/*", "loss/smooth/params", "contrast/transferred",
    ],
    "perceptual_ops": ["image", "mask", "reference*"],
    "rainnet": ["rain/mask*"],
    "s2crnet": ["curve/image", "curve/param", "loss/*"],
    "sgmmh": ["retouch/*", "metric/*_bgr8", "pert/labp/in_rgb", "pert/blur/in", "pert/pipe/img_bgr", "pert/pipe/label", "filter/*/in"],
}  # fmt: skip


def thin_file(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a thinned file."""
    with np.load(file) as full:
        arrays = dict(full)
    index = {}
    for key, array in arrays.items():
        if array.size > LARGEST_WHOLE and not any(fnmatch(key, pattern) for pattern in INPUTS.get(file.stem, [])):
            left = thin(array)
            arrays[key], index[key] = left.values, (left.shape, left.moments, left.checksum)
    return {**arrays, INDEX: np.array(json.dumps(index, allow_nan=False))}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    PARAMETERS.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.glob("golden/*.npz")):
        np.savez_compressed(AUTHORS / file.name, **thin_file(file))
    for file in [*folder.glob("golden/*.json"), *folder.glob("specs/params/*.json")]:
        shutil.copyfile(file, (AUTHORS if file.parent.name == "golden" else PARAMETERS) / file.name)
