# %% [markdown]
"""# Solutions to notebook 50: FRIH

All three need composites only, no network: those of `make reproduce PAPER=frih`. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from harmlib.data.pairs import list_splits, read_pairs
from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.models.frih import SMALLEST_AREA
from harmlib.seeds import item_generator
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
# Nothing is trained here, so composites of all splits will do.
pairs = evenly([pair for split in list_splits(root) for pair in read_pairs(root, split)], IMAGES)
examples = [example for example in map(read_example, pairs) if example.mask.any()]
print(f"{benchmark.title}: {len(examples)} composites at 256x256")

# %% [markdown]
# ## 1. Another cut-off
#
# With a large distance every color has many neighbors, so that all ten candidates pass the density of 10: more submasks, not fewer. With a
# small one a few more are rejected as outliers. The largest keeps its size, because white, red and blue of a flag are further apart still.

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
# ## 3 and 4. An oracle for parts, by color and by place
#
# The oracle adds to every part of the foreground the mean of real − composite there. Each cut has as many parts as FRIH finds submasks
# (with `min_area = 100`, so that no part is a scrap): all in one, by color, at random, and in vertical stripes.


# %%
def share_left(example, labels):
    """Return the share of the foreground's squared error that is left when every part gets its own best shift."""
    wanted = (example.real.astype(float) - example.composite)[example.mask]  # (N, 3)
    parts = labels[example.mask]
    left = sum(((wanted[parts == part] - wanted[parts == part].mean(0)) ** 2).sum() for part in np.unique(parts))
    return left / (wanted**2).sum()


def cuts(example):
    """Return cut -> labels (256, 256) of the foreground."""
    colors = split(example, min_area=MERGED)
    shuffled, stripes = np.zeros_like(colors.labels), np.zeros_like(colors.labels)
    shuffled[example.mask] = item_generator(0, example.id).permutation(colors.labels[example.mask])
    across = np.nonzero(example.mask)[1]
    # As many stripes as submasks, each with the pixels of one of them.
    order = np.argsort(across, kind="stable")
    values = np.empty(len(order), np.uint8)
    values[order] = np.repeat(np.arange(1, len(colors.sizes) + 1), colors.sizes)
    stripes[example.mask] = values
    return {"one part": example.mask.astype(np.uint8), "submasks": colors.labels, "random": shuffled, "stripes": stripes}


units = photographs(pd.DataFrame([{"subset": example.subset, "id": example.id} for example in examples]))
left = pd.DataFrame([{name: share_left(example, labels) for name, labels in cuts(example).items()} for example in examples])
for name in left:
    found = mean_interval(left[name], units)
    print(f"{name}: {found.mean:.1%} of the error left [{found.low:.1%}, {found.high:.1%}], n = {found.n}")
for name in ("random", "stripes"):
    found = mean_interval(left["submasks"] - left[name], units)
    print(f"submasks less {name}: {found.mean:+.1%} [{found.low:+.1%}, {found.high:+.1%}]")

# %% [markdown]
# One shift for the whole foreground leaves some of the error; one per submask leaves less, and never more, because the oracle could choose
# the same shift for all. That is why the random parts are needed: they show what more numbers buy by themselves, and it is next to nothing.
# Stripes of the same sizes are hardly better than that. These composites were made by color transfers, which map equal colors to equal
# colors wherever they are, so a cut by color must fit them; on a real composite, lit from one side, place might win.

# %%
assert (left["submasks"] <= left["one part"] + 1e-9).all()
assert left["submasks"].mean() < left["stripes"].mean() < left["random"].mean()
assert left["one part"].mean() - left["random"].mean() < 0.02

# %% [markdown]
# And how many places has a submask?

# %%
pieces = [
    ndimage.label(parts.labels == number, np.ones((3, 3)))[1]
    for parts in (split(example, min_area=MERGED) for example in examples)
    for number in range(1, len(parts.sizes) + 1)
]
print(f"{len(pieces)} submasks have {np.median(pieces):.0f} connected pieces in the median, {np.max(pieces)} at most")

# %%
assert np.median(pieces) > 1

# %% [markdown]
# ## 5. Who gets the gradient?
#
# If every pixel is wrong by the same amount, a submask of n pixels adds n / max(n, 100) to equation 8: a whole 1 from 100 pixels on.


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
# Under the printed rule a handful of pixels around unusual colors has many times its share of the loss. The least area of 100 pixels holds
# it down; without it most of the gradient would come from scraps. Under `min_area = 100` scraps are merged away, unless the whole
# foreground is one.

# %%
printed = gradient[gradient["min_area"] == LITERAL].set_index("loss")
assert printed.loc["as in equation 8", "share of the loss"] > printed["share of the pixels"].iloc[0]
assert printed.loc["without its least area", "share of the loss"] > printed.loc["as in equation 8", "share of the loss"]
