# %% [markdown]
"""# Solutions to notebook 85: the editor

Only the embedded photographs are needed. With finished runs of `harmonizer` and `sgmmh_om` the numbers are those of trained networks.
Run the cells one by one, or the whole file with python.
"""

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab8
from harmlib.data.sources import open_source
from harmlib.editor import opening, recipe
from harmlib.io.files import read_json
from harmlib.perturbations import apply_step
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results; the runs named below are taken from it where they are finished
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)
named = ("harmonizer-iharmony4-style", "sgmmh_om-hscene-style")
runs = {name.split("-")[0]: workspace.results.run(name) for name in named if workspace.results.run(name).exists()}
source = open_source("embedded")


def pasted(photo, labels, look="kelvin"):
    """Return a photograph with an Instagram filter on some of its regions, and their mask."""
    mask = np.isin(photo.labels, labels)
    return np.where(mask[..., None], apply_step(photo.image, {"name": "instagram", "filter": look}), photo.image), mask


# %% [markdown]
# ## 1. All the way back
#
# All arguments × 0: with the argument 0 every filter returns the picture as it is, saturation and contrast up to rounding.

# %%
coffee = source.load("coffee")
objects = [label for label, name in coffee.classes.items() if name in ("saucer", "cup", "coffee", "spoon")]
spoiled, inside = pasted(coffee, objects)
state = opening.open_state(spoiled, inside, model=opening.open_model("harmonizer", runs.get("harmonizer"))[0])
for name in state.names:
    state.set(name, scale=0)
off = np.abs(state.full().astype(int) - spoiled).max()
print(f"all × 0 is the composite, up to {off} levels")
assert off <= 1

# %% [markdown]
# ## 2. Part of the way
#
# Bytes are subtracted as floating-point numbers, and 127.5 is rounded up. Arguments × t is a different picture: brightness is 1 / (1 −
# x), so half of the argument is less than half of the change, and a filter sees what the one before it left.


# %%
def part_of_the_way(composite, result, t):
    """Return the picture a share t of the way from one 8-bit picture to the other."""
    return np.floor(composite + t * (result.astype(float) - composite) + 0.5).astype(np.uint8)


assert np.array_equal(part_of_the_way(np.array([[100, 255]], np.uint8), np.array([[200, 0]], np.uint8), 0.5), [[150, 128]])

# %% [markdown]
# ## 3. What is left without color?
#
# On the network's scale a code is c = 2 · code / 255 − 1. With scale 0 both masks of a channel are 0, so 0 · c + 0 = 0 is left of it: the
# middle, code 127.5, which the retoucher truncates to 127. Neutral is 128, so the picture is gray except for one code toward green and
# one toward blue. A multiplicative mask of 1 and an additive mask of 0 leave a channel as it is: color as in the composite, light as the
# method wants it.

# %%
model, origin = opening.open_model("sgmmh_om", runs.get("sgmmh_om"))
photo = source.load("coffee")
composite, _ = pasted(photo, [label for label, name in photo.classes.items() if name in ("saucer", "cup", "coffee", "spoon")])
state = opening.open_state(composite, model=model)
own = rgb_to_lab8(state.full()).astype(int)
for name in ("add_a", "mul_a", "add_b", "mul_b"):
    state.set(name, scale=0)
colorless = rgb_to_lab8(state.full()).astype(int)
for name in ("mul_a", "mul_b"):
    state.set(name, shift=1)
handed = rgb_to_lab8(state.full()).astype(int)
before = rgb_to_lab8(composite).astype(int)
print(f"sgmmh_om, {origin}")
print("without color: mean codes of a and b", colorless[..., 1:].mean((0, 1)).round(1))
distances = {
    "color of the composite": np.abs(handed - before)[..., 1:].mean(),
    "light of the method": np.abs(handed - own)[..., 0].mean(),
    "light of the composite": np.abs(handed - before)[..., 0].mean(),
}
print("handed through, mean difference in codes from the", ", ".join(f"{name} {value:.2f}" for name, value in distances.items()))

# %% [markdown]
# What differs from the composite's color is rounding, both ways, and colors that do not exist at the new lightness.

# %%
assert np.abs(colorless[..., 1:] - 127).max() <= 2
assert distances["color of the composite"] < 2

# %% [markdown]
# ## 4. Did it go the right way?
#
# Harmonizer, on the two largest regions of every embedded photograph. "All × 0" is nearly the composite: neutral arguments hardly move a
# level.

# %%
model, origin = opening.open_model("harmonizer", runs.get("harmonizer"))
rows = []
for name in (name for split in source.splits() for name in source.ids(split)):
    photo = source.load(name)
    labels, counts = np.unique(photo.labels[photo.labels != source.no_object], return_counts=True)
    for label in labels[np.argsort(-counts, kind="stable")][:2]:
        composite, mask = pasted(photo, [label])
        state, errors = opening.open_state(composite, mask, model), {}
        for scale in (1, -1, 0.5, 0):
            for filter_name in state.names:
                state.set(filter_name, scale=scale)
            picture = state.full()
            errors[scale] = ((picture.astype(float) - photo.image)[mask] ** 2).mean()
        rows.append({"photograph": name, "label": label, "levels": np.abs(picture.astype(int) - composite)[mask].mean(), **errors})
table = pd.DataFrame(rows)
right = table[1] < table[-1]
enough = right & (table[1] < table[0.5])
print(f"harmonizer, {origin}")
print(f"right direction in {right.sum()} of {len(table)} composites; in {enough.sum()} of these the whole amount beats half of it")
print(f"and doing nothing beats the method in {(table[0] < table[1]).sum()}")

# %% [markdown]
# The right direction with the wrong amount is what an editor is for: one slider that scales everything. No amount can fix a wrong
# direction. Nor does one factor for all filters have to give the best picture: each filter has a direction of its own.

# %%
assert table["levels"].max() < 2

# %% [markdown]
# ## 5. Reading a recipe

# %%
state.reset()
state.set(state.names[0], scale=0.5)
state.set(state.names[-1], shift=0.15, region=1)
with TemporaryDirectory() as folder:
    written = recipe.export(state, Path(folder) / "edited.png")
    content = read_json(written)
    predicted = dict(zip(content["prediction"]["filters"], content["prediction"]["arguments"], strict=True))
    for edit in content["edits"]:
        value = predicted[edit["name"]]
        where = f"in region {edit['region']}" if edit["region"] else "everywhere"
        print(f"{edit['name']} {where}: {value:+.3f} became {value * edit['scale'] + edit['shift']:+.3f}")
    other = recipe.open_recipe(written, composite)
    same, steps = np.array_equal(other.full(), state.full()), 0
    while other.can_undo:
        other.undo()
        steps += 1
    state.reset()
    unedited = np.array_equal(other.full(), state.full())
print(f"the neighbor sees the same picture: {same}; {steps} edits undone, the method's own picture is back: {unedited}")

# %% [markdown]
# The recipe holds numbers, so it can be read without harmlib; for operator masks this is true of the edits only, the masks are in the
# arrays.

# %%
assert same
assert unedited
assert steps == len(content["edits"])
