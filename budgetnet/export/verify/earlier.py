"""Verification of folders that version 0.1 exported: without manifest, configuration and stored logits."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from budgetnet.errors import BudgetnetError, ExportError
from budgetnet.export.verify import run_isolated
from budgetnet.export.verify.ask_folder import FolderCheck
from budgetnet.export.verify.folder_check import FLOAT_TOLERANCE
from budgetnet.files import network_file
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes

__all__ = ["EARLIER_WEIGHTS", "check_earlier"]

EARLIER_WEIGHTS = "weights.safetensors"
"""Name of the weights in such a folder."""

_IMAGES = 16
_SECONDS = 600


def check_earlier(folder: Path) -> tuple[FolderCheck, ...]:
    """Count the network of ``network.yaml`` and compare its logits with those of ``network.py``, on random images."""
    first = FolderCheck(check="files", holds=None, text="exported by version 0.1, which wrote no manifest")
    try:
        network = network_file.read(folder / "network.yaml")
        counted = measure_nodes(network.network, network.input_shape, custom=network.plugins.modules)
        with torch.random.fork_rng(devices=[]):
            model = build_nodes(network.network, network.input_shape, custom=network.plugins.modules).eval()
        model.load_state_dict(load_file(folder / EARLIER_WEIGHTS))
        counts = FolderCheck(
            check="counts", holds=True, text=f"{counted.params:,} parameters, {counted.flops:,} FLOPs by fvcore"
        )
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (_IMAGES, *network.input_shape), generator=generator, dtype=torch.uint8)
        inputs = torch.randn(_IMAGES, *network.input_shape, generator=generator)
        answers = _ask({"pixels": pixels, "inputs": inputs}, folder)
        with torch.no_grad():
            expected = model(inputs)
    except (BudgetnetError, OSError, RuntimeError, SafetensorError) as error:
        return first, FolderCheck(check="network.py", holds=False, text=" ".join(str(error).split())[:300])
    difference = float((answers["outputs"] - expected).abs().max())
    allowed = FLOAT_TOLERANCE * max(1.0, float(expected.abs().max()))
    params = int(answers["params"])
    if params != counted.params:
        text = f"network.py has {params:,} parameters, network.yaml {counted.params:,}"
        return first, counts, FolderCheck(check="network.py", holds=False, text=text)
    text = f"its logits on {_IMAGES} random images differ from those of network.yaml by up to {difference:.3g}"
    return (
        first,
        counts,
        FolderCheck(
            check="network.py",
            holds=difference <= allowed,
            text=f"{text}, allowed is {allowed:.1g}",
            difference=difference,
        ),
    )


def _ask(questions: dict[str, torch.Tensor], folder: Path) -> dict[str, torch.Tensor]:
    """Run the folder's ``network.py`` in a process without budgetnet."""
    with tempfile.TemporaryDirectory(prefix="budgetnet-check-") as place:
        asked, answered = Path(place) / "questions.safetensors", Path(place) / "answers.safetensors"
        save_file(questions, asked)
        command = [sys.executable, "-P", str(run_isolated.__file__), str(folder.absolute()), str(asked), str(answered)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and script
                [*command, str(torch.get_num_threads())],
                capture_output=True, text=True, cwd=place, timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"network.py did not answer within {_SECONDS} s") from error
        if done.returncode != 0 or not answered.exists():
            said = done.stderr.strip().splitlines()
            raise ExportError(f"network.py does not run without budgetnet: {said[-1] if said else 'no message'}")
        return load_file(answered)
