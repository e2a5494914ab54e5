"""The convolutional layers of ImageNet classifiers, with torchvision's numbers, so that its weights fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.layers.blocks import scaled_channels

# torchvision's names, in torch's hub cache.
VGG16_FILE = "vgg16-397923af.pth"
SQUEEZENET_FILE = "squeezenet1_1-b8a52dc0.pth"
# Channels of VGG16's convolutions, block by block.
VGG16_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# SqueezeNet 1.1 without its last Fire module: channels of the convolution, then squeezed ones and a half of the expanded ones of every
# Fire module, pool by pool.
SQUEEZENET_STEM = 64
SQUEEZENET_FIRES = (((16, 64), (16, 64)), ((32, 128), (32, 128)), ((48, 192), (48, 192), (64, 256)))


class ClassifierFeatures(nn.Sequential):
    """Layers numbered as in torchvision's ``features``; fresh weights are He's, biases 0. channels: those of the last layer."""

    def __init__(self, layers: list[nn.Module], channels: int) -> None:
        super().__init__(*layers)
        self.channels = channels
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Load these layers from torchvision's state dict."""
        self.load_state_dict({name: weights[f"features.{name}"] for name in self.state_dict()})


def vgg16_blocks(*, width: float, dilated: int | None = None) -> list[nn.Sequential]:
    """Return VGG16's five blocks of convolutions with ReLU, for a pool behind each.

    width: factor on all channels, which stay multiples of 8; dilated: block whose convolutions are dilated by 2, if any.
    """
    blocks = []
    inputs = 3
    for index, widths in enumerate(VGG16_BLOCKS):
        dilation = 2 if index == dilated else 1
        block = nn.Sequential()
        for base in widths:
            outputs = scaled_channels(width, base)
            block.extend([nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)])
            inputs = outputs
        blocks.append(block)
    return blocks


def vgg16_features(*, width: float) -> ClassifierFeatures:
    """Return VGG16 without its last pool: (B, 3, H, W) to (B, 512, H/16, W/16)."""
    layers: list[nn.Module] = []
    for block in vgg16_blocks(width=width):
        layers += [*block, nn.MaxPool2d(2)]
    return ClassifierFeatures(layers[:-1], scaled_channels(width, VGG16_BLOCKS[-1][-1]))


class Fire(nn.Module):
    """A convolution 1x1 to few channels, then 1x1 and 3x3 side by side, ReLU behind each."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features (B, 2 expanded, h, w)."""
        squeezed = functional.relu(self.squeeze(features))
        return functional.relu(torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1))


def squeezenet_features(*, width: float) -> ClassifierFeatures:
    """Return SqueezeNet 1.1 without its last Fire module: (B, 3, 256, 256) to (B, 512, 15, 15); width: as for ``vgg16_blocks``."""
    channels = scaled_channels(width, SQUEEZENET_STEM)
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, stride=2), nn.ReLU(inplace=True)]
    for fires in SQUEEZENET_FIRES:
        layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
        for squeezed, expanded in fires:
            layers.append(Fire(channels, scaled_channels(width, squeezed), scaled_channels(width, expanded)))
            channels = 2 * scaled_channels(width, expanded)
    return ClassifierFeatures(layers, channels)
