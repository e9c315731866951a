"""The commands about a study's space, before anything trains: explore, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from budgetnet.cli.options import Json, StudyFile
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import whole_option

__all__ = ["explore_command", "sample_command"]


def explore_command(
    study: StudyFile,
    draws: Annotated[
        int, whole_option("-n", "--draws", low=1, high=10_000_000, help="Number of networks to draw.")
    ] = 1000,
    points: Annotated[
        int, whole_option("--points", low=1, high=20_000, help="Networks that fit to show in figures and --json.")
    ] = 400,
    seed: Annotated[int, whole_option("--seed", low=0, help="Equal seeds draw equal networks.")] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page with figures that opens offline.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what fits the budget, before anything trains.

    How many networks there are and how many fit, exactly where the space is small enough; how large they are, which
    rules and choices stand in the way, and what could be changed, from networks drawn at random.
    """
    from budgetnet.api.pages.spaces import space_answer

    words = ["explore", study, "-n", draws, "--points", points, "--seed", seed, "--html", html]
    shown = points if as_json or html is not None else 0
    put(space_answer(study, draws=draws, points=shown, seed=seed, html=html, command=words, say=say), as_json=as_json)


def sample_command(
    study: StudyFile,
    n: Annotated[int, whole_option("-n", "--number", low=1, high=1_000_000, help="Number of networks to draw.")] = 10,
    weighting: Annotated[
        Literal["prior", "uniform"],
        typer.Option(help="Draw by the grammar's weights, or every fitting derivation alike."),
    ] = "prior",
    stratify: Annotated[
        Literal["size", "depth"] | None, typer.Option(help="Draw from bands of size or depth in turn.")
    ] = None,
    distinct: Annotated[bool, typer.Option("--distinct", help="Draw no network twice, by canonical hash.")] = False,
    seed: Annotated[int, whole_option("--seed", low=0, help="Equal seeds draw equal networks.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the networks' files.")] = None,
    as_json: Json = False,
) -> None:
    """Draw networks that fit the budget, with their costs."""
    from budgetnet.api.pages.spaces import sample_answer

    answer = sample_answer(
        study, n, seed=seed, weighting=weighting, stratify=stratify, distinct=distinct, out=out, say=say
    )
    put(answer, as_json=as_json)
