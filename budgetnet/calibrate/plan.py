"""The plan of a calibration: networks, brief and full recipes, and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from budgetnet.calibrate.record import CalibratedNetwork
from budgetnet.calibrate.tasks import CalibrationTask, CampaignPlan
from budgetnet.errors import RequestError
from budgetnet.files.study import Study
from budgetnet.records.ledger import trial_seed
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["BRIEF_EPOCHS", "LEAST", "NETWORKS", "CalibrationPlan", "plan_of"]

NETWORKS = 16
BRIEF_EPOCHS = (1, 2, 3, 4, 6)
"""Brief lengths in epochs, besides the study's own, where the command does not say."""
LEAST = 4
"""With fewer, a rank correlation says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPlan(CampaignPlan):
    """Everything that is asked of a calibration."""

    campaign: ClassVar[str] = "calibration"
    least: ClassVar[int] = LEAST

    brief: tuple[int, ...]
    """Schedules in epochs, ascending."""
    full: int
    """Epochs of the long schedule, above all brief ones."""
    repeats: int
    """Trainings of each network and length; with two or more, the noise between seeds is known."""
    training: Recipe
    """The brief recipe, whatever its epochs."""
    finalists: Recipe
    """The full recipe, whatever its epochs."""

    @property
    def options(self) -> str:
        """The plan as options of the command, without its seed."""
        lengths = ",".join(map(str, self.brief))
        return f"--networks {self.networks} --epochs-brief {lengths} --full {self.full} --repeats {self.repeats}"

    def recipe(self, epochs: int) -> Recipe:
        """Return the recipe of a schedule."""
        return replace(self.finalists if epochs == self.full else self.training, epochs=epochs)

    def task(self, network: CalibratedNetwork, epochs: int, repeat: int) -> CalibrationTask:
        """Return one training. Brief and full ones have seeds of their own, as trials and finalists have."""
        return CalibrationTask(
            network=network,
            role="full" if epochs == self.full else "brief",
            recipe=self.recipe(epochs),
            repeat=repeat,
            seed=trial_seed(self.seed, "calibration", network.hash, epochs, repeat),
        )

    def tasks(self, networks: Sequence[CalibratedNetwork]) -> list[CalibrationTask]:
        """Return all trainings, longest first: so workers that share them end at about the same time."""
        found = [
            self.task(network, epochs, repeat)
            for repeat in range(self.repeats)
            for epochs in (*self.brief, self.full)
            for network in networks
        ]
        return sorted(found, key=lambda task: -task.work)

    def settings(self, study: Study) -> dict[str, dict[str, Any]]:
        """Return what the scores depend on. Lengths are not part of it: each training has its own."""
        kept = CampaignPlan.settings(self, study)
        for name, recipe in {"training": self.training, "finalists": self.finalists}.items():
            kept[name] = {key: value for key, value in recipe.to_mapping().items() if key != "epochs"}
        return kept


def plan_of(
    study: Study,
    *,
    networks: int = NETWORKS,
    brief: Sequence[int] | None = None,
    full: int | None = None,
    repeats: int = 1,
    seed: int | None = None,
) -> CalibrationPlan:
    """Return the plan for a study.

    Args:
        study: gives recipes, and what is left open here.
        networks: how many, at least `LEAST`.
        brief: schedules in epochs; `BRIEF_EPOCHS` and the study's own, as far as they are below *full*, if None.
        full: epochs of the long schedule; the finalists' if None.
        repeats: trainings of each network and length, >= 1.
        seed: of the draw and the trainings; the study's if None.

    Raises:
        RequestError: too few networks, or lengths that cannot be compared.
    """
    long = full if full is not None else study.finalists.training.epochs
    if networks < LEAST:
        raise RequestError(f"--networks must be at least {LEAST} to compare ranks, but got {networks}")
    if repeats < 1:
        raise RequestError(f"--repeats must be at least 1, but got {repeats}")
    if brief is None:
        lengths = {epochs for epochs in (*BRIEF_EPOCHS, study.training.epochs) if epochs < long}
    else:
        lengths = set(brief)
        wrong = sorted(epochs for epochs in lengths if not 1 <= epochs < long)
        if wrong:
            raise RequestError(
                f"--epochs-brief must be from 1 to {long - 1}, below the full training's {long} epochs, but got "
                f"{', '.join(map(str, wrong))}; change it or --full"
            )
    if not lengths:
        raise RequestError(f"a full training of {long} epochs leaves no room for a brief one; raise --full")
    return CalibrationPlan(
        networks=networks,
        brief=tuple(sorted(lengths)),
        full=long,
        repeats=repeats,
        seed=study.search.seed if seed is None else seed,
        training=study.training,
        finalists=study.finalists.training,
    )
