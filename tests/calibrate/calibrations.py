"""Calibrations made by hand, for tests that need no training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from budgetnet.calibrate.plan import CalibrationPlan, plan_of
from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun
from budgetnet.calibrate.run import Calibrated
from budgetnet.calibrate.tasks import CalibrationTask
from budgetnet.files.study import Study


def network(index: int, params: int = 1000) -> CalibratedNetwork:
    """A network that nobody derived."""
    return CalibratedNetwork(
        index=index, hash=f"hash{index}", arch=f"conv3-{index + 1} · gap",
        network="network = conv(3, 8) gap linear(10)\n",
        decisions={"conv.channels": 8}, params=params, flops=50_000, depth=2,
    )  # fmt: skip


def run(
    task: CalibrationTask, curve: Sequence[float], seconds: float = 10.0, diverged: str | None = None
) -> CalibrationRun:
    """A training with a curve."""
    n = task.network
    return CalibrationRun(
        index=n.index, hash=n.hash, arch=n.arch, network=n.network, params=n.params, flops=n.flops, role=task.role,
        repeat=task.repeat, schedule=task.recipe.epochs, epochs=len(curve), seed=task.seed,
        train_losses=(1.0,) * len(curve), train_accuracies=tuple(curve), validation_losses=(1.0,) * len(curve),
        validation_accuracies=tuple(curve), diverged=diverged, seconds=seconds, images=1000, device="cpu",
        precision="float32", threads=1, workers=2, recipe=task.recipe.to_mapping(), environment={"torch": "2"},
        finished="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def calibrated(
    study: Study, folder: Path, *, noise: dict[int, float], count: int = 12, full: int = 8, repeats: int = 1
) -> Calibrated:
    """Trainings whose accuracy is the network's worth and noise of a given size, by the schedule's epochs.

    Networks get better with their index; curves rise evenly; an epoch takes ten seconds.
    """
    plan = plan_of(study, networks=count, brief=[e for e in noise if e != full], full=full, repeats=repeats, seed=0)
    networks = tuple(network(index, params=1000 + (index * 7) % count) for index in range(count))
    runs = tuple(_trained(task, noise.get(task.recipe.epochs, 0.0), count) for task in plan.tasks(networks))
    return of(study, plan, folder, networks, runs)


def of(
    study: Study,
    plan: CalibrationPlan,
    folder: Path,
    networks: tuple[CalibratedNetwork, ...],
    runs: tuple[CalibrationRun, ...],
) -> Calibrated:
    """Put a calibration together."""
    missing = len(plan.tasks(networks)) - len(runs)
    return Calibrated(
        study=study, plan=plan, folder=folder, networks=networks, runs=runs, missing=missing,
        ended="interrupted" if missing else "complete",
    )  # fmt: skip


def _trained(task: CalibrationTask, noise: float, count: int) -> CalibrationRun:
    rng = random.Random(task.seed)
    epochs = task.recipe.epochs
    end = 0.5 + 0.3 * task.network.index / count + rng.gauss(0, noise)
    return run(task, [end * (epoch + 1) / epochs for epoch in range(epochs)], seconds=10.0 * epochs)
