"""Studies that were made before a recipe had all its fields: they stay readable, and comparable."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.errors import StudyError
from budgetnet.files.settings import check_settings, settings_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.records.open import open_study
from budgetnet.training.recipe.recipe import Recipe

ROOT = Path(__file__).parent.parent.parent
OLDER = json.loads((Path(__file__).parent / "older" / "record.json").read_text(encoding="utf-8"))
"""What a version of November 2026 recorded of a study: the recipe of its trials, and its finalists."""
LATER = ("muon_lr", "norm_bias_rate", "mixup", "lookahead", "whiten", "trivial_augment", "cooldown")
"""Fields that the recorded study's recipe does not have."""


@pytest.fixture
def flagship() -> Study:
    """The flagship study, trained as the older record says it was."""
    study = load_study(ROOT / "studies/cifar10-200k.yaml")
    return replace(study, training=Recipe(epochs=3, label_smoothing=0.1))


def test_fields_that_came_later_are_no_change(flagship: Study) -> None:
    """A recipe without them is the recipe with them at their defaults."""
    stored = OLDER["settings_training"]
    assert not set(LATER) & set(stored)
    check_settings({**settings_of(flagship), "training": stored}, flagship, "study.db")


@pytest.mark.parametrize(
    ("changed", "shown"),
    [({"mixup": 0.2}, "training.mixup: 0.0 → 0.2"), ({"whiten": True}, "training.whiten: False → True")],
)
def test_a_later_field_that_is_used_is_a_change(flagship: Study, changed: dict[str, object], shown: str) -> None:
    """Old and new scores could not be compared, so such a study is refused."""
    stored = {**settings_of(flagship), "training": OLDER["settings_training"]}
    other = replace(flagship, training=replace(flagship.training, **changed))
    with pytest.raises(StudyError, match=re.escape(shown)):
        check_settings(stored, other, "study.db")


def test_the_flagships_record_opens(tmp_path: Path) -> None:
    """The study file that ships and the record that ships belong together."""
    recorded = shutil.copy(ROOT / "studies/results/cifar10-200k/study.db", tmp_path / "study.db")
    study = load_study(ROOT / "studies/cifar10-200k.yaml")
    opened, _ = open_study(study, f"sqlite:///{recorded}", create=False)
    assert len(opened.trials) > 15
