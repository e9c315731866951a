"""Tasks of a campaign: drawn networks, each with the recipes and seeds that its plan names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun, Role
from budgetnet.files.settings import settings_of
from budgetnet.files.study import Study
from budgetnet.training.recipe.reading import same_recipe
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["CalibrationTask", "CampaignPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationTask:
    """One training to do."""

    network: CalibratedNetwork
    role: Role
    recipe: Recipe
    repeat: int
    seed: int

    @property
    def work(self) -> int:
        """Epochs times FLOPs: longer trainings have more of it."""
        return self.recipe.epochs * self.network.flops

    def is_done_by(self, run: CalibrationRun) -> bool:
        """Tell whether a recorded training is this one."""
        return (
            (run.hash, run.schedule, run.repeat, run.seed)
            == (self.network.hash, self.recipe.epochs, self.repeat, self.seed)
        ) and same_recipe(run.recipe, self.recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan(ABC):
    """Networks drawn from a study's space, and what is to be trained of each."""

    networks: int
    seed: int
    """Seed of draws and trainings."""

    campaign: ClassVar[str]
    """Its name, for messages."""
    least: ClassVar[int]
    """With fewer networks, the campaign says nothing."""

    @abstractmethod
    def tasks(self, networks: Sequence[CalibratedNetwork]) -> list[CalibrationTask]:
        """Return all trainings, in the order in which they start."""

    def settings(self, study: Study) -> dict[str, dict[str, Any]]:
        """Return what all trainings of a record have in common; only a record with equal settings goes on."""
        found = settings_of(study)
        return {name: found[name] for name in ("grammar", "defaults", "plugins", "dataset", "budget", "validation")}
