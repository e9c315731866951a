"""The commands about what a study's grammar holds, before anything trains: explore, sample."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from budgetnet.cli.options import Json, StudyFile, whole_option
from budgetnet.cli.output import say, tell, tell_json

__all__ = ["explore", "sample"]


def explore(
    study: StudyFile,
    draws: Annotated[int, whole_option("-n", "--draws", low=1, high=10_000_000, help="Networks to draw.")] = 1000,
    points: Annotated[
        int, whole_option("--points", low=1, high=20_000, help="Networks that fit to show in figures and --json.")
    ] = 400,
    seed: Annotated[int, whole_option("--seed", low=0, help="Equal seeds draw equal networks.")] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page with figures that opens offline.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what fits the budget, before anything trains.

    How many networks there are and how many fit, exactly where the space is small enough; how large they are, which
    rules and choices stand in the way, and what could be changed, from networks drawn at random.
    """
    from budgetnet.explore import explore as look
    from budgetnet.explore.text import exploration_document, exploration_text
    from budgetnet.files.spaces import space_of
    from budgetnet.files.study_file import read_study
    from budgetnet.space.lint.lint import lint

    asked = read_study(study)
    space = space_of(asked)
    if html is not None:
        from budgetnet.explore.html import check_place

        check_place(html)
    for warning in lint(space):
        say(f"warning: {warning.text}")
    found = look.explore(space, draws=draws, seed=seed, points=points if as_json or html is not None else 0)
    note = asked.plugins.of(asked.grammar).note
    if html is not None:
        from budgetnet.explore.html import write_page
        from budgetnet.explore.page import exploration_page

        words = ["budgetnet", "explore", study, "-n", draws, "--points", points, "--seed", seed, "--html", html]
        command = shlex.join(map(str, words))
        write_page(html, exploration_page(found, study=asked.name, budget=asked.budget, command=command, note=note))
        say(f"wrote {html}")
    if as_json:
        tell_json(exploration_document(found, study=asked.name, budget=asked.budget, note=note))
    elif html is None:
        tell(exploration_text(found, title=asked.name, budget=asked.budget, note=note))


def sample(
    study: StudyFile,
    n: Annotated[int, whole_option("-n", "--number", low=1, high=1_000_000, help="Networks to draw.")] = 10,
    weighting: Annotated[
        Literal["prior", "uniform"],
        typer.Option(help="By the grammar's weights, or every fitting derivation alike."),
    ] = "prior",
    stratify: Annotated[
        Literal["size", "depth"] | None, typer.Option(help="Draw from bands of size or depth in turn.")
    ] = None,
    distinct: Annotated[bool, typer.Option("--distinct", help="No network twice, by canonical hash.")] = False,
    seed: Annotated[int, whole_option("--seed", low=0, help="Equal seeds draw equal networks.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write each as a network file, too.")] = None,
    as_json: Json = False,
) -> None:
    """Draw networks that fit the budget, with their costs."""
    from budgetnet.explore.draw_networks import draw_networks, draws_document, draws_text, write_networks
    from budgetnet.files.spaces import checked_space
    from budgetnet.files.study_file import read_study

    asked = read_study(study)
    checked_space(asked, say=say)
    drawn = draw_networks(asked, n, seed=seed, weighting=weighting, stratify=stratify, distinct=distinct)
    written = None if out is None else write_networks(drawn, out)
    if as_json:
        tell_json(draws_document(drawn, written))
    else:
        tell(draws_text(drawn, written))
