# %% [markdown]
"""# Solutions to notebook 91: why rankings flip

Nothing is needed but the printed tables inside the package and the embedded photographs. Run the cells one by one, or the whole file
with python.
"""

# %%
import numpy as np
import pandas as pd

from reproduction.lessons import material
from reproduction.lessons import protocols as rules
from reproduction.lessons.definitions import to_psnr
from reproduction.papers import published
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; for the seed alone
results = "results"  # not read
data = None  # not needed

# %%
# Test images of iHarmony4.
IMAGES = pd.Series({"HCOCO": 4283, "HAdobe5k": 2160, "HFlickr": 828, "Hday2night": 133})
workspace = open_workspace(profile, data=data, results=results)
table = published("frih", 1)
mse = table[table["metric"] == "MSE"].pivot_table(index="row", columns="subset_or_bucket", values="number")[IMAGES.index]

# %% [markdown]
# ## 1. Fewer images
#
# Intervals grow by about the square root of two, and with fewer than ten photographs there may be none at all; orders that were barely
# clear become open. What a definition does to one picture does not depend on how many pictures there are.

# %% [markdown]
# ## 2. Two means of PSNR
#
# The logarithm is concave, so the mean of PSNRs is never the smaller one (Jensen).


# %%
def two_means(errors):
    """Return the mean of the PSNRs and the PSNR of the mean, in dB, of MSEs (N,)."""
    return to_psnr(np.asarray(errors)).mean(), to_psnr(np.mean(errors))


first, second = two_means([6.5025, 650.25])
assert abs(first - 30) < 1e-6
assert abs(second - 22.967) < 1e-3
print(f"mean of PSNRs {first:.1f} dB, PSNR of the mean {second:.1f} dB")

# %% [markdown]
# ## 3. Weights
#
# The lead of FRIH is a weighted mean of its leads on the sub-datasets. The three others keep their proportions, so with weight w for
# Hday2night it is a linear function of w, with at most one zero.

# %%
lead = mse.loc["Harmonizer"] - mse.loc["FRIH"]  # above zero FRIH is better
small, others = "Hday2night", IMAGES.index.drop("Hday2night")
rest = (lead[others] * IMAGES[others]).sum() / IMAGES[others].sum()
border = rest / (rest - lead[small])
share = IMAGES[small] / IMAGES.sum()
print("lead of FRIH in MSE:", ", ".join(f"{name} {value:+.2f}" for name, value in lead.items()))
print(f"by images {(lead * IMAGES).sum() / IMAGES.sum():+.2f}, sub-datasets alike {lead.mean():+.2f}")
print(f"FRIH loses its lead when {small} weighs {border:.1%}; by images it weighs {share:.1%}")

# %% [markdown]
# FRIH's lead over all images is its lead on HCOCO, which has more than half of them. A little more weight on the smallest sub-dataset, or
# equal weights, and Harmonizer leads the same table. (Both rows are means over images of each sub-dataset, so this needs no images.)

# %%
assert (lead * IMAGES).sum() > 0 > lead.mean()
assert share < border < 0.05

# %% [markdown]
# ## 4. One image

# %%
samples = material.embedded_samples(12, seed=workspace.profile.seed)
methods = ["composite", "reinhard_lab", "xiao_ma"]
scores = rules.score_under(samples, methods, ["harmlib"])
errors = scores.pivot_table(index="id", columns="method", values="mse")[methods]
method = errors["reinhard_lab"]


def moved(statistic):
    """Return by how much of its bootstrap interval's width a statistic moves when one image is left out, the largest first."""
    generator = np.random.default_rng(0)
    drawn = [statistic(method.to_numpy()[generator.integers(0, len(method), len(method))]) for _ in range(2000)]
    width = np.subtract(*np.percentile(drawn, [97.5, 2.5]))
    changes = pd.Series({name: statistic(method.drop(name).to_numpy()) - statistic(method.to_numpy()) for name in method.index})
    return changes.abs().sort_values(ascending=False) / width, changes


statistics = {"mean MSE": np.mean, "mean PSNR": lambda values: to_psnr(values).mean(), "median MSE": np.median}
for name, statistic in statistics.items():
    shares, changes = moved(statistic)
    print(f"{name}: {statistic(method.to_numpy()):.1f}, moves most without {shares.index[0]}: {changes[shares.index[0]]:+.1f}")
worst = method.nlargest(1)
print(f"the worst image holds {worst.iloc[0] / method.sum():.0%} of the sum of all errors of reinhard_lab, n = {len(method)}")

# %% [markdown]
# Mean MSE depends on its worst image, so a method wins a table by avoiding one disaster. Mean PSNR is moved most by the *best* image or
# the worst, whichever is further off on a logarithmic scale, and never by much. The median does not see disasters at all, which is just
# as wrong.

# %%
assert moved(np.mean)[0].index[0] == worst.index[0]
assert worst.iloc[0] / method.sum() > 2 / len(method)

# %% [markdown]
# ## 5. A definition to order
#
# A weighted mean with weights of your own choice may put all its weight on a single image. So there is a definition that ranks the
# composite ahead of a method as soon as there is one image on which it is better; and one that ranks it ahead of two methods, as soon as
# both lose on one image, or, for mixtures, as soon as some mixture of images is bad for both.

# %%
wins = errors[methods[1:]].gt(errors["composite"], axis=0)
print(f"doing nothing beats {wins.sum().to_dict()} of {len(wins)} images, and both at once on {wins.all(axis=1).sum()}")
weights = wins.all(axis=1).astype(float)
weighted = errors.mul(weights, axis=0).sum() / weights.sum()
print(f"mean MSE of these images alone: {weighted.round(1).to_dict()}")

# %% [markdown]
# So no order is safe from every definition; it is safe only from those that were fixed before anybody looked. Leaving out "failed"
# images, or images with small foregrounds, is such a definition too.

# %%
assert wins.all(axis=1).any()
assert weighted["composite"] < weighted.drop("composite").min()
