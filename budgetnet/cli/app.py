"""The command ``budgetnet`` as a whole: how its commands are grouped, and how each of them may end.

Exit codes: 0 all is well, 1 the work failed, 2 the request was wrong, 130 interrupted. A user's mistake is one
message on stderr and never a traceback; an error of the program keeps its traceback, because it is to be reported.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from budgetnet.cli.command import LazyGroup
from budgetnet.cli.output import page_width, say, tell
from budgetnet.cli.usage import refuse_empty, usage_text
from budgetnet.errors import BudgetnetError, RequestError
from budgetnet.text import ESCAPES, PAGE_WIDTH
from budgetnet.workers.interruption import heeded, obeyed

__all__ = ["Commands", "app", "main"]

INTERRUPTED = 130
"""Exit code that a shell expects of a program ended by SIGINT: 128 + 2."""
_INTERRUPTION = "\ninterrupted; what was finished before is kept"


@contextmanager
def _one_message() -> Iterator[None]:
    """Turn expected errors into one message and their exit code."""
    try:
        yield
    except BudgetnetError as error:
        say(f"error: {error}")
        raise typer.Exit(error.exit_code) from error
    except TyperException as error:
        say(f"error: {usage_text(error)}")
        raise typer.Exit(RequestError.exit_code) from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = str(error.filename)
        say(f"error: a file's name must be shorter, but got {name[:60]}… with {len(name)} characters; check the path")
        raise typer.Exit(RequestError.exit_code) from error
    except KeyboardInterrupt as error:
        heeded()
        say(_INTERRUPTION)
        raise typer.Exit(INTERRUPTED) from error


class Commands(LazyGroup):
    """The group of all commands; turns expected errors into one message and their exit code."""

    homes = {  # noqa: RUF012 - in the order in which `--help` shows them: from a study to its results
        "search": "budgetnet.cli.searches",
        "worker": "budgetnet.cli.searches",
        "explore": "budgetnet.cli.spaces",
        "sample": "budgetnet.cli.spaces",
        "calibrate": "budgetnet.cli.searches",
        "tune-recipe": "budgetnet.cli.searches",
        "show": "budgetnet.cli.networks",
        "import": "budgetnet.cli.imports",
        "diff": "budgetnet.cli.networks",
        "train": "budgetnet.cli.trainings",
        "list": "budgetnet.cli.studies",
        "report": "budgetnet.cli.reports",
        "compare": "budgetnet.cli.reports",
        "dashboard": "budgetnet.cli.studies",
        "export": "budgetnet.cli.trainings",
        "verify": "budgetnet.cli.folders",
        "bench": "budgetnet.cli.folders",
    }

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the words before the command's name."""
        if not args:
            return super().make_context(info_name, args, parent, **extra)  # ends with the help
        with _one_message():
            refuse_empty(args)
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        with _one_message():
            return super().invoke(ctx)


app = typer.Typer(
    name="budgetnet",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the best small neural network that fits a budget.\n\n"
    "STUDY is a study file. NETWORK is a network file, STUDY:best (the best trial so far) or STUDY:17 "
    "(trial 17). One multiply-add counts as one FLOP everywhere.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from budgetnet import __version__

        tell(f"budgetnet {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Fit all text to the terminal."""
    token = PAGE_WIDTH.set(page_width())
    context.call_on_close(lambda: PAGE_WIDTH.reset(token))


def main() -> None:
    """Run the command line and exit; the entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ESCAPES)  # a name that is not UTF-8 must not end a command in a traceback
    try:
        with obeyed():  # so that what was begun is cleared away after SIGTERM, as after Ctrl-C
            app(prog_name="budgetnet")  # also under `python -m budgetnet`: completion scripts call this name
    except KeyboardInterrupt:  # no command has begun, or it has ended
        say(_INTERRUPTION)
        sys.exit(INTERRUPTED)
    except Exception:  # noqa: BLE001 - the last place that can say what to do about it
        traceback.print_exc()
        say(
            "\nThis is an error in budgetnet, not in your input. Please report it with the lines above, "
            "the command and the study file."
        )
        sys.exit(1)
