"""`Study`: the contents of a study file, as one frozen value. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins
from budgetnet.files.search_options import Finalists, Pruner, PrunerKind, SamplerName, SearchOptions
from budgetnet.grammar.syntax import Grammar
from budgetnet.keys.declare import check_keys, key
from budgetnet.keys.key import REQUIRED, BadValueError
from budgetnet.network.budget import Budget
from budgetnet.ops.signature import Vocabulary
from budgetnet.training.data.sources import ImageSource
from budgetnet.training.recipe.recipe import Recipe

__all__ = [
    "BRIEF_RECIPE",
    "Finalists",
    "Goal",
    "Pruner",
    "PrunerKind",
    "SamplerName",
    "SearchOptions",
    "Study",
    "Target",
]

Goal = Literal["accuracy", "smallest", "pareto"]

BRIEF_RECIPE = Recipe(epochs=6)
"""Default recipe of trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target that a search has to reach."""

    accuracy: float = key(
        REQUIRED,
        "Accuracy to reach. A search judges by the validation images after brief training; listings and reports also "
        "say which finalists reach it after full training, on validation and on test images. With `goal: smallest`, "
        "full trainings decide which networks reach it, as soon as there are any.",
        share=True,
        above=0,
        below=1,
        example="85%",
        also=("acc",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The checked contents of one study file."""

    name: str = key(
        REQUIRED,
        "Name of the study and of its folder in runs/.",
        name="study",
        rule="made of letters, digits, '.', '_' and '-' (it names a folder)",
        example="my-first",
        also=("name",),
    )
    path: Path
    """The file it was read from."""
    dataset: ImageSource = key(
        REQUIRED,
        "The images: the name of a built-in data set, or a folder of images with the keys below.",
        example="cifar10",
        also=("data",),
    )
    """A built-in name, or a folder with an absolute path."""
    budget: Budget = key(
        REQUIRED, "Upper bounds on the cost of a network; at least one of the keys below.", example="{params: 200k}"
    )
    """The widest of the study's budgets."""
    target: float | None = key(
        None, "The accuracy that is enough.", kind="section", left_out="no target", example="{accuracy: 85%}"
    )
    """Accuracy as a fraction."""
    tighter: tuple[Budget, ...] = ()
    """Budgets of fewer parameters than `budget` for which the study finds a network, too, the largest first."""
    goal: Goal = key(
        "accuracy",
        "The objective. `accuracy`: the highest accuracy within the budget. `smallest`: the fewest parameters that "
        "reach the target. `pareto`: both objectives at once.",
        example="pareto",
    )
    grammar: Grammar = key(
        REQUIRED,
        "The rules of the search space (see [language.md](language.md)), or the path of a file that holds them, "
        "relative to the study file.",
        example="network = conv(3, 16|32) gap linear(classes)",
        also=("space",),
    )
    grammar_text: str
    """The grammar as written."""
    vocabulary: Vocabulary = key(
        REQUIRED,
        "Default arguments of primitives, for arguments that the grammar leaves out.",
        name="defaults",
        left_out="those of the language",
        example="{conv: {act: gelu}}",
    )
    """The primitives, with the study's own defaults."""
    plugins: Plugins = key(
        NO_PLUGINS,
        "Python files that define the study's own primitives, relative to the study file. Reading the study runs them.",
        kind="paths",
        left_out="no own primitives",
        example="[blocks/gated.py]",
    )
    """The study's own primitives."""
    start_from: tuple[Path, ...] = key(
        (),
        "Network files of known networks, which are trained first, relative to the study file.",
        left_out="no known networks",
        example="[networks/tiniest.yaml]",
    )
    search: SearchOptions = key(
        SearchOptions(), "Options of the search.", left_out="the defaults below", example="{trials: 100}"
    )
    training: Recipe = key(
        REQUIRED,
        "The brief training of every trial.",
        left_out=f"the defaults below, with {BRIEF_RECIPE.epochs} epochs",
        example="{epochs: 3}",
    )
    """The brief training of every trial."""
    validation: float = key(
        0.1, "Share of the train images held out for validation.", share=True, above=0, below=1, example="10%"
    )
    finalists: Finalists = key(
        Finalists(),
        "The best networks of a search: they are trained in full, validation images choose the winner, and the winner "
        "is trained once more on train and validation images together and tested once on the test images.",
        left_out="the defaults below",
        example="{top: 2, epochs: 20}",
    )

    def __post_init__(self) -> None:
        """Check every field, and the rules about several keys.

        Raises:
            StudyError: a value breaks its key's rule, the goal lacks a target or excludes a pruner, or the pruner
                would never stop a trial.
        """
        check_keys(self)
        if self.goal == "smallest" and self.target is None:
            raise BadValueError(
                "goal", "must not be 'smallest' without a target to reach; write for example target: {accuracy: 85%}"
            )
        if self.goal != "accuracy" and self.tighter:
            raise BadValueError(
                "budget.params",
                f"must be one number with the goal {self.goal!r}, but got {len(self.tighter) + 1}; keep the largest or "
                "write goal: accuracy",
            )
        if self.goal != "accuracy" and self.search.pruner.kind != "none":
            raise BadValueError(
                "search.pruner",
                f"must be none with the goal {self.goal!r}, but got {self.search.pruner.kind!r}, which would remove "
                "small networks by their accuracy alone; leave the pruner out or write pruner: none",
            )
        self.search.pruner.check_epochs(self.training.epochs)

    @property
    def limits(self) -> tuple[int, ...]:
        """Return the numbers of parameters within each of which a network is searched, the largest first.

        None for a study of one budget.
        """
        return tuple(one.params for one in (self.budget, *self.tighter) if one.params) if self.tighter else ()

    @property
    def budget_text(self) -> str:
        """``params ≤ 200,000``; with further budgets behind it, ``params ≤ 200,000 (also ≤ 100,000 parameters)``."""
        further = ", ".join(f"≤ {limit:,}" for limit in self.limits[1:])
        return f"{self.budget} (also {further} parameters)" if further else str(self.budget)

    @property
    def answers(self) -> int:
        """Return the number of budgets, each of which has finalists and an answer."""
        return 1 + len(self.tighter)

    def run_folder(self, out: Path | None = None) -> Path:
        """Return the folder that holds the study's database and weights.

        Args:
            out: the folder, if the user gave one. Otherwise it is ``runs/NAME`` in the working directory, or beside
                the study file if there is such a folder only there.
        """
        if out is not None:
            return out
        here = Path("runs") / self.name
        beside = self.path.parent / here
        return beside if beside.is_dir() and not here.is_dir() else here
