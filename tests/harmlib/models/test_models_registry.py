"""The registry: names, options, titles, and what it says to a wrong one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models import registry
from harmlib.models.base import Prediction, TrainingRecipe

ROOT = Path(__file__).parents[3]


def test_methods_are_listed_by_pattern() -> None:
    assert models.list_models("sgmmh_*") == ["sgmmh_om", "sgmmh_omgan", "sgmmh_rgb"]


def test_info_holds_title_and_defaults() -> None:
    info = models.describe("dovenet")

    assert info.title.startswith("DoveNet")
    assert info.options == {"width": 1.0, "norm": "instance", "train_mode_bn": False, "residual": False}


def test_model_knows_its_name_and_every_option() -> None:
    model = models.create("sgmmh_rgb", width=1 / 32)

    assert model.name == "sgmmh_rgb"
    assert model.options == {"width": 1 / 32, "perceptual": "none", "backbone": "unet", "mask_input": False, "residual": False}


def test_a_misspelled_method_is_told_the_closest_names() -> None:
    with pytest.raises(ParameterError, match='no method "dovenett": choose from dovenet'):
        models.create("dovenett")


def test_an_unknown_option_is_told_the_known_ones() -> None:
    with pytest.raises(ParameterError, match='"dovenet" has no option "depth": choose from width, norm, train_mode_bn'):
        models.create("dovenet", depth=3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dovenet", {"norm": "group"}, 'norm is "group": choose from instance, batch'),
        ("sgmmh_om", {"init": "zero"}, 'init is "zero": choose from default, identity'),
        ("sgmmh_om", {"perceptual": "vgg"}, 'perceptual is "vgg": choose from none'),
    ],
)
def test_a_wrong_value_is_told_the_choices(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        models.create(name, **options)


def test_a_new_file_is_all_a_method_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        from harmlib.models.composite import Composite
        from harmlib.models.registry import register

        @register("brand_new", paper="demo", reference="Nobody 2026", needs_mask=False, trainable=False)
        def brand_new(*, strength: float = 1.0):
            \"\"\"Brand new: a demonstration.\"\"\"
            return Composite()
    """
    (tmp_path / "brand_new_method.py").write_text(textwrap.dedent(source))
    monkeypatch.setattr(registry.METHODS, "_entries", dict(registry.METHODS._entries))
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])

    assert "brand_new" in models.list_models()
    assert models.create("brand_new", strength=0.5).options == {"strength": 0.5}
    info = models.describe("brand_new")
    assert (info.title, info.system, info.reference) == ("Brand new: a demonstration", "Brand new", "Nobody 2026")
    sys.modules.pop("harmlib.models.brand_new_method")


def test_importing_the_registry_loads_no_torch() -> None:
    script = "import sys, harmlib.models, harmlib.inference.pictures; print('torch' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    assert printed == "False"


@pytest.mark.parametrize("name", models.list_models())
def test_a_method_is_built_without_values_and_without_torchs_compiler(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch._dynamo", "torch.fx.experimental.symbolic_shapes"):
        monkeypatch.setitem(sys.modules, module, None)  # its import fails

    with registry.without_values():
        model = models.create(name)

    assert all(weights.is_meta for weights in model.parameters())


def test_an_unknown_extra_is_told_the_known_ones() -> None:
    prediction = Prediction(None, {"operator_masks": None})  # type: ignore[arg-type, dict-item]

    with pytest.raises(ParameterError, match='no "masks": choose from operator_masks'):
        prediction["masks"]


def test_rate_halves_after_each_milestone_and_falls_linearly() -> None:
    common = {"learning_rate": 1.0, "betas": (0.9, 0.999), "batch_size": 1, "iterations": 100, "loss": ""}
    stepped = TrainingRecipe(**common, milestones=(40, 80), gamma=0.5)
    linear = TrainingRecipe(**common, linear_decay_from=50)

    assert [stepped.rate_factor(progress) for progress in (0, 0.39, 0.4, 0.8)] == [1, 1, 0.5, 0.25]
    assert [linear.rate_factor(progress) for progress in (0, 0.5, 0.75, 1)] == [1, 1, 0.5, 0]
