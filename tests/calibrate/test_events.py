"""What a calibration shows while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from budgetnet.calibrate.events import (
    CalibrationEnded,
    CalibrationStarted,
    RunDone,
    RunEpoch,
    RunFailed,
    RunStarted,
)
from budgetnet.calibrate.plan import plan_of
from budgetnet.cli.progress.calibration import CalibrationProgress, show_calibration
from budgetnet.search.events import Packing
from tests.calibrate.calibrations import network, run


def happenings(study):
    """One of each."""
    task = plan_of(study, brief=[1], full=2).task(network(3), 1, 0)
    return [
        CalibrationStarted(
            campaign="calibration",
            study="tiny",
            folder="runs/tiny",
            networks=4,
            runs=8,
            done=2,
            work=100_000,
            workers=2,
        ),
        Packing(5, 10),
        RunStarted(0, network(3), 1),
        RunEpoch(0, 1, 0.5),
        RunDone(0, run(task, [0.5])),
        RunFailed(1, network(2), 2, "out of memory"),
        CalibrationEnded("calibration", "the time is up; start again to continue", 5),
    ]


def test_plain_lines(study):
    """A line per training in a log, none per epoch."""
    stream = io.StringIO()
    with show_calibration(stream) as listen:
        for event in happenings(study):
            listen(event)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "calibration of tiny: 4 networks, 2 of 8 trainings done, 2 workers; runs/tiny"
    assert lines[1] == "packing images, once: 5 of 10"
    assert lines[2].startswith(
        "[3 of 8] network 3, 1k parameters, 1 epoch: 50.00 % on validation images, 10.0 s; about"
    )
    assert lines[3] == "network 2, 2 epochs: failed, out of memory"
    assert lines[4] == "calibration ended: the time is up; start again to continue; 5 trainings missing"
    assert len(lines) == 5


def test_the_live_view(study):
    """Who runs what, how far it is, and how long it will take."""
    times = iter([100.0] + [130.0] * 50)
    state = CalibrationProgress(clock=lambda: next(times))
    for event in happenings(study)[:5]:
        state(event)
        if isinstance(event, RunEpoch):
            console = Console(file=io.StringIO(), width=100)
            console.print(state.render())
            text = console.file.getvalue()
            assert "epoch 1/1 50.00 %" in text
            assert "1k parameters: conv3-4 · gap" in text
            assert "2 of 8" in text
            assert "5 of 10" in text
    assert state.left == pytest.approx(30.0)  # half the work took half a minute
    assert state.running == {}


def test_a_terminal_gets_the_live_view(study, monkeypatch):
    """Failures and the end stay on the screen."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    with show_calibration(stream) as listen:
        for event in happenings(study):
            listen(event)
    assert "out of memory" in stream.getvalue()
    assert "5 trainings missing" in stream.getvalue()
