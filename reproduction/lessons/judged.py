"""Does a method change the composites more that people called unrealistic? On the pack of real composites with people's labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import auc_interval
from harmlib.io.images import read_image
from harmlib.io.masks import read_mask
from harmlib.metrics.protocols import get_protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from reproduction.kit.labelme import UNREALISTIC, chance_readings
from reproduction.lessons.restraint import changes_of, measure_change

# What a network that has learned nothing paints. Its change is how far a picture is from gray, which is no opinion about harmony.
GRAY, LEVEL = "control: all gray", 128


def measure_judged(models: Mapping[str, HarmonizationModel], rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method and composite: method, id, label, whole, inside, outside (``restraint.changes_of``).

    rows: ``labelme.read_pack``, or some of them. The last method of each composite is the control, a picture that is all gray.
    """
    protocol, found = get_protocol(), []
    for row in progress(rows.to_dict("records"), desc="composites that people judged", unit="image"):
        picture = evaluated_picture(read_image(row["composite"]), protocol)
        mask = evaluated_mask(read_mask(row["mask"]), protocol) > 0
        changes = {name: measure_change(model, picture, mask) for name, model in models.items()}
        changes[GRAY] = changes_of(picture, np.full_like(picture, LEVEL), mask)
        found += [{"method": name, "id": row["id"], "label": row["human_label"], **change} for name, change in changes.items()]
    return pd.DataFrame(found)


def judged_table(changes: pd.DataFrame) -> pd.DataFrame:
    """Return how well the change of the whole picture, and that inside the object, tell the labels apart.

    Columns: method, change, auc with low and high (how often an unrealistic composite is changed more than a realistic one), reading, n.
    """
    rows, areas = [], []
    for method, part in changes.groupby("method", sort=False):
        positive = (part["label"] == UNREALISTIC).to_numpy()
        for region, words in {"whole": "of the whole picture", "inside": "inside the object"}.items():
            areas.append(auc_interval(part[region].to_numpy(), positive, None))
            rows.append((method, words, areas[-1].mean, areas[-1].low, areas[-1].high, areas[-1].n))
    table = pd.DataFrame(rows, columns=["method", "change", "auc", "low", "high", "n"])
    table.insert(5, "reading", chance_readings(areas))
    return table
