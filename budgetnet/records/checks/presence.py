"""Notice when a study's database or run folder is taken away while a search runs.

A process that has a file open goes on writing to it after it was deleted, and nothing of that is kept. So the place is
looked at between the trainings' messages: one call to the system for each.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from budgetnet.errors import SearchError

__all__ = ["Presence"]


class Presence:
    """Knows a database's file and a run folder, and tells whether they are still where they were."""

    def __init__(self, url: str, folder: Path, study: str) -> None:
        """Remember what is there now.

        Args:
            url: the database's address; only an SQLite file can be deleted from under a search.
            folder: the run folder. One that does not exist yet is not missed.
            study: the study's name.
        """
        self._study = study
        self._folder = folder if folder.is_dir() else None
        path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
        self._file = path if path is not None and path.is_file() else None
        self._number = None if self._file is None else self._file.stat().st_ino

    def check(self) -> None:
        """Look again.

        Raises:
            SearchError: the folder or the file is gone, or a file without the study is in its place.
        """
        if self._folder is not None and not self._folder.is_dir():
            raise _gone(f"the run folder {self._folder} is gone")
        if self._file is None:
            return
        try:
            number = self._file.stat().st_ino
        except OSError:
            raise _gone(f"the database {self._file} is gone") from None
        if number != self._number:  # some network disks number files anew, so its contents decide
            if not self._holds_study(self._file):
                raise _gone(f"the database {self._file} was replaced by another file")
            self._number = number

    def _holds_study(self, path: Path) -> bool:
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                found = database.execute("SELECT 1 FROM studies WHERE study_name = ?", (self._study,)).fetchone()
        except sqlite3.Error:
            return False
        return found is not None


def _gone(what: str) -> SearchError:
    return SearchError(
        f"{what}: it was removed while the search ran, and nothing that was recorded since then is kept; put it back, "
        "or restore it from a copy, and start again: the search goes on from what it holds"
    )
