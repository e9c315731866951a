"""Ways of running a network: PyTorch, compiled, and ONNX Runtime in float32 and int8, each as a function of images."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from budgetnet.errors import BudgetnetError, RequestError, nearest
from budgetnet.export.formats import exported_program, extra_is_there, needs_extra, write_onnx
from budgetnet.export.int8.quantise import quantise
from budgetnet.files.network_file import FORMAT, Network, parse_network_file
from budgetnet.network.torch.build import build_nodes
from budgetnet.training.data.images import Images

__all__ = ["WAYS", "RunWay", "Runner", "Runners", "first_run", "many_compilations", "read_ways"]

RunWay = Literal["eager", "compile", "onnx", "int8"]
"""eager: PyTorch as it is. compile: ``torch.compile``. onnx: ONNX Runtime, float32. int8: ONNX Runtime, int8."""

WAYS: tuple[RunWay, ...] = get_args(RunWay)

Runner = Callable[[Tensor], object]
"""Runs one batch (N, C, H, W) of float32 images."""

_CALIBRATION = 64


def read_ways(text: str | Sequence[str] | None) -> tuple[RunWay, ...]:
    """Return the ways that were asked for; by default all whose libraries are installed.

    Raises:
        RequestError: an unknown way, or one whose libraries are not installed.
    """
    if text is None:
        return tuple(way for way in WAYS if way in ("eager", "compile") or extra_is_there("onnx"))
    names = [name.strip() for name in (text.split(",") if isinstance(text, str) else text)]
    for name in names:
        if name not in WAYS:
            raise RequestError(
                f"ways must be names among {', '.join(WAYS)}, but got {name!r}"
                f"{nearest(name, WAYS) or '; write for example eager,onnx'}"
            )
    if {"onnx", "int8"} & set(names):
        needs_extra("onnx", "the way onnx or int8")
    return tuple(way for way in WAYS if way in names)


class Runners:
    """One network, ready to be run in several ways. Weights are random: they do not change the time."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._tiny: Runners | None = None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self._model = build_nodes(network.network, network.input_shape, custom=network.plugins.modules).eval()
        self._model.requires_grad_(False)

    def make(self, way: RunWay, threads: int) -> Runner:
        """Return the function that runs the network in one way.

        Raises:
            RequestError, ExportError: it cannot be run so here; the message says why.
        """
        match way:
            case "eager":
                return deepcopy(self._model)  # whose weights count where memory is counted
            case "compile":
                return _compiled(deepcopy(self._model))
            case "onnx" | "int8":
                return _session(self._file(way), threads)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an image, without the batch."""
        return self._network.input_shape

    def prepare(self, way: RunWay) -> None:
        """Write the file that a way needs, if it needs one.

        Raises:
            RequestError, ExportError: see `make`.
        """
        if way in ("onnx", "int8"):
            self._file(way)

    def tiny(self) -> Runners:
        """Return a network of a few parameters that takes the same images."""
        if self._tiny is None:
            place = self._folder / "tiny"
            place.mkdir(exist_ok=True)
            shape = list(self._network.input_shape)
            text = "network: |\n  network = conv(1, 2) gap linear(classes)\n"
            self._tiny = Runners(
                parse_network_file(f"format: {FORMAT}\nname: tiny\ninput: {shape}\nclasses: 2\n{text}"), place
            )
        return self._tiny

    def _file(self, way: RunWay) -> Path:
        path = self._folder / f"{way}.onnx"
        if path.exists():
            return path
        shape = self._network.input_shape
        if way == "int8":
            generator = torch.Generator().manual_seed(0)
            pixels = torch.randint(0, 256, (_CALIBRATION, *shape), generator=generator, dtype=torch.uint8)
            quantise(self._file("onnx"), path, Images(pixels, torch.zeros(_CALIBRATION, dtype=torch.int64)))
        else:
            program = exported_program(self._model, torch.zeros(2, *shape))
            write_onnx(program, path, name=self._network.name, classes=())
        return path

    @classmethod
    @contextmanager
    def of(cls, networks: list[Network]) -> Iterator[list[Runners]]:
        """Give the runners of several networks; their files vanish at the end."""
        place = Path(tempfile.mkdtemp(prefix="budgetnet-bench-"))
        try:
            runners = []
            for number, network in enumerate(networks):
                (place / str(number)).mkdir()
                runners.append(cls(network, place / str(number)))
            yield runners
        finally:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def many_compilations() -> Iterator[None]:
    """Let the compiler keep every network in every setting: beyond its usual 8 it would run them uncompiled."""
    import torch._dynamo

    with torch._dynamo.config.patch(recompile_limit=10_000, accumulated_recompile_limit=100_000):
        yield


def _compiled(model: nn.Module) -> Runner:
    """Compile a network; the work is done at its first run, which may fail.

    Raises:
        RequestError: there is no C++ compiler.
    """
    if shutil.which("c++") is None and shutil.which("g++") is None and shutil.which("clang++") is None:
        raise RequestError("torch.compile needs a C++ compiler, but none is on the path; leave compile out of the ways")
    compiled: Any = torch.compile(model, dynamic=False)

    def run(images: Tensor) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compiled(images)

    return run


def _session(path: Path, threads: int) -> Runner:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Without it idle threads of one session keep a core busy while another one is measured.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(images: Tensor) -> object:
        return session.run(None, {name: images.numpy()})

    return run


def first_run(runner: Runner, images: Tensor) -> str | None:
    """Run once, which compiles what is compiled at first use; return the reason if that fails."""
    try:
        runner(images)
    except BudgetnetError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - compilers and runtimes fail in many ways, and one must not end the run
        return " ".join(str(error).split())[:200]
    return None
