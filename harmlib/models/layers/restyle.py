"""The negatives of PCT-Net's contrastive term: photographs with the colors and the luminance of another one (Guerreiro et al. 2023).

All of it follows the authors' code. Colors are Lab, L in 0..100, of pictures that were raised to 2.2 first; the conversion linearizes them
once more.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

GAMMA = 2.2
PEAK_LUMINANCE = 100.0
CUT_SHARE = 0.05  # of the pixels, at both ends of the luminance
LEAST_COVARIANCE = 7.5
QUANTILES, BINS = 32, 256
# Luminances that lie less apart are moved this far.
LEAST_SHIFT = 0.4
EPSILON = 1e-10


def restyle(pictures: Tensor, partners: Tensor, starts: Tensor) -> Tensor:
    """Return every picture with the appearance of its partner, (N, 3, H, W), RGB in [0, 1].

    pictures: (N, 3, H, W), RGB in [0, 1]. partners: (N,), which of them each one takes after.
    starts: (N, 2) in [0, 1], where the search for each luminance curve begins.
    """
    from kornia.color import lab_to_rgb

    lab = to_stretched_lab(pictures)
    chroma = transfer_colors(lab, lab[partners])[:, 1:]
    tops = lab[:, 0].amax((1, 2))
    luminances = []
    quantiles = [luminance_quantiles(plane / (top + EPSILON)) for plane, top in zip(lab[:, 0], tops, strict=True)]
    for plane, top, own, partner, start in zip(lab[:, 0], tops, quantiles, partners.tolist(), starts.tolist(), strict=True):
        shoulder, steepness = fit_curve(own, shifted_quantiles(own, quantiles[partner]), start)
        luminances.append(top * luminance_curve(plane / (top + EPSILON), shoulder, steepness).clamp(min=0))
    restyled = torch.cat([torch.stack(luminances)[:, None], chroma], 1)
    return lab_to_rgb(restyled).pow(1 / GAMMA)


def to_stretched_lab(pictures: Tensor) -> Tensor:
    """Return Lab (N, 3, H, W), the luminance of every picture stretched to 0..100 between its quantiles of 5 and 95 %."""
    from kornia.color import rgb_to_lab

    lab = rgb_to_lab(pictures.clamp(0, 1).pow(GAMMA))
    ordered = lab[:, 0].flatten(1).sort(1).values  # (N, H W)
    cut = int(CUT_SHARE * ordered.shape[1])
    low, high = (ordered[:, place].view(-1, 1, 1) for place in (cut, ordered.shape[1] - max(cut, 1)))
    # Code: an even picture gives NaN. Here: it stays black, because one such photograph must not end a training.
    stretched = (lab[:, 0].clamp(low, high) - low) / (high - low).clamp(min=EPSILON)
    return torch.cat([PEAK_LUMINANCE * stretched[:, None], lab[:, 1:]], 1)


def transfer_colors(lab: Tensor, partner: Tensor) -> Tensor:
    """Return Lab (N, 3, H, W) moved linearly so that mean and covariance become the partner's, both (N, 3, H, W).

    The linear map of Pitié and Kokaram 2007; covariances are unbiased, variances 7.5 at least and negative covariances 0, as in the code.
    """
    pixels, partner_pixels = lab.flatten(2), partner.flatten(2)  # (N, 3, H W)
    own, goal = _covariance(pixels), _covariance(partner_pixels)
    values, vectors = torch.linalg.eigh(own)
    scale = torch.diag_embed((values.clamp(min=0) + EPSILON).sqrt())
    rotation, unscale = vectors, torch.linalg.inv(scale)
    inner = scale @ rotation.mT @ goal @ rotation @ scale
    inner_values, inner_vectors = torch.linalg.eigh(inner)
    root = inner_vectors @ torch.diag_embed((inner_values.clamp(min=0) + EPSILON).sqrt()) @ inner_vectors.mT
    matrix = rotation @ unscale @ root @ unscale @ rotation.mT
    moved = matrix @ (pixels - pixels.mean(2, keepdim=True)) + partner_pixels.mean(2, keepdim=True)
    return moved.view_as(lab)


def _covariance(pixels: Tensor) -> Tensor:
    """Return the covariances of colors (N, 3, P), (N, 3, 3), each raised to 7.5 on the diagonal and to 0 elsewhere."""
    centered = pixels - pixels.mean(2, keepdim=True)
    covariance = centered @ centered.mT / (pixels.shape[2] - 1)
    return torch.maximum(covariance, LEAST_COVARIANCE * torch.eye(3).to(covariance))


def luminance_quantiles(luminance: Tensor) -> np.ndarray:
    """Return 32 quantiles of a plane (H, W), (32,): left edges of the first of 256 bins up to which 1/32, 2/32, ... of the pixels lie."""
    counts, edges = np.histogram(luminance.cpu().numpy(), BINS)
    shares = np.arange(1, QUANTILES + 1) / QUANTILES
    return edges[np.searchsorted(counts.cumsum(), shares * counts.sum())]


def shifted_quantiles(own: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Return the luminances (32,) that a picture's quantiles go to: its partner's, or farther, when all of them differ by less than 0.4.

    Code: two pictures of the same luminances give NaN. Here: such a picture keeps its own.
    """
    difference = partner - own
    return own + difference * LEAST_SHIFT / np.clip(np.abs(difference).max(), EPSILON, LEAST_SHIFT)


def fit_curve(luminances: np.ndarray, goals: np.ndarray, start: list[float]) -> tuple[float, float]:
    """Return the shoulder a in [0, 1] and the steepness δ in [1e-10, 1] whose ``luminance_curve`` comes closest, by Nelder and Mead.

    luminances, goals: (32,). start: a and δ to begin with.
    """
    from scipy.optimize import minimize

    values = torch.from_numpy(luminances.astype(np.float64))

    def error(parameters: np.ndarray) -> float:
        return float(np.square(luminance_curve(values, *parameters).numpy() - goals).sum())

    found = minimize(error, start, method="Nelder-Mead", bounds=[(0, 1), (EPSILON, 1)])
    return float(found.x[0]), float(found.x[1])


def luminance_curve(luminance: Tensor, shoulder: float, steepness: float) -> Tensor:
    """Return [atan(a/δ) + atan((v - a)/δ)] / [atan(a/δ) + atan((1 - a)/δ)] of luminances v in [0, 1], any shape; a, δ: as ``fit_curve``."""
    foot = np.arctan(shoulder / steepness)
    top = foot + np.arctan((1 - shoulder) / steepness)
    return (foot + ((luminance - shoulder) / steepness).atan()) / top
