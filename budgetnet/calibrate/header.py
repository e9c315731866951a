"""The first line of a campaign's record: what its trainings have in common, and must have to be compared."""

from __future__ import annotations

import datetime

from budgetnet.calibrate.draw import DRAW
from budgetnet.calibrate.record import Header
from budgetnet.calibrate.tasks import CampaignPlan
from budgetnet.errors import RequestError
from budgetnet.files.settings import DATA_PART, changed_settings
from budgetnet.files.study import Study
from budgetnet.records.checks.data import require_same_data
from budgetnet.training.data.identity import DataIdentity

__all__ = ["check_header", "check_images", "header_of"]


def header_of(study: Study, plan: CampaignPlan, images: DataIdentity | None = None) -> Header:
    """Return a new file's first line."""
    return Header(
        study=study.name,
        seed=plan.seed,
        draw=DRAW,
        settings=plan.settings(study) | ({} if images is None else {DATA_PART: images.document()}),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def check_header(header: Header, study: Study, plan: CampaignPlan, place: str) -> None:
    """Compare what is asked with what the file at *place* was made with.

    Raises:
        RequestError: something changed; the message says what, and how to go on.
    """
    changes = list(changed_settings(header.settings, plan.settings(study)))
    if header.seed != plan.seed:
        changes.append(f"seed: {header.seed} → {plan.seed}")
    if changes:
        listed = "\n".join(f"  {line}" for line in changes)
        raise RequestError(
            f"{place} was made with other settings:\n{listed}\n"
            "old and new trainings would not be comparable; restore the old settings to continue it, or choose "
            "another folder with --out"
        )


def check_images(header: Header, found: DataIdentity, place: str) -> None:
    """Compare the images that are here with those of the file at *place*; older versions did not record theirs.

    Raises:
        StudyError: they differ.
    """
    if DATA_PART in header.settings:
        require_same_data(header.settings[DATA_PART], found, place, "choose another folder with --out")
