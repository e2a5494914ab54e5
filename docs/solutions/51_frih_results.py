# %% [markdown]
"""# Solutions to notebook 51: FRIH, the results

The last two need composites, but no network: those of `make reproduce PAPER=frih`. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd
from scipy import ndimage

from harmlib.data.pairs import list_splits, read_pairs
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.seeds import item_generator
from reproduction.frih.pictures import MERGED, read_example, split
from reproduction.kit.selection import evenly
from reproduction.papers import published_value
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
# ## 1. Two columns, one share
#
# A mean of products is not the product of the means. MSE weighs the fMSE of every picture by its own share, so a method whose errors sit
# on the larger foregrounds of the bucket gets the larger quotient.

# %%
for row in ("Input composite", "FRIH"):
    mse, fmse = (published_value("frih", 2, row, "iHarmony4", "0%-5%", metric) for metric in ("MSE", "fMSE"))
    print(f"{row}: r = {mse / fmse:.2%}")

# %% [markdown]
# ## 2. A total from its parts


# %%
def total(means, images):
    """Return the mean over all images from the mean of every sub-dataset and its number of images."""
    return sum(mean * count for mean, count in zip(means, images, strict=True)) / sum(images)


found = total([21.38, 37.15, 90.12, 50.12], [4283, 2160, 828, 133])
print(f"baseline: {found:.2f} by its columns, 35.38 as printed")

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
# One shift for the whole foreground leaves some of the error; one per submask leaves less, and never more, because the oracle could
# choose the same shift for all. That is why the random parts are needed: they show what more numbers gain by themselves, which is next to
# nothing. Stripes of the same sizes are hardly better than that. These composites were made by color transfers, which map equal colors to
# equal colors wherever they are, so a cut by color is bound to fit them; on a real composite, lit from one side, place might win.

# %%
assert (left["submasks"] <= left["one part"] + 1e-9).all()
assert left["submasks"].mean() < left["stripes"].mean() < left["random"].mean()
assert left["one part"].mean() - left["random"].mean() < 0.02

# %% [markdown]
# And in how many places is a submask?

# %%
pieces = [
    ndimage.label(parts.labels == number, np.ones((3, 3)))[1]
    for parts in (split(example, min_area=MERGED) for example in examples)
    for number in range(1, len(parts.sizes) + 1)
]
print(f"{len(pieces)} submasks have {np.median(pieces):.0f} connected pieces in the median, {np.max(pieces)} at most")

# %%
assert np.median(pieces) > 1
