"""A search space: a grammar, what it is applied to, and the budget its networks must fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from budgetnet.derivation.decision import Chooser
from budgetnet.derivation.expand import Expansion, expand
from budgetnet.derivation.frames import Interner
from budgetnet.derivation.growth import growth_of
from budgetnet.derivation.machine import Machine
from budgetnet.grammar.syntax import Grammar
from budgetnet.network.budget import Budget
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.types import Cost, CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.effort import Effort
from budgetnet.text import notebook_html

__all__ = ["GROWING", "Space"]

GROWING = 8
"""Factor by which fewer states are looked into where a rule grows by itself."""


@dataclass(frozen=True)
class Space:
    """All networks that a grammar derives for one input shape and number of classes, under one budget."""

    grammar: Grammar
    """Checked and labelled (`budgetnet.grammar.load`)."""
    vocabulary: Vocabulary
    """The primitives with the study's defaults."""
    input_shape: Shape
    """``(channels, height, width)`` of one image."""
    classes: int
    """Number of values every network ends with."""
    budget: Budget
    """Upper bounds; a bound that is None does not bind."""
    custom: Mapping[str, CustomForm] = field(default_factory=dict)
    """Closed forms of the study's own primitives, by name."""
    effort: Effort = field(default_factory=Effort)
    """Limits of the work of counting."""
    machine: Machine = field(init=False, repr=False, compare=False)
    """Derives the space's networks; it keeps nothing between derivations, so one serves all draws."""

    memory: dict[object, object] = field(init=False, repr=False, compare=False, default_factory=dict)
    """Data that one search of the space keeps for the next (`budgetnet.space.counting.shortest_paths`)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "machine", self.make_machine())

    @property
    def most_states(self) -> int:
        """Number of states that counting may look into; an eighth of the effort's where a rule grows by itself.

        Such a rule has more states than can be counted, unless it is small.
        """
        grows = any(growth >= 1 for growth in growth_of(self.grammar).values())
        return max(1, self.effort.states // (GROWING if grows else 1))

    def make_machine(self, kind: type[Machine] = Machine, interner: Interner | None = None) -> Machine:
        """Return another machine for the space, with interned agendas where states are to be compared."""
        return kind(
            self.grammar,
            input_shape=self.input_shape,
            classes=self.classes,
            vocabulary=self.vocabulary,
            shape_of=partial(closed_form.shape_after, custom=self.custom),
            interner=interner,
            like=getattr(self, "machine", None),  # the first machine of all is made before there is one
        )

    def expand(self, choose: Chooser) -> Expansion:
        """Derive one network, whatever its cost.

        Raises:
            ShapeError: the derived network cannot be applied to its input, or does not end with the classes.
            LanguageError: an argument is outside its limits.
        """
        return expand(
            self.grammar,
            input_shape=self.input_shape,
            classes=self.classes,
            vocabulary=self.vocabulary,
            choose=choose,
            machine=self.machine,
        )

    def cost(self, node: Node) -> Cost:
        """Count a network of the space by the closed form.

        Raises:
            ShapeError: the network cannot be applied to the space's images.
            CountError: it holds one of the study's own primitives that has no closed form.
        """
        return closed_form.cost(node, self.input_shape, custom=self.custom, ram=self.budget.ram is not None)

    def __repr__(self) -> str:
        return f"Space(input={self.input_shape}, classes={self.classes}, budget='{self.budget}')"

    def _repr_html_(self) -> str | None:
        """Show it in a notebook."""
        return notebook_html(self)
