# %% [markdown]
"""# Solutions to notebook 62: Harmonizer, the results

All but the last read the benchmark, the third the run of Harmonizer too; `make reproduce PAPER=harmonizer` makes them. Run the cells one by
one, or the whole file with python.
"""

# %%
import numpy as np
import pandas as pd
import torch

from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photograph_of
from harmlib.filters import SIX, apply_filter, restore
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


# %%
paper = artefacts.open_artefacts(workspace)
benchmark = next(iter(paper.manifests))
examples = [read_example(pair) for pair in evenly(list(paper.pairs(benchmark).values()), 100)]
seen = [item for item in examples if item.mask.any()]
units = [f"{item.subset}/{photograph_of(item.id)}" for item in seen]

# %% [markdown]
# ## 1. One color wins
#
# The error of the mean is the variance, so fMSE is the variance of the true foreground, averaged over R, G and B. It beats the composite
# wherever the composite's own error is larger than that: on a smooth foreground that is far off.

# %%
rows = []
for item in seen:
    true, shown = item.real[item.mask].astype(float), item.composite[item.mask].astype(float)
    rows.append((true.var(0).mean(), ((true - true.mean(0)) ** 2).mean(), ((shown - true) ** 2).mean()))
variance, one_color, nothing = np.array(rows).T
assert np.allclose(variance, one_color)
print(f"one color beats the composite on {(one_color < nothing).sum()} of {len(seen)} foregrounds")

# %% [markdown]
# ## 2. PSNR with a moving peak
#
# A picture that uses the whole range from 0 to 255 loses nothing; a pale one is marked down for being pale, whatever its errors.


# %%
def psnr(prediction, target):
    """Return the PSNR in dB whose peak is the range of the prediction; both uint8."""
    error = ((prediction.astype(float) - target) ** 2).mean()
    return 10 * np.log10(np.ptp(prediction).astype(float) ** 2 / error)


assert abs(psnr(np.uint8([50, 150]), np.uint8([60, 150])) - 23.01) < 0.01
print(f"the same error of 10 levels: {psnr(np.uint8([0, 255]), np.uint8([10, 255])):.2f} dB with the whole range, 23.01 dB with 100 levels")

# %% [markdown]
# ## 3. Does the network look at the picture?

# %%
harmonizer = paper.models(benchmark)["harmonizer"]
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
# "own - constant" is the network's answer to this picture minus its answer to no picture in particular. Only below zero, with its whole
# interval, has it seen something. After a handful of updates arguments vary over pictures without meaning, and a constant does as well or
# better; whatever "own - nothing" then says is due to one setting of six sliders, which a table that compares with the composite alone
# would not show.

# %%
composites = np.array([(255 * (composite - real)).square().mean().item() for composite, real, _ in triplets])
assert np.allclose(nothing, composites, rtol=0.01)  # arguments of zero leave the picture as it is, nearly
assert np.isclose((own - nothing).mean(), (own - mean).mean() + (mean - nothing).mean())

# %% [markdown]
# ## 4. What a polynomial can copy

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
# A polynomial copies exactly what is linear in the color, except for the thumbnail's slightly different means: temperature, brightness
# and contrast below zero. Above zero these clip, and a corner in a curve is what a polynomial is worst at. Saturation takes the largest
# and the smallest of three channels, another corner. Highlight and shadow are powers, smooth except at one end, where their slope is
# infinite or zero.

# %%
levels = copies.set_index(["filter", "argument"])["levels"]
assert levels["brightness", -0.3] < 0.1
assert levels["contrast", -0.3] < 1
assert levels["brightness", 0.3] > 10 * levels["brightness", -0.3]
