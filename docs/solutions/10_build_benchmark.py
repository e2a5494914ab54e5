# %% [markdown]
"""# Solutions to notebook 10: building a benchmark

Only the embedded photographs are needed. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np

from harmlib.data.composers.base import get_composer
from harmlib.data.sources import open_source
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1 and 2. How many regions? How many draws
#
# Draws are made with replacement, so two of them may hit the same region, and then one region fewer is changed than was drawn.


# %%
def number_of_draws(n):
    """Return how often a region is drawn from a picture with n labeled regions."""
    return int(0.2 * n + 1)


source, compose = open_source("embedded"), get_composer("sgmmh")
for name in ("astronaut", "china", "coffee"):
    labeled = len(set(np.unique(source.load(name).labels)) - {source.no_object})
    changed = [len(set(np.unique(compose(source, name, draw, workspace.profile.seed).regions)) - {0}) for draw in range(4)]
    print(f"{name}: {labeled} regions, {number_of_draws(labeled)} drawn, {changed} changed")
    assert max(changed) <= number_of_draws(labeled)
assert number_of_draws(8) == 2

# %% [markdown]
# ## 3. Another seed
#
# Photographs stay as they are, to the byte. Everything that is drawn changes: regions and so masks, filters, `composites.csv`. What
# hardly changes is the distributions, which belong to the rule and not to the draw.

# %%
seeds = (workspace.profile.seed, workspace.profile.seed + 1)
first, other = (compose(source, "astronaut", 0, seed) for seed in seeds)
print("same target:", np.array_equal(first.target, other.target), "- same composite:", np.array_equal(first.image, other.image))
assert not np.array_equal(first.image, other.image)
errors = {
    seed: [
        np.square(made.image.astype(float) - made.target).mean()
        for name in ("astronaut", "china", "coffee", "flower")
        for made in (compose(source, name, draw, seed) for draw in range(4))
    ]
    for seed in seeds
}
print("median MSE by seed:", ", ".join(f"{np.median(values):.0f}" for values in errors.values()))

# %% [markdown]
# ## 4. More draws of the same photographs
#
# Composites of one photograph are alike: they share its light, its regions and its noise. With k of them from each of N photographs, and a
# correlation c between those of one, the variance of the mean is that of one composite times (c + (1 − c) / k) / N. However large k is,
# c / N is left. Only more photographs help.

# %%
for k in (1, 4, 16, 64):
    print(f"{k} draws, correlation 0.3: standard error x {np.sqrt(0.3 + 0.7 / k):.2f}")
assert np.sqrt(0.3 + 0.7 / 64) > 0.5
