# %% [markdown]
"""# Solutions to notebook 40: Sg-MMH

They need only the embedded photographs. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab8
from harmlib.data.sources import open_source
from harmlib.perturbations import apply_step
from harmlib.perturbations.instagram import FILTERS

# %% [markdown]
# ## 1. A filter that makes gray
#
# The filtered a and b are the same everywhere, so a factor has nothing to work on: it and the number added only move the one value there is
# to the middle of the true ones. The region gets one hue, its own mean, and keeps the light and dark of the picture.

# %%
source = open_source("embedded")
astronaut = source.load("astronaut")
suit = astronaut.labels == next(label for label, name in astronaut.classes.items() if name == "clothing")
gray = rgb_to_lab8(apply_step(astronaut.image, {"name": "instagram", "filter": "inkwell"}))[suit]
print(f"inkwell leaves {len(np.unique(gray[:, 1]))} code of a and {len(np.unique(gray[:, 2]))} of b in the suit")

# %% [markdown]
# ## 2. The best factor and number
#
# Setting both derivatives to 0 gives the factor as covariance over variance, and the line goes through the means.


# %%
def best_line(x, y):
    """Return the factor and the number with the least squared error from x to y, both (N,)."""
    factor = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return factor, y.mean() - factor * x.mean()


x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.5])
assert np.allclose(best_line(x, y), np.polyfit(x, y, 1))

# %% [markdown]
# ## 3. What no mask can undo
#
# For one channel of one region, the best factor and the best number to add are a line from filtered to true codes. Its residual is what
# constant masks leave behind, however well a network learns. Every third pixel in both directions is enough.


# %%
def squared_errors(filtered, true):
    """Return the squared error of one region before and after the best line, summed over L, a and b."""
    before = ((filtered - true) ** 2).mean(0).sum()
    lines = [np.polyfit(x, y, 1) if np.ptp(x) else (0, y.mean()) for x, y in zip(filtered.T, true.T, strict=True)]
    left = sum(((np.polyval(line, x) - y) ** 2).mean() for line, x, y in zip(lines, filtered.T, true.T, strict=True))
    return before, left


source = open_source("embedded")
photos = [source.load(name) for split in source.splits() for name in source.ids(split)]
rows = []
for look in FILTERS:
    step = {"name": "instagram", "filter": look}
    errors = []
    for photo in photos:
        image, labels = np.ascontiguousarray(photo.image[::3, ::3]), photo.labels[::3, ::3]
        true, filtered = (rgb_to_lab8(picture).astype(float) for picture in (image, apply_step(image, step)))
        errors += [
            squared_errors(filtered[labels == label], true[labels == label]) for label in np.unique(labels) if label != source.no_object
        ]
    before, left = np.mean(errors, axis=0)
    gray = apply_step(np.full((64, 64, 3), 128, np.uint8), step)
    is_gray = not np.ptp(apply_step(photos[0].image, step), axis=2).any()
    rows.append((look.strip("_"), before, left, left / before, is_gray, bool(np.ptp(gray, axis=(0, 1)).any())))
looks = pd.DataFrame(rows, columns=["look", "error", "left", "share", "makes gray", "depends on place"]).sort_values("share")
print(looks.to_string(index=False, float_format="{:.3g}".format))
print(f"mean share left: {looks['share'].mean():.0%} of {len(errors)} regions' error, over {len(looks)} looks")

# %% [markdown]
# Most looks are undone to a tenth or so by six numbers per region. The worst ones *depend on place*: a vignette darkens a corner more
# than the middle, and no constant can follow that. A network can, since its masks may have any shape. The looks that *make gray* are lost
# for good, for a and b are gone, and yet only a seventh of their error is left: their best line is a constant, the region's true mean
# color. So most of the error could be repaired by six numbers, if one only knew them; but only someone who has seen the photograph does.

# %%
worst, gray = looks.tail(5), looks[looks["makes gray"]]
assert looks["share"].median() < 0.2
assert worst["depends on place"].all()
assert set(gray["look"]) == {"moon", "inkwell"}
assert gray["share"].max() < worst["share"].min()
