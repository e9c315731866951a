"""Study files: what they give, and what is said about wrong ones."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import BudgetnetError, LanguageError, StudyError
from budgetnet.files.settings import settings_of
from budgetnet.files.study import Pruner
from budgetnet.files.study_file import KEYS, SMALLEST, load_study, parse_study
from budgetnet.network.budget import Budget
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.sources import ImageFolder
from budgetnet.training.recipe.presets import RECIPES
from budgetnet.training.recipe.recipe import Recipe

PATH = Path("s.yaml")
BASE = """\
study: x
dataset: digits
budget: {params: 6k}
grammar: network = conv(3, 8|12) gap linear(classes)
"""


def test_smallest_study_has_four_lines():
    """Name, data set, budget and grammar are enough; the rest has defaults."""
    study = parse_study(BASE, PATH)
    assert study.name == "x"
    assert study.dataset == "digits"
    assert study.budget == Budget(params=6000)
    assert study.search.trials == 50
    assert study.search.workers is None
    assert study.search.worker_count() >= 1
    assert study.training == Recipe(epochs=6)
    assert study.finalists.training == Recipe(epochs=30)
    assert study.goal == "accuracy"
    assert study.target is None


def test_advertised_smallest_study_is_a_study():
    """What errors show as a smallest study can be read."""
    assert parse_study(SMALLEST.replace("\n  ", "\n").strip(), PATH).name == "my-first"


def test_a_list_of_parameters_is_a_budget_each():
    """The largest bounds the space, the others come behind it; the other bounds hold for all."""
    study = parse_study(BASE.replace("6k", "[2k, 6k, 4k], flops: 1M"), PATH)
    assert study.budget == Budget(params=6000, flops=1_000_000)
    assert study.tighter == (Budget(params=4000, flops=1_000_000), Budget(params=2000, flops=1_000_000))
    assert (study.limits, study.answers) == ((6000, 4000, 2000), 3)
    assert study.budget_text == "params ≤ 6,000, flops ≤ 1,000,000 (also ≤ 4,000, ≤ 2,000 parameters)"
    plain = parse_study(BASE.replace("6k", "[6k]"), PATH)
    assert plain == parse_study(BASE, PATH)
    assert (plain.limits, plain.answers, plain.budget_text) == ((), 1, "params ≤ 6,000")


def test_every_key_reaches_the_study():
    """A study file with all its sections gives all its values."""
    study = parse_study(
        BASE
        + """\
target: {accuracy: 85%}
defaults: {conv: {act: gelu, bias: true, dropout: 0}}
search:
  sampler: tpe
  trials: 1k
  workers: 3
  seed: 7
  minutes: 1.5
  pruner: {kind: hyperband, reduction: 4}
  stop_at_target: true
training: {preset: hand-made, epochs: 2, lr: 1e-3}
validation: 20%
finalists: {top: 1, seeds: 5, epochs: 4, flip: none}
""",
        PATH,
    )
    assert study.target == 0.85
    assert study.vocabulary.signatures["conv"].parameter("act").default == "gelu"
    assert study.vocabulary.signatures["conv"].parameter("bias").default == "true"
    assert repr(study.vocabulary.signatures["conv"].parameter("dropout").default) == "0.0"
    assert study.search.sampler == "tpe"
    assert (study.search.trials, study.search.workers, study.search.seed) == (1000, 3, 7)
    assert study.search.minutes == 1.5
    assert study.search.pruner == Pruner(kind="hyperband", reduction=4)
    assert study.search.stop_at_target
    assert study.training == replace(RECIPES["hand-made"], epochs=2, lr=1e-3)
    assert study.validation == 0.2
    assert (study.finalists.top, study.finalists.seeds) == (1, 5)
    assert study.finalists.training == replace(study.training, epochs=4, flip="none")


@pytest.mark.parametrize("goal", ["smallest", "pareto"])
def test_other_goals_go_without_a_pruner(goal):
    """Goals that value small networks do not stop trials by accuracy unless the study says so, which is an error."""
    study = parse_study(BASE + f"goal: {goal}\ntarget: {{accuracy: 0.85}}\n", PATH)
    assert study.search.pruner.kind == "none"


def test_folder_of_images_is_relative_to_the_study(tmp_path):
    """A data set of one's own is found from the study file's place, wherever the command runs."""
    text = BASE.replace("digits", "{images: photos, size: [24, 32], channels: 1}")
    study = parse_study(text, tmp_path / "s.yaml")
    assert study.dataset == ImageFolder(tmp_path / "photos", (24, 32), 1)


def test_grammar_from_a_file(tmp_path):
    """A grammar may stand in a file of its own, which its errors then name."""
    (tmp_path / "net.grammar").write_text("network = conv(3, 8) gap linear(classes)\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(BASE.replace("network = conv(3, 8|12) gap linear(classes)", "net.grammar"))
    assert "gap" in load_study(tmp_path / "s.yaml").grammar_text
    (tmp_path / "net.grammar").write_text("network =\n  convv(3, 8)\n", encoding="utf-8")
    with pytest.raises(LanguageError, match=r"net\.grammar:2:3: .*'convv'; did you mean 'conv'\?"):
        load_study(tmp_path / "s.yaml")


def test_recipe_keys_of_the_documentation_are_those_of_the_recipe():
    """The legal keys of training are the recipe's fields and the preset."""
    assert list(KEYS["training"]) == ["preset", *Recipe().to_mapping()]


@pytest.mark.parametrize("written", ["2000", "2k", "0.002M", "2e3", "2_000", "2000.0"])
def test_numbers_are_written_alike_everywhere(written):
    """A bound, a search option, a recipe's field and an argument take the same texts."""
    study = parse_study(
        BASE.replace("6k", written)
        + f"search: {{trials: {written}, minutes: {written}, pruner: {{startup: {written}}}}}\n"
        + f"training: {{epochs: {written}, lr: {written}}}\nfinalists: {{epochs: {written}}}\n"
        + f"defaults: {{conv: {{kernel: {written}}}}}\n",
        PATH,
    )
    assert study.budget == Budget(params=2000)
    assert (study.search.trials, study.search.minutes, study.search.pruner.startup) == (2000, 2000.0, 2000)
    assert (study.training.epochs, study.training.lr, study.finalists.training.epochs) == (2000, 2000.0, 2000)
    assert study.vocabulary.signatures["conv"].parameter("kernel").default == 2000


@pytest.mark.parametrize("written", ["0.2", "20%", "20 %", "2e-1", ".2"])
def test_shares_are_written_alike_everywhere(written):
    """With and without the sign."""
    study = parse_study(
        BASE + f"target: {{accuracy: {written}}}\nvalidation: {written}\ntraining: {{warmup: {written}}}\n", PATH
    )
    assert (study.target, study.validation, study.training.warmup) == (0.2, 0.2, 0.2)


WRONG = [
    ("", r"s\.yaml: the file is empty; a minimal study is:\n  study: my-first"),
    ("- a\n", r"s\.yaml:1:1: a study consists of 'key: value' lines"),
    ("study: [a\n", r"s\.yaml:2:1: not YAML: expected ',' or '\]'.*check indentation, colons and brackets"),
    ("study:\tx\n", r"s\.yaml:1:7: not YAML: .*indent with spaces\n  1 \| study: x"),
    (BASE + "serach: {}\n", r"s\.yaml:5:1: a study has no key 'serach'; did you mean 'search'\?\n  5 \| serach: {}\n"),
    (BASE + "xyzzy: 1\n", r"a study has no key 'xyzzy'; known keys: study, dataset, budget"),
    (BASE + "study: y\n", r"s\.yaml:5:1: study is given twice, first on line 1; keep one"),
    (BASE + "search: {trails: 5}\n", r"s\.yaml:5:10: search has no key 'trails'; did you mean 'trials'\?"),
    (BASE + "search: {n_trials: 5}\n", r"search has no key 'n_trials'; did you mean 'trials'\?"),
    (BASE + "search: 5\n", r"search must be a mapping with the keys sampler, .*, but got '5'"),
    (BASE + "search: {trials: many}\n", r"s\.yaml:5:18: search\.trials must be a whole number of at least 1.*'many'"),
    (BASE + "search: {trials: 0}\n", r"search\.trials must be a whole number of at least 1, but got '0'"),
    (BASE + "search: {trials: 1.5}\n", r"search\.trials must be a whole number of at least 1, but got '1\.5'"),
    (BASE + "search: {trials: [1]}\n", r"search\.trials must be a whole number of at least 1, but got a list"),
    (BASE + "search: {trials: }\n", r"search\.trials must be a whole number of at least 1, but got nothing"),
    (BASE + "search: {minutes: 0}\n", r"search\.minutes must be a number above 0, but got '0'"),
    (BASE + "search: {workers: -1}\n", r"search\.workers must be auto or a whole number from 1 to 1,024, but got '-1'"),
    (
        BASE + "search: {sampler: evolutoin}\n",
        r"model, evolution, tpe, random, but got 'evolutoin'; did you mean 'evolution'",
    ),
    (BASE + "search: {stop_at_target: maybe}\n", r"search\.stop_at_target must be true or false, but got 'maybe'"),
    (
        BASE + "search: {pruner: medain}\n",
        r"median, halving, hyperband, model, none, but got 'medain'; did you mean 'median'",
    ),
    (BASE + "search: {pruner: {reduction: 1}}\n", r"search\.pruner\.reduction must be a whole number of at least 2"),
    (
        BASE + "target: {accuracy: 85}\n",
        r"must be a share above 0 and below 1.*but got '85'; 85 percent is written 85%",
    ),
    (
        BASE + "target: {accuracy: high}\n",
        r"target\.accuracy must be a share .*, such as 85% or 0\.85, but got 'high'; write for example accuracy: 85%",
    ),
    (BASE + "target: 85%\n", r"target must be a mapping with the key accuracy, but got '85%'"),
    (BASE + "goal: small\n", r"goal must be one of accuracy, smallest, pareto.*did you mean 'smallest'\?"),
    (BASE + "goal: smallest\n", r"s\.yaml:5:1: goal must not be 'smallest' without a target.*target: {accuracy: 85%}"),
    (
        BASE + "goal: pareto\nsearch: {pruner: median}\n",
        r"s\.yaml:6:10: search\.pruner must be none with the goal 'pareto', but got 'median', .*; leave the pruner out",
    ),
    (
        BASE + "training: {epochs: 0}\n",
        r"s\.yaml:5:20: training\.epochs must be a whole number of at least 1, but got '0'",
    ),
    (BASE + "training: {optimizer: sdg}\n", r"s\.yaml:5:23: .*adam, muon, but got 'sdg'; did you mean 'sgd'"),
    (BASE + "training: {learning_rate: 1}\n", r"training has no key 'learning_rate'; did you mean 'lr'\?"),
    (BASE + "training: {preset: handmade}\n", r"s\.yaml:5:20: .*'handmade'; did you mean 'hand-made'\?"),
    (BASE + "finalists: {tops: 1}\n", r"s\.yaml:5:13: finalists has no key 'tops'; did you mean 'top'\?"),
    (BASE + "finalists: {seeds: 0}\n", r"finalists\.seeds must be a whole number from 1 to 100, but got '0'"),
    (BASE + "validation: 0\n", r"validation must be a share above 0 and below 1, .*, but got '0'"),
    (BASE + "defaults: {conv: {act: gleu}}\n", r"s\.yaml:5:24: conv: act is one of .*'gleu'; did you mean 'gelu'\?"),
    (BASE + "defaults: {conv: {atc: gelu}}\n", r"defaults\.conv has no key 'atc'; did you mean 'act'\?"),
    (BASE + "defaults: {cnv: {act: gelu}}\n", r"defaults has no key 'cnv'; did you mean 'conv'\?"),
    (
        BASE.replace("6k", "lots"),
        r"s\.yaml:3:18: budget\.params must be a whole number of at least 1, but got 'lots'; write for example "
        "params: 200k",
    ),
    (BASE.replace("params: 6k", "parms: 6k"), r"budget has no key 'parms'; did you mean 'params'\?"),
    (BASE.replace("params: 6k", "macs: 6k"), r"budget has no key 'macs'; did you mean 'flops'\?"),
    (
        BASE.replace("{params: 6k}", "{}"),
        r"s\.yaml:3:9: budget must bound at least one thing, but is empty; write for example",
    ),
    (
        BASE.replace("6k", "200,000"),
        r"s\.yaml:3:22: budget\.params must not have commas inside braces, where YAML reads 200,000 as 200 and a "
        "key 000; write params: 200_000",
    ),
    (BASE.replace("6k", "1,200,000, flops: 2M"), r"reads 1,200,000 as 1 and a key 200; write params: 1_200_000"),
    (BASE.replace("6k", "1,5"), r"budget has no key '5'; known keys: params"),
    (BASE + "training: {epochs: 6, 000: 1}\n", r"training has no key '000'; known keys: preset, epochs"),
    (BASE + "finalists: {epochs: many}\n", r"s\.yaml:5:21: finalists\.epochs must be a whole number of at least 1"),
    (
        BASE + "training: {lookahead: 5, ema: 0.9}\n",
        r"s\.yaml:5:12: training\.lookahead must be 0 where ema is not 0, but got 5; choose one of them",
    ),
    (
        BASE + "training: {lookahead: 5}\nfinalists: {ema: 0.9}\n",
        r"s\.yaml:6:12: finalists\.lookahead must be 0 where ema is not 0, but got 5; choose one of them",
    ),
    (
        BASE.replace("params: 6k", "params: 6k, flops: [1M, 2M]"),
        r"s\.yaml:3:29: budget\.flops must be a whole number of at least 1, but got a list; of the bounds, only "
        r"budget\.params takes a list",
    ),
    (BASE.replace("6k", "[2k, x]"), r"s\.yaml:3:23: budget\.params\[1\] must be a whole number of at least 1"),
    (
        BASE.replace("6k", "[2k, 2000]"),
        r"budget\.params must name each number once, but got 2,000 twice; keep one",
    ),
    (BASE.replace("6k", "[]"), r"budget\.params must hold at least one number, but is empty; write for example"),
    (
        BASE.replace("6k", "[2k, 6k]") + "goal: pareto\n",
        r"s\.yaml:3:10: budget\.params must be one number with the goal 'pareto', but got 2; keep the largest or write "
        "goal: accuracy",
    ),
    (BASE.replace("{params: 6k}", "6k"), r"budget must be a mapping with the keys params, flops"),
    (BASE.replace("digits", "digit"), r"s\.yaml:2:10: dataset must be one of cifar10.*did you mean 'digits'\?"),
    (BASE.replace("digits", "{folder: foo}"), r"dataset has no key 'folder'; known keys: images, size, channels"),
    (BASE.replace("digits", "{images: f, size: [8, x]}"), r"dataset\.size\[1\] must be a whole number from 1"),
    (
        BASE.replace("digits", "{images: f, size: [8]}"),
        r"dataset\.size must be a whole number from 1 to 4,096, or a pair",
    ),
    (BASE.replace("digits", "{images: f, channels: 2}"), r"dataset\.channels must be 1 \(grey\) or 3 \(colour\)"),
    (BASE.replace("study: x", "study: a b"), r"s\.yaml:1:8: study must be made of letters.*but got 'a b'"),
    (BASE.replace("study: x", "study: ../x"), r"study must be made of letters.*but got '\.\./x'"),
    (BASE.replace("study: x\n", ""), r"a study needs the key 'study', for example: study: my-first"),
    (BASE.partition("grammar")[0], r"a study needs the key 'grammar', for example: grammar: network ="),
    (BASE.partition("network")[0] + "no.grammar\n", r"s\.yaml:4:10: the grammar file no\.grammar cannot be read"),
    (
        BASE.partition("network")[0] + "network = conv(3, 8)\n    gap linear(classes)\n",
        r"s\.yaml:4:10: a grammar of several lines is written as a block: 'grammar: \|'",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_wrong_studies_are_located_and_explained(text, message):
    """Each mistake is answered with its place, the rule, what came, and the nearest legal word."""
    with pytest.raises(StudyError, match=message):
        parse_study(text, PATH)


@pytest.mark.parametrize(
    ("grammar", "place"),
    [
        ("|\n   network = conv(3, 8)\n\n     gap linaer(classes)\n", "s.yaml:7:10"),
        ("|2\n   network = conv(3, 8)\n     gap linaer(classes)\n", "s.yaml:6:10"),
        ("network = conv(3, 8) gap linaer(classes)\n", "s.yaml:4:35"),
        ("'network = conv(3, 8) gap linaer(classes)'\n", "s.yaml:4:36"),
    ],
)
def test_errors_in_the_grammar_name_the_place_in_the_study_file(grammar, place):
    """Line and column are the study file's own, however the grammar stands in it."""
    with pytest.raises(LanguageError, match=rf"{place}: .*'linaer'; did you mean 'linear'\?"):
        parse_study(BASE.partition("network")[0] + grammar, PATH)


def test_files_that_cannot_be_read(tmp_path):
    """A missing file, a folder and a file of bytes are named with what is wrong."""
    with pytest.raises(StudyError, match=r"there is no study file .*absent\.yaml"):
        load_study(tmp_path / "absent.yaml")
    with pytest.raises(StudyError, match=r"a study must be a file, but .* is a folder; name a file"):
        load_study(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"study: \xff\xfe\n")
    with pytest.raises(StudyError, match="not plain UTF-8"):
        load_study(tmp_path / "bytes.yaml")


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_text_gives_a_study_or_an_expected_error(data):
    """Cutting, doubling or scrambling lines of a study never ends in anything but a study or a located error."""
    lines = (BASE + "search: {trials: 5, pruner: {kind: none}}\ntraining:\n  epochs: 3\n").splitlines()
    position = data.draw(st.integers(0, len(lines) - 1))
    line = lines[position]
    cut = data.draw(st.integers(0, len(line)))
    junk = data.draw(
        st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from([": ", "- ", "{", "&a", "*a", "!!"])
    )
    lines[position] = line[:cut] + junk + line[cut + data.draw(st.integers(0, 3)) :]
    text = "\n".join(lines)
    with suppress(BudgetnetError):
        parse_study(text, PATH)


def test_a_folder_of_images_says_how_pictures_become_inputs(tmp_path):
    """Read like all keys; what goes together is checked, with the place in the file."""
    keys = "{images: photos, size: [12, 8], channels: 1, fit: pad, resampling: box, background: grey}"
    text = BASE.replace("digits", keys)
    study = parse_study(text, tmp_path / "mine.yaml")
    assert study.dataset.conversion == Conversion(
        size=(12, 8), channels=1, fit="pad", resampling="box", background="grey"
    )
    with pytest.raises(StudyError, match=r"(?s)mine\.yaml:2:\d+: .*fit must not be 'pad' without a background"):
        parse_study(text.replace(", background: grey", ""), tmp_path / "mine.yaml")
    with pytest.raises(StudyError, match=r"dataset\.resampling must be one of nearest, box, .*, but got 'linear'; did"):
        parse_study(text.replace("box", "linear"), tmp_path / "mine.yaml")


def test_conversions_of_older_studies_leave_their_settings_as_they_were(tmp_path):
    """Only what was chosen is part of a record's identity: records made before there was a choice go on."""
    text = BASE.replace("digits", "{images: photos, size: 8}")
    old = settings_of(parse_study(text, tmp_path / "mine.yaml"))["dataset"]
    assert {name: old[name] for name in ("size", "channels")} == {"size": 8, "channels": 3}
    assert not {"fit", "resampling", "background"} & set(old)
    new = settings_of(parse_study(text.replace("size: 8", "size: 8, fit: stretch"), tmp_path / "mine.yaml"))["dataset"]
    assert new == old | {"fit": "stretch"}
