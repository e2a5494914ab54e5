"""Ten definitions of a table's PSNR, all in use, from the same per-image errors.

A table of records has one row per image and method: method, subset, id, mse, fmse, psnr, height, width, foreground_ratio. All
definitions give dB, higher is better; the PSNR of a mean error orders methods as that mean does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

PEAK, OFFSET = 255.0, 1e-6
COLUMNS = ("method", "subset", "id", "mse", "fmse", "psnr", "height", "width", "foreground_ratio")


def to_psnr(error: np.ndarray | pd.Series) -> np.ndarray:
    """Return 10 log10(255^2 / MSE) in dB, with the small number on the error that keeps identical pictures finite."""
    return 10 * np.log10(PEAK**2 / (np.asarray(error, dtype=float) + OFFSET))


def with_quantities(records: pd.DataFrame) -> pd.DataFrame:
    """Return records with what the definitions take means of, and the weights that they give to images.

    image_psnr, foreground_psnr: with peak 255. charged: the whole picture's error per area of the foreground. inside: the error inside
    the mask, spread over the whole picture.
    """
    share = records["foreground_ratio"]
    psnrs = {"image_psnr": to_psnr(records["mse"]), "foreground_psnr": to_psnr(records["fmse"])}
    errors = {"charged": records["mse"] / share, "inside": records["fmse"] * share}
    return records.assign(**psnrs, **errors, image=1.0, pixels=records["height"] * records["width"])


@dataclass(frozen=True)
class Definition:
    """One way to make a table's number from per-image errors: a weighted mean of values, and what is done to it afterwards.

    meaning: in words. value, weight: columns of ``with_quantities``. by_subset: every sub-dataset counts alike, whatever its size.
    of_error: the values are errors, and the number is the PSNR of their mean.
    """

    name: str
    meaning: str
    value: str
    weight: str = "image"
    by_subset: bool = False
    of_error: bool = False


DEFINITIONS = (
    Definition("mean PSNR", "PSNR of every image with peak 255, then their mean", "image_psnr"),
    Definition("mean PSNR, as recorded", "the same with the peak of the code that measured it", "psnr"),
    Definition("mean PSNR, sub-datasets alike", "the mean of the sub-datasets' means", "image_psnr", by_subset=True),
    Definition("PSNR of mean MSE", "orders as mean MSE does", "mse", of_error=True),
    Definition("PSNR of mean MSE, sub-datasets alike", "orders as the mean of their MSEs", "mse", by_subset=True, of_error=True),
    Definition("PSNR of all pixels", "one mean over pixels: large pictures count more", "mse", "pixels", of_error=True),
    Definition("mean foreground PSNR", "PSNR of every fMSE as recorded, then their mean", "foreground_psnr"),
    Definition("PSNR of mean fMSE", "orders as mean fMSE does", "fmse", of_error=True),
    Definition("PSNR of mean MSE / share", "the whole picture's error per area of the foreground", "charged", of_error=True),
    Definition("PSNR of mean fMSE × share", "only errors in the mask, spread over the whole picture", "inside", of_error=True),
)
REFERENCE = DEFINITIONS[0]
