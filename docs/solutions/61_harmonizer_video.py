# %% [markdown]
"""# Solutions to notebook 61: Harmonizer on video

Nothing is needed but the embedded photographs, of which the synthetic clip is made. Run the cells one by one, or the whole file with
python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib.video import flicker, foreground_lab, temporal_change
from reproduction.harmonizer import clips
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; for the seed alone
results = "results"  # not read
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)
generator = np.random.default_rng(workspace.profile.seed)

# %% [markdown]
# ## 1. A longer memory
#
# log 0.5 / log 0.99 is 69 frames, nearly three seconds. One second after the jump, 25 frames, it has followed 1 − 0.99^25 = 22 % of it.

# %%
print(f"w = 0.99: half after {np.log(0.5) / np.log(0.99):.0f} frames, {1 - 0.99**25:.0%} after 25")

# %% [markdown]
# ## 2. Any share of a jump
#
# What is left after n frames is w^n, so the share is followed when w^n = 1 − share.


# %%
def frames_until(share, w):
    """Return the number of frames, not rounded, until the average has followed a share of a jump."""
    return np.log(1 - share) / np.log(w)


assert abs(frames_until(0.75, 0.5) - 2) < 1e-9

# %% [markdown]
# ## 3. The best weight
#
# The average is $(1 - w) \sum_k w^k \theta^{t-k}$. Of a drift $d$ per frame the prediction of k frames ago lacks $k d$, and $(1 - w) \sum_k
# w^k k d = d\,w/(1-w)$. Of white noise it keeps the variance $\sigma^2 (1-w)^2 \sum_k w^{2k} = \sigma^2 (1-w)/(1+w)$.


# %%
def average(values, w):
    """Return the exponential moving average, started at the first value."""
    averaged = np.empty_like(values)
    averaged[0] = values[0]
    for frame in range(1, len(values)):
        averaged[frame] = w * averaged[frame - 1] + (1 - w) * values[frame]
    return averaged


def formula(w, drift, noise):
    """Return the root of the mean squared error that the average should have."""
    return np.sqrt((drift * w / (1 - w)) ** 2 + noise**2 * (1 - w) / (1 + w))


NOISE, FRAMES, SETTLED = 0.02, 40_000, 500
noise = generator.normal(0, NOISE, FRAMES)
rows = []
for drift in (0.0005, 0.002, 0.01):
    truth = drift * np.arange(FRAMES)
    for w in (0.1, 0.5, 0.9, 0.96):
        simulated = np.sqrt(((average(truth + noise, w) - truth)[SETTLED:] ** 2).mean())
        rows.append((drift, w, simulated, formula(w, drift, NOISE)))
checked = pd.DataFrame(rows, columns=["d", "w", "simulated", "formula"])
print(checked.to_string(index=False, float_format="{:.4g}".format))

grid = np.arange(0, 0.999, 0.001)
best = {drift: grid[formula(grid, drift, NOISE).argmin()] for drift in (0.0005, 0.002, 0.01)}
print("best w:", ", ".join(f"{w:.2f} for d = {drift:g}" for drift, w in best.items()))
drifts = np.geomspace(1e-6, 0.1, 2000)
right = {w: drifts[np.abs([grid[formula(grid, drift, NOISE).argmin()] - w for drift in drifts]).argmin()] for w in (0.96, 0.1)}
print("w is best at: " + ", ".join(f"d = {drift:.2g} per frame for w = {w:g}" for w, drift in right.items()))

# %% [markdown]
# The faster the light changes, the less of the past is worth keeping. The released 0.96 is right for a drift of less than 1e-4 per frame,
# an argument that takes a minute and a half for a tenth of its range; the printed 0.1 is right for one that crosses all of it within two
# seconds. Without noise the best weight is 0, without drift it is 1: a weight says how little you trust a single frame.

# %%
assert np.allclose(checked["simulated"], checked["formula"], rtol=0.05)
assert best[0.0005] > best[0.002] > best[0.01]
assert 0.2 / right[0.96] / clips.RATE > 90
assert 2 / right[0.1] / clips.RATE < 2

# %% [markdown]
# ## 4. Win the metric
#
# The change of the result is at least zero, so flicker is at least minus the change of the composite. Zero is reached by any foreground
# whose mean color never changes: paint it gray.

# %%
frames, mattes = clips.synthetic_clip()
painted = [np.where((matte > 0)[..., None], np.uint8(128), frame) for frame, matte in zip(frames, mattes, strict=True)]
bound = -temporal_change(foreground_lab(frames, mattes))
reached = flicker(painted, frames, mattes)
print(f"the least possible flicker of the synthetic clip is {bound:.4f}; a gray foreground has {reached:.4f}, doing nothing 0")

# %% [markdown]
# A silhouette of a person is perfectly steady and wins against every method that lets the person be seen. The metric has no target: it
# cannot know how much the foreground *should* change. With true frames you would measure the change of result − truth, which is zero only
# where the result follows the light; without them, a number for flicker needs a number for fidelity beside it, and the table needs the
# strip.

# %%
assert np.isclose(reached, bound, atol=1e-9)
assert reached < 0

# %% [markdown]
# ## 5. Smoothing with hindsight
#
# The second pass runs over the averaged arguments from the last frame to the first, so its lag points the other way.

# %%
W, JUMP = 0.9, 200
step = (np.arange(2 * JUMP) >= JUMP).astype(float)


def both_ways(values, w):
    """Return the average of the average, backwards."""
    return average(average(values, w)[::-1], w)[::-1]


delays = {name: int(np.argmax(smooth(step, W) >= 0.5)) - JUMP for name, smooth in (("forwards", average), ("both ways", both_ways))}
kept = {name: smooth(noise, W)[SETTLED:-SETTLED].var() / NOISE**2 for name, smooth in (("forwards", average), ("both ways", both_ways))}
for name in delays:
    print(f"{name}: half of the jump {delays[name]} frames late; {kept[name]:.1%} of the noise's variance left")

# %% [markdown]
# With both passes the lag is gone, and half of the remaining noise too; the jump is now smeared to both sides, so frames before a cut
# already turn toward what comes after it. It needs the end of the clip, so it cannot be used live, and a clip with cuts must first be
# split at them.

# %%
assert delays["forwards"] == 6
assert abs(delays["both ways"]) <= 1
assert np.isclose(kept["forwards"], (1 - W) / (1 + W), rtol=0.1)
assert np.isclose(kept["both ways"], (1 - W) * (1 + W**2) / (1 + W) ** 3, rtol=0.1)
