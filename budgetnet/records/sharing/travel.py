"""The study's files in its database, where machines find them that have no copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from budgetnet.errors import BudgetnetError, RequestError, SearchError, nearest
from budgetnet.files.settings import ATTRIBUTE
from budgetnet.files.study import Study
from budgetnet.files.travel import TRAVELLING, TravellingStudy
from budgetnet.records.checks.tables import NoDatabaseError
from budgetnet.records.storage import open_storage, shown, storage_errors

__all__ = ["fetch_study", "leave_study", "wait_for_study"]

STUDY_LOOK = 2.0
"""Seconds between two looks for a study that is not there yet."""


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
    attributes = _attributes(url)
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


def wait_for_study(
    name: str,
    url: str,
    seconds: float,
    *,
    say: Callable[[str], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until a database holds a study and its files: a scheduler starts workers when it starts the search.

    Args:
        name: the study's name.
        url: the database's address.
        seconds: how long at most. What is missing then is left to `fetch_study` to say.
        say: told once that there is something to wait for.
        clock: tells seconds.
        sleep: lets seconds pass.
    """
    end = clock() + seconds
    told = False
    while clock() < end and (missing := _missing(name, url)) is not None:
        if not told:
            told = True
            say(f"waiting up to {seconds:g} seconds for the study {name} ({missing})")
        sleep(min(STUDY_LOOK, max(0.0, end - clock())))


def _missing(name: str, url: str) -> str | None:
    """Say what a worker has to wait for, or None if it need not, or waiting cannot help."""
    try:
        attributes = _attributes(url)
    except NoDatabaseError:
        return f"{shown(url)} is not there yet"
    except SearchError as error:  # a server may start at this moment, too; a damaged file is not mended by waiting
        return None if url.startswith("sqlite") else str(error).partition(";")[0]
    except BudgetnetError:
        return None
    if name not in attributes:
        return f"{shown(url)} does not hold it yet"
    return None if TRAVELLING in attributes[name] else f"{shown(url)} does not hold its files yet"


def _attributes(url: str) -> dict[str, dict[str, Any]]:
    """Return the attributes of all studies of a database, by name."""
    database = open_storage(url, create=False)
    with storage_errors(url):
        return {held.study_name: held.user_attrs for held in database.get_all_studies()}
