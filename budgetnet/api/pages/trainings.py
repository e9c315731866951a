"""Pages about networks with weights: train, export."""

from __future__ import annotations

from pathlib import Path

from budgetnet.api.pages.networks import found_network
from budgetnet.api.pages.printout import Printout
from budgetnet.api.say import Say
from budgetnet.api.studies import as_study
from budgetnet.api.trainings import export
from budgetnet.errors import BudgetnetError, RequestError
from budgetnet.text import percent

__all__ = ["export_answer", "repetition_answer", "training_answer", "use_data_folder"]


def training_answer(
    network: str,
    *,
    study: Path | None,
    dataset: str | None,
    recipe: str | None,
    seeds: int | None,
    seed: int,
    epochs: int | None,
    threads: int | None,
    out: Path | None,
    held_out: bool,
    test_curve: bool,
    device: str,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Train a network in full, and write its report; see `budgetnet.api.trainings.train`."""
    from budgetnet.search.full_training import train_network
    from budgetnet.search.training_plan import plan_training

    found = found_network(network, storage, run, say)
    if found.record is not None:
        say(f"{found.label} is trained in full; --brief repeats its score in the search instead")
    guide = None if study is None else as_study(study)
    planned = plan_training(
        found,
        study=guide,
        dataset=dataset,
        recipe=recipe,
        seeds=seeds,
        epochs=epochs,
        out=out,
        held_out=held_out,
        test_curve=test_curve,
    )
    training = train_network(planned, first_seed=seed, device=device, threads=threads, say=say)
    from budgetnet.report.per_class import classes_text
    from budgetnet.report.report import REPORT_FILE, write_training_report
    from budgetnet.text import command_text

    page = planned.out / REPORT_FILE
    classes = classes_text(training.runs)
    lines = [f"{training.name}: {training.score} on the test images of {training.dataset}; {planned.out}"]
    lines += ["", *classes] if classes else []
    notes = []
    try:
        write_training_report(training, planned.out, page, command=command_text("report", planned.out))
        lines += ["", f"Report: {page}"]
    except BudgetnetError as error:  # which must not take the results with it
        notes.append(f"the report could not be written: {error}")
    return Printout(lines=lines, document=training.document(), command="train", notes=notes, ok=not notes)


def repetition_answer(network: str, *, device: str, storage: str | None, run: Path | None, say: Say) -> Printout:
    """Repeat a trial's training as its search did it, and compare bit by bit."""
    from budgetnet.search.repeat_trial import repeat_trial, repetition_document, repetition_text

    repeated = repeat_trial(found_network(network, storage, run, say), device=device, say=say)
    return Printout(
        lines=repetition_text(repeated),
        document=repetition_document(repeated),
        command="train-brief",
        ok=repeated.equal,
    )


def export_answer(
    study: Path,
    trial: str,
    *,
    out: Path | None,
    formats: str | None,
    int8: bool,
    fine_tune: int | None,
    licence: str | None,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Export a trial; see `budgetnet.api.trainings.export`."""
    written = export(
        study,
        trial,
        out=out,
        formats=formats,
        int8=int8,
        fine_tune=fine_tune,
        licence=licence,
        storage=storage,
        run=run,
        say=say,
    )
    check = written.check
    notes = [
        f"trial {written.trial}: {written.why}",
        f"checked without budgetnet: {check.params:,} parameters, equal logits on {check.images} images "
        f"({', '.join(written.formats)})",
    ]
    notes += written.broken
    if written.int8 is not None:
        accuracies = f"{percent(written.int8.test_accuracy)} %, in float32 {percent(written.run.test_accuracy)} %"
        stay = f"; in float32 stay {', '.join(written.int8.in_float)}" if written.int8.in_float else ""
        notes.append(f"in int8: {accuracies}; {written.int8.bytes:,} bytes{stay}")
        tuned = written.int8.fine_tuning
        if tuned is not None and tuned.epochs and not tuned.kept:
            notes.append("the fine-tuned network was not better than rounding alone, which was kept")
    if formats is None and "onnx" not in written.formats:
        notes.append("without ONNX: its libraries are not installed; pip install 'budgetnet[onnx]'")
    return Printout(lines=[str(written.folder)], document=written.document(), command="export", notes=notes)


def use_data_folder(folder: Path | None) -> None:
    """Let this process and its workers find data sets in *folder*.

    Raises:
        RequestError: it is a file.
    """
    import os

    from budgetnet.training.data.sources import DATA_VARIABLE

    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"--data-dir must be a folder, but {folder} is a file")
    os.environ[DATA_VARIABLE] = str(folder.expanduser().absolute())
