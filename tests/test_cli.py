"""The command line as a whole: wrong arguments, exit codes, help, and what it must not load."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import budgetnet.cli
from budgetnet.cli import app
from budgetnet.cli.app import main
from budgetnet.errors import BudgetnetError, RequestError
from budgetnet.files.search_options import SearchOptions
from budgetnet.keys.declare import keys_of

COMMANDS = (
    "search",
    "worker",
    "explore",
    "sample",
    "calibrate",
    "tune-recipe",
    "show",
    "import",
    "diff",
    "train",
    "list",
    "report",
    "compare",
    "dashboard",
    "export",
    "verify",
    "bench",
)
SEED = Path(__file__).parents[1] / "studies/networks/dilated-residual-100k.yaml"

STUDY = """\
study: little
dataset: digits
budget: {params: 4k}
grammar: |
  network = conv(3, 8|16) maxpool(2) gap linear(classes)
"""


@pytest.fixture
def study(tmp_path):
    """A study that has not run."""
    path = tmp_path / "little.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return str(path)


def call(*words):
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


def test_help_lists_every_command():
    """In the order of work, each with a line."""
    result = call("--help")
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert tuple(listed) == COMMANDS
    assert "..." not in result.stdout.split("Commands:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command):
    """No command without a text, no option without one."""
    result = call(command, "--help")
    assert result.exit_code == 0
    options = result.stdout.split("Options:")[1].strip().splitlines()
    for option, following in zip(options, [*options[1:], ""], strict=True):
        if option.lstrip().startswith("-"):
            words = option.strip().split("  ", 1)
            assert len(words) == 2 or following.startswith(" " * 10), option


def test_the_version_is_printed():
    """On stdout, for scripts."""
    from budgetnet import __version__

    assert call("--version").stdout == f"budgetnet {__version__}\n"


WRONG = [
    (("serch", "x.yaml"), "search"),
    (("list", "{study}", "--outcom", "completed"), "--outcome"),
    (("search",), "STUDY"),
    (("search", "nope.yaml"), "there is no study file nope.yaml"),
    (
        ("search", "{study}", "--workers", "many"),
        "--workers must be auto or a whole number from 1 to 1,024, but got 'many'",
    ),
    (("search", "{study}", "--workers", "0"), "--workers must be auto or a whole number from 1 to 1,024, but got '0'"),
    (("search", "{study}", "--seed", "-1"), "--seed must be a whole number from 0 to 2,147,483,647, but got '-1'"),
    (("search", "{study}", "--trials", "0"), "--trials must be a whole number of at least 1, but got '0'"),
    (("search", "{study}", "--trials", "ten"), "--trials must be a whole number of at least 1, but got 'ten'"),
    (("search", "{study}", "--minutes", "0"), "--minutes must be a number above 0, but got '0'"),
    (("search", "{study}", "--minutes", "nan"), "--minutes must be a number above 0, but got 'nan'"),
    (("search", "{study}", "--stop-at-target"), "--stop-at-target needs a target"),
    (("search", "{study}", "--data-dir", "{study}"), "--data-dir must be a folder, but"),
    (("explore", "{study}", "-n", "0"), "-n/--draws must be a whole number from 1 to 10,000,000, but got '0'"),
    (("explore", "{study}", "--html", "."), "is a folder; name a file"),
    (("explore", "{study}", "--html", "no/page.html"), "the folder no does not exist"),
    (("explore", "{study}", "--points", "0"), "--points"),
    (("sample", "{study}", "-n", "0"), "-n/--number must be"),
    (("sample", "{study}", "-n", "3", "--distinct"), "3 different networks requested, but the grammar has only 2"),
    (("sample", "{study}", "--weighting", "even"), "--weighting"),
    (("sample", "{study}", "--stratify", "width"), "--stratify"),
    (("sample", "{study}", "--out", "{study}"), "cannot be made"),
    (("sample", "{network}"), "is a network file, but a study file is needed"),
    (("sample", "nope.yaml"), "there is no study file nope.yaml"),
    (("explore", "{network}"), "is a network file, but a study file is needed"),
    (
        ("calibrate", "{study}", "--epochs-brief", "1,two"),
        "--epochs-brief must be a whole number of at least 1, but got",
    ),
    (("train", "{network}", "--recipe", "moun"), "--recipe must be one of default, muon, hand-made, but got 'moun'"),
    (("show", "{study}"), "is a study, which holds many networks"),
    (("show", "{network}", "--input", "32"), "--input must be CHANNELSxHEIGHTxWIDTH, but got '32'; write for example"),
    (("show", "{network}", "--input", "3x0x32"), "must be CHANNELSxHEIGHTxWIDTH"),
    (("show", "{network}", "--input", "3x4x4"), "kernel"),
    (("diff", "{network}"), "B"),
    (("list", "{study}"), "there are no trials of little yet"),
    (("calibrate", "{study}", "--only-table"), "nothing is recorded in"),
    (("calibrate", "{study}", "--minutes", "0"), "--minutes must be a number above 0, but got '0'"),
    (("worker", "{study}"), "worker needs --storage URL, but got none; see: budgetnet worker --help"),
    (("list", "{study}", "--run", ""), "--run needs a value, but got an empty one"),
    (("list", "{study}", "--run="), "--run needs a value, but got an empty one"),
    (("list", ""), "a word of a command must not be empty, but got ''"),
    (("show", "a" * 300), "a file's name must be shorter, but got aaa"),
    (("worker", "nope.yaml"), "there is no study file nope.yaml; check the path"),
    (("compare", "nope.yaml"), "there is no study file nope.yaml; check the path"),
    (
        ("search", "{study}", "--budget", "params=x"),
        "--budget params must be a whole number of at least 1, but got 'x'; write for example --budget params=200k",
    ),
    (("search", "{study}", "--budget", "parms=3"), "but got 'parms'; did you mean 'params'?"),
    (("list", "{study}@params=x"), "but got 'x'; write for example @params=200k"),
    (
        ("worker", "little", "--storage", "sqlite:///no/study.db", "--wait", "0"),
        "there is no study database no/study.db",
    ),
    (("worker", "little", "--storage", "study.db"), "is not a database address"),
    (("worker", "little", "--storage", "sqlite:///no/study.db", "--grace", "-1"), "--grace must be a whole number"),
    (("tune-recipe", "{study}", "--only-table"), "nothing is recorded in"),
    (("tune-recipe", "{study}", "--try", "mixupp=0.1"), "did you mean 'mixup'"),
    (("tune-recipe", "{study}", "--try", "mixup"), "--try must be KEY=VALUE,KEY=VALUE, each key once, but got 'mixup'"),
    (("tune-recipe", "{study}", "--try", "mixup=x"), "but got 'x'; write for example --try mixup=0.2"),
    (("tune-recipe", "{study}", "--out", "{study}"), "the record cannot be kept in"),
    (
        ("calibrate", "{study}", "--device", "tpu"),
        "--device must be one of auto, cpu, cuda, mps or cuda:NUMBER, but got",
    ),
    (("search", "{study}", "--start-from", "."), "--start-from must be a file, but . is a folder"),
    (("tune-recipe", "{study}", "--margin", "200%"), "--margin must be a share of at least 0 and below 1"),
    (("search", "{study}", "--start-from", "nope.yaml"), "--start-from: there is no network file nope.yaml"),
    (("export", "{study}"), "there are no trials of little yet"),
    (("dashboard", "{study}"), "there are no trials of little yet"),
    (("dashboard", "{study}", "--port", "http"), "--port"),
    (("bench", "{network}", "--seconds", "-1"), "--seconds must be a number above 0, but got '-1'"),
    (("import", "net.py:Net", "--dataset", "cifar10"), "--dataset is the data set of the study around the network"),
    (("bench", "{network}", "--seconds", "x"), "but got 'x'; write for example --seconds 2.5"),
    (
        ("worker", "little", "--storage", "sqlite:///no/study.db", "--device", "tpu"),
        "--device must be one of auto, cpu, cuda, mps or cuda:NUMBER, but got 'tpu'",
    ),
    (("bench", "{network}", "--seconds", "nan"), "--seconds must be a number above 0, but got 'nan'"),
    (
        ("bench", "{network}", "--threads", "x"),
        "--threads must be numbers of at least 1, but got 'x'; write",
    ),
    (("verify", ".", "--test-images", "nowhere"), "the test images must be in a folder, but nowhere is none"),
    (("train", "{network}", "--dataset", "cifar"), "did you mean"),
    (("train", "{network}", "--dataset", "cifar10", "--seeds", "0"), "--seeds"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_requests_end_with_2_and_a_message(study, tmp_path, monkeypatch, words, message):
    """Nothing on stdout, the reason on stderr, no traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUDGETNET_DATA", raising=False)
    result = call(*(word.format(study=study, network=SEED) for word in words))
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["little.yaml"]


def test_options_take_numbers_as_study_files_do(study):
    """A unit, an exponent or an underscore."""
    counts = [
        json.loads(call("explore", study, "-n", n, "--json").stdout)["draws"] for n in ("50", "0.05k", "5e1", "5_0")
    ]
    assert counts == [50] * 4


def test_options_that_override_keys_say_what_the_keys_say():
    """Their help is the key's first sentence."""
    help_text = " ".join(call("search", "--help").stdout.split())
    for name in ("workers", "seed", "trials", "minutes"):
        assert f"{keys_of(SearchOptions)[name].help.split('. ')[0].rstrip('.')}. [default: the study's]" in help_text


def test_an_error_in_a_study_shows_its_line(tmp_path):
    """File, line, column and a caret."""
    path = tmp_path / "wrong.yaml"
    path.write_text(STUDY.replace("maxpool(2)", "maxpol(2)"))
    result = call("explore", path)
    assert result.exit_code == 2
    assert f"error: {path}:5:" in result.stderr
    assert "^" in result.stderr
    assert "did you mean 'maxpool'" in result.stderr


def test_explore_writes_text_or_json(study):
    """The same numbers twice; shares are fractions in JSON."""
    assert call("explore", study, "-n", "50").stdout.startswith("little: budget params ≤ 4,000")
    document = json.loads(call("explore", study, "-n", "50", "--json").stdout)
    assert document["study"] == "little"
    assert document["fits"]["value"] == 1.0
    assert (document["census"]["derivations"], document["census"]["fitting"]) == (2, 2)


def test_explore_warns_on_stderr_of_what_can_never_be(tmp_path):
    """An option that no network can have is named with its place; stdout keeps to the data."""
    path = tmp_path / "wide.yaml"
    path.write_text(STUDY.replace("8|16", "8|4096"))
    result = call("explore", path, "-n", "20", "--json")
    assert result.exit_code == 0
    assert f"warning: {path}:5:" in result.stderr
    assert "can never be taken" in result.stderr
    json.loads(result.stdout)


def test_show_writes_text_or_json():
    """All 78 layers of the first network, in both."""
    text = call("show", SEED).stdout
    assert "Conv2d-78" in text
    assert "Total params: 100,416" in text
    document = json.loads(call("show", SEED, "--json").stdout)
    assert len(document["layers"]) == 78
    assert (document["params"], document["flops"]) == (100_416, 69_083_264)


def test_diff_writes_text_or_json(tmp_path):
    """A network and its narrower sister."""
    other = tmp_path / "other.yaml"
    text = "".join(line for line in SEED.read_text().splitlines(keepends=True) if not line.startswith("counts"))
    other.write_text(text.replace("regular(64)", "regular(32)", 1))
    result = call("diff", SEED, other)
    assert result.exit_code == 0
    assert "- conv(3, 64" in result.stdout
    assert json.loads(call("diff", SEED, other, "--json").stdout)["change"]["params"] < 0


@pytest.mark.parametrize(("error", "code"), [(BudgetnetError("the disk is full"), 1), (RequestError("no"), 2)])
def test_expected_errors_have_a_code_and_no_traceback(monkeypatch, error, code):
    """1 where the work failed, 2 where the request was wrong."""

    def fail(*args, **options):
        raise error

    monkeypatch.setattr("budgetnet.records.lookup.find", fail)
    result = call("show", SEED)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"error: {error}\n")


def test_ctrl_c_ends_with_130_and_a_line(monkeypatch):
    """As a shell expects of a program that SIGINT ended."""

    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("budgetnet.records.lookup.find", interrupt)
    result = call("show", SEED)
    assert result.exit_code == 130
    assert "interrupted; what was finished before is kept" in result.stderr


def test_sigterm_before_a_command_has_begun_ends_with_130_and_a_line(monkeypatch, capsys):
    """The commands are put together first; a signal that came then ended in a traceback."""
    monkeypatch.setattr("typer.main.get_command", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(sys, "argv", ["budgetnet", "show", str(SEED)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted; what was finished before is kept\n"


def test_an_unexpected_error_keeps_its_traceback(monkeypatch, capsys):
    """It is to be reported, so nothing is hidden."""

    def fail(*args, **options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("budgetnet.records.lookup.find", fail)
    monkeypatch.setattr(sys, "argv", ["budgetnet", "show", str(SEED)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "This is an error in budgetnet, not in your input. Please report it" in said


def test_a_reader_that_leaves_early_gets_no_traceback(study):
    """``budgetnet explore STUDY | head -1``."""
    command = [sys.executable, "-m", "budgetnet", "explore", study, "-n", "20", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in said


def test_help_loads_nothing_heavy():
    """`--help` answers at once: no torch, optuna, pandas, plotly, rich or numpy."""
    code = (
        "import sys\nfrom budgetnet.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = ('torch', 'optuna', 'pandas', 'plotly', 'rich', 'numpy', 'yaml', 'lark')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "explore" in done.stdout


def test_the_module_is_the_command():
    """``python -m budgetnet`` and the installed command are one."""
    done = subprocess.run([sys.executable, "-m", "budgetnet", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("budgetnet ")


@pytest.mark.parametrize("command", ["sample", "calibrate", "search"])
def test_a_budget_that_nothing_fits_is_a_wrong_request(command, tmp_path):
    """What would draw or train networks refuses it, at the place of the first rule."""
    path = tmp_path / "none.yaml"
    grammar = "network = conv(3, 8|16) gap linear(classes)"
    path.write_text(f"study: none\ndataset: digits\nbudget: {{params: 50}}\ngrammar: |\n  {grammar}\n")
    result = CliRunner().invoke(app, [command, str(path), "--out", str(tmp_path / "run")])
    assert result.exit_code == 2, result.output
    assert "none.yaml:5:3: in rule 'network': the smallest network of this grammar has" in result.output
    assert "the budget is 50; raise the budget or allow smaller parts" in result.output


def test_the_commands_call_the_api_and_nothing_below_it():
    """Only the progress views also know the events that they show, and the records in them."""
    allowed = ("budgetnet.api", "budgetnet.cli", "budgetnet.errors", "budgetnet.text", "budgetnet.__version__")
    events = (
        "budgetnet.search.events",
        "budgetnet.calibrate.events",
        "budgetnet.records.finals.choice",
        "budgetnet.records.ranking",
        "budgetnet.records.training_run",
        "budgetnet.records.trial",
        "budgetnet.report.search_events",
        "budgetnet.workers.loop.TRIES",
    )
    folder = Path(budgetnet.cli.__file__).parent
    for path in folder.rglob("*.py"):
        legal = allowed + (events if path.parent != folder else ())
        if path.name == "app.py":
            legal += ("budgetnet.workers.interruption",)  # the one place where Ctrl-C and SIGTERM become an exit code
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                if name.startswith("budgetnet"):
                    assert name.startswith(tuple(legal)), f"{path.name} imports {name}"


def test_the_completion_script_calls_the_installed_command():
    """`python -m budgetnet` prints a script for `budgetnet`, which is a name that a shell can complete."""
    command = [sys.executable, "-m", "budgetnet", "--show-completion", "bash"]
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "_budgetnet_completion()" in done.stdout
    assert "_BUDGETNET_COMPLETE=complete_bash" in done.stdout
    checked = subprocess.run(["bash", "-n"], input=done.stdout, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_text_fits_a_narrow_terminal(study, monkeypatch):
    """At 60 columns no line is wider and no word is broken."""
    monkeypatch.chdir(SEED.parent)  # a path is one word, and the whole one may be longer than a line
    seed = SEED.name
    for words in (("show", seed), ("explore", study, "-n", "50"), ("sample", study, "-n", "2"), ("diff", seed, seed)):
        wide = call(*words).stdout
        monkeypatch.setenv("COLUMNS", "60")
        narrow = call(*words).stdout
        monkeypatch.delenv("COLUMNS")
        assert max(map(len, narrow.splitlines())) <= 60, words
        known = {*wide.split(), *["(left", "out", "at", "60", "columns:", "see", "--json)"]}
        for word in narrow.replace("█", "").replace("▌", "").split():  # bars are scaled
            assert word.rstrip("…,;)").strip("(-=") in {other.rstrip("…,;)").strip("(-=") for other in known}, word


def test_names_that_are_not_utf8_are_printed_as_escapes(monkeypatch):
    """A path in a message or in a table must not end a command in a traceback."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["budgetnet", "--version"])
    with pytest.raises(SystemExit):
        main()
    stream.write("caf\udce9 ± 1\n")
    stream.flush()
    assert stream.buffer.getvalue().decode().endswith("caf\\udce9 ± 1\n")
