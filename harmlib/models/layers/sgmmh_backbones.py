"""The networks that carry Sg-MMH's heads: its own U-Net, or that of another method (Ren and Liu, section 3.3).

Paper: any network of the field serves, and DoveNet's is shown, the channel of its mask removed. Here: so are those of the others, and
what else asks for a region gets an empty one: without a mask nothing is foreground.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.bargainnet import CODE, CODE_WEIGHT, DomainEncoder, code_maps
from harmlib.models.base import normal_init, to_signed, to_unit
from harmlib.models.dht import Dht
from harmlib.models.ht import CHANNELS, NAMES
from harmlib.models.layers.blocks import scaled_channels
from harmlib.models.layers.names import Table, public_names
from harmlib.models.layers.picture import PictureDecoder
from harmlib.models.layers.rain import RegionAwareNorm
from harmlib.models.layers.retoucher import OPERATORS
from harmlib.models.layers.transformer import TransformerEncoder, sine_positions, to_features, to_patches
from harmlib.models.layers.unet import LEVELS, SIZE_MULTIPLE, AttentionUNet

INIT_STD = 0.02  # of the authors of all backbones but Sg-MMH's own
PATCH_SIDE = 4
PATCH_NAMES: Table = (
    (r"^patches\.", "patch_to_embedding.1."),
    (r"^heads\.0\.", "dec1.0."),
    (r"^heads\.1\.", "dec2.0."),
)


class Backbone(nn.Module):
    """A network before the heads, made from the number of maps, the width, and whether it sees a mask.

    Called with a picture on the network scale (B, 3, H, W) and, where it sees one, its mask (B, 1, H, W), it returns three maps, a
    picture, or six, operator masks in the order of ``OPERATORS``; on the network scale, neither clamped nor rectified.
    """

    size_multiple = SIZE_MULTIPLE

    def published_names(self, prefix: str) -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours; empty where no weights with heads are known."""
        return {}

    def start_from_identity(self) -> None:
        """Make the first operator masks mul = 1, add = 0."""
        raise NotImplementedError


class UNetBackbone(Backbone, AttentionUNet):
    """An attention U-Net, the mask as one more channel."""

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the maps of a picture (B, 3, H, W)."""
        return super().forward(with_mask(inputs, mask))

    def start_from_identity(self) -> None:
        """Make the last convolution constant."""
        make_constant(self.ups[0], [float(name.startswith("mul")) for name in OPERATORS])


class SgmmhBackbone(UNetBackbone):
    """Sg-MMH's own: up-sampling by nearest neighbor, PyTorch's initialization."""

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__(3 + mask_input, outputs, width=width, upsample="nearest")

    def silent_parameters(self) -> list[str]:
        """Return the biases that instance norm cancels, and level 7.

        At 256x256 level 7 is 1x1; nearest up-sampling makes it constant over its 2x2 plane, and instance norm turns that into 0.
        """
        deepest = (f"downs.{LEVELS - 1}.", f"ups.{LEVELS - 1}.")
        return [*super().silent_parameters(), *(name for name, _ in self.named_parameters() if name.startswith(deepest))]

    def published_names(self, prefix: str) -> dict[str, str]:
        """Return those of the U-Net."""
        return self.public_names(prefix)


class DoveNetBackbone(UNetBackbone):
    """DoveNet's generator with its transposed convolutions and its initialization, but for the tanh."""

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__(3 + mask_input, outputs, width=width)
        normal_init(self, INIT_STD)


class RainNetBackbone(UNetBackbone):
    """RainNet's generator but for the tanh; the mask enters RAIN only.

    Paper: nothing is said of RAIN without a mask. Here: all is background, so that RAIN is an instance norm with the background's γ and β.
    """

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__(3, outputs, width=width, up_norm=RegionAwareNorm)
        self.mask_input = mask_input
        normal_init(self, INIT_STD)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the maps of a picture (B, 3, H, W)."""
        return AttentionUNet.forward(self, inputs, foreground(inputs, mask))

    def silent_parameters(self) -> list[str]:
        """Return γ and β of a foreground that is never there."""
        return [] if self.mask_input else [name for name, _ in self.named_parameters() if "foreground" in name]


class BargainNetBackbone(Backbone):
    """BargainNet's generator, guided by the background's code, but for the tanh; it learns without the triplet losses.

    Paper: nothing is said of the code without a mask. Here: all is background, so that the code tells the domain of the whole picture.
    """

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__()
        self.code_weight = nn.Parameter(torch.tensor([CODE_WEIGHT]))
        self.unet = UNetBackbone(3 + mask_input + CODE, outputs, width=width, norm="batch")
        self.encoder = DomainEncoder(width=width, norm="batch")
        normal_init(self, INIT_STD)

    def forward(self, picture: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the maps of a picture (B, 3, H, W)."""
        code = self.encoder(picture, 1 - foreground(picture, mask))
        return self.unet(torch.cat([with_mask(picture, mask), code_maps(code, self.code_weight, picture)], 1))

    def start_from_identity(self) -> None:
        """Make the last convolution constant."""
        self.unet.start_from_identity()


class TokenHead(nn.ConvTranspose2d):
    """Three maps (B, 3, H, W) from tokens (B, 256, H/4, W/4); width: factor on the 256 channels."""

    def __init__(self, *, width: float) -> None:
        super().__init__(scaled_channels(width, CHANNELS), 3, PATCH_SIDE, stride=PATCH_SIDE)


class HtBackbone(Backbone):
    """HT on patches 4x4 in the place of convolutions, the form to which the authors gave operator masks; it works on codes in [0, 1].

    Authors' code: trained by 100 L1, at a rate of its own. Here: as every backbone, by Sg-MMH's losses and recipe.
    """

    size_multiple = PATCH_SIDE

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__()
        self.channels = scaled_channels(width, CHANNELS)
        self.patches = nn.Linear((3 + mask_input) * PATCH_SIDE**2, self.channels)
        self.transformer = TransformerEncoder(self.channels)
        self.heads = nn.ModuleList(TokenHead(width=width) for _ in range(outputs // 3))
        normal_init(self, INIT_STD)

    def forward(self, picture: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the maps of a picture (B, 3, H, W)."""
        tokens = self.patches(to_patches(with_mask(to_unit(picture), mask), PATCH_SIDE))  # (B, H W / 16, C)
        height, width = (side // PATCH_SIDE for side in picture.shape[2:])
        tokens = self.transformer(tokens, sine_positions(height, width, self.channels, tokens))
        maps = [head(to_features(tokens, height, width)) for head in self.heads]
        return to_signed(maps[0]) if len(maps) == 1 else signed_operators(*maps)

    def published_names(self, prefix: str) -> dict[str, str]:
        """Return the names in the file with operator masks, whose network sees the mask."""
        return public_names(self, (*PATCH_NAMES, *NAMES), prefix) if len(self.heads) == 2 else {}

    def start_from_identity(self) -> None:
        """Make both heads constant."""
        make_constant(self.heads[0], [0.0] * 3)
        make_constant(self.heads[1], [1.0] * 3)


class DhtBackbone(Backbone):
    """D-HT. Three maps: its product. Six: the heads of HT for its decoders, add for the reflectance, mul for the illumination.

    Authors' code: an unfinished variant without mul. Here: mul is read from the illumination, by which D-HT multiplies. Without a mask the
    light comes from the whole picture.
    """

    size_multiple = Dht.size_multiple

    def __init__(self, outputs: int, *, width: float, mask_input: bool) -> None:
        super().__init__()
        self.outputs = outputs
        self.network = Dht(width=width, inputs=3 + mask_input, decoder=PictureDecoder if outputs == 3 else TokenHead)

    def forward(self, picture: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the maps of a picture (B, 3, H, W)."""
        unit = to_unit(picture)
        reflectance, illumination = self.network.decode(with_mask(unit, mask), unit, foreground(unit, mask))
        if self.outputs == 3:
            return to_signed(to_unit(reflectance) * to_unit(illumination))
        return signed_operators(reflectance, illumination)

    def silent_parameters(self) -> list[str]:
        """Return those of D-HT."""
        return [f"network.{name}" for name in self.network.untrained_parameters]

    def start_from_identity(self) -> None:
        """Make both heads constant."""
        make_constant(self.network.reflectance_decoder, [0.0] * 3)
        make_constant(self.network.illumination_decoder, [1.0] * 3)


BACKBONES: dict[str, Callable[..., Backbone]] = {
    "unet": SgmmhBackbone,
    "dovenet": DoveNetBackbone,
    "rainnet": RainNetBackbone,
    "bargainnet": BargainNetBackbone,
    "ht": HtBackbone,
    "dht": DhtBackbone,
}


def with_mask(picture: Tensor, mask: Tensor | None) -> Tensor:
    """Return the picture, the mask behind its channels where there is one."""
    return picture if mask is None else torch.cat([picture, mask], 1)


def foreground(picture: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mask, an empty one (B, 1, H, W) where there is none."""
    return torch.zeros_like(picture[:, :1]) if mask is None else mask


def signed_operators(add: Tensor, multiply: Tensor) -> Tensor:
    """Return six masks (B, 6, H, W) of the network scale from raw ones of HT, (B, 3, H, W) each, which act on codes in [0, 1].

    There I·mul + add with add behind a tanh; on [-1, 1] that is I·mul + (mul + 2 add - 1).
    """
    multiply = functional.relu(multiply)
    return torch.stack([multiply + 2 * torch.tanh(add) - 1, multiply], 2).flatten(1, 2)


def make_constant(layer: nn.Module, values: list[float]) -> None:
    """Make a convolution give one constant per channel, whatever it sees."""
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.tensor(values) if name.endswith("bias") else torch.zeros_like(parameter))
