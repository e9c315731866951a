"""The pictures of README and docs are those that the records give."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from tools.pictures import PICTURE, RECORD, draw_trials, pictures

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
