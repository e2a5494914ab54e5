# %% [markdown]
"""# Solutions to notebook 50: FRIH

The third exercise needs composites, but no network: those of `make reproduce PAPER=frih`. Run the cells one by one, or the whole file with
python.
"""

# %%
import numpy as np
import pandas as pd
import torch

from harmlib.data.pairs import list_splits, read_pairs
from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.models.frih import SMALLEST_AREA
from harmlib.submasks import extract_submasks
from reproduction.frih.pictures import LITERAL, MERGED, read_example, split
from reproduction.kit.selection import evenly
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
IMAGES = 60
workspace = open_workspace(profile, data=data, results=results)
benchmark = workspace.profile.paper("frih").benchmarks[0]
root = workspace.results.benchmark(benchmark.name)
# Nothing is trained here, so composites of any split will do.
pairs = evenly([pair for split in list_splits(root) for pair in read_pairs(root, split)], IMAGES)
examples = [example for example in map(read_example, pairs) if example.mask.any()]
print(f"{benchmark.title}: {len(examples)} composites at 256x256")

# %% [markdown]
# ## 1. Another cut-off
#
# With a large distance every color has many neighbors, so all ten candidates exceed the density of 10: more submasks, not fewer. With a
# small one a few more are rejected as outliers. The largest keeps its size, because the white, red and blue of a flag are even further
# apart.

# %%
astronaut = open_source("embedded").load("astronaut")
image, labels = np.ascontiguousarray(astronaut.image[::4, ::4]), astronaut.labels[::4, ::4]
flag = labels == next(label for label, name in astronaut.classes.items() if name == "flag")
for d_c in (0.02, 0.1, 0.3):
    sizes = extract_submasks(image, flag, d_c=d_c).sizes
    print(f"d_c = {d_c}: {len(sizes)} submasks, the largest has {sizes.max() / sizes.sum():.0%} of the flag")

# %% [markdown]
# ## 2. Equation 8


# %%
def refine_loss(final, target, labels, smallest=100):
    """Return equation 8; final, target: (3, H, W); labels: (H, W), 0 = background, 1..K."""
    squared = (final - target).square().sum(0)
    parts = [labels == label for label in range(1, int(labels.max()) + 1)]
    return sum((squared * part).sum() / max(int(part.sum()), smallest) for part in parts if part.any())


strips = torch.zeros(20, 20).int()
strips[:10], strips[12:14] = 1, 2
assert abs(float(refine_loss(torch.full((3, 20, 20), 0.1), torch.zeros(3, 20, 20), strips)) - 0.042) < 1e-6

# %% [markdown]
# ## 3. Who gets the gradient?
#
# If every pixel is wrong by the same amount, a submask of n pixels adds n / max(n, 100) to equation 8: a full 1 from 100 pixels on.

# %%
units = photographs(pd.DataFrame([{"subset": example.subset, "id": example.id} for example in examples]))


# %%
def weights(sizes, smallest):
    """Return what each submask adds to the loss, for pixels that are all wrong alike."""
    return sizes / np.maximum(sizes, smallest)


rows = []
for rule in (LITERAL, MERGED):
    sizes = [split(example, min_area=rule).sizes for example in examples]
    small = [size < SMALLEST_AREA for size in sizes]
    pixels = mean_interval(np.array([size[few].sum() / size.sum() for size, few in zip(sizes, small, strict=True)]), units)
    shares = {"as in equation 8": SMALLEST_AREA, "without its least area": 1}
    for name, area in shares.items():
        loss = [weights(size, area)[few].sum() / weights(size, area).sum() for size, few in zip(sizes, small, strict=True)]
        found = mean_interval(np.array(loss), units)
        rows.append((rule, name, found.mean, found.low, found.high, pixels.mean, found.n))
gradient = pd.DataFrame(rows, columns=["min_area", "loss", "share of the loss", "low", "high", "share of the pixels", "n"])
print(gradient.to_string(index=False, float_format="{:.3f}".format))

# %% [markdown]
# Under the printed rule a handful of pixels around unusual colors has many times its share of the loss. The minimum area of 100 pixels
# limits this; without it most of the gradient would come from scraps. Under `min_area = 100` scraps are merged away, unless the whole
# foreground is one.

# %%
printed = gradient[gradient["min_area"] == LITERAL].set_index("loss")
assert printed.loc["as in equation 8", "share of the loss"] > printed["share of the pixels"].iloc[0]
assert printed.loc["without its least area", "share of the loss"] > printed.loc["as in equation 8", "share of the loss"]
