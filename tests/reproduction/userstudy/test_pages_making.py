from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature_study import METHODS, make_miniature, page_data, write_composites
from PIL import Image, ImageCms

from harmlib import models
from harmlib.errors import DataError, EmptyMaskError, ImageError, MaskError, ParameterError
from harmlib.inference.pictures import harmonize
from harmlib.io.images import read_image, write_png
from harmlib.io.masks import read_mask
from reproduction.__main__ import main
from reproduction.userstudy.pages import KINDS, make_study
from reproduction.userstudy.pages.naming import read_key
from reproduction.userstudy.pages.planning import is_spoiled
from reproduction.userstudy.pages.versions import to_srgb


@pytest.fixture(scope="module", params=KINDS)
def study(request, tmp_path_factory) -> Path:
    """A finished study of each kind."""
    return make_miniature(tmp_path_factory.mktemp("study"), request.param)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_that_is_handed_out_names_a_method_or_an_item(study):
    # Shorter names, such as "ht", are parts of words.
    methods = [name for name in models.list_models() if len(name) > 4]
    secrets = [*methods, "spoiled", "common", "scored", "photo-0", "photo-1", "photo-2", "my class"]

    for name, content in contents(study / "pages").items():
        # Encoded pictures inside a page are looked at as what they are elsewhere, and as text they hold anything by chance.
        text = re.sub(rb'data:image/png;base64,[^"]*', b"", content).lower() if name.endswith(".html") else content
        assert [word for word in secrets if word.encode() in text or word in name] == []


def test_pictures_carry_nothing_but_pixels_and_are_all_alike(study):
    pictures = list(study.rglob("images/*"))

    for path in pictures:
        with Image.open(path) as picture:
            allowed = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert set(picture.info) <= allowed
            assert picture.getexif() == {}
    assert len({path.suffix for path in pictures}) == 1
    assert len({Image.open(path).size for path in pictures}) == 1
    assert len({len(path.stem) for path in pictures}) == 1
    assert len({path.stat().st_mtime for path in pictures}) == 1


def test_a_study_of_another_seed_has_other_names(study, tmp_path):
    kind = json.loads((study / "pages" / "study.json").read_text())["kind"]

    other = make_miniature(tmp_path, kind, seed=7)

    assert not read_key(study).images.keys() & read_key(other).images.keys()


def test_the_same_command_makes_the_same_bytes(study, tmp_path):
    kind = json.loads((study / "pages" / "study.json").read_text())["kind"]

    again = make_miniature(tmp_path, kind)

    assert contents(again) == contents(study)


def test_every_rater_has_a_page_without_addresses(study):
    pages = sorted((study / "pages").glob("*.html"))

    assert [page.stem for page in pages] == ["rater-01", "rater-02", "rater-03"]
    for page in pages:
        assert not re.search(r"https?://|//[a-z]+\.|@import|<link[^>]+href=\"[^d]", re.sub(r'base64,[^"]*', "", page.read_text()))


def test_pages_show_what_the_key_says(study):
    key = read_key(study)

    for rater, trials in key.trials.items():
        page = page_data(study, rater)
        assert page["study"] == key.study
        assert [trial["id"] for trial in page["trials"]] == list(trials)
        for shown, trial in zip(page["trials"], trials.values(), strict=True):
            assert [key.images[name] for name in shown["images"]] == [(trial.item, version) for version in trial.versions]


def test_pictures_are_what_the_methods_make(tmp_path):
    study, root = make_miniature(tmp_path, "choices"), tmp_path / "my class"

    for name, (item, version) in read_key(study).images.items():
        composite, mask = read_image(root / "composites" / f"{item}.png"), read_mask(root / "masks" / f"{item}.png")
        shown = read_image(study / "pages" / "images" / name).astype(int)
        if is_spoiled(version):
            assert np.abs(shown - composite)[mask].mean() > 60
            assert np.abs(shown - composite)[~mask].mean() < 3
        else:
            # JPEG of quality 95 moves smooth colors by a level or two.
            assert np.abs(shown - harmonize(version, composite, mask)).mean() < 2


@pytest.mark.slow
def test_large_pictures_are_shrunk_all_the_same_way(tmp_path):
    folder = write_composites(tmp_path / "large", 2, size=(1344, 640))

    make_study(folder, tmp_path / "out", methods=["composite", "reinhard_lab"], raters=1)

    assert {read_image(path).shape for path in (tmp_path / "out" / "pages" / "images").iterdir()} == {(1280, 610, 3)}


def test_an_interrupted_study_goes_on_and_ends_with_the_same_bytes(tmp_path, caplog):
    study = make_miniature(tmp_path, "rankings")
    whole = contents(study)
    pictures = sorted((study / "pages" / "images").iterdir())
    kept = pictures[1].stat().st_ino
    pictures[0].unlink()
    (study / "pages" / "study.json").unlink()

    with caplog.at_level("INFO"):
        make_miniature(tmp_path, "rankings")

    assert "9 of 10 pictures are there already" in caplog.text
    assert contents(study) == whole
    assert pictures[1].stat().st_ino == kept


def test_another_study_is_not_written_over(tmp_path):
    make_miniature(tmp_path, "rankings")

    with pytest.raises(DataError, match="holds another study"):
        make_miniature(tmp_path, "rankings", seed=7)


@pytest.mark.parametrize("name", ["notes.txt", "pages/rater-01.html", "pages/study.json"])
def test_a_folder_with_other_files_is_left_as_it_is(tmp_path, name):
    folder, foreign = write_composites(tmp_path), tmp_path / "out" / name
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")

    with pytest.raises(DataError, match=r'out" holds other files \("(notes.txt|pages)"\) and no study: name a folder that is new or empty'):
        make_study(folder, tmp_path / "out", kind="choices", methods=METHODS)

    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [foreign]
    assert foreign.read_text() == "mine"


def test_scenarios_are_read_and_checked(tmp_path):
    folder = write_composites(tmp_path)
    (folder / "scenarios.csv").write_text("item,scenario\nphoto-0,light\nphoto-9,light\n")

    with pytest.raises(DataError, match=r"scenarios.csv\" line 3 must name one of the composites"):
        make_study(folder, tmp_path / "out", kind="choices", methods=METHODS)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"methods": ["composite", "reinhard_lba"]}, ParameterError, 'no method "reinhard_lba"'),
        ({"methods": ["composite", "composite"]}, ParameterError, '"composite" is named twice'),
        ({"methods": ["composite"]}, ParameterError, "name at least two"),
        ({"kind": "filters", "methods": ["composite"]}, ParameterError, "compares no methods"),
        ({"methods": METHODS, "catch_trials": 2}, ParameterError, "choose from 0 to 1"),
        ({"kind": "votes", "methods": METHODS}, ParameterError, 'no kind "votes"'),
    ],
)
def test_impossible_studies_are_refused_before_anything_is_written(tmp_path, options, error, sentence):
    folder = write_composites(tmp_path)

    with pytest.raises(error, match=sentence):
        make_study(folder, tmp_path / "out", **options)

    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_layout_is_refused(tmp_path):
    write_png(tmp_path / "photo.png", np.zeros((8, 8, 3), np.uint8))

    with pytest.raises(DataError, match='put the pictures into its folder "composites"'):
        make_study(tmp_path, tmp_path / "out", methods=METHODS)


@pytest.mark.parametrize(
    ("mask", "error", "sentence"),
    [(np.zeros((48, 64), np.uint8), EmptyMaskError, "has no foreground"), (np.ones((4, 4), np.uint8) * 255, MaskError, "is 4x4")],
)
def test_useless_masks_are_refused(tmp_path, mask, error, sentence):
    folder = write_composites(tmp_path)
    write_png(folder / "masks" / "photo-1.png", mask)

    with pytest.raises(error, match=sentence):
        make_study(folder, tmp_path / "out", methods=METHODS)


def test_transparent_composites_are_refused_and_opaque_ones_with_alpha_are_not(tmp_path):
    folder = write_composites(tmp_path)
    path = folder / "composites" / "photo-1.png"
    cut = Image.open(path).convert("RGBA")
    cut.save(path)
    make_study(folder, tmp_path / "opaque", methods=METHODS, raters=2)
    cut.putpixel((0, 0), (0, 0, 0, 0))
    cut.save(path)

    with pytest.raises(ImageError, match=r'photo-1.png" is transparent in parts'):
        make_study(folder, tmp_path / "out", methods=METHODS)

    assert not (tmp_path / "out").exists()


def test_composites_that_no_method_could_change_are_all_named(tmp_path, caplog):
    folder = write_composites(tmp_path)
    for number in (0, 2):
        write_png(folder / "masks" / f"photo-{number}.png", np.full((48, 64), 255, np.uint8))

    make_study(folder, tmp_path / "out", methods=["composite", "reinhard_lab"], raters=2)

    named = [message.partition('"')[2].partition('"')[0] for message in caplog.messages if "covers the whole picture" in message]
    assert {Path(name).name for name in named} == {"photo-0.png", "photo-2.png"}


def test_a_trained_method_takes_the_weights_it_is_given(tmp_path):
    torch.manual_seed(0)
    model = models.create("sgmmh_om", width=1 / 64)
    with torch.no_grad():
        model.generator.start_from_identity()
    models.save_checkpoint(model, tmp_path / "run" / "checkpoint.pt")
    folder, asked = write_composites(tmp_path), ["--methods", "composite", "sgmmh_om", "--raters", "1"]

    code = main(["study", "make", str(folder), *asked, "--weights", f"sgmmh_om={tmp_path / 'run'}", "--out", str(tmp_path / "s")])

    assert code == 0
    assert read_key(tmp_path / "s").settings["weights"].keys() == {"composite", "sgmmh_om"}


@pytest.mark.parametrize(
    ("weights", "sentence"), [("frih=run", 'weights are given for "frih"'), ("sgmmh_om", '"sgmmh_om" is not NAME=RUN')]
)
def test_weights_that_belong_to_nothing_are_one_sentence(weights, sentence, tmp_path, capsys):
    folder = write_composites(tmp_path)

    code = main(["study", "make", str(folder), "--methods", "composite", "sgmmh_om", "--weights", weights, "--out", str(tmp_path / "s")])

    assert code == 2
    assert sentence in capsys.readouterr().err


def test_the_command_takes_methods_with_commas_or_spaces(tmp_path):
    folder = write_composites(tmp_path)

    code = main(
        ["study", "make", str(folder), "--methods", "composite,reinhard_lab", "xiao_ma", "--raters", "1", "--out", str(tmp_path / "s")]
    )

    assert code == 0
    assert read_key(tmp_path / "s").settings["methods"] == ["composite", "reinhard_lab", "xiao_ma"]


@pytest.mark.parametrize("kind", ["rankings", "filters"])
def test_cut_outs_and_masks_of_0_and_1_make_the_same_pictures(kind, tmp_path):
    for name in ("gray", "alpha", "ones"):
        write_composites(tmp_path / name)
        for path in (tmp_path / name / "masks").iterdir():
            levels = np.asarray(Image.open(path))
            if name == "alpha":
                Image.fromarray(np.dstack([np.zeros((*levels.shape, 3), np.uint8), levels])).save(path)
            if name == "ones":
                write_png(path, levels // 255)

    studies = []
    for name in ("gray", "alpha", "ones"):
        make_study(tmp_path / name, tmp_path / f"{name}-out", kind=kind, methods=() if kind == "filters" else METHODS, raters=2)
        studies.append(sorted(path.read_bytes() for path in (tmp_path / f"{name}-out").rglob("images/*")))

    assert studies[0] == studies[1] == studies[2]


def test_pages_show_a_wide_color_space_in_srgb(tmp_path):
    folder, profile = write_composites(tmp_path / "my"), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = folder / "composites" / "photo-0.png"
    swapped = profile.replace(b"rXYZ", b"tmp1").replace(b"gXYZ", b"rXYZ").replace(b"tmp1", b"gXYZ")  # red and green change places
    Image.open(path).save(path, icc_profile=swapped)
    levels = read_image(path)

    shown = to_srgb(path)

    assert np.abs(shown.astype(int) - levels[..., [1, 0, 2]]).max() <= 2


def test_a_detector_is_no_method_of_a_study(tmp_path):
    models.save_checkpoint(models.create("ptc", width=1 / 16), tmp_path / "run" / "checkpoint.pt")

    with pytest.raises(ParameterError, match='"ptc" looks for what is wrong and harmonizes nothing'):
        make_study(write_composites(tmp_path / "my"), tmp_path / "out", methods=["composite", "ptc"], weights={"ptc": tmp_path / "run"})


def test_a_file_in_place_of_the_studys_folder_is_one_sentence(tmp_path, capsys):
    write_composites(tmp_path / "my")
    (tmp_path / "c.png").write_bytes(b"mine")

    code = main(["study", "make", str(tmp_path / "my"), "--methods", "composite", "reinhard_lab", "--out", str(tmp_path / "c.png")])

    assert code == 2
    assert 'c.png" is a file: choose another folder' in capsys.readouterr().err
    assert (tmp_path / "c.png").read_bytes() == b"mine"
