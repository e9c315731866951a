"""Draw a network: as SVG, as PNG, or as a page."""

from __future__ import annotations

from pathlib import Path

from budgetnet.draw.layout import lay_out, shape_label
from budgetnet.draw.outline import outline
from budgetnet.draw.parts import walk_parts
from budgetnet.draw.svg import Paper, summary_line, svg_text
from budgetnet.errors import RequestError
from budgetnet.files.network_file import Network
from budgetnet.text import counted

__all__ = ["check_drawing", "draw_network", "write_drawing"]

FORMATS = (".svg", ".png", ".html")


def draw_network(network: Network, *, paper: Paper = "auto") -> str:
    """Draw a network as SVG.

    Blocks are nested as in the grammar, with the rules' names on their frames; what is repeated several times in a row
    is drawn once, with its number. Skips and branches are edges, arrows carry channels, height and width where they
    change, and layers are coloured by their share of the parameters. Each layer's tooltip gives its text, shapes,
    parameters and FLOPs (one multiply-add = one FLOP).

    Args:
        network: the network; without the rules that made it (`Network.origins`), repetitions alone are framed.
        paper: ``light``, ``dark``, or ``auto``, which follows the reader's choice.

    Raises:
        ShapeError: the network cannot be applied to its images.
        CountError: it holds an own primitive without a closed form.

    >>> import budgetnet as bn
    >>> small = bn.parse_network("conv(3, 16) maxpool conv(3, 32) gap linear(classes)", input=(3, 32, 32), classes=10)
    >>> bn.draw_network(small).startswith("<svg")
    True
    """
    part = outline(network)
    layers = walk_parts(part)
    params = sum(layer.params * copies for layer, copies, _ in layers)
    flops = sum(layer.flops * runs for layer, _, runs in layers)
    entry = shape_label(network.input_shape)
    block = lay_out(part, f"input {entry}", counted(network.classes, "class", "classes"))
    lead = summary_line(params, flops, entry, network.classes)
    return svg_text(block, title=network.name, lead=lead, params=params, paper=paper)


def check_drawing(path: Path) -> None:
    """Check the place of a drawing before the work for it is done.

    Raises:
        RequestError: its ending is none of the formats, it is a folder, its folder does not exist, or the library
            for PNG is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise RequestError(f"a drawing must end with .svg, .png or .html, but got {path}; name e.g. {path.stem}.svg")
    if path.is_dir():
        raise RequestError(f"{path} is a folder; name a file, for example {path / 'network.svg'}")
    if not path.parent.is_dir():
        raise RequestError(f"the folder {path.parent} does not exist; make it or choose another place")
    if path.suffix.lower() == ".png":
        from budgetnet.draw.png import check_renderer

        check_renderer()


def write_drawing(network: Network, path: str | Path, *, paper: Paper | None = None) -> None:
    """Draw a network into a file.

    Args:
        network: the network.
        path: the file; its ending, ``.svg``, ``.png`` or ``.html``, is its format. PNG needs the extra ``png``.
        paper: the colours; ``light`` for PNG and ``auto`` for the others if None.

    Raises:
        RequestError: the place or its ending cannot be used, or the library for PNG is not installed.
        ShapeError, CountError: see `draw_network`.

    >>> import budgetnet as bn, tempfile
    >>> place = Path(tempfile.mkdtemp()) / "resnet.html"
    >>> bn.write_drawing(bn.read_network("studies/networks/resnet-20-projection.yaml"), place)
    >>> place.is_file()
    True
    """
    path = Path(path)
    check_drawing(path)
    kind = path.suffix.lower()
    if kind == ".png":
        from budgetnet.draw.png import png_bytes

        data = png_bytes(draw_network(network, paper="light" if paper in (None, "auto") else paper))
    elif kind == ".html":
        from budgetnet.pages.render import render

        drawing = draw_network(network, paper=paper or "auto")
        data = render("drawing.html", title=network.name, drawing=drawing).encode()
    else:
        data = draw_network(network, paper=paper or "auto").encode()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from None
