"""Results of a study so far, printed at the end of a search and of a listing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from budgetnet.files.study import Study
from budgetnet.records.lookup import Trials
from budgetnet.records.trial import Record
from budgetnet.report.analysis.progress import best_within
from budgetnet.report.finals import breakdowns_text, finalist_document, finalists_text, finalists_title
from budgetnet.report.frontier import frontier, frontier_text
from budgetnet.report.learned import learned_text
from budgetnet.report.target import target_document, target_text
from budgetnet.report.trials import record_document, tally, trials_text
from budgetnet.text import command_text, short_count

__all__ = ["best_for_budgets", "best_trial", "choices_text", "ending_text", "listing_text", "study_document"]


def best_trial(trials: Trials) -> Record | None:
    """Return the trial whose network the study has chosen, as validation images judge."""
    choices = trials.choices
    return next((record for record in trials.records if choices and record.number == choices[0].trial), None)


def best_for_budgets(trials: Trials, limits: Sequence[int] = ()) -> tuple[tuple[int, Record | None], ...]:
    """Return the best network within each number of parameters, the smallest first.

    Args:
        trials: the study and what its database holds.
        limits: numbers of parameters; the most accurate in the search counts. None asked for: those of a study of
            several budgets, with what it has chosen; for others see `best_within`.
    """
    study = trials.study
    if limits or not study.limits:
        return best_within(trials.records, study, limits)
    by_number = {record.number: record for record in trials.records}
    chosen = {choice.limit: by_number[choice.trial] for choice in trials.choices}
    return tuple((limit, chosen.get(limit)) for limit in reversed(study.limits))


def choices_text(trials: Trials) -> list[str]:
    """Return a line for each network that the study has chosen: the trial, and by what it was chosen."""
    known = {record.number: record for record in trials.records}
    lines = []
    for choice in trials.choices:
        record = known[choice.trial]
        costs = f"{record.params or 0:,} parameters, {short_count(record.flops)} FLOPs"
        costs += f", {record.latency_text}" if record.latency_text else ""
        lines.append(f"Best: trial {choice.trial}, {choice.text}; {costs}.")
    return lines


def ending_text(trials: Trials, exported: Path | None = None) -> list[str]:
    """Return what a search ends with: outcomes, target, frontier, finalists, and what to do next.

    Args:
        trials: the study and what its database holds.
        exported: where the best network has been written to as plain PyTorch.
    """
    study = trials.study
    lines = [f"{study.name}: {tally(trials.records) or 'no trials'}", *_generation(trials)]
    lines += target_text(trials)
    lines += _section(
        "Nothing found is both smaller and more accurate than these:", frontier_text(frontier(trials.records))
    )
    lines += _finals(trials)
    if exported is not None:
        lines += ["", f"The best network as plain PyTorch, with weights and a model card: {exported}"]
    leader = best_trial(trials)
    if leader is not None:
        finalist = trials.finalist(leader.number)
        trained = finalist is not None and bool(finalist.runs)
        then: tuple[object, ...] = ("export", study.path) if trained else ("train", f"{study.path}:best")
        if exported is not None:
            then = ("list", study.path)
        lines += ["", "Next:"]
        lines += [f"  {trials.command(*words)}" for words in (("show", f"{study.path}:best"), then)]
        lines += _way_to_cifar10(study)
    return lines


def _way_to_cifar10(study: Study) -> list[str]:
    """After the digits, which ship with scikit-learn, the same on a data set that is worth the work."""
    flagship = study.path.with_name("cifar10-200k.yaml")
    if study.dataset != "digits" or not flagship.is_file():
        return []
    return [f"  {command_text('search', flagship)}    # the same on CIFAR-10, which is downloaded at first"]


def listing_text(trials: Trials, chosen: Sequence[Record]) -> list[str]:
    """Return the chosen trials as a table, and beneath it what the study has found."""
    lines = trials_text(chosen) if chosen else ["no such trials"]
    lines += ["", f"{tally(trials.records) or 'no trials'}", *_generation(trials)]
    lines += target_text(trials)
    dropped = _dropped(trials.records)
    if dropped:
        total = sum(dropped.values())
        reasons = ", ".join(f"{number:,} {reason.replace('_', ' ')}" for reason, number in dropped.most_common())
        lines.append(f"Draws dropped without a record of their own: {total:,} ({reasons}).")
    notes = Counter(record.note for record in chosen if record.note)
    lines += [f"{number} of the networks above {_were(number)} {note}." for note, number in notes.items()]
    return lines + _finals(trials)


def study_document(trials: Trials, chosen: Sequence[Record]) -> dict[str, Any]:
    """Return a study's results as one JSON document; accuracies are fractions.

    Args:
        trials: everything the database holds; the frontier, the best and the counts are taken over all of it.
        chosen: the trials to list.
    """
    study = trials.study
    leader = best_trial(trials)
    reached = target_document(trials)
    return {
        "study": study.name,
        "dataset": study.dataset if isinstance(study.dataset, str) else str(study.dataset.path),
        "data": trials.data,
        "generation": trials.generation.document(),
        "goal": study.goal,
        "target": study.target,
        "target_reached": None if reached is None else bool(reached["brief"]),
        "reached_target": reached,
        "budget": study.budget.document(),
        "limits": list(study.limits),
        "outcomes": dict(Counter(record.outcome for record in trials.records)),
        "dropped": dict(_dropped(trials.records)),
        "best": None if leader is None else leader.number,
        "choices": [choice.document() for choice in trials.choices],
        "learned": trials.learned,
        "frontier": [record.number for record in frontier(trials.records)],
        "trials": [record_document(record) for record in chosen],
        "finalists": [finalist_document(finalist) for finalist in trials.finalists],
    }


def _generation(trials: Trials) -> list[str]:
    """Return which generation of the study this is, if it has had several."""
    found = trials.generation
    return [] if found.number == 1 else [f"{found.text[:1].upper()}{found.text[1:]}."]


def _finals(trials: Trials) -> list[str]:
    """Return the table of finalists, what was learned, and the choice."""
    table = finalists_text(trials.finalists, trials.records, trials.choices)
    chosen = choices_text(trials)
    learned = learned_text(trials.learned)
    return (
        _section(finalists_title(trials.finalists), table)
        + (["", *broken] if (broken := breakdowns_text(trials.finalists)) else [])
        + (["", *learned] if learned else [])
        + (["", *chosen] if chosen else [])
    )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _dropped(records: Sequence[Record]) -> Counter[str]:
    """Draws that a proposal dropped in memory, by reason."""
    dropped: Counter[str] = Counter()
    for record in records:
        dropped.update(record.rejected_before)
    return dropped


def _section(title: str, table: list[str]) -> list[str]:
    return ["", title, "", *table] if table else []
