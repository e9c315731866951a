"""Measures the way of a command through the house: the files it visits and how often the next one is in another room.

``python -m tools.trace_ways`` prints, for three commands, how many files a reader has to open to follow them:

- ``show``: ``budgetnet show studies/networks/tiniest.yaml``
- ``trial``: ``budgetnet search studies/quickstart.yaml``, cut to one trial, one worker and no finalists
- ``list``: ``budgetnet list studies/quickstart.yaml`` on that trial

**What is counted.** Each command runs in a process of its own under `sys.setprofile`, which is switched on once
``budgetnet.cli`` is imported. A file of ``budgetnet/`` is visited when the first of its functions is called; class
bodies, module bodies, lambdas and comprehensions do not count. So the files stand in the order of their first call,
and a *change of room* is a pair of neighbours in that list that lie in different rooms (a room is a folder or file at
the top of the package). The numbers are those of the process that was started; what the worker's process of a trial
visits besides is given in brackets. ``trial`` draws another network each time, so its numbers vary by one or two.

``--repo DIR`` measures another checkout, in this or an earlier layout; ``--files`` prints the list of files.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from itertools import pairwise
from multiprocessing import util
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["WAYS", "changes_of_room", "main", "measure_way"]

WAYS = ("show", "trial", "list")
"""What can be traced."""

_REPO = "BUDGETNET_TRACE_REPO"
_FOLDER = "BUDGETNET_TRACE_FOLDER"
"""Environment variables that tell a process to trace itself, and where to write its list."""

_OPTIMIZED = 1
"""Flag of code objects that belong to functions, not to class or module bodies (`inspect.CO_OPTIMIZED`)."""


class _Recorder:
    """Lists the files of a package in the order in which their functions are first called."""

    def __init__(self, package: Path) -> None:
        self.files: list[str] = []
        self._prefix = f"{package.resolve()}{os.sep}"
        self._seen: set[CodeType] = set()

    def start(self) -> None:
        """Record in this thread and in those that it starts."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def stop(self) -> None:
        """Record no more."""
        sys.setprofile(None)
        threading.setprofile(None)

    def write(self, folder: Path) -> None:
        """Write the list of this process."""
        folder.joinpath(f"{os.getpid()}.json").write_text(json.dumps(self.files), encoding="utf-8")

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code in self._seen:
            return
        self._seen.add(code)
        if (
            code.co_flags & _OPTIMIZED
            and not code.co_name.startswith("<")
            and code.co_filename.startswith(self._prefix)
        ):
            file = Path(code.co_filename.removeprefix(self._prefix)).as_posix()
            if file not in self.files:
                self.files.append(file)


def changes_of_room(files: Sequence[str]) -> int:
    """Count how often the next file lies in another room.

    Args:
        files: paths relative to the package, in order.

    >>> changes_of_room(["cli/app.py", "cli/networks.py", "ops/conv.py", "text.py"])
    2
    """
    return sum(before.split("/")[0] != after.split("/")[0] for before, after in pairwise(files))


def measure_way(way: str, repo: Path, folder: Path) -> tuple[list[str], list[str]]:
    """Run a command in a process of its own and trace it.

    Args:
        way: one of `WAYS`.
        repo: root of the checkout whose package runs.
        folder: an empty folder for runs and lists.

    Returns:
        Files that the command's process visited, and those that only its workers did, each in order of first call.

    Raises:
        RuntimeError: the command failed.
    """
    run = folder / "run"
    search = ["search", _quickstart(repo), "--trials", "1", "--no-finalists", "--workers", "1", "--out", str(run)]
    words = {
        "show": ["show", str(repo / "studies" / "networks" / "tiniest.yaml")],
        "trial": search,
        "list": ["list", _quickstart(repo), "--run", str(run)],
    }[way]
    if way == "list":
        _run_traced(search, repo, _new(folder / "before"))
    return _run_traced(words, repo, _new(folder / "traced"))


def _quickstart(repo: Path) -> str:
    return str(repo / "studies" / "quickstart.yaml")


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _run_traced(words: Sequence[str], repo: Path, folder: Path) -> tuple[list[str], list[str]]:
    environment = {
        **os.environ,
        _REPO: str(repo),
        _FOLDER: str(folder),
        "PYTHONPATH": str(repo),
    }
    # As a file, not as a module: workers import it again, and the other checkout may have no such tool, or another one.
    command = [sys.executable, "-P", str(Path(__file__).resolve()), "--traced", *words]
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"budgetnet {' '.join(words)} failed:\n{output.decode(errors='replace')}")
    lists = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    files: list[str] = lists.pop(str(process.pid))
    workers = dict.fromkeys(file for others in lists.values() for file in others if file not in files)
    return files, list(workers)


def _trace_command(words: Sequence[str]) -> None:
    """Run a command of the package in this process, and write the list of files that it visited."""
    import budgetnet.cli

    recorder = _Recorder(Path(os.environ[_REPO]) / "budgetnet")
    sys.argv = ["budgetnet", *words]
    recorder.start()
    try:
        budgetnet.cli.main()
    finally:
        recorder.stop()
        recorder.write(Path(os.environ[_FOLDER]))


def _trace_worker() -> None:
    """Trace this process from now to its end: it is a worker that a traced command has started."""
    recorder = _Recorder(Path(os.environ[_REPO]) / "budgetnet")
    util.Finalize(None, recorder.write, args=(Path(os.environ[_FOLDER]),), exitpriority=100)
    recorder.start()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the measures of the ways that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.trace_ways", description="Trace commands through the rooms.")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"one or more of {', '.join(WAYS)}; all by default")
    parser.add_argument("--repo", type=Path, default=Path(__file__).parents[1], help="checkout to measure")
    parser.add_argument("--files", action="store_true", help="print the files, too")
    asked = parser.parse_args(arguments)
    if wrong := [way for way in asked.ways if way not in WAYS]:
        parser.error(f"a way is one of {', '.join(WAYS)}, but got {wrong[0]}")
    for way in asked.ways or WAYS:
        with tempfile.TemporaryDirectory() as folder:
            files, more = measure_way(way, asked.repo.resolve(), Path(folder))
        workers = f" (workers visit {len(more)} more files)" if more else ""
        print(f"{way}: {len(files)} files, {changes_of_room(files)} changes of room{workers}")
        if asked.files:
            print("".join(f"  {file}\n" for file in files), end="")


if __name__ == "__mp_main__" and _FOLDER in os.environ:
    _trace_worker()
elif __name__ == "__main__":
    if sys.argv[1:2] == ["--traced"]:
        _trace_command(sys.argv[2:])
    else:
        main()
