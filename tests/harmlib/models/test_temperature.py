"""Robertson's isotherms, against golden numbers of Xue et al.'s code (``tests/authors/classical.npz``) and known illuminants."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from authors import authors

from harmlib.models.layers.temperature import measure_mired, to_mired_and_tint, to_xy

# CIE illuminants: x, y and correlated color temperature.
ILLUMINANTS = {"A": ((0.44757, 0.40745), 2856), "D50": ((0.34567, 0.35850), 5003), "D65": ((0.31271, 0.32902), 6504)}
DEEP_BLUE = (0.15, 0.06)


@pytest.fixture(scope="module")
def table() -> Mapping[str, np.ndarray]:
    """x, y, mired, tint, and x and y at 20 mired more."""
    columns = authors("classical")["xue_mt"].T
    return dict(zip(("x", "y", "mired", "tint", "x20", "y20"), columns, strict=True))


def test_temperature_and_tint_agree_with_the_authors(table: Mapping[str, np.ndarray]) -> None:
    mired, tint = to_mired_and_tint(np.stack([table["x"], table["y"]], 1))

    np.testing.assert_allclose(mired, table["mired"], rtol=1e-12)
    np.testing.assert_allclose(tint, table["tint"], atol=1e-11)


def test_shifted_chromaticities_agree_with_the_authors(table: Mapping[str, np.ndarray]) -> None:
    found = to_xy(table["mired"] + 20, table["tint"])

    np.testing.assert_allclose(found, np.stack([table["x20"], table["y20"]], 1), rtol=1e-12)


@pytest.mark.parametrize("name", ILLUMINANTS)
def test_known_illuminants_have_their_temperature(name: str) -> None:
    xy, kelvin = ILLUMINANTS[name]

    assert 1e6 / measure_mired(np.array([xy]))[0] == pytest.approx(kelvin, rel=2e-3)


@pytest.mark.parametrize(("mired", "tint"), [(90.0, 0.0), (153.0, 12.0), (340.0, -20.0), (560.0, 3.0)])
def test_a_temperature_there_and_back_is_the_same(mired: float, tint: float) -> None:
    found = to_mired_and_tint(to_xy(np.array([mired]), np.array([tint])))

    assert np.concatenate(found) == pytest.approx([mired, tint], abs=0.05)  # isotherms between two of the table are not quite straight


def test_green_has_a_positive_tint() -> None:
    neutral = to_xy(np.array([200.0]), np.array([0.0]))

    assert to_mired_and_tint(neutral + np.array([0, 0.02]))[1] > 0


def test_deep_blue_beyond_the_table_counts_as_warmest() -> None:
    assert measure_mired(np.array([DEEP_BLUE])) == pytest.approx(1e6 / 1500)


def test_measured_temperatures_end_at_20000_kelvin() -> None:
    assert measure_mired(to_xy(np.array([20.0]), np.array([0.0]))) == pytest.approx(50)
