"""One generation of a study, read whole: also one that is over, whose study file has changed since."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError, SearchError
from budgetnet.files.study import Study
from budgetnet.files.travel import TRAVELLING, TravellingStudy
from budgetnet.records.checks.contents import damaged_study, read_contents
from budgetnet.records.generations.generation import Generation, earlier_name
from budgetnet.records.lookup import Trials, address_of, trials_of
from budgetnet.records.storage import open_storage, shown, storage_errors

__all__ = ["open_generation"]


def open_generation(study: Study, number: int, *, storage: str | None = None, out: Path | None = None) -> Trials:
    """Read everything that one generation of a study holds, by the study file that it was searched with.

    Args:
        study: the study, whose grammar and budget may have changed since.
        number: the generation, from 1.
        storage: address of the study's database; ``study.db`` in its run folder if None.
        out: the study's run folder; ``runs/NAME`` if None.

    Raises:
        RequestError: no search has run for this study yet, it has no such generation, or its files are not there.
        SearchError: the database cannot be used.
    """
    import optuna

    url = address_of(study, storage=storage, out=out)
    database = open_storage(url, create=False)
    with storage_errors(url):
        attributes = {held.study_name: held.user_attrs for held in database.get_all_studies()}
        if study.name not in attributes:
            raise RequestError(f"there are no trials of {study.name} in {shown(url)}; run the search first")
        current = Generation.of(attributes[study.name])
        current.check_asked(number, study.name)
        name = study.name if number == current.number else earlier_name(study.name, number)
        if name not in attributes:
            raise SearchError(
                f"{shown(url)} is damaged: generation {number} of {study.name} is missing; restore it from a copy"
            )
        as_then = _as_then(study, attributes[name])
        try:
            contents = read_contents(optuna.load_study(study_name=name, storage=database))
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            raise damaged_study(name, shown(url), error) from error
    return trials_of(as_then, study.run_folder(out), url, contents)


def _as_then(study: Study, attributes: Mapping[str, Any]) -> Study:
    """Return the study as its files said it when a generation was searched; as it is now where they are not kept."""
    document = attributes.get(TRAVELLING)
    if document is None:
        return study
    images = None if isinstance(study.dataset, str) else study.dataset.path
    with tempfile.TemporaryDirectory(prefix="budgetnet-") as folder:
        # Its plug-ins are this study's, which was just read: no generation begins with others.
        travelling = TravellingStudy.of(document)
        try:
            found = travelling.read(Path(folder), trust_plugins=True, images=images, recorded_images=None)
        except RequestError:  # the images are not here, without which the study cannot be read
            return study
    return replace(found, name=study.name, path=study.path)
