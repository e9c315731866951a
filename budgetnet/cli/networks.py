"""The commands that look at networks: show, diff."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.cli.options import Json, NetworkArgument, Run, Storage, image_shape
from budgetnet.cli.output import put, say

__all__ = ["diff_command", "show_command"]


def show_command(
    network: NetworkArgument,
    shape: Annotated[
        str | None, typer.Option("--input", metavar="CxHxW", help="Input shape to count it at, e.g. 3x64x64.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Build the network and count it with fvcore, too; loads torch.")
    ] = False,
    draw: Annotated[
        Path | None,
        typer.Option("--draw", metavar="FILE", help="Draw the network instead, into a .svg, .png or .html file."),
    ] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Print layers and counts, or draw the network."""
    from budgetnet.api.pages.networks import network_answer

    wanted = image_shape(shape)
    answer = network_answer(network, shape=wanted, verify=verify, draw=draw, storage=storage, run=run, say=say)
    put(answer, as_json=as_json)


def diff_command(
    first: Annotated[str, typer.Argument(metavar="A", help="A network; see NETWORK.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another network.", show_default=False)],
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Find both in its grammar and show which decisions differ.")
    ] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Compare two networks, in cost and line by line."""
    from budgetnet.api.pages.networks import difference_answer

    put(difference_answer(first, second, study=study, storage=storage, run=run, say=say), as_json=as_json)
