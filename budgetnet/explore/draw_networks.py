"""Networks drawn from a study's space, as text, as JSON and as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.explore.sample import Drawn, Point, collect, point_of
from budgetnet.explore.suggestions import bound_words
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.space.counting.depths import tabulate_depths
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, tabulate
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.sampling import strata
from budgetnet.space.space import Space
from budgetnet.space.within_budget import Along, Band, Weighting
from budgetnet.text import bytes_text, count_text, counted, joined_table, shape_text

__all__ = ["Draws", "draw_networks", "draws_document", "draws_text", "write_networks"]

BANDS = 8
"""Largest number of bands of sizes or depths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Drawn networks, and how they were drawn."""

    study: Study
    space: Space
    points: tuple[Point, ...]
    drawn: Drawn
    seed: int
    weighting: Weighting
    stratify: Along | None
    bands: tuple[Band, ...]
    distinct: bool
    near: str
    """Reason why the draws keep the grammar's proportions only roughly; empty if they keep them exactly."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks themselves, named by study and position from 1."""
        study, space = self.study, self.space
        width = max(3, len(str(len(self.points))))
        return tuple(
            Network(
                name=f"{study.name}-{place:0{width}d}",
                input_shape=space.input_shape,
                classes=space.classes,
                network=candidate.expansion.network,
                source=f"network {place} drawn from the study {study.name}, seed {self.seed}",
                plugins=study.plugins.of(candidate.expansion.network),
            )
            for place, candidate in enumerate(self.drawn.candidates, start=1)
        )


def draw_networks(
    study: Study,
    n: int,
    *,
    seed: int = 0,
    weighting: Weighting = "prior",
    stratify: Along | None = None,
    distinct: bool = False,
) -> Draws:
    """Draw networks that keep all bounds of a study's budget.

    Args:
        study: the study.
        n: how many.
        seed: equal seeds give equal networks.
        weighting: by the grammar's weights, or every fitting derivation alike.
        stratify: draw from bands of size or depth in turn.
        distinct: no network twice, by canonical hash.

    Raises:
        RequestError: the space is too large for what was asked, or holds fewer distinct networks.
        SearchError: nothing fits.
    """
    space = space_of(study)
    made = tabulate_depths(space) if stratify == "depth" else tabulate(space)
    if isinstance(made, TooLarge):
        if weighting == "uniform" or stratify is not None:
            asked = "--stratify" if stratify is not None else "--weighting uniform"
            raise RequestError(f"{asked} needs a table over the space, but {made.text}; leave it out")
        ahead = Outlook(space) if space.budget.bounds() else None
        found, cut, near = collect(space, ahead, n, seed=seed, distinct=distinct), [], made.text
    else:
        _check(made, weighting)
        cut = [] if stratify is None else strata(made, min(BANDS, n), along=stratify)
        if stratify is not None and not cut:
            raise RequestError(
                f"the table over this space cannot tell networks apart by {stratify}; leave --stratify out"
            )
        found = collect(space, made, n, seed=seed, weighting=weighting, bands=cut, distinct=distinct)
        near = ""
    return Draws(
        study=study,
        space=space,
        points=tuple(map(point_of, found.candidates, found.hashes)),
        drawn=found,
        seed=seed,
        weighting=weighting,
        stratify=stratify,
        bands=tuple(cut),
        distinct=distinct,
        near=near,
    )


def _check(table: Table, weighting: Weighting) -> None:
    """Raise an error if the table does not allow the weighting."""
    if weighting == "uniform" and not table.exact:
        raise RequestError(
            "--weighting uniform needs to tell costs apart, which takes more memory than the table may have; "
            "leave it out"
        )


def draws_text(drawn: Draws, written: Mapping[int, Path] | None = None) -> list[str]:
    """Return the networks as lines for people.

    Args:
        drawn: the networks.
        written: the file of each, by its place from 0.
    """
    study, space = drawn.study, drawn.space
    note = study.plugins.of(study.grammar).note
    rows = [
        [
            str(place + 1),
            count_text(point.params),
            count_text(point.flops),
            bytes_text(point.peak_activation_bytes),
            *([] if point.ram is None else [bytes_text(point.flash), bytes_text(point.ram)]),
            str(point.depth),
            f"{point.receptive_field} px",
            point.arch if not written else f"{written[place].name}  {point.arch}",
        ]
        for place, point in enumerate(drawn.points)
    ]
    more = [] if space.budget.ram is None else ["flash", "RAM"]
    header = ["", "parameters", "FLOPs", "peak memory", *more, "depth", "field", "network"]
    return [
        f"{study.name}: budget {study.budget}; input {shape_text(space.input_shape)}, {space.classes} classes",
        *([f"({note})"] if note else []),
        "",
        *joined_table(header, rows, left=(len(header) - 1,)),
        "",
        *_method(drawn),
        "one multiply-add = one FLOP; peak memory of activations in float32, one image; field: receptive field",
    ]


def _method(drawn: Draws) -> list[str]:
    n = count_text(len(drawn.points))
    how = {"prior": "by the grammar's weights", "uniform": "uniformly among the derivations"}[drawn.weighting]
    lines = [f"{n} drawn {how}, given that they fit (seed {drawn.seed})"]
    if drawn.stratify is not None:
        ends = f"{count_text(drawn.bands[0].low)} to {count_text(drawn.bands[-1].high)}"
        lines[0] += f", in turn from {counted(len(drawn.bands), 'band')} of {drawn.stratify} from {ends}"
    if drawn.near:
        lines.append(f"proportions are near the grammar's, not equal to them, because {drawn.near}")
    rejected = {bound_words(reason): times for reason, times in drawn.drawn.rejected.items()}
    if rejected:
        words = ", ".join(f"{count_text(times)} {reason}" for reason, times in rejected.items())
        lines.append(f"rejected after the draw and drawn again: {words}")
    else:
        lines.append("no draw was rejected")
    if drawn.distinct:
        lines.append(f"all networks are different; repeated draws left out: {count_text(drawn.drawn.repeated)}")
    else:
        different = len(set(drawn.drawn.hashes))
        lines.append(
            f"{counted(different, 'different network')} (by canonical hash); --distinct leaves repetitions out"
        )
    return lines


def draws_document(drawn: Draws, written: Mapping[int, Path] | None = None) -> dict[str, Any]:
    """Return the networks for `--json`; the arguments are those of `draws_text`."""
    study, space = drawn.study, drawn.space
    return {
        "study": study.name,
        "budget": study.budget.document(),
        "note": study.plugins.of(study.grammar).note,
        "input": list(space.input_shape),
        "classes": space.classes,
        "weighting": drawn.weighting,
        "stratify": drawn.stratify,
        "bands": [[band.low, band.high] for band in drawn.bands],
        "seed": drawn.seed,
        "distinct": drawn.distinct,
        "budget_aware": True,
        "exact_proportions": not drawn.near,
        "rejected": drawn.drawn.rejected,
        "repeated": drawn.drawn.repeated,
        "different": len(set(drawn.drawn.hashes)),
        "networks": [
            {**asdict(point), **({} if not written else {"file": str(written[place])})}
            for place, point in enumerate(drawn.points)
        ],
    }


def write_networks(drawn: Draws, folder: Path) -> dict[int, Path]:
    """Write each network as a network file into a folder, which is made if it does not exist.

    Raises:
        RequestError: the folder cannot be made, or holds such a file already; then nothing is written.
        LanguageError: a file cannot be written.
    """
    networks = drawn.networks
    paths = {place: folder / f"{network.name}.yaml" for place, network in enumerate(networks)}
    taken = next((path for path in paths.values() if path.exists()), None)
    if taken is not None:
        raise RequestError(f"{taken} exists; choose another folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"the folder {folder} cannot be made ({error.strerror}); choose another with --out"
        ) from None
    for place, path in paths.items():
        network_file.write(path, networks[place], custom=drawn.space.custom)
    return paths
