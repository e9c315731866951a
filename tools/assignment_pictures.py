"""Draws what a student hands in, from the record of a training: the table of layers, and the misclassified images.

Part of ``python -m tools.pictures``; the curves are `tools.curve_picture`'s.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from budgetnet.files.network_file import Network
from budgetnet.network.cost.closed_form import layers
from budgetnet.records.training_run import TrainingRun
from budgetnet.report.table import render_table
from budgetnet.training.mistake_images import read_strip

__all__ = ["draw_mistakes", "draw_table"]

_INK, _GREY, _RED = "#24292f", "#57606a", "#cf222e"
_ROW, _COLUMN = 15.5, 7.25
"""Height of a line and width of a character of the table."""
_TILE, _LEFT, _TOP, _ACROSS = 124, 16, 56, 5
"""Width of an image with its words, and images in a row."""


def draw_table(network: Network) -> str:
    """Draw the table of a network's layers, as ``budgetnet show`` prints it.

    Returns:
        An SVG.
    """
    lines = render_table(layers(network.network, network.input_shape), network.input_shape).splitlines()
    width = max(map(len, lines)) * _COLUMN + 2 * _LEFT
    height = len(lines) * _ROW + 2 * _LEFT
    head = _head(
        width, height, f"{network.name}: its layers", 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace"'
    )
    rows = [
        f'<text x="{_LEFT}" y="{_LEFT + (at + 0.8) * _ROW:.1f}" xml:space="preserve">{escape(line)}</text>'
        for at, line in enumerate(lines)
    ]
    return "\n".join([*head, *rows, "</svg>", ""])


def draw_mistakes(name: str, run: TrainingRun, strip: Path) -> str:
    """Draw the test images that a training got wrong with the highest confidence.

    Args:
        name: the network's.
        run: the training, with its reading of the test images.
        strip: the file that holds the images, side by side.

    Returns:
        An SVG: each image above its predicted class with its probability, and its true class with its own.
    """
    reading = run.reading
    images = None if reading is None else read_strip(strip, len(reading.mistakes))
    if reading is None or images is None:
        raise FileNotFoundError(f"{strip} does not hold the mistakes of {name}")
    rows = -(-len(images) // _ACROSS)
    width, height = _ACROSS * _TILE + 2 * _LEFT, _TOP + rows * 132 + 4
    title = f"{name}: test images that it got wrong with the highest confidence"
    lead = "predicted class with its probability in red, true class below"
    parts = [
        *_head(width, height, title, 'font-family="Helvetica, Arial, sans-serif"'),
        f'<text x="{_LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="43" fill="{_GREY}">{lead}</text>',
    ]
    for at, (mistake, image) in enumerate(zip(reading.mistakes, images, strict=True)):
        x, y = _LEFT + at % _ACROSS * _TILE, _TOP + at // _ACROSS * 132
        words = (
            (f"{reading.classes[mistake.predicted]} {100 * mistake.confidence:.1f} %", _RED),
            (f"{reading.classes[mistake.true]} {100 * mistake.true_probability:.1f} %", _INK),
        )
        parts += _image(x, y, image, words)
    return "\n".join([*parts, "</svg>", ""])


def _image(x: float, y: float, image: bytes, words: Sequence[tuple[str, str]]) -> Iterator[str]:
    data = b64encode(image).decode("ascii")
    yield (
        f'<image x="{x}" y="{y}" width="88" height="88" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{data}"/>'
    )
    for line, (text, colour) in enumerate(words):
        yield f'<text x="{x}" y="{y + 102 + 14 * line}" fill="{colour}">{escape(text)}</text>'


def _head(width: float, height: float, title: str, font: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" {font} font-size="12" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="6" fill="#ffffff"/>',
    ]
