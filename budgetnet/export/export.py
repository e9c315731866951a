"""Export: a folder with everything that someone without budgetnet needs, checked before it appears."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from budgetnet.errors import ExportError, RequestError
from budgetnet.export.check import Check, check_export
from budgetnet.export.model_card import CardFacts, card
from budgetnet.export.standalone import PLUGINS, WEIGHTS, standalone
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.files.plugins.plugins import load_plugins
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.lookup import Trials, architecture_of, pick
from budgetnet.records.training_folder import read_training, training_folder
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.records.trial import Record
from budgetnet.training.data.images import Dataset
from budgetnet.training.data.load import load_dataset

__all__ = ["FILES", "Export", "export_trial"]

FILES = ("network.yaml", "network.py", WEIGHTS, "README.md")
"""Files of an export, besides the plug-in files of a study with custom primitives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A finished export."""

    folder: Path
    trial: int
    why: str
    """Reason why this trial was taken, in words."""
    run: TrainingRun
    """Whose weights these are."""
    score: Score
    """Test accuracy over all full trainings of the network."""
    check: Check

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it; accuracies are fractions."""
        return {
            "folder": str(self.folder),
            "files": [str(self.folder / name) for name in FILES],
            "trial": self.trial,
            "why": self.why,
            "seed": self.run.seed,
            "params": self.check.params,
            "flops": self.check.flops,
            "test_accuracy": self.score.document(),
            "weights_test_accuracy": self.run.test_accuracy,
            "largest_difference": self.check.difference,
        }


def export_trial(trials: Trials, which: str = "best", *, out: Path | None = None) -> Export:
    """Write the export of one trial's network with the weights of its full training.

    Args:
        trials: the study and what its database holds.
        which: ``best`` or a trial's number.
        out: the folder to make; ``export-NAME-NUMBER`` if None. An older export there is replaced in the end.

    Raises:
        RequestError: no such trial, it has no weights, or *out* holds something else.
        ExportError: what was written does not behave like what was trained; *out* stays as it was.
    """
    record = pick(trials, which)
    why = _why(trials, record, which)
    architecture = architecture_of(record, trials.study)
    folder = out if out is not None else Path(f"export-{architecture.name}")
    _refuse_foreign(folder)
    runs, run, weights = _weights(trials, record)
    dataset = load_dataset(trials.study.dataset)
    trained = _trained(architecture, weights)
    score = score_of(runs)
    with _appearing(folder) as place:
        network_file.write(place / "network.yaml", _with_plugins(architecture, place))
        _write_weights(trained, place / WEIGHTS, architecture, run)
        text = standalone(
            architecture,
            header=_header(architecture, dataset, score),
            classes=dataset.classes,
            normalisation=dataset.normalisation,
        )
        (place / "network.py").write_text(text, encoding="utf-8")
        check = check_export(place, architecture, trained, dataset.normalisation)
        facts = CardFacts(
            architecture=architecture,
            study=trials.study,
            record=record,
            dataset=dataset,
            runs=runs,
            exported=run,
            check=check,
            choice=why,
        )
        (place / "README.md").write_text(card(facts), encoding="utf-8")
    return Export(folder=folder, trial=record.number, why=why, run=run, score=score, check=check)


def _why(trials: Trials, record: Record, which: str) -> str:
    """Say why a trial is exported: by what the study has chosen it, or that it was asked for."""
    choice = next((choice for choice in trials.choices if choice.trial == record.number), None)
    if which != "best":
        return "asked for" if choice is None else f"asked for; {choice.text}"
    assert choice is not None  # the best is the first of them
    return choice.text


def _weights(trials: Trials, record: Record) -> tuple[tuple[TrainingRun, ...], TrainingRun, Path]:
    """The full trainings of a trial's network, the first one whose weights are there, and these.

    The first, not the best: choosing by test accuracy would make the test images part of the choice.

    Raises:
        RequestError: there are none.
    """
    finalist = trials.finalist(record.number)
    sources: list[tuple[Path, tuple[TrainingRun, ...]]] = []
    if finalist is not None:
        sources.append((trials.folder, finalist.runs))
    by_hand = training_folder(trials.folder, record.number)
    training = read_training(by_hand)
    if training is not None:
        sources.append((by_hand, training.runs))
    for folder, runs in sources:
        for run in runs:
            if run.weights is not None and run.diverged is None and (folder / run.weights).is_file():
                return runs, run, folder / run.weights
    study = trials.study
    recorded = any(run.weights for _, runs in sources for run in runs)
    known = f" (recorded as trained, but the files are not in {trials.folder})" if recorded else ""
    raise RequestError(
        f"trial {record.number} of {study.name} has no weights{known}: a search trains its finalists in full at its "
        f"end. Train this network with: {trials.command('train', f'{study.path}:{record.number}')}"
    )


def _trained(architecture: Network, weights: Path) -> nn.Module:
    """The network with its weights, in eval mode on the processor.

    Raises:
        ExportError: the weights are damaged or another network's.
    """
    with torch.random.fork_rng(devices=[]):
        model = build_nodes(architecture.network, architecture.input_shape, custom=architecture.plugins.modules)
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"{weights} are not the weights of {architecture.name}: {reason}; train it again") from error
    return model.eval()


def _with_plugins(architecture: Network, place: Path) -> Network:
    """The architecture with its plug-in files copied into the export, so that its text can be read there."""
    taken: set[str] = set()
    copies: list[PluginFile] = []
    for number, file in enumerate(architecture.plugins.files):
        name = file.path.name if file.path.name not in taken else f"{file.path.stem}_{number}.py"
        taken.add(name)
        copy = place / PLUGINS / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(file.text, encoding="utf-8")
        copies.append(PluginFile(copy, file.text))
    return replace(architecture, plugins=load_plugins(copies)) if copies else architecture


def _write_weights(model: nn.Module, path: Path, architecture: Network, run: TrainingRun) -> None:
    tensors = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, path, metadata={"format": "pt", "network": architecture.name, "seed": str(run.seed)})
    path.chmod(0o644)  # safetensors writes for its user alone, an export is for others


def _header(architecture: Network, dataset: Dataset, score: Score) -> str:
    """Return the first lines of the exported file's docstring."""
    counts = architecture.claimed or {}
    facts = [f"test accuracy {score}"]
    if counts:
        flops = f"{counts['flops']:,} FLOPs (one multiply-add = one FLOP)"
        facts = [f"{counts['params']:,} parameters", flops, *facts]
    return f"{architecture.name}, a classifier for {dataset.name}.\n\n{'; '.join(facts)}."


def _refuse_foreign(folder: Path) -> None:
    """Only an earlier export, or nothing, may be in the way.

    Raises:
        RequestError: something else is.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RequestError(f"{folder} is not a folder; choose another place with --out")
    if not folder.exists():
        return
    ours = (*FILES, PLUGINS, "__pycache__")
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in ours)
    if (folder / PLUGINS).is_dir():
        foreign += sorted(
            f"{PLUGINS}/{entry.name}"
            for entry in (folder / PLUGINS).iterdir()
            if entry.suffix != ".py" and entry.name != "__pycache__"
        )
    if foreign:
        raise RequestError(
            f"{folder} holds files that are not part of an export ({', '.join(foreign[:3])}"
            f"{', …' if len(foreign) > 3 else ''}) and was not changed; choose another folder with --out"
        )


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A folder to write into that becomes *folder* when all went well, and vanishes otherwise.

    Raises:
        RequestError: the place cannot be written to.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise RequestError(f"{folder.parent} cannot be written to ({error.strerror}); choose another --out") from error
    try:
        place.chmod(0o755)  # mkdtemp's folders are private, an export is for others
        yield place
        shutil.rmtree(place / "__pycache__", ignore_errors=True)
        if folder.exists():
            old = place.with_name(f"{place.name}.old")
            folder.rename(old)
            place.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            place.rename(folder)
    finally:
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
