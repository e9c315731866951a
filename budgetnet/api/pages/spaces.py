"""Pages about a study's space: explore, sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from budgetnet.api.pages.printout import Printout
from budgetnet.api.say import Say
from budgetnet.api.studies import as_study

__all__ = ["sample_answer", "space_answer"]


def space_answer(
    study: Path, *, draws: int, points: int, seed: int, html: Path | None, command: Sequence[object], say: Say
) -> Printout:
    """Explore a study's space; write a page with figures to *html* if that is given, and then no lines.

    Args:
        study: its file.
        draws: networks to draw.
        points: networks that fit to draw for figures; 0 for none.
        seed: equal seeds give equal results.
        html: where to write a page.
        command: words of the command that makes this page, for its last line.
        say: told what is suspicious about the space.
    """
    from budgetnet.api.spaces import explore, read_space
    from budgetnet.explore.text import exploration_document, exploration_text
    from budgetnet.space.lint.lint import lint
    from budgetnet.space.ticker import telling

    asked = as_study(study)
    space = read_space(asked)
    if html is not None:
        from budgetnet.pages.page import check_place

        check_place(html)
    with telling(say):
        for warning in lint(space):
            say(f"warning: {warning.text}")
        found = explore(space, draws=draws, seed=seed, points=points)
    note = asked.plugins.of(asked.grammar).note
    lines: Sequence[str] = ()
    notes: list[str] = []
    if html is not None:
        from budgetnet.explore.page import exploration_page
        from budgetnet.pages.page import write_page
        from budgetnet.text import command_text

        words = command_text(*command)
        write_page(html, exploration_page(found, study=asked.name, budget=asked.budget, command=words, note=note))
        notes.append(f"wrote {html}")
    else:
        lines = exploration_text(found, title=asked.name, budget=asked.budget, note=note)
    document = exploration_document(found, study=asked.name, budget=asked.budget, note=note)
    return Printout(lines=lines, document=document, command="explore", notes=notes)


def sample_answer(
    study: Path,
    number: int,
    *,
    seed: int,
    weighting: Literal["prior", "uniform"],
    stratify: Literal["size", "depth"] | None,
    distinct: bool,
    out: Path | None,
    say: Say,
) -> Printout:
    """Draw networks that fit, and write them into the folder *out* if that is given."""
    from budgetnet.api.spaces import sample
    from budgetnet.explore.draw_networks import draws_document, draws_text, write_networks
    from budgetnet.files.spaces import checked_space
    from budgetnet.space.ticker import telling

    asked = as_study(study)
    with telling(say):
        checked_space(asked, say=say)
        drawn = sample(asked, number, seed=seed, weighting=weighting, stratify=stratify, distinct=distinct)
    written = None if out is None else write_networks(drawn, out)
    return Printout(lines=draws_text(drawn, written), document=draws_document(drawn, written), command="sample")
