"""Operations: what each says of itself holds in the grammar, in torch, in the layer table and in exported source."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from budgetnet.errors import CountError, LanguageError, RequestError
from budgetnet.export.codegen.source import source
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.nodes import Act, Conv, Custom, GlobalAvgPool, Linear, Node, Sequence, Shape, SqueezeExcite
from budgetnet.network.text import summary
from budgetnet.network.torch.build import build_nodes
from budgetnet.ops.base import Operation, Spec, Step, image
from budgetnet.ops.registry import BUILTIN, make
from budgetnet.ops.signature import Count, Parameter, Rate, Signature, one_of, read_parameters
from tests.network.strategies import Drawn, networks


@pytest.mark.parametrize("name", BUILTIN)
def test_a_signature_makes_its_operation(name: str) -> None:
    """Arguments in the signature's order become the fields of the operation of that name."""
    signature = BUILTIN[name]
    required = {"int": 3, "size": 3, "float": 0.5}
    arguments = tuple(
        required[parameter.kind] if parameter.default is None else parameter.default
        for parameter in signature.parameters
    )
    made = make(signature, arguments)
    assert made.word == name
    assert made.help == signature.help
    assert tuple(getattr(made, field.name) for field in fields(made)) == arguments  # type: ignore[arg-type]


def test_parameters_are_read_off_the_fields() -> None:
    """Name and default come from the field, kind and limits from its type."""

    @dataclass(frozen=True)
    class Fields:
        width: Count
        rate: Rate = 0.5
        how: Annotated[str, one_of("up", "down")] = "up"

    Fields.__annotations__ = {"width": Count, "rate": Rate, "how": Annotated[str, one_of("up", "down")]}
    assert read_parameters(Fields) == (
        Parameter(name="width", kind="int", low=1),
        Parameter(name="rate", kind="float", default=0.5, low=0.0, high=0.95),
        Parameter(name="how", kind="name", default="up", names=("up", "down")),
    )


def test_arguments_that_contradict_each_other_are_refused() -> None:
    """A norm that is set but missing from the order would silently vanish."""
    arguments = [3 if parameter.default is None else parameter.default for parameter in BUILTIN["conv"].parameters]
    arguments[[parameter.name for parameter in BUILTIN["conv"].parameters].index("order")] = "conv act"
    with pytest.raises(LanguageError, match="conv: norm=batch is set but order=\"conv act\" has no 'norm'; add it"):
        make(BUILTIN["conv"], tuple(arguments))


def test_unknown_names_are_own_primitives() -> None:
    """What no table holds is a study's own; of its shape nothing is known here."""
    node = make(Signature(name="mine", parameters=(Parameter(name="width", kind="int"),), help=""), (3,))
    assert node == Custom("mine", (("width", 3),))
    for ask in (node.output, node.specs):
        with pytest.raises(CountError, match="'mine' has no closed form"):
            ask((3, 8, 8))


@pytest.mark.parametrize("part", ["pool", "conv norm norms"])
def test_unknown_parts_of_an_order_are_refused(part: str) -> None:
    """A convolution made by hand with a word that no order has raises, and loses nothing in silence."""
    with pytest.raises(RequestError, match=r"an order is made of conv, norm, act and drop, but got '(pool|norms)'"):
        build_nodes(Conv(3, 4, norm="none", order=part), (3, 8, 8))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_layers_put_out_what_their_specs_say(drawn: Drawn) -> None:
    """Every row of the layer table has the shape that its module puts out, and the module's class."""
    module = build_nodes(drawn.network, drawn.input_shape).eval()
    seen: dict[str, tuple[str, Shape]] = {}

    def note(name: str, inner: nn.Module) -> None:
        inner.register_forward_hook(
            lambda _module, _inputs, output: seen.update({name: (type(inner).__name__, tuple(output.shape[1:]))})
        )

    for name, inner in module.named_modules():
        note(name, inner)
    with torch.no_grad():
        module(torch.zeros(1, *drawn.input_shape))
    for row in layers(drawn.network, drawn.input_shape):
        assert seen[row.name] == (row.type, row.output)


# --- a new operation --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LearnedSlope(Operation):
    """A leaky ReLU with one learned slope per channel, said in one place."""

    word: ClassVar[str] = "slope"
    help: ClassVar[str] = "leaky ReLU with a learned slope per channel"

    start: Rate = 0.25

    def output(self, shape: Shape) -> Shape:
        """Keep the shape of an image."""
        return image(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer of torch."""
        channels = self.output(shape)[0]
        return (Spec("nn.PReLU", shape, (channels,), (("init", self.start),), channels, in_place=True),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step(f"slope {self.start}", weighted=True),)


def loaded(text: str) -> nn.Module:
    """The network of a generated file."""
    namespace: dict[str, object] = {"__name__": "generated"}
    exec(compile(text, "generated.py", "exec"), namespace)
    kind = namespace["Network"]
    assert isinstance(kind, type)
    made = kind()
    assert isinstance(made, nn.Module)
    return made.eval()


def test_an_operation_is_written_in_one_place() -> None:
    """A new class of operation is counted, listed, built, exported, hashed and put in words, with no other change."""
    slope = LearnedSlope(0.5)
    network: Node = Sequence((Conv(3, 4, act="none"), slope, GlobalAvgPool(), Linear(2)))
    module = build_nodes(network, (3, 8, 8)).eval()
    assert cost(network, (3, 8, 8)).params == sum(parameter.numel() for parameter in module.parameters())
    assert [row.type for row in layers(network, (3, 8, 8))][2] == "PReLU"
    text = source(network, (3, 8, 8), 2)
    assert "nn.PReLU(4, init=0.5),  # 4 x 8 x 8" in text
    printed = loaded(text)
    printed.load_state_dict(module.state_dict())
    images: Tensor = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(printed(images), module(images))
    assert canonical_hash(network) != canonical_hash(Sequence((Conv(3, 4, act="none"), GlobalAvgPool(), Linear(2))))
    assert summary(network) == "conv3-4 · slope · gap · linear-2"


def test_steps_that_do_nothing_twice_are_one() -> None:
    """Two ReLUs in a row are one; two of an activation that changes its own output are two."""
    plain = Conv(3, 4, act="none")
    for kind, same in (("relu", True), ("relu6", True), ("tanh", False)):
        once, twice = Sequence((plain, Act(kind))), Sequence((plain, Act(kind), Act(kind)))
        assert (canonical_hash(once) == canonical_hash(twice)) is same


def test_a_slope_belongs_to_the_leaky_relu() -> None:
    """It is part of the normal form, unless it is PyTorch's own; no other activation has one."""
    assert make(BUILTIN["act"], ("leaky_relu", 0.01)).steps() == (Step("act leaky_relu"),)
    assert make(BUILTIN["act"], ("leaky_relu", 0.2)).steps() == (Step("act leaky_relu 0.2"),)
    message = "act: only leaky_relu has a slope, but got relu with slope=0.2; leave slope out"
    with pytest.raises(LanguageError, match=f"^{message}$"):
        make(BUILTIN["act"], ("relu", 0.2))


def test_learned_activations_have_weights_of_their_own() -> None:
    """Two of them in a row are not one, and convolutions and squeeze-and-excitation count them, too."""
    assert [step.weighted for step in make(BUILTIN["act"], ("prelu", 0.01)).steps()] == [True]
    plain, learned = (Conv(3, 8, act=act).part((4, 6, 6)).params for act in ("relu", "prelu"))
    assert learned == plain + 1
    plain, learned = (SqueezeExcite(4, act).part((8, 6, 6)).params for act in ("relu", "prelu"))
    assert learned == plain + 1
