"""Xiao and Ma's transfer: mean and covariance of the RGB channels, which keeps the reference's correlations between them.

With means μ, covariances U diag(λ) Uᵀ, s the reference ("source" of the colors) and t the foreground ("target"):
x' = Us diag(√(λs / λt)) Utᵀ (x - μt) + μs.

The result is not defined by the formula alone: each eigenvector may point either way, and another choice gives another picture with the
same mean and covariance. Here every column of Ut is turned to the side of its partner in Us, diag(UsᵀUt) >= 0, which changes colors
least. iHarmony4 took what MATLAB returned: in the one public composite, two of the three axes are turned the other way.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, region_blocks, to_bytes

Axes = tuple[np.ndarray, np.ndarray]
# In squared 8-bit levels: below the variance of one odd pixel among ten million, above rounding.
FLAT_VARIANCE = 1e-9


def transfer_xiao_ma(
    image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, eigenvectors: Axes | None = None
) -> np.ndarray:
    """Return the picture with its foreground's mean and covariance in RGB set to those of the reference's region.

    eigenvectors: (Us, Ut), each (3, 3), columns by ascending eigenvalue; None computes them, with signs as above.
    All else as of ``transfers.transfer``. Axes without variance only move.
    Source: Xiao and Ma 2006.
    """
    own_mean, (lambda_t, u_t) = _decompose(image, mask)
    other_mean, (lambda_s, u_s) = _decompose(reference, reference_mask)
    u_s, u_t = eigenvectors or (u_s, u_t * np.where(np.sum(u_s * u_t, axis=0) < 0, -1, 1))
    gain = np.where(lambda_t > FLAT_VARIANCE, np.sqrt(np.maximum(lambda_s, 0) / np.maximum(lambda_t, FLAT_VARIANCE)), 0.0)
    turn = (u_s * gain @ u_t.T).T
    return recolored(image, mask, lambda pixels: to_bytes((pixels - own_mean) @ turn + other_mean))


def _decompose(image: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, Axes]:
    """Return a region's mean (3,), and eigenvalues (3,), ascending, and eigenvectors (3, 3) of its sample covariance."""
    count, sums, products = int(region.sum()), np.zeros(3), np.zeros((3, 3))
    for pixels in region_blocks(image, region):
        sums += pixels.sum(0, dtype=np.float64)
    mean = sums / count
    for pixels in region_blocks(image, region):
        centered = pixels - mean
        products += centered.T @ centered
    return mean, np.linalg.eigh(products / max(count - 1, 1))
