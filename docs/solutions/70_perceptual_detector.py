# %% [markdown]
"""# Solutions to notebook 70: a detector that sees what people see

The first three exercises need only the embedded photographs; the last reads the detector and its test composites, which `make
reproduce PAPER=perceptual` makes. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from skimage.color import deltaE_ciede2000

from harmlib.color import rgb_to_lab
from harmlib.data.composers.thresholds import CONSTANT
from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.perturbations.exposure import shift_exposure
from reproduction.perceptual import artefacts, detector
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)


def percent(found):
    """Return a mean with its interval, where it has one, in per cent."""
    return f"{found.mean:.0%}" + (f" [{found.low:.0%}, {found.high:.0%}]" if found.n > 1 else "") + f", n = {found.n}"


# %% [markdown]
# ## 1. Another object
#
# One stop doubles L, until 100 stops it. So the darker region moves further, and keeps its texture: brighten both, and see how far.

# %%
coffee = open_source("embedded").load("coffee")
moved = {}
for name in ("table", "saucer"):
    inside = coffee.labels == next(label for label, region in coffee.classes.items() if region == name)
    before, after = (rgb_to_lab(picture[inside][None])[0, :, 0] for picture in (coffee.image, shift_exposure(coffee.image, inside, 1)))
    moved[name] = (after - before).mean()
    print(f"{name}: mean L {before.mean():.0f}, one stop brighter {after.mean():.0f}; {np.mean(after > 99.5):.0%} of its pixels at the end")

# %% [markdown]
# ## 2. Soft F1


# %%
def soft_f1(probabilities, labels):
    """Return 2 Σ p t / (Σ p + Σ t) of two maps of one size."""
    return 2 * (probabilities * labels).sum() / (probabilities.sum() + labels.sum())


assert np.isclose(soft_f1(np.array([[1, 0.5], [0, 0]]), np.array([[1, 1], [0, 0]])), 6 / 7)
print(f"half a pixel missed of two: F1 {soft_f1(np.array([1, 0.5]), np.array([1, 1])):.3f}")

# %% [markdown]
# ## 3. Is a stop a stop?


# %%
def visible(image, region, stops):
    """Return the mean CIEDE2000 inside a region between a picture and itself with that region shifted."""
    before, after = (rgb_to_lab(picture[region][None])[0] for picture in (image, shift_exposure(image, region, stops)))
    return deltaE_ciede2000(before, after).mean()


source = open_source("embedded")
rows = []
for name in (name for split in source.splits() for name in source.ids(split)):
    photo = source.load(name)
    image, labels = (np.ascontiguousarray(array[::4, ::4]) for array in (photo.image, photo.labels))
    for label in (label for label in np.unique(labels) if label != source.no_object):
        region = labels == label
        lightness = rgb_to_lab(image[region][None])[..., 0].mean()
        rows.append((name, f"{name}, {source.classes[label]}", lightness, *(visible(image, region, stops) for stops in CONSTANT)))
regions = pd.DataFrame(rows, columns=["photo", "region", "lightness", "darker", "brighter"])
regions["brighter - darker"] = regions["brighter"] - regions["darker"]
shown = regions.drop(columns="photo").sort_values("brighter - darker")
print(pd.concat([shown.head(3), shown.tail(3)]).to_string(index=False, float_format="{:.1f}".format))
for name in ("darker", "brighter"):
    found, relation = mean_interval(regions[name], regions["photo"]), spearmanr(regions["lightness"], regions[name]).statistic
    print(
        f"{name}: CIEDE2000 {found.mean:.1f} [{found.low:.1f}, {found.high:.1f}], from {regions[name].min():.1f} to "
        f"{regions[name].max():.1f} (n = {found.n}); rank correlation with lightness {relation:.2f}"
    )

# %% [markdown]
# A stop multiplies L, so the same shift moves a dark region a little and a bright one a lot, from one to eight units of CIEDE2000.
# Brightening what is already white runs into L = 100, where nothing is left to see: there the two directions differ most. So what a
# detector with one threshold for all pictures learns is not a fixed visible difference. The paper's own study says so too: the thresholds
# of its 300 photographs span a factor of ten.

# %%
assert regions["darker"].max() > 4 * regions["darker"].min()
assert spearmanr(regions["lightness"], regions["darker"]).statistic > 0.8
assert shown.iloc[0]["lightness"] > 80

# %% [markdown]
# ## 4. Let the detector speak up

# %%
OBJECTS = 60
paper = artefacts.open_artefacts(workspace)
sweeps = detector.sweep_objects(paper, artefacts.load_detector(paper), OBJECTS)
sweeps["answer"] = sweeps[["negative", "positive"]].max(axis=1)
objects = sweeps[["subset", "id"]].drop_duplicates().reset_index(drop=True)
half = objects.assign(half=objects.index % 2)
sweeps = sweeps.merge(half, on=["subset", "id"], validate="many_to_one")


def detected(threshold, stops):
    """Return whether each object of the test half counts as detected at a shift."""
    part = sweeps[(sweeps["half"] == 1) & sweeps["stops"].isin(stops)]
    return mean_interval(part["answer"] >= threshold, photographs(part))


unshifted = sweeps[(sweeps["half"] == 0) & (sweeps["stops"] == 0)]["answer"]
chosen = unshifted.quantile(0.95)
for name, threshold in {"one half": 0.5, "5 % false alarms": chosen}.items():
    for words, stops in {"unshifted": [0.0], "one stop": [-1.0, 1.0]}.items():
        found = detected(threshold, stops)
        print(f"{name} ({threshold:.3f}), {words}: detected {percent(found)}")
print(f"the threshold was chosen on {len(unshifted)} objects")

# %% [markdown]
# A threshold that the detector itself sets makes it speak; the two lines of "5 % false alarms" tell whether what it says is right: a
# detector that knows nothing has as many detections at one stop as without a shift. On a handful of objects a quantile of 95 % is just
# the largest value, so the rate on the other half can be anything. What does not change: areas under ROC curves, the forced choices and
# rank correlations, which depend only on order; soft F1 and "p inside", which have no threshold. What does: detected, predicted
# thresholds, their distance, "never".

# %%
assert detected(1.1, [0.0, 1.0]).mean == 0
assert detected(0.0, [0.0, 1.0]).mean == 1
assert detected(chosen, [-1.0, 1.0]).mean >= detected(max(0.5, chosen), [-1.0, 1.0]).mean
