"""What a search shows: plain lines for logs, a live view for terminals."""

from __future__ import annotations

import io
import os

import pytest
from rich.console import Console

from budgetnet.cli.output import SAY_THROUGH, say
from budgetnet.cli.progress.search import SearchProgress, show_search
from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.events import (
    DataDescribed,
    EpochDone,
    FinalistDone,
    FinalistsStarted,
    FullTrainingDone,
    FullTrainingStarted,
    Packing,
    SearchEnded,
    SearchStarted,
    SpaceNote,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
    WinnerChosen,
)
from budgetnet.training.data.facts import DataFacts

GOOD = Record(
    number=3, outcome="completed", accuracy=0.8123, params=19876, flops=4_200_000, seconds=75.0, arch="conv3-16 · gap",
    rejected_before={"params": 7, "shape": 2},
)  # fmt: skip
LARGE = Record(
    number=4, outcome="over_budget", params=30000, reason="30,000 parameters, 50.0 % over 20,000", arch="conv3-64",
    constraints={"params": 0.18},
)  # fmt: skip
START = SearchStarted("tiny", "runs/tiny", "accuracy", 0.8, 10, 2, (), ())


def run(accuracy: float | None = 0.9) -> TrainingRun:
    """One run of a finalist."""
    failed = None if accuracy else "Memory ran out"
    return TrainingRun(seed=1, test_accuracy=accuracy, test_images=360, failed=failed, epochs=2, seconds=61.0)


def full(accuracy: float | None = 0.85) -> TrainingRun:
    """One full training on the train split."""
    failed = None if accuracy else "Memory ran out"
    return TrainingRun(seed=1, validation_accuracies=(accuracy,) if accuracy else (), failed=failed, seconds=61.0)


DATA = DataFacts(
    name="pets",
    classes=("cat", "dog"),
    shape=(3, 4, 4),
    train=(5, 10),
    validation=(1, 1),
    test=(1, 2),
    constant=(0, 0),
    conversion=None,
    notes=("not taken: 1 .heic",),
)
CHOICE = StudyChoice(trial=3, rule="their mean", validation=Score((0.85, 0.86)), brief=0.8123)

EVENTS = [
    START,
    TrialStarted(3, "conv3-16 · gap", 19876, 4_200_000, 2),
    EpochDone(3, 1, 0.5),
    TrialDone(GOOD, GOOD, 1),
    TrialDone(LARGE, GOOD, 1),
    TargetReached(GOOD, 0.8),
    Waiting(2),
    SearchEnded("trials", 10, GOOD),
    FinalistsStarted(2, 4, 30),
    FullTrainingStarted(3, 0, "conv3-16 · gap", 19876, 30, final=False),
    EpochDone(3, 1, 0.4),
    FullTrainingDone(3, 0, full()),
    WinnerChosen((CHOICE,), 1, 30),
    FullTrainingStarted(3, 0, "conv3-16 · gap", 19876, 30, final=True),
    EpochDone(3, 1, None),
    FinalistDone(3, 0, run()),
]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (START, "study tiny: 0 of 10 networks trained, 2 workers; runs/tiny"),
        (EVENTS[1], None),
        (EVENTS[2], None),
        (EVENTS[3], "[1] trial 3: completed, 81.23 %, 19,876 parameters, 1 min 15 s, conv3-16 · gap ← best"),
        (EVENTS[4], "[1] trial 4: over budget, 30,000 parameters, 50.0 % over 20,000, conv3-64"),
        (EVENTS[5], "target reached: 81.23 % of 80 %, trial 3"),
        (EVENTS[6], "waiting for 2 trials of other processes"),
        (
            EVENTS[7],
            "search ended: the study's number of trials is reached; 10 networks trained; best: 81.23 % on validation "
            "images, 19,876 parameters, 4.2M FLOPs (trial 3: conv3-16 · gap)",
        ),
        (SearchEnded("interrupted", 0, None), "search ended: interrupted; start again to continue; 0 networks trained"),
        (
            EVENTS[8],
            "finalists: up to 2 networks, up to 4 full trainings of 30 epochs on train images; validation images "
            "choose",
        ),
        (EVENTS[9], None),
        (EVENTS[11], "full training 1 of trial 3: 85.00 % on validation images, 1 min 01 s"),
        (FullTrainingDone(3, 1, full(None)), "full training 2 of trial 3: failed, Memory ran out"),
        (
            EVENTS[12],
            "trial 3 chosen by 2 full trainings, validation 85.50 ± 0.71 %; 1 run of 30 epochs on train + validation "
            "images",
        ),
        (EVENTS[15], "finalist 3, run 1: 90.00 % on 360 test images, 1 min 01 s"),
        (SpaceNote("the space is large"), "the space is large"),
        (
            DataDescribed(DATA),
            "data pets: 15 train images (2 of them for validation), 3 for testing; 3×4×4\n"
            "classes: 2, by train images: dog 10 (66.7 %), cat 5 (33.3 %)\n"
            "not taken: 1 .heic",
        ),
        (FinalistDone(3, 1, run(None)), "finalist 3, run 2: failed, Memory ran out"),
    ],
)
def test_plain_lines(event, line):
    """Every event that says something becomes one line; accuracies in percent, counts with separators."""
    assert SearchProgress().line(event) == line


def test_going_on_is_said():
    """A study that goes on says what is there and what was cut off."""
    event = SearchStarted("tiny", "runs/tiny", "accuracy", None, 10, 2, (GOOD, LARGE), (5, 6))
    line = "study tiny: 1 of 10 networks trained, 2 workers; trials 5, 6 were interrupted, to be repeated; runs/tiny"
    assert SearchProgress().line(event) == line


def test_without_a_terminal_lines_go_to_the_stream():
    """A log gets one line per event, at once."""
    stream = io.StringIO()
    with show_search(stream) as show:
        for event in EVENTS:
            show(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("study tiny")


def test_the_view_follows_the_events():
    """Counts, rejections, best, running trials and the time left follow from the events."""
    now = [100.0]
    view = SearchProgress(clock=lambda: now[0])
    for event in EVENTS[:3]:
        view(event)
    assert view.running == {3: "19.9k parameters: conv3-16 · gap"}
    assert view.status[3] == "epoch 1/2 50.00 %"
    assert view.left is None
    now[0] = 110.0
    for event in EVENTS[3:7]:
        view(event)
    assert view.outcomes == {"completed": 1, "over_budget": 1}
    assert view.rejections == {"params": 8, "shape": 2}
    assert view.running == {}
    assert view.best is GOOD
    assert view.left == pytest.approx(90.0)


def test_live_view_shows_what_matters():
    """The view on a terminal names the study, bars, outcomes, rejections, the best and what runs, without wrapping."""
    view = SearchProgress(clock=lambda: 0.0)
    for event in EVENTS[:5]:
        view(event)
    view(TrialStarted(7, "conv3-8 · " * 30, 5000, 100_000, 2))
    view(EpochDone(7, 1, 0.25))
    console = Console(width=100, file=io.StringIO(), force_terminal=True)
    console.print(view.render())
    text = console.file.getvalue()
    for part in ("tiny", "1 of 10", "1 completed, 1 over budget", "8 params, 2 shape", "81.23 %", "epoch 1/2 25.00 %"):
        assert part in text
    assert "3 min" not in text


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            TrialStarted(31, "conv3-16", 19876, 4_200_000, 2, "predicted 84.1 ± 0.8 % in full, best seen 83.2 %"),
            "trial 31 briefly: predicted 84.1 ± 0.8 % in full, best seen 83.2 %",
        ),
        (
            FullTrainingStarted(31, 0, "conv3-16", 19876, 30, final=False, why="wins with a chance of 40 %"),
            "trial 31 in full: wins with a chance of 40 %",
        ),
        (
            FullTrainingStarted(31, 0, "conv3-16", 19876, 30, final=True),
            "trial 31 on all train images, to be tested",
        ),
    ],
)
def test_live_view_tells_what_it_does_and_why(event, line):
    """The training begun last, in words; nothing once the search has ended. Narrow terminals break the line."""
    view = SearchProgress(clock=lambda: 0.0)
    view(START)
    view(event)
    console = Console(width=100, file=io.StringIO())
    console.print(view.render())
    assert line in console.file.getvalue()
    narrow = Console(width=40, file=io.StringIO())
    narrow.print(view.render())
    assert line.split()[-1] in narrow.file.getvalue()
    view(SearchEnded("trials", 10, GOOD))
    assert view.why == ""


def test_live_view_runs_on_a_terminal():
    """On a terminal the view is drawn, redrawn and left standing at the end; milestones stay as lines."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with show_search(stream) as show:
        for event in EVENTS:
            show(event)
    assert "target reached: 81.23 % of 80 %, trial 3" in stream.getvalue()
    assert "finalist 3, run 1: 90.00 %" in stream.getvalue()


def test_a_finalist_that_diverged_is_told_of():
    """With the accuracy that it has, which counts."""
    run = TrainingRun(
        seed=1,
        recipe={},
        validation_accuracies=(0.1,),
        test_accuracy=0.1,
        test_images=360,
        diverged="It broke.",
        seconds=1,
    )
    view = SearchProgress()
    assert view.line(FullTrainingDone(3, 0, run)) == (
        "full training 1 of trial 3: 10.00 % on validation images, 1.0 s; diverged: It broke"
    )
    assert view.line(FinalistDone(3, 0, run)) == (
        "finalist 3, run 1: 10.00 % on 360 test images, 1.0 s; diverged: It broke"
    )


def test_packing_images_is_shown_while_it_lasts():
    """A line per tenth in logs, a bar on a terminal, gone when it is over."""
    assert SearchProgress().line(Packing(6000, 60000)) == "packing images, once: 6,000 of 60,000"
    view = SearchProgress()
    view(START)
    view(Packing(6000, 60000))
    console = Console(file=io.StringIO(), width=80)
    console.print(view.render())
    assert "6000 of 60000" in console.file.getvalue()
    view(Packing(60000, 60000))
    assert view.packing is None


def test_messages_stand_above_the_live_picture():
    """What `say` writes while a picture is on the terminal goes through it, or the picture would overwrite it."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("budgetnet.cli.progress.view.Console", lambda **_: console)
        with show_search(stream) as listen:
            listen(START)
            assert SAY_THROUGH.get() is not None
            say("warning: [3] of the rules are never used")
    assert SAY_THROUGH.get() is None
    assert "warning: [3] of the rules are never used" in stream.getvalue()


@pytest.mark.parametrize("width", [60, 100, 160])
def test_messages_break_between_words(width, monkeypatch):
    """Above a live picture and without one, at every width; a place that is too long stays whole."""
    place = "/a/folder/with-a-long-name/" * 4 + "study.db"
    text = f"held-out images: 10.2 %, 10.1 %, 10.0 %, 99.9 %, 1.0 %, 2.0 % and 12.5 % of them, and more, in {place}"
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width)
    monkeypatch.setattr("budgetnet.cli.progress.view.Console", lambda **_: console)
    with show_search(stream) as listen:
        listen(START)
        say(text)
    assert place in stream.getvalue()
    lines = [line.rstrip() for line in stream.getvalue().split("\n") if "10.2 %" in line or "99.9 %" in line]
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((width, 40)))
    monkeypatch.setattr("sys.stderr", alone := io.StringIO())
    monkeypatch.setattr(alone, "fileno", lambda: 2)
    say(text)
    alone = alone.getvalue().splitlines()
    assert " ".join(alone) == text
    assert all(len(line) <= width or line == place for line in alone)
    assert all(any(line.endswith(one) for one in alone) for line in lines)


def test_a_narrow_terminal_gives_the_time_its_own_row():
    """At 60 columns, the time left is not what is cut off."""
    view = SearchProgress(clock=iter(range(10, 1000, 10)).__next__, width=60)
    for event in (START, TrialStarted(3, "conv3-16 · gap", 19876, 4_200_000, 2), TrialDone(GOOD, GOOD, 1)):
        view(event)
    console = Console(file=io.StringIO(), width=60)
    console.print(view.render())
    lines = console.file.getvalue().splitlines()
    assert lines[0].split() == ["tiny", "searching"]
    assert lines[1].startswith("time")
    assert "left" in lines[1]
    assert max(map(len, lines)) <= 60


def test_the_time_of_full_trainings_is_told():
    """After the search, at the pace of the epochs of full trainings."""
    now = [100.0]
    view = SearchProgress(clock=lambda: now[0])
    view(START)
    view(SearchEnded("trials", 10, GOOD))
    assert view.left is None
    view(FinalistsStarted(2, 4, 5))
    assert view.left is None
    now[0] += 10
    view(EpochDone(3, 1, 0.5))
    assert view.left == pytest.approx(10 * 19)
    view(WinnerChosen((CHOICE,), 1, 5))
    now[0] += 8
    view(EpochDone(3, 1, None))
    assert view.left == pytest.approx(8 * 4)
