"""Tests of waiting for a study that others are about to begin."""

from __future__ import annotations

from pathlib import Path

import optuna

from budgetnet.files.travel import TRAVELLING
from budgetnet.records.sharing.travel import STUDY_LOOK, wait_for_study
from budgetnet.records.storage import open_storage


class Scheduler:
    """A clock whose seconds pass in sleep, and what happens then."""

    def __init__(self, *steps) -> None:
        self.now = 0.0
        self.steps = list(steps)
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        """Let seconds pass."""
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def wait(self, url: str, seconds: float = 60.0) -> float:
        """Wait for the study; return how long it took."""
        begun = self.now
        wait_for_study("mine", url, seconds, say=self.said.append, clock=lambda: self.now, sleep=self.sleep)
        return self.now - begun


def test_a_worker_waits_for_file_study_and_files(tmp_path: Path) -> None:
    """Each step of a search that begins is waited for, with one message, until all is there."""
    place = tmp_path / "study.db"
    url = f"sqlite:///{place}"

    def study(name: str, **attributes: object) -> None:
        made = optuna.create_study(study_name=name, storage=open_storage(url), load_if_exists=True)
        for key, value in attributes.items():
            made.set_user_attr(key, value)

    steps = (place.touch, lambda: study("other"), lambda: study("mine"), lambda: study("mine", **{TRAVELLING: {}}))
    scheduler = Scheduler(*steps)
    assert scheduler.wait(url) == 4 * STUDY_LOOK
    assert scheduler.said == [f"waiting up to 60 seconds for the study mine ({place} is not there yet)"]
    assert scheduler.wait(url) == 0


def test_waiting_ends(tmp_path: Path) -> None:
    """After the time is over, without seconds, and where it would not help, nothing is waited for."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert Scheduler().wait(url, 5.0) == 5.0
    assert Scheduler().wait(url, 0.0) == 0.0
    (tmp_path / "study.db").write_text("no database")
    assert Scheduler().wait(url) == 0.0
    assert Scheduler().wait("nosuch://place") == 0.0
