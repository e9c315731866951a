"""Pages about networks: show, diff."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.api.pages.printout import Printout
from budgetnet.api.say import Say, say_damage, say_run_folder

if TYPE_CHECKING:
    from budgetnet.records.lookup import Found

__all__ = ["difference_answer", "found_network", "network_answer"]


def network_answer(
    network: str,
    *,
    shape: tuple[int, int, int] | None,
    verify: bool,
    draw: Path | None,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Show a network's layers and costs by the closed form; with *verify*, compare fvcore's count with it.

    With *draw*, a file, the network is drawn there, and no lines are returned.

    Raises:
        CountError: with *verify*, the counts differ.
        RequestError, LanguageError, ShapeError, SearchError: see `budgetnet.api.networks.read_network`.
    """
    from budgetnet.report.network import sheet, sheet_document, sheet_text, verified

    if draw is not None:
        from budgetnet.draw.draw import check_drawing

        check_drawing(draw)
    found = found_network(network, storage, run, say).architecture
    shown = sheet(found, shape)
    if verify:
        shown = verified(shown, found)
    if draw is None:
        return Printout(lines=sheet_text(shown, verified=verify), document=sheet_document(shown), command="show")
    from budgetnet.draw.draw import write_drawing

    write_drawing(found if shape is None else replace(found, input_shape=shape), draw)
    return Printout(lines=(), document=sheet_document(shown), command="show", notes=[f"wrote {draw}"])


def difference_answer(
    first: str, second: str, *, study: Path | None, storage: str | None, run: Path | None, say: Say
) -> Printout:
    """Compare two networks in cost, line by line, and by the decisions of a study that derives both."""
    from budgetnet.records.lookup import common_study
    from budgetnet.report.difference import difference, difference_document, difference_text

    a, b = (found_network(name, storage, run, say) for name in (first, second))
    found = difference(a.architecture, b.architecture, (a.label, b.label))
    document, lines = difference_document(found), difference_text(found)
    if study is None:
        guide = common_study(a, b)
    else:
        from budgetnet.api.studies import read_study

        guide = read_study(study)
    if guide is not None:
        from budgetnet.report.decisions import decisions, decisions_document, decisions_text

        made = decisions(a.architecture, b.architecture, guide)
        document, lines = {**document, **decisions_document(made)}, [*lines, "", *decisions_text(made)]
    return Printout(lines=lines, document=document, command="diff")


def found_network(network: str, storage: str | None, run: Path | None, say: Say) -> Found:
    """Find a network, and say whose run folder it is from."""
    from budgetnet.records.lookup import find

    found = find(network, storage=storage, out=run)
    if found.trials is not None:
        say_run_folder(found.trials.study, run, say)
        say_damage(found.trials, say)
    return found
