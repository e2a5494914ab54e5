"""Figures 3 and 6 to 9 of the no-reference paper: how COCO-Exp is made, and what the methods do with chosen composites."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harmlib.color import rgb_to_lab
from harmlib.data.built import replay
from harmlib.data.composers.regions import find_mask
from harmlib.data.pairs import Pair
from harmlib.errors import DataError
from harmlib.io.images import to_tensor
from harmlib.models.base import HarmonizationModel, Prediction, resize_to
from reproduction.kit.grids import GridRow, foreground_box, picture_grid
from reproduction.kit.selection import VISIBLE, first_photos, first_visible
from reproduction.kit.style import sentence_figure
from reproduction.perceptual.artefacts import LABELS, NO_MASK, TRUE_MASK, TWO_STAGE, Artefacts
from reproduction.perceptual.detection import DETECTED
from reproduction.perceptual.pictures import (
    Example,
    change,
    colored_detection,
    detected_mask,
    error,
    gray,
    picture,
    predict,
    predict_all,
    read_example,
)

Key = tuple[str, str]  # sub-dataset and id

INPUT, TRUTH = "input", "truth"
VARIANTS = 3
CLEAR = 10.0
# Share of the picture that M_p marks with DETECTED or more for a detection: COCO-Exp's smallest objects cover 0.61 %.
DETECTED_SHARE = 0.005
NO_GAIN = "No composite has a larger MSE with the true mask than with the detected one."
NO_DETECTION = f"None of the composites asked about has a detection: M_p of {DETECTED} or more on {DETECTED_SHARE:.1%} of the picture."
LEVELS = "8-bit levels, mean over channels"
# Characters that fit beside a low picture, one of eight.
NARROW = 10


@dataclass(frozen=True, eq=False)
class Transfer:
    """A composite of COCO-Exp made again: where its object's luminance comes from, and where it goes to.

    source, target, result: uint8 (H, W, 3), the source's size being its own; masks: bool.
    """

    id: str
    category: str
    transfer: str
    source_photo: str
    source: np.ndarray
    source_mask: np.ndarray
    target: np.ndarray
    target_mask: np.ndarray
    result: np.ndarray


def first_clear(composites: pd.DataFrame) -> Key:
    """Return the first composite of COCO-Exp whose object can be seen in a small picture and changed by CLEAR in mean L, as far as any is.

    composites: rows of composites.csv in the order of the lists.
    """
    luminance = composites["recipe"].map(lambda recipe: recipe["luminance"])
    clear = composites[[abs(entry["after"][0] - entry["before"][0]) >= CLEAR for entry in luminance]]
    return first_visible(clear if len(clear) else composites)


def read_transfer(artefacts: Artefacts, benchmark: str) -> Transfer | None:
    """Return ``first_clear`` of a COCO-Exp benchmark's test list, replayed; None where its photographs are not at hand."""
    subset, name = first_clear(artefacts.composites(benchmark))
    try:
        source = artefacts.workspace.profile.open_source(subset, artefacts.workspace.data)
    except DataError:
        return None
    composite = replay(artefacts.workspace.results.benchmark(benchmark), name, source)
    recipe: Any = composite.recipe
    other = source.load(recipe["reference"]["photo"])
    return Transfer(
        id=name,
        category=recipe["category"],
        transfer=recipe["transfer"],
        source_photo=other.id,
        source=other.image,
        source_mask=find_mask(other, recipe["reference"]),
        target=composite.target,
        target_mask=composite.mask,
        result=composite.image,
    )


def transfer_figure(transfer: Transfer) -> Figure:
    """Return figure 3: source, its mask, target, its mask, and the result, with mean and deviation of L in the object."""
    pictures = {
        "source": transfer.source,
        "source mask": transfer.source_mask,
        "target": transfer.target,
        "target mask": transfer.target_mask,
        "result": transfer.result,
    }
    objects = {"source": transfer.source_mask, "target": transfer.target_mask, "result": transfer.target_mask}
    luminance = {title: rgb_to_lab(pictures[title][mask])[:, 0] for title, mask in objects.items()}
    captions = {title: f"object: L {values.mean():.1f} ± {values.std():.1f}" for title, values in luminance.items()}
    captions |= {f"{title} mask": f"{objects[title].mean():.1%} of the picture" for title in ("source", "target")}
    return picture_grid([GridRow(pictures, captions=captions)])


def transfer_sentence(transfer: Transfer) -> str:
    """Return which composite figure 3 shows, and how it was made."""
    made = transfer.transfer.replace("_", " ")
    return f'{transfer.id}: {made} between two objects of the category "{transfer.category}", source: {transfer.source_photo}.'


def over_compensated(table: pd.DataFrame, count: int) -> list[Key]:
    """Return the composites with the largest MSE_s - MSE_p, best first, one per photograph; only those above zero.

    table: ``distributions.paired``.
    """
    errors = table[(table["metric"] == "mse") & (table["difference"] < 0)]
    return _keys(one_per_photo(errors.sort_values("difference", kind="stable")).head(count))


def comparable(table: pd.DataFrame, detects: Callable[[Key], bool], count: int, *, limit: int) -> list[Key]:
    """Return the composites with the smallest |MSE_s - MSE_p| among those with a detection, one per photograph: its closest.

    table: ``distributions.paired``. detects: tells whether a composite has a detection; it is asked in that order, ``limit`` times at most.
    """
    errors = table[table["metric"] == "mse"]
    closest = errors.iloc[errors["difference"].abs().argsort(kind="stable")]
    return list(islice(filter(detects, _keys(one_per_photo(closest).head(limit))), count))


def one_per_photo(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the first row of every photograph; ids are <photo>_<object>_<variant>."""
    photos = rows.assign(photo=rows["id"].str.rsplit("_", n=2).str[0])
    return rows[~photos.duplicated(["subset", "photo"])]


def _keys(rows: pd.DataFrame) -> list[Key]:
    """Return (sub-dataset, id) of every row."""
    return list(zip(rows["subset"], rows["id"], strict=True))


def has_detection(model: HarmonizationModel, pair: Pair) -> bool:
    """Tell whether M_p reaches DETECTED on DETECTED_SHARE of the picture; model: the two-stage system."""
    prediction = predict(model, read_example(pair))
    return bool((detected_mask(prediction) >= DETECTED).mean() >= DETECTED_SHARE)


def over_compensation_figure(examples: Sequence[Example], models: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figure 6: truth, input, C_p, C_s, M_p and M_s, with MSE, the object framed; models: as ``Artefacts.models`` has them."""
    return _two_stage_figure(examples, models, colored=False) if examples else sentence_figure(NO_GAIN)


def comparable_figure(examples: Sequence[Example], models: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figure 7: the same columns, but M_p as the raw detection, red for negative and green for positive."""
    return _two_stage_figure(examples, models, colored=True) if examples else sentence_figure(NO_DETECTION)


def _two_stage_figure(examples: Sequence[Example], models: Mapping[str, HarmonizationModel], *, colored: bool) -> Figure:
    """Return a row per example."""
    chosen = {method: models[method] for method in (TRUE_MASK, TWO_STAGE)}
    titles = {TWO_STAGE: f"$C_p$: {LABELS[TWO_STAGE]}", TRUE_MASK: f"$C_s$: {LABELS[TRUE_MASK]}"}
    rows = []
    for example in examples:
        predictions = predict_all(chosen, example)
        two_stage = predictions[TWO_STAGE]
        found, legend = gray(detected_mask(two_stage)), ""
        if colored:
            probabilities = resize_to(two_stage["probabilities"], two_stage.image)[0].permute(1, 2, 0)
            found, legend = colored_detection(probabilities.numpy()), "red: negative\ngreen: positive"
        results = {title: picture(predictions[method]) for method, title in titles.items()}
        pictures = {TRUTH: example.real, INPUT: example.composite, **results, "$M_p$": found, "$M_s$": example.mask}
        errors = {INPUT: input_error(example), **{title: error(predictions[method], example) for method, title in titles.items()}}
        rows.append(_row(example, pictures, {**_in_words(errors), "$M_p$": legend}, example.label))
    return picture_grid(rows)


def input_error(example: Example) -> float:
    """Return the mean squared error of the composite itself."""
    return error(Prediction(to_tensor(example.composite)[None]), example)


def _in_words(errors: Mapping[str, float]) -> dict[str, str]:
    """Return errors as captions."""
    return {title: f"MSE {value:.1f}" for title, value in errors.items()}


def _row(example: Example, pictures: Mapping[str, np.ndarray], captions: Mapping[str, str], label: str) -> GridRow:
    """Return pictures in the proportions of the file, a box around the object unless that vanished at 256x256."""
    shown = {title: example.proportioned(values) for title, values in pictures.items()}
    box = foreground_box(example.proportioned(example.mask), margin=0) if example.mask.any() else None
    return GridRow(shown, label, captions, box)


def first_and_worst_photos(composites: pd.DataFrame, scores: pd.DataFrame, count: int) -> list[tuple[str, str, str]]:
    """Return (sub-dataset, id, rule) of figure 8: the first ``count`` photographs, and of the others the ``count`` worst by PTC-DIH's MSE.

    composites: rows of composites.csv in the order of the lists; scores: of that benchmark. Every photograph is shown once.
    """
    first = first_photos(composites, count).assign(rule="first")
    worst = scores[scores["method"] == NO_MASK[-1]].sort_values("mse", ascending=False, kind="stable").assign(rule="worst")
    chosen = one_per_photo(pd.concat([first, worst], ignore_index=True)).head(2 * count)
    return list(zip(chosen["subset"], chosen["id"], chosen["rule"], strict=True))


def no_mask_figure(examples: Sequence[Example], models: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figure 8: input, truth, and of every method without a mask its output and output - input; red is brighter, blue darker."""
    return picture_grid([no_mask_row(example, models) for example in examples], unit=LEVELS)


def no_mask_row(example: Example, models: Mapping[str, HarmonizationModel]) -> GridRow:
    """Return one row of figures 8 and 10."""
    return _compared_row(example, {method: models[method] for method in NO_MASK}, INPUT, example.composite)


def _compared_row(example: Example, models: Mapping[str, HarmonizationModel], name: str, reference: np.ndarray) -> GridRow:
    """Return input, truth, and of every method its output and how far that lies above the reference, which is called ``name``."""
    pictures = {INPUT: example.composite, TRUTH: example.real}
    errors = {INPUT: input_error(example)}
    for method, prediction in predict_all(models, example).items():
        label = LABELS[method]
        pictures |= {label: picture(prediction), f"{label}\n− {name}": change(prediction, reference)}
        errors[label] = error(prediction, example)
    label = "\n".join(textwrap.fill(words, NARROW) for words in (example.subset, example.rule, example.id) if words)
    return _row(example, pictures, _in_words(errors), label)


def three_variants(composites: pd.DataFrame) -> list[Key]:
    """Return up to three composites of one photograph.

    Of the photographs with three composites or more, else with most, the first with most of the same object, three being enough, and
    with an object that can be seen in a small picture; composites: rows of composites.csv in the order of the lists.
    """
    # Our composer may draw an object twice, each time with a mask file of its own; a published benchmark names its objects by their masks.
    objects = [str(recipe.get("foreground", mask)) for recipe, mask in zip(composites["recipe"], composites["mask"], strict=True)]
    counts = {
        "any": composites.groupby(["subset", "photo"])["id"].transform("size").clip(upper=VARIANTS),
        "same": composites.groupby([composites["subset"], composites["photo"], objects])["id"].transform("size").clip(upper=VARIANTS),
        "visible": composites["foreground_ratio"] >= VISIBLE,
    }
    ranked = composites.assign(**counts).sort_values([*counts], ascending=False, kind="stable")
    best = ranked.iloc[0]
    return _keys(ranked[(ranked["subset"] == best["subset"]) & (ranked["photo"] == best["photo"])].head(VARIANTS))


def variants_figure(examples: Sequence[Example], models: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figure 9: input, truth, DIH-M and PTC-DIH, each with its output - truth; red is too bright, blue too dark."""
    chosen = {method: models[method] for method in (TRUE_MASK, NO_MASK[-1])}
    return picture_grid([_compared_row(example, chosen, TRUTH, example.real) for example in examples], unit=LEVELS)


def variants_sentence(examples: Sequence[Example]) -> str:
    """Return which variants figure 9 shows, and whether they share an object as HAdobe5k's do."""
    photo = examples[0].id.rsplit("_", 2)[0]
    same = all(np.array_equal(example.mask, examples[0].mask) for example in examples)
    words = "the same object in all" if same else "each with its own object"
    short = "" if len(examples) == VARIANTS else f"; no photograph of the test list has {VARIANTS}"
    return f"{examples[0].subset}, {photo}: {len(examples)} variants, {words}{short}."
