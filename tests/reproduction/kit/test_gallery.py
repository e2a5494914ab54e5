"""Pictures under titles of their own."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from harmlib.errors import ParameterError
from reproduction.kit.gallery import Scene, gallery


def scene(count: int) -> Scene:
    pictures = {f"p{number}": np.full((20, 30, 3), 10 * number, np.uint8) for number in range(count)}
    return Scene("a scene", pictures, {"p1": "fMSE 3"})


def test_pictures_wrap_into_rows_and_the_rest_stays_empty():
    figure = gallery([scene(5)], columns=3)

    axes = figure.subfigs[0].axes
    assert [axis.get_title() for axis in axes] == ["p0", "p1", "p2", "p3", "p4", ""]
    assert [axis.get_xlabel() for axis in axes] == ["", "fMSE 3", "", "", "", ""]
    plt.close(figure)


def test_every_scene_has_its_label_and_its_share_of_the_height():
    figure = gallery([scene(2), scene(6)], columns=2)

    heights = [part.bbox.height for part in figure.subfigs]
    assert [part.get_suptitle() for part in figure.subfigs] == ["a scene", "a scene"]
    assert heights[1] > 2 * heights[0]
    plt.close(figure)


def test_a_gallery_needs_a_scene():
    with pytest.raises(ParameterError, match="at least one scene"):
        gallery([], columns=2)
