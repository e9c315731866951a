"""Check a folder that budgetnet exported: its files, its configuration, and the outputs of every format.

``python verify.py`` inside the folder, or ``python verify.py FOLDER``; ``--json`` writes one JSON document. Exit
code 0: everything that could be checked holds; 1: the last line says what does not. PyTorch with safetensors, ONNX
Runtime, ExecuTorch and Pillow are used where they are installed; a format without its runtime is reported as skipped.
Numbers are read with numpy, which ONNX Runtime brings along, or with PyTorch. The network's code, network.py, is run.

This file needs no budgetnet, neither to run nor to be understood.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import marshal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

np: Any
try:
    import numpy as np
except ImportError:  # torch can be installed without it
    np = None

__all__ = ["FLOAT_TOLERANCE", "INT8_TOLERANCE", "Folder", "checks", "read_safetensors"]

READS_FORMAT = "budgetnet-export/1"
FLOAT_TOLERANCE = 1e-4
"""Largest difference between logits in float32, as a share of the largest logit (at least of 1): kernels add numbers
in different orders."""
INT8_TOLERANCE = 0.05
"""The same for int8: processors round the scaling between layers differently, each time by one step at most."""

ROUNDING_TOLERANCE = 0.5
"""The same between int8 and float32: rounding moves logits by a few hundredths, another network's are further away."""

_CODE = ("network.py", "verify.py", "run_pte.py", "convert_picture.py")
"""Modules that exports hold, besides those in ``plugins``. Another one here could be imported in a library's place."""

_CODE_ENDINGS = (".py", ".pyc", ".pyd", ".so", ".pth")

_Array = Any
"""An array of numpy, or a tensor where there is no numpy."""


class WrongError(Exception):
    """A check that does not hold, and why."""


class SkippedError(Exception):
    """A check that cannot be made here, and why."""


class Folder:
    """A folder with what its checks need: configuration, and stored images with their logits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.difference: float | None = None
        """Largest difference that the last check saw between numbers."""
        self.config: dict[str, Any] = {}
        self.samples: dict[str, _Array] = {}

    # --- files and configuration ---------------------------------------------------------------

    def files(self) -> str:
        """Compare every file with the manifest."""
        manifest = self._json("manifest.json")["files"]
        size = 0
        for name, stated in manifest.items():
            if not (self.path / name).is_file():
                raise WrongError(f"{name} is missing")
            content = (self.path / name).read_bytes()
            if len(content) != stated["bytes"]:
                raise WrongError(f"{name} has {len(content):,} bytes, the manifest says {stated['bytes']:,}")
            if hashlib.sha256(content).hexdigest() != stated["sha256"]:
                raise WrongError(f"{name} was changed: its SHA-256 is not the manifest's")
            size += len(content)
        for file in sorted(self.path.rglob("*")):
            name = file.relative_to(self.path).as_posix()
            if not file.is_file() or any(part.startswith(".") for part in Path(name).parts):
                continue
            if file.parent.name == "__pycache__":
                self._compiled(file)
            elif name != "manifest.json" and name not in manifest:
                raise WrongError(f"{name} is not in the manifest")
            elif file.suffix in _CODE_ENDINGS and name not in _CODE and file.parent != self.path / "plugins":
                raise WrongError(f"{name} is code that no export holds; Python may import it in place of a library")
        return f"{len(manifest)} files, {size:,} bytes, as the manifest says"

    def configuration(self) -> str:
        """Read config.json and the samples, and compare them."""
        self.config = self._json("config.json")
        if self.config.get("format") != READS_FORMAT:
            raise WrongError(
                f"config.json is of format {self.config.get('format')!r}, this script reads {READS_FORMAT!r}"
            )
        self.samples = read_safetensors(self.path / "samples.safetensors")
        shape, classes = self.config["input"]["shape"], self.config["classes"]
        pixels, logits = self.samples["pixels"], self.samples["logits"]
        if list(pixels.shape[1:]) != shape:
            raise WrongError(f"the stored images have shape {list(pixels.shape[1:])}, config.json says {shape}")
        if len(set(classes)) != len(classes) or logits.shape[1] != len(classes):
            raise WrongError(f"config.json names {len(set(classes))} classes, the stored logits have {logits.shape[1]}")
        return f"{len(classes)} classes, input {'x'.join(map(str, shape))}"

    def preprocessing(self) -> str:
        """Apply the preprocessing of config.json to the stored images."""
        told = self.config["preprocessing"]
        mean, std = (_numbers(told[name]).reshape(1, -1, 1, 1) for name in ("mean", "std"))
        made = (self.samples["pixels"] * told["scale"] - mean) / std
        return self._equal("the images preprocessed as config.json says", made, self.samples["inputs"], 1e-5)

    def picture(self) -> str:
        """Turn the stored picture into pixels as config.json says."""
        _library("PIL")
        _library("numpy")
        convert = self._module(Path(__file__).with_name("convert_picture.py")).convert_picture
        pixels = convert(self.samples["picture"], self.config["preprocessing"])
        return self._equal("the pixels of the stored picture", pixels, self.samples["picture_pixels"] / 255, 0.01)

    # --- formats -------------------------------------------------------------------------------

    def network(self) -> str:
        """Run network.py with model.safetensors."""
        torch = _library("torch")
        _library("safetensors")
        module = self._module(self.path / "network.py")
        if list(module.CLASSES) != self.config["classes"]:
            raise WrongError(f"network.py and config.json have other classes: {_first(module.CLASSES, self.config)}")
        if list(module.INPUT_SHAPE) != self.config["input"]["shape"]:
            raise WrongError(f"network.py takes {module.INPUT_SHAPE}, config.json says {self.config['input']['shape']}")
        model = module.load()
        params = sum(parameter.numel() for parameter in model.parameters())
        if params != self.config["params"]:
            raise WrongError(f"network.py has {params:,} parameters, config.json says {self.config['params']:,}")
        with torch.no_grad():
            prepared = _array(module.preprocess(_tensor(self.samples["pixels"])))
            self._equal("the images preprocessed by network.py", prepared, self.samples["inputs"], 1e-5)
            logits = _array(model(_tensor(self.samples["inputs"])))
        return f"{params:,} parameters; {self._equal('the logits', logits, self.samples['logits'], FLOAT_TOLERANCE)}"

    def exported_program(self) -> str:
        """Run model.pt2."""
        torch = _library("torch")
        model = torch.export.load(self.path / "model.pt2").module()
        with torch.no_grad():
            logits = _array(model(_tensor(self.samples["inputs"])))
        return self._equal("the logits", logits, self.samples["logits"], FLOAT_TOLERANCE)

    def onnx(self) -> str:
        """Run model.onnx."""
        return self._equal("the logits", self._run_onnx("model.onnx"), self.samples["logits"], FLOAT_TOLERANCE)

    def int8(self) -> str:
        """Run model.int8.onnx; its logits are compared with its own, not with those in float32."""
        self._near_float("logits_int8")
        return self._equal("the logits", self._run_onnx("model.int8.onnx"), self.samples["logits_int8"], INT8_TOLERANCE)

    def pte(self) -> str:
        """Run model.pte with ExecuTorch's references of its kernels."""
        self._near_float("logits_pte")
        _library("numpy")
        _library("torch")
        _library("executorch.backends.cortex_m.passes")
        program = self._module(Path(__file__).with_name("run_pte.py")).PteProgram(
            (self.path / "model.pte").read_bytes()
        )
        program.check(self.config["pte"])
        logits = program.answers(self.samples["inputs"], self.config["pte"])
        return f"{program.summary}; {self._equal('the logits', logits, self.samples['logits_pte'], FLOAT_TOLERANCE)}"

    def _run_onnx(self, name: str) -> _Array:
        runtime = _library("onnxruntime")
        session = runtime.InferenceSession(str(self.path / name), providers=["CPUExecutionProvider"])
        told = session.get_modelmeta().custom_metadata_map
        classes = json.loads(told.get("classes", "null"))
        if classes != self.config["classes"]:
            raise WrongError(f"{name} and config.json have other classes: {_first(classes or [], self.config)}")
        logits: _Array = session.run(None, {session.get_inputs()[0].name: self.samples["inputs"]})[0]
        return logits

    # --- helpers -------------------------------------------------------------------------------

    def _compiled(self, file: Path) -> None:
        """Compare compiled code, which Python runs in place of its source, with the source."""
        source, content = file.parent.parent / f"{file.name.split('.')[0]}.py", file.read_bytes()
        same = False
        if source.is_file() and content.startswith(importlib.util.MAGIC_NUMBER):
            compiled = compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
            same = marshal.loads(content[16:]) == compiled  # noqa: S302 - data only; it is not run
        if not same:
            name = file.relative_to(self.path).as_posix()
            raise WrongError(f"{name} is not what {source.name} compiles to by this Python; delete {file.parent.name}")

    def _near_float(self, name: str) -> None:
        """Compare a format's stored logits with those in float32."""
        logits = self.samples["logits"]
        self._equal(f"the stored {name}", self.samples[name], logits, ROUNDING_TOLERANCE, of="those in float32")

    def _equal(self, what: str, came: _Array, expected: _Array, share: float, of: str = "the stored ones") -> str:
        if came.shape != expected.shape:
            raise WrongError(f"{what} have shape {came.shape}, not {expected.shape}")
        allowed = share * max(1.0, float(abs(expected).max()))
        self.difference = float(abs(came - expected).max())
        if not self.difference <= allowed:
            raise WrongError(f"{what} differ from {of} by up to {self.difference:.3g}, allowed is {allowed:.1g}")
        return f"{what} differ from {of} by at most {self.difference:.1g}, allowed is {allowed:.1g}"

    def _json(self, name: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WrongError(f"{name} cannot be read: {error}") from error
        return document

    def _module(self, path: Path) -> Any:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None  # the path ends with .py
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        # Not by the loader, which prefers compiled code: what runs is the source that the manifest names.
        source = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        exec(source, module.__dict__)  # noqa: S102 - as an import would
        return module


def checks(path: Path, *, manifest: bool = True) -> Iterator[dict[str, Any]]:
    """Yield each check: its name, true (holds), false (does not; the last one) or null (skipped), and its result.

    Args:
        path: the folder.
        manifest: compare the files with the manifest first.
    """
    folder = Folder(path)
    every: list[tuple[str, Callable[[], str]]] = [
        *([("files", folder.files)] if manifest else []),
        ("config.json", folder.configuration),
        ("preprocessing", folder.preprocessing),
        ("picture", folder.picture),
        ("network.py", folder.network),
    ]
    formats = [
        ("model.pt2", folder.exported_program),
        ("model.onnx", folder.onnx),
        ("model.int8.onnx", folder.int8),
        ("model.pte", folder.pte),
    ]
    for name, check in [*every, *((name, check) for name, check in formats if (path / name).exists())]:
        if name == "picture" and "picture" not in folder.samples:
            continue  # images are not scaled, or an earlier version stored none
        folder.difference = None
        holds, text = _result(check)
        yield {"check": name, "holds": holds, "text": text, "difference": folder.difference}
        if holds is False:
            return


def _result(check: Callable[[], str]) -> tuple[bool | None, str]:
    try:
        return True, check()
    except (SkippedError, WrongError) as reason:
        return (None if isinstance(reason, SkippedError) else False), str(reason)
    except Exception as error:  # noqa: BLE001 - damaged files fail in as many ways as there are libraries
        return False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def read_safetensors(path: Path) -> dict[str, _Array]:
    """Return the tensors of a safetensors file; see https://github.com/huggingface/safetensors for the format."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    arrays: dict[str, _Array] = {}
    for name, told in header.items():
        if name != "__metadata__":
            start, end = (8 + size + place for place in told["data_offsets"])
            arrays[name] = _stored(content[start:end], told["dtype"]).reshape(told["shape"])
    return arrays


_TYPES = {"F32": "float32", "U8": "uint8", "I64": "int64"}


def _stored(content: bytes, kind: str) -> _Array:
    """Return the numbers in a part of a safetensors file."""
    if np is not None:
        return np.frombuffer(content, dtype=_TYPES[kind]).copy()
    torch = _library("torch")
    return torch.frombuffer(bytearray(content), dtype=getattr(torch, _TYPES[kind]))


def _numbers(values: list[float]) -> _Array:
    """Return a list as an array of float64."""
    if np is not None:
        return np.array(values, dtype=np.float64)
    torch = _library("torch")
    return torch.tensor(values, dtype=torch.float64)


def _tensor(values: _Array) -> Any:
    """Return an array as a tensor."""
    return values if np is None else _library("torch").from_numpy(values)


def _array(values: Any) -> _Array:
    """Return a tensor as an array."""
    return values if np is None else values.numpy()


def _library(name: str) -> Any:
    """Return a library that only some formats need."""
    try:
        return __import__(name)
    except ImportError as error:
        raise SkippedError(f"{name} is not installed") from error


def _first(found: Any, config: dict[str, Any]) -> str:
    """Return the first class that two lists do not share."""
    for place, pair in enumerate(zip(found, config["classes"], strict=False)):
        if pair[0] != pair[1]:
            return f"class {place} is {pair[0]!r} and {pair[1]!r}"
    return f"{len(found)} and {len(config['classes'])} classes"


def _main() -> int:
    """Print one line per check; return 1 if one does not hold."""
    parser = argparse.ArgumentParser(description="Check an exported network's folder.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--json", action="store_true", help="write one JSON document")
    parser.add_argument("--without-manifest", action="store_true", help="do not compare the files with the manifest")
    parser.add_argument("--threads", type=int, help="threads of PyTorch")
    asked = parser.parse_args()
    if np is None and not importlib.util.find_spec("torch"):
        parser.error("numpy or torch is needed to read the stored numbers, but neither is installed; pip install numpy")
    sys.modules["budgetnet"] = None  # type: ignore[assignment]  # network.py must stand alone
    sys.dont_write_bytecode = True
    if asked.threads and importlib.util.find_spec("torch"):
        __import__("torch").set_num_threads(asked.threads)
    found = []
    for result in checks(asked.folder, manifest=not asked.without_manifest):
        found.append(result)
        if not asked.json:
            word = {True: "ok", False: "wrong", None: "skipped"}[result["holds"]]
            sys.stdout.write(f"{word:<8} {result['check']}: {result['text']}\n")
    if asked.json:
        sys.stdout.write(json.dumps({"checks": found}, indent=2, ensure_ascii=False) + "\n")
    return 1 if found[-1]["holds"] is False else 0


if __name__ == "__main__":
    sys.exit(_main())
