# %% [markdown]
"""# Solutions to notebook 00: start here

Nothing is needed but the embedded photographs. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import harmlib
from harmlib.color import rgb_to_lab, rgb_to_lab8
from harmlib.data.sources import open_source
from harmlib.perturbations import apply_step
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; for the seed and the plot style alone
results = "results"  # not read
data = None  # not needed
filter_name = "nashville"  # any of the 23 Instagram filters that Sg-MMH uses

# %%
SMALLEST = 0.01  # share of the picture
workspace = open_workspace(profile, data=data, results=results)
source = open_source("embedded")
photos = [source.load(name) for split in source.splits() for name in source.ids(split)]


def fmse(picture, target, region):
    """Return the mean squared error inside a region."""
    return ((picture[region].astype(float) - target[region]) ** 2).mean()


# %% [markdown]
# ## 1. A filter that makes gray
#
# Gray has no color: a and b of the composite's foreground are both 128, whatever they were before.

# %%
gray = rgb_to_lab8(apply_step(photos[0].image, {"name": "instagram", "filter": "moon"}))
print(f"after moon, a lies within {gray[..., 1].min()} to {gray[..., 1].max()}, b within {gray[..., 2].min()} to {gray[..., 2].max()}")
assert abs(gray[..., 1:].astype(int) - 128).max() <= 1

# %% [markdown]
# ## 2. fMSE
#
# Subtract as floating-point numbers: 0 − 16 in bytes is 240.


# %%
def foreground_mse(picture, target, mask):
    """Return the mean squared error inside a mask (H, W); pictures are uint8 (H, W, 3)."""
    return ((picture[mask].astype(float) - target[mask]) ** 2).mean()


black, level = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 16, np.uint8)
assert foreground_mse(black, level, np.array([[True, False], [False, False]])) == 256

# %% [markdown]
# ## 3 and 4. Could you have told beforehand? Nothing to repair
#
# The transfer moves the foreground to the background's statistics. It is right where the true foreground has these statistics, whatever was
# done to it since. So the number is the distance between the mean colors of region and background in the photograph itself.

# %%
rows = []
for photo in photos:
    target = np.ascontiguousarray(photo.image[::3, ::3])
    labels, filtered, lab = photo.labels[::3, ::3], apply_step(target, {"name": "instagram", "filter": filter_name}), rgb_to_lab(target)
    for label in (label for label in np.unique(labels) if label != source.no_object and (labels == label).mean() >= SMALLEST):
        region = labels == label
        composite = np.where(region[..., None], filtered, target)
        repaired, needless = (harmlib.harmonize("reinhard_lab", picture, region) for picture in (composite, target))
        errors = (fmse(picture, target, region) for picture in (composite, repaired, needless))
        distance = np.linalg.norm(lab[region].mean(0) - lab[~region].mean(0))
        rows.append((f"{photo.id}, {source.classes[label]}", distance, *errors, fmse(repaired, needless, region)))
columns = ["region", "distance", "composite", "repaired", "target harmonized", "between the results"]
regions = pd.DataFrame(rows, columns=columns).sort_values("distance")
print(pd.concat([regions.head(5), regions.tail(3)]).to_string(index=False, float_format="{:.0f}".format))

helped = regions["repaired"] < regions["composite"]
near = regions["distance"] < regions["distance"].median()
relation = spearmanr(regions["distance"], regions["repaired"] - regions["composite"]).statistic
print(f"the transfer helps in {helped.sum()} of {len(regions)} regions:")
print(f"in {helped[near].mean():.0%} of the half with the smaller distance, in {helped[~near].mean():.0%} of the other")
print(f"rank correlation of the distance with the error that is added: {relation:.2f}")
print(
    f"median fMSE: {regions['target harmonized'].median():.0f} between the harmonized target and the target, "
    f"{regions['between the results'].median():.0f} between the two results"
)

# %% [markdown]
# The transfer does not look at what was done. Where region and background really differ in color it does harm, to the untouched
# photograph as much as to the composite: it has no way of knowing that nothing is wrong. The two results agree because it subtracts the
# mean and divides by the deviation, and so forgets both: a filter that is linear in each Lab channel leaves no trace at all, and most
# filters are not far from linear. What remains of the filter is its curvature.

# %%
assert relation > 0.5
assert helped[near].mean() > helped[~near].mean()
assert (regions["between the results"] < regions["target harmonized"]).mean() > 0.9

# %% [markdown]
# ## 5. Two honest means
#
# PSNR is a logarithm: halving an error adds 3 dB, whether it was 1000 or 1.

# %%
methods = pd.DataFrame({"first": [100, 100], "second": [1, 400]}, index=["an easy picture", "a hard one"])
psnr = 10 * np.log10(255**2 / methods)
print(methods.to_string())
print(f"mean MSE: first {methods['first'].mean():.1f}, second {methods['second'].mean():.1f}")
print(f"mean PSNR: first {psnr['first'].mean():.2f} dB, second {psnr['second'].mean():.2f} dB")

# %% [markdown]
# Mean MSE listens to the hard pictures, where errors are large: one bad failure outweighs a hundred good repairs. Mean PSNR listens to
# ratios, and so to pictures that are nearly right already: from 2 to 1 counts as much as from 800 to 400. Neither is wrong; a table should
# not show one alone.

# %%
assert methods["first"].mean() < methods["second"].mean()
assert psnr["first"].mean() < psnr["second"].mean()
