"""Picture grids: what is shown, with which scale and frame."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from harmlib.errors import ParameterError, ShapeError
from reproduction.kit.grids import GridRow, foreground_box, picture_grid


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def row(photo_array: np.ndarray) -> GridRow:
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:20, 30:50] = True
    change = np.where(mask, -7.0, 2.0)
    pictures = {"composite": photo_array, "mask": mask, "change": change, "real": photo_array}
    return GridRow(pictures, label="p1_1_1", captions={"composite": "fMSE 12.3"}, box=foreground_box(mask))


def test_columns_are_titled_once(row: GridRow) -> None:
    figure = picture_grid([row, row])

    titles = [axis.get_title() for axis in figure.axes[:8]]
    assert titles == ["composite", "mask", "change", "real", "", "", "", ""]


def test_id_and_metric_stand_by_the_picture(row: GridRow) -> None:
    axis = picture_grid([row]).axes[0]

    assert (axis.get_ylabel(), axis.get_xlabel()) == ("p1_1_1", "fMSE 12.3")


def test_pictures_are_shown_without_interpolation(row: GridRow) -> None:
    images = [axis.images[0] for axis in picture_grid([row]).axes[:4]]

    assert {image.get_interpolation() for image in images} == {"none"}


def test_pixels_are_shown_as_they_are(row: GridRow) -> None:
    shown = picture_grid([row]).axes[0].images[0].get_array()

    assert np.array_equal(shown, row.pictures["composite"])


def test_signed_maps_share_one_symmetric_scale(row: GridRow) -> None:
    stronger = GridRow({**row.pictures, "change": 3 * row.pictures["change"]})

    figure = picture_grid([row, stronger])

    assert {figure.axes[index].images[0].get_clim() for index in (2, 6)} == {(-21.0, 21.0)}


def test_color_bar_names_its_unit(row: GridRow) -> None:
    assert picture_grid([row], unit="8-bit levels").axes[-1].get_ylabel() == "8-bit levels"


def test_grid_without_signed_maps_has_no_color_bar(row: GridRow, photo_array: np.ndarray) -> None:
    assert len(picture_grid([GridRow({"a": photo_array, "b": photo_array})]).axes) == 2


def test_box_is_framed_in_every_picture(row: GridRow) -> None:
    assert [len(axis.patches) for axis in picture_grid([row]).axes[:4]] == [1, 1, 1, 1]


def test_box_stays_within_the_picture() -> None:
    assert foreground_box(np.ones((20, 30), dtype=bool)) == (0, 0, 20, 30)


def test_rows_with_other_columns_are_refused(row: GridRow, photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='row "odd" has the columns composite'):
        picture_grid([row, GridRow({"composite": photo_array}, label="odd")])


def test_no_rows_are_refused() -> None:
    with pytest.raises(ParameterError, match="at least one row"):
        picture_grid([])


def test_float_picture_is_refused(photo_array: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="is no picture"):
        picture_grid([GridRow({"a": photo_array / 255})])


def test_box_around_nothing_is_refused() -> None:
    with pytest.raises(ShapeError, match="no foreground"):
        foreground_box(np.zeros((4, 4), dtype=bool))
