"""Exploration of a space as one page: what fits, why the rest does not, and what could be changed."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from budgetnet import __version__
from budgetnet.explore.exact_text import large
from budgetnet.explore.figures.costs import cost_histogram, sample_scatter
from budgetnet.explore.figures.decisions import decision_figure, effect_figure, reason_figure
from budgetnet.explore.figures.regions import region_figure
from budgetnet.explore.findings import Exploration
from budgetnet.explore.suggestions import bound_words, suggest
from budgetnet.network.budget import Budget
from budgetnet.pages.figure import Figure
from budgetnet.pages.page import Page, PageSection, PageTable
from budgetnet.text import count_text, percent, short_count

__all__ = ["exploration_page"]


def exploration_page(found: Exploration, *, study: str, budget: Budget, command: str, note: str = "") -> Page:
    """Return the page.

    Args:
        found: with histograms and a sample (`budgetnet.explore.explore.explore_space` with points).
        study: the study's name.
        budget: its budget.
        command: what made the page.
        note: remark on counts that depend on own primitives.
    """
    sections = [
        _suggestions(found, budget),
        _sizes(found),
        _sample(found),
        _regions(found),
        _one("What each decision costs", _DECISIONS, decision_figure(found)),
        _one("What each option does to the share that fits", _effects_text(found), effect_figure(found)),
        _reasons(found),
    ]
    return Page(
        title=f"{study}: what fits",
        lead=f"Budget: {budget}. One multiply-add counts as one FLOP.",
        tiles=_tiles(found),
        sections=[section for section in sections if section is not None],
        footer=[
            f"Study {study}, budget {budget}. Made by: {command}",
            *([f"Counts: {note}."] if note else []),
            f"Estimates: {count_text(found.draws)} draws by the grammar's own weights, seed {found.seed}; ± is one "
            "standard error. Exact numbers come from the table over the whole space.",
            f"budgetnet {__version__}, plotly {version('plotly')}, Python {platform.python_version()}; "
            f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}. The page loads nothing from elsewhere.",
        ],
    )


_DECISIONS = (
    "Each dot is one option of a decision: the mean number of parameters of all draws that take it, fitting or not. "
    "Decisions that differ only in a repetition's index are one."
)


def _tiles(found: Exploration) -> list[tuple[str, str]]:
    census = found.census
    tiles = []
    if census is not None and census.derivations is not None:
        tiles.append((large(census.derivations), "derivations in the grammar (exact)"))
    if census is not None and census.fitting is not None and census.axis is not None:
        tiles.append((large(census.fitting), f"of them keep {census.axis} ≤ {count_text(census.bound)} (exact)"))
    share = f"{percent(found.fits.value, 1)} ± {percent(found.fits.error, 1)} %"
    tiles.append((share, "of the grammar's own draws fit the whole budget (estimated)"))
    if census is not None and census.smallest is not None and census.axis is not None:
        tiles.append((count_text(census.smallest), f"{bound_words(census.axis)} of the smallest network (exact)"))
    return tiles


def _suggestions(found: Exploration, budget: Budget) -> PageSection | None:
    texts = [suggestion.text for suggestion in suggest(found, budget)]
    return PageSection(title="Suggestions", items=texts) if texts else None


def _sizes(found: Exploration) -> PageSection:
    text = [
        "Height is the probability that a draw by the grammar's own weights lands in a bar, before anything is "
        "dropped: grey for all networks, blue for those that keep every bound of the budget."
    ]
    if found.no_census:
        text.append(f"Not counted exactly: {found.no_census}.")
    beyond = [
        f"{percent(view.beyond.value, 1)} % have more {bound_words(view.bound)} than shown."
        for view in found.histograms
        if view.beyond.value >= 0.0005
    ]
    text += [" ".join(beyond)] if beyond else []
    return PageSection(
        title="How large the networks are", text=text, figures=list(map(cost_histogram, found.histograms))
    )


def _sample(found: Exploration) -> PageSection:
    title = "A sample of networks that fit"
    if found.sample is None:
        return PageSection(title=title, text=["No network that fits was found, so there is none to show."])
    points = found.sample.points
    text = (
        f"{count_text(len(points))} networks drawn by the grammar's weights, given that they fit (seed "
        f"{found.sample.seed}). Hover over a dot for its text and costs."
    )
    dropped = sum(found.sample.rejected.values())
    if dropped:
        words = " and ".join(map(bound_words, found.sample.rejected))
        text += (
            f" {count_text(dropped)} further draws broke {words} and were drawn again, so that the rest keep the "
            "grammar's proportions. A search has none to draw again "
            "where the table knows that bound jointly with the first."
        )
    figures = [sample_scatter(points, "flops"), sample_scatter(points, "receptive_field", again=True)]
    return PageSection(title=title, text=[text], figures=figures)


def _regions(found: Exploration) -> PageSection | None:
    if found.sample is None:
        return None
    return PageSection(
        title="Where the parameters go",
        text=[
            "Mean over the same sample, by the calls that lead to each rule: what stands in the rule itself, and what "
            "the rules that it calls hold. A rule stands below the one that calls it, with a dot for each around it."
        ],
        figures=[region_figure(found.sample.regions, len(found.sample.points))],
    )


def _effects_text(found: Exploration) -> str:
    text = (
        "Blue, with its standard error: of the draws that take an option at least once, how many fit the whole budget. "
        "The dashed line is the share of all draws."
    )
    if found.census is not None and any(effect.exact is not None for effect in found.effects):
        text += f" Open diamonds are exact, and of {found.census.axis} ≤ {count_text(found.census.bound)} alone."
    return text


def _one(title: str, text: str, figure: Figure | None) -> PageSection | None:
    return None if figure is None else PageSection(title=title, text=[text], figures=[figure])


def _reasons(found: Exploration) -> PageSection | None:
    figure = reason_figure(found)
    if figure is None:
        return None
    rows: Sequence[Sequence[str]] = [
        [
            bound_words(cause.reason),
            (cause.place or "the first rule") if cause.held is not None else cause.place,
            f"{percent(cause.share.value, 1)} ± {percent(cause.share.error, 1)} %",
            "" if cause.held is None else f"{percent(cause.held, 0)} %",
            "" if cause.excess is None else f"{percent(cause.excess, 0)} %",
            cause.example,
        ]
        for cause in found.causes
    ]
    header = ["broken", "mostly in", "share of draws", "of it there", "over by (mean)", "for example"]
    total = percent(sum(cause.share.value for cause in found.causes), 1)
    middle = short_count(found.params.values[3]) if found.params is not None else ""
    text = (
        f"The {len(found.causes)} most common reasons make up {total} % of all draws. A reason is the bound that is "
        "exceeded by the largest factor, and the rule whose own primitives cost most of it."
    )
    if middle:
        text += f" Half of all networks drawn have at most {middle} parameters."
    return PageSection(
        title="Why the others do not fit",
        text=[text],
        figures=[figure],
        table=PageTable(header=header, rows=rows, left=(0, 1, 5)),
    )
