"""Known networks as the first trials of a study: read from their files and found in the study's grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from budgetnet.derivation.decision import Label
from budgetnet.errors import RequestError
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.files.study import Study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.shapes import describe_shape
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.judge import Draw, derive
from budgetnet.space.recognise import Parting, recognise
from budgetnet.space.space import Space

__all__ = ["Start", "derivation", "read_known_networks"]


@dataclass(frozen=True, slots=True)
class Start:
    """A known network."""

    origin: str
    """Its file."""
    drawn: Draw
    """Its derivation, judged by the budget like any other."""
    hash: str


def read_known_networks(paths: Sequence[Path], study: Study, space: Space) -> tuple[Start, ...]:
    """Read the known networks that a search starts from, each network once.

    Raises:
        RequestError: one is not for the study's images, or not in its grammar (with the first place where they differ).
        LanguageError, ShapeError: a network file is wrong.
    """
    found: dict[str, Start] = {}
    for path in paths:
        network = network_file.read(path, vocabulary=study.plugins.vocabulary, custom=study.plugins.forms)
        decisions = derivation(network, study, space)
        if isinstance(decisions, Parting):
            raise RequestError(
                f"{path} cannot start the search of {study.name}: {decisions.text}; widen the grammar there, or leave "
                "this file out"
            )
        drawn = derive(space, replay(decisions, unanswered))
        assert drawn.expansion is not None
        digest = canonical_hash(drawn.expansion.network)
        found.setdefault(digest, Start(path.name, drawn, digest))
    return tuple(found.values())


def derivation(network: Network, study: Study, space: Space) -> dict[str, Label] | Parting:
    """Return the decisions by which a study's grammar derives a network, or where the two differ.

    Raises:
        RequestError: the network is for other images or classes, or has other own primitives of the same names.
    """
    if (network.input_shape, network.classes) != (space.input_shape, space.classes):
        raise RequestError(
            f"{network.name} takes images of {describe_shape(network.input_shape)} and has {network.classes} classes, "
            f"but {study.name} has images of {describe_shape(space.input_shape)} and {space.classes} classes"
        )
    ours = {own.signature.name: own.file for own in study.plugins.primitives}
    for own in network.plugins.primitives:
        name = own.signature.name
        if name in ours and ours[name].text != own.file.text:
            raise RequestError(
                f"the primitive {name!r} of {network.name} ({own.file.path}) is not that of {study.name} "
                f"({ours[name].path}); let both name the same file"
            )
    found = recognise(network.network, space)
    return found if isinstance(found, Parting) else found.decisions
