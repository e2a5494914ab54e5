"""Figure 7 of Harmonizer in numbers: one clip harmonized in several ways, and how much each of them flickers.

w is the weight of the past in the moving average of the arguments: s_1 = θ_1, s_t = w s_(t-1) + (1 - w) θ_t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harmlib.errors import ParameterError, VideoError
from harmlib.io.images import resize
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from harmlib.video import FrameHarmonizer, HarmonizedFrame, foreground_lab, read_frames, read_timed_frames, temporal_change
from harmlib.video.averaging import SMOOTHING
from reproduction.harmonizer.artefacts import BASELINE, LABELS
from reproduction.harmonizer.clips import Clip
from reproduction.kit.findings import AGREES, CANNOT_SAY, judge_exact

# Methods that harmonize every frame by itself, at low resolution: the paper's, and what takes its place where that is not trained.
PAPERS_OWN, FRAME_BY_FRAME = "ht", "dovenet"
CHANNELS = ("L", "a", "b")
# The clip is cut into as many parts of equal length, to see whether a difference holds throughout.
BLOCKS = 4
# Pictures are kept no wider than they are printed.
SHOWN_WIDTH = 240
# Equation 14's weight of the new arguments.
PRINTED_ALPHA = 0.9


@dataclass(frozen=True)
class Way:
    """A method, and for one with filter arguments w; None for the others."""

    method: str
    weight: float | None = None

    @property
    def title(self) -> str:
        """What figures and tables call it."""
        name = LABELS[self.method]
        return name if self.weight is None else f"{name}, w = {self.weight:g}"


INPUT = Way(BASELINE)


@dataclass(frozen=True, eq=False)
class Record:
    """What was seen of a clip.

    ways: the composite first. lab: the foreground's mean Lab, one row per way and frame: way, frame, time, L, a, b.
    arguments: as used before clamping, one row per way, frame and filter: way, frame, time, filter, argument; w = 0 is the raw prediction.
    pictures: frame -> way -> uint8 RGB (H, W, 3).
    """

    clip: Clip
    ways: tuple[Way, ...]
    lab: pd.DataFrame
    arguments: pd.DataFrame
    pictures: dict[int, dict[str, np.ndarray]]

    @property
    def frame_by_frame(self) -> Way:
        """The way that knows nothing of the frame before."""
        return next(way for way in self.ways if way != INPUT and way.weight is None)

    @property
    def averaged(self) -> list[Way]:
        """The ways that average arguments, the smallest w first."""
        return sorted((way for way in self.ways if way.weight is not None), key=lambda way: way.weight or 0)

    def curve(self, way: Way) -> np.ndarray:
        """Return the foreground's mean Lab over time, (T, 3)."""
        return self.lab.loc[self.lab["way"] == way.title, list(CHANNELS)].to_numpy()

    def argument_curve(self, way: Way) -> pd.DataFrame:
        """Return the arguments over time: one row per frame that has a foreground, one column per filter."""
        rows = self.arguments[self.arguments["way"] == way.title]
        return rows.pivot_table(index="time", columns="filter", values="argument", sort=False)


def all_ways(weights: Sequence[float], frame_by_frame: str = FRAME_BY_FRAME) -> tuple[Way, ...]:
    """Return the composite, the method that goes frame by frame, and Harmonizer with every w.

    Raises ParameterError for fewer than two different weights.
    """
    if len(set(weights)) < max(2, len(weights)):
        raise ParameterError(f"weights are {list(weights)}, expected two or more, all different, because they are compared")
    return INPUT, Way(frame_by_frame), *(Way("harmonizer", weight) for weight in weights)


def record_clip(clip: Clip, models: Mapping[str, HarmonizationModel], ways: Sequence[Way], *, shown: int) -> Record:
    """Harmonize a clip in all ways at once, one frame in memory at a time.

    models: method -> model. shown: how many pictures are kept, evenly spread over the clip.
    Raises VideoError for a mask without any foreground.
    """
    harmonizers = {way: FrameHarmonizer(models[way.method], smoothing=way.weight or 0.0) for way in ways if way != INPUT}
    kept = set(np.linspace(0, clip.frames - 1, shown).round().astype(int).tolist())
    lab, arguments, pictures = [], [], {}
    frames = zip(read_timed_frames(clip.composite), read_frames(clip.mask, gray=True, limit=clip.frames), strict=True)
    for number, ((frame, time), mask) in enumerate(progress(frames, total=clip.frames, desc="harmonize", unit="frame")):
        results = {way: harmonizers[way](frame, mask) if way in harmonizers else HarmonizedFrame(frame) for way in ways}
        for way, result in results.items():
            key = {"way": way.title, "frame": number, "time": float(time)}
            means = foreground_lab([result.image], [mask])[0].round(4)
            lab.append({**key, **dict(zip(CHANNELS, means, strict=True))})
            if result.smoothed is not None:
                named = zip(harmonizers[way].filters, result.smoothed, strict=True)
                arguments += [{**key, "filter": name, "argument": round(float(value), 6)} for name, value in named]
        if number in kept:
            pictures[number] = {way.title: _reduced(result.image) for way, result in results.items()}
    if np.isnan([row["L"] for row in lab]).all():
        raise VideoError(f'"{clip.mask}" has no foreground in any frame: white is foreground')
    return Record(clip, tuple(ways), pd.DataFrame(lab), pd.DataFrame(arguments), pictures)


def _reduced(image: np.ndarray) -> np.ndarray:
    """Return a picture that is no wider than it is printed."""
    height, width = image.shape[:2]
    return image if width <= SHOWN_WIDTH else resize(image, (round(height * SHOWN_WIDTH / width), SHOWN_WIDTH), "bilinear")


def flicker_table(record: Record) -> pd.DataFrame:
    """Return the temporal metric, one row per way.

    change: mean absolute frame-to-frame change of the foreground's mean Lab, over L, a and b, in Lab units.
    flicker: the same minus that of the composite; flicker_L, flicker_a and flicker_b are its parts, whose mean it is; lowest and highest
    are its values over BLOCKS equal parts of the clip.
    argument_change: mean absolute frame-to-frame change of the filter arguments, before clamping; NaN for methods without.
    """
    before = record.curve(INPUT)
    rows = []
    for way in record.ways:
        after, blocks = record.curve(way), block_flicker(record, way)
        parts = {f"flicker_{name}": _added(after[:, [k]], before[:, [k]]) for k, name in enumerate(CHANNELS)}
        moved = temporal_change(record.argument_curve(way).to_numpy())
        change = {"change": temporal_change(after), "flicker": _added(after, before), **parts}
        spread = {"lowest": blocks.min(), "highest": blocks.max()}
        rows.append({"method": way.method, "way": way.title, "weight": way.weight, **change, **spread, "argument_change": moved})
    return pd.DataFrame(rows).assign(frames=record.clip.frames, data=record.clip.title)


def block_flicker(record: Record, way: Way) -> np.ndarray:
    """Return what a way adds to the change of the composite in each of BLOCKS parts of the clip, (BLOCKS,) or fewer for a short clip."""
    after, before = record.curve(way), record.curve(INPUT)
    steps = np.array_split(np.arange(len(after) - 1), min(BLOCKS, len(after) - 1))
    # The steps a to b lie between the frames a to b + 1.
    return np.array([_added(after[part[0] : part[-1] + 2], before[part[0] : part[-1] + 2]) for part in steps])


def _added(after: np.ndarray, before: np.ndarray) -> float:
    """Return the temporal change of a result minus that of its input."""
    return temporal_change(after) - temporal_change(before)


def order_sentence(table: pd.DataFrame) -> str:
    """Return who adds least and most flicker by ``flicker_table``."""
    added = table[table["method"] != BASELINE].sort_values("flicker")
    least, most = added.iloc[0], added.iloc[-1]
    return f"least: {least['way']}, {least['flicker']:+.3f} Lab units per frame; most: {most['way']}, {most['flicker']:+.3f}"


def smoothing_sentence(table: pd.DataFrame) -> str:
    """Return what the largest w does against the smallest by ``flicker_table``."""
    averaged = table.dropna(subset="weight").sort_values("weight")
    raw, smooth = averaged.iloc[0], averaged.iloc[-1]
    return (
        f"w = {smooth['weight']:g} leaves {_share(smooth, raw):.0%} of the argument change at w = {raw['weight']:g}; "
        f"flicker {smooth['flicker']:+.4f} instead of {raw['flicker']:+.4f} Lab units per frame"
    )


def _share(smooth: pd.Series, raw: pd.Series) -> float:
    """Return the argument change of one row as a share of another's; 1 where nothing changes at all."""
    return float(smooth["argument_change"] / raw["argument_change"]) if raw["argument_change"] else 1.0


def summary_table(record: Record) -> pd.DataFrame:
    """Return one row per quantity of section 4.2: quantity, paper, ours, lowest, highest, clips, verdict, likely reason, data.

    lowest, highest: over parts of the clip. A difference of flicker is never judged, because one clip has no interval over clips.
    """
    table = flicker_table(record)
    raw, smooth = record.averaged[0], record.averaged[-1]
    share = _share(*(table[table["way"] == way.title].iloc[0] for way in (smooth, raw)))
    # An average never moves more than what it averages.
    verdict, reason = (AGREES, "") if share < 1 else (CANNOT_SAY, "the predictions do not change over this clip")
    quantity = f"argument change, {smooth.title} / {raw.title}"
    # Claim C19.
    alpha = round(1 - SMOOTHING, 8)
    weights = f"as printed the past would weigh {1 - PRINTED_ALPHA:.1g}; the authors' code weighs it {SMOOTHING:g}, and so do we"
    coefficient = {"quantity": "α, weight of the new arguments", "paper": f"{PRINTED_ALPHA:g}", "ours": alpha, "likely reason": weights}
    rows = [
        {"quantity": quantity, "paper": "below 1", "ours": share, "verdict": verdict, "likely reason": reason},
        _difference(record, smooth, raw, paper="below 0"),
        _difference(record, record.frame_by_frame, smooth, paper="above 0"),
        {**coefficient, "verdict": judge_exact(alpha, paper=PRINTED_ALPHA, data="the code").verdict},
    ]
    return pd.DataFrame(rows).assign(data=record.clip.title)


def _difference(record: Record, first: Way, second: Way, *, paper: str) -> dict[str, object]:
    """Return the row of a difference of flicker between two ways."""
    blocks = block_flicker(record, first) - block_flicker(record, second)
    ours = temporal_change(record.curve(first)) - temporal_change(record.curve(second))
    as_printed = int((blocks < 0).sum() if paper == "below 0" else (blocks > 0).sum())
    reason = f"one clip; {paper} in {as_printed} of its {len(blocks)} parts"
    numbers = {"paper": paper, "ours": ours, "lowest": blocks.min(), "highest": blocks.max(), "clips": 1}
    return {"quantity": f"flicker, {first.title} - {second.title}", **numbers, "verdict": CANNOT_SAY, "likely reason": reason}


def summary_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``summary_table`` for reading, numbers as text."""
    bounds = zip(table["lowest"], table["highest"], strict=True)
    over_parts = ["" if np.isnan(low) else f"{low:.3g} to {high:.3g}" for low, high in bounds]
    clips = ["" if np.isnan(count) else f"{count:g}" for count in table["clips"]]
    shown = table.assign(ours=table["ours"].map("{:.3g}".format), clips=clips, **{"over parts of the clip": over_parts})
    return shown[["quantity", "paper", "ours", "over parts of the clip", "clips", "verdict", "likely reason"]]
