"""What becomes of blocks as people write them: ``python -m tests.benchmarks.plugin_blocks [FILE …]``.

Each plug-in is counted on a small image: by fvcore, by what its author states, or it is refused with a message.
"""

from __future__ import annotations

import sys
from pathlib import Path

from budgetnet.errors import BudgetnetError
from budgetnet.files.plugins.plugins import load_plugins, read_file
from budgetnet.network.nodes import Custom
from budgetnet.network.torch.measure import measure_nodes
from tests.benchmarks.spaces import markdown

__all__ = ["outcomes"]

IMAGE = (8, 8, 8)
BLOCKS = Path(__file__).parents[1] / "files" / "blocks_as_people_write_them.py"
ARGUMENTS: dict[str, tuple[tuple[str, object], ...]] = {"pad_channels": (("channels", 12),)}
"""Of plug-ins whose parameters have no defaults."""


def outcomes(path: Path) -> list[dict[str, object]]:
    """Count all plug-ins of a file on an image of 8 channels and 8×8 positions.

    Raises:
        BudgetnetError: the file as a whole is refused.
    """
    plugins = load_plugins([read_file(path)])
    rows: list[dict[str, object]] = []
    for name in plugins.forms:
        given = ARGUMENTS.get(name, ())
        try:
            found = plugins.forms[name](IMAGE, **dict(given))
            measured = measure_nodes(Custom(name, given), IMAGE, custom=plugins.modules)
            what = "as its author states" if measured.stated else "counted"
            counts = {"parameters": found.params, "FLOPs": found.flops, "output": "×".join(map(str, found.output))}
            rows.append({"block": name, "what happens": what, **counts})
        except BudgetnetError as error:
            refused = f"refused: {str(error).partition('; ')[0]}"
            rows.append({"block": name, "what happens": refused, "parameters": None, "FLOPs": None, "output": None})
    return rows


def main() -> None:
    """Print the table."""
    for path in [Path(given) for given in sys.argv[1:]] or [BLOCKS]:
        print(f"\n{path.name}, input {'×'.join(map(str, IMAGE))}; one multiply-add is one FLOP\n")
        print(markdown(outcomes(path)))


if __name__ == "__main__":
    main()
