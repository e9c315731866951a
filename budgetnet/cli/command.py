"""Commands that start fast: one is imported when it is called, and its plain options are read without pydantic.

typer builds every command of a program at each start, and asks pydantic (a fifth of a second to import) even to turn
a text into a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

from budgetnet.errors import RequestError, nearest

__all__ = ["Command", "LazyGroup"]


class _PlainReader:
    """Reads the values of one parameter that need no checks of typer's own, and leaves the others to typer.

    Args:
        parameter: a `TyperOption` or `TyperArgument`.
        typers_reader: its own method, which loads pydantic.
    """

    def __init__(self, parameter: Any, typers_reader: Callable[[], Any]) -> None:
        self._described = parameter.type_descriptor
        self._several = parameter.multiple or parameter.nargs != 1
        self._typers_reader = typers_reader

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as the command takes it."""
        wanted, read = self._described.annotation, self._described.parameter_info.parser
        if value is None:
            return () if self._several else None
        if not self._several:
            if read is not None:
                return read(value)
            if wanted is str and isinstance(value, str):
                return value
            if wanted is Path and isinstance(value, str | Path):
                return Path(value)
            if get_origin(wanted) is Literal:
                return _word(param.opts[0], value, get_args(wanted))
        elif get_args(wanted) == (Path,):
            return [Path(one) for one in value]
        return self._typers_reader().coerce(value, param=param, ctx=ctx)


def _word(option: str, value: str, legal: tuple[str, ...]) -> str:
    """Return *value* if it is one of the legal words.

    Raises:
        RequestError: it is not.
    """
    if value not in legal:
        hint = nearest(value, legal)
        raise RequestError(f"{option} must be one of {', '.join(legal)}, but got {value!r}{hint}")
    return value


def _read_plainly(parameters: list[Any]) -> list[Any]:
    """Let parameters ask for a `_PlainReader` where they would ask for typer's, and return them."""
    for parameter in parameters:
        if "get_runtime_param" not in vars(parameter):
            parameter.get_runtime_param = partial(_PlainReader, parameter, parameter.get_runtime_param)
    return parameters


class Command(TyperCommand):
    """A command that reads its plain options without pydantic."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, `--help` among them."""
        return _read_plainly(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and name options in errors as the user wrote them: ``--device``, not ``device``."""
        try:
            return super().invoke(ctx)
        except RequestError as error:
            text = str(error)
            for option in self.get_params(ctx):
                if option.param_type_name == "option" and ctx.get_parameter_source(option.name).name == "COMMANDLINE":
                    spoken = re.match(rf"{option.name}(?=:| must | needs | has | takes )", text)
                    if spoken:
                        flag = next(flag for flag in option.opts if flag.startswith("--"))
                        raise RequestError(flag + text[spoken.end() :]) from error
            raise


class LazyGroup(TyperGroup):
    """A group of commands, each of which is imported when it is called or listed."""

    homes: dict[str, str] = {}  # noqa: RUF012 - a subclass fills it
    """The module of each command, by name, in the order in which `--help` lists them; its function is NAME_command,
    with _ for -."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, `--help` among them."""
        return _read_plainly(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Return the commands' names."""
        return list(self.homes)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Return a command; None if there is none of this name."""
        home = self.homes.get(cmd_name)
        if home is None:
            return None
        if cmd_name not in self.commands:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name=cmd_name, cls=Command)(
                getattr(import_module(home), f"{cmd_name.replace('-', '_')}_command")
            )
            self.commands[cmd_name] = typer.main.get_command(alone)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command's name, the command and its own words.

        Raises:
            RequestError: there is no such command.
        """
        if args[0] not in self.homes and not args[0].startswith("-"):
            hint = nearest(args[0], self.homes) or f"; commands are {', '.join(self.homes)}"
            raise RequestError(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)
