"""HT: a transformer between a small convolutional encoder and decoder (Guo et al. 2021; docs/methods/ht.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, normal_init, paste
from harmlib.models.layers.blocks import scaled_channels
from harmlib.models.layers.names import Table
from harmlib.models.layers.picture import PictureDecoder, PictureEncoder
from harmlib.models.layers.transformer import LAYERS, TransformerEncoder, sine_positions, to_features, to_tokens
from harmlib.models.registry import register

CHANNELS = 256
INIT_STD = 0.02
L1_WEIGHT = 100.0
EPOCH = 65_742 // 4  # iHarmony4's training pairs in batches of 4
# The ICCV paper's version; the main branch holds a later one with other networks.
WEIGHTS = "https://github.com/zhenglab/HarmonyTransformer/releases/tag/v1.0"

NAMES: Table = (
    (r"^(\w*)encoder\.(\d)\.", r"\1enc.model.\2."),
    (r"^(\w*)decoder\.1\.", r"\1dec.model.2."),
    (r"^(\w*)decoder\.3\.", r"\1dec.model.4."),
    (r"^(\w*)decoder\.4\.", r"\1dec.model.5."),
    (r"^(\w*)transformer\.", r"\1transformer_enc.encoder."),
    (r"\.self_attention\.heads\.", ".self_attn."),
    (r"\.cross_attention\.heads\.", ".multihead_attn."),
    (r"\.self_attention\.norm\.", ".norm1."),
    (r"\.cross_attention\.norm\.", ".norm2."),
    (r"encoder(\.layers\.\d)\.feed_forward\.norm\.", r"encoder\1.norm2."),
    (r"decoder(\.layers\.\d)\.feed_forward\.norm\.", r"decoder\1.norm3."),
    (r"\.feed_forward\.", "."),
)


class TransformerModel(HarmonizationModel):
    """What HT and D-HT share: the result is pasted into the composite, and the loss is L1 on the whole picture."""

    size_multiple = 8
    keeps_background = True
    augmentations = ("flip",)
    names = NAMES
    # The authors' code.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        betas=(0.5, 0.999),
        batch_size=4,
        iterations=60 * EPOCH,
        linear_decay_from=30 * EPOCH,
        loss="100 L1",
        note="the authors lower the rate per epoch, here per iteration",
    )

    def generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the networks' picture (B, 3, H, W), neither clamped nor pasted."""
        raise NotImplementedError

    def training_loss(self, batch: Batch) -> Losses:
        """Return 100 times the mean absolute error of the whole generated picture."""
        return {"total": L1_WEIGHT * functional.l1_loss(self.generate(batch["composite"], batch["mask"]), batch["target"])}


@register("ht", paper="baselines", reference="Guo et al. 2021", weights=WEIGHTS)
class Ht(TransformerModel):
    """HT: transformer between a convolutional encoder and decoder.

    The output is tanh, although the pictures lie in [0, 1].
    layers: of the transformer; what a step costs depends on them more than on the width.
    """

    def __init__(self, *, width: float = 1.0, layers: int = LAYERS) -> None:
        super().__init__()
        self.channels = scaled_channels(width, CHANNELS)
        self.encoder = PictureEncoder(width=width)
        self.transformer = TransformerEncoder(self.channels, layers)
        self.decoder = PictureDecoder(width=width)
        normal_init(self, INIT_STD)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the generated foreground in the composite's background."""
        return Prediction(paste(self.generate(composite, mask).clamp(0, 1), composite, mask))

    def generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the decoder's picture (B, 3, H, W) in (-1, 1)."""
        features = self.encoder(torch.cat([composite, mask], 1))  # (B, C, H/4, W/4)
        height, width = features.shape[2:]
        tokens = self.transformer(to_tokens(features), sine_positions(height, width, self.channels, features))
        return self.decoder(to_features(tokens, height, width))
