"""Simulated searches on tables of trained networks: contenders keep to their epochs, and any table can be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from budgetnet.errors import RequestError
from budgetnet.files.study_file import load_study
from tests.benchmarks.families import FAMILIES, SPREAD, world
from tests.benchmarks.interval_coverage import covered, with_seeds
from tests.benchmarks.policy_speed import decided
from tests.benchmarks.regrets import summary
from tests.benchmarks.rivals import CONTENDERS
from tests.benchmarks.rivals_neps import MISSING, choices, installed
from tests.benchmarks.search_table import budget, chosen_contenders, compare, main
from tests.benchmarks.simulated import Simulation, Table, read_table
from tests.benchmarks.stages_lost import stages

FOLDER = Path(__file__).parent / "tables"
STUDY = FOLDER / "widths.yaml"
SHAPE = (3, 16, 16)
Cut = Callable[[list[dict[str, str]]], list[dict[str, str]]]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The first rows of a recorded table."""
    with (FOLDER / "widths.csv").open(encoding="utf-8", newline="") as lines:
        return [row for row, _ in zip(csv.DictReader(lines), range(40), strict=False)]


@pytest.fixture(scope="module")
def small(rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A table of those rows."""
    return replace(written(rows, tmp_path_factory.mktemp("table") / "small.csv"), draws=300)


def written(rows: list[dict[str, str]], path: Path) -> Table:
    """Write rows as a table, and read it."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return read_table(path, STUDY, SHAPE)


@pytest.mark.parametrize("study", sorted(FOLDER.glob("*.yaml")), ids=lambda study: study.stem)
def test_studies_of_tables_can_be_read(study: Path) -> None:
    """Studies of tables follow the language as it is now."""
    assert load_study(study).name == f"table-{study.stem}"


@pytest.mark.parametrize("name", ["widths", "shapes"])
def test_recorded_tables_hold_what_they_must(name: str) -> None:
    """Recorded tables hold 300 distinct networks, all with a brief and two full accuracies."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["network"] for row in rows}) == len(rows) >= 300
    for row in rows:
        assert all(0 < float(row[column]) < 1 for column in ("brief_1", "full_1", "full_2", "test_1", "test_2"))


def test_every_network_is_its_spaces_and_counted_as_written(small: Table, rows: list[dict[str, str]]) -> None:
    """Every network is its space's, once, and counted as written."""
    assert len(small) == len(rows)
    assert all(small.answers)
    assert small.params.tolist() == [float(row["params"]) for row in rows]
    assert small.flops.tolist() == [float(row["flops"]) for row in rows]


@pytest.mark.parametrize("contender", [name for name in CONTENDERS if name != "neps" or installed()])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_contender_keeps_to_its_epochs_and_repeats_itself(contender: str, fresh: bool, small: Table) -> None:
    """A contender keeps to its epochs and repeats itself."""
    chosen = {contender: CONTENDERS[contender]}
    first, second = (
        compare(small, chosen, trials=6, runs=2, top=2, seeds=1, fresh=fresh)[0][contender] for _ in range(2)
    )
    assert (first >= 0).all()
    assert first.tolist() == second.tolist()


def test_a_contender_that_is_not_installed_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A contender that is not installed is left out, and why is said."""
    monkeypatch.setattr("tests.benchmarks.search_table.installed", lambda: False)
    assert list(chosen_contenders("largest,neps", [])) == ["largest"]
    assert capsys.readouterr().err.strip() == MISSING


def test_a_contender_that_does_not_exist_is_a_mistake_with_the_choice() -> None:
    """A misspelled name and a function that is not there are told, not raised from within."""
    with pytest.raises(RequestError, match=r"a contender must be one of model, evolution, .*, but got 'modle'"):
        chosen_contenders("modle", [])
    with pytest.raises(RequestError, match=r"--contender must be MODULE:FUNCTION .* but got 'no.such:thing'"):
        chosen_contenders("largest", ["no.such:thing"])
    assert list(chosen_contenders("largest", ["tests.benchmarks.rivals:random_full"])) == ["largest", "random_full"]


def test_progress_is_told_and_results_are_kept_after_each_contender(
    rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long comparison says how far it is on stderr; what was measured is in the file if it is cut off."""
    path = tmp_path / "fresh.csv"
    kept = ["network", "params", "brief_1", "full_1", "full_2"]
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "full_2": "" if place % 2 else row["full_2"]} for place, row in enumerate(rows))
    arguments = [path, STUDY, "--input", "3x16x16", "--trials", 4, "--runs", 2, "--noise", "raw"]
    arguments += ["--contenders", "random,largest", "--json", tmp_path / "runs.json"]
    monkeypatch.setattr("sys.argv", ["search_table", *map(str, arguments)])
    few = lambda *given: replace(read_table(*given), draws=100)  # noqa: E731 - chances matter little here
    monkeypatch.setattr("tests.benchmarks.search_table.read_table", few)
    main()
    said = capsys.readouterr()
    assert "raw scores, 4 trials: random, 2 runs, " in said.err
    assert "| largest " in said.out
    found = json.loads((tmp_path / "runs.json").read_text(encoding="utf-8"))
    assert [one["contender"] for one in found] == ["random", "largest"]
    assert all(len(one["regrets"]) == 2 for one in found)


def test_the_space_of_others_is_one_choice_a_decision(small: Table) -> None:
    """The space of others is one choice a decision, of all labels that occur."""
    found = choices(small)
    assert sorted(found["stem.c"]) == [8, 12, 16]
    assert set(found["stage.kind"]) == {"conv(3, c)", "conv(5, c, groups=2)"}


@pytest.mark.parametrize("family", FAMILIES)
def test_worlds_are_as_wide_as_they_say_and_differ(family: str, small: Table) -> None:
    """Worlds are as wide as they say, and differ from run to run."""
    first, second = (world(FAMILIES[family], small, seed) for seed in range(2))
    assert first.full.std() == pytest.approx(SPREAD)
    assert (first.price_brief, first.price_full) == (FAMILIES[family].brief, FAMILIES[family].full)
    assert not np.array_equal(first.full, second.full)


def test_worlds_are_biased_where_they_should_be(small: Table) -> None:
    """Brief trainings of a biased world rank sizes the other way round."""
    biased = world(FAMILIES["biased"], small, 0)
    size = np.log(small.params)
    assert np.corrcoef(size, biased.full[:, 0])[0, 1] > 0.5
    assert np.corrcoef(size, biased.brief[:, 0])[0, 1] < 0


def test_the_stages_of_a_loss_add_up(small: Table) -> None:
    """What was never trained, not trained in full and not chosen is the regret."""
    found = stages(world(FAMILIES["size"], small, 0), 6, 0)
    assert found[0] == pytest.approx(found[1:4].sum())
    assert (found[1:4] >= 0).all()
    assert found[6] >= found[5] > 0


def test_coverage_and_decisions_are_measured(small: Table) -> None:
    """Coverage is a share for each seed, wider intervals cover no less, and a decision takes time."""
    for table in (small, with_seeds(small, "biased", 0)):
        found = covered(table, 6, 0)
        assert found.shape == (2, 4)
        assert ((found[:, :3] >= 0) & (found[:, :3] <= 1)).all()
        assert (found[1] >= found[0]).all()
    assert all(seconds > 0 for seconds in decided(30, 0))


def test_regrets_of_several_runs_are_put_together(tmp_path: Path) -> None:
    """Regrets of several runs are put together, and compared in pairs."""
    one = {"table": "t", "noise": "raw", "trials": 20, "epochs": 94, "seconds": 0.1}
    for first, regrets in ((0, [1.0, 2.0]), (2, [3.0, 2.0])):
        document = [
            {**one, "contender": "model", "first": first, "regrets": regrets},
            {**one, "contender": "random", "first": first, "regrets": [2 * regret for regret in regrets]},
        ]
        (tmp_path / f"{first}.json").write_text(json.dumps(document), encoding="utf-8")
    found = summary([tmp_path / "2.json", tmp_path / "0.json"])
    assert "| model     |    4 | 2.00 ± 0.41 |" in found
    assert "| random    |    4 | 4.00 ± 0.82 |     +2.00 ± 0.41 |" in found


def test_raw_scores_are_the_tables_and_fresh_ones_scatter_about_their_mean(small: Table) -> None:
    """Raw scores are the table's, and fresh ones scatter about their mean."""
    raw, fresh = (
        Simulation(small, budget(small, 1000, 0, 0), np.random.default_rng(0), noisy) for noisy in (False, True)
    )
    assert sorted(raw.train(3, brief=False) for _ in range(2)) == sorted(small.full[3])
    drawn = [fresh.train(3, brief=False) for _ in range(300)]
    assert np.mean(drawn) == pytest.approx(small.full[3].mean(), abs=0.003)
    assert np.std(drawn) == pytest.approx(small.noise[1], rel=0.15)


def _reordered(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    names = ["remark", "full_2", "brief_2", "network", "full_1", "brief_1"]
    return [{name: row.get(name, "none, of ours") for name in names} for row in rows]


def _one_seed(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: row[name] for name in ("network", "params", "flops", "brief_1", "full_1")} for row in rows]


def _gaps(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    holes = {1: ("full_1", "params"), 2: ("full_1", "full_2"), 3: ("brief_1", "brief_2"), 4: ("network",)}
    return [{**row, **dict.fromkeys(holes.get(place, ()), "")} for place, row in enumerate(rows)]


def _bare(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "network": row["network"].removeprefix("network = ")} for row in rows]


@pytest.mark.parametrize(("cut", "left_out"), [(_reordered, 0), (_one_seed, 0), (_gaps, 3), (_bare, 0)])
def test_foreign_tables_can_be_searched(
    cut: Cut, left_out: int, rows: list[dict[str, str]], small: Table, tmp_path: Path
) -> None:
    """Other columns in other orders, a single seed, empty cells, and texts without a rule's name are fine."""
    table = replace(written(cut(rows[:12]), tmp_path / "table.csv"), draws=300)
    assert (len(table), table.left_out) == (12 - left_out, left_out)
    assert set(table.texts) <= set(small.texts)
    place = table.places[small.texts[0]]
    assert table.params[place] == small.params[0]
    chosen = {name: CONTENDERS[name] for name in ("model", "evolution", "largest", "optuna-pruned")}
    for fresh in (False, True):
        regrets, _ = compare(table, chosen, trials=3, runs=1, top=1, seeds=2, fresh=fresh)
        assert all(np.isfinite(found).all() for found in regrets.values())


def test_rows_of_one_network_are_put_together(rows: list[dict[str, str]], tmp_path: Path) -> None:
    """Rows of one network are put together, as further seeds of it."""
    table = written([*rows[:3], rows[0]], tmp_path / "table.csv")
    assert len(table) == 3
    assert sorted(table.full[0]) == sorted([float(rows[0]["full_1"]), float(rows[0]["full_2"])] * 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"full_1": "much"}, "accuracies must be fractions, but .*table.csv, line 2, has 'much' as full_1; leave unkn"),
        ({"full_1": "87.5"}, "accuracies must be fractions, but .*table.csv, line 2, has 87.5 as full_1; write 87.5 %"),
        ({"full_1": "", "full_2": ""}, "a table needs rows with a brief and a full score, but .*table.csv has none; s"),
    ],
)
def test_wrong_tables_are_refused(
    changes: dict[str, str], message: str, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    """Cells that are no accuracies, and tables without a usable row, are refused."""
    with pytest.raises(RequestError, match=message):
        written([{**rows[0], **changes}], tmp_path / "table.csv")


def test_a_table_without_full_trainings_is_refused(rows: list[dict[str, str]], tmp_path: Path) -> None:
    """A table without a column of full trainings is refused."""
    bare = [{name: row[name] for name in ("network", "brief_1")} for row in rows[:2]]
    message = "a table needs the columns network, brief_1 and full_1, but .*table.csv lacks full_1; see make_table"
    with pytest.raises(RequestError, match=message):
        written(bare, tmp_path / "table.csv")
