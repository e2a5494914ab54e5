"""Pictures, label maps and the annotations of public data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzz.common import Target, each, is_map, is_picture, picture
from harmlib.io import images, masks
from harmlib.io.files import write_json


def write_pictures(folder: Path) -> None:
    """Write a picture in every format and mode that is read."""
    rgb = Image.fromarray(picture())
    for suffix in ("png", "jpg", "webp", "tif", "bmp", "avif"):
        rgb.save(folder / f"rgb.{suffix}")
    rgb.convert("P").save(folder / "palette.png")
    rgb.convert("L").save(folder / "gray.png")
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("RGBA").save(folder / "alpha.png")
    rgb.convert("L").save(folder / "gray.tif", compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    rgb.save(folder / "exif.jpg", exif=exif)


def write_masks(folder: Path) -> None:
    """Write a mask in every format."""
    mask = Image.fromarray((picture()[..., 0] > 128).astype(np.uint8) * 255)
    for suffix in ("png", "webp", "tif", "bmp"):
        mask.save(folder / f"mask.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    mask.convert("1").save(folder / "bits.png")
    mask.convert("P").save(folder / "palette.png")
    cut = Image.fromarray(picture())
    cut.putalpha(mask)
    cut.save(folder / "cutout.png")


def read_tree(folder: Path) -> None:
    """Read the pairs of an iHarmony4 tree, all of them below the folder."""
    from harmlib.data.pairs import list_splits, load_pair, read_pairs

    for split in list_splits(folder):
        for pair in read_pairs(folder, split):
            assert all(folder.resolve() in path.resolve().parents for path in (pair.composite, pair.mask, pair.real))
            load_pair(pair)


def write_tree(folder: Path) -> None:
    """Write a miniature iHarmony4."""
    from miniature import write_iharmony4_tree

    write_iharmony4_tree(folder)


def write_source(folder: Path) -> None:
    """Write a source in the folder layout, with classes and thresholds."""
    from miniature import write_folder_source

    write_folder_source(folder, photos=3)
    (folder / "classes.csv").write_text("id,name\n0,nothing\n1,one\n2,two\n3,three\n4,four\n")
    (folder / "thresholds.csv").write_text("image,negative_threshold,positive_threshold\np_0,0.8,1.2\np_1.png,0.86,1.15\np_2,0.9,1.1\n")


def read_source(folder: Path) -> None:
    """Read everything of a source."""
    from harmlib.data.composers.thresholds import read_thresholds
    from harmlib.data.sources import open_source

    read_thresholds.cache_clear()
    read_thresholds(folder / "thresholds.csv")
    source = open_source("folder", folder, no_object=0)
    for split in source.splits():
        for photo in source.ids(split):
            source.load(photo)


def write_lists(folder: Path) -> None:
    """Write miniatures of ADE20K and CamVid."""
    ade, camvid = folder / "ADEChallengeData2016", folder / "CamVid"
    for split in ("training", "validation"):
        for kind, array, suffix in (("images", picture(), "jpg"), ("annotations", np.ones((40, 56), np.uint8), "png")):
            (ade / kind / split).mkdir(parents=True)
            Image.fromarray(array).save(ade / kind / split / f"ADE_{split}_1.{suffix}")
    (ade / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tName\n1\t0.1\t9\t9\twall\n2\t0.1\t9\t9\tbuilding, edifice\n")
    for split in ("train", "val", "test"):
        (camvid / split).mkdir(parents=True)
        (camvid / f"{split}annot").mkdir()
        images.write_png(camvid / split / "x_1.png", picture())
        images.write_png(camvid / f"{split}annot" / "x_1.png", np.ones((40, 56), np.uint8))
        (camvid / f"{split}.txt").write_text(f"/SegNet/CamVid/{split}/x_1.png /SegNet/CamVid/{split}annot/x_1.png\n")


def read_lists(folder: Path) -> None:
    """Read everything of ADE20K and CamVid."""
    from harmlib.data.sources import open_source
    from reproduction.prepare.releases import get_release

    source = open_source("ade20k", folder)
    for split in source.splits():
        for photo in source.ids(split):
            source.load(photo)
    release = get_release("camvid")
    for original in release.originals(folder):
        assert folder.resolve() in original.image.resolve().parents
        release.annotate(original)


def write_coco(folder: Path) -> None:
    """Write a miniature of COCO with polygons and both kinds of runs."""
    from pycocotools import mask as native

    (folder / "val2017").mkdir()
    Image.fromarray(picture()).save(folder / "val2017" / "1.jpg")
    packed = native.encode(np.asfortranarray(picture()[..., 0] > 128, dtype=np.uint8))["counts"].decode()
    shapes = ([[2, 2, 20, 2, 20, 20, 2, 20]], {"size": [40, 56], "counts": [100, 50, 2090]}, {"size": [40, 56], "counts": packed})
    objects = [
        {"id": number, "image_id": 1, "category_id": number % 2 + 1, "area": 1.5 + number, "iscrowd": number % 2, "segmentation": shape}
        for number, shape in enumerate(shapes)
    ]
    content = {
        "images": [{"id": 1, "file_name": "1.jpg", "height": 40, "width": 56}],
        "annotations": objects,
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }
    write_json(folder / "annotations" / "instances_val2017.json", content)


def read_coco(folder: Path) -> None:
    """Read everything of COCO."""
    from harmlib.data.sources import open_source

    source = open_source("coco", folder)
    for photo in source.ids("test"):
        source.load(photo)


def write_mat(folder: Path) -> None:
    """Write annotations of CCP and BSDS500."""
    from scipy.io import savemat

    from reproduction.prepare.releases import CCP_GROUP_OF

    tags = np.empty((len(CCP_GROUP_OF), 1), object)
    tags[:, 0] = list(CCP_GROUP_OF)
    maps = np.empty((1, 2), object)
    for number in range(2):
        maps[0, number] = {"Segmentation": (picture(number)[..., 0] // 64 + 1).astype(np.uint16)}
    savemat(folder / "ccp.mat", {"groundtruth": picture()[..., 0] % 59}, do_compression=True)
    savemat(folder / "plain.mat", {"groundtruth": picture()[..., 0] % 59})
    savemat(folder / "label_list.mat", {"label_list": tags})
    savemat(folder / "bsds.mat", {"groundTruth": maps}, do_compression=True)


def read_mat(folder: Path) -> None:
    """Read all annotations."""
    from reproduction.prepare.releases import Original, get_release

    ccp, bsds = get_release("ccp"), get_release("bsds500")
    for name, release in (("ccp", ccp), ("plain", ccp), ("bsds", bsds)):
        labels = release.annotate(Original(name, "train", folder, folder / f"{name}.mat")).labels
        assert is_map(labels)
    ccp.classes(folder)


PICTURES = {
    "image": Target(write_pictures, lambda folder: each(folder, images.read_image, is_picture), ("*",)),
    "mask": Target(write_masks, lambda folder: each(folder, masks.read_mask, is_map), ("*",)),
    "labels": Target(
        lambda folder: images.write_png(folder / "a.png", picture()[..., 0]),
        lambda folder: each(folder, images.read_labels, is_map),
        ("*",),
    ),
    "lists": Target(write_tree, read_tree, ("**/*.txt",)),
    "source": Target(write_source, read_source, ("*.csv", "labels/*.png")),
    "public lists": Target(write_lists, read_lists, ("**/*.txt", "**/*annot/*.png")),
    "coco": Target(write_coco, read_coco, ("annotations/*.json",)),
    "mat": Target(write_mat, read_mat, ("*.mat",)),
}
