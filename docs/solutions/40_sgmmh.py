# %% [markdown]
"""# Solutions to notebook 40: Sg-MMH

The first exercise needs only the embedded photographs; the others read the benchmark and the run of OM, which `make reproduce
PAPER=sgmmh` makes. Run the cells one by one, or the whole file with python.
"""

# %%
from collections import Counter

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab8
from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.perturbations import apply_step
from harmlib.perturbations.instagram import CSS_FILTERS, FILTERS
from reproduction.sgmmh import artefacts, pictures
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

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
# constant masks leave, however well a network learns. Every third pixel in both directions is enough.


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
# Most looks are undone to a tenth or so by six numbers per region. The worst ones *depend on place*: a vignette darkens a corner more than
# the middle, and no constant can follow that. A network can, since its masks may have any shape. The looks that *make gray* are lost for
# good, for a and b are gone, and yet only a seventh of their error is left: their best line is a constant, the region's true mean color. So
# the large part of the error is one that six numbers would mend, if one only knew them, and only who has seen the photograph does.

# %%
worst, gray = looks.tail(5), looks[looks["makes gray"]]
assert looks["share"].median() < 0.2
assert worst["depends on place"].all()
assert set(gray["look"]) == {"moon", "inkwell"}
assert gray["share"].max() < worst["share"].min()

# %% [markdown]
# ## 4. Is there anything in the edit?
#
# The error of $I_t$ is $\lVert I_c + t d - I \rVert^2$ with $d = I_h - I_c$. Its derivative, $2 \langle d, t d - (I - I_c) \rangle$, is
# zero at $t = \langle d, I - I_c \rangle / \lVert d \rVert^2$. For one $t$ for all pictures, numerator and denominator are sums over
# pictures.

# %%
paper = artefacts.open_artefacts(workspace)
benchmark = next(iter(paper.manifests))
om = paper.models(benchmark)["sgmmh_om"]
pairs, composites = paper.pairs(benchmark), paper.composites(benchmark)
rows = []
for number, (_, part) in enumerate(composites.groupby(["subset", "photo"], sort=False)):
    for key in zip(part["subset"], part["id"], strict=True):
        example = pictures.read_example(pairs[key])
        edit = pictures.picture(pictures.predict(om, example)).astype(float) - example.composite
        wanted = example.real.astype(float) - example.composite
        rows.append((example.subset, example.id, number % 2, (edit * wanted).mean(), (edit**2).mean(), (wanted**2).mean()))
moments = pd.DataFrame(rows, columns=["subset", "id", "half", "product", "edit", "wanted"])


def error(part, t):
    """Return the MSE of every picture after going the share t of the way."""
    return part["wanted"] - 2 * t * part["product"] + t**2 * part["edit"]


fitted, held_out = (moments[moments["half"] == half] for half in (0, 1))
t = fitted["product"].sum() / fitted["edit"].sum()
gain = mean_interval(error(held_out, t) - held_out["wanted"], photographs(held_out))
print(f"{benchmark}, profile {workspace.profile.name}: best t on {len(fitted)} composites is {t:.3f}")
print(f"on the other {gain.n}: MSE {error(held_out, 1).mean():.1f} at t = 1, {held_out['wanted'].mean():.1f} at t = 0")
print(f"MSE at t = {t:.3f} less that of doing nothing: {gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]")

# %% [markdown]
# A $t$ above 1 would say that the masks are too timid, one between 0 and 1 that they point the right way and overshoot, one below 0 that
# they point the wrong way. A network after a handful of updates has a $t$ near 0: its edit has hardly anything to do with what is wanted,
# and turning it down is all that helps. Whether it helps on photographs that did not choose $t$ is the honest question.

# %%
assert error(fitted, t).mean() <= min(error(fitted, 0).mean(), error(fitted, 1).mean()) + 1e-9
assert all(error(fitted, t).sum() < error(fitted, t + step).sum() for step in (-0.01, 0.01))

# %% [markdown]
# ## 5. Filters in name only
#
# A step changes nothing when it changes nothing in a picture of all kinds of colors.

# %%
noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
idle = {name for name in CSS_FILTERS if np.array_equal(apply_step(noise, {"name": "css", "filter": name}), noise)}
seconds = [region["steps"][1] for recipe in composites["recipe"] for region in recipe["regions"] if len(region["steps"]) > 1]
names = Counter(step.get("filter", step["name"]) for step in seconds)
count = sum(names[name] for name in idle)
print(f"without effect: {', '.join(sorted(idle))}; second filters drawn: {dict(names)}")
print(f"{count} of {len(seconds)} second filters change nothing, {len(idle) / 6:.0%} should")

# %% [markdown]
# The six second filters are alike to be drawn, and three of them do nothing, because their defaults are neutral. So a quarter of all
# regions has a second filter in name only. The released code is like this; a count of "filters per region" taken from the recipes is too
# high.

# %%
assert idle == {"contrast", "hue_rotate", "saturate"}
assert set(names) <= {*CSS_FILTERS, "lab_multiply"}
