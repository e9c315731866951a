"""Own primitives from Python files: how classes are read, counted, built, written and complained about."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import CountError, LanguageError, RequestError, ShapeError, TrainingError
from budgetnet.export.codegen.source import source
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins, load_plugins, read_file
from budgetnet.files.plugins.types import PluginFile
from budgetnet.grammar.load import load_grammar
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.nodes import Custom, GlobalAvgPool, Linear, Sequence
from budgetnet.network.text import network_text, summary
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes

ROOT = Path(__file__).parents[2]
GATED = read_file(ROOT / "studies/blocks/gated.py")
IMAGE = (3, 8, 8)

HEAD = """\
from typing import Literal
import torch
from torch import nn
from budgetnet.network.cost.types import CustomCost

"""


def plugins(body: str, name: str = "mine.py") -> Plugins:
    """The primitives of a file with the usual imports (on lines 1 to 5) and *body* behind them."""
    return load_plugins([PluginFile(Path(name), HEAD + body)])


def block(
    name: str = "Mine", parameters: str = "", forward: str = "x * self.factor", more: str = "", line: str = "pass"
) -> str:
    """A class that multiplies each channel by a learned factor; its constructor is on line 2 of the text."""
    return (
        f"class {name}(nn.Module):\n"
        f"    def __init__(self, shape: tuple[int, ...]{parameters}) -> None:\n"
        f"        super().__init__()\n"
        f"        {line}\n"
        f"        self.factor = nn.Parameter(torch.ones(shape[0], 1, 1))\n"
        f"    def forward(self, x):\n"
        f"        return {forward}\n{more}"
    )


FORM = """\
    @staticmethod
    def cost(shape, **_):
        return CustomCost(output={output}, params={params}, flops={flops}, depth=0)
"""


def form(output: str = "shape", params: str = "shape[0]", flops: str = "0") -> str:
    """The class's closed form, right unless told otherwise."""
    return FORM.format(output=output, params=params, flops=flops)


def network(text: str, own: Plugins):
    """A network of 3×8×8 images and 10 classes."""
    grammar = load_grammar(f"network = {text} gap linear(10)", vocabulary=own.vocabulary)
    return expand(
        grammar, input_shape=IMAGE, classes=10, vocabulary=own.vocabulary, choose=refuse, custom=own.forms
    ).network


# --- reading ------------------------------------------------------------------------------------------


def test_a_class_becomes_a_primitive():
    """Its name in snake case, its parameters from the annotations, its help from the docstring."""
    own = load_plugins([GATED])
    gated, blur = (primitive.signature for primitive in own.primitives)
    assert gated.name == "gated"
    assert gated.help.startswith("Gated convolution (Dauphin et al.")
    assert [(entry.name, entry.kind, entry.default, entry.names) for entry in gated.parameters] == [
        ("channels", "int", None, ()),
        ("kernel", "int", 3, ()),
        ("gate", "name", "sigmoid", ("sigmoid", "tanh")),
    ]
    assert (blur.name, blur.parameters) == ("blur", ())
    assert own.note == "counted by fvcore alone: blur has no closed form"


@pytest.mark.parametrize(
    ("name", "word"), [("SELayer", "se_layer"), ("Conv2dGated", "conv2d_gated"), ("mine", "mine"), ("ABC", "abc")]
)
def test_names_are_turned_into_snake_case(name, word):
    """Where a word begins is seen by its capital."""
    assert list(plugins(block(name)).signatures) == [word]


def test_a_class_may_name_itself():
    """The attribute `primitive` is the name, and a class derived from it has its own."""
    own = plugins(block("Long", more='    primitive = "short"\n') + "class Other(Long):\n    pass\n")
    assert list(own.signatures) == ["short", "other"]


def test_every_kind_of_parameter_is_read():
    """int, float, bool, str and words; a whole number is a float's default, too."""
    own = plugins(block(parameters=', a: int, *, b: float = 1, c: bool = True, d: str = "x y", e: Literal["u"] = "u"'))
    assert [(entry.kind, entry.default) for entry in own.signatures["mine"].parameters] == [
        ("int", None),
        ("float", 1.0),
        ("bool", True),
        ("text", "x y"),
        ("name", "u"),
    ]
    assert repr(own.signatures["mine"].parameters[1].default) == "1.0"


def test_only_public_modules_of_the_file_are_primitives():
    """Not what it imports, not what begins with an underscore, not other classes and functions."""
    text = "from torch.nn import Conv2d\n" + block("_Base") + block() + "class Note:\n    pass\ndef f(): pass\n"
    assert list(plugins(text).signatures) == ["mine"]


def test_no_files_are_no_plugins():
    """Then nothing is loaded, and nothing needs saying."""
    assert load_plugins([]) is NO_PLUGINS
    assert NO_PLUGINS.note == ""
    assert NO_PLUGINS.files == ()


WRONG = {
    "def f(:": r"mine\.py:6:7: not Python: invalid syntax",
    "raise ValueError('no')": r"mine\.py:6:1: the plug-in fails when it is read: ValueError: no\n.*raise ValueError",
    "exit(3)": r"mine\.py:6:1: the plug-in fails when it is read: SystemExit: 3",
    "import neighbour": r"mine\.py:6:1: .*No module named 'neighbour'; install it, or move the needed code into the",
    "x = 1": r"mine\.py defines no primitive: it needs a class that inherits from torch\.nn\.Module",
    block(parameters=", width"): r"mine\.py:7:48: width must have a type that a grammar can write: int, .* got none",
    block(parameters=", width: list"): r"mine\.py:7:48: width must have a type .* but got list",
    block(parameters=", width: Wide"): r"parameters of Mine cannot be read: NameError: name 'Wide' is not defined",
    block(parameters=", a: Literal[3, 5]"): r"7:48: a: the options of a Literal must be plain words, but got 3; write",
    block(parameters=', a: Literal["in"]'): r"the options of a Literal must be plain words, but got 'in'",
    block(parameters=", *rest: int"): r"mine\.py:7:49: rest has no fixed name; a grammar needs parameters one by one",
    block(parameters=", split: int = 2"): r"mine\.py:7:48: 'split' is a word of the language; give the parameter",
    block(parameters=", a: int = 0.5"): r"mine\.py:7:48: a default must be .* a takes a whole number, but got 0\.5",
    block(parameters=", a: int = None"): r"a default must be what a grammar can write .*; a is None",
    block(parameters=", a: float = float('nan')"): r"a default must be what a grammar can write .*; a is nan",
    block(parameters=", a: str = 'x\"'"): r"a takes a text of one line without double quotes",
    "class Mine(nn.Module):\n    pass": r"mine\.py:6:7: Mine: the first parameter of a primitive is shape: tuple\[int,",
    block().replace("shape", "channels", 1): r"mine\.py:7:9: Mine: the first parameter of a primitive is shape",
    block("Conv"): r"mine\.py:6:7: there is a primitive 'conv' already; give it another name with primitive = ",
    block("Skip"): r"mine\.py:6:7: the name 'skip' is a word of the language",
    block(more='    primitive = "a-b"\n'): r"mine\.py:13:5: the name 'a-b' is not made of letters, digits and '_'",
    block(more="    primitive = 3\n"): r"mine\.py:13:5: primitive must be the name as a text, but got 3",
    block(more="    def cost(self): pass\n"): r"mine\.py:13:9: the closed form must be @staticmethod def cost\(shape",
    block("MyBlock")
    + block("myBlock"): r"mine\.py:13:1: the primitive 'my_block' is also defined in mine\.py:6; rename",
}


@pytest.mark.parametrize(("body", "message"), WRONG.items(), ids=range(len(WRONG)))
def test_wrong_files_are_refused_with_their_place(body, message):
    """Each with file, line and column, without a traceback."""
    with pytest.raises(RequestError, match=message) as caught:
        plugins(body)
    assert type(caught.value) is RequestError
    assert "Traceback" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    """Missing, no text, no Python file, two of one name."""
    with pytest.raises(RequestError, match=r"there is no plug-in file .*none\.py; write a path relative to the file"):
        read_file(tmp_path / "none.py")
    (tmp_path / "bytes.py").write_bytes(b"\xff")
    with pytest.raises(RequestError, match=r"bytes\.py is not plain UTF-8 text \(byte 0\)"):
        read_file(tmp_path / "bytes.py")
    with pytest.raises(RequestError, match=r"mine\.txt is not a plug-in: primitives are defined in a Python file"):
        read_file(tmp_path / "mine.txt")
    with pytest.raises(RequestError, match=r"there are two plug-ins called a\.py; give one of the files another name"):
        load_plugins([PluginFile(Path("a.py"), HEAD + block()), PluginFile(Path("b/a.py"), HEAD + block("B"))])
    with pytest.raises(RequestError, match=r"nul\.py.* not Python: .*null bytes"):
        load_plugins([PluginFile(Path("nul.py"), "\0")])


def test_a_file_is_what_it_was_when_it_was_read(tmp_path):
    """Another process runs the text that came with the message, not what the file has become since."""
    path = tmp_path / "mine.py"
    path.write_text(HEAD + block())
    file = pickle.loads(pickle.dumps(read_file(path)))
    path.write_text("raise ValueError")
    own = load_plugins([file])
    assert list(own.signatures) == ["mine"]
    text = source(Sequence((Custom("mine"), GlobalAvgPool(), Linear(10))), IMAGE, 10, custom=own.modules)
    assert "class Mine(nn.Module)" in text
    assert load_plugins([file]).modules["mine"] is own.modules["mine"], "run once"


# --- counting -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.sampled_from((1, 3, 5)), st.integers(1, 4), st.integers(2, 9))
def test_the_examples_closed_form_is_fvcores_count(channels, kernel, inputs, side):
    """What studies/blocks/gated.py states equals what measuring gives; so does a network of both its primitives."""
    own = load_plugins([GATED])
    node = Sequence((Custom("gated", (("channels", channels), ("kernel", kernel), ("gate", "tanh"))), Custom("blur")))
    shape = (inputs, side, side)
    counted, measured = cost(node, shape, custom=own.forms), measure_nodes(node, shape, custom=own.modules)
    assert (counted.params, counted.flops, counted.activations) == (
        measured.params,
        measured.flops,
        measured.activations,
    )
    assert counted.receptive_field == kernel
    assert own.disagreement(node, shape) is None
    assert sum(row.flops for row in layers(node, shape, custom=own.forms)) == measured.flops


def test_without_a_closed_form_the_module_is_run_and_counted():
    """Shape, parameters, FLOPs, activations and depth, once for equal inputs and arguments."""
    line = "Mine.built = getattr(Mine, 'built', 0) + 1; self.conv = nn.Conv2d(shape[0], width, 3, stride=2)"
    own = plugins(block(parameters=", width: int = 4", forward="self.conv(x)", line=line))
    node = network("mine mine(width=4)", own)
    counted = cost(node, IMAGE, custom=own.forms)
    measured = measure_nodes(node, IMAGE, custom=own.modules)
    assert (counted.params, counted.flops) == (measured.params, measured.flops)
    assert counted.params == 3 + 4 * 27 + 4 + 4 + 4 * 36 + 4 + 50
    assert counted.depth == 3
    before = own.modules["mine"].built
    for _ in range(3):
        cost(node, IMAGE, custom=own.forms)
    assert own.modules["mine"].built == before
    assert own.of(node).note == "counted by fvcore alone: mine has no closed form"
    assert own.of(Linear(3)).note == ""


def test_the_note_names_what_a_network_or_grammar_uses():
    """Only primitives without a closed form, and only those that occur."""
    own = plugins(block("A") + block("B") + block("C", more=form()))
    assert own.note == "counted by fvcore alone: a and b have no closed form"
    assert own.of(network("skip(c b)", own)).note == "counted by fvcore alone: b has no closed form"
    grammar = load_grammar("network = stem gap linear(classes)\nstem = c | a?", vocabulary=own.vocabulary)
    assert own.of(grammar).note == "counted by fvcore alone: a has no closed form"
    assert own.of(network("c", own)).note == ""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"params": "7"}, "its closed form gives 7 parameters, the module 3 parameters"),
        ({"flops": "5"}, "its closed form gives 5 FLOPs, the module 0 FLOPs"),
        ({"output": "(3, 4, 4)"}, "its closed form gives an output of 3×4×4, the module an output of 3×8×8"),
    ],
)
def test_a_wrong_closed_form_is_named(wrong, message):
    """Where the counts disagree, the primitive whose closed form is not its module's is found."""
    own = plugins(block(parameters=", a: int = 1", more=form(**wrong)))
    node = network("conv(3, 3) mine(a=2)", own)
    expected = f"mine(a=2) on an input of 3×8×8: {message}; correct cost() at mine.py:6"
    assert own.disagreement(node, IMAGE) == expected


def test_a_closed_form_that_fails_refuses_the_input():
    """What it raises becomes a shape error with the place in the file, which a draw takes for a misfit."""
    own = plugins(block(more="    @staticmethod\n    def cost(shape):\n        raise ValueError('odd')\n"))
    with pytest.raises(ShapeError, match=r"mine: its closed form fails on an input of 3×8×8: ValueError: odd \(mine"):
        own.forms["mine"](IMAGE)
    assert "the module works, but mine: its closed form fails" in (own.disagreement(Custom("mine"), IMAGE) or "")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("    @staticmethod\n    def cost(shape):\n        return 3\n", "must return a CustomCost, but got int"),
        (form(output="[3, 8, 8]"), r"must give an output of .* or \(features,\), but got \[3,"),
        (form(params="0.5"), "must give whole numbers of at least 0, but got params=0.5"),
    ],
)
def test_a_closed_form_must_return_a_possible_cost(more, message):
    """Anything else is an error in the file, not a misfit."""
    own = plugins(block(more=more))
    with pytest.raises(RequestError, match=rf"mine\.py: the closed form of mine {message}") as caught:
        own.forms["mine"](IMAGE)
    assert type(caught.value) is RequestError


def test_unknown_operators_name_the_primitive():
    """A Fourier transform has no count, and the error says in what it was met."""
    own = plugins(block(forward="torch.fft.fft2(x).real * self.factor"))
    with pytest.raises(CountError, match=r"mine: fvcore must have a count .* but has none for aten::fft_fft2 \(mine"):
        own.forms["mine"](IMAGE)


# --- building -----------------------------------------------------------------------------------------


def test_an_exception_while_building_says_where():
    """File and line of the study's own code, not of torch's."""
    own = plugins(block(line="nn.Conv2d(shape[0], -1, 3)"))
    with pytest.raises(ShapeError, match=r"mine failed on an input of 3×8×8: RuntimeError: .*\(mine\.py:9\)"):
        build_nodes(Custom("mine"), IMAGE, custom=own.modules)
    with pytest.raises(RequestError, match=r"mine failed on an input of 3×8×8: RuntimeError"):
        network("mine", own)


@pytest.mark.parametrize(
    ("forward", "came"),
    [("(x, x)", "tuple"), ("x.flatten()", r"\(192,\)"), ("x.flatten(2)", r"\(1, 3, 64\)"), ("x[:, :0]", r"\(1, 0, 8")],
)
def test_a_module_must_return_one_tensor(forward, came):
    """With the batch in front, as an image or as features, and not empty."""
    own = plugins(block(forward=forward))
    with pytest.raises(ShapeError, match=rf"mine must map \(N, 3, 8, 8\) to one tensor .* got {came}.* for N = 1"):
        build_nodes(Custom("mine"), IMAGE, custom=own.modules)


def test_failures_in_training_are_blamed_on_the_file():
    """What arises inside a plug-in is a training error with its place; other errors stay what they are."""
    own = plugins(block(forward="x[:, 0] if x.shape[0] == 1 else 1 / 0"))
    module = own.modules["mine"](IMAGE)
    message = r"^mine\.py:12 failed in training: ZeroDivisionError: division by zero$"
    with pytest.raises(TrainingError, match=message), own.blamed():
        module(torch.zeros(2, *IMAGE))
    with pytest.raises(KeyError), own.blamed():
        raise KeyError("elsewhere")


# --- text and files -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(
    st.integers(-5, 5),
    st.floats(-3, 3, allow_nan=False),
    st.booleans(),
    st.text("ab in \\.", max_size=4) | st.sampled_from(("in", "true", "network", "skip")),
    st.sampled_from(("u", "relu")),
)
def test_arguments_read_back(a, b, c, d, e):
    """A network of own primitives prints as text that gives it again, whatever its arguments."""
    parameters = ', a: int = 0, b: float = 0.0, c: bool = False, d: str = "", e: Literal["u", "relu"] = "u"'
    own = plugins(block(parameters=parameters))
    node = Sequence((Custom("mine", (("a", a), ("b", b), ("c", c), ("d", d), ("e", e))), GlobalAvgPool(), Linear(10)))
    grammar = load_grammar(network_text(node), vocabulary=own.vocabulary)
    again = expand(grammar, input_shape=IMAGE, classes=10, vocabulary=own.vocabulary, choose=refuse, custom=own.forms)
    assert again.network == node
    assert repr(again.network) == repr(node)


def test_a_short_line_shows_the_arguments():
    """Networks that differ in an own primitive's argument look different in lists."""
    own = load_plugins([GATED])
    assert summary(network("gated(8, gate=tanh) blur", own)) == "gated(8, 3, tanh) · blur · gap · linear-10"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('mine(e="u")', "must be one of u, v, but got a text; remove the quotes"),
        ("mine(e=w)", "must be one of u, v, but got 'w'"),
        ("mine(d=3)", "must be a text, but got 3"),
        ("mine(f=3)", "mine has no parameter 'f'"),
        ("mime", "did you mean 'mine'"),
    ],
)
def test_wrong_calls_are_refused_like_any(call, message):
    """A grammar's calls of own primitives are checked by their signatures."""
    own = plugins(block(parameters=', d: str = "x", e: Literal["u", "v"] = "u"'))
    with pytest.raises(LanguageError, match=message):
        load_grammar(f"network = {call} gap linear(10)", vocabulary=own.vocabulary)


def test_an_own_parameter_may_be_called_order():
    """The word means something in budgetnet's convolutions only."""
    own = plugins(block(parameters=", order: int = 2"))
    assert network("mine(order=3)", own).items[0] == Custom("mine", (("order", 3),))


def test_architecture_files_name_their_plugins(tmp_path):
    """Relative to the file, wherever it is read from; only those that the network uses are written."""
    (tmp_path / "blocks").mkdir()
    for name in ("one", "two"):
        (tmp_path / "blocks" / f"{name}.py").write_text(HEAD + block(name.title()))
    own = load_plugins([read_file(tmp_path / "blocks" / f"{name}.py") for name in ("one", "two")])
    node = network("one", own)
    (tmp_path / "nets").mkdir()
    path = tmp_path / "nets" / "net.yaml"
    text = network_file.write(
        path, Network(name="net", input_shape=IMAGE, classes=10, network=node, plugins=own.of(node))
    )
    assert "counts: {params: 43, flops: 222}" in text
    assert "plugins: [../blocks/one.py]\n" in text
    again = network_file.read(path)
    assert again.network == node
    assert list(again.plugins.signatures) == ["one"]
    path.write_text(text.replace("[../blocks/one.py]", "../blocks/one.py"))
    assert network_file.read(path).network == node
    path.write_text(text.replace("params: 43", "params: 44"))
    with pytest.raises(LanguageError, match=r"counts.params must be 43, which the network has, but got 44"):
        network_file.read(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{a: b}", r"plugins must be the path of a file, or a list of such paths, but got a mapping"),
        ("[[a]]", r"plugins\[0\] must be the path of a file, or a list of such paths, but got a list"),
        ("[none.py]", "there is no plug-in file .*none.py"),
    ],
)
def test_wrong_plugins_of_architecture_files(value, message, tmp_path):
    """Said with the file that is wrong."""
    text = f"format: budgetnet/1\ninput: [3, 8, 8]\nclasses: 2\nplugins: {value}\nnetwork: network = gap linear(2)\n"
    with pytest.raises(RequestError, match=message):
        network_file.parse_network_file(text, folder=tmp_path)


def test_text_without_a_folder_has_no_plugins():
    """A text that is no file cannot name others."""
    text = "format: budgetnet/1\ninput: [3, 8, 8]\nclasses: 2\nplugins: [a.py]\nnetwork: network = gap linear(2)\n"
    with pytest.raises(LanguageError, match=r"4:10: plugins must not be used in a text that is not in a file"):
        network_file.parse_network_file(text)


def test_exports_leave_the_closed_form_behind():
    """The plain file holds the class without `cost` and without budgetnet, and imports what annotations name."""
    own = load_plugins([GATED])
    node = Sequence((Custom("gated", (("channels", 4), ("kernel", 3), ("gate", "tanh"))), GlobalAvgPool(), Linear(10)))
    text = source(node, IMAGE, 10, custom=own.modules)
    assert "def cost" not in text
    assert not re.search("budgetnet|CustomCost|class Blur", text)
    assert text.count("from torch import Tensor, nn\n") == 1
    assert "from typing import Literal\n" in text
    scope: dict = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec"), scope)
    built = build_nodes(node, IMAGE, custom=own.modules).eval()
    printed = scope["Network"]().eval()
    printed.load_state_dict(built.state_dict())
    images = torch.randn(2, *IMAGE)
    assert torch.equal(printed(images), built(images))
