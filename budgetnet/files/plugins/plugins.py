"""A study's custom primitives: signatures, closed forms and modules from its plug-in files.

A plug-in file is ordinary Python, and reading one runs it. Every public class in it that inherits from
``torch.nn.Module`` is a primitive; `budgetnet.files.plugins.read` documents how it is read. Torch is loaded only if a
study has plug-ins.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from budgetnet.errors import BudgetnetError, CountError, RequestError, TrainingError
from budgetnet.files.plugins.types import OwnPrimitive, PluginFile
from budgetnet.grammar import syntax as language
from budgetnet.ops.base import Shape, describe_shape
from budgetnet.ops.custom import Custom
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Signature, Vocabulary

if TYPE_CHECKING:
    from torch import nn

    from budgetnet.network.cost.types import CustomCost, CustomForm
    from budgetnet.network.nodes import Node
    from budgetnet.network.torch.build import CustomModule

__all__ = ["NO_PLUGINS", "Plugins", "load_plugins", "read_file"]


@dataclass(frozen=True)
class Plugins:
    """The custom primitives of a study or of a network file."""

    primitives: tuple[OwnPrimitive, ...] = ()

    @cached_property
    def signatures(self) -> Mapping[str, Signature]:
        """Signatures by name, for a vocabulary."""
        return {own.signature.name: own.signature for own in self.primitives}

    @cached_property
    def modules(self) -> Mapping[str, CustomModule]:
        """Modules by name, for building, measuring and exporting networks."""
        return {own.signature.name: own.module if own.stated is None else _stating(own) for own in self.primitives}

    @cached_property
    def forms(self) -> Mapping[str, CustomForm]:
        """Closed forms by name, for shapes and costs: the stated one, or else the measured one."""
        return {own.signature.name: own.stated or own.measured for own in self.primitives}

    @cached_property
    def files(self) -> tuple[PluginFile, ...]:
        """Files that define the primitives."""
        return tuple(dict.fromkeys(own.file for own in self.primitives))

    @property
    def vocabulary(self) -> Vocabulary:
        """The built-in primitives and these."""
        return Vocabulary({**BUILTIN, **self.signatures})

    @property
    def note(self) -> str:
        """Caveat for counts that depend on these primitives; empty if all have a closed form."""
        names = [own.signature.name for own in self.primitives if own.stated is None]
        if not names:
            return ""
        return f"counted by fvcore alone: {_listed(names)} {'has' if len(names) == 1 else 'have'} no closed form"

    def of(self, whole: Node | language.Grammar) -> Plugins:
        """Return only those that a network or a grammar uses."""
        used = _used(whole)
        return Plugins(tuple(own for own in self.primitives if own.signature.name in used))

    def disagreement(self, network: Node, input_shape: Shape) -> str | None:
        """Return where a stated closed form differs from its module in a network; None if it does not.

        Args:
            network: a network whose closed form and fvcore count differ.
            input_shape: shape of its images.
        """
        from budgetnet.network.cost import closed_form

        asked: dict[tuple[str, Shape, tuple[tuple[str, object], ...]], None] = {}

        def noting(name: str, form: CustomForm) -> CustomForm:
            def noted(shape: Shape, **arguments: object) -> CustomCost:
                asked[name, shape, tuple(arguments.items())] = None
                return form(shape, **arguments)

            return noted

        # Shapes as the modules give them, so that each closed form is compared on inputs that occur.
        custom = {own.signature.name: noting(own.signature.name, own.measured) for own in self.primitives}
        with suppress(BudgetnetError):  # the inputs recorded until then are compared anyway
            closed_form.cost(network, input_shape, custom=custom)
        by_name = {own.signature.name: own for own in self.primitives}
        for name, shape, arguments in asked:
            text = _difference(by_name[name], shape, dict(arguments))
            if text is not None:
                return text
        return None

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Raise TrainingError, with file and line, where the block fails inside a plug-in; other errors pass."""
        try:
            yield
        except BudgetnetError:
            raise
        except Exception as error:
            files = {str(file.path) for file in self.files}
            places = [frame for frame in extract_tb(error.__traceback__) if frame.filename in files]
            if not places:
                raise
            said = f"{type(error).__name__}: {error}"
            raise TrainingError(f"{places[-1].filename}:{places[-1].lineno} failed in training: {said}") from error


NO_PLUGINS = Plugins()


def read_file(path: Path) -> PluginFile:
    """Read a plug-in file without running it.

    Raises:
        RequestError: it is missing or is not text.
    """
    if path.suffix != ".py":
        raise RequestError(f"{path} is not a plug-in: primitives are defined in a Python file, named *.py")
    try:
        return PluginFile(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RequestError(
            f"there is no plug-in file {path}; write a path relative to the file that names it"
        ) from None
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not plain UTF-8 text (byte {error.start}); is it a Python file?") from None
    except (OSError, ValueError) as error:  # a name may contain characters that no path can
        raise RequestError(f"{path} cannot be read ({error}); name a Python file") from None


def load_plugins(files: Sequence[PluginFile]) -> Plugins:
    """Run plug-in files and return the primitives they define; without files nothing is loaded.

    Raises:
        RequestError: a file does not run, or a class in it cannot be a primitive; with file and line.
    """
    if not files:
        return NO_PLUGINS
    from budgetnet.files.plugins.read import plugin_error, primitives_of  # loads torch

    found: dict[str, OwnPrimitive] = {}
    names: dict[str, PluginFile] = {}
    for file in dict.fromkeys(files):
        if names.setdefault(file.path.name, file) is not file:
            raise RequestError(f"there are two plug-ins called {file.path.name}; give one of the files another name")
        for own in primitives_of(file):
            other = found.setdefault(own.signature.name, own)
            if other is not own:
                where = f"{other.file.path}:{other.line}"
                raise plugin_error(
                    file, own.line, f"the primitive {own.signature.name!r} is also defined in {where}; rename one"
                )
    return Plugins(tuple(found.values()))


def _stating(own: OwnPrimitive) -> CustomModule:
    """Return the class as a function whose modules carry the cost that its author states."""
    from budgetnet.network.torch.build import STATED, StatedCost  # loads torch

    @functools.wraps(own.module, updated=())
    def make(shape: Shape, **arguments: object) -> nn.Module:
        module = own.module(shape, **arguments)
        assert own.stated is not None
        with suppress(BudgetnetError):  # the closed form refuses such an input, and is blamed for it elsewhere
            stated = own.stated(shape, **arguments)
            setattr(module, STATED, StatedCost(own.signature.name, shape, stated.flops, stated.activations))
        return module

    return make


def _difference(own: OwnPrimitive, shape: Shape, arguments: dict[str, object]) -> str | None:
    if own.stated is None:
        return None
    try:
        counted = own.measured(shape, **arguments)
    except CountError:  # there is no count to hold against it
        return None
    where = f"{own.file.path}:{own.line}"
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    subject = f"{own.signature.name}({given}) on an input of {describe_shape(shape)}"
    try:
        stated = own.stated(shape, **arguments)
    except BudgetnetError as error:
        return f"{subject}: the module works, but {error}"
    for word, ours, theirs in (
        ("an output of", stated.output, counted.output),
        ("parameters", stated.params, counted.params),
        ("FLOPs", stated.flops, counted.flops),
        ("activations", stated.activations, counted.activations),
    ):
        if ours != theirs:
            said, is_ = (
                f"{word} {describe_shape(value)}" if isinstance(value, tuple) else f"{value:,} {word}"
                for value in (ours, theirs)
            )
            return f"{subject}: its closed form gives {said}, the module {is_}; correct cost() at {where}"
    return None


def _used(part: object) -> set[str]:
    """Return the names of custom primitives in a network; in a grammar, the names of everything that is called."""
    if isinstance(part, Custom | language.Call):
        return {part.name}
    if isinstance(part, tuple):
        return set().union(*map(_used, part))
    if is_dataclass(part):
        return set().union(*(_used(getattr(part, field.name)) for field in fields(part)))
    return set()


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
