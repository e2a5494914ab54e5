# %% [markdown]
"""# Solutions to notebook 80: from answers to scores

Nothing is read. Run the cells one by one, or the whole file with python.
"""

# %%
import numpy as np
from scipy.stats import chi2

from reproduction.userstudy import fit
from reproduction.userstudy.agreement import kendalls_w
from reproduction.userstudy.bradley_terry import win_probabilities

# %% tags=["parameters"]
profile = "smoke"  # not needed
results = "results"  # not needed
data = None  # not needed

# %% [markdown]
# ## 1. Ten times the answers
#
# The odds are the same, and so are the scores. The likelihood is ten times as sharp at its top, so the errors shrink by the square root
# of ten.

# %%
wins = np.array([[0, 13, 8], [2, 0, 11], [7, 4, 0]], dtype=float)
once, ten_times = (fit(factor * wins, ["A", "B", "C"]) for factor in (1, 10))
print(f"scores {once.scores.round(3)} and {ten_times.scores.round(3)}, errors smaller by {(once.errors / ten_times.errors).mean():.2f}")
assert np.allclose(once.scores, ten_times.scores, atol=1e-6)

# %% [markdown]
# ## 2. Kendall's W


# %%
def agreement_of_ranks(ranks):
    """Return Kendall's W of whole rankings, an array (raters, methods) of ranks from 1."""
    raters, methods = ranks.shape
    spread = ((ranks.sum(0) - ranks.sum(0).mean()) ** 2).sum()
    return 12 * spread / (raters**2 * (methods**3 - methods))


ranks = np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3]])
assert np.isclose(agreement_of_ranks(ranks), kendalls_w(ranks))
print(f"W = {agreement_of_ranks(ranks):.2f}")

# %% [markdown]
# ## 3. Can a score be wrong about every pair?
#
# Around the circle every method wins as often as it loses, so all three scores are 0 and every pair is called even, though each was won
# two times in three. A model with a number of its own for every pair would make the answers likelier. Twice the difference of the two
# log-likelihoods is compared with chi square, with one degree of freedom: three pairs minus two free scores.

# %%
circle = np.array([[0, 10, 5], [5, 0, 10], [10, 5, 0]], dtype=float)
fitted = fit(circle, ["A", "B", "C"])
model = (circle * np.log(win_probabilities(fitted.scores))).sum()
free = (circle[circle > 0] * np.log((circle / np.maximum(circle + circle.T, 1))[circle > 0])).sum()
chance = chi2.sf(2 * (free - model), df=1)
print(f"scores {np.abs(fitted.scores).round(3)}; the answers contradict the model: p = {chance:.3f}")
assert np.allclose(fitted.scores, 0, atol=1e-6)
assert chance < 0.05
