# %% [markdown]
"""# Solutions to notebook 92: harmonize again

Finished runs of the profile are used where there are any; statistics transfers always. Run the cells one by one, or the whole file
with python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib import models
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from reproduction.lessons import material, repetition
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
PASSES, IMAGES = 4, 12
workspace = open_workspace(profile, data=data, results=results)
composites = material.find_material(workspace, IMAGES)
trained, _ = material.load_methods(workspace, ["reinhard_lab", "histogram", "harmonizer", "frih"], benchmark=composites.benchmark)
print(f"{composites.title}: {len(composites.examples)} composites; {', '.join(trained)}")

# %% [markdown]
# ## 1. Fewer passes
#
# The last pass is now the second, so the drift is that of a single step. For a method that settles, the word stays the same; one that
# comes closer at first and overshoots later may be praised now, and where a step is small, the interval that excluded zero after eight
# passes may contain it after two.

# %% [markdown]
# ## 2. When has it settled?


# %%
def settled_at(changes, tolerance):
    """Return the number, from 1, of the first pass from which on all changes are at most the tolerance; 0 if there is none."""
    restless = [number for number, change in enumerate(changes, start=1) if change > tolerance]
    last = max(restless, default=0)
    return last + 1 if last < len(changes) else 0


assert [settled_at([5, 0.2, 2, 0.4, 0.3], 0.5), settled_at([5, 4], 0.5)] == [4, 0]
print(f"changes of 5, 0.2, 2, 0.4, 0.3: settled at pass {settled_at([5, 0.2, 2, 0.4, 0.3], 0.5)}")

# %% [markdown]
# ## 3. Use the drift

# %%
records = repetition.measure_passes(trained, composites.examples, PASSES)
photos = list(dict.fromkeys(records["photo"]))
chosen_on, tested_on = (records[records["photo"].isin(photos[start::2])] for start in (0, 1))
for method in trained:
    means = chosen_on[chosen_on["method"] == method].groupby("passes")["error"].mean()
    best = int(means.idxmin())
    wide = tested_on[tested_on["method"] == method].pivot_table(index="id", columns="passes", values="error")
    for against, words in ((1, "one pass"), (0, "doing nothing")):
        gain = mean_interval(wide[best] - wide[against], photographs(wide.index.to_frame()))
        numbers = f"{gain.mean:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}], n = {gain.n}"
        print(f"{method}: {best} passes chosen, error less that of {words}: {numbers}")

# %% [markdown]
# The number chosen on one half is often 0, "leave it", and that is a result: the transfer should not have been asked. A method that does
# too little in one pass gains from a second, if its direction is right. The number of passes is a setting like any other, and choosing it
# on the test images would flatter it.

# %%
assert records.groupby(["method", "id"]).size().eq(PASSES + 1).all()

# %% [markdown]
# ## 4. Average instead
#
# With errors $a$ and $b$ from the real photograph and the distance $c$ between the two pictures, all mean squares, the mean of the pictures
# has the error $(a + b)/2 - c/4$. It beats both when $c > 2\,|a - b|$: when the two are wrong in different directions.

# %%
rows = []
for name, model in trained.items():
    for example in composites.examples:
        before, after = repetition.harmonize_again(model, example.composite, example.mask, 1)
        blend = (before.astype(float) + after) / 2
        a, b, c = (repetition.squared_error(*pair) for pair in ((before, example.real), (after, example.real), (before, after)))
        rows.append((name, a, b, ((blend - example.real) ** 2).mean(), (a + b) / 2 - c / 4))
blends = pd.DataFrame(rows, columns=["method", "composite", "one pass", "half of it", "formula"])
print(blends.drop(columns="formula").groupby("method", sort=False).mean().round(1).to_string())
better = (blends["half of it"] < blends[["composite", "one pass"]].min(axis=1)).groupby(blends["method"], sort=False).mean()
print("share of composites on which half a correction beats both:", ", ".join(f"{name} {value:.0%}" for name, value in better.items()))

# %% [markdown]
# Half a correction is the better one wherever a method overshoots. When the transfers have the direction right, they mostly overshoot;
# exercise 3 of notebook 41 finds the best share.

# %%
assert np.allclose(blends["half of it"], blends["formula"])
assert (blends["half of it"] <= blends[["composite", "one pass"]].mean(axis=1) + 1e-9).all()

# %% [markdown]
# ## 5. Where Reinhard's transfer is not idempotent

# %%
transfer = models.create("reinhard_lab")
SQUEEZE = 0.3


def second_step(picture, mask):
    """Return the mean change of the foreground by the second pass in levels, and the share of it that the first has clipped."""
    first, second = repetition.harmonize_again(transfer, picture, mask, 2)[1:]
    inside = first[mask]
    return np.abs(second[mask].astype(int) - inside).mean(), ((inside == 0) | (inside == 255)).any(1).mean()


steps = {"as they are": [], "squeezed to the middle of the scale": []}
for example in composites.examples:
    squeezed = np.rint(128 + SQUEEZE * (example.composite.astype(float) - 128)).astype(np.uint8)
    for name, picture in zip(steps, (example.composite, squeezed), strict=True):
        steps[name].append(second_step(picture, example.mask))
moved, clipped = (np.array([np.array(found)[:, column].mean() for found in steps.values()]) for column in (0, 1))
for place, name in enumerate(steps):
    print(f"{name}: the second pass moves foregrounds by {moved[place]:.2f} levels, {clipped[place]:.1%} of their pixels are clipped")

# %% [markdown]
# The two words are *clipping* and *rounding*. Colors that would leave the scale are cut off, so the result does not quite have the
# intended mean and deviation, and the next pass pushes again, at all pixels and not only those. If the same pictures are compressed to
# the middle of the scale, hardly anything is clipped, and what is left is rounding to 8 bits.

# %%
assert moved[0] > 1 > moved[1]
assert clipped[0] > 10 * clipped[1]
