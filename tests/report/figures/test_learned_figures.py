"""Figures of what the model learned."""

from __future__ import annotations

import json

import plotly.graph_objects as go

from budgetnet.report.figures.learned_figures import learned_figures
from budgetnet.report.figures.texts import point_texts, with_texts
from tests.report.test_learned import FOUND


def test_effects_have_intervals_and_say_whether_they_stand_out():
    """Features, decisions and predictions: each a figure; names are escaped."""
    features, decisions, predictions = learned_figures(FOUND)
    certain, open_ = features["data"]
    assert (certain["name"], certain["y"]) == ("interval without 0", ["size.params"])
    assert certain["x"] == [1.2]
    assert [round(one, 9) for one in certain["error_x"]["array"]] == [0.8]
    assert (open_["name"], open_["y"]) == ("may be nothing", ["form.skips"])
    assert decisions["data"][0]["y"] == ["block=&lt;skip&gt;"]
    assert predictions["data"][0]["rows"] == [3]
    json.dumps([features, decisions, predictions], allow_nan=False)


def test_nothing_learned_is_no_figure():
    """A study whose model knows nothing."""
    assert learned_figures({**FOUND, "features": [], "decisions": [], "predictions": []}) == []


def test_other_readers_get_texts_instead_of_rows(make_record):
    """Plotly for Python takes the figures of the page once points carry their own texts."""
    record = make_record(3, 0.81, arch="a · b<c> · d · e · f")
    plain = [with_texts(figure, point_texts([record])) for figure in learned_figures(FOUND)]
    for figure in plain:
        go.Figure(figure)
    text = plain[2]["data"][0]["hovertext"][0]
    assert text.startswith("trial 3, completed: 81.00 %<br>1,000 parameters, 50k FLOPs<br>a · b&lt;c&gt; · d · e<br>f")
    assert text.endswith("predicted 81.00 ± 1.00 %, seen 82.00 %")
