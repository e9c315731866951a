"""Check that an export gives the outputs of the trained network, in a process that cannot import budgetnet."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from budgetnet.errors import ExportError
from budgetnet.export.standalone import WEIGHTS
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.network.torch.measure import measure_nodes
from budgetnet.training.data.images import Normalisation

__all__ = ["Check", "check_export"]

IMAGES = 16
"""Random images on which the two are compared."""
SEED = 0
TOLERANCE = 1e-5
"""Largest allowed difference, as a share of the largest value (at least of 1): rounding, and nothing else."""
TIMEOUT = 300
"""Seconds that the other process may take, most of them for loading torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Results of the comparison."""

    images: int
    params: int
    """Counted in the other process."""
    flops: int
    """Counted by fvcore."""
    difference: float
    """Largest absolute difference between logits; 0 where they are equal bit for bit."""


def check_export(folder: Path, architecture: Network, trained: nn.Module, normalisation: Normalisation) -> Check:
    """Check the files of an export against the trained network.

    Args:
        folder: holds ``network.yaml``, ``network.py`` and ``weights.safetensors``.
        architecture: what they should describe.
        trained: the network with its weights, as budgetnet builds it; left in eval mode.
        normalisation: of the images it was trained on.

    Raises:
        ExportError: anything differs; the message says what.
    """
    written = network_file.read(folder / "network.yaml")
    if (written.network, written.input_shape, written.classes) != (
        architecture.network,
        architecture.input_shape,
        architecture.classes,
    ):
        raise ExportError("network.yaml does not read back as the network that was written; nothing was exported")
    counted = measure_nodes(written.network, written.input_shape, custom=written.plugins.modules)
    claimed = architecture.claimed or {}
    for word, claim, count in (
        ("parameters", claimed.get("params", counted.params), counted.params),
        ("FLOPs", claimed.get("flops", counted.flops), counted.flops),
    ):
        if claim != count:
            raise ExportError(
                f"the trial recorded {claim:,} {word}, the exported network has {count:,}; nothing was exported"
            )
    generator = torch.Generator().manual_seed(SEED)
    pixels = torch.randint(0, 256, (IMAGES, *architecture.input_shape), generator=generator, dtype=torch.uint8)
    # With one channel, channels-last images also count as contiguous; a copy settles the order of their values.
    inputs = normalisation.apply(pixels).clone(memory_format=torch.contiguous_format)
    trained = trained.to("cpu").eval()
    with torch.no_grad():
        expected = trained(inputs)
    if not torch.isfinite(expected).all():
        raise ExportError(
            f"the logits of {architecture.name} are not finite: its training diverged; choose another trial"
        )
    _compare_weights(load_file(folder / WEIGHTS), trained.state_dict())
    answers = _ask(folder, {"pixels": pixels, "inputs": inputs})
    params = int(answers["params"])
    if params != counted.params:
        raise ExportError(
            f"network.py has {params:,} parameters, the trained network {counted.params:,}; nothing was exported"
        )
    _compare("the preprocessed images", answers["prepared"], inputs)
    difference = _compare("the logits", answers["outputs"], expected)
    return Check(images=IMAGES, params=params, flops=counted.flops, difference=difference)


def _ask(folder: Path, questions: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run the export in a process of its own and return what it says."""
    with tempfile.TemporaryDirectory(prefix="budgetnet-check-") as place:
        asked, answered = Path(place) / "questions.safetensors", Path(place) / "answers.safetensors"
        save_file(questions, asked)
        # -P: nothing of the script's own folder can be imported by accident.
        command = [sys.executable, "-P", str(Path(__file__).with_name("run_isolated.py"))]
        arguments = [str(folder.absolute()), str(asked), str(answered), str(torch.get_num_threads())]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and script
                [*command, *arguments], capture_output=True, text=True, cwd=place, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                f"the exported network did not answer within {TIMEOUT} s; nothing was exported"
            ) from error
        if done.returncode != 0 or not answered.exists():
            said = done.stderr.strip().splitlines()
            raise ExportError(
                f"the exported network does not run without budgetnet: {said[-1] if said else 'no message'}; "
                "nothing was exported"
            )
        return load_file(answered)


def _compare_weights(written: dict[str, Tensor], trained: dict[str, Tensor]) -> None:
    """Every tensor, also those that no logit depends on.

    Raises:
        ExportError: one is missing, left over or different.
    """
    for name in sorted(written.keys() ^ trained.keys()):
        raise ExportError(f"{WEIGHTS} and the trained network do not both have {name}; nothing was exported")
    for name, tensor in trained.items():
        if not torch.equal(written[name], tensor):
            raise ExportError(f"{WEIGHTS} holds other values for {name} than the trained network; nothing was exported")


def _compare(what: str, came: Tensor, expected: Tensor) -> float:
    """Return the largest difference.

    Raises:
        ExportError: it is more than rounding, or the shapes differ, or a value is not finite.
    """
    if came.shape != expected.shape:
        raise ExportError(
            f"{what} of the export have shape {tuple(came.shape)}, not {tuple(expected.shape)}; nothing was exported"
        )
    difference = float((came - expected).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise ExportError(
            f"{what} of the export differ from the trained network's by up to {difference:.3g}; nothing was exported"
        )
    return difference
