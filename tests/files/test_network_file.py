"""Network files and networks as text: what is written reads back equal, and mistakes are shown in the file."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import BudgetnetError, CountError, LanguageError, ShapeError
from budgetnet.files.network_file import Network, parse_network_file, read, write
from budgetnet.grammar.load import load_grammar
from budgetnet.network import nodes
from budgetnet.network.cost.closed_form import cost, output_of
from budgetnet.network.cost.types import CustomCost
from budgetnet.network.nodes import (
    AvgPool,
    Conv,
    Custom,
    DepthwiseConv,
    Dropout,
    GlobalAvgPool,
    Identity,
    Linear,
    MaxPool,
    Node,
    Norm,
    Parallel,
    Scale,
    Sequence,
    Shape,
    Shared,
    Skip,
    SqueezeExcite,
)
from budgetnet.network.text import network_text, summary
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature, Vocabulary
from tests.network.strategies import Drawn, networks

VOCABULARY = Vocabulary(BUILTIN)


def read_text(text: str, input_shape: Shape, classes: int) -> Node:
    """The network of a text."""
    grammar = load_grammar(text)
    return expand(grammar, input_shape=input_shape, classes=classes, vocabulary=VOCABULARY, choose=refuse).network


def plain(node: Node) -> Node:
    """The form in which the machine builds: no empty or nested sequence, nothing shared once."""
    match node:
        case Sequence():
            items: list[Node] = []
            for item in map(plain, node.items):
                items.extend(item.items if isinstance(item, Sequence) else (item,))
            if not items:
                return Identity()
            return items[0] if len(items) == 1 else Sequence(tuple(items))
        case Skip():
            return Skip(plain(node.body), None if node.project is None else plain(node.project))
        case nodes.Parallel() | nodes.Split():
            return replace(node, branches=tuple(map(plain, node.branches)))
        case Shared():
            return plain(node.body) if node.times == 1 else Shared(plain(node.body), node.times)
        case nodes.Graph():
            bindings = tuple(nodes.Binding(bound.name, plain_term(bound.term)) for bound in node.bindings)
            return nodes.Graph(node.inputs, bindings, plain_term(node.result))
        case _:
            return node


def plain_term(term: nodes.GraphTerm) -> nodes.GraphTerm:
    """The same for the parts of a graph."""
    match term:
        case nodes.GraphApply():
            return nodes.GraphApply(plain(term.function), term.inputs)
        case nodes.GraphJoin():
            return nodes.GraphJoin(term.join, tuple(map(plain_term, term.terms)))
        case _:
            return term


# --- networks as text -------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_network_text_reads_back(drawn: Drawn) -> None:
    """A printed network, read again, is the same network with the same cost."""
    network = plain(drawn.network)
    again = read_text(network_text(drawn.network), drawn.input_shape, drawn.shape[0])
    assert plain(again) == network
    assert cost(again, drawn.input_shape) == cost(network, drawn.input_shape)
    assert again == read_text(network_text(again), drawn.input_shape, drawn.shape[0])


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Conv(3, 24), "conv(3, 24)"),
        (Conv(3, 24, stride=2, norm="none", order="conv act"), 'conv(3, 24, stride=2, norm=none, order="conv act")'),
        (Conv(1, 8, bias="true", padding=0, dropout=0.05), "conv(1, 8, padding=0, bias=true, dropout=0.05)"),
        (DepthwiseConv(5, multiplier=2), "dwconv(5, multiplier=2)"),
        (MaxPool(), "maxpool"),
        (AvgPool(3, 2, "same"), "avgpool(3, stride=2, padding=same)"),
        (Linear(10, bias=False), "linear(10, bias=false)"),
        (Norm("group", 4), "norm(group, groups=4)"),
        (Dropout(0.1), "dropout(0.1)"),
        (Scale(-0.5), "scale(-0.5)"),
        (Sequence(()), "identity"),
        (Sequence((Conv(3, 8), Conv(3, 8), MaxPool())), "conv(3, 8){2} maxpool"),
        (Skip(Conv(3, 8)), "skip(conv(3, 8))"),
        (Skip(Conv(3, 8), Conv(1, 8, act="none")), "skip(conv(3, 8), project=conv(1, 8, act=none))"),
        (Shared(Conv(3, 8), 3), "shared(conv(3, 8)){3}"),
        (Parallel((Identity(), Conv(3, 8)), "concat"), "parallel(identity, conv(3, 8), join=concat)"),
        (Custom("mine", (("factor", 2), ("mode", "a b"))), 'mine(factor=2, mode="a b")'),
    ],
)
def test_network_text(node: Node, text: str) -> None:
    """Arguments that equal their defaults are left out; kernels and channels go by position."""
    assert network_text(node) == f"network = {text}\n"


def test_summary() -> None:
    """One line for lists, cut in the middle where it is too long."""
    network = Sequence(
        (
            Conv(3, 24),
            Skip(Conv(3, 24, dilation=2, groups=4)),
            Skip(Conv(3, 24, dilation=2, groups=4)),
            MaxPool(),
            Parallel((Sequence((DepthwiseConv(5), Conv(1, 8, stride=2))), AvgPool(3, 2, 1)), "concat"),
            SqueezeExcite(),
            GlobalAvgPool(),
            Linear(10),
        )
    )
    assert summary(network, 200) == (
        "conv3-24 · skip(conv3-24d2g4)×2 · maxpool · parallel(dwconv5 conv1-8/2, avgpool3/2) · se · gap · linear-10"
    )
    assert summary(network, 60) == "conv3-24 · skip(conv3-24d2g4)×2 · maxpool · … · linear-10"
    assert summary(Conv(3, 24)) == "conv3-24"


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.integers(20, 120))
def test_summary_keeps_its_width(drawn: Drawn, width: int) -> None:
    """The line is never longer than asked for, and it is one line."""
    line = summary(drawn.network, width)
    assert 0 < len(line) <= width
    assert "\n" not in line


# --- files ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Z")), max_size=30))
def test_files_read_back(drawn: Drawn, words: str) -> None:
    """An architecture's file, read again, is the same architecture, with the counts it claims."""
    words = words.strip()
    network = plain(drawn.network)
    before = Network(
        name=words or "x", input_shape=drawn.input_shape, classes=drawn.shape[0], network=network, source=words
    )
    after = parse_network_file(write(None, before))
    total = cost(network, drawn.input_shape)
    assert after.claimed == {"params": total.params, "flops": total.flops}
    assert (after.name, after.source) == (before.name, before.source)
    assert (after.input_shape, after.classes) == (before.input_shape, before.classes)
    assert plain(after.network) == network
    assert write(None, after) == write(None, before)


HEADER = "format: budgetnet/1\nname: small\ninput: [3, 8, 8]\nclasses: 10\n"
GOOD = HEADER + "network: |\n  network = conv(3, 8) gap linear(classes)\n"


def test_a_file_on_disk(tmp_path: Path) -> None:
    """Files are written and read by path; the name falls back to the file's; imports are found beside it."""
    (tmp_path / "blocks.grammar").write_text("cell(c) = conv(3, c) maxpool\n", encoding="utf-8")
    text = GOOD.replace("name: small\n", "").replace(
        "  network = conv(3, 8)", '  from "blocks.grammar" import cell\n  network = cell(8)'
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    architecture = read(path)
    assert architecture.name == "mine"
    assert architecture.network == Sequence((Conv(3, 8), MaxPool(), GlobalAvgPool(), Linear(10)))
    copy = tmp_path / "copy.yaml"
    assert write(copy, architecture) == copy.read_text(encoding="utf-8")
    assert read(copy).network == architecture.network


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("budgetnet/1", "budgetnet/9"), r"f.yaml:1:9: format must be budgetnet/1, but got 'budgetnet/9'"),
        (
            GOOD.replace("classes", "clases"),
            r"f.yaml:4:1: a network file has no key 'clases'; did you mean 'clas",
        ),
        (GOOD.replace("name", "zzz", 1), r"no key 'zzz'; known keys: format, name, input"),
        (GOOD + "classes: 10\n", r"f.yaml:7:1: classes is given twice"),
        (
            GOOD.replace("classes: 10\n", ""),
            r"f.yaml:1:1: a network file needs the key 'classes', for example: classes: 10",
        ),
        (GOOD.replace("[3, 8, 8]", "[3, 8]"), r"f.yaml:3:8: input must be \[channels, height, width\]"),
        (
            GOOD.replace("[3, 8, 8]", "[3, 8, big]"),
            r"f.yaml:3:15: input\[2\] must be a whole number from 1 to 1,000,000, but got 'big'\n",
        ),
        (
            GOOD.replace(": 10", ": ten"),
            r"f.yaml:4:10: classes must be a whole number from 1 to 1,000,000, but got 'ten'",
        ),
        (GOOD.replace(": 10", ": [1]"), r"classes must be a whole number"),
        (GOOD.replace(": small", ": [small]"), r"name must be a text"),
        (HEADER, r"needs the key 'network', for example: network: network ="),
        (GOOD + "counts: 5\n", r"f.yaml:7:9: counts must be a mapping"),
        (
            GOOD + "counts: {params: 1}\n",
            r"f.yaml:7:9: counts.params must be 322, which the network has, but got 1; correct",
        ),
        (GOOD + "counts: {flops: 7}\n", r"counts.flops must be 15,440, which the network has, but got 7"),
        (GOOD + "counts: {parms: 1}\n", r"f.yaml:7:10: counts has no key 'parms'; did you mean 'params'"),
        ("a: [1\n", r"f.yaml:2:1: not YAML"),
        ("\tformat: x", r"f.yaml:1:1: not YAML"),
        ("- a\n", r"f.yaml:1:1: a network file consists of 'key: value' lines"),
        ("", r"f.yaml: the file is empty; a minimal network file is:"),
        ("a: \0", r"f.yaml:1:4: not YAML: the character '\\x00' is not allowed"),
        ("[" * 5000, r"f.yaml:1:21: not YAML: nested deeper than 20 levels"),
    ],
)
def test_mistakes_in_the_header(text: str, message: str) -> None:
    """Errors hold the file, its line and column, what came and what to do."""
    with pytest.raises(LanguageError, match=message):
        parse_network_file(text, name="f.yaml")


def located(text: str, kind: type[BudgetnetError]) -> str:
    """The error's text."""
    with pytest.raises(kind) as caught:
        parse_network_file(text, name="f.yaml")
    return str(caught.value)


def test_mistakes_in_the_network_name_the_files_line() -> None:
    """Syntax, names, limits, shapes and leftover choices are all shown where they stand in the YAML file."""
    unknown = located(GOOD.replace("conv(3, 8)", "convv(3, 8)"), LanguageError)
    assert unknown.startswith("f.yaml:6:13: ")
    assert unknown.splitlines()[1:] == [
        "  6 |   network = convv(3, 8) gap linear(classes)".replace("|   ", "| "),
        "    |           ^^^^^",
    ]
    shape = located(GOOD.replace("conv(3, 8)", "conv(3, 8)\n    maxpool(9)"), ShapeError)
    assert shape.startswith("f.yaml:7:5: in rule 'network': kernel 9 is larger than the input 8×8")
    choice = located(GOOD.replace("conv(3, 8)", "conv(3, 8|16)"), LanguageError)
    assert choice.startswith(
        "f.yaml:6:21: in rule 'network': a network contains no choices, but conv.channels is one of 8, 16"
    )
    end = located(GOOD.replace(" linear(classes)", ""), ShapeError)
    assert end.startswith("f.yaml:6:3: in rule 'network': the network ends with 8×1×1, but 10 classes need 10 values")


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ("network: |\n\n  # a comment\n  network = conv(3, 8)\n    oops gap linear(classes)\n", "9:5"),
        ("network: |-\n      network = oops\n", "6:17"),
        ("network: |2\n    network = oops\n", "6:15"),
        ("network: network = oops\n", "5:20"),
        ('network: "network = oops"\n', "5:21"),
    ],
)
def test_indentation_is_accounted_for(block: str, place: str) -> None:
    """However the text stands in the YAML, line and column are the file's."""
    assert located(HEADER + block, LanguageError).startswith(f"f.yaml:{place}: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text are told apart."""
    with pytest.raises(LanguageError, match="there is no network file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(LanguageError, match=r"a network must be a file, but .* is a folder; name a file"):
        read(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LanguageError, match="not plain UTF-8 text"):
        read(tmp_path / "bytes.yaml")
    with pytest.raises(LanguageError, match="cannot be written"):
        write(tmp_path / "no" / "such" / "folder.yaml", parse_network_file(GOOD))


def test_custom_primitives() -> None:
    """A study's own primitive is read with its signature, and counted where it has a closed form."""
    signature = Signature(
        name="mine", parameters=(Parameter(name="factor", kind="int", default=2, low=1),), help="wider"
    )
    vocabulary = Vocabulary({**BUILTIN, "mine": signature})

    def form(shape: Shape, *, factor: int) -> CustomCost:
        return CustomCost(output=(shape[0] * factor, *shape[1:]), params=1, flops=2)

    text = GOOD.replace("conv(3, 8)", "mine mine(3)")
    architecture = parse_network_file(text, vocabulary=vocabulary, custom={"mine": form})
    assert architecture.network.items[0] == Custom("mine", (("factor", 2),))  # type: ignore[union-attr]
    assert output_of(architecture.network, (3, 8, 8), custom={"mine": form}) == (10,)
    written = write(None, architecture, custom={"mine": form})
    assert parse_network_file(written, vocabulary=vocabulary, custom={"mine": form}).network == architecture.network
    assert "counts" not in write(None, architecture)
    with pytest.raises(CountError, match="'mine' has no closed form"):
        parse_network_file(text, vocabulary=vocabulary)


@given(st.text(max_size=80))
def test_any_text_is_a_file_or_an_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    for candidate in (text, GOOD.replace("conv(3, 8)", text), GOOD.replace("small", text)):
        with contextlib.suppress(BudgetnetError):
            parse_network_file(candidate, name="f.yaml")
