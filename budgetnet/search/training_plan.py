"""The plan of one network's full training: what to train it on, by which recipe, and where the results go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from budgetnet.errors import RequestError
from budgetnet.files.network_file import Network
from budgetnet.files.study import Finalists, Study
from budgetnet.records.lookup import Found
from budgetnet.records.training_folder import training_folder
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.sources import ImageSource, known
from budgetnet.training.recipe.reading import preset
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["TrainingPlan", "plan_training"]

A_TENTH = 0.1
"""Share of the train images that are the validation images where no study says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Plan of a full training: the network, the data, the recipe, and where the results go."""

    architecture: Network
    dataset: ImageSource
    recipe: Recipe
    seeds: int
    """Number of runs."""
    out: Path
    """Gets ``training.json`` and a safetensors file per seed."""
    checkpoint: float = Finalists().checkpoint
    """Minutes between two checkpoints."""
    held_out: bool = False
    """True to hold the validation images out, for a curve of images that the network does not learn from."""
    validation: float = A_TENTH
    """Share of the train images that are the validation images."""
    split_seed: int = 0
    """Seed of their choice; a study's own, so that a held-out training and a search hold the same images out."""
    test_curve: bool = False
    """True to read the test images after each epoch, for a curve that nothing is chosen by."""


def plan_training(
    found: Found,
    *,
    study: Study | None = None,
    dataset: str | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    out: Path | None = None,
    held_out: bool = False,
    test_curve: bool = False,
) -> TrainingPlan:
    """Return the plan of a network's full training.

    Args:
        found: the network. One of a study's trials is trained as that study trains its finalists.
        study: for a network from a file: the study whose data set and finalists' recipe to use.
        dataset: for a network from a file: the name of a data set.
        recipe: the name of a preset; else the study's, or budgetnet's default where there is no study.
        seeds: number of runs; the study's, else 3.
        epochs: instead of the recipe's.
        out: the folder for the results; a trial's is inside its study's run folder, a file's is ``runs/train/NAME``.
        held_out: hold the study's validation images out, a tenth without a study.
        test_curve: read the test images after each epoch, too.

    Raises:
        RequestError: neither a study nor a data set is known, or both are.
        DataError: there is no such data set.
        StudyError: there is no such preset.
    """
    trials, record = found.trials, found.record
    guide = study or (trials.study if trials is not None else None)
    source: ImageSource
    if guide is not None:
        if dataset is not None:
            raise RequestError(f"the data set follows from the study {guide.name}; leave --dataset out")
        source = guide.dataset
    elif dataset is not None:
        known(dataset)  # an unknown name is an error
        source = dataset
    else:
        raise RequestError(
            f"say on what to train {found.label}: --study STUDY, or --dataset with one of {', '.join(DATASETS)}"
        )
    how = guide.finalists.training if guide is not None else Finalists().training
    if recipe is not None:
        how = preset(recipe)
    place = Path("runs") / "train" / found.architecture.name
    if trials is not None and record is not None:
        place = training_folder(trials.folder, record.number)
    return TrainingPlan(
        architecture=found.architecture,
        dataset=source,
        recipe=how if epochs is None else replace(how, epochs=epochs),
        seeds=seeds or (guide.finalists.seeds if guide is not None else Finalists().seeds),
        out=out or place,
        checkpoint=(guide.finalists if guide is not None else Finalists()).checkpoint,
        held_out=held_out,
        validation=A_TENTH if guide is None else guide.validation,
        split_seed=0 if guide is None else guide.search.seed,
        test_curve=test_curve,
    )
