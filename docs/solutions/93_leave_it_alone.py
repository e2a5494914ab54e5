# %% [markdown]
"""# Solutions to notebook 93: leave it alone

Finished runs of the profile are used where there are any; statistics transfers always. Run the cells one by one, or the whole file
with python.
"""

# %%
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from harmlib.inference.pictures import harmonize
from reproduction.lessons import material, restraint
from reproduction.lessons.repetition import squared_error
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
IMAGES = 12
METHODS = ["reinhard_lab", "histogram", "harmonizer", "dih_nm", "ptc_dih", "sgmmh_om"]
workspace = open_workspace(profile, data=data, results=results)
composites = material.find_material(workspace, IMAGES)
trained, _ = material.load_methods(workspace, METHODS, benchmark=composites.benchmark)
print(f"{composites.title}: {len(composites.examples)} composites of {len(composites.photographs)} photographs; {', '.join(trained)}")

# %% [markdown]
# ## 1. A sharper eye
#
# The shares of visible changes can only grow, for composites and photographs alike. Mean changes and the area under the curve do not
# depend on the threshold, so they stay.

# %% [markdown]
# ## 2. The area under the curve


# %%
def area(composites, photographs):
    """Return how often a composite is changed more than a photograph, ties counting half."""
    first, second = np.asarray(composites)[:, None], np.asarray(photographs)[None]
    return ((first > second) + 0.5 * (first == second)).mean()


assert abs(area([1, 2, 3], [0, 2]) - 0.75) < 1e-9
print(f"three composites, two photographs: {area([1, 2, 3], [0, 2]):.2f}")

# %% [markdown]
# ## 3. From which share on is doing nothing better?
#
# With a share q of photographs a method's error is $(1-q)\,e_c + q\,e_p$, that of doing nothing $(1-q)\,e_0$. They meet at
# $q = g / (g + e_p)$ with the gain $g = e_0 - e_c$ on composites; without a gain doing nothing is better from the start.

# %%
rows = []
for name, model in trained.items():
    on_composites = [squared_error(np.asarray(harmonize(model, item.composite, item.mask)), item.real) for item in composites.examples]
    on_photographs = [squared_error(np.asarray(harmonize(model, item.real, item.mask)), item.real) for item in composites.photographs]
    nothing = np.mean([squared_error(item.composite, item.real) for item in composites.examples])
    gain, harm = nothing - np.mean(on_composites), np.mean(on_photographs)
    rows.append((name, nothing, np.mean(on_composites), harm, max(0.0, gain / (gain + harm)) if gain > 0 else 0.0))
shares = pd.DataFrame(rows, columns=["method", "nothing", "on composites", "on photographs", "q"]).set_index("method")
print(shares.round(2).to_string())

# %% [markdown]
# A benchmark without photographs is q = 0. How many pictures that need no correction does a real task have? Someone who checks pictures
# for a news agency would say nearly all, and then only a method that leaves them alone is of use.

# %%
for _, row in shares[shares["q"] > 0].iterrows():
    mixed = (1 - row["q"]) * row["on composites"] + row["q"] * row["on photographs"]
    assert np.isclose(mixed, (1 - row["q"]) * row["nothing"])
assert shares["q"].between(0, 1).all()

# %% [markdown]
# ## 4. Do methods agree?

# %%
changes = restraint.measure_restraint(trained, composites.examples)
photographs = changes[changes["kind"] == restraint.PHOTOGRAPH].pivot_table(index=["subset", "id"], columns="method", values="inside")
photographs = photographs[list(trained)]
for first, second in combinations(photographs, 2):
    relation = spearmanr(photographs[first], photographs[second]).statistic
    print(f"{first} and {second}: rank correlation of their changes inside the masks {relation:.2f}, n = {len(photographs)}")
contrast = pd.Series(
    {
        (item.subset, item.id): abs(item.real[item.mask].astype(float).mean() - item.real[~item.mask].mean())
        for item in composites.photographs
    }
)
for name in photographs:
    relation = spearmanr(photographs[name], contrast[photographs.index]).statistic
    print(f"{name}: rank correlation with the difference of mean levels inside and outside {relation:.2f}")

# %% [markdown]
# Transfers agree with each other: what they call wrong is any difference between object and surroundings. Networks that repaint agree for
# a different reason: the distance of a picture from what they always paint. Agreement is no evidence that something is wrong.

# %%
assert spearmanr(photographs["reinhard_lab"], photographs["histogram"]).statistic > 0.5

# %% [markdown]
# ## 5. The curve of the shares
#
# The share of composites that change visibly against that of photographs, threshold by threshold, is the ROC curve of the change, and the
# area under it is the AUC: how often a composite changes more than a photograph.

# %%
for name, part in changes.groupby("method", sort=False):
    ours, theirs = (part.loc[part["kind"] == kind, "whole"].to_numpy() for kind in (restraint.COMPOSITE, restraint.PHOTOGRAPH))
    thresholds = np.concatenate([[np.inf], np.sort(part["whole"].unique())[::-1], [-np.inf]])
    curve = np.array([((theirs > limit).mean(), (ours > limit).mean()) for limit in thresholds])
    area = np.trapezoid(curve[:, 1], curve[:, 0])
    table = restraint.telling_apart(part).iloc[0]
    print(f"{name}: area under the curve {area:.3f}, AUC of the notebook {table['auc']:.3f}")
    assert np.isclose(area, table["auc"])
