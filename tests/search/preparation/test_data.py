"""A record goes on only with the images that its scores are of: searches, workers, trainings, calibrations, exports."""

from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from budgetnet.calibrate.header import check_images, header_of
from budgetnet.calibrate.plan import plan_of
from budgetnet.errors import DataError, StudyError
from budgetnet.export.export import export_trial
from budgetnet.files.settings import ATTRIBUTE, DATA_PART
from budgetnet.files.study_file import load_study
from budgetnet.records.lookup import find, open_trials
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.records.training_folder import Training, write_training
from budgetnet.search.events import DataDescribed, SpaceNote, silent
from budgetnet.search.full_training import _before, _open_images
from budgetnet.search.preparation.data import StudyImages
from budgetnet.search.repeat_trial import repeat_trial
from budgetnet.search.run import run_search
from budgetnet.search.training_plan import plan_training
from budgetnet.training.data.identity import DataIdentity, data_identity
from budgetnet.training.data.load import load_dataset
from budgetnet.workers.messages import Setup
from budgetnet.workers.trainer import Bench
from tests.search.helpers import Pretend

STUDY = """\
study: birds
dataset: {images: birds, size: 4}
validation: 50%
budget: {params: 6k}
grammar: |
  network = conv(3, 4|8|12|16) conv(3, 4|8|12|16) gap linear(classes)
search: {trials: 2, workers: 1, seed: 0, sampler: random}
training: {epochs: 1, shift: 0, flip: none}
finalists: {top: 1, seeds: 1, epochs: 1}
"""


def draw(folder: Path, level: int, name: str = "new.png") -> None:
    """Make one image."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(level).integers(0, 255, (4, 4, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name)


@pytest.fixture
def birds(tmp_path, monkeypatch):
    """A study on a folder of images; its workers only pretend to train."""
    for part, number in (("train", 6), ("test", 2)):
        for place, name in enumerate(("robin", "wren")):
            for index in range(number):
                draw(tmp_path / "birds" / part / name, 100 * place + 10 * index + number, f"{index}.png")
    path = tmp_path / "birds.yaml"
    path.write_text(STUDY)
    study = load_study(path)
    monkeypatch.setattr(importlib.import_module("budgetnet.search.run"), "Pool", lambda *_, **__: Pretend(study))
    return path


def go_on(path, **more):
    """Search; return what was told."""
    events = []
    run_search(load_study(path), out=path.parent / "run", finalists=False, device="cpu", listen=events.append, **more)
    return events


def settings(path):
    """What the database holds of the study's settings."""
    study = load_study(path)
    return open_study(study, default_url(path.parent / "run"))[0].user_attrs[ATTRIBUTE]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda birds: (birds / "train/robin/0.png").unlink(), "train images: 12 → 11 (robin 6 → 5)"),
        (lambda birds: draw(birds / "test/wren", 3), "test images: 4 → 5 (wren 2 → 3)"),
        (
            lambda birds: [draw(birds / part / "crow", 3) for part in ("train", "test")],
            "classes: added crow\n  train images: 12 → 13 (crow 0 → 1)\n  test images: 4 → 5 (crow 0 → 1)",
        ),
        (
            lambda birds: draw(birds / "train/wren", 77, "3.png"),
            "train images: as many as before (12), but other pixels, order or labels (files were changed, or another "
            "version of Pillow decodes them)",
        ),
    ],
    ids=["removed", "added", "class", "pixels"],
)
def test_what_changed_is_said(birds, change, line):
    """Images that were removed, added, or changed, and a class that was added."""
    study = load_study(birds)
    before = data_identity(load_dataset(study.dataset))
    change(birds.parent / "birds")
    now = data_identity(load_dataset(study.dataset))
    assert "\n  ".join(before.changes(now)) == line
    assert list(DataIdentity.of(json.loads(json.dumps(now.document()))).changes(now)) == []


def test_other_images_are_refused(birds):
    """What changed is said, with the ways out; a process that joins is refused, too; restored images go on."""
    go_on(birds)
    kept = birds.parent / "kept"
    shutil.copytree(birds.parent / "birds", kept)
    (birds.parent / "birds/train/robin/0.png").unlink()
    for joining in (False, True):
        with pytest.raises(StudyError) as error:
            go_on(birds, joining=joining)
        assert str(error.value) == (
            f"the images must be those that {birds.parent / 'run' / 'study.db'} was made with, but they have changed:\n"
            "  train images: 12 → 11 (robin 6 → 5)\n"
            "old and new scores would not be comparable; restore the images to continue, or give the study another "
            "name (study: …), or start over with --fresh, which keeps the old folder under another name"
        )
    shutil.rmtree(birds.parent / "birds")
    kept.rename(birds.parent / "birds")
    birds.write_text(STUDY.replace("trials: 2", "trials: 3"))
    go_on(birds)


def test_a_folder_may_move(birds):
    """Where the images are does not matter, nor what the files are called or how old they are."""
    go_on(birds)
    before = settings(birds)[DATA_PART]
    (birds.parent / "birds").rename(birds.parent / "elsewhere")
    (birds.parent / "elsewhere/train/robin/5.png").rename(birds.parent / "elsewhere/train/robin/6.png")
    birds.write_text(STUDY.replace("images: birds", "images: elsewhere"))
    events = go_on(birds)
    assert any(isinstance(event, DataDescribed) for event in events)
    assert settings(birds)[DATA_PART] == before
    assert before["train"]["images"] == [6, 6]
    assert before["conversion"] == {"size": [4, 4], "channels": 3}


def test_an_older_study_says_that_its_images_are_not_known(birds):
    """It goes on, says so once, and holds to the images from then on."""
    go_on(birds)
    recorded, _ = open_study(load_study(birds), default_url(birds.parent / "run"))
    held = dict(recorded.user_attrs[ATTRIBUTE])
    del held[DATA_PART]
    recorded.set_user_attr(ATTRIBUTE, held)
    said = [event.text for event in go_on(birds) if isinstance(event, SpaceNote)]
    assert said == [
        "the images of the first 2 trials were not recorded by the version that made them; from now on the study holds "
        "to those that are here"
    ]
    assert [event for event in go_on(birds) if isinstance(event, SpaceNote)] == []
    draw(birds.parent / "birds/train/wren", 9)
    with pytest.raises(StudyError, match=r"train images: 12 → 13 \(wren 6 → 7\)"):
        go_on(birds)


def test_a_finished_study_needs_no_images(birds, monkeypatch):
    """Images that cannot be opened are an error once something is to be trained."""

    def gone(*_, **__):
        raise DataError("no such images")

    go_on(birds)
    monkeypatch.setattr(importlib.import_module("budgetnet.search.preparation.data"), "load_dataset", gone)
    go_on(birds)
    images = StudyImages(load_study(birds), silent)
    assert images.identity is None
    with pytest.raises(DataError, match="no such images"):
        images.require()


def test_workers_compare_what_they_load(birds):
    """Images that change while a search runs are found by the next worker."""
    study = load_study(birds)
    digests = data_identity(load_dataset(study.dataset)).digests
    Bench(Setup.of(study, device="cpu", digests=digests))
    draw(birds.parent / "birds/train/wren", 9)
    with pytest.raises(DataError, match=r"must stay as they are while .*, but those of .*birds have changed since"):
        Bench(Setup.of(study, device="cpu", digests=digests))


def test_repetitions_trainings_and_exports_compare_them(birds, tmp_path):
    """Each is refused in its own words."""
    go_on(birds)
    study = load_study(birds)
    trials = open_trials(study, out=birds.parent / "run")
    assert trials.data == settings(birds)[DATA_PART]
    planned = plan_training(find(f"{birds}:0", out=birds.parent / "run"), out=tmp_path / "out")
    first = _before(planned)
    kept = replace(first, data=_open_images(planned, first, lambda _: None).document())
    (run,) = [record.training for record in trials.records[:1]]
    run = replace(run, recipe=planned.recipe.to_mapping(), trained_on="train and validation")
    write_training(planned.out, replace(kept, runs=(run,)))
    assert isinstance(_before(planned), Training)
    header = header_of(study, plan_of(study, brief=[1], full=2), data_identity(load_dataset(study.dataset)))
    draw(birds.parent / "birds/train/wren", 9)
    now = data_identity(load_dataset(study.dataset))
    line = r":\n  train images: 12 → 13 \(wren 6 → 7\)\n.*restore the images to continue, or "
    with pytest.raises(StudyError, match=rf"those that {planned.out} was made.*{line}choose another folder with --out"):
        _open_images(planned, _before(planned), lambda _: None)
    with pytest.raises(StudyError, match=rf"those that the study birds was made.*{line}repeat it where they are"):
        repeat_trial(find(f"{birds}:0", out=birds.parent / "run"), say=lambda _: None)
    with pytest.raises(StudyError, match=rf"calibration.jsonl was made.*{line}choose another folder with --out"):
        check_images(header, now, "calibration.jsonl")
    training = tmp_path / "run" / "train" / "trial-0"
    write_training(training, replace(kept, runs=(replace(run, weights="seed-0.safetensors"),)))
    (training / "seed-0.safetensors").touch()
    with pytest.raises(StudyError, match=rf"those that the training of trial 0 was.*{line}train the network again"):
        export_trial(trials, "0", out=tmp_path / "export")
