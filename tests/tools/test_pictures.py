"""The pictures of README and docs are those that the records give."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from tools.curve_picture import draw_held_out
from tools.pictures import PICTURE, RECORD, _held_out_run, draw_trials, pictures

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_pictures_are_up_to_date():
    """docs/pictures/ holds what `python -m tools.pictures` writes, and nothing else; every picture is valid XML."""
    drawn = pictures()
    assert set(PICTURE.parent.iterdir()) == set(drawn)
    for path, text in drawn.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m tools.pictures"
        ElementTree.fromstring(text)


def test_a_trainings_picture_says_the_recorded_accuracies():
    """The test accuracy, and that of each class."""
    record = json.loads((RECORD.parents[1] / "five-minutes" / "training.json").read_text(encoding="utf-8"))
    drawn = pictures()[PICTURE.with_name("five-minutes.svg")]
    assert f"test {100 * record['test_accuracy']['mean']:.1f}" in drawn
    assert all(f">{name}<" in drawn for name in record["runs"][0]["reading"]["classes"])


def test_held_out_curves_end_where_the_record_does():
    """Two curves in each panel; the last places follow the recorded accuracies."""
    run = _held_out_run(140_794)
    root = ElementTree.fromstring(draw_held_out(run, "five-minutes"))
    curves = [line.attrib["points"].split() for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(curve) for curve in curves] == [run["epochs"]] * 4
    train, held = (float(curve[-1].split(",")[1]) for curve in curves[2:])
    assert held - train == pytest.approx(
        250 * (run["train_accuracies"][-1] - run["validation_accuracies"][-1]), abs=0.2
    )


def test_a_test_curve_is_drawn_and_marked_where_it_was_asked_for():
    """A third curve in each panel, which says that it chooses nothing."""
    drawn = pictures()
    root = ElementTree.fromstring(drawn[PICTURE.with_name("flagship-held-out-curves.svg")])
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 6
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("test (chooses nothing)") == 2
    assert "test (" not in drawn[PICTURE.with_name("held-out-curves.svg")]


def test_every_trial_is_drawn_inside_the_picture():
    """Each trained trial is one dot, between the edges, and its words give its numbers."""
    root = ElementTree.fromstring(draw_trials(RECORDED))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    dots = [dot for dot in root.iter("{http://www.w3.org/2000/svg}circle") if len(dot)]
    trained = [trial for trial in RECORDED["trials"] if trial["accuracy"] is not None]
    assert len(dots) == len(trained)
    for dot, trial in zip(dots, sorted(trained, key=lambda trial: trial["number"]), strict=True):
        assert 0 < float(dot.attrib["cx"]) < width
        assert 0 < float(dot.attrib["cy"]) < height
        assert f"{trial['params']:,} parameters" in dot[0].text


def test_more_accurate_is_higher_and_larger_is_further_right():
    """Places follow the numbers."""
    root = ElementTree.fromstring(draw_trials(RECORDED))
    dots = [dot for dot in root.iter("{http://www.w3.org/2000/svg}circle") if len(dot)]
    trials = {trial["number"]: trial for trial in RECORDED["trials"]}
    found = [(trials[int(re.search(r"trial (\d+)", dot[0].text)[1])], dot.attrib) for dot in dots]
    right = [float(place["cx"]) for _, place in sorted(found, key=lambda item: item[0]["params"])]
    down = [float(place["cy"]) for _, place in sorted(found, key=lambda item: -item[0]["accuracy"])]
    assert right == sorted(right)
    assert down == sorted(down)
