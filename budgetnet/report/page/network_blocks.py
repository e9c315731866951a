"""One network on a page: its costs, its drawing, its text and its layers."""

from __future__ import annotations

from budgetnet.draw.draw import draw_network
from budgetnet.files.network_file import Network
from budgetnet.network.text import network_text
from budgetnet.pages.blocks import Block, Code, Details, PageTable, Picture
from budgetnet.report.network import sheet
from budgetnet.text import bytes_text, count_text, percent, shape_text

__all__ = ["network_blocks"]


def network_blocks(network: Network) -> list[Block]:
    """Return the costs, the drawing, the text and the layer table of a network."""
    shown = sheet(network)
    cost = shown.cost
    facts = PageTable(
        header=["parameters", "FLOPs", "activations", "peak memory", "receptive field", "depth"],
        rows=[
            [
                count_text(cost.params),
                count_text(cost.flops),
                count_text(cost.activations),
                bytes_text(cost.peak_activation_bytes),
                f"{cost.receptive_field} px",
                str(cost.depth),
            ]
        ],
        left=(),
    )
    layers = PageTable(
        header=["layer", "output", "parameters", "%", "FLOPs", "%"],
        rows=[
            [
                f"{layer.type}-{number}",
                shape_text(layer.output),
                count_text(layer.params),
                percent(layer.params / cost.params if cost.params else 0.0, 1),
                count_text(layer.flops),
                percent(layer.flops / cost.flops if cost.flops else 0.0, 1),
            ]
            for number, layer in enumerate(shown.layers, start=1)
        ],
        left=(0, 1),
    )
    # Inside HTML, SVG needs no namespace; without it the page names no address at all.
    drawing = draw_network(network).replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
    return [
        facts,
        Details(title="Drawing", blocks=[Picture(svg=drawing, label=f"the layers of {network.name}")], open=True),
        Details(title="Text", blocks=[Code(text=network_text(network.network).strip())]),
        Details(title=f"Layers ({len(shown.layers)})", blocks=[layers]),
    ]
