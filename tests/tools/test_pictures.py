"""The README's picture is the one that the record gives."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from tools.pictures import PICTURE, RECORD, draw_trials

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_picture_is_up_to_date():
    """docs/pictures/trials.svg is what `python -m tools.pictures` writes."""
    assert PICTURE.read_text(encoding="utf-8") == draw_trials(RECORDED), "run python -m tools.pictures"


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
