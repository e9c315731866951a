"""The pure parts of the training benchmarks: options, sizes of turns, tables, and how a search's time is divided."""

from __future__ import annotations

import datetime
import json
import time

import pytest
import torch

from budgetnet.files.network_file import read
from budgetnet.network.cost.closed_form import cost
from budgetnet.records.trial import Record
from budgetnet.training.data.images import Images
from budgetnet.training.recipe.recipe import Recipe
from tests.benchmarks import bench_fast_paths, contenders, search_overhead, train_speed
from tests.benchmarks.contenders import Contender, Settings, Turn
from tests.benchmarks.deciding import Deciding, clocks
from tests.benchmarks.speed_tables import (
    TWO_AT_ONCE,
    CompileRow,
    better,
    compile_table,
    parts_table,
    ratios,
    speed_table,
    thread_table,
)
from tests.benchmarks.step_clock import PARTS, clocked
from tests.benchmarks.tables import header, spread, table, write_json

MORNING = datetime.datetime(2026, 1, 1, 8)
RATES = {
    "small": {
        "ours": [4000.0, 4400.0, 4200.0],
        "plain": [1000.0, 1000.0, 1000.0],
        "plain, 2 loaders": [900.0, 900.0, 1200.0],
        "bare": [4100.0, 4500.0, 4200.0],
        "ours, 1 thread": [2200.0, 2300.0, 2400.0],
        "bare, 1 thread": [2200.0, 2300.0, 2400.0],
        TWO_AT_ONCE: [4400.0, 4400.0, 4400.0],
    }
}


def record(number, worker, begun, ended, seconds, *, owner="vm/1/1", outcome="completed"):
    """A trial that ran from one second to another of the morning."""
    return Record(
        number=number, outcome=outcome, worker=f"vm/{worker}" if worker else "", owner=owner, seconds=seconds,
        started=MORNING + datetime.timedelta(seconds=begun), finished=MORNING + datetime.timedelta(seconds=ended),
    )  # fmt: skip


def test_table_is_markdown():
    """Names stand to the left, numbers to the right, and all lines are of one width."""
    assert table(["name", "x"], [["a", "1"], ["longer", "22,000"]]).splitlines() == [
        "| name   |      x |",
        "| ------ | -----: |",
        "| a      |      1 |",
        "| longer | 22,000 |",
    ]
    assert spread([3, 1, 2], 1) == "2.0 [1.0–3.0]"


def test_header_and_json(tmp_path):
    """What a benchmark ran on is named, without the command, and written where it was asked for."""
    about = header(threads=2)
    assert about["threads"] == 2
    assert {"processor", "cores", "torch"} <= set(about)
    assert "command" not in about
    write_json(None, {})
    write_json(tmp_path / "out.json", {"about": about})
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["about"]["threads"] == 2


def test_speed_options(tmp_path, monkeypatch):
    """CIFAR-10 is taken where it is, a quick run is short, and one thread has no two processes to compare with."""
    monkeypatch.setenv("BUDGETNET_DATA", str(tmp_path))
    assert train_speed.options([]).data == "random"
    (tmp_path / "cifar10").mkdir()
    given = train_speed.options(["--quick", "--networks", "separable"])
    assert (given.data, given.rounds, given.networks) == ("cifar10", 1, ["separable"])
    assert TWO_AT_ONCE not in [one.name for one in train_speed.contenders(1, "cpu")]
    assert [one.threads for one in train_speed.contenders(2, "cpu")] == [2, 2, 2, 2, 1, 1]


def test_size_of_a_turn():
    """A turn is made of whole batches, at least two, at most all images."""
    assert train_speed.size(1000, 2.0, 256) == 2048
    assert train_speed.size(1, 1.0, 256) == 512
    assert train_speed.size(10**9, 1.0, 256) == 49_920


def test_speed_tables():
    """The better of the plain loops counts, and ratios are taken round by round."""
    assert better(RATES["small"]) == "plain"
    assert ratios([2.0, 3.0], [1.0, 2.0]) == [2.0, 1.5]
    assert "4.20 [4.00–4.40]" in speed_table(RATES)
    assert "1.00 [1.00–1.00]" in thread_table(RATES, 2)
    turn = Turn(images=100, seconds=1.0, parts={**dict.fromkeys(PARTS, 0.0), "forward": 0.25})
    assert " 25.0 % " in parts_table({"small": turn})
    row = CompileRow(network="small", seconds=30.0, rate=5000.0, without=4000.0, epochs=13.3)
    assert "13.3" in compile_table([row])
    never = CompileRow(network="small", seconds=30.0, rate=3000.0, without=4000.0, epochs=None)
    assert "never" in compile_table([never])


def test_networks_are_what_their_files_say():
    """The benchmark's networks have the counts that their files claim."""
    for path in train_speed.NETWORKS.values():
        architecture = read(path)
        found = cost(architecture.network, architecture.input_shape)
        assert architecture.claimed == {"params": found.params, "flops": found.flops}


def test_fast_paths_are_measured(tmp_path, capsys):
    """Every layer gets a line, with torch's time, ours and their ratio of the same round."""
    assert bench_fast_paths.main(["--quick", "--threads", "1", "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["seconds"]
    assert list(found) == [*bench_fast_paths.CONVOLUTIONS, *bench_fast_paths.DROPOUTS]
    assert all(name in printed and len(torchs) == len(ours) == 1 for name, (torchs, ours) in found.items())
    assert bench_fast_paths.row("layer", [0.004, 0.006], [0.001, 0.003]) == [
        "layer",
        "5.00",
        "2.00",
        "3.00 [2.00–4.00]",
    ]


@pytest.mark.parametrize("kind", ["ours", "bare", "plain"])
def test_contenders_train(kind):
    """Each contender changes the weights of a network in a turn of two steps."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), torch.nn.Flatten(), torch.nn.Linear(900, 10))
    before = model[0].weight.detach().clone()
    images = Images(torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8), torch.arange(16) % 10)
    settings = Settings(data="random", device="cpu", recipe=Recipe(epochs=1, batch=8, lr=0.1))
    with clocked(model) as spent:
        contender = Contender(name=kind, kind=kind, threads=1)
        assert contenders.KINDS[kind](model, images, contender, settings) > 0
    assert not torch.equal(before, model[0].weight)
    assert spent["forward"] > 0
    assert spent["optimizer"] > 0
    assert (spent["augment"] > 0) is (kind == "ours")


def test_a_worker_s_time_is_divided_without_rest():
    """Training, between, within and starting add up to a worker's time; the last wait is counted apart."""
    records = [
        record(0, "0", 0, 30, 20.0),
        record(1, "1", 2, 40, 30.0),
        record(2, "0", 31, 51, 19.5),
        record(3, "1", 41, 60, 18.0),
    ]
    first, second = search_overhead.spans(records)
    assert (first.training, first.between, first.within, first.starting) == pytest.approx((39.5, 1.0, 0.5, 10.0))
    assert first.steady + first.starting == pytest.approx(51.0)
    assert first.last == pytest.approx(9.0)
    assert second.last == 0.0
    assert search_overhead.share([first]) == pytest.approx(1.5 / 41.0)
    assert "together" in search_overhead.span_table([first, second])
    assert "Outside training" in search_overhead.verdict([first, second])


def test_an_interrupted_session_has_no_last_wait():
    """What a cut-off trial's worker did is unknown, and the time between sessions belongs to none."""
    records = [
        record(0, "0", 0, 30, 20.0),
        record(1, "", 30, 35, None, outcome="interrupted"),
        record(2, "0", 1000, 1030, 20.0, owner="vm/2/2"),
    ]
    first, second = search_overhead.spans(records)
    assert (first.session, second.session) == (0, 1)
    assert first.last is None
    assert second.starting == pytest.approx(10.0)
    assert second.between == 0.0
    assert " ? " in search_overhead.span_table([first, second])


def test_overhead_options(capsys):
    """A record or a search must be named, not both."""
    assert search_overhead.options(["--quick"]).trials == 3
    with pytest.raises(SystemExit):
        search_overhead.options([])
    assert "name either a study.db or --search STUDY" in capsys.readouterr().err


def test_clocks_do_not_count_twice():
    """A function's clock stands still while another clocked one runs inside it, and all is put back."""

    class Work:
        def outer(self):
            time.sleep(0.01)
            self.inner()

        def inner(self):
            time.sleep(0.05)

    plain = Work.outer
    deciding = Deciding()
    with clocks((("propose", Work, "outer"), ("count", Work, "inner")), deciding):
        Work().outer()
    assert Work.outer is plain
    assert deciding.calls["propose"] == deciding.calls["count"] == 1
    assert deciding.seconds["count"] >= 0.05
    assert deciding.seconds["propose"] >= 0.01
