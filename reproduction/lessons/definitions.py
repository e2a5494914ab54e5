"""Ten definitions of a table's PSNR, all in use, from the same per-image errors.

A table of records has one row per image and method: method, subset, id, mse, fmse, psnr, height, width, foreground_ratio. All
definitions give dB, higher is better; the PSNR of a mean error orders methods as that mean does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

PEAK, OFFSET = 255.0, 1e-6
COLUMNS = ("method", "subset", "id", "mse", "fmse", "psnr", "height", "width", "foreground_ratio")

Column = Callable[[pd.DataFrame], np.ndarray]


def to_psnr(error: np.ndarray) -> np.ndarray:
    """Return 10 log10(255^2 / MSE) in dB, with the small number on the error that keeps identical pictures finite."""
    return 10 * np.log10(PEAK**2 / (np.asarray(error, dtype=float) + OFFSET))


@dataclass(frozen=True)
class Definition:
    """One way to make a table's number from per-image errors: a weighted mean of values, and what is done to it afterwards.

    meaning: in words. values, weights: a column or a function of the records, one per image.
    by_subset: every sub-dataset counts alike, whatever its size. of_error: values are errors, and the number is the PSNR of their mean.
    """

    name: str
    meaning: str
    values: Column
    weights: Column
    by_subset: bool = False
    of_error: bool = False


def _one(records: pd.DataFrame) -> np.ndarray:
    """Return one per image."""
    return np.ones(len(records))


def _pixels(records: pd.DataFrame) -> np.ndarray:
    """Return the pixels of every image."""
    return (records["height"] * records["width"]).to_numpy(dtype=float)


def _mse(records: pd.DataFrame) -> np.ndarray:
    """Return the error of the whole picture."""
    return records["mse"].to_numpy(dtype=float)


def _fmse(records: pd.DataFrame) -> np.ndarray:
    """Return the error of the foreground, as recorded."""
    return records["fmse"].to_numpy(dtype=float)


def _charged(records: pd.DataFrame) -> np.ndarray:
    """Return the whole picture's error per area of the foreground."""
    return (records["mse"] / records["foreground_ratio"]).to_numpy(dtype=float)


def _inside(records: pd.DataFrame) -> np.ndarray:
    """Return the error inside the mask, spread over the whole picture."""
    return (records["fmse"] * records["foreground_ratio"]).to_numpy(dtype=float)


def _psnr(records: pd.DataFrame) -> np.ndarray:
    """Return the PSNR of every picture with peak 255."""
    return to_psnr(_mse(records))


def _recorded(records: pd.DataFrame) -> np.ndarray:
    """Return PSNR as recorded, with whatever peak."""
    return records["psnr"].to_numpy(dtype=float)


def _fpsnr(records: pd.DataFrame) -> np.ndarray:
    """Return the PSNR of every foreground with peak 255."""
    return to_psnr(_fmse(records))


DEFINITIONS = (
    Definition("mean PSNR", "PSNR of every image with peak 255, then their mean", _psnr, _one),
    Definition("mean PSNR, as recorded", "the same with the peak of the code that measured it", _recorded, _one),
    Definition("mean PSNR, sub-datasets alike", "the mean of the sub-datasets' means", _psnr, _one, by_subset=True),
    Definition("PSNR of mean MSE", "orders as mean MSE does", _mse, _one, of_error=True),
    Definition("PSNR of mean MSE, sub-datasets alike", "orders as the mean of their MSEs", _mse, _one, by_subset=True, of_error=True),
    Definition("PSNR of all pixels", "one mean over pixels: large pictures count more", _mse, _pixels, of_error=True),
    Definition("mean foreground PSNR", "PSNR of every fMSE as recorded, then their mean", _fpsnr, _one),
    Definition("PSNR of mean fMSE", "orders as mean fMSE does", _fmse, _one, of_error=True),
    Definition("PSNR of mean MSE / share", "the whole picture's error per area of the foreground", _charged, _one, of_error=True),
    Definition("PSNR of mean fMSE × share", "only errors in the mask, spread over the whole picture", _inside, _one, of_error=True),
)
REFERENCE = DEFINITIONS[0]
