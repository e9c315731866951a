"""The plan of a calibration: its networks, recipes and seeds, and the settings that must not change meanwhile."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun, Header, Recorded, Role
from budgetnet.errors import RequestError, SearchError
from budgetnet.files.settings import changed_settings, settings_of
from budgetnet.files.study import Study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.text import network_text, summary
from budgetnet.records.ledger import trial_seed
from budgetnet.space import judge
from budgetnet.space.judge import Candidate, Rejection
from budgetnet.space.proposer import Proposer
from budgetnet.space.sampling import draw_fitting
from budgetnet.space.space import Space
from budgetnet.training.recipe.reading import same_recipe
from budgetnet.training.recipe.recipe import Recipe

__all__ = [
    "BRIEF_EPOCHS",
    "DRAW",
    "LEAST",
    "NETWORKS",
    "CalibrationPlan",
    "CalibrationTask",
    "check_header",
    "draw_for_calibration",
    "header_of",
    "plan_of",
]

NETWORKS = 16
BRIEF_EPOCHS = (1, 2, 3, 4, 6)
"""Brief lengths in epochs, besides the study's own, where the command does not say."""
LEAST = 4
"""With fewer, a rank correlation says nothing."""
DRAW_ATTEMPTS = 1000
"""Draws for one network before the space is taken to be exhausted."""
DRAW = "by the grammar's own weights, given that the network fits the budget; each network once"


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
class CalibrationPlan:
    """Everything that is asked of a calibration."""

    networks: int
    brief: tuple[int, ...]
    """Schedules in epochs, ascending."""
    full: int
    """Epochs of the long schedule, above all brief ones."""
    repeats: int
    """Trainings of each network and length; with two or more, the noise between seeds is known."""
    seed: int
    training: Recipe
    """The brief recipe, whatever its epochs."""
    finalists: Recipe
    """The full recipe, whatever its epochs."""

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


# --- what must not change -----------------------------------------------------------------------------


def header_of(study: Study, plan: CalibrationPlan) -> Header:
    """Return a new file's first line."""
    return Header(
        study=study.name,
        seed=plan.seed,
        draw=DRAW,
        settings=_settings(study, plan),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def check_header(header: Header, study: Study, plan: CalibrationPlan, place: str) -> None:
    """Compare what is asked with what the file at *place* was made with.

    Raises:
        RequestError: something changed; the message says what, and how to go on.
    """
    changes = list(changed_settings(header.settings, _settings(study, plan)))
    if header.seed != plan.seed:
        changes.append(f"seed: {header.seed} → {plan.seed}")
    if changes:
        listed = "\n".join(f"  {line}" for line in changes)
        raise RequestError(
            f"{place} was made with other settings:\n{listed}\n"
            "old and new trainings would not be comparable; restore the old settings to continue it, or choose "
            "another folder with --out"
        )


def _settings(study: Study, plan: CalibrationPlan) -> dict[str, dict[str, Any]]:
    """Return what the scores depend on. Lengths are not part of it: each training has its own."""
    found = settings_of(study)
    kept = {name: found[name] for name in ("grammar", "defaults", "plugins", "dataset", "budget", "validation")}
    recipes = {"training": plan.training, "finalists": plan.finalists}
    for name, recipe in recipes.items():
        kept[name] = {key: value for key, value in recipe.to_mapping().items() if key != "epochs"}
    return kept


# --- the networks -------------------------------------------------------------------------------------


def draw_for_calibration(space: Space, plan: CalibrationPlan, recorded: Recorded) -> list[CalibratedNetwork]:
    """Return the networks of a plan: those recorded, in their order, and as many new ones as are missing.

    They are drawn as random search draws, so they are what a search sees first, and each is drawn with a
    randomness of its own: a larger calibration begins with the smaller one's networks.

    Raises:
        SearchError: too few networks fit.
    """
    networks = list(recorded.networks[: plan.networks])
    if len(networks) == plan.networks:
        return networks
    known = {network.hash for network in networks}
    proposer = Proposer(space)
    while len(networks) < plan.networks:
        rng = random.Random(f"{plan.seed}:calibration:{len(networks)}")  # noqa: S311 - no secret
        found = _new(proposer, rng, known)
        if found is None:
            break
        known.add(found[1])
        networks.append(_described(len(networks), *found))
    if len(networks) < LEAST:
        raise SearchError(
            f"only {len(networks)} different networks were found that fit, but a calibration compares at least "
            f"{LEAST}; widen the grammar or raise the budget"
        )
    return networks


def _new(proposer: Proposer, rng: random.Random, known: set[str]) -> tuple[Candidate, str] | None:
    """A network that fits and is not known, with its hash; None if none was found."""
    ahead = proposer.ahead
    for _ in range(DRAW_ATTEMPTS):
        found = judge.draw(proposer.space, rng) if ahead is None else draw_fitting(ahead, rng)
        if isinstance(found, Rejection):
            continue
        digest = canonical_hash(found.expansion.network)
        if digest not in known:
            return found, digest
    return None


def _described(index: int, candidate: Candidate, digest: str) -> CalibratedNetwork:
    network = candidate.expansion.network
    return CalibratedNetwork(
        index=index,
        hash=digest,
        arch=summary(network),
        network=network_text(network),
        decisions=candidate.expansion.decisions,
        params=candidate.cost.params,
        flops=candidate.cost.flops,
        depth=candidate.cost.depth,
    )
