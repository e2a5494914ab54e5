# %% [markdown]
"""# Solutions to notebook 71: detect, then harmonize

The last exercise needs composites, but no network: those of `make reproduce PAPER=perceptual`. Run the cells one by one, or the whole file
with python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib import models
from harmlib.data.pairs import read_pairs
from harmlib.io.images import to_array, to_tensor
from reproduction.kit.examples import read_example
from reproduction.kit.selection import evenly
from reproduction.perceptual.artefacts import IHARMONY4
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1. Half sure
#
# What is left of the error at every pixel is 1 − m of it, and MSE squares that.

# %%
for mask in (0.5, 0.9):
    print(f"a mask of {mask}: {(1 - mask) ** 2:.0%} of the MSE left")

# %% [markdown]
# ## 2. The mask that an oracle would draw


# %%
def squared_distance(picture, photograph):
    """Return the squared distance of every pixel, summed over R, G and B, (H, W)."""
    return ((picture.astype(float) - photograph) ** 2).sum(2)


def oracle_mask(composite, harmonized, photograph):
    """Return bool (H, W), True where the harmonized pixel is closer to the photograph; all uint8 (H, W, 3)."""
    return squared_distance(harmonized, photograph) < squared_distance(composite, photograph)


pixels = np.uint8([[[200, 10, 10], [50, 50, 50]]]), np.uint8([[[10, 10, 10], [90, 50, 50]]]), np.uint8([[[20, 10, 10], [60, 50, 50]]])
assert np.array_equal(oracle_mask(*pixels), [[True, False]])

# %% [markdown]
# ## 3. When a wrong mask wins

# %%
benchmark = next(item for item in workspace.profile.paper("perceptual").benchmarks if item.dataset == IHARMONY4)
reinhard, rows = models.create("reinhard_lab"), []
for pair in evenly(read_pairs(workspace.results.benchmark(benchmark.name), "test"), 60):
    item = read_example(pair)
    if not item.mask.any():
        continue
    result = to_array(reinhard(to_tensor(item.composite)[None], to_tensor(item.mask)[None]).image[0])
    oracle = oracle_mask(item.composite, result, item.real)
    pasted = {"true": item.mask, "oracle": oracle, "none": np.zeros_like(item.mask)}
    errors = {
        name: squared_distance(np.where(mask[..., None], result, item.composite), item.real).mean() / 3 for name, mask in pasted.items()
    }
    rows.append({**errors, "oracle's share": oracle[item.mask].mean()})
found = pd.DataFrame(rows)
worse, shares = found["none"] <= found["true"], found["oracle's share"]
print(f"no mask is better than the true one on {worse.sum()} of {len(found)} composites")
print(f"the oracle takes {shares[worse].mean():.0%} of the object there, {shares[~worse].mean():.0%} elsewhere")

# %% [markdown]
# Where the transfer does harm, an empty mask wins, and the oracle draws only the part of the object that happens to come closer. So a
# detected mask that beats the true one may have found the object badly. Figure 5 measures the pair of detector and harmonizer; it takes
# the pictures to tell which of the two earned the difference.

# %%
assert (found["oracle"] <= found[["true", "none"]].min(axis=1) + 1e-9).all()
