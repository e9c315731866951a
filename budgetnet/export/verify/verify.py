"""Verification of an exported folder by budgetnet: everything its own script checks, counts and accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from budgetnet.errors import BudgetnetError, DataError, ExportError, RequestError
from budgetnet.export.codegen.standalone import WEIGHTS
from budgetnet.export.folder import CONFIG, INT8, MANIFEST, SAMPLES, read_json
from budgetnet.export.formats import extra_is_there
from budgetnet.export.verify.accuracy import TestImages, accuracy_of, int8_accuracy
from budgetnet.export.verify.ask_folder import FolderCheck, ask_folder
from budgetnet.export.verify.card_check import check_card, check_record
from budgetnet.export.verify.earlier import EARLIER_WEIGHTS, check_earlier
from budgetnet.export.verify.folder_check import FLOAT_TOLERANCE
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes
from budgetnet.text import counted, percent

__all__ = ["Verification", "verify_folder"]

ACCURACY_TOLERANCE = 0.001
"""Largest difference between the recorded accuracy and one computed elsewhere: kernels add in different orders, so
the class of an image on the border may change."""
INT8_ACCURACY_TOLERANCE = 0.01
"""The same in int8, where processors round the scaling between layers differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Checks of a folder in their order; the last one may not hold."""

    folder: Path
    checks: tuple[FolderCheck, ...]

    @property
    def holds(self) -> bool:
        """True if nothing that could be checked is wrong."""
        return self.checks[-1].holds is not False

    def text(self) -> list[str]:
        """Return one line per check."""
        words = {True: "ok", False: "wrong", None: "skipped"}
        return [f"{words[check.holds]:<8} {check.check}: {check.text}" for check in self.checks]

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        checks = [check.document() for check in self.checks]
        return {"folder": str(self.folder), "holds": self.holds, "checks": checks}


def verify_folder(folder: Path, *, test_images: Path | None = None, data_dir: Path | None = None) -> Verification:
    """Check an exported folder; its ``network.py`` and plug-ins are run.

    Args:
        folder: what `budgetnet export` wrote, this version or an earlier one.
        test_images: a folder of test images, ``CLASS/…``; if None, those of the recorded data set if they are there.
        data_dir: where data sets are kept; the usual place if None. Nothing is downloaded.

    Raises:
        RequestError: it is not an exported folder.
        DataError: *test_images* cannot be read.
        ExportError: the folder's check did not end.
    """
    if not (folder / "network.yaml").is_file() or not (folder / "network.py").is_file():
        raise RequestError(
            f"a folder that budgetnet exported holds network.py and network.yaml, but {folder} does not; "
            "name such a folder"
        )
    if not (folder / MANIFEST).exists() and (folder / EARLIER_WEIGHTS).exists():
        return Verification(folder=folder, checks=check_earlier(folder))
    found = list(ask_folder(folder))
    if found[-1].holds is False:
        return Verification(folder=folder, checks=tuple(found))
    return Verification(folder=folder, checks=(*found, *_own_checks(folder, test_images, data_dir)))


def _own_checks(folder: Path, test_images: Path | None, data_dir: Path | None) -> Iterator[FolderCheck]:
    """Yield the checks that need budgetnet, up to the first that does not hold."""
    config = read_json(folder / CONFIG)
    checks: list[tuple[str, Callable[[], str | tuple[None, str]]]] = [
        ("counts", lambda: _counts(folder, config)),
        ("network.yaml", lambda: _same_network(folder)),
        ("record.json", lambda: check_record(folder)),
        ("README.md", lambda: check_card(folder, config)),
        ("accuracy", lambda: _accuracy(folder, config, test_images, data_dir)),
    ]
    for name, check in checks:
        try:
            result = check()
        except DataError:
            raise
        except BudgetnetError as error:
            yield FolderCheck(check=name, holds=False, text=" ".join(str(error).split()))
            return
        skipped = isinstance(result, tuple)
        yield FolderCheck(check=name, holds=None if skipped else True, text=result[1] if skipped else str(result))


def _counts(folder: Path, config: dict[str, Any]) -> str:
    """Count the network of ``network.yaml`` in three ways and compare them with ``config.json``."""
    network = network_file.read(folder / "network.yaml")
    measured = measure_nodes(network.network, network.input_shape, custom=network.plugins.modules)
    closed = cost(network.network, network.input_shape, custom=network.plugins.forms)
    ways = {
        "parameters": {"numel": measured.params, "the closed form": closed.params, CONFIG: config["params"]},
        "FLOPs": {"fvcore": measured.flops, "the closed form": closed.flops, CONFIG: config["flops"]},
    }
    for word, counts in ways.items():
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{way} {count:,}" for way, count in counts.items())
            raise ExportError(f"the counts of {word} differ: {told}")
    return (
        f"{measured.params:,} parameters by numel and the closed form, {measured.flops:,} FLOPs by fvcore and the "
        "closed form"
    )


def _same_network(folder: Path) -> str:
    """Build the network of ``network.yaml``, load the weights strictly, and compare the logits with the stored ones."""
    network = network_file.read(folder / "network.yaml")
    samples = load_file(folder / SAMPLES)
    with torch.no_grad():
        logits = built(network, folder / WEIGHTS)(samples["inputs"])
    difference = float((logits - samples["logits"]).abs().max())
    allowed = FLOAT_TOLERANCE * max(1.0, float(samples["logits"].abs().max()))
    if not difference <= allowed:
        raise ExportError(f"the logits differ from the stored ones by up to {difference:.3g}, allowed is {allowed:.1g}")
    return f"built by budgetnet, the logits differ from the stored ones by at most {difference:.1g}"


def _accuracy(
    folder: Path, config: dict[str, Any], test_images: Path | None, data_dir: Path | None
) -> str | tuple[None, str]:
    """Compare the accuracy on the test images with the recorded one."""
    record = read_json(folder / "record.json")
    images = TestImages.find(config, test_images, data_dir)
    if isinstance(images, str):
        return None, images
    recorded = record["weights_test_accuracy"]
    if recorded is None:
        return None, "none is recorded for these weights"
    model = built(network_file.read(folder / "network.yaml"), folder / WEIGHTS)
    accuracy = accuracy_of(model, images)
    told = f"{percent(accuracy)} % on {counted(len(images.labels), 'test image')}, recorded {percent(recorded)} %"
    if abs(accuracy - recorded) > ACCURACY_TOLERANCE:
        raise ExportError(f"{told}; allowed is a difference of {percent(ACCURACY_TOLERANCE)} percentage points")
    quantised = record.get("int8")
    if quantised is None or not (folder / INT8).exists() or not extra_is_there("onnx"):
        return told
    int8 = int8_accuracy(folder / INT8, images)
    told += f"; in int8 {percent(int8)} %, recorded {percent(quantised['test_accuracy'])} %"
    if abs(int8 - quantised["test_accuracy"]) > INT8_ACCURACY_TOLERANCE:
        raise ExportError(f"{told}; allowed is a difference of {percent(INT8_ACCURACY_TOLERANCE)} percentage points")
    return told


def built(network: Network, weights: Path) -> nn.Module:
    """Return a network with its weights, in eval mode.

    Raises:
        ExportError: the weights are not the network's.
    """
    with torch.random.fork_rng(devices=[]):
        model = build_nodes(network.network, network.input_shape, custom=network.plugins.modules)
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"{weights.name} does not hold the weights of network.yaml: {reason}") from error
    return model.eval()
