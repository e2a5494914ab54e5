# %% [markdown]
"""# Solutions to notebook 60: Harmonizer

The first and the third exercise need only the embedded photographs; the second reads the benchmark and the run of Harmonizer, which `make
reproduce PAPER=harmonizer` makes. Run the cells one by one, or the whole file with python.
"""

# %%
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photograph_of
from harmlib.filters import SIX, apply_filter, restore, synthesize
from harmlib.inference.upsampling import fit_polynomial, map_polynomial
from harmlib.io.images import resize, to_tensor
from reproduction.harmonizer import artefacts
from reproduction.kit.examples import read_example
from reproduction.kit.selection import evenly
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)
source = open_source("embedded")
photos = [source.load(name).image for split in source.splits() for name in source.ids(split)]


def through(picture, *names, argument):
    """Return a picture (1, 3, H, W) after filters, one after the other, all with the same argument."""
    for name in names:
        picture = apply_filter(name, picture, torch.tensor([argument]))
    return picture


# %% [markdown]
# ## 1. One filter only
#
# Temperature does most of it. The others move too, because each of them can make a little of the same error smaller, and nothing tells the
# search which filter it was; thirty steps do not bring them back to 0.

# %%
coffee = open_source("embedded").load("coffee")
picture = to_tensor(np.ascontiguousarray(coffee.image[::4, ::4]))[None]
cup = [label for label, name in coffee.classes.items() if name in ("cup", "coffee", "saucer")]
inside = to_tensor(np.isin(coffee.labels[::4, ::4], cup))[None]
drawn = torch.tensor([[0.3, 0, 0, 0, 0, 0]])
warm, _ = synthesize(picture, inside, drawn, SIX)
fitted = torch.full((1, 6), 0.01, requires_grad=True)
optimizer = torch.optim.Adam([fitted], lr=0.05)
for _ in range(30):
    loss = ((restore(warm, inside, fitted, SIX, contrast_grad="straight_through")[-1] - picture) * inside).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
found = dict(zip(SIX, fitted[0].tolist(), strict=True))
print("found", ", ".join(f"{name} {value:+.2f}" for name, value in found.items()))
assert min(found, key=found.get) == "temperature"

# %% [markdown]
# ## 2. How to undo a shadow
#
# I to the power 1 − x, and that to the power 1 − y, is I again when (1 − x)(1 − y) = 1.


# %%
def undo_shadow(x):
    """Return the argument of the shadow filter that undoes the argument x, below 1."""
    return 1 - 1 / (1 - x)


level = torch.linspace(0.05, 1, 20).expand(1, 3, 1, 20)
there = apply_filter("shadow", level, torch.tensor([-0.7]))
assert torch.allclose(apply_filter("shadow", there, torch.tensor([undo_shadow(-0.7)])), level, atol=1e-4)

# %% [markdown]
# ## 3. Does the order of sliders matter?
#
# Brightness multiplies all levels by α, contrast moves them away from the mean t of the whole picture by a factor. After brightness the
# mean is αt, so $\alpha I + (\alpha I - \alpha t) k = \alpha (I + (I - t) k)$: these two commute, as long as nothing is clipped. Saturation
# below zero mixes with the lightness, which brightness scales too: another pair. No other pair should commute: temperature's gains depend
# on the means, highlight and shadow are powers, and contrast keeps the mean of the picture, which saturation moves.

# %%
thumbnails = [to_tensor(resize(image, (128, 128), "bilinear"))[None] for image in photos]
rows = []
for first, second in combinations(SIX, 2):
    for argument in (-0.3, 0.3):
        pictures = [[through(image, *order, argument=argument) for order in ((first, second), (second, first))] for image in thumbnails]
        found = mean_interval([255 * (one - other).abs().mean().item() for one, other in pictures], None)
        rows.append((f"{first} + {second}", argument, found.mean, found.low, found.high, found.n))
orders = pd.DataFrame(rows, columns=["pair", "argument", "levels", "low", "high", "n"]).sort_values("levels", kind="stable")
print(orders.to_string(index=False, float_format="{:.3f}".format))

# %%
softer = orders[orders["argument"] < 0].set_index("pair")["levels"]
harder = orders[orders["argument"] > 0].set_index("pair")["levels"]
assert set(softer[softer < 0.01].index) == {"brightness + contrast", "brightness + saturation"}
assert harder["brightness + contrast"] > 1

# %% [markdown]
# Below zero, where nothing is clipped, the two pairs agree to rounding. Above zero the bright end is clipped, by the one filter before the
# other can see it, and not even these commute. So six arguments mean something only together with their order, and a recipe from another
# program cannot be replayed by moving sliders of the same names.

# %% [markdown]
# ## 4. Does the network look at the picture?

# %%
paper = artefacts.open_artefacts(workspace)
benchmark = next(iter(paper.manifests))
harmonizer = paper.models(benchmark)["harmonizer"]
examples = [read_example(pair) for pair in evenly(list(paper.pairs(benchmark).values()), 100)]
seen = [item for item in examples if item.mask.any()]
units = [f"{item.subset}/{photograph_of(item.id)}" for item in seen]
triplets = [(to_tensor(item.composite)[None], to_tensor(item.real)[None], to_tensor(item.mask)[None]) for item in seen]
with torch.inference_mode():
    predicted = torch.cat([harmonizer(composite, mask)["arguments"] for composite, _, mask in triplets]).clamp(-1, 1)  # (N, 6)
constant = predicted.mean(0, keepdim=True)


def errors(arguments):
    """Return the MSE of every composite after filters with its own row of arguments."""
    restored = [restore(item[0], item[2], row[None])[-1] for item, row in zip(triplets, arguments, strict=True)]
    return np.array([(255 * (picture - item[1])).square().mean().item() for picture, item in zip(restored, triplets, strict=True)])


own, mean = errors(predicted), errors(constant.expand_as(predicted))
nothing = errors(torch.zeros_like(predicted))
print(pd.DataFrame({"mean": predicted.mean(0), "deviation over pictures": predicted.std(0)}, index=list(SIX)).round(3).to_string())
for name, difference in {"own - constant": own - mean, "constant - nothing": mean - nothing, "own - nothing": own - nothing}.items():
    found = mean_interval(difference, units)
    print(
        f"{benchmark}, profile {workspace.profile.name}, MSE {name}: {found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}], n = {found.n}"
    )

# %% [markdown]
# "own - constant" is the network's answer to this picture less its answer to no picture in particular. Only below zero, with its whole
# interval, has it seen something. After a handful of updates arguments vary over pictures without meaning, and a constant does as well or
# better; whatever "own - nothing" then says is a matter of one setting of six sliders, which a table that compares with the composite alone
# would not show.

# %%
composites = np.array([(255 * (composite - real)).square().mean().item() for composite, real, _ in triplets])
assert np.allclose(nothing, composites, rtol=0.01)  # arguments of zero leave the picture as it is, nearly
assert np.isclose((own - nothing).mean(), (own - mean).mean() + (mean - nothing).mean())

# %% [markdown]
# ## 5. What a polynomial can copy

# %%
rows = []
for name in SIX:
    for argument in (-0.3, 0.3):
        distances = []
        for image in photos:
            small = to_tensor(resize(image, (256, 256), "bilinear"))[None]
            colors, wanted = (
                picture[0].permute(1, 2, 0).reshape(-1, 3).numpy() for picture in (small, through(small, name, argument=argument))
            )
            full = to_tensor(np.ascontiguousarray(image[::3, ::3]))[None]
            # Filters read the means of their picture, which a third of the pixels tell as well.
            exact = through(full, name, argument=argument)[0].permute(1, 2, 0).numpy()
            mapped = map_polynomial(fit_polynomial(colors, wanted), full[0].permute(1, 2, 0).numpy()).clip(0, 1)
            distances.append(255 * np.abs(mapped - exact).mean())
        found = mean_interval(distances, None)
        rows.append((name, argument, found.mean, found.low, found.high, found.n))
copies = pd.DataFrame(rows, columns=["filter", "argument", "levels", "low", "high", "n"]).sort_values("levels", kind="stable")
print(copies.to_string(index=False, float_format="{:.2f}".format))

# %% [markdown]
# A polynomial copies what is linear in the color exactly, but for the thumbnail's slightly different means: temperature, brightness and
# contrast below zero. Above zero these clip, and a corner in a curve is what a polynomial is worst at. Saturation takes the largest and the
# smallest of three channels, another corner. Highlight and shadow are powers, smooth but for one end, where their slope is infinite or
# zero.

# %%
levels = copies.set_index(["filter", "argument"])["levels"]
assert levels["brightness", -0.3] < 0.1
assert levels["contrast", -0.3] < 1
assert levels["brightness", 0.3] > 10 * levels["brightness", -0.3]
