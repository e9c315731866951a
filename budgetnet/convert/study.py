"""The study file around an imported network, so that a search starts from the network one has."""

from __future__ import annotations

import os
from pathlib import Path

from budgetnet.convert.opened import opened_grammar
from budgetnet.errors import RequestError, nearest
from budgetnet.files.network_file import Network
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.shapes import describe_shape
from budgetnet.space.recognise import Parting, recognise
from budgetnet.text import ESCAPES
from budgetnet.training.data.known import DATASETS

__all__ = ["write_study"]


def write_study(path: Path, network: Network, text: str, *, file: Path, dataset: str | None) -> None:
    """Write a study whose grammar opens a network, which is its first trial; the budget is the network's own size.

    Args:
        path: the study file.
        network: the network.
        text: its rules.
        file: the network's file.
        dataset: name of a built-in data set; the first with such images and classes if None.

    Raises:
        RequestError: no such data set has the network's images and classes, or the file cannot be written.
    """
    grammar = opened_grammar(text)
    place = Path(os.path.relpath(file, path.parent)).as_posix()
    lines = [
        f"# Variants of {network.name} that are no larger; the network itself is trained first.",
        f"study: {network.name}-variants",
        f"dataset: {_dataset(network, dataset)}",
        f"budget: {{params: {cost(network.network, network.input_shape).params}}}",
        f"start_from: [{place}]",
        "grammar: |",
        *(f"  {line}" if line else "" for line in grammar.rstrip().split("\n")),
        "",
    ]
    try:
        path.write_text("\n".join(lines), encoding="utf-8", errors=ESCAPES)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from None
    found = recognise(network.network, space_of(load_study(path)))
    if isinstance(found, Parting):
        raise RequestError(
            f"the study's grammar must derive {network.name}, but does not: {found.text}; this is an error in "
            "budgetnet, please report it"
        )


def _dataset(network: Network, wanted: str | None) -> str:
    """Return the name of a data set with a network's images and classes."""
    fitting = [
        name
        for name, known in DATASETS.items()
        if (known.shape, len(known.classes)) == (network.input_shape, network.classes)
    ]
    if wanted is not None and wanted not in DATASETS:
        raise RequestError(
            f"--dataset must be one of {', '.join(DATASETS)}, but got {wanted!r}{nearest(wanted, DATASETS)}"
        )
    if wanted in fitting or (wanted is None and fitting):
        return wanted or fitting[0]
    shape = describe_shape(network.input_shape)
    if wanted is None:
        raise RequestError(
            f"a study needs a data set, but none of {', '.join(DATASETS)} has images of {shape} and {network.classes} "
            "classes; import the module with the --input and --classes of one of them"
        )
    known = DATASETS[wanted]
    size = "x".join(map(str, known.shape))
    raise RequestError(
        f"{network.name} takes images of {shape} and has {network.classes} classes, but {wanted} has "
        f"{describe_shape(known.shape)} and {len(known.classes)}; import it with --input {size} --classes "
        f"{len(known.classes)}"
    )
