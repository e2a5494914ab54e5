"""What the system refuses while a picture is written, in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_files import small_files

from harmlib.errors import DataError
from harmlib.io.saving import SAVE_OPTIONS, save_picture


@pytest.mark.parametrize("suffix", SAVE_OPTIONS)
def test_a_picture_that_the_system_does_not_take_is_one_sentence(
    suffix: str, tmp_path: Path, generator: np.random.Generator, capfd
) -> None:
    noise = Image.fromarray(generator.integers(0, 256, (90, 120, 3), dtype=np.uint8))

    with small_files(), pytest.raises(DataError, match=rf'a{suffix}" cannot be written \(File too large\)'):
        save_picture(noise, tmp_path / f"a{suffix}")

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""  # libtiff would speak for itself
