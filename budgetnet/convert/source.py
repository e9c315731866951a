"""Torch modules by name: a class in a Python file, or a model of torchvision."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from budgetnet.errors import RequestError, nearest

__all__ = ["NamedModule", "named_module"]

_TORCHVISION = "torchvision:"
_EXAMPLE = "write MODEL.py:Class or torchvision:resnet18"
_CLASSES = ("num_classes", "classes", "n_classes", "nb_classes", "out_features")
"""Names that constructors have for the number of classes."""


class NamedModule:
    """A module with what is known of where it comes from."""

    def __init__(self, module: nn.Module, name: str, origin: str) -> None:
        self.module = module
        self.name = name
        """A word for the network: ``resnet18``."""
        self.origin = origin
        """For the key ``source`` of a network file."""


def named_module(source: str, *, classes: int | None, trust: bool) -> NamedModule:
    """Return the module that a text names, with weights drawn from seed 0 where it draws them.

    Args:
        source: ``torchvision:NAME``, or ``MODEL.py:Class``, which is called without arguments, or with those of
            ``MODEL.py:Class(depth=20)``.
        classes: number of classes that it is made for; its own default if None.
        trust: True to run the Python file, which is a program.

    Raises:
        RequestError: there is no such file, class or model, it is not trusted, or making it fails.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if source.startswith(_TORCHVISION):
            return _of_torchvision(source.removeprefix(_TORCHVISION), classes)
        path, colon, call = source.partition(".py:")
        if not colon:
            raise RequestError(f"a module to import must have a file and a class, but got {source!r}; {_EXAMPLE}")
        return _of_file(Path(f"{path}.py"), call, classes, trust)


def _of_torchvision(name: str, classes: int | None) -> NamedModule:
    from importlib.metadata import version

    from torchvision import models  # type: ignore[import-untyped]

    known = models.list_models(module=models)
    if name not in known:
        raise RequestError(f"torchvision has no classification model {name!r}{nearest(name, known)}; {_EXAMPLE}")
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # it takes a minute and changes nothing here
    module = models.get_model(name, weights=None, **options)
    return NamedModule(module, name.replace("_", "-"), f"{name} of torchvision {version('torchvision')}")


def _of_file(path: Path, call: str, classes: int | None, trust: bool) -> NamedModule:
    if not path.is_file():
        raise RequestError(f"there is no file {path}; {_EXAMPLE}")
    name, arguments = _read_call(call)
    if not trust:
        raise RequestError(
            f"{path} is a program that runs here to make the module: read it, then add --trust-model (in Python: "
            "trust=True)"
        )
    offered = vars(_run(path))
    make = offered.get(name)
    if make is None:
        modules = [word for word, value in offered.items() if isinstance(value, type) and issubclass(value, nn.Module)]
        hint = nearest(name, modules) or (f"; it defines {', '.join(modules)}" if modules else "")
        raise RequestError(f"{path} defines no {name!r}{hint}")
    if isinstance(make, nn.Module):
        module: Any = make
    else:
        try:
            module = make(**_with_classes(make, arguments, classes))
        except Exception as error:
            raise RequestError(
                f"{call} in {path} cannot be made: {type(error).__name__}: {error}; give its arguments, for example "
                f"{path}:{name}(width=16)"
            ) from error
    if not isinstance(module, nn.Module):
        raise RequestError(f"{path}:{name} must be a torch.nn.Module, but it is a {type(module).__name__}")
    return NamedModule(module, name.lower().replace("_", "-"), f"{name} of {path.name}")


def _read_call(call: str) -> tuple[str, Mapping[str, Any]]:
    """Read ``Class`` or ``Class(depth=20)``."""
    wrong = RequestError(
        f"a class may have arguments by name with plain values, but got {call!r}; write MODEL.py:Class(depth=20)"
    )
    try:
        tree = ast.parse(call, mode="eval").body
    except SyntaxError:
        raise wrong from None
    match tree:
        case ast.Name(id=name):
            return name, {}
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
            try:
                return name, {str(each.arg): ast.literal_eval(each.value) for each in keywords if each.arg}
            except ValueError:
                raise wrong from None
        case _:
            raise wrong


def _with_classes(make: Any, arguments: Mapping[str, Any], classes: int | None) -> dict[str, Any]:
    """Return a constructor's arguments, with the number of classes where it has a name for it."""
    if classes is None or not callable(make):
        return dict(arguments)
    import inspect

    try:
        names = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return dict(arguments)
    word = next((word for word in _CLASSES if word in names and word not in arguments), None)
    return dict(arguments) if word is None else {**arguments, word: classes}


def _run(path: Path) -> ModuleType:
    """Run a Python file as a module; what lies beside it can be imported."""
    name = f"budgetnet_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RequestError(f"{path} cannot be read as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise RequestError(f"{path} fails when it is run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent.absolute()))
    return module
