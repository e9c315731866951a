"""Reading a plug-in file: the file is run, and its classes become primitives.

::

    class Gated(nn.Module):
        def __init__(self, shape: tuple[int, ...], channels: int, gate: Literal["sigmoid", "tanh"] = "sigmoid") -> None:
            ...

        @staticmethod
        def cost(shape: tuple[int, ...], channels: int, gate: str) -> CustomCost:  # the closed form, optional
            ...

The class is called ``gated`` in a grammar (or as its attribute ``primitive`` says), takes what its constructor takes
after the shape of its input, and maps ``(N, *shape)`` to one tensor. Classes whose names begin with an underscore
are not primitives.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import re
import sys
from dataclasses import replace
from traceback import extract_tb
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from torch import nn

from budgetnet.errors import RequestError
from budgetnet.files.plugins.cost_forms import measured_form, stated_form
from budgetnet.files.plugins.types import OwnPrimitive, PluginFile
from budgetnet.grammar.lexer import LARGEST_NUMBER, RESERVED, is_name
from budgetnet.grammar.source import Source, Span
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Scalar, Signature, wrong

__all__ = ["plugin_error", "primitives_of"]

_KINDS: dict[object, Literal["int", "float", "bool", "text"]] = {
    int: "int",
    float: "float",
    bool: "bool",
    str: "text",
}
_TYPES = 'int, float, bool, str or Literal["a", "b"]'


def primitives_of(file: PluginFile) -> tuple[OwnPrimitive, ...]:
    """Run a plug-in file and return its primitives, in its order.

    Raises:
        RequestError: it is not Python, fails, defines no primitive, or a class cannot be one; with file and line.
    """
    tree = _parsed(file)
    module = _run(file, tree)
    found: list[OwnPrimitive] = []
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            value = getattr(module, statement.name, None)
            if isinstance(value, type) and issubclass(value, nn.Module):
                found.append(_Reader(file, statement, value).primitive())
    if not found:
        raise RequestError(
            f"{file.path} defines no primitive: it needs a class that inherits from torch.nn.Module and whose name "
            "does not begin with an underscore"
        )
    return tuple(found)


def plugin_error(file: PluginFile, line: int, message: str, *, column: int = 1, length: int = 1) -> RequestError:
    """Return an error that shows a line of a plug-in file; columns are counted from 1."""
    return RequestError(str(Source(file.text, str(file.path)).error(Span(line, column, length), message)))


# --- running the file -----------------------------------------------------------------------------------


def _parsed(file: PluginFile) -> ast.Module:
    try:
        return ast.parse(file.text, str(file.path))
    except SyntaxError as error:
        raise plugin_error(file, error.lineno or 1, f"not Python: {error.msg}", column=error.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, too many brackets
        raise RequestError(f"{file.path} is not Python: {error}; is it a plug-in?") from None


def _run(file: PluginFile, tree: ast.Module) -> ModuleType:
    """The file as a module; equal text under an equal path is run once."""
    name = "budgetnet_plugin_" + hashlib.sha256(f"{file.path}\n{file.text}".encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(file.path)
    # Tracebacks and exports show the text that runs, even if the file has changed since.
    linecache.cache[str(file.path)] = (len(file.text), None, file.text.splitlines(keepends=True), str(file.path))
    sys.modules[name] = module
    try:
        exec(compile(tree, str(file.path), "exec"), module.__dict__)  # noqa: S102 - what a plug-in is for
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may raise anything
        del sys.modules[name]
        raise _failed(file, error) from None
    return module


def _failed(file: PluginFile, error: BaseException) -> RequestError:
    message = f"the plug-in fails when it is read: {type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError):
        message += "; install it, or move the needed code into the plug-in, which is a single file"
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == str(file.path)]
    if not frames:
        return RequestError(f"{file.path}: {message}")
    column, end = frames[-1].colno or 0, frames[-1].end_colno or 1
    return plugin_error(file, frames[-1].lineno or 1, message, column=column + 1, length=max(1, end - column))


# --- reading a class ------------------------------------------------------------------------------------


class _Reader:
    """Reads one class as a primitive."""

    def __init__(self, file: PluginFile, statement: ast.ClassDef, module: type[nn.Module]) -> None:
        self._file = file
        self._statement = statement
        self._module = module

    def primitive(self) -> OwnPrimitive:
        """The class as a primitive."""
        name = self._name()
        parameters = self._parameters()
        described = inspect.getdoc(self._module) if "__doc__" in vars(self._module) else None
        words = (described or "").strip().splitlines()
        cost = inspect.getattr_static(self._module, "cost", None)
        if cost is not None and not isinstance(cost, staticmethod):
            raise self._wrong("cost", "the closed form must be @staticmethod def cost(shape, …) -> CustomCost")
        return OwnPrimitive(
            signature=Signature(name=name, parameters=parameters, help=words[0] if words else "own primitive"),
            module=self._module,
            stated=None if cost is None else stated_form(name, cost.__func__, self._file),
            measured=measured_form(name, self._module),
            file=self._file,
            line=self._statement.lineno,
        )

    def _name(self) -> str:
        given = vars(self._module).get("primitive")
        if given is None:
            name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self._statement.name).lower()
        elif isinstance(given, str):
            name = given
        else:
            raise self._wrong("primitive", f"primitive must be the name as a text, but got {given!r}")
        advice = 'give it another name with primitive = "…", or begin the class\'s name with an underscore'
        if name in BUILTIN:
            raise self._wrong("primitive", f"there is a primitive {name!r} already; {advice}")
        if not is_name(name):
            why = "is a word of the language" if name in RESERVED else "is not made of letters, digits and '_'"
            raise self._wrong("primitive", f"the name {name!r} {why}; {advice}")
        return name

    def _parameters(self) -> tuple[Parameter, ...]:
        """Return the constructor's parameters after the shape."""
        try:
            found = list(inspect.signature(self._module).parameters.values())
            hints = get_type_hints(self._module.__init__)
        except Exception as error:  # noqa: BLE001 - annotations may hold anything
            said = f"{type(error).__name__}: {error}"
            raise self._wrong("__init__", f"the parameters of {self._statement.name} cannot be read: {said}") from None
        if not found or found[0].name != "shape" or found[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            raise self._wrong(
                "__init__",
                f"{self._statement.name}: the first parameter of a primitive is shape: tuple[int, ...], its input's "
                "shape; begin the name of a class that is not a primitive with an underscore",
            )
        return tuple(self._parameter(parameter, hints) for parameter in found[1:])

    def _parameter(self, parameter: inspect.Parameter, hints: dict[str, Any]) -> Parameter:
        name, hint = parameter.name, hints.get(parameter.name)
        if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise self._wrong(name, f"{name} has no fixed name; a grammar needs parameters one by one: {_TYPES}")
        if not is_name(name):
            raise self._wrong(name, f"{name!r} is a word of the language; give the parameter another name")
        words: tuple[str, ...] = ()
        kind: Literal["int", "float", "bool", "name", "text"]
        if get_origin(hint) is Literal:
            words, kind = get_args(hint), "name"
            illegal = [word for word in words if not isinstance(word, str) or not is_name(word)]
            if illegal:
                came = f"but got {illegal[0]!r}; write {_TYPES}"
                raise self._wrong(name, f"{name}: the options of a Literal must be plain words, {came}")
        elif hint in _KINDS:
            kind = _KINDS[hint]
        else:
            came = "none" if hint is None else getattr(hint, "__name__", hint)
            raise self._wrong(name, f"{name} must have a type that a grammar can write: {_TYPES}, but got {came}")
        read = Parameter(name=name, kind=kind, names=words)
        if parameter.default is inspect.Parameter.empty:
            return read
        default = parameter.default
        problem = wrong(read, default) if isinstance(default, Scalar) else f"{name} is {default!r}"
        if problem is None and not isinstance(default, str) and not abs(default) <= LARGEST_NUMBER:
            problem = f"{name} is {default!r}"
        if problem is not None:
            raise self._wrong(name, f"a default must be what a grammar can write for the parameter's type; {problem}")
        return replace(read, default=float(default) if kind == "float" else default)

    def _wrong(self, what: str, message: str) -> RequestError:
        """An error at a parameter, method or attribute of the class; at its name where that is defined elsewhere."""
        body = self._statement.body
        near = [part for part in body if not isinstance(part, ast.FunctionDef) or part.name in ("__init__", what)]
        for node in (inner for part in near for inner in ast.walk(part)):
            match node:
                case ast.FunctionDef(name=word) if word == what:
                    return self._refused(node, "def ", word, message)
                case ast.arg(arg=word) | ast.Name(id=word) if word == what:
                    return self._refused(node, "", word, message)
                case _:
                    continue
        return self._refused(self._statement, "class ", self._statement.name, message)

    def _refused(self, node: ast.stmt | ast.expr | ast.arg, before: str, word: str, message: str) -> RequestError:
        column = node.col_offset + len(before) + 1
        return plugin_error(self._file, node.lineno, message, column=column, length=len(word))
