"""Export: a folder with everything that someone without budgetnet needs, checked before it appears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from budgetnet.errors import BudgetnetError, ExportError, RequestError
from budgetnet.export.check import Check, check_network, check_outputs
from budgetnet.export.codegen.standalone import PLUGINS, WEIGHTS, standalone
from budgetnet.export.documents import data_name, folder_config, folder_recipe, folder_record
from budgetnet.export.folder import (
    CONFIG,
    INT8,
    ONNX,
    PTE,
    SAMPLES,
    appearing_folder,
    check_export_place,
    write_json,
    write_manifest,
)
from budgetnet.export.formats import ExportFormat, read_formats, write_formats
from budgetnet.export.int8.fine_tune import quantise_aware
from budgetnet.export.int8.quantise import Quantised, quantise, run_onnx, with_accuracy
from budgetnet.export.mcu.write import MicrocontrollerProgram, program_document, with_test_accuracy, write_pte
from budgetnet.export.model_card import CardFacts, card
from budgetnet.export.samples import sample_inputs, sample_logits, sample_picture, write_samples
from budgetnet.export.verify.ask_folder import write_check
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.files.plugins.plugins import load_plugins
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.checks.data import require_same_data
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import Trials, architecture_of, choice_of, pick
from budgetnet.records.sharing.weights import weights_from
from budgetnet.records.training_folder import read_training, training_folder
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.records.trial import Record
from budgetnet.report.finals import break_reason, breakdowns_text
from budgetnet.text import ESCAPES
from budgetnet.training.data.identity import data_identity
from budgetnet.training.data.load import ImageFolder, load_dataset
from budgetnet.training.permissions import by_umask

__all__ = ["Export", "export_trial"]


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
    formats: tuple[ExportFormat, ...]
    int8: Quantised | None = None
    pte: MicrocontrollerProgram | None = None
    broken: tuple[str, ...] = ()
    """Statements about full trainings of the network that diverged or failed."""

    def sizes(self) -> dict[str, int]:
        """Return the folder's files with their sizes in bytes."""
        found = (file for file in sorted(self.folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
        return {file.relative_to(self.folder).as_posix(): file.stat().st_size for file in found}

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it; accuracies are fractions."""
        return {
            "folder": str(self.folder),
            "files": [str(self.folder / name) for name in self.sizes()],
            "bytes": self.sizes(),
            "formats": list(self.formats),
            "trial": self.trial,
            "why": self.why,
            "seed": self.run.seed,
            "params": self.check.params,
            "flops": self.check.flops,
            "test_accuracy": self.score.document(),
            "weights_test_accuracy": self.run.test_accuracy,
            "broken_trainings": list(self.broken),
            "largest_difference": self.check.difference,
            "int8": None if self.int8 is None else self.int8.document(),
            "pte": None if self.pte is None else self.pte.document(),
            "checks": [check.document() for check in self.check.checks],
        }


def export_trial(
    trials: Trials,
    which: str = "best",
    *,
    out: Path | None = None,
    formats: str | Sequence[str] | None = None,
    int8: bool = False,
    fine_tune: int | None = None,
    licence: str | None = None,
    say: Callable[[str], object] = str,
) -> Export:
    """Write the export of one trial's network with the weights of its full training.

    Args:
        trials: the study and what its database holds.
        which: ``best``, ``best@100k`` for one of several budgets, or a trial's number.
        out: the folder to make; ``export-NAME-NUMBER`` if None. An older export there is replaced in the end.
        formats: see `budgetnet.export.formats.read_formats`.
        int8: write the network in int8, too, and read the test images once with it.
        fine_tune: epochs of fine-tuning for int8 where rounding costs too much; see `quantise_aware`. None: never.
        licence: identifier of the weights' licence for the card, such as ``mit``; ``other`` if None.
        say: told what rounding costs, and of the epochs of fine-tuning.

    Raises:
        RequestError: no such trial, it has no weights, *out* holds something else, or a format cannot be written here.
        StudyError: the images are not those that the weights were trained on.
        ExportError: what was written does not behave like what was trained; *out* stays as it was.
    """
    wanted = read_formats(formats, int8=int8)
    if fine_tune is not None:
        _check_fine_tuning(fine_tune, int8=int8)
    record = pick(trials, which)
    why = _why(trials, record, which)
    architecture = architecture_of(record, trials.study)
    folder = out if out is not None else Path(f"export-{architecture.name}")
    check_export_place(folder)
    runs, run, weights, images = _weights(trials, record)
    broken = tuple(breakdowns_text([Finalist(trial=record.number, runs=runs)]))
    dataset = load_dataset(trials.study.dataset)
    identity = data_identity(dataset)
    if images is not None:
        # The normalisation that is written follows from the images, and an int8 network is tested on them.
        require_same_data(images, identity, f"the training of trial {record.number}", "train the network again")
    trained = _trained(architecture, weights)
    source = trials.study.dataset
    with appearing_folder(folder) as place:
        pixels, inputs = sample_inputs(architecture.input_shape, dataset.normalisation)
        samples = {"pixels": pixels, "inputs": inputs, "logits": sample_logits(trained, inputs)}
        network_file.write(place / "network.yaml", _with_plugins(architecture, place))
        _write_weights(trained, place / WEIGHTS, architecture, run)
        header = _header(architecture, data_name(dataset, source), score_of(runs))
        text = standalone(architecture, header=header, classes=dataset.classes, normalisation=dataset.normalisation)
        (place / "network.py").write_text(text, encoding="utf-8", errors=ESCAPES)
        params, flops = check_network(place, architecture, trained, samples["logits"])
        write_formats(trained, inputs, place, wanted, name=architecture.name, classes=dataset.classes)
        quantised: Quantised | None = None
        if int8 and fine_tune is not None:
            quantised = quantise_aware(
                trained,
                place / ONNX,
                place / INT8,
                dataset.train,
                epochs=fine_tune,
                recipe=run.recipe,
                name=architecture.name,
                classes=dataset.classes,
                say=say,
            )
        elif int8:
            quantised = quantise(place / ONNX, place / INT8, dataset.train)
        if quantised is not None:
            samples["logits_int8"] = torch.from_numpy(run_onnx(place / INT8, inputs.numpy()))
        pte = write_pte(trained, dataset.train, inputs, place / PTE) if "pte" in wanted else None
        if pte is not None:
            samples["logits_pte"] = pte.lowered.logits[: len(inputs)]
        conversion = source.conversion if isinstance(source, ImageFolder) else None
        picture = sample_picture(conversion)
        write_samples(place / SAMPLES, {**samples, **picture})
        counts = {"params": params, "flops": flops}
        config = folder_config(architecture, dataset, source, counts=counts)
        write_json(place / CONFIG, {**config, **program_document(pte)})
        write_json(place / "recipe.json", folder_recipe(run))
        write_check(place, pte=pte is not None, pictures=bool(picture))
        check = Check(images=len(inputs), params=params, flops=flops, checks=check_outputs(place))
        if quantised is not None:
            quantised = with_accuracy(quantised, place / INT8, place / ONNX, dataset.test())
        pte = None if pte is None else with_test_accuracy(pte, trained, dataset.test())
        told = folder_record(trials.study, record, runs, run, data_name(dataset, source), identity)
        told |= {"int8": None if quantised is None else quantised.document(), **program_document(pte)}
        write_json(place / "record.json", told)
        facts = CardFacts(
            architecture=architecture,
            study=trials.study,
            record=record,
            dataset=dataset,
            runs=runs,
            exported=run,
            check=check,
            choice=why,
            broken=broken,
            licence=licence or "other",
            int8=quantised,
            pte=pte,
            files={file.name: file.stat().st_size for file in place.iterdir() if file.is_file()},
        )
        (place / "README.md").write_text(card(facts), encoding="utf-8", errors=ESCAPES)
        write_manifest(place)
    return Export(
        folder=folder,
        trial=record.number,
        why=why,
        run=run,
        score=score_of(runs),
        check=check,
        formats=wanted,
        int8=quantised,
        pte=pte,
        broken=broken,
    )


def _check_fine_tuning(epochs: int, *, int8: bool) -> None:
    """Refuse a fine-tuning that would do nothing.

    Raises:
        RequestError: its epochs are below 1, or no int8 network is wanted.
    """
    if not int8:
        raise RequestError("--fine-tune is for the network in int8, but --int8 is missing; write --int8, too")
    if epochs < 1:
        raise RequestError(f"--fine-tune must be at least 1 epoch, but got {epochs}; leave it out to train nothing")


def _why(trials: Trials, record: Record, which: str) -> str:
    """Say why a trial is exported: by what the study has chosen it, or that it was asked for."""
    if which.startswith("best"):
        return choice_of(trials, which).text
    choice = next((choice for choice in trials.choices if choice.trial == record.number), None)
    return "asked for" if choice is None else f"asked for; {choice.text}"


def _weights(
    trials: Trials, record: Record
) -> tuple[tuple[TrainingRun, ...], TrainingRun, Path, Mapping[str, Any] | None]:
    """The full trainings of a trial's network, the first one whose weights are there, these, and its images' identity.

    The first, not the best: choosing by test accuracy would make the test images part of the choice.

    Raises:
        RequestError: there are none.
    """
    finalist = trials.finalist(record.number)
    sources: list[tuple[Path, tuple[TrainingRun, ...], Mapping[str, Any] | None]] = []
    if finalist is not None:
        sources.append((trials.folder, finalist.runs, trials.data))
        if any(run.weights is not None and not (trials.folder / run.weights).is_file() for run in finalist.runs):
            with suppress(BudgetnetError, OSError):  # what then is missing is said below
                weights_from(trials.storage, trials.study.name, trials.folder, [finalist])
    by_hand = training_folder(trials.folder, record.number)
    training = read_training(by_hand)
    if training is not None:
        sources.append((by_hand, training.runs, training.data))
    for folder, runs, images in sources:
        for run in runs:
            if run.weights is not None and run.diverged is None and (folder / run.weights).is_file():
                return runs, run, folder / run.weights, images
    study = trials.study
    again = trials.command("train", f"{study.path}:{record.number}")
    trained = [run for _, runs, _ in sources for run in runs if run.outcome != "failed"]
    if trained and all(run.diverged for run in trained):
        how = "its full training" if len(trained) == 1 else f"each of its {len(trained)} full trainings"
        raise RequestError(
            f"an export needs a full training that came to its end, but trial {record.number} of {study.name} diverged "
            f"in {how} ({break_reason(trained[0])}); name another trial with --trial, or train this one by another "
            f"recipe: {again} --recipe NAME"
        )
    recorded = any(run.weights for run in trained)
    known = f" (recorded as trained, but the files are not in {trials.folder})" if recorded else ""
    raise RequestError(
        f"trial {record.number} of {study.name} has no weights{known}: a search trains its finalists in full at its "
        f"end. Train this network with: {again}"
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
    by_umask(path)


def _header(architecture: Network, dataset: str, score: Score) -> str:
    """Return the first lines of the exported file's docstring."""
    counts = architecture.claimed or {}
    facts = [f"test accuracy {score}"]
    if counts:
        flops = f"{counts['flops']:,} FLOPs (one multiply-add = one FLOP)"
        facts = [f"{counts['params']:,} parameters", flops, *facts]
    return f"{architecture.name}, a classifier for {dataset}.\n\n{'; '.join(facts)}."
