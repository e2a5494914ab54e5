# %% [markdown]
"""# Solutions to notebook 55: the baselines

All three need scores only: those of `make reproduce PAPER=baselines`. Run the cells one by one, or the whole file with python.
"""

# %%
from itertools import combinations

import numpy as np
import pandas as pd
from skimage.color import rgb2lab

from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.seeds import item_generator
from reproduction.baselines import artefacts
from reproduction.kit.names import CLASSICAL, NAMES
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)
paper = artefacts.ranked(artefacts.open_artefacts(workspace))
systems = [method for method in NAMES if method in set(paper.scores["method"])]
keys = ["subset", "id"]
mse = paper.scores.pivot_table(index=keys, columns="method", values="mse")[[artefacts.BASELINE, *systems]]
psnr = paper.scores.pivot_table(index=keys, columns="method", values="psnr")[[artefacts.BASELINE, *systems]]
nothing = mse[artefacts.BASELINE]
print(f"{len(systems)} systems on {len(mse)} composites; doing nothing has an MSE of {nothing.mean():.1f}")

# %% [markdown]
# ## 1. Half of Reinhard
#
# The petals keep their own contrast, and all of them are moved to the dark green of the leaves: the drawing of the flower survives, its
# color does not. With the deviations, the background's contrast is added as well.

# %%
flower = open_source("embedded").load("flower")
image, labels = flower.image[::3, ::3], flower.labels[::3, ::3]
petals = labels == next(label for label, name in flower.classes.items() if name == "petals")
lab = rgb2lab(image)
moved = lab[petals] - lab[petals].mean(0) + lab[~petals].mean(0)
print(f"mean L of the petals: {lab[petals][:, 0].mean():.0f}, moved {moved[:, 0].mean():.0f}; deviation {moved[:, 0].std():.0f} both times")
assert np.isclose(moved[:, 0].std(), lab[petals][:, 0].std())

# %% [markdown]
# ## 2. Kendall's τ


# %%
def kendall(first, second):
    """Return the share of pairs in the same order less that of pairs turned around."""
    pairs = list(combinations(range(len(first)), 2))
    return sum(1 if (first[i] < first[j]) == (second[i] < second[j]) else -1 for i, j in pairs) / len(pairs)


assert abs(kendall([1, 2, 3, 4], [1, 3, 2, 4]) - 4 / 6) < 1e-9

# %% [markdown]
# ## 3. Another measure, another winner

# %%
beaten = mse.drop(columns=artefacts.BASELINE).lt(nothing, axis=0).mean()
# Lower is better in all four columns.
measures = {
    "mean MSE": mse.mean(),
    "median MSE": mse.median(),
    "mean PSNR": -psnr.mean(),
    "share of pictures worse than nothing": 1 - beaten,
}
orders = pd.DataFrame(measures).drop(index=artefacts.BASELINE).rank(method="min").astype(int)
spread = (orders.max(axis=1) - orders.min(axis=1)).sort_values(ascending=False)
print(orders.rename(index=NAMES).sort_values("mean MSE").to_string())
most = spread.index[0]
print(f"{NAMES[most]} climbs most: from place {orders.loc[most].max()} to place {orders.loc[most].min()} of {len(orders)}")

# %% [markdown]
# Mean MSE is ruled by the few pictures whose errors are large; the median and the share of pictures do not see how large these are. PSNR
# is a logarithm: halving an error of 2 counts as much as halving one of 2000. So a system that reduces many small errors and makes one
# large error worse can have the better mean PSNR and the worse mean MSE, as this one does on two pictures:

# %%
before, after = np.array([2.0, 2000.0]), np.array([0.5, 3000.0])
decibels = [10 * np.log10(255**2 / errors).mean() for errors in (before, after)]
print(f"mean MSE {before.mean():.0f} -> {after.mean():.0f}, mean PSNR {decibels[0]:.1f} -> {decibels[1]:.1f} dB")
assert after.mean() > before.mean()
assert decibels[1] > decibels[0]

# %% [markdown]
# ## 4. The best of all

# %%
groups = {
    "classical": [method for method in systems if method in CLASSICAL],
    "learned": [method for method in systems if method not in CLASSICAL],
    "all": systems,
}
for name, members in groups.items():
    left = mse[[artefacts.BASELINE, *members]].min(axis=1).mean() / nothing.mean()
    single = min([artefacts.BASELINE, *members], key=lambda method: mse[method].mean())
    alone = mse[single].mean() / nothing.mean()
    print(f"{name} ({len(members)}): the best of each picture leaves {left:.0%} of the MSE, the best single one {alone:.0%}")

# %%
half = pd.Series(item_generator(0, "halves").permutation(len(mse)) < len(mse) / 2, index=mse.index)
chosen = mse[half].groupby("subset").mean().idxmin(axis=1)
print(chosen.map({**NAMES, artefacts.BASELINE: "composite"}).to_string())
rest = mse[~half]
picked = pd.Series([rest.loc[key, chosen.get(key[0], artefacts.BASELINE)] for key in rest.index], index=rest.index)
oracle = rest.min(axis=1).mean() / rest[artefacts.BASELINE].mean()
gain = mean_interval(picked - rest[artefacts.BASELINE], photographs(rest.index.to_frame()))
print(
    f"on the other half: chosen by sub-dataset {picked.mean() / rest[artefacts.BASELINE].mean():.0%} of the MSE, the oracle {oracle:.0%}; "
    f"chosen less doing nothing {gain.mean:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}], n = {gain.n}"
)

# %% [markdown]
# The oracle looks at the true picture, so it also wins by luck: the smallest of twenty errors is small even where all twenty systems
# guess. A rule that must choose beforehand, by sub-dataset, keeps only what is true of the whole sub-dataset, and that is much less. The
# gap between the two is what could be gained by a rule that looks at the composite itself.

# %%
assert mse.min(axis=1).mean() <= mse.mean().min()
assert rest.min(axis=1).mean() <= picked.mean()

# %% [markdown]
# ## 5. How many pictures does an order need?

# %%
LEAD, IMAGES = 0.28, 7404
widths = {}
for place, first in enumerate(systems):
    for second in systems[place + 1 :]:
        # Of so many pictures the interval is that of a normal distribution; it takes pictures for independent, so that those of one
        # photograph widen it by a third or more.
        widths[first, second] = 1.96 * (mse[first] - mse[second]).std() / np.sqrt(IMAGES)
scaled = pd.Series(widths).sort_values()
print(f"half widths on {IMAGES} pictures: {scaled.min():.2f} to {scaled.max():.2f}, {scaled.median():.2f} in the median")
print(f"{(scaled < LEAD).mean():.0%} of {len(scaled)} pairs would show a difference of {LEAD} there")
closest = ", ".join(f"{NAMES[first]} and {NAMES[second]}" for first, second in scaled.index[:3])
print(f"narrowest: {closest}")

# %% [markdown]
# The narrow intervals belong to systems that make nearly the same picture, such as two runs of one method; two systems that err on
# different pictures need a large lead to be told apart even on 7,404 of them. The paper prints two means. These do not tell which of the
# two cases FRIH and Harmonizer are: that would take the interval of the differences picture by picture, or the errors of all pictures.

# %%
assert (scaled > 0).all()
assert scaled.max() > scaled.min()
