"""Settings that must not change within a study: with others, old and new scores would not be comparable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from budgetnet.errors import StudyError
from budgetnet.files.study import Study
from budgetnet.grammar.printer import rule_text
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["ATTRIBUTE", "check_settings", "comparable", "settings_of"]

ATTRIBUTE = "settings"
"""Name of the study's attribute in the database."""


def settings_of(study: Study) -> dict[str, dict[str, Any]]:
    """Return the settings that a study's scores depend on, as JSON holds them.

    Sampler, pruner, number of trials, workers and finalists are not among them and may change during a study.
    """
    dataset = study.dataset
    images: dict[str, Any] = {"name": dataset}
    if not isinstance(dataset, str):
        size = dataset.size if isinstance(dataset.size, int | None) else list(dataset.size)
        images = {"images": str(dataset.path), "size": size, "channels": dataset.channels}
    return {
        "grammar": {rule.name: " ".join(rule_text(rule).split()) for rule in study.grammar.rules},
        "defaults": _own_defaults(study),
        "plugins": {file.path.name: _digest(file.text) for file in study.plugins.files},
        "dataset": images,
        "budget": {str(name): limit for name, limit in study.budget.bounds().items()},
        "goal": {"goal": study.goal} | ({"target": study.target} if study.goal == "smallest" else {}),
        "training": study.training.to_mapping(),
        "validation": {"share": study.validation, "seed": study.search.seed},
    }


def check_settings(stored: Mapping[str, Mapping[str, Any]], study: Study, place: str) -> None:
    """Compare a study with the settings that its database, at *place*, was made with.

    Raises:
        StudyError: something changed; the message says what, and how to continue.
    """
    changes = [
        f"{part}.{name}: {_shown(before, name)} → {_shown(now, name)}"
        for part, now in settings_of(study).items()
        # A recipe field that the stored recipe lacks was added to budgetnet later; its default is the old behaviour.
        for before in [(Recipe().to_mapping() if part == "training" else {}) | dict(stored.get(part, {}))]
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    ]
    if changes:
        listed = "\n".join(f"  {line}" for line in changes)
        raise StudyError(
            f"{study.path} differs from the study that {place} was made with:\n{listed}\n"
            "old and new trials would not be comparable; restore the old settings to continue it, give the study "
            "another name (study: …), or start over with --fresh, which keeps the old folder under another name"
        )


def comparable(stored: Mapping[str, Mapping[str, Any]] | None, ours: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return True if a network's score in another study is comparable with scores here, up to its seed.

    Args:
        stored: the other study's settings; None if it has none (it was made by another tool).
        ours: as `settings_of` returns them.

    Returns:
        True if images, split, rule for seeds, recipe and custom primitives are the same. A recipe field that was added
        to budgetnet since then counts as its default.
    """
    if stored is None:
        return False
    usual = Recipe().to_mapping()
    then, now = ({**usual, **settings.get("training", {})} for settings in (stored, ours))
    same = ("dataset", "validation", "plugins")
    return then == now and all(stored.get(part, {}) == ours.get(part, {}) for part in same)


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
