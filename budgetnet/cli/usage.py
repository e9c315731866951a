"""Errors about the command line itself, found by typer, in the words of budgetnet's own errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from typer.exceptions import TyperException

from budgetnet.errors import BudgetnetError, RequestError, closest

__all__ = ["refuse_empty", "usage_text"]


def refuse_empty(words: Sequence[str]) -> None:
    """Refuse an empty word, which stands where a shell's variable is not set.

    Raises:
        RequestError: there is one.
    """
    for before, word in pairwise(["", *words]):
        option = before if not word and before.startswith("-") else word[:-1] if re.fullmatch("--[^=]+=", word) else ""
        if option:
            raise RequestError(f"{option} needs a value, but got an empty one; if it is a variable, set it")
        if not word:
            raise RequestError("a word of a command must not be empty, but got ''; if it is a variable, set it")


def usage_text(error: TyperException) -> str:
    """Return what is wrong with the words of a command, and where to look: rule, what came, what to do.

    Args:
        error: a usage error of typer, which knows its context.
    """
    context: Any = getattr(error, "ctx", None)
    option = str(getattr(error, "option_name", ""))
    if context is None:
        if "requires an argument" in error.message:
            return f"{option} needs a value, but got none"
        if "does not take a value" in error.message:
            return f"{option} takes no value, but got one; write it alone"
        return _plain(error.format_message())
    command, parameters = context.command.name, context.command.get_params(context)
    needed = [parameter.metavar for parameter in parameters if parameter.param_type_name == "argument"]
    missing: Any = getattr(error, "param", None)
    extra = re.search(r"unexpected extra argument\S* \((.*)\)", error.message)
    if option:
        names = {name.lstrip("-"): name for parameter in parameters for name in parameter.opts}
        close = closest(option.lstrip("-"), names)
        problem = f"{command} has no option {option}{f'; did you mean {names[close]}?' if close else ''}"
    elif missing is not None and not error.message and (absent := _absent_study(context.params)):
        return absent
    elif missing is not None and not error.message and missing.param_type_name == "option":
        name = next(name for name in missing.opts if name.startswith("--"))
        problem = f"{command} needs {name} {missing.metavar}, but got none"
    elif missing is not None and not error.message:
        found = "none" if len(needed) == 1 else f"no {missing.metavar}"
        problem = f"{command} needs {' and '.join(needed)}, but got {found}"
    elif extra is not None:
        problem = f"{command} takes {' and '.join(needed)}, but got {extra[1]}, too"
    else:
        problem = _plain(error.format_message())
    return f"{problem}; see: {context.command_path} --help"


def _absent_study(given: dict[str, Any]) -> str:
    """Return that the study file among the words does not exist, which matters more than what else is missing."""
    from budgetnet.api.studies import names_file, read_study

    study = given.get("study")
    if study is None or not names_file(study) or Path(study).exists():
        return ""
    try:
        read_study(study)
    except BudgetnetError as error:
        return str(error)
    return ""


def _plain(text: str) -> str:
    """Return a sentence in lower case without a full stop."""
    return text[:1].lower() + text[1:].rstrip(".")
