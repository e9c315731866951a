# %% [markdown]
# # budgetnet from Python
#
# Everything that the command line does can be called. `import budgetnet` loads nothing heavy: torch is loaded by the
# first function that needs it.

# %%
import budgetnet as bn

# %% [markdown]
# ## A network
#
# A network is written in budgetnet's language (`docs/language.md`). It is counted by a closed form in milliseconds.
# One multiply-add is one FLOP.

# %%
net = bn.parse_network("conv(3, 16) maxpool conv(3, 32) gap linear(classes)", input=(3, 32, 32), classes=10)
net

# %%
bn.count(net)

# %% [markdown]
# The count of record is fvcore's, on the built network. Both agree on everything that the language can express.

# %%
measured = bn.measure(net)
(measured.params, measured.flops) == (bn.count(net).params, bn.count(net).flops)

# %% [markdown]
# Built, it is a plain torch module.

# %%
import torch

module = bn.build(net, seed=0)
module(torch.zeros(2, 3, 32, 32)).shape

# %% [markdown]
# ## A space
#
# A study holds a grammar of networks, a data set and a budget. Its space shows what fits before anything trains.

# %%
space = bn.read_space("studies/quickstart.yaml")
space

# %%
found = bn.explore(space, draws=200)
print(f"{found.fits.value:.0%} of the draws fit; the exact number of networks is {found.census.derivations:,}")

# %% [markdown]
# Networks that fit can be drawn, counted, built and written to files like any other.

# %%
drawn = bn.sample("studies/quickstart.yaml", 3, seed=1)
[(network.name, bn.count(network).params) for network in drawn.networks]

# %% [markdown]
# ## A search
#
# A search trains networks one after another and keeps every trial. Here it is a tiny one on scikit-learn's digits.

# %%
import tempfile

run = tempfile.mkdtemp()
summary = bn.search("studies/quickstart.yaml", run=run, trials=2, workers=1, finalists=False, device="cpu")
summary.ended

# %% [markdown]
# Its trials are a pandas frame: one row a trial, with outcome, costs, accuracy, curve, decisions and the network's
# text.

# %%
trials = bn.load_trials("studies/quickstart.yaml", run=run)
trials[["number", "outcome", "params", "flops"]].shape

# %%
best = bn.read_network("studies/quickstart.yaml:best", run=run)
bn.count(best).params <= 8000
