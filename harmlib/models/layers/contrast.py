"""PCT-Net's contrastive term: a result should be closer to the real photograph than to other versions of it (after Hang et al. 2022).

The other versions, its negatives, have the colors and the luminance of other photographs (Guerreiro et al. 2023).

Symbols: F are VGG16's features up to the ReLU behind its tenth convolution, (B, 512, H/8, W/8); f, f⁺, f⁻_k those of the foregrounds of
result, real photograph and negatives, b those of the real background; D is the mean absolute difference over the whole batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from harmlib.errors import ParameterError
from harmlib.extras import needs
from harmlib.models.layers.backbones import VGG16_FILE, vgg16_features
from harmlib.models.layers.imagenet import read_weights
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD

# Layers up to that ReLU, as torchvision counts them.
DEPTH = 23
RATIO_EPSILON = 1e-8
ADVICE = "put the file there, or train without the term (contrastive: false)"
GAMMA = 2.2
PEAK_LUMINANCE = 100.0
CUT_SHARE = 0.05  # of the pixels, at both ends of the luminance
LEAST_COVARIANCE = 7.5
QUANTILES, BINS = 32, 256
# Luminances that lie less apart are moved this far.
LEAST_SHIFT = 0.4
EPSILON = 1e-10

Features = Callable[[Tensor], Tensor]


def contrastive_loss(features: Features, pred: Tensor, real: Tensor, mask: Tensor, negatives: Sequence[Tensor]) -> Tensor:
    """Return l₁ + l₂, the ratio D(·, ⁺) / (D(·, ⁺) + Σ_k D(·, ⁻_k)) of styles f and of consistencies c = fᵀ b.

    features: F. pred, real, every negative: (B, 3, H, W), on the network's scale; mask: (B, 1, H, W) in [0, 1].
    c holds products between the positions of foreground and background, (B, hw, hw), summed over the channels and not scaled.
    The distances to the negatives are constants: nothing is pushed away from them, they only weigh the pull to the real photograph.
    """
    style = features(pred * mask)
    with torch.no_grad():
        positive, background = features(real * mask), features(real * (1 - mask)).flatten(2)
        others = [features(negative * mask) for negative in negatives]
        apart = torch.stack([_distance(style, other) for other in others]).sum()
    products = _products(style, background)
    with torch.no_grad():
        products_apart = torch.stack([_distance(products, _products(other, background)) for other in others]).sum()
    return _ratio(_distance(style, positive), apart) + _ratio(_distance(products, _products(positive, background)), products_apart)


def _products(foreground: Tensor, background: Tensor) -> Tensor:
    """Return c (B, hw, hw); foreground: (B, C, h, w), background: (B, C, hw)."""
    return foreground.flatten(2).transpose(1, 2) @ background


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """Return D."""
    return (first - second).abs().mean()


def _ratio(near: Tensor, apart: Tensor) -> Tensor:
    """Return how near the positive is, in [0, 1]."""
    return near / (near + apart + RATIO_EPSILON)


def draw_negatives(real: Tensor, mask: Tensor, count: int) -> list[Tensor]:
    """Return up to ``count`` other appearances of every real foreground, (N, 3, H, W) each: those of ``draw_partners``.

    real: (N, 3, H, W), on the network's scale; mask: (N, 1, H, W) in [0, 1]. Draws from torch's global generator.
    """
    mean, std = (real.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    negatives = []
    # Code: the scale [-1, 1] beside the network's, and ImageNet's statistics for both networks. Here: the same.
    with torch.no_grad(), torch.autocast(real.device.type, enabled=False):
        for partners in draw_partners(len(real), count).T:
            restyled = restyle(real * std + mean, partners, torch.rand(len(real), 2, dtype=torch.float64))
            negatives.append(mask * (2 * restyled - 1) + (1 - mask) * real)
    return negatives


def draw_partners(pictures: int, count: int) -> Tensor:
    """Return distinct others for each of N pictures, (N, K): K is ``count``, N - 2 at most.

    Raises ParameterError for a batch of one, in which nothing can be compared.
    """
    if pictures < 2:
        raise ParameterError("the contrastive term compares pictures of a batch, and this one has one: train with batch_size 2 at least")
    orders = torch.stack([torch.randperm(pictures - 1)[: min(count, pictures - 2)] for _ in range(pictures)])
    return (orders + torch.arange(1, pictures + 1)[:, None]) % pictures


def vgg16_tenth() -> nn.Sequential:
    """Return F with random weights, without gradients of their own, in evaluation mode."""
    return nn.Sequential(*list(vgg16_features(width=1.0))[:DEPTH]).requires_grad_(False).eval()


@functools.cache
def load_features(device: str) -> nn.Sequential:
    """Return F with ImageNet's weights on a device; raises CheckpointError when they are not in torch's hub cache, or damaged."""
    weights, network = read_weights(VGG16_FILE, "the contrastive term", ADVICE), vgg16_tenth()
    network.load_state_dict({name: weights[f"features.{name}"] for name in network.state_dict()})
    return network.to(device)


def restyle(pictures: Tensor, partners: Tensor, starts: Tensor) -> Tensor:
    """Return every picture with the colors and the luminance of its partner, (N, 3, H, W), RGB in [0, 1], as the authors' code does.

    Colors are Lab, L in 0..100, of pictures that were raised to 2.2 first; the conversion linearizes them once more.
    pictures: (N, 3, H, W), RGB in [0, 1]. partners: (N,), which of them each one takes after.
    starts: (N, 2) in [0, 1], where the search for each luminance curve begins.
    """
    with needs("lab"):
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
    with needs("lab"):
        from kornia.color import rgb_to_lab

    lab = rgb_to_lab(pictures.clamp(0, 1).pow(GAMMA))
    ordered = lab[:, 0].flatten(1).sort(1).values  # (N, H W)
    cut = int(CUT_SHARE * ordered.shape[1])
    low, high = (ordered[:, rank].view(-1, 1, 1) for rank in (cut, ordered.shape[1] - max(cut, 1)))
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
