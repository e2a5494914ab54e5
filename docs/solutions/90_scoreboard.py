# %% [markdown]
"""# Solutions to notebook 90: the scoreboard

The tables that are compared are those in the repository. Run the cells one by one, or the whole file with python.
"""

# %%
import tempfile
from pathlib import Path

import numpy as np

from harmlib.io.images import write_png
from reproduction.checkout import CHECKOUT
from reproduction.kit import scoreboard
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results
data = None  # not needed

# %%
workspace = open_workspace(profile, data=data, results=results)

# %% [markdown]
# ## 1. Take one away
#
# The state is read from the files: with the figure gone it is "not made".

# %%
with tempfile.TemporaryDirectory() as folder:
    figure = Path(folder) / "figures" / "frih-F1.png"
    figure.parent.mkdir()
    for act in (lambda: write_png(figure, np.zeros((4, 4, 3), np.uint8)), figure.unlink):
        act()
        states = scoreboard.exhibit_states(folder).set_index("id")["state"]
        print(f"frih-F1 is {states['frih-F1']}; {(states == scoreboard.MADE).sum()} made")

# %% [markdown]
# ## 2. A verdict


# %%
def verdict(low, high):
    """Return what an interval says of the claim that a difference is below zero."""
    return "agrees" if high < 0 else "differs" if low > 0 else "cannot say"


assert [verdict(-2.0, -1.0), verdict(1.0, 2.0), verdict(-1.0, 1.0)] == ["agrees", "differs", "cannot say"]

# %% [markdown]
# ## 3. More data or longer training?

# %%
tested = {name: scoreboard.claim_verdicts(CHECKOUT / "results" / name).set_index("claim_id") for name in ("smoke", "small")}
both = tested["smoke"].join(tested["small"], lsuffix="_smoke", rsuffix="_small", how="inner")
decided = both[(both["verdict_smoke"] == "cannot say") & (both["verdict_small"] != "cannot say")]
print(f"{len(both)} claims on both profiles, {len(decided)} of them undecided on smoke and decided on small")
print(decided[["n_smoke", "n_small", "verdict_small"]].to_string() if len(decided) else "none")
print(f"the same on both: {(both['verdict_smoke'] == both['verdict_small']).sum()}")

# %% [markdown]
# A verdict that only needed a narrower interval changes with n. One about the quality of networks changes with training: the number
# itself moves, not just the width around it. Settings of the code have no interval and are the same everywhere.
