"""The commands about handing over: verify, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.cli.options import DataDir, Json, Run, Storage
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import seconds_option

__all__ = ["bench_command", "verify_command"]


def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An exported folder.", show_default=False)],
    test_images: Annotated[
        Path | None,
        typer.Option(
            "--test-images", metavar="DIR", help="Test images, CLASS/…  [default: the recorded data set's, if here]"
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Check an exported folder: files, counts, logits, accuracy.

    One line per check, in order; the first that does not hold ends the work with exit code 1. The folder's network.py
    is run. Formats whose runtime is not installed, and test images that are not here, are reported as skipped.
    """
    from budgetnet.api.pages.folders import verification_answer
    from budgetnet.api.pages.trainings import use_data_folder

    use_data_folder(data_dir)
    put(verification_answer(folder, test_images=test_images), as_json=as_json)


def bench_command(
    networks: Annotated[
        list[str],
        typer.Argument(metavar="NETWORK...", help="Network files, exported folders, STUDY:17.", show_default=False),
    ],
    ways: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Among eager, compile, onnx, int8.  [default: all that are installed]"),
    ] = None,
    batch: Annotated[str, typer.Option(metavar="NUMBERS", help="Images per run.")] = "1,128",
    threads: Annotated[str, typer.Option(metavar="NUMBERS", help="Numbers of threads; all: the cores.")] = "1,all",
    seconds: Annotated[float, seconds_option("--seconds", help="Least time for each of them in each setting.")] = 2.0,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Measure latency, throughput and memory here.

    Networks and ways of running them take turns run by run, so that a busy moment hits all of them: PyTorch (eager),
    torch.compile, ONNX Runtime in float32 and int8. Weights are random; the times belong to this machine.
    """
    from budgetnet.api.pages.folders import bench_answer

    answer = bench_answer(
        networks, ways=ways, batches=batch, threads=threads, seconds=seconds, storage=storage, run=run, say=say
    )
    put(answer, as_json=as_json)
