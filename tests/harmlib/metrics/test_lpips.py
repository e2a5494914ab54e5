"""LPIPS: a reason without weights, and the wrapper around the network (random backbone: no weights are needed)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harmlib.errors import ParameterError, ShapeError
from harmlib.metrics import lpips


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """The small LPIPS network with random features."""
    package = pytest.importorskip("lpips")
    torch.manual_seed(0)
    return package.LPIPS(net="squeeze", pretrained=False, pnet_rand=True, verbose=False).eval()


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 32, 40, generator=generator), torch.rand(2, 3, 32, 40, generator=generator)


@pytest.mark.parametrize("backbone", list(lpips.BACKBONES))
def test_absent_backbone_gives_a_reason_instead_of_a_download(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    answer = lpips.load_network(backbone=backbone)

    assert isinstance(answer, str)
    assert lpips.BACKBONES[backbone].file in answer
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backbone", list(lpips.BACKBONES))
def test_damaged_backbone_gives_a_reason(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = lpips.BACKBONES[backbone].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no weights")

    assert lpips.why_unavailable(backbone).endswith("is damaged")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(lpips.BACKBONES))
def test_smallest_side_is_the_smallest_that_the_network_takes(name: str) -> None:
    network = pytest.importorskip("lpips").LPIPS(net=name, pretrained=False, pnet_rand=True, verbose=False).eval()
    side = lpips.BACKBONES[name].smallest

    assert lpips.lpips_distance(network, torch.zeros(1, 3, side, side), torch.ones(1, 3, side, side)).isfinite().all()
    with pytest.raises(RuntimeError), torch.inference_mode():
        network(*torch.zeros(2, 1, 3, side - 1, side - 1))


def test_identical_pictures_have_no_distance(network: torch.nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert lpips.lpips_distance(network, pair[0], pair[0]).tolist() == [0.0, 0.0]


def test_bgr_is_the_distance_of_flipped_channels(network: torch.nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    flipped = lpips.lpips_distance(network, pair[0].flip(1), pair[1].flip(1))

    assert torch.equal(lpips.lpips_distance(network, *pair, channels="bgr"), flipped)


def test_network_sees_pictures_from_minus_one_to_one(network: torch.nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with torch.inference_mode():
        expected = network(*pair, normalize=True).flatten()

    torch.testing.assert_close(lpips.lpips_distance(network, *pair).float(), expected)


def test_unknown_channel_order_is_refused(network: torch.nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ParameterError, match='channel order is "grb": choose from rgb, bgr'):
        lpips.lpips_distance(network, *pair, channels="grb")


def test_tiny_pictures_are_refused(network: torch.nn.Module) -> None:
    tiny = torch.zeros(1, 3, 8, 40)

    with pytest.raises(ShapeError, match="LPIPS needs at least 16x16"):
        lpips.lpips_distance(network, tiny, tiny)
