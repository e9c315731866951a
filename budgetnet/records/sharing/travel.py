"""The study's files in its database, where machines find them that have no copy."""

from __future__ import annotations

from pathlib import Path

import optuna

from budgetnet.errors import RequestError, nearest
from budgetnet.files.settings import ATTRIBUTE
from budgetnet.files.study import Study
from budgetnet.files.travel import TRAVELLING, TravellingStudy
from budgetnet.records.storage import open_storage, shown, storage_errors

__all__ = ["fetch_study", "leave_study"]


def leave_study(recorded: optuna.Study, study: Study) -> None:
    """Leave a study's files in its database, if they are not there as they are now."""
    packed = TravellingStudy.pack(study)
    if packed is not None and recorded.user_attrs.get(TRAVELLING) != packed.document():
        recorded.set_user_attr(TRAVELLING, packed.document())


def fetch_study(
    name: str, url: str, *, run: Path | None = None, trust_plugins: bool = False, images: Path | None = None
) -> Study:
    """Read a study from the files in its database.

    Args:
        name: the study's name.
        url: the database's address.
        run: the run folder; ``runs/NAME`` if None. The files are unpacked into ``study/`` in it.
        trust_plugins: True to run the study's plug-ins.
        images: the folder of images on this machine, for a study on a folder of images.

    Raises:
        RequestError: there is no such study, it has no files there, its plug-ins are not trusted, or its
            images are not here.
        SearchError: the database cannot be used.
    """
    database = open_storage(url, create=False)
    with storage_errors(url):
        attributes = {held.study_name: held.user_attrs for held in database.get_all_studies()}
    if name not in attributes:
        held = ", ".join(sorted(attributes)) or "none"
        raise RequestError(
            f"{shown(url)} has no study {name!r} (it has: {held}){nearest(name, attributes)}; start the study first: "
            "budgetnet search STUDY --storage URL"
        )
    document = attributes[name].get(TRAVELLING)
    if document is None:
        raise RequestError(
            f"{shown(url)} has no files of the study {name}: an older version made it, or it came from Python; name "
            "the study file instead, or run budgetnet search with it once"
        )
    folder = Path("runs") / name if run is None else run
    recorded = attributes[name].get(ATTRIBUTE, {}).get("dataset", {}).get("images")
    return TravellingStudy.of(document).read(
        folder, trust_plugins=trust_plugins, images=images, recorded_images=recorded
    )
