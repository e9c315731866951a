"""The command that reads networks of others: import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.cli.options import Json, image_shape
from budgetnet.cli.output import put
from budgetnet.cli.overrides import whole_option

__all__ = ["import_command"]


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="MODULE", help="torchvision:NAME, MODEL.py:Class, MODEL.py:Class(depth=20).", show_default=False
        ),
    ],
    shape: Annotated[
        str, typer.Option("--input", metavar="CxHxW", help="Channels, height and width of one image.")
    ] = "3x32x32",
    classes: Annotated[
        int | None, whole_option("--classes", low=1, help="Number of classes.  [default: the module's own]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the network.  [default: the class's]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the network file (.yaml) here, not to stdout.")
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Write the module's weights beside it, as safetensors; needs --out.")
    ] = False,
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="FILE", help="Write a study of variants around the network."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="NAME", help="Data set of that study.  [default: one of such images]"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare counts and scores with the module's.")
    ] = True,
    trust_model: Annotated[bool, typer.Option("--trust-model", help="Run MODEL.py, which is a program.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a torch module into a network file.

    Its parameters, FLOPs and scores at equal weights are compared with the network's. What the language has no words
    for is named, with its place in the module and the nearest construct.
    """
    from budgetnet.api.pages.imports import import_answer

    wanted = image_shape(shape)
    assert wanted is not None
    answer = import_answer(
        source,
        shape=wanted,
        classes=classes,
        name=name,
        out=out,
        weights=weights,
        study=study,
        dataset=dataset,
        check=check,
        trust=trust_model,
        as_json=as_json,
    )
    put(answer, as_json=as_json)
