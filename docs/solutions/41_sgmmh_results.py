# %% [markdown]
"""# Solutions to notebook 41: Sg-MMH, the results

The last two read the benchmark and the run of OM, which `make reproduce PAPER=sgmmh` makes. Run the cells one by one, or the whole
file with python.
"""

# %%
from collections import Counter

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.perturbations import apply_step
from harmlib.perturbations.instagram import CSS_FILTERS
from reproduction.sgmmh import artefacts, pictures
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1. Half of the masks
#
# Half of the error at every pixel is a quarter of its square, so MSE falls to a quarter, wherever the errors are. PSNR gains the same for
# every picture: 10 log10 4.

# %%
errors = np.random.default_rng(0).normal(0, 20, 1000)
share = ((errors / 2) ** 2).mean() / (errors**2).mean()
print(f"MSE x {share:.2f}, PSNR {-10 * np.log10(share):+.2f} dB")

# %% [markdown]
# ## 2. Draw photographs, not pictures
#
# Draw names of photographs, as many as there are, with repeats; a photograph that comes twice brings all its composites twice. The four
# photographs here have equally many composites, so that the mean of a draw is the mean of its photographs' means.


# %%
def interval(values, photographs, draws=2000, seed=0):
    """Return the ends of a 95 % interval of the mean; values: (N,); photographs: (N,), the name of each value's photograph."""
    generator = np.random.default_rng(seed)
    parts = [values[photographs == name] for name in np.unique(photographs)]
    sums, counts = np.array([part.sum() for part in parts]), np.array([len(part) for part in parts])
    drawn = generator.integers(0, len(parts), (draws, len(parts)))
    return np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), [0.025, 0.975])


values, names = np.repeat([0.0, 1.0, 2.0, 9.0], 50), np.repeat(["a", "b", "c", "d"], 50)
found, pretended = interval(values, names), interval(values, np.arange(200))
assert 0 <= found[0] <= 1
assert 6 <= found[1] <= 9
ratio = np.ptp(found) / np.ptp(pretended)
print(f"photographs [{found[0]:.1f}, {found[1]:.1f}], composites [{pretended[0]:.1f}, {pretended[1]:.1f}]: {ratio:.0f} times as wide")

# %% [markdown]
# Fifty composites of one photograph that are all wrong in the same way tell us no more than one of them. Drawing composites pretends that
# there are 200 photographs, and makes you about √50 times too sure.

# %% [markdown]
# ## 3. Is there anything in the edit?
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
# and turning it down is all that helps. The honest question is whether it helps on photographs that had no part in choosing $t$.

# %%
assert error(fitted, t).mean() <= min(error(fitted, 0).mean(), error(fitted, 1).mean()) + 1e-9
assert all(error(fitted, t).sum() < error(fitted, t + step).sum() for step in (-0.01, 0.01))

# %% [markdown]
# ## 4. Filters in name only
#
# A step changes nothing if it changes nothing in a picture with all kinds of colors.

# %%
noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
idle = {name for name in CSS_FILTERS if np.array_equal(apply_step(noise, {"name": "css", "filter": name}), noise)}
seconds = [region["steps"][1] for recipe in composites["recipe"] for region in recipe["regions"] if len(region["steps"]) > 1]
names = Counter(step.get("filter", step["name"]) for step in seconds)
count = sum(names[name] for name in idle)
print(f"without effect: {', '.join(sorted(idle))}; second filters drawn: {dict(names)}")
print(f"{count} of {len(seconds)} second filters change nothing, {len(idle) / 6:.0%} should")

# %% [markdown]
# The six second filters are equally likely, and three of them do nothing, because their defaults are neutral. So a quarter of all regions
# has a second filter in name only. The released code is like this; a count of "filters per region" taken from the recipes is too high.

# %%
assert idle == {"contrast", "hue_rotate", "saturate"}
assert set(names) <= {*CSS_FILTERS, "lab_multiply"}
