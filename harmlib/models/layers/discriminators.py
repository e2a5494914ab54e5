"""Discriminators: Sg-MMH's patches (section 3.3) and DoveNet's domain verification (docs/methods/dovenet.md).

The branch of the latter also makes BargainNet's domain codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from harmlib.models.layers import names
from harmlib.models.layers.blocks import SLOPE, scaled_width
from harmlib.models.layers.unet import make_norm

# DoveNet's seven convolutions: channels in units of the base width, and strides.
DOMAIN_GROWTH = (1, 2, 4, 8, 8, 8, 8)
DOMAIN_STRIDES = (2, 2, 2, 2, 2, 2, 1)
# Our names in the domain discriminator -> the authors'.
DOMAIN_NAMES = (
    *(
        (rf"^{ours}\.(conv|norm)s\.{index}\.", rf"D.\g<1>{index + 1}{theirs}.")
        for ours, theirs in (("picture", ""), ("region", "f"))
        for index in range(len(DOMAIN_STRIDES))
    ),
    (r"^verify", "convl"),
    (r"^judge", "convg3"),
)
# Keeps the re-weighting of a partial convolution finite where its window holds no valid pixel.
WINDOW_EPSILON = 1e-8


class PatchDiscriminator(nn.Module):
    """PatchGAN: five convolutions 4x4, one score for each overlapping patch of 70x70 pixels.

    Input (B, channels, 256, 256); output (B, 1, 30, 30), logits.
    even: S2AM's form, whose map is 16x16: one more stride, and a last convolution without bias on features padded at the top and left.
    """

    def __init__(self, channels: int = 3, *, width: float = 1.0, even: bool = False) -> None:
        super().__init__()
        self.even = even
        base = scaled_width(width)
        sizes = (channels, base, 2 * base, 4 * base, 8 * base, 1)
        strides = (2, 2, 2, 2 if even else 1, 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], 4, stride=strides[i], padding=1, bias=i < 4 or not even) for i in range(5)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the map of logits."""
        features = functional.leaky_relu(self.convs[0](image), SLOPE)
        for conv in self.convs[1:-1]:
            features = functional.leaky_relu(functional.instance_norm(conv(features)), SLOPE)
        return self.convs[-1](functional.pad(features, (1, 0, 1, 0)) if self.even else features)

    def silent_parameters(self) -> list[str]:
        """Return the names of the biases that the instance norm behind them cancels."""
        return [f"convs.{index}.bias" for index in range(1, 4)]

    def public_names(self, prefix: str = "") -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours."""
        positions = (0, 2, 5, 8, 12 if self.even else 11)
        parts = (name.split(".") for name in self.state_dict())
        return {f"model.{positions[int(index)]}.{kind}": f"{prefix}convs.{index}.{kind}" for _, index, kind in parts}


class PartialConv2d(nn.Conv2d):
    """A convolution that sees only valid pixels and passes on the mask of windows that hold any.

    out = (conv(image * mask) * r + bias) * mask', r = window size / valid pixels in the window. Source: DoveNet's code.
    """

    def forward(self, image: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:  # type: ignore[override]
        """Return the output and the next mask, (B, 1, h, w); without a mask every pixel is valid.

        image: (B, C, H, W); mask: (B, 1, H, W), 1 = valid.
        """
        if mask is None:
            return super().forward(image), None
        window = torch.ones(1, 1, *self.kernel_size, dtype=mask.dtype, device=mask.device)
        valid = functional.conv2d(mask, window, stride=self.stride)
        new_mask = valid.clamp(0, 1)
        ratio = window.numel() / (valid + WINDOW_EPSILON) * new_mask
        weighted = functional.conv2d(image * mask, self.weight, stride=self.stride) * ratio
        if self.bias is None:
            return weighted, new_mask
        return (weighted + self.bias.view(1, -1, 1, 1)) * new_mask, new_mask


class DomainBranch(nn.Module):
    """Partial convolutions 3x3 without padding, a norm behind all but the first and the last.

    With the seven layers of the discriminator (B, 3, 256, 256) becomes (B, 512, 1, 1).
    width: factor on the 64 base channels; norm: instance, batch or picture_batch.
    growth, strides: of every convolution, its channels in units of the base width and its stride.
    slope: of the LeakyReLU behind all but the last, 0 for ReLU; spectral: spectral norm on every convolution.
    """

    def __init__(
        self,
        *,
        width: float,
        norm: str,
        growth: Sequence[int] = DOMAIN_GROWTH,
        strides: Sequence[int] = DOMAIN_STRIDES,
        slope: float = SLOPE,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        self.slope = slope
        self.last = len(strides) - 1
        sizes = [3, *(scaled_width(width) * factor for factor in growth)]
        # A norm with weights of its own replaces the bias, except in the first convolution, which has no norm.
        convs = (
            PartialConv2d(sizes[i], sizes[i + 1], 3, stride=stride, bias=i == 0 or norm == "instance") for i, stride in enumerate(strides)
        )
        # Layer by layer: a spectral norm draws its vectors behind its convolution's weights, and seeded runs keep their start.
        self.convs = nn.ModuleList(spectral_norm(conv) if spectral else conv for conv in convs)
        self.norms = nn.ModuleList(make_norm(norm, size) if 0 < i < self.last else nn.Identity() for i, size in enumerate(sizes[1:]))

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the features of the pixels where ``mask`` is 1; without a mask, of the whole picture."""
        features = image
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            features, mask = conv(features, mask)
            if index < self.last:
                features = functional.leaky_relu(norm(features), self.slope)
        return features


class DomainDiscriminator(nn.Module):
    """DoveNet's two judges: is the picture real, and do foreground and background look like one domain?

    width: factor on the 64 base channels; norm: instance or batch.
    """

    def __init__(self, *, width: float = 1.0, norm: str = "instance") -> None:
        super().__init__()
        channels = scaled_width(width) * DOMAIN_GROWTH[-1]
        self.picture = DomainBranch(width=width, norm=norm)
        self.region = DomainBranch(width=width, norm=norm)  # shared by foreground and background
        self.verify1 = spectral_norm(nn.Conv2d(channels, channels, 1))
        self.verify2 = spectral_norm(nn.Conv2d(channels, channels, 1))
        self.verify3 = nn.Conv2d(channels, 1, 1)
        self.judge = nn.Conv2d(channels, 1, 1)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the global and the verification score, (B, 1, 1, 1) each at 256x256.

        image: (B, 3, H, W) in [-1, 1]; mask: (B, 1, H, W), 1 = foreground.
        """
        whole = self.picture(image)
        foreground, background = self.region(image, mask), self.region(image, 1 - mask)
        similarity = functional.leaky_relu(self.verify1(foreground * background), SLOPE)
        return self.judge(whole), self.verify3(functional.leaky_relu(self.verify2(similarity), SLOPE))

    def silent_parameters(self) -> list[str]:
        """Return the names of the biases cancelled by the norm behind them (masked windows keep the region branch's alive)."""
        return [f"picture.convs.{index}.bias" for index in range(1, 6) if self.picture.convs[index].bias is not None]

    def public_names(self, prefix: str = "") -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours."""
        return names.public_names(self, DOMAIN_NAMES, prefix)
