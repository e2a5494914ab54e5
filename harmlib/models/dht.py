"""D-HT: reflectance and illumination, the latter rendered from light tokens of the background (Guo et al. 2021; docs/methods/ht.md)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.base import HarmonizationModel, Prediction, normal_init, paste, to_unit
from harmlib.models.ht import CHANNELS, INIT_STD, NAMES, WEIGHTS, TransformerModel
from harmlib.models.layers.blocks import scaled_channels
from harmlib.models.layers.names import Table
from harmlib.models.layers.picture import PictureDecoder, PictureEncoder
from harmlib.models.layers.transformer import (
    LAYERS,
    TransformerDecoder,
    TransformerEncoder,
    sine_positions,
    to_features,
    to_patches,
    to_tokens,
)
from harmlib.models.registry import register

LIGHTS = 27
PATCH_SIDE = 8
# What gets no gradient in fresh attention over zeros.
ZERO_FED = ("heads.in_proj_weight", "heads.out_proj.weight", "norm.weight")
LIGHT_NAMES: Table = (
    (r"^light\.patches\.", "light_generator.patch_embedding.0."),
    (r"^light\.encoder\.", "light_generator.transformer_enc.encoder."),
    (r"^light\.decoder\.", "light_generator.transformer_dec.decoder."),
    (r"^light\.queries\.", "light_generator.light_embed."),
    (r"^render\.", "illumination_render.decoder."),
)


class LightGenerator(nn.Module):
    """Reads 27 light tokens from the patches of the background."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.patches = nn.Linear(3 * PATCH_SIDE**2, channels)
        self.encoder = TransformerEncoder(channels, layers)
        self.decoder = TransformerDecoder(channels, layers)
        self.queries = nn.Embedding(LIGHTS, channels)

    def forward(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the light tokens (B, 27, C); composite: (B, 3, H, W), mask: (B, 1, H, W)."""
        tokens = self.patches(to_patches(composite * (1 - mask), PATCH_SIDE))  # (B, H W / 64, C)
        height, width = (side // PATCH_SIDE for side in composite.shape[2:])
        positions = sine_positions(height, width, tokens.shape[2], tokens)
        hidden = hidden_patches(mask)
        memory = self.encoder(tokens, positions, hidden)
        start = tokens.new_zeros(len(tokens), *self.queries.weight.shape)
        return self.decoder(start, self.queries.weight, memory, positions, hidden)


def hidden_patches(mask: Tensor) -> Tensor:
    """Return, bool (B, H W / 64), which patches are hidden: those with any foreground in a mask (B, 1, H, W).

    Where that is every patch of a picture, attention would have nothing to weigh (NaN in the authors' code): then all of them are seen.
    """
    touched = functional.max_pool2d(mask, PATCH_SIDE).flatten(1) > 0
    return touched & ~touched.all(1, keepdim=True)


class Dht(TransformerModel):
    """HT for the reflectance, the light tokens rendered on its features for the illumination; the picture is their product.

    inputs: channels the encoder sees; layers: of every transformer; decoder: makes the decoders from ``width``.
    """

    names = (*LIGHT_NAMES, *NAMES)

    def __init__(self, *, width: float, layers: int = LAYERS, inputs: int = 4, decoder: Callable[..., nn.Module] = PictureDecoder) -> None:
        super().__init__()
        self.channels = scaled_channels(width, CHANNELS)
        self.reflectance_encoder = PictureEncoder(width=width, inputs=inputs)
        self.reflectance_transformer = TransformerEncoder(self.channels, layers)
        self.reflectance_decoder = decoder(width=width)
        self.light = LightGenerator(self.channels, layers)
        self.render = TransformerDecoder(self.channels, layers)
        self.illumination_decoder = decoder(width=width)
        normal_init(self, INIT_STD)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the product in the composite's background; extras: reflectance and illumination, (B, 3, H, W) in [0, 1]."""
        reflectance, illumination = self.decompose(composite, mask)
        parts = {"reflectance": reflectance, "illumination": illumination}
        return Prediction(paste(reflectance * illumination, composite, mask), parts)

    def generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the product (B, 3, H, W) in [0, 1], not pasted."""
        reflectance, illumination = self.decompose(composite, mask)
        return reflectance * illumination

    def decompose(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return reflectance and illumination of the harmonized picture, (B, 3, H, W) in [0, 1]."""
        reflectance, illumination = self.decode(torch.cat([composite, mask], 1), composite, mask)
        return to_unit(reflectance), to_unit(illumination)

    def decode(self, inputs: Tensor, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the decoders make of the tokens of reflectance and illumination, (B, 3, H, W) each; inputs: the encoder's."""
        features = self.reflectance_encoder(inputs)  # (B, C, H/4, W/4)
        height, width = features.shape[2:]
        positions = sine_positions(height, width, self.channels, features)
        reflectance = self.reflectance_transformer(to_tokens(features), positions)
        illumination = self.render(reflectance, positions, self.light(composite, mask), self.light.queries.weight)
        return (
            self.reflectance_decoder(to_features(reflectance, height, width)),
            self.illumination_decoder(to_features(illumination, height, width)),
        )

    @property
    def untrained_parameters(self) -> frozenset[str]:
        """The biases that a norm cancels, and weights of the light decoder's first attention, whose values are zeros.

        Its input weights never count; the other two do as soon as the biases beside them have moved.
        """
        return super().untrained_parameters.union(f"light.decoder.layers.0.self_attention.{name}" for name in ZERO_FED)


@register("dht", paper="baselines", reference="Guo et al. 2021", weights=WEIGHTS)
def dht(*, width: float = 1.0, layers: int = LAYERS) -> HarmonizationModel:
    """D-HT: disentangled transformer, reflectance times illumination from light tokens.

    layers: of its four transformers each; what a step costs depends on them more than on the width.
    """
    return Dht(width=width, layers=layers)
