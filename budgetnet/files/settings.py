"""Settings that must not change within a study: with others, old and new scores would not be comparable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from budgetnet.errors import StudyError
from budgetnet.files.study import Study
from budgetnet.grammar.printer import rule_text
from budgetnet.training.recipe.reading import with_defaults

__all__ = [
    "ATTRIBUTE",
    "DATA_PART",
    "NewGenerationError",
    "begins_generation",
    "changed_settings",
    "check_settings",
    "comparable",
    "readable_settings",
    "settings_of",
]

ATTRIBUTE = "settings"
"""Name of the study's attribute in the database."""
DATA_PART = "data"
"""Part of the settings with the identity of the images (`budgetnet.training.data.identity`), recorded before the first
training; older versions did not."""
_OF_A_GENERATION = ("grammar", "defaults", "budget")
"""Parts of the settings that may change: a new generation begins, and scores of networks that it still has stay."""


class NewGenerationError(StudyError):
    """Nothing but the grammar or the budget has changed, so a search begins a new generation with it."""


def settings_of(study: Study) -> dict[str, dict[str, Any]]:
    """Return the settings that a study's scores depend on, as JSON holds them.

    Sampler, pruner, number of trials, workers and finalists are not among them and may change during a study.
    """
    dataset = study.dataset
    images: dict[str, Any] = {"name": dataset}
    if not isinstance(dataset, str):
        size = dataset.size if isinstance(dataset.size, int | None) else list(dataset.size)
        images = {"images": str(dataset.path), "size": size, "channels": dataset.channels}
        images |= dataset.conversion.choices()  # what older studies could not choose is left out where it is as then
    return {
        "grammar": {rule.name: " ".join(rule_text(rule).split()) for rule in study.grammar.rules},
        "defaults": _own_defaults(study),
        "plugins": {file.path.name: _digest(file.text) for file in study.plugins.files},
        "dataset": images,
        "budget": study.budget.document(),
        "goal": {"goal": study.goal} | ({"target": study.target} if study.goal == "smallest" else {}),
        "training": study.training.to_mapping(),
        "validation": {"share": study.validation, "seed": study.search.seed},
    }


def check_settings(stored: Mapping[str, Mapping[str, Any]], study: Study, place: str) -> None:
    """Compare a study with the settings that its database, at *place*, was made with.

    Raises:
        NewGenerationError: only the grammar and the budget changed.
        StudyError: something else changed; the message says what, and how to continue.
    """
    changes = list(changed_settings(*_portable(stored, settings_of(study))))
    if not changes:
        return
    listed = "\n".join(f"  {line}" for line in changes)
    differs = f"{study.path} differs from the study that {place} was made with:\n{listed}\n"
    if begins_generation(stored, study):
        raise NewGenerationError(
            f"{differs}search again to begin a new generation with it, which takes over every trial that it still "
            "allows; restore the old settings; or list what was found so far with list --generation N"
        )
    raise StudyError(
        f"{differs}old and new trials would not be comparable; restore the old settings to continue it, give the study "
        "another name (study: …), or start over with --fresh, which keeps the old folder under another name"
    )


def begins_generation(stored: object, study: Study) -> list[str]:
    """Return what changed, a line each, if a new generation of the study can begin with it; else nothing.

    Args:
        stored: the settings that the study's database was made with.
        study: the study now.
    """
    if not isinstance(stored, Mapping) or not readable_settings(stored):
        return []
    before, now = _portable(stored, settings_of(study))
    found: list[str] = []
    for part, values in now.items():
        changes = list(changed_settings(before, {part: values}))
        if changes and part not in _OF_A_GENERATION:
            return []
        found += changes
    return found


def _portable(
    stored: Mapping[str, Mapping[str, Any]], ours: dict[str, dict[str, Any]]
) -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]]:
    """Leave the images' folder out where their digest is recorded: they may be elsewhere, and are compared later."""
    if DATA_PART not in stored or "images" not in ours["dataset"] or "images" not in stored["dataset"]:
        return stored, ours
    place = ours["dataset"]["images"]
    return {**stored, "dataset": {**stored["dataset"], "images": place}}, ours


def changed_settings(stored: Mapping[str, Mapping[str, Any]], ours: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each setting that is not as it was stored: ``training.epochs: 3 → 4``.

    Args:
        stored: settings by part. A field that a stored recipe lacks counts as its default (`with_defaults`).
        ours: the settings to compare with, by part; parts that only *stored* has do not count.
    """
    for part, now in ours.items():
        before = stored.get(part, {})
        if part in ("training", "finalists"):
            before = {name: value for name, value in with_defaults(before).items() if name in before or name in now}
        for name in dict.fromkeys((*before, *now)):
            if before.get(name) != now.get(name):
                yield f"{part}.{name}: {_shown(before, name)} → {_shown(now, name)}"


def readable_settings(stored: object) -> bool:
    """Tell whether a study's attribute holds settings: every part that all versions have written, as a mapping."""
    parts = ("grammar", "dataset", "budget", "goal", "training", "validation")
    return isinstance(stored, Mapping) and all(isinstance(stored.get(part), Mapping) for part in parts)


def comparable(stored: Mapping[str, Mapping[str, Any]] | None, ours: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return True if a network's score in another study is comparable with scores here, up to its seed.

    Args:
        stored: the other study's settings; None if it has none (it was made by another tool).
        ours: as `settings_of` returns them, and the identity of our images as `DATA_PART`.

    Returns:
        True if train images, split, rule for seeds, recipe and custom primitives are the same. Where the images are
        does not matter; those of older versions are not known, so that their scores do not count.
    """
    if stored is None or not _same_train_images(stored.get(DATA_PART), ours.get(DATA_PART)):
        return False
    parts = {part: ours[part] for part in ("validation", "plugins", "training")}
    return not any(changed_settings(stored, parts))


def _same_train_images(stored: Mapping[str, Any] | None, ours: Mapping[str, Any] | None) -> bool:
    try:
        return bool(stored and ours and stored["train"]["digest"] == ours["train"]["digest"])
    except (KeyError, TypeError):
        return False


def _own_defaults(study: Study) -> dict[str, Any]:
    """Return the defaults that a study sets, by ``primitive.parameter``."""
    usual = study.plugins.vocabulary.signatures
    return {
        f"{signature.name}.{parameter.name}": parameter.default
        for signature in study.vocabulary.signatures.values()
        for parameter in signature.parameters
        if parameter != usual[signature.name].parameter(parameter.name)
    }


def _digest(text: str) -> str:
    """Return a short digest of a text, for messages."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shown(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
