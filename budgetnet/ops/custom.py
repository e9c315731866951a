"""A study's own primitive: a torch module from a plug-in file, of which only the name and arguments are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

from budgetnet.errors import CountError
from budgetnet.ops.base import Operation, Shape, Spec, Step
from budgetnet.ops.signature import Scalar

__all__ = ["Custom"]


@dataclass(frozen=True, slots=True)
class Custom(Operation):
    """A study's own primitive, by name, with all its arguments in the signature's order."""

    word: ClassVar[str] = "custom"
    help: ClassVar[str] = "own primitive"

    name: str
    arguments: tuple[tuple[str, Scalar], ...] = ()

    def output(self, shape: Shape) -> Shape:  # noqa: ARG002
        """Refuse: the shape comes from the plug-in."""
        self._refuse()

    def specs(self, shape: Shape) -> tuple[Spec, ...]:  # noqa: ARG002
        """Refuse: the layers come from the plug-in."""
        self._refuse()

    def steps(self) -> tuple[Step, ...]:
        """One step of its own: what happens inside is not known."""
        return (Step(f"custom {self.name} {self.arguments!r}", weighted=True, random=True),)

    def short(self) -> str:
        """``name(value, value)``."""
        if not self.arguments:
            return self.name
        return f"{self.name}({', '.join(str(value) for _, value in self.arguments)})"

    def _refuse(self) -> NoReturn:
        raise CountError(f"{self.name!r} has no closed form; count the network with fvcore or give it one")
