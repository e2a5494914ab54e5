# %% [markdown]
"""# Solutions to notebook 30: scoring

The last two exercises read the scores of Sg-MMH, which `make reproduce PAPER=sgmmh` makes. Run the cells
one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib.data.sources import open_source
from harmlib.evaluation.statistics import paired_difference
from harmlib.metrics.scoring import score_pair
from harmlib.perturbations import apply_step
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1. Read one interval
#
# The second and the third. An interval that contains 0 does not show that two methods are equally good; it shows how far apart they may
# still be.

# %% [markdown]
# ## 2. A paired difference


# %%
def mean_difference(first, second):
    """Return the mean of first - second over images; both are tables with the columns id and mse."""
    both = first.merge(second, on="id", suffixes=("_first", "_second"), validate="one_to_one")
    return (both["mse_first"] - both["mse_second"]).mean()


one = pd.DataFrame({"id": ["a", "b", "c"], "mse": [10, 20, 60]})
other = pd.DataFrame({"id": ["c", "a", "b"], "mse": [50, 12, 20]}, index=[5, 6, 7])
assert abs(mean_difference(one, other) - 8 / 3) < 1e-9
print(f"joined by image {mean_difference(one, other):.2f}, row by row {(one['mse'] - other['mse'].to_numpy()).mean():.2f} on average")
print("joined by pandas' index:", (one["mse"] - other["mse"]).tolist())

# %% [markdown]
# Only the mean survives rows in the wrong order, by accident; its interval, and the share of images that got better, do not. Joined by
# index, nothing is left at all.

# %% [markdown]
# ## 3. Another protocol
#
# Errors move a little with the resampling. PSNR moves with the peak; and where a protocol pastes the composite's background, a method that
# repaints the whole picture is spared its errors there.

# %%
photo = open_source("embedded").load("astronaut")
region = photo.labels == next(label for label, name in photo.classes.items() if name == "clothing")
composite = np.where(region[..., None], apply_step(photo.image, {"name": "instagram", "filter": "_1977"}), photo.image)
noise = np.random.default_rng(workspace.profile.seed).normal(0, 8, photo.image.shape)
repainted = np.clip(photo.image + noise, 0, 255).astype(np.uint8)  # right everywhere, but for noise
for protocol in ("harmlib", "sgmmh"):
    scores = score_pair(repainted, photo.image, region, protocol, composite=composite)
    print(f"{protocol}: MSE {scores['mse']:.1f}, PSNR {scores['psnr']:.2f} dB")

# %% [markdown]
# ## 4. Where a method loses

# %%
scores = pd.read_csv(workspace.results.scores("sgmmh") / "scores.csv")
name = next(method for method in scores["method"].unique() if method != "composite")
part = scores[scores["benchmark"] == scores["benchmark"].iloc[0]]
table = part.pivot_table(index=["subset", "id"], columns="method", values="mse")
lost = (table[name] - table["composite"]).sort_values(ascending=False)
share = lost.head(10)[lost.head(10) > 0].sum() / lost.sum()
print(f"{name}: difference {paired_difference(part, name, 'composite', 'mse').mean:.1f}; the ten largest losses make {share:.0%} of it")

# %% [markdown]
# Losses are largest where the composite was nearly right: there everything a method does is an error. They come from few photographs, so
# ten images are not ten independent failures.
