"""Xiao and Ma's transfer: mean and covariance of the RGB channels, which keeps the reference's correlations between them.

With means μ, covariances U diag(λ) Uᵀ, s the reference ("source" of the colors) and t the foreground ("target"):
x' = Us diag(√(λs / λt)) Utᵀ (x - μt) + μs.

The result is not defined by the formula alone: each eigenvector may point either way, and another choice gives another picture with the
same mean and covariance. Here every column of Ut is turned to the side of its partner in Us, diag(UsᵀUt) >= 0, which changes colors
least. iHarmony4 took what MATLAB returned: in the one public composite, two of the three axes are turned the other way.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, to_bytes

Axes = tuple[np.ndarray, np.ndarray]
# In squared 8-bit levels: below the variance of one odd pixel among ten million, above rounding.
FLAT_VARIANCE = 1e-9


def transfer_xiao_ma(
    image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, eigenvectors: Axes | None = None
) -> np.ndarray:
    """Return the picture with its foreground's mean and covariance in RGB set to those of the reference's region.

    image, reference: uint8 RGB (H, W, 3), sizes may differ. mask, reference_mask: bool (H, W), not empty.
    eigenvectors: (Us, Ut), each (3, 3), columns by ascending eigenvalue; None computes them, with signs as above.
    Returns uint8 RGB (H, W, 3), the background unchanged. Axes without variance only move.
    Source: Xiao and Ma 2006.
    """
    own, other = image[mask].astype(np.float64), reference[reference_mask].astype(np.float64)  # (N, 3), (M, 3)
    own_mean, other_mean = own.mean(0), other.mean(0)
    own -= own_mean
    lambda_t, u_t = _decompose(own)
    lambda_s, u_s = _decompose(other - other_mean)
    u_s, u_t = eigenvectors or (u_s, u_t * np.where(np.sum(u_s * u_t, axis=0) < 0, -1, 1))
    gain = np.where(lambda_t > FLAT_VARIANCE, np.sqrt(np.maximum(lambda_s, 0) / np.maximum(lambda_t, FLAT_VARIANCE)), 0.0)
    colors = own @ (u_s * gain @ u_t.T).T + other_mean
    return recolored(image, mask, to_bytes(colors))


def _decompose(centered: np.ndarray) -> Axes:
    """Return eigenvalues (3,), ascending, and eigenvectors (3, 3) of the sample covariance of centered pixels (N, 3)."""
    return np.linalg.eigh(centered.T @ centered / max(len(centered) - 1, 1))
