"""Pages about networks that others wrote: import."""

from __future__ import annotations

from pathlib import Path

from budgetnet.api.imports import import_network
from budgetnet.api.pages.printout import Printout
from budgetnet.errors import RequestError

__all__ = ["import_answer"]


def import_answer(
    source: str,
    *,
    shape: tuple[int, int, int],
    classes: int | None,
    name: str | None,
    out: Path | None,
    weights: bool,
    study: Path | None,
    dataset: str | None,
    check: bool,
    trust: bool,
    as_json: bool,
) -> Printout:
    """Import a module and write its network file, to *out* or as the lines; see `budgetnet.api.imports`.

    Raises:
        RequestError: weights or a study are asked for without a network file beside which to write them.
    """
    if weights and out is None:
        raise RequestError("--weights are written beside the network file, so they need --out; add --out FILE.yaml")
    if study is not None and out is None:
        raise RequestError("--study names the network file, so it needs --out; add --out FILE.yaml")
    if dataset is not None and study is None:
        raise RequestError("--dataset is the data set of the study around the network; add --study FILE.yaml")
    found = import_network(source, input=shape, classes=classes, name=name, trust=trust, check=check)
    text = found.file_text(out)
    facts = found.lines()
    files: dict[str, str] = {}
    notes: list[str] = []
    if out is not None:
        files["network"] = str(out)
        notes.append(f"wrote {out}")
    if weights and out is not None:
        place = out.with_suffix(".safetensors")
        found.write_weights(place)
        files["weights"] = str(place)
        notes.append(f"wrote {place}")
    if study is not None and out is not None:
        found.write_study(study, out, dataset)
        files["study"] = str(study)
        notes.append(f"wrote {study}; search it with: budgetnet search {study}")
    document = {**found.document(), "files": files, "file": text}
    holds = found.comparison is None or found.comparison.holds
    if out is not None or as_json:
        return Printout(lines=facts, document=document, command="import", notes=notes, ok=holds)
    return Printout(lines=text.rstrip().split("\n"), document=document, command="import", notes=facts, ok=holds)
