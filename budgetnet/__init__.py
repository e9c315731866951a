"""budgetnet finds the best small network that fits: a grammar of blocks, a budget, an honest search.

The public names are loaded when they are first used, so ``import budgetnet`` costs nothing and loads no torch:

>>> import budgetnet as bn
>>> network = bn.parse_network("conv(3, 16) maxpool conv(3, 32) gap linear(classes)", input=(3, 32, 32), classes=10)
>>> bn.count(network).params
5466
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from budgetnet.api.campaigns import calibrate, join_search, search, tune_recipe
    from budgetnet.api.folders import verify
    from budgetnet.api.frame import load_trials
    from budgetnet.api.imports import import_network
    from budgetnet.api.networks import (
        Budget,
        Cost,
        Network,
        build,
        count,
        measure,
        parse_network,
        read_network,
        write_network,
    )
    from budgetnet.api.reports import compare, report
    from budgetnet.api.spaces import Space, explore, read_space, sample
    from budgetnet.api.speed import bench
    from budgetnet.api.studies import Recipe, Study, read_study
    from budgetnet.api.trainings import export, train
    from budgetnet.draw.draw import draw_network, write_drawing
    from budgetnet.errors import BudgetnetError

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "BudgetnetError",
    "Cost",
    "Network",
    "Recipe",
    "Space",
    "Study",
    "__version__",
    "bench",
    "build",
    "calibrate",
    "compare",
    "count",
    "draw_network",
    "explore",
    "export",
    "import_network",
    "join_search",
    "load_trials",
    "measure",
    "parse_network",
    "read_network",
    "read_space",
    "read_study",
    "report",
    "sample",
    "search",
    "train",
    "tune_recipe",
    "verify",
    "write_drawing",
    "write_network",
]

_HOMES = {
    "budgetnet.api.campaigns": ("calibrate", "join_search", "search", "tune_recipe"),
    "budgetnet.api.folders": ("verify",),
    "budgetnet.api.frame": ("load_trials",),
    "budgetnet.api.imports": ("import_network",),
    "budgetnet.api.networks": (
        "Budget", "Cost", "Network", "build", "count", "measure", "parse_network", "read_network", "write_network",
    ),
    "budgetnet.api.reports": ("compare", "report"),
    "budgetnet.api.spaces": ("Space", "explore", "read_space", "sample"),
    "budgetnet.api.speed": ("bench",),
    "budgetnet.api.studies": ("Recipe", "Study", "read_study"),
    "budgetnet.api.trainings": ("export", "train"),
    "budgetnet.draw.draw": ("draw_network", "write_drawing"),
    "budgetnet.errors": ("BudgetnetError",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


class _Package(ModuleType):
    """The package itself: it loads its public names, and lets no room of the same name take their place."""

    def __getattr__(self, name: str) -> Any:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds a folder to its package when it is first imported: budgetnet/search would hide `search`.
        if name not in _HOME_OF or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
