# %% [markdown]
"""# Solutions to notebook 20: training

Two small networks take some steps on one embedded photograph. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
import torch

from harmlib import models
from harmlib.data.sources import open_source
from harmlib.io.images import to_tensor
from harmlib.perturbations import apply_step
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1 and 2. A shorter run. The rate
#
# The rate depends on progress, so a run of 40 halves it after 20 and 30 updates.


# %%
def rate(step, iterations):
    """Return OM's learning rate at an update, from 0, of a run: 2e-4, halved at one half and at three quarters of it."""
    progress = step / iterations
    return 2e-4 * 0.5 ** ((progress >= 0.5) + (progress >= 0.75))


recipe = models.create("sgmmh_om", width=0.125).training_recipe
assert [milestone / recipe.iterations for milestone in recipe.milestones] == [0.5, 0.75]
assert np.allclose([rate(0, 40), rate(20, 40), rate(39, 40)], [2e-4, 1e-4, 5e-5])
print("halved after", [step for step in range(1, 40) if rate(step, 40) < rate(step - 1, 40)], "of 40 updates")

# %% [markdown]
# ## 3. Start from doing nothing
#
# The identity starts at the error of the composite itself. Random masks start from a nearly gray picture, twice as far off here.

# %%
photo = open_source("embedded").load("astronaut")
target = np.ascontiguousarray(photo.image[:256, 128:384])
region = photo.labels[:256, 128:384] > 0
composite = np.where(region[..., None], apply_step(target, {"name": "instagram", "filter": "_1977"}), target)
batch = {"composite": to_tensor(composite)[None], "target": to_tensor(target)[None]}
courses = {}
for init in ("default", "identity"):
    torch.manual_seed(workspace.profile.seed)
    model = models.create("sgmmh_om", width=0.125, init=init).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    courses[init] = []
    for _ in range(15):
        loss = model.training_loss(batch)["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        courses[init].append(loss.item())
    print(f"{init}: first loss {courses[init][0]:.3f}, after 15 updates {courses[init][-1]:.3f}")
assert courses["identity"][0] < 0.5 * courses["default"][0]

# %% [markdown]
# ## 4. Twice as long
#
# The method that starts furthest from the composite gains most, because its first updates are spent on getting back to it. Update 40 of
# the longer run is halfway through its schedule, where the rate has just been halved; the shorter run has ended at a quarter of its rate.
# So the two are not the same training stopped at the same point: compare ends with ends.

# %%
print(f"rate at update 39: {rate(39, 40):.0e} of 40, {rate(39, 80):.0e} of 80")
