"""What counting and drawing take in spaces of many kinds: ``python -m tests.benchmarks.bench_space_limits``.

Each space is looked into in a fresh process, as a search does: a table where its effort allows one, else an outlook.
The draws are the grammar's, given that they fit; each of them is built and counted by fvcore, too.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from math import log10
from typing import Any

from budgetnet.files.spaces import space_of as space_of_study
from budgetnet.files.study_file import load_study
from budgetnet.space.choosers import prior
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from budgetnet.space.space import Space
from tests.benchmarks.spaces import STUDY, arguments, example, finish, flagship, header, markdown
from tests.space.spaces import space_of

__all__ = ["SPACES", "looked_into"]

_BLOCK = "block(c) = conv(3|5, c) | dwconv(3|5) conv(1, c) | skip(conv(3|5, c))"
_CELL = """
cell = graph { n1 = op(x); n2 = op(x) + op(n1); return op(x) + op(n1) + op(n2) }
op   = zero | identity | conv(1, in, order="act conv norm") | conv(3, in, order="act conv norm") | avgpool(3, 1, 1)
down(c) = skip(conv(3, c, stride=2, order="act conv norm") conv(3, c, order="act conv norm"))
"""
_DARTS = """
network = conv(3, 16) tied(cell){6} gap linear(classes)
cell = graph {
    a = op(x)
    b = op(x) + op(a)
    c = op(x) + op(a) + op(b)
    d = op(x) + op(a) + op(b) + op(c)
    all = concat(a, b, c, d)
    return conv(1, 16)(all)
}
op = zero | identity | maxpool(3, 1, 1) | avgpool(3, 1, 1) | sep(3) | sep(5) | conv(3, in, dilation=2) | conv(5, in)
sep(k) = dwconv(k) conv(1, in)
"""
_OFA = """
network = conv(3, 16, stride=2, act=hardswish) mb(3, 1, 1, 16)
          unit(24, 2) unit(40, 2) unit(80, 2) unit(112, 1) unit(160, 2)
          conv(1, 960, act=hardswish) gap linear(1280, act=hardswish) linear(classes)
unit(c, s) = mb(3|5|7, 3|4|6, s, c) mb(3|5|7, 3|4|6, 1, c){1..3}
mb(k, e, s, c) = skip(conv(1, in*e, act=relu) dwconv(k, stride=s, act=relu) conv(1, c, act=none))
"""
_EINSPACE = """
network = conv(3, 16) module gap linear(classes)
module = compute @3 | module module | branch | route
compute = conv(1|3|5, 8|16|32|64) | dwconv(3|5) | norm(batch) | act(relu|gelu|silu) | identity
branch = pair | split(module, module) | skip(module)
pair = parallel(module, module, join=add) | parallel(module, module, join=concat)
route = maxpool(2) | maxpool(3, 1, 1) | conv(1, in*2, stride=2)
"""


def _stages(
    count: int, widths: int = 32, blocks: int = 6, params: int | None = 200_000, flops: int = 20_000_000
) -> Space:
    parts = " ".join(
        f"stage({256 // widths}..256:{256 // widths}){' maxpool(2)' if i < 3 else ''}" for i in range(count)
    )
    text = f"network = {parts} gap linear(classes)\nstage(c) = block(c){{1..{blocks}}}\n{_BLOCK}"
    bounds = {"flops": flops} if params is None else {"params": params, "flops": flops}
    return space_of(text, shape=(3, 32, 32), classes=10, **bounds)


def _of(text: str, size: int = 32, classes: int = 10, **bounds: int) -> Space:
    return space_of(
        text, shape=(3, size, size), classes=classes, **(bounds or {"params": 200_000, "flops": 20_000_000})
    )


_SHARED = f"network = conv(3, 8, act=none) tied(down(in*2) tied(cell){{5}}){{3}} act(relu) gap linear(classes)\n{_CELL}"
_FREE = f"""
network = conv(3, 16, act=none) tied(cell){{5}} down(32) tied(cell){{5}} down(64) tied(cell){{5}} act(relu)
          gap linear(classes)
{_CELL}"""

SPACES = {
    "flagship study": flagship,
    "example of the language": example,
    **{f"4 stages of {widths} widths": lambda widths=widths: _stages(4, widths) for widths in (4, 8, 16, 32, 64)},
    **{f"{count} stages of 32 widths": lambda count=count: _stages(count) for count in (2, 6, 10)},
    **{f"2 stages of 1 to {most} blocks": lambda most=most: _stages(2, 8, most) for most in (1, 10, 30)},
    "1 to 30 layers of 16 widths": lambda: _of("network = conv(3, 8..128:8){1..30} gap linear(classes)"),
    "12 layers of 16 widths each": lambda: _of(
        f"network = {'conv(3, 8..128:8) ' * 4}maxpool {'conv(3, 8..128:8) ' * 4}maxpool {'conv(3, 8..128:8) ' * 4}"
        "gap linear(classes)"
    ),
    "NAS-Bench-201, 3 cells": lambda: _of(_FREE, params=1_500_000, flops=200_000_000),
    "NAS-Bench-201, 1 cell": lambda: _of(_SHARED, params=1_500_000, flops=200_000_000),
    "DARTS cell": lambda: _of(_DARTS, params=100_000, flops=60_000_000),
    **{
        f"studies/spaces/{name}.yaml": lambda name=name: space_of_study(
            load_study(STUDY.parent / "spaces" / f"{name}.yaml")
        )
        for name in ("nas-bench-201", "darts", "pnas")
    },
    "OFA-MobileNetV3": lambda: _of(_OFA, 224, 1000, params=6_000_000, flops=300_000_000),
    "recursion": lambda: _of(
        "network = conv(3, 16) tree gap linear(classes)\ntree = conv(3, in) | parallel(tree, tree) | skip(tree)"
    ),
    "like einspace": lambda: _of(_EINSPACE),
    "FLOPs alone, example": lambda: _of(_example_text(), flops=100_000_000),
    "FLOPs alone, 4 stages of 8 widths": lambda: _stages(4, 8, params=None, flops=100_000_000),
}
"""By what they are about: each space under the budget of its size."""


def _example_text() -> str:
    from tests.space.spaces import FLAGSHIP

    return FLAGSHIP


def looked_into(name: str, draws: int, judged: int) -> dict[str, Any]:
    """Look into a space as a search does, and draw.

    Args:
        name: one of `SPACES`.
        draws: how many networks.
        judged: how many of them fvcore counts, too.
    """
    space = SPACES[name]()
    rng = random.Random(0)
    begun = time.process_time()
    proposer = Proposer(space)
    first = proposer.derive(prior(rng))
    proposed = time.process_time() - begun
    drawn = [first, *(proposer.derive(prior(rng)) for _ in range(draws - 1))]
    seconds = max(time.process_time() - begun - proposed, 1e-9)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ahead = proposer.ahead
    assert ahead is not None
    kind = ("exact" if ahead.exact else "what fits, exactly") if isinstance(ahead, Table) else "looks ahead"
    number = ahead.derivations
    judged_ones = [found for found in drawn if isinstance(found, Candidate)][:judged]
    fitting = [found for found in drawn if isinstance(found, Candidate)]
    return {
        "space": name,
        "derivations": "–" if not number else f"10^{log10(number):,.1f}",
        "table": kind,
        "s to the first proposal": round(proposed, 2),
        "draws a second": round((draws - 1) / seconds),
        "peak MiB": round(peak),
        "of draws fit": f"{len(fitting)} of {draws}",
        "by fvcore": f"{sum(_fits_by_fvcore(space, found) for found in judged_ones)} of {len(judged_ones)}",
    }


def _fits_by_fvcore(space: Space, found: Candidate) -> bool:
    from budgetnet.network.torch.measure import measure_nodes

    counted = measure_nodes(found.expansion.network, space.input_shape)
    return all(getattr(counted, bound) <= limit for bound, limit in space.budget.bounds().items())


def main() -> None:
    """Print the table."""
    chosen = arguments(__doc__, draws=20, judged=20)
    begun = header()
    rows = []
    for name in SPACES:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.bench_space_limits",
            name,
            str(chosen.draws),
            str(chosen.judged),
        ]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(markdown(rows[-1:]).splitlines()[-1], flush=True)
    print("\n" + markdown(rows))
    finish(begun, {"spaces": rows}, chosen.json)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SPACES:
        print(json.dumps(looked_into(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
