"""Studies with own primitives: the file's keys, what is recorded, and the way through worker processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from budgetnet.errors import LanguageError, RequestError, StudyError
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import parse_study
from budgetnet.network.torch.measure import measure_nodes
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.records.trial import Record
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.events import silent
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.search.run import run_search
from tests.search.helpers import Threads, open_ledger, study_text

BLOCKS = """\
from torch import Tensor, nn

from budgetnet.network.cost.types import CustomCost


class Stated(nn.Module):
    def __init__(self, shape: tuple[int, ...], channels: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()

    @staticmethod
    def cost(shape: tuple[int, ...], channels: int) -> CustomCost:
        size = shape[1] * shape[2]
        params = shape[0] * channels + channels
        return CustomCost(
            output=(channels, *shape[1:]),
            params=params,
            flops=shape[0] * channels * size,
            activations=channels * size,
        )


class Plain(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(shape[0])

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)
"""

GRAMMAR = "network = conv(3, 8|12) stated(8|12|16) plain maxpool(2) gap linear(classes)"


@pytest.fixture
def make_own(tmp_path: Path) -> Callable[..., Study]:
    """Returns the small study with own primitives, beside the file that defines them."""

    def make(grammar: str = GRAMMAR, blocks: str = BLOCKS, **changes: str) -> Study:
        (tmp_path / "blocks.py").write_text(blocks, encoding="utf-8")
        changes = {"plugins": "[blocks.py]", "budget": "{params: 1k}", **changes}
        return parse_study(study_text(grammar, **changes), tmp_path / "tiny.yaml")

    return make


def loop(study: Study, folder: Path, pool) -> SearchLoop:
    """A search of a study with workers in threads."""
    space, ledger = space_of(study), open_ledger(study, folder)
    candidates = CandidateSource(
        space=space, ledger=ledger, sampler=make_sampler(study, space), seed=0, plugins=study.plugins
    )
    return SearchLoop(
        study=study, ledger=ledger, candidates=candidates, pool=pool, listen=silent, stopped=lambda: False
    )


def searched(study: Study, folder: Path) -> list[Record]:
    """What a search of a study records."""
    found = loop(study, folder, Threads(study))
    found.run()
    return list(found.ledger.records())


# --- the study file -----------------------------------------------------------------------------------


def test_the_key_gives_the_study_its_primitives(make_own):
    """Signatures for the grammar, defaults for the study's own, a single file without brackets."""
    study = make_own(plugins="blocks.py", defaults="{stated: {channels: 4}}", grammar=GRAMMAR.replace("(8|12|16)", ""))
    assert set(study.plugins.signatures) == {"stated", "plain"}
    assert study.vocabulary.signatures["stated"].parameter("channels").default == 4
    drawn = space_of(study).expand(lambda _decision: 0)
    assert drawn.network.items[1].arguments == (("channels", 4),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"plugins": "[nowhere.py]"},
            r"tiny\.yaml:\d+:11: there is no plug-in file .*nowhere\.py; write a path relative",
        ),
        ({"plugins": "{a: b}"}, "plugins must be the path of a file, but got a mapping"),
        ({"plugin": "[blocks.py]"}, "a study has no key 'plugin'; did you mean 'plugins'?"),
        ({"defaults": "{stated: {chanels: 4}}"}, "has no key 'chanels'; did you mean 'channels'?"),
        ({"defaults": "{statd: {channels: 4}}"}, "has no key 'statd'; did you mean 'stated'?"),
        ({"defaults": "{stated: {channels: wide}}"}, "stated: channels takes a whole number, but got 'wide'"),
    ],
)
def test_wrong_keys_are_located(make_own, changes, message):
    """As for all other keys: file, line, column, and the nearest legal word."""
    with pytest.raises(StudyError, match=message):
        make_own(**changes)


def test_errors_in_the_file_show_the_file(make_own):
    """A syntax error, a rule of the same name, a wrong call."""
    with pytest.raises(RequestError, match=r"blocks\.py:1:\d+: not Python"):
        make_own(blocks="def f(:")
    with pytest.raises(LanguageError, match="'plain' is a primitive; give the rule another name"):
        make_own(grammar=f"{GRAMMAR}\nplain = conv(3, 8)")
    with pytest.raises(LanguageError, match=r"tiny\.yaml:\d+:\d+: .*did you mean 'stated'"):
        make_own(grammar=GRAMMAR.replace("stated", "staetd"))


def test_changed_blocks_are_another_study(make_own, tmp_path):
    """Old and new trials of a changed primitive could not be compared."""
    url = default_url(tmp_path / "run")
    open_study(make_own(), url)
    open_study(make_own(), url)
    with pytest.raises(StudyError, match=r"plugins\.blocks\.py: [0-9a-f]{12} → [0-9a-f]{12}"):
        open_study(make_own(blocks=BLOCKS.replace("relu", "tanh")), url)


# --- searching ----------------------------------------------------------------------------------------


def test_every_network_is_counted_by_fvcore_and_said_to_be(make_own, tmp_path):
    """Records hold fvcore's counts, the budget holds, and what has no closed form is named."""
    study = make_own(search="{trials: 3, seed: 0, pruner: none}", training="{epochs: 1, batch: 256, flip: none}")
    space = space_of(study)
    records = [record for record in searched(study, tmp_path / "run") if record.trained]
    assert len(records) == 3
    for record in records:
        network = space.expand(
            lambda decision, made=record: decision.labels.index(made.decisions[decision.name])
        ).network
        measured = measure_nodes(network, space.input_shape, custom=study.plugins.modules)
        assert (record.params, record.flops) == (measured.params, measured.flops)
        assert record.params <= 1000
        assert record.note == "counted by fvcore alone: plain has no closed form"
    assert {record.note for record in searched(make_own(GRAMMAR.replace("plain ", "")), tmp_path / "other")} == {""}


def test_a_wrong_closed_form_fails_its_trials_with_the_place(make_own, tmp_path):
    """The verdict is fvcore's, and the reason says which class is to be corrected."""
    study = make_own(blocks=BLOCKS.replace("+ channels\n", "\n"))
    found = loop(study, tmp_path / "run", Threads(study))
    assert found.candidates.new((), lambda _record: None) == "refused"
    (record,) = found.ledger.records()
    assert record.outcome == "failed"
    assert "its closed form gives" in record.reason
    assert record.reason.endswith(f"correct cost() at {tmp_path / 'blocks.py'}:6")


def test_a_primitive_that_fails_in_training_fails_its_trial(make_own, tmp_path):
    """The search goes on to its end, and the record says what and where."""
    blocks = BLOCKS.replace("return self.norm(x)", "return self.norm(x if x.shape[0] == 1 else x[:, :3])")
    study = make_own(blocks=blocks)
    found = loop(study, tmp_path / "run", Threads(study))
    trial, network = found.candidates.new((), lambda _record: None)
    found.pool.submit(0, _job(study, network, trial.seed))
    (message,) = found.pool.wait(60)
    place = f"{tmp_path / 'blocks.py'}:{len(BLOCKS.splitlines())}"
    assert message.reason.startswith(
        f"{place} failed in training: RuntimeError: running_mean should contain 3 elements"
    )


def _job(study, network, seed):
    from budgetnet.workers.messages import Job

    return Job(network=network, recipe=study.training, seed=seed)


def test_worker_processes_load_the_blocks_again(make_own, tmp_path):
    """A whole search with a spawned worker, finalists included, though the file is gone by then."""
    study = make_own(
        search="{sampler: random, trials: 1, workers: 1, seed: 0, pruner: none}",
        training="{epochs: 1, batch: 256, shift: 0, flip: none}",
        finalists="{top: 1, seeds: 1, epochs: 1}",
    )
    (tmp_path / "blocks.py").unlink()
    summary = run_search(study, out=tmp_path / "run", device="cpu")
    assert [record.outcome for record in summary.records] == ["completed"]
    assert summary.finalists[0].score.mean is not None
