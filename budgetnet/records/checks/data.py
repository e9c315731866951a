"""Check that a study goes on with the images that its scores are of: their digest is among its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from budgetnet.errors import StudyError
from budgetnet.files.settings import ATTRIBUTE, DATA_PART
from budgetnet.text import counted
from budgetnet.training.data.identity import DataIdentity

__all__ = ["check_data", "require_same_data"]


def check_data(recorded: optuna.Study, found: DataIdentity, place: str, *, trials: int) -> str:
    """Compare the images that are here with those of a study, and record them if none are.

    Args:
        recorded: the study in its database.
        found: identity of the images on this machine.
        place: the database, as messages name it.
        trials: number of the study's trials so far.

    Returns:
        A statement for people if trials were made before the identity was recorded; else nothing.

    Raises:
        StudyError: they are not the same; the message says what changed, and the ways out.
    """
    said = ""
    settings: Mapping[str, Any] = recorded.user_attrs[ATTRIBUTE]
    if DATA_PART not in settings:
        recorded.set_user_attr(ATTRIBUTE, {**settings, DATA_PART: found.document()})
        settings = recorded.user_attrs[ATTRIBUTE]  # another process may have recorded its own at this moment
        if trials:
            said = (
                f"the images of the first {counted(trials, 'trial')} were not recorded by the version that made "
                f"{'it' if trials == 1 else 'them'}; from now on the study holds to those that are here"
            )
    require_same_data(settings[DATA_PART], found, place, "give the study another name (study: …)", "--fresh")
    return said


def require_same_data(
    stored: Mapping[str, Any], found: DataIdentity, place: str, other_place: str, over: str = ""
) -> None:
    """Refuse images that are not those of a record.

    Args:
        stored: identity of the record's images, as JSON holds it.
        found: identity of the images on this machine.
        place: the record, as messages name it.
        other_place: way to begin another record, in words.
        over: option that starts this one over; empty if there is none.

    Raises:
        StudyError: they differ.
    """
    changes = list(DataIdentity.of(stored).changes(found))
    if not changes:
        return
    listed = "\n".join(f"  {line}" for line in changes)
    again = f", or start over with {over}, which keeps the old folder under another name" if over else ""
    raise StudyError(
        f"the images must be those that {place} was made with, but they have changed:\n{listed}\n"
        f"old and new scores would not be comparable; restore the images to continue, or {other_place}{again}"
    )
