# %% [markdown]
"""# Solutions to notebook 72: harmonization without a mask

The last exercise reads the scores, which `make reproduce PAPER=perceptual` makes. Run the cells one by one, or the whole file with python.
"""

# %%
import pandas as pd
import torch

from harmlib.evaluation.statistics import mean_score, paired_scores
from harmlib.models.ptc_att_dih import JointAttention
from reproduction.perceptual import artefacts
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
# ## 1. A softmax over fewer units
#
# Eight weights that add up to one are 1/8 on average, and so is the product relative to the code; the code itself does not depend on the
# number of units.

# %%
for units in (512, 8):
    torch.manual_seed(workspace.profile.seed)
    attention = JointAttention(ptc_values=60, dih_values=80, units=units, scale=1.0)
    a_ptc, a_dih = torch.randn(4, 60), torch.randn(4, 80)
    weights, code = attention.fc1(a_ptc).softmax(1), attention.fc2(a_dih)
    share = ((weights * code).std() / code.std()).item()
    print(f"{units} units: mean weight 1/{1 / weights.mean():.0f}; the product has 1/{1 / share:.0f} of the code's spread")

# %% [markdown]
# ## 2. The error outside


# %%
def share_outside(mse, fmse, foreground_ratio):
    """Return the share of the whole picture's squared error that lies outside the object."""
    return 1 - foreground_ratio * fmse / mse


assert abs(share_outside(mse=10.0, fmse=40.0, foreground_ratio=0.1) - 0.6) < 1e-9

# %% [markdown]
# ## 3. Inside or outside?
#
# With r the share of the picture that is object, the whole picture's error outside is mse − r fmse.

# %%
paper = artefacts.open_artefacts(workspace)
benchmark = artefacts.benchmark_of(paper, artefacts.IHARMONY4)
scores = paper.scores[paper.scores["benchmark"] == benchmark]
inside = scores["foreground_ratio"] * scores["fmse"]
scores = scores.assign(inside=inside, share=share_outside(scores["mse"], scores["fmse"], scores["foreground_ratio"]))
method = scores[scores["method"] == "dih_nm"]
for name, part in method.groupby(pd.cut(method["foreground_ratio"], [0, 0.05, 0.15, 1]), observed=True):
    found = mean_score(part, "share")
    print(f"DIH-NM, object {name} of the picture: error outside {percent(found)}")
raw, pasted = (paired_scores(scores, "dih_nm", artefacts.BASELINE, metric) for metric in ("mse", "inside"))
as_they_are, with_background = (part["a"] < part["b"] for part in (raw, pasted))
print(f"{benchmark}, profile {workspace.profile.name}: {as_they_are.sum()} of {len(raw)} pictures beat the composite as they are,")
print(f"{with_background.sum()} would with its background: {', '.join(raw.loc[with_background & ~as_they_are, 'id'].head(5)) or 'no more'}")

# %% [markdown]
# The smaller the object, the more of the error lies where nothing was wrong. Methods that paste their result into a mask are spared this
# part by their protocol, not by their skill; and a network that cannot find the object has nowhere to paste. (The object's share is that of
# the file, the errors are of 256×256: they disagree by a little at the edge, so the composite's own share outside is not exactly zero.)

# %%
outside = scores.groupby("method")["share"].mean()
assert abs(outside[artefacts.BASELINE]) < 0.05
assert outside["dih_nm"] > outside[artefacts.BASELINE]
assert with_background.sum() >= as_they_are.sum()
