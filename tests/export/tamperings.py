"""Kinds of tampering with an exported folder, each with the check that must find it.

All but the first few are made by someone who knows the format: the manifest is written again afterwards.
"""

from __future__ import annotations

import importlib.util
import json
import py_compile
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import load_file, save_file

from budgetnet.export.folder import write_manifest
from budgetnet.export.verify import folder_check
from budgetnet.export.verify.ask_folder import FolderCheck
from budgetnet.text import bytes_text

__all__ = ["TAMPERINGS", "Tampering", "checked_here", "left_out", "replaced"]

FORMATS = ("model.pt2", "model.onnx", "model.int8.onnx", "model.pte", "run_pte.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """One way to change a folder."""

    name: str
    change: Callable[[Path], None]
    found_by: str
    """The check that does not hold then."""
    renewed: bool = True
    """Whether the manifest is made to fit afterwards."""
    needs: str = "network.py"
    """A file without which it cannot be done."""

    def on(self, folder: Path) -> None:
        """Change a folder."""
        self.change(folder)
        if self.renewed:
            write_manifest(folder)


def checked_here(folder: Path) -> tuple[FolderCheck, ...]:
    """Check a folder in this process, where budgetnet cannot be imported meanwhile."""
    ours: Any = sys.modules["budgetnet"]
    sys.modules["budgetnet"] = None  # type: ignore[assignment]
    try:
        return tuple(FolderCheck(**check) for check in folder_check.checks(folder))
    finally:
        sys.modules["budgetnet"] = ours


def replaced(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts in a file; each must be there."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def rewritten(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON document."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")


# --- files and manifest ---------------------------------------------------------------------------


def _append(folder: Path) -> None:
    with (folder / "recipe.json").open("a") as file:
        file.write("\n")


def _flip_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(content))


def _manifest(**facts: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        rewritten(folder / "manifest.json", lambda told: told["files"]["network.py"].update(facts))

    return change


def _compiled(folder: Path) -> None:
    """Leave the source, and put other compiled code where Python looks first."""
    other, source = folder / "other.py", folder / "network.py"
    other.write_text(source.read_text() + "\nCLASSES = CLASSES[::-1]\n")
    target = importlib.util.cache_from_source(str(source))
    py_compile.compile(str(other), target, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    other.unlink()


def _foreign_code(folder: Path) -> None:
    (folder / "safetensors.py").write_text("raise SystemExit('imported in place of the library')\n")


# --- weights and code -----------------------------------------------------------------------------


def _weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    tensor = next(tensor for tensor in weights.values() if tensor.dim() == 4)
    tensor.view(-1)[0] += 0.5
    save_file(weights, folder / "model.safetensors")


def _weight_in_pt2(folder: Path) -> None:
    program = torch.export.load(folder / "model.pt2")
    with torch.no_grad():
        next(tensor for tensor in program.state_dict.values() if tensor.dim() == 4).view(-1)[0] += 0.5
    torch.export.save(program, folder / "model.pt2")


def _weight_in_onnx(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    tensor = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[0] += 0.5
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, folder / "model.onnx")


def _weight_in_int8(folder: Path) -> None:
    model = onnx.load(folder / "model.int8.onnx")
    tensors = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.INT8]
    tensor = next(tensor for tensor in reversed(tensors) if len(tensor.dims) > 1)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[0] = -values[0]
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, folder / "model.int8.onnx")


def _weights_in_pte(folder: Path) -> None:
    content = np.frombuffer((folder / "model.pte").read_bytes(), dtype=np.uint8).copy()
    start = len(content) * 6 // 10  # weights are most of a program
    content[start : start + 64] ^= 0x40
    (folder / "model.pte").write_bytes(content.tobytes())


def _stored_logits(folder: Path) -> None:
    samples = load_file(folder / "samples.safetensors")
    samples["logits"][0, 0] += 0.5
    save_file(samples, folder / "samples.safetensors")


def _activation(folder: Path) -> None:
    path = folder / "network.py"
    text, count = re.subn(r"\bnn\.(ReLU6?|GELU|SiLU|Hardswish)\(\)", "nn.Tanh()", path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def _needs_budgetnet(folder: Path) -> None:
    replaced(folder / "network.py", ("def load(", "import budgetnet\n\n\ndef load("))


# --- counts, classes, preprocessing ---------------------------------------------------------------


def _count(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        rewritten(folder / "config.json", lambda config: config.update({name: config[name] - 1}))

    return change


def _text_count(folder: Path) -> None:
    path = folder / "network.yaml"
    text, count = re.subn(r"params: \d+", "params: 7", path.read_text())
    assert count == 1
    path.write_text(text)


def _card(row: str, told: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "README.md"
        text, count = re.subn(rf"(?m)^\| {row} \| [0-9,.]+( ± [0-9.]+)?", f"| {row} | {told}", path.read_text())
        assert count == 1
        path.write_text(text)

    return change


def _card_head(folder: Path) -> None:
    path = folder / "README.md"
    text, count = re.subn(r"value: 0\.\d+", "value: 0.999", path.read_text())
    assert count
    path.write_text(text)


def _recipe(folder: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        told["recipe"]["epochs"] += 1

    rewritten(folder / "recipe.json", change)


def _accuracy(folder: Path) -> None:
    """In the record, in its training, in card and head."""
    better = 0.9876

    def change(record: dict[str, Any]) -> None:
        record["weights_test_accuracy"] = better
        record["test_accuracy"] = {"mean": better, "deviation": None, "n": 1}
        first = next(entry for entry in record["trainings"] if entry["seed"] == record["exported_seed"])
        record["trainings"] = [{**first, "test_accuracy": better}]

    rewritten(folder / "record.json", change)
    for row in ("test accuracy", "of these weights"):
        _card(row, "98.76")(folder)
    path = folder / "README.md"
    text = re.sub(r"- type: accuracy_standard_deviation\n.*\n.*value: .*\n\s*", "", path.read_text())
    path.write_text(_sizes_again(re.sub(r"value: 0\.\d+", f"value: {better}", text), folder))


def _swapped_config(folder: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        classes = config["classes"]
        classes[3], classes[5] = classes[5], classes[3]

    rewritten(folder / "config.json", change)


def _swapped_code(folder: Path) -> None:
    classes = json.loads((folder / "config.json").read_text())["classes"]
    one, other = (json.dumps(classes[place]) for place in (3, 5))
    replaced(folder / "network.py", (one, '"?"'), (other, one), ('"?"', other))


def _swapped_everywhere(folder: Path) -> None:
    _swapped_code(folder)
    _swapped_config(folder)
    _formats_left_out(folder)


def _other_network(folder: Path) -> None:
    path = folder / "network.yaml"
    text, count = re.subn(r"\bmaxpool\b", "avgpool", path.read_text())
    assert count
    path.write_text(re.sub(r"counts: .*\n", "", text))


def _mean_in_code(folder: Path) -> None:
    path = folder / "network.py"
    text, count = re.subn(r"(?m)^MEAN = \(([^)]*)\)", lambda found: f"MEAN = ({_halves(found[1])})", path.read_text())
    assert count == 1
    path.write_text(text)


def _halves(numbers: str) -> str:
    return "".join("0.9, " for number in numbers.split(",") if number.strip())


def _mean_in_config(folder: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        told = config["preprocessing"]
        told["mean"] = [0.9] * len(told["mean"])

    rewritten(folder / "config.json", change)


def _mean_and_inputs(folder: Path) -> None:
    """The stored inputs fit the other mean, the stored logits do not."""
    _mean_in_code(folder)
    _mean_in_config(folder)
    told = json.loads((folder / "config.json").read_text())["preprocessing"]
    samples = load_file(folder / "samples.safetensors")
    mean, std = (torch.tensor(told[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    samples["inputs"] = (samples["pixels"].float() / 255 - mean) / std
    save_file(samples, folder / "samples.safetensors")


def _mean_everywhere(folder: Path) -> None:
    """All that is stored fits the other mean; the weights do not."""
    _mean_and_inputs(folder)
    _formats_left_out(folder)
    spec = importlib.util.spec_from_file_location("network_of_a_tampering", folder / "network.py")
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    exec(compile((folder / "network.py").read_text(), str(folder / "network.py"), "exec"), module.__dict__)
    samples = load_file(folder / "samples.safetensors")
    with torch.no_grad():
        samples["logits"] = module.load()(samples["inputs"])
    save_file(samples, folder / "samples.safetensors")


def _formats_left_out(folder: Path) -> None:
    """Remove the other formats, and what is said of them."""
    rewritten(folder / "record.json", lambda record: record.update({"int8": None}))
    left_out(folder, *FORMATS)


def left_out(folder: Path, *names: str) -> None:
    """Remove files, and their lines in the card, whose other sizes are made to fit."""
    path = folder / "README.md"
    text = path.read_text()
    for name in names:
        (folder / name).unlink(missing_ok=True)
        text = re.sub(rf"(?m)^- `{re.escape(name)}` .*\n", "", text)
    path.write_text(_sizes_again(text, folder))


def _sizes_again(text: str, folder: Path) -> str:
    """Return the card with the sizes that the files have now."""

    def size(found: re.Match[str]) -> str:
        path = folder / found[1]
        return f"- `{found[1]}` ({bytes_text(path.stat().st_size)}): " if path.is_file() else found[0]

    return re.sub(r"(?m)^- `([^`]+)` \(([^)]+)\): ", size, text)


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _added(folder: Path) -> None:
    (folder / "notes.txt").write_text("tested on boards\n")


TAMPERINGS = (
    Tampering(name="a file, longer by one character", change=_append, found_by="files", renewed=False),
    Tampering(name="a file, one bit", change=_flip_byte, found_by="files", renewed=False),
    Tampering(name="a file missing", change=_without("recipe.json"), found_by="files", renewed=False),
    Tampering(name="a file added", change=_added, found_by="files", renewed=False),
    Tampering(name="a hash in the manifest", change=_manifest(sha256="0" * 64), found_by="files", renewed=False),
    Tampering(name="a size in the manifest", change=_manifest(bytes=7), found_by="files", renewed=False),
    Tampering(name="the manifest missing", change=_without("manifest.json"), found_by="files", renewed=False),
    Tampering(name="compiled code beside network.py", change=_compiled, found_by="files"),
    Tampering(name="a module with a library's name", change=_foreign_code, found_by="files"),
    Tampering(name="a file added", change=_added, found_by="README.md"),
    Tampering(name="a format missing", change=_without("model.onnx"), found_by="README.md", needs="model.onnx"),
    Tampering(name="a weight", change=_weight, found_by="network.py"),
    Tampering(name="a weight in model.pt2", change=_weight_in_pt2, found_by="model.pt2", needs="model.pt2"),
    Tampering(name="a weight in model.onnx", change=_weight_in_onnx, found_by="model.onnx", needs="model.onnx"),
    Tampering(
        name="weights in model.int8.onnx", change=_weight_in_int8, found_by="model.int8.onnx", needs="model.int8.onnx"
    ),
    Tampering(name="64 bytes of model.pte", change=_weights_in_pte, found_by="model.pte", needs="model.pte"),
    Tampering(name="a stored logit", change=_stored_logits, found_by="network.py"),
    Tampering(name="an activation in network.py", change=_activation, found_by="network.py"),
    Tampering(name="code that needs budgetnet", change=_needs_budgetnet, found_by="network.py"),
    Tampering(name="another network in network.yaml", change=_other_network, found_by="network.yaml"),
    Tampering(name="parameters in config.json", change=_count("params"), found_by="network.py"),
    Tampering(name="FLOPs in config.json", change=_count("flops"), found_by="counts"),
    Tampering(name="parameters in network.yaml", change=_text_count, found_by="counts"),
    Tampering(name="parameters in the card", change=_card("parameters", "7"), found_by="README.md"),
    Tampering(name="FLOPs in the card", change=_card("FLOPs", "7"), found_by="README.md"),
    Tampering(name="accuracy in the card", change=_card("of these weights", "99.99"), found_by="README.md"),
    Tampering(
        name="int8 accuracy in the card",
        change=_card("in int8", "99.99"),
        found_by="README.md",
        needs="model.int8.onnx",
    ),
    Tampering(name="accuracy in the card's head", change=_card_head, found_by="README.md"),
    Tampering(name="the recipe", change=_recipe, found_by="record.json"),
    Tampering(name="accuracy wherever it stands", change=_accuracy, found_by="accuracy"),
    Tampering(name="two classes in config.json", change=_swapped_config, found_by="network.py"),
    Tampering(name="two classes in network.py", change=_swapped_code, found_by="network.py"),
    Tampering(name="two classes wherever they stand", change=_swapped_everywhere, found_by="accuracy"),
    Tampering(name="preprocessing in network.py", change=_mean_in_code, found_by="network.py"),
    Tampering(name="preprocessing in config.json", change=_mean_in_config, found_by="preprocessing"),
    Tampering(name="preprocessing and stored inputs", change=_mean_and_inputs, found_by="network.py"),
    Tampering(name="preprocessing, inputs and logits", change=_mean_everywhere, found_by="accuracy"),
)
"""In the order of the checks that find them, by and large."""
