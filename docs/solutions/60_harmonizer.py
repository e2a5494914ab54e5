# %% [markdown]
"""# Solutions to notebook 60: Harmonizer

They need only the embedded photographs. Run the cells one by one, or the whole file with python.
"""

# %%
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.filters import SIX, apply_filter, restore, synthesize
from harmlib.io.images import resize, to_tensor

# %%
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
# Temperature does most of it. The others move too, because each of them can reduce a little of the same error, and nothing tells the
# search which filter caused it; thirty steps do not bring them back to 0.

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
# Below zero, where nothing is clipped, the two pairs agree to rounding. Above zero the bright end is clipped by one filter before the
# other can see it, and not even these commute. So six arguments mean something only together with their order, and a recipe from another
# program cannot be replayed by moving sliders of the same names.
