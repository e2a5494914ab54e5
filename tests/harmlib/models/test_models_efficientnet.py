"""The encoder's own parts: torchvision's weights in it, padding, sizes and stochastic depth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from golden_fill import NARROW
from torch import nn

from harmlib.models.layers.efficientnet import ConvNorm, MBConv, TwoStemEfficientNet, pad_same


@pytest.mark.slow
def test_torchvision_blocks_land_where_the_spec_pairs_them(public_lists: Path) -> None:
    from torchvision.models import efficientnet_b0  # imports half of torch: three seconds

    theirs = efficientnet_b0(weights=None).state_dict()
    backbone = TwoStemEfficientNet()

    backbone.load_imagenet(theirs)

    own, names = backbone.state_dict(), backbone.public_names()
    pairs = json.loads((public_lists / "harmonizer_backbone_map.json").read_text())["torchvision.efficientnet_b0"]
    renamed = dict(pairs)
    loaded = {public: name for public, name in names.items() if not name.startswith("stem_")}
    assert {public.rsplit(".", 1)[0] for public in loaded} == set(renamed)
    for public, name in loaded.items():
        module, tensor = public.rsplit(".", 1)
        assert torch.equal(own[name], theirs[f"{renamed[module]}.{tensor}"]), public


@pytest.mark.parametrize("width", [NARROW, 0.3, 2])
def test_channels_are_multiples_of_eight_at_any_width(width: float) -> None:
    backbone = TwoStemEfficientNet(width=width).eval()
    outputs = {module.conv.out_channels for module in backbone.modules() if isinstance(module, ConvNorm)}

    assert all(channels % 8 == 0 for channels in outputs)
    assert backbone(torch.rand(1, 3, 33, 47), torch.ones(1, 1, 33, 47)).shape == (1, backbone.channels)


def test_stride_two_pads_right_and_below_first() -> None:
    padded = pad_same(torch.ones(1, 1, 5, 4), 3)

    assert padded.sum((0, 1, 2)).tolist() == [5, 5, 5, 5, 0]
    assert padded.sum((0, 1, 3)).tolist() == [0, 4, 4, 4, 4, 4, 0]


@pytest.mark.parametrize("kernel", [3, 5])
def test_stride_two_halves_any_size_upwards(kernel: int) -> None:
    assert ConvNorm(1, 1, kernel, stride=2)(torch.rand(2, 1, 33, 8)).shape == (2, 1, 17, 4)


def test_stochastic_depth_skips_whole_pictures_and_keeps_the_mean() -> None:
    block = MBConv(8, 8, expansion=1, kernel=3, stride=1, adds=True, drop=0.25).train()
    features = torch.ones(4000, 8, 1, 1)
    torch.manual_seed(0)

    kept = block._drop_pictures(features)

    assert kept.flatten(1).unique(dim=0).flatten().tolist() == pytest.approx([0] * 8 + [4 / 3] * 8)
    assert kept.mean().item() == pytest.approx(1, abs=0.05)


def test_evaluation_skips_nothing() -> None:
    block = MBConv(8, 8, expansion=1, kernel=3, stride=1, adds=True, drop=0.25).eval()
    features = torch.ones(100, 8, 1, 1)

    assert torch.equal(block._drop_pictures(features), features)


def test_deeper_blocks_are_skipped_more_often() -> None:
    drops = [block.drop for block in TwoStemEfficientNet(width=NARROW).blocks]

    assert drops == pytest.approx([0.2 * block / 16 for block in range(16)])


def test_running_statistics_start_as_a_plain_mean_of_the_batches() -> None:
    backbone = TwoStemEfficientNet(width=NARROW).train()
    pictures, mask = torch.rand(5, 2, 3, 64, 64), torch.ones(2, 1, 64, 64)

    for batch in pictures:
        backbone(batch, mask)

    means = torch.stack([backbone.stem_foreground.conv(pad_same(torch.cat([batch, mask], 1), 3)).mean((0, 2, 3)) for batch in pictures])
    torch.testing.assert_close(backbone.stem_foreground.norm.running_mean, means.mean(0))


def test_running_statistics_take_the_authors_momentum_after_a_hundred_batches() -> None:
    backbone = TwoStemEfficientNet(width=NARROW).train()
    backbone.stem_foreground.norm.num_batches_tracked.fill_(100)

    backbone(torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64))

    assert {norm.momentum for norm in backbone.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.01}
