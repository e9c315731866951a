"""What `train_speed` lets compete: four ways to train one network.

Those that differ in settings of the whole process have processes of their own, since one would help or hurt the other:
`fit` keeps freed memory, and oneDNN and OpenMP keep what they once prepared. Those that share settings share a process,
too, since every process keeps the memory of its largest network.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from budgetnet.files.network_file import read
from budgetnet.network.torch.build import build
from budgetnet.training.cpu.fast_paths import fast_paths
from budgetnet.training.cpu.malloc import keep_freed_memory
from budgetnet.training.data.images import Images, Normalisation
from budgetnet.training.data.load import load
from budgetnet.training.device import choose_device, choose_precision
from budgetnet.training.fit import fit
from budgetnet.training.optim.make import make_optimizers
from budgetnet.training.recipe.recipe import Recipe
from tests.benchmarks.step_clock import clocked

__all__ = ["KINDS", "Contender", "House", "Lane", "Settings", "Turn"]

STORED = 50_000
"""Images in memory, as many as CIFAR-10 has."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all contenders of a run have in common."""

    data: Literal["cifar10", "random"]
    device: str
    recipe: Recipe
    """Of ours; the plain loop and the bare step take its batch, learning rate, momentum and decay."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to train."""

    name: str
    kind: Literal["ours", "plain", "bare", "compiled"]
    threads: int
    loaders: int = 0
    """Of a plain loop: processes of its DataLoader."""

    @property
    def house(self) -> tuple[str, int]:
        """Equal for contenders that may share a process."""
        return "ours" if self.kind == "bare" else self.kind, self.threads


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One measurement."""

    images: int
    seconds: float
    parts: dict[str, float] | None = None
    """Seconds of each of `step_clock.PARTS`, where asked for."""

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.images / self.seconds


class House:
    """A process in which contenders wait for their turns."""

    def __init__(self, threads: int, settings: Settings, *, compiled: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        # Not a daemon: those may not have the children that a DataLoader needs. It ends when the pipe does.
        self._process = context.Process(target=_serve, args=(there, threads, settings, compiled))
        self._process.start()
        there.close()

    def begin(self, contender: Contender, network: Path, images: int, *, parts: bool = False) -> None:
        """Start a turn."""
        self._here.send((contender, network, images, parts))

    def end(self) -> Turn:
        """Wait for the turn's end."""
        answer = self._here.recv()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Turn)
        return answer

    def close(self) -> None:
        """End the process."""
        self._here.close()
        self._process.join(timeout=20)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@dataclass(frozen=True)
class Lane:
    """One contender and the house in which it trains."""

    contender: Contender
    house: House

    def begin(self, network: Path, images: int, *, parts: bool = False) -> None:
        """Start a turn."""
        self.house.begin(self.contender, network, images, parts=parts)

    def end(self) -> Turn:
        """Wait for the turn's end."""
        return self.house.end()

    def turn(self, network: Path, images: int, *, parts: bool = False) -> Turn:
        """Start a turn and wait for its end."""
        self.begin(network, images, parts=parts)
        return self.end()


def _serve(connection: Connection[Any, Any], threads: int, settings: Settings, compiled: bool) -> None:
    """Take turns until the pipe is closed."""
    if compiled:
        os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # what an earlier run compiled must not help
    torch.set_num_threads(threads)
    images = _images(settings.data)
    models: dict[Path, nn.Module] = {}
    while True:
        try:
            contender, network, count, parts = connection.recv()
        except EOFError:
            return
        try:
            if network not in models:
                models[network] = _model(network, compiled=compiled)
            subset = images.take(torch.randperm(len(images))[:count])
            with clocked(models[network]) if parts else nullcontext() as spent:
                seconds = KINDS[contender.kind](models[network], subset, contender, settings)
            if spent is not None:
                spent["rest"] = seconds - sum(spent.values())
            answer: Turn | Exception = Turn(images=count, seconds=seconds, parts=spent)
        except Exception as error:  # noqa: BLE001 - raised by the process that asked
            answer = error
        connection.send(answer)


def _images(data: str) -> Images:
    if data == "cifar10":
        return load("cifar10").train
    drawn = torch.randint(0, 256, (STORED, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Images(drawn, torch.arange(STORED) % 10, None, Normalisation((0.49, 0.48, 0.45), (0.25, 0.24, 0.26)))


def _model(network: Path, *, compiled: bool) -> nn.Module:
    architecture = read(network)
    torch.manual_seed(0)
    model = build(architecture.network, architecture.input_shape)
    return torch.compile(model) if compiled else model  # type: ignore[return-value]


def _ours(model: nn.Module, images: Images, _contender: Contender, settings: Settings) -> float:
    """`fit`, one epoch over the images, everything it does included."""
    begun = time.perf_counter()
    curve = fit(model, images, None, settings.recipe, seed=0, device=settings.device)
    seconds = time.perf_counter() - begun
    if curve.images != len(images):
        raise RuntimeError(f"fit saw {curve.images} of {len(images)} images: {curve.diverged}")
    return seconds


def _bare(model: nn.Module, images: Images, _contender: Contender, settings: Settings) -> float:
    """Forward, backward and optimizer on one random batch in memory; precision, layout and fast paths are fit's."""
    keep_freed_memory()
    recipe, device = settings.recipe, choose_device(settings.device)
    dtype = choose_precision(recipe.precision, device)
    model = model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizers = make_optimizers(model, recipe)
    pixels = torch.randn(recipe.batch, *images.shape, device=device).to(dtype, memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (recipe.batch,), device=device)
    with fast_paths(model, dtype) if device.type == "cpu" else nullcontext():
        _synchronize(device)
        begun = time.perf_counter()
        for _ in range(len(images) // recipe.batch):
            with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
                logits = model(pixels)
            loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers:
                optimizer.step()
        _synchronize(device)
        return time.perf_counter() - begun


class _Pictures(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """As `torchvision.datasets.CIFAR10`: an array in memory, each image made a PIL image and transformed."""

    def __init__(self, images: Images, transform: Callable[[Any], Tensor]) -> None:
        self._array = images.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels: list[int] = images.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self._transform(Image.fromarray(self._array[index])), self._labels[index]


def _plain(model: nn.Module, images: Images, contender: Contender, settings: Settings) -> float:
    """The loop of most tutorials. The clock starts with the first batch in hand: starting loaders is not counted."""
    from torchvision import transforms

    recipe, device = settings.recipe, choose_device(settings.device)
    statistics = images.normalisation
    transform = transforms.Compose([
        transforms.RandomHorizontalFlip(),
        transforms.RandomCrop(32, padding=4),
        transforms.ToTensor(),
        transforms.Normalize(statistics.mean, statistics.std),
    ])  # fmt: skip
    loader = torch.utils.data.DataLoader(
        _Pictures(images, transform), batch_size=recipe.batch, shuffle=True, num_workers=contender.loaders
    )
    model = model.to(device).train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    criterion = nn.CrossEntropyLoss()
    running, begun = 0.0, 0.0
    for inputs, labels in loader:
        begun = begun or time.perf_counter()
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    return time.perf_counter() - begun


KINDS: dict[str, Callable[[nn.Module, Images, Contender, Settings], float]] = {
    "ours": _ours,
    "compiled": _ours,
    "bare": _bare,
    "plain": _plain,
}


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
