"""The Python door with what people have: color spaces, EXIF, transparency, threads, models in training, masks that leave nothing to do."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_files import write_malformed_exif
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

import harmlib
from harmlib import models
from harmlib.errors import CheckpointError, ImageError, ParameterError
from harmlib.inference.render import evaluating
from harmlib.io import memory
from harmlib.io.images import open_image
from harmlib.io.saving import save_picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, CAMERA = 0x0112, 0x0110  # EXIF tags


@pytest.fixture
def mask(photo_array: np.ndarray) -> np.ndarray:
    """A rectangle of foreground, uint8."""
    mask = np.zeros(photo_array.shape[:2], np.uint8)
    mask[10:30, 20:50] = 255
    return mask


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_profile_exif_and_dpi_go_on_from_python(suffix: str, tmp_path: Path, photo_array: np.ndarray, mask: np.ndarray) -> None:
    exif = Image.Exif()
    exif[CAMERA] = "a camera"
    Image.fromarray(photo_array).save(tmp_path / "a.png", icc_profile=PROFILE, exif=exif, dpi=(300, 300))

    result = harmlib.harmonize("reinhard_lab", Image.open(tmp_path / "a.png"), Image.fromarray(mask))
    save_picture(result, tmp_path / f"out.{suffix}")

    with Image.open(tmp_path / f"out.{suffix}") as written:
        assert result.info["icc_profile"] == written.info["icc_profile"] == PROFILE
        assert written.getexif()[CAMERA] == "a camera"
        assert suffix in ("webp", "avif") or round(written.info["dpi"][0]) == 300


def test_what_a_format_cannot_hold_is_said(tmp_path: Path, photo_array: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    picture = Image.fromarray(photo_array)
    picture.info["icc_profile"] = PROFILE

    with caplog.at_level("INFO"):
        save_picture(picture, tmp_path / "a.bmp")

    assert 'a.bmp" cannot hold the color profile of its source, left out' in caplog.text


def test_exif_that_is_too_long_for_a_jpeg_is_shortened(tmp_path: Path, photo_array: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    exif, picture = Image.Exif(), Image.fromarray(photo_array)
    exif[CAMERA], exif[0x9286] = "a camera", b"\0" * 100_000
    picture.info["exif"] = exif.tobytes()

    with caplog.at_level("INFO"):
        save_picture(picture, tmp_path / "a.jpg")

    assert "can hold 65533 bytes of EXIF: the 1 longest tags are left out" in caplog.text
    assert Image.open(tmp_path / "a.jpg").getexif()[CAMERA] == "a camera"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_once_in_every_orientation(orientation: int, photo_array: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = photo_array if orientation < 5 else np.rot90(photo_array)
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)

    result = harmlib.harmonize("composite", Image.open(tmp_path / "a.png"), Image.fromarray(mask))

    assert np.array_equal(np.asarray(result), np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))))
    assert ORIENTATION not in result.getexif()


def test_a_malformed_exif_block_is_no_obstacle(photo_array: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    picture = Image.open(write_malformed_exif(tmp_path / "a.jpg", photo_array))

    assert harmlib.harmonize("reinhard_lab", picture, Image.fromarray(mask)).size == (64, 48)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
def test_xmp_is_left_out_with_a_sentence(suffix: str, orientation: int, tmp_path: Path, photo_array: np.ndarray, caplog) -> None:
    exif, xmp = Image.Exif(), b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    exif[ORIENTATION], told = orientation, {"xmp": xmp}
    if suffix == "png":
        told = {"pnginfo": PngImagePlugin.PngInfo()}
        told["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
        told["pnginfo"].add_text("Author", "somebody")
    Image.fromarray(photo_array).save(tmp_path / f"a.{suffix}", exif=exif, **told)

    with caplog.at_level("INFO"):
        result = harmlib.harmonize("composite", open_image(tmp_path / f"a.{suffix}"))

    others = "XMP and text" if suffix == "png" else "XMP"
    assert f'a.{suffix}" holds {others}' in caplog.text
    assert not {"xmp", "XML:com.adobe.xmp", "Author"} & result.info.keys()


def test_what_is_told_of_a_file_is_told_once_and_names_it(tmp_path: Path, photo_array: np.ndarray, caplog) -> None:
    with caplog.at_level("INFO"):
        harmlib.harmonize("composite", open_image(write_malformed_exif(tmp_path / "a.jpg", photo_array)))

    assert caplog.text.count("malformed EXIF") == 1
    assert 'a.jpg" has malformed EXIF tags' in caplog.text


def test_a_closed_picture_is_told_as_closed(tmp_path: Path, photo_array: np.ndarray, mask: np.ndarray) -> None:
    Image.fromarray(photo_array).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
    picture.close()

    with pytest.raises(ImageError, match="the composite was closed: open it again"):
        harmlib.harmonize("xiao_ma", picture, mask)


@pytest.mark.parametrize("kind", [np.matrix, np.ma.array])
@pytest.mark.parametrize("method", ["xiao_ma", "harmonizer"])
def test_other_kinds_of_arrays_are_masks_like_plain_ones(kind, method: str, photo_array: np.ndarray, mask: np.ndarray) -> None:
    expected = harmlib.harmonize(method, photo_array, mask)

    found = harmlib.harmonize(method, np.ma.array(photo_array), kind(mask))

    assert type(found) is np.ndarray
    assert np.array_equal(found, expected)


def test_lab_and_pages_are_refused_in_our_words(photo_array: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="the composite is LAB: convert it"):
        harmlib.harmonize("reinhard_lab", Image.new("LAB", (64, 48)), mask)
    frames = [Image.fromarray(photo_array), Image.fromarray(255 - photo_array)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="the composite holds 2 pictures"):
        harmlib.harmonize("reinhard_lab", Image.open(tmp_path / "a.gif"), mask)


@pytest.mark.parametrize("method", ["reinhard_lab", "xiao_ma", "histogram", "reinhard_lalphabeta"])
@pytest.mark.parametrize(
    "view", [np.array, np.asfortranarray, lambda array: array[::-1, ::-1], lambda array: np.dstack([array, array])[..., :3]]
)
def test_results_are_row_by_row_in_memory(method: str, view, photo_array: np.ndarray, mask: np.ndarray) -> None:
    result = harmlib.harmonize(method, view(photo_array), mask)

    assert result.flags.c_contiguous
    assert result.dtype == np.uint8


@pytest.mark.parametrize("method", ["reinhard_lab", "xiao_ma", "histogram"])
def test_colors_under_transparent_pixels_do_not_count(method: str, photo_array: np.ndarray, mask: np.ndarray) -> None:
    alpha = np.full(mask.shape, 255, np.uint8)
    alpha[:, :15], alpha[20:25, 30:40] = 0, 0  # background and foreground
    results = []
    for hidden in (0, 255):
        composite = np.dstack([np.where(alpha[..., None] == 0, np.uint8(hidden), photo_array), alpha])
        results.append(harmlib.harmonize(method, composite, mask))
        assert np.array_equal(results[-1][alpha == 0], composite[alpha == 0])

    assert np.array_equal(results[0][alpha > 0], results[1][alpha > 0])
    assert not np.array_equal(results[0][alpha > 0][:, :3], photo_array[alpha > 0])


def test_hidden_colors_change_neither_mean_nor_spread_of_the_background(photo_array: np.ndarray, mask: np.ndarray) -> None:
    bordered = np.pad(np.dstack([photo_array, np.full(mask.shape, 255, np.uint8)]), ((0, 48), (0, 0), (0, 0)))

    result = harmlib.harmonize("reinhard_lab", bordered, np.pad(mask, ((0, 48), (0, 0))))

    alone = harmlib.harmonize("reinhard_lab", photo_array, mask)
    assert np.abs(result[:48, :, :3].astype(int) - alone).max() <= 4


@pytest.mark.parametrize(
    ("fill", "reason"), [(0, "the mask is empty"), (255, 'the mask covers the whole picture, and "reinhard_lab" takes its colors from')]
)
def test_a_mask_that_leaves_nothing_to_do_is_told(fill: int, reason: str, photo_array: np.ndarray, mask: np.ndarray) -> None:
    with pytest.warns(UserWarning, match=reason):
        result = harmlib.harmonize("reinhard_lab", photo_array, np.full_like(mask, fill))

    assert np.array_equal(result, photo_array)


@pytest.mark.slow
def test_a_fresh_model_is_shared_by_threads_and_not_changed(photo_array: np.ndarray, mask: np.ndarray) -> None:
    torch.manual_seed(0)
    model = models.create("harmonizer", width=0.125)
    inputs = [(np.roll(photo_array, 7 * index, 1), np.roll(mask, 7 * index, 1)) for index in range(3)]
    expected = [harmlib.harmonize(model, *given) for given in inputs]
    before, found = {name: values.clone() for name, values in model.state_dict().items()}, [None] * 12

    def work(index: int) -> None:
        found[index] = harmlib.harmonize(model, *inputs[index % 3])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(result, expected[index % 3]) for index, result in enumerate(found))
    assert model.training
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


@pytest.mark.parametrize("name", models.list_models())
def test_every_method_has_a_twin_that_shares_its_weights(name: str) -> None:
    info = models.describe(name)
    model = models.create(name, **({"width": 1 / 16} if "width" in info.options else {}))

    twin = evaluating(model)

    assert not any(module.training for module in twin.modules())
    assert [id(values) for values in twin.parameters()] == [id(values) for values in model.parameters()]
    assert evaluating(model.eval()) is model


def test_settings_of_torch_and_warnings_stay(photo_array: np.ndarray, mask: np.ndarray) -> None:
    harmlib.harmonize("reinhard_lab", photo_array, mask)  # loads packages, some of which add filters of their own
    harmlib.harmonize("idt", photo_array, mask)
    state, filters, threads = torch.get_rng_state(), list(warnings.filters), torch.get_num_threads()

    harmlib.harmonize("reinhard_lab", photo_array, mask)
    harmlib.harmonize("idt", photo_array, mask)

    assert torch.equal(torch.get_rng_state(), state)
    assert warnings.filters == filters
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_refused_in_our_words(kind: torch.dtype, photo_array: np.ndarray, mask: np.ndarray) -> None:
    model = models.create("harmonizer", width=0.125).to(kind)

    with pytest.raises(ParameterError, match="and pictures are float32: call its float"):
        harmlib.harmonize(model, photo_array, mask)


def test_what_is_no_model_is_told(photo_array: np.ndarray, mask: np.ndarray) -> None:
    for thing, name in ((None, "NoneType"), (torch.nn.Identity(), "Identity")):
        with pytest.raises(ParameterError, match=f"the model is a {name}"):
            harmlib.harmonize(thing, photo_array, mask)


def test_public_weights_need_a_file() -> None:
    with pytest.raises(CheckpointError, match='no file was given for "harmonizer"'):
        models.load_public_checkpoint("harmonizer", width=0.125)


def test_too_little_memory_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo_array, mask) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\nMemAvailable:    100 kB\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")

    with pytest.raises(ImageError, match=r'48x64 takes about 0\.0 GB of memory for "reinhard_lab", and 0\.0 GB are free'):
        harmlib.harmonize("reinhard_lab", photo_array, mask)
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r'100x200 takes about 0\.0 GB of memory to read ".*a\.png", and'):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_limit_counts(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = (tmp_path, *memory.GROUPS[2 - version][1:])
    for name, text in zip(group[1:3], ("1000000\n", "700000\n"), strict=True):
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.stat").write_text(f"anon 600000\n{group[3]} 50000\n")
    monkeypatch.setattr(memory, "GROUPS", (group,))

    assert memory.available_bytes() == 350_000


def test_a_container_without_a_limit_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in memory.GROUPS[0][1:3]:
        (tmp_path / name).write_text("max\n")
    monkeypatch.setattr(memory, "GROUPS", ((tmp_path, *memory.GROUPS[0][1:]),))
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\nMemAvailable:    100 kB\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")

    assert memory.available_bytes() == 102_400


def test_200_megapixels_fit_into_4_gb_or_are_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of the 4 GB 0.6 are the process's, 1.6 picture and mask.
    monkeypatch.setattr(memory, "available_bytes", lambda: 1_800_000_000)

    memory.check_memory(10_000, 20_000, models.create("reinhard_lab").memory_for(200_000_000), "")
    with pytest.raises(ImageError, match=r"10000x20000 takes about \d+\.\d GB of memory"):
        memory.check_memory(10_000, 20_000, models.create("idt").memory_for(200_000_000), "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dht", "ht", "xue", "harmonizer", "reinhard_lab"])
def test_torchs_defaults_are_not_read(name: str, photo_array: np.ndarray, mask: np.ndarray) -> None:
    model = models.create(name, **({"width": 1 / 16} if "width" in models.describe(name).options else {})).eval()
    expected = harmlib.harmonize(model, photo_array, mask)

    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        found = harmlib.harmonize(model, photo_array, mask)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device("cpu")

    assert np.array_equal(found, expected)


def test_loading_weights_neither_reads_nor_changes_torchs_settings(tmp_path: Path) -> None:
    models.save_checkpoint(models.create("harmonizer", width=0.125), tmp_path / "checkpoint.pt")
    state = torch.get_rng_state()

    torch.set_default_dtype(torch.float64)
    try:
        model = models.load(tmp_path)
        kept = torch.get_default_dtype()
    finally:
        torch.set_default_dtype(torch.float32)

    assert torch.equal(torch.get_rng_state(), state)
    assert kept == torch.float64
    assert {values.dtype for values in model.parameters()} == {torch.float32}


def test_more_devices_than_there_are_is_told() -> None:
    from harmlib.training.loop import make_fabric
    from harmlib.training.plan import RunPlan

    with pytest.raises(ParameterError, match="99 devices were asked for, and there are"):
        make_fabric(RunPlan("harmonizer", "a benchmark", 1, 1), devices=99)
