"""Fecker's transfer: each channel's cumulative histogram in YCbCr, matched bin by bin.

YCbCr is that of BT.601 with studio range (Y 16..235, Cb and Cr 16..240), in bytes.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, region_blocks, to_bytes

RGB_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
YCBCR_TO_RGB = np.linalg.inv(RGB_TO_YCBCR)
OFFSET = np.array([16.0, 128.0, 128.0])
LOWEST = 16
HIGHEST = (235, 240, 240)


def transfer_histogram(
    image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, exact: bool = False
) -> np.ndarray:
    """Return the picture with its foreground's histograms in YCbCr matched to those of the reference's region.

    exact: do as the public code and iHarmony4 did: the brightest value of a channel becomes 0 unless the reference reaches the last
    bin, and the background goes through YCbCr too, which changes it by up to two levels.
    All else as of ``transfers.transfer``.
    Source: Fecker et al. 2008.
    """
    own, other = _count(image, mask), _count(reference, reference_mask)
    tables = [_table(before, after, highest, exact=exact) for before, after, highest in zip(own, other, HIGHEST, strict=True)]

    def matched(pixels: np.ndarray) -> np.ndarray:
        codes = rgb_to_ycbcr(pixels)
        return ycbcr_to_rgb(np.stack([table[codes[:, channel]] for channel, table in enumerate(tables)], 1))

    result = recolored(image, mask, matched)
    return recolored(result, ~mask, lambda pixels: ycbcr_to_rgb(rgb_to_ycbcr(pixels))) if exact else result


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Return Y, Cb and Cr, uint8 (..., 3), of RGB pixels, uint8 (..., 3)."""
    return to_bytes(rgb @ RGB_TO_YCBCR.T + OFFSET)


def ycbcr_to_rgb(codes: np.ndarray) -> np.ndarray:
    """Return the RGB pixels, uint8 (..., 3), of Y, Cb and Cr, uint8 (..., 3)."""
    return to_bytes((codes - OFFSET) @ YCBCR_TO_RGB.T)


def _count(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return how often a region has each value of Y, Cb and Cr, (3, 256)."""
    counts = np.zeros((3, 256), np.int64)
    for pixels in region_blocks(image, region):
        counts += np.stack([np.bincount(codes, minlength=256) for codes in rgb_to_ycbcr(pixels).T])
    return counts


def _table(own: np.ndarray, other: np.ndarray, highest: int, *, exact: bool) -> np.ndarray:
    """Return the new value, uint8 (256,), of every old one: M(v) = the last u with C_reference(u) <= C(v), where there is one.

    own, other: how often the two have each value, (256,).
    """
    indices = np.searchsorted(_cumulate(other, highest), _cumulate(own, highest), side="right") - 1
    values = LOWEST + np.maximum(indices, 0)
    if exact:
        # The first and the last bin stand for the mean of the reference's pixels in it: 0 / 0 without any, which becomes 0 as a byte.
        for bin_value in (LOWEST, highest):
            if not other[bin_value]:
                values[values == bin_value] = 0
    else:
        occupied = np.flatnonzero(other)
        values = values.clip(occupied[0], occupied[-1])
    table = np.zeros(256, np.uint8)
    table[LOWEST : highest + 1] = values
    return table


def _cumulate(counts: np.ndarray, highest: int) -> np.ndarray:
    """Return the cumulative histogram over LOWEST..highest, float64, ending at 1."""
    # Dividing first, as the public code does, decides ties.
    return np.cumsum(counts[LOWEST : highest + 1] / counts.sum())
