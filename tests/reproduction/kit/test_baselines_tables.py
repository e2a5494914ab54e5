"""What the baselines' notebook shares with those of FRIH and Harmonizer: names, budgets, tables, and what a system costs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from miniature_baselines import make_workspace, score
from torch import Tensor, nn

from harmlib import models
from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.baselines import artefacts, costs
from reproduction.frih import artefacts as frih_artefacts
from reproduction.frih import numbers as frih
from reproduction.harmonizer import artefacts as harmonizer_artefacts
from reproduction.harmonizer import numbers as harmonizer
from reproduction.kit import measurements, names
from reproduction.kit.style import save_csv
from reproduction.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """A workspace in which all three papers are scored."""
    made = make_workspace(tmp_path_factory.mktemp("scored"))
    for paper in ("frih", "harmonizer", "baselines"):
        score(made, paper)
    return made


def saved(table: pd.DataFrame, folder: Path) -> bytes:
    return save_csv(table, folder / "table.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 6])
def test_frihs_tables_have_the_same_bytes_whichever_notebook_writes_them(workspace, tmp_path, number):
    def table(opened: artefacts.Artefacts) -> pd.DataFrame:
        return frih.size_table(opened) if number == 6 else frih.quality_table(opened, number)

    own = saved(table(frih_artefacts.open_artefacts(workspace).compared), tmp_path)
    assert own == saved(table(frih_artefacts.view(artefacts.open_artefacts(workspace))), tmp_path)
    assert b"S2CRNet-VGG16" in own


@pytest.mark.parametrize("number", [1, 2])
def test_harmonizers_tables_have_the_same_bytes_whichever_notebook_writes_them(workspace, tmp_path, number):
    own = saved(harmonizer.comparison_table(harmonizer_artefacts.open_artefacts(workspace).compared, number), tmp_path)
    assert own == saved(harmonizer.comparison_table(harmonizer_artefacts.view(artefacts.open_artefacts(workspace)), number), tmp_path)


@pytest.mark.slow
def test_the_baselines_alone_fill_every_overall_cell_that_the_papers_print(workspace):
    opened = artefacts.open_artefacts(workspace)

    tables = [frih.quality_table(frih_artefacts.view(opened), number) for number in (1, 2)]
    tables += [harmonizer.comparison_table(harmonizer_artefacts.view(opened), number) for number in (1, 2)]

    for table in tables:
        later = table["row"].str.endswith(", later")
        assert table.loc[(table["subset_or_bucket"] == "All") & ~later, "ours"].notna().all()
    assert frih.size_table(frih_artefacts.view(opened))["ours"].notna().all()


def test_every_method_of_the_papers_tables_has_a_name():
    assert set(names.NAMES) >= {*frih_artefacts.COMPARED, *harmonizer_artefacts.PRINTED} - {artefacts.BASELINE}
    assert set(frih_artefacts.LABELS) >= set(frih_artefacts.COMPARED)
    assert set(harmonizer_artefacts.LABELS) >= set(harmonizer_artefacts.COMPARED)


def test_a_transformers_budget_tells_its_layers(workspace):
    opened = artefacts.open_artefacts(workspace)

    assert names.budget_of(opened, "ht_pcm") == "4 updates of 2 pictures, width 0.125, transformer layers: 1"
    assert names.budget_of(opened, "lalonde") == ""


class Layers(HarmonizationModel):
    """Some layers whose multiply-accumulates can be counted by hand."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        self.layers(composite)
        return Prediction(composite)


def test_a_convolution_has_one_multiply_accumulate_per_weight_and_place():
    model = Layers(nn.Conv2d(3, 5, 3, stride=2, padding=1))

    assert costs.multiply_accumulates(model, torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)) == 5 * 3 * 3 * 3 * 4 * 4


def test_attention_is_counted_with_its_products():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.MultiheadAttention(3, 1, batch_first=True)

        def forward(self, picture: Tensor) -> None:
            tokens = picture.flatten(2).mT
            self.heads(tokens, tokens, tokens, need_weights=False)

    tokens, channels = 64, 3
    projections, products = 4 * tokens * channels**2, 2 * tokens**2 * channels
    fast = torch.backends.mha.get_fastpath_enabled()

    counted = costs.multiply_accumulates(Layers(Attention()).eval(), torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8))

    assert counted == projections + products
    assert torch.backends.mha.get_fastpath_enabled() == fast


@pytest.mark.parametrize("method", ["dht", "s2crnet", "frih"])
def test_methods_that_look_at_their_input_are_counted_too(method):
    torch.manual_seed(0)
    model = models.create(method, width=1 / 32, **({"layers": 1} if method == "dht" else {})).eval()
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:128, 64:128] = 1

    assert costs.multiply_accumulates(model, torch.rand(1, 3, 256, 256), mask) > 1e5


@pytest.fixture
def measured() -> pd.DataFrame:
    """Two frames of one method."""
    rows = [("s2crnet", "frame", "1080p", 12.0, 30.0, 0.6), ("s2crnet", "frame", "4K", 40.0, 90.0, 0.6)]
    table = pd.DataFrame(rows, columns=["method", "part", "size", "milliseconds", "memory_mib", "gmacs"])
    return table.assign(device="a CPU")


def test_costs_say_what_was_not_measured(measured):
    table = costs.cost_table(["lalonde", "s2crnet", "s2crnet_vgg16"], measured).set_index("method")

    assert table.loc["s2crnet", ["1080p_ms", "4K_ms", "1080p_MiB", "gmacs"]].tolist() == [12, 40, 30, 0.6]
    unmeasured = f"not measured: {measurements.NOT_MEASURED}"
    assert table["note"].tolist() == [unmeasured, "", unmeasured]
    assert table.loc["lalonde", "parameters"] == 0
    assert table.loc["s2crnet_vgg16", "parameters"] > 10 * table.loc["s2crnet", "parameters"]
    assert table["weights_mb"].tolist() == pytest.approx((4 * table["parameters"]).tolist())


def test_costs_do_not_need_measurements(measured):
    table = costs.cost_table(["dih"], measured.iloc[:0])

    assert table["note"].tolist() == [f"not measured: {measurements.NOT_MEASURED}"]
    assert table["1080p_ms"].isna().all()


def test_measurements_of_an_older_benchmark_have_no_arithmetic(measured):
    table = costs.cost_table(["s2crnet"], measured.drop(columns="gmacs"))

    assert table["gmacs"].isna().all()
    assert table["1080p_ms"].tolist() == [12]
