"""Errors about the command line itself, found by typer, in the words of budgetnet's own errors."""

from __future__ import annotations

import re
from typing import Any

from typer.exceptions import TyperException

from budgetnet.errors import closest

__all__ = ["usage_text"]


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


def _plain(text: str) -> str:
    """Return a sentence in lower case without a full stop."""
    return text[:1].lower() + text[1:].rstrip(".")
