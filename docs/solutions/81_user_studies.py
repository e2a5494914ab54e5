# %% [markdown]
"""# Solutions to notebook 81: user studies

Nothing is read but the printed numbers inside the package; all raters are simulated. Run the cells one by one, or the whole file with
python.
"""

# %%
import numpy as np
import pandas as pd

from harmlib.seeds import item_generator
from reproduction.exhibits_userstudy.widths import simulate
from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.choices import printed_votes
from reproduction.userstudy.comparisons import Comparisons
from reproduction.userstudy.coverage import population_scores
from reproduction.userstudy.intervals import bootstrap_scores
from reproduction.workspace import open_workspace

# %% tags=["parameters"]
profile = None  # smoke, small, night, paper, or a .yaml file; None: HARMLIB_PROFILE, else smoke
results = "results"  # folder of all results; nothing is read from it
data = None  # not needed

# %%
seed = open_workspace(profile, data=data, results=results).profile.seed
TASTES = {"one taste": 0.0, "own tastes": 0.5}
DRAWS = 200
image = printed_scores("image").set_index("method")["centered"]

# %% [markdown]
# ## 1. More raters
#
# The bold interval redraws raters: four times as many halve it. The thin one redraws composites too, and there are as many composites as
# before, so the part of the spread that comes from them stays.

# %%
for people in (12, 48):
    study = simulate(image, people, 99, TASTES["own tastes"], item_generator(seed, "more raters", people))
    table = bootstrap_scores(study, draws=DRAWS, seed=seed).table
    print(f"{people} raters: the interval is {(table['high'] - table['low']).mean():.2f} wide")

# %% [markdown]
# ## 2. Shares back into votes


# %%
def votes_behind(share, total):
    """Return the list of whole numbers of votes whose percentage of the total rounds to the share, to one decimal."""
    return [votes for votes in range(total + 1) if round(100 * votes / total, 1) == share]


assert votes_behind(36.7, 660) == [242]
print(f"36.7 % of 660 are {votes_behind(36.7, 660)} votes; of 6600 they could be {len(votes_behind(36.7, 6600))} numbers")

# %% [markdown]
# ## 3. How many raters would it take?
#
# A guess first. With 12 raters of one taste and 99 composites a score's interval is about 0.13 wide, so its standard error is 0.03, and
# that of a difference about 1.4 times that, 0.045. A difference is found in four studies out of five if it is 2.8 standard errors (2 for
# the interval, 0.8 for luck); here that means a standard error of 0.061 / 2.8 = 0.022. That is half of 0.045, so four times 12 raters:
# about 50. With tastes of sd 0.5 the width is 0.56, four times as large, and the guess sixteen times as many: about 800.


# %%
def found(people, taste, studies):
    """Return the share of simulated studies that tell IHT and IntrIH apart, in the right order."""
    clear = []
    for number in range(studies):
        study = simulate(image, people, 99, taste, item_generator(seed, f"{people} {taste}", number))
        clear.append(bootstrap_scores(study, draws=DRAWS, seed=seed).better.loc["ht", "iih"])
    return np.mean(clear)


rows = [(kind, people, found(people, TASTES[kind], 20)) for kind, people in [*(("one taste", n) for n in (12, 48, 96)), ("own tastes", 96)]]
power = pd.DataFrame(rows, columns=["raters are of", "raters", "studies that tell them apart"])
print("simulated raters, 20 studies per row")
print(power.to_string(index=False, float_format="{:.2f}".format))

# %%
enough = power[(power["raters are of"] == "one taste") & (power["studies that tell them apart"] >= 0.8)]["raters"].min()
print(f"one taste: four studies of five from {enough} raters on, of those tried")
assert power.loc[0, "studies that tell them apart"] < 0.8 <= power.loc[2, "studies that tell them apart"]
assert power.loc[3, "studies that tell them apart"] < 0.5

# %% [markdown]
# The paper's 12 raters could not sort its four previous methods, even if they all had the same taste. With individual tastes not even 96
# are enough. Only the answers could tell which of the two is closer to people; both say that the middle of the table has no order.

# %% [markdown]
# ## 4. Shuffled or not
#
# A choice takes method i with probability proportional to its share w; whatever comes first counts e times as much.

# %%
votes = printed_votes().set_index("label")["votes"]
shares = votes / votes.sum()


def expected(first, liking=1.0):
    """Return the expected shares when one method always stands first."""
    felt = shares * np.exp(liking * (shares.index == first))
    return felt / felt.sum()


orders = pd.DataFrame({f"{name} first": expected(name) for name in ("Sg-MMH(OMGAN)", "RainNet")})
orders["shuffled"] = np.mean([expected(name) for name in shares.index], axis=0)
orders.insert(0, "no bias", shares)
print((100 * orders).round(1).to_string())

# %%
gift = 100 * (orders["RainNet first"]["RainNet"] - shares["RainNet"])
cost = 100 * (shares - orders["shuffled"]).abs().max()
print(f"a fixed first place gives RainNet {gift:.1f} points of per cent; shuffling moves no share by more than {cost:.1f}")
assert orders["RainNet first"].idxmax() == "RainNet"
assert list(orders["shuffled"].sort_values().index) == list(shares.sort_values().index)
assert orders["shuffled"].std() < shares.std()

# %% [markdown]
# A fixed order changes the winner: RainNet, last of four, would lead. Shuffled, the order stays and the shares move a little closer:
# every method has the advantage a quarter of the time, which pulls all of them toward equal shares. So shuffling makes a test weaker but
# keeps it honest, and the votes by position show how strong the bias was.

# %% [markdown]
# ## 5. Whom to draw again
#
# An answer is one ranking. To redraw answers, let each one come from a participant of its own.

# %%
video = printed_scores("video").set_index("method")["centered"]
STUDIES = 100


def as_if_independent(study):
    """Return the comparisons with every ranking from another participant."""
    size = len(study.methods)
    wins = study.wins.reshape(-1, 1, size, size)
    return Comparisons(study.methods, wins)


rows = []
for kind, taste in TASTES.items():
    # Averaging over tastes brings win probabilities nearer to one half, and so the scores that infinitely many raters give nearer to 0.
    truth = population_scores(video.to_numpy(), taste)
    held = {"raters": [], "answers": []}
    for number in range(STUDIES):
        study = simulate(video, 12, 20, taste, item_generator(seed, f"whom {kind}", number))
        for drawn, comparisons in (("raters", study), ("answers", as_if_independent(study))):
            table = bootstrap_scores(comparisons, draws=DRAWS, seed=number).table
            held[drawn].append(((table["low"] <= truth) & (truth <= table["high"])).mean())
    rows += [(kind, drawn, np.mean(shares_held)) for drawn, shares_held in held.items()]
coverage = pd.DataFrame(rows, columns=["raters are of", "drawn again", "intervals that hold the truth"])
print(f"simulated raters, {STUDIES} studies of 12 raters and 20 clips")
print(coverage.to_string(index=False, float_format="{:.2f}".format))

# %%
share = coverage.set_index(["raters are of", "drawn again"])["intervals that hold the truth"]
assert share.drop(("own tastes", "answers")).min() > 0.88
assert share["own tastes", "answers"] < 0.75
one_of = 1 / (1 - share["own tastes", "answers"])
print(f"answers drawn from raters with tastes: about one interval of {one_of:.0f} misses, where one of 20 should")

# %% [markdown]
# With one taste it does not matter: then answers really are independent. With individual tastes, redrawing answers pretends that 240
# people were asked, and the intervals are far too narrow. One person's answers err together, so redraw what was drawn when the study was
# made: people.
