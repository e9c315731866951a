"""A plug-in file, and a primitive that one defines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.ops.signature import Signature

if TYPE_CHECKING:
    from budgetnet.network.cost.types import CustomForm
    from budgetnet.network.torch.build import CustomModule

__all__ = ["OwnPrimitive", "PluginFile"]


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A plug-in file as it was read: every process of a search runs this text, even if the file changes."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrimitive:
    """One primitive of a plug-in file."""

    signature: Signature
    module: CustomModule
    """The class."""
    stated: CustomForm | None
    """The closed form that the class defines, if any."""
    measured: CustomForm
    """Shape and cost measured by running and counting the module."""
    file: PluginFile
    line: int
    """Line of the class in its file."""
