"""Drawings of networks: everything is there once, edges lead where values go, and the file is sound."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given

import budgetnet as bn
from budgetnet.draw.colours import DARK, LIGHT, SHARES
from budgetnet.draw.draw import draw_network, write_drawing
from budgetnet.draw.layout import lay_out
from budgetnet.draw.marks import Dot, FoldBox, FrameBox, LayerBox, Sign, Wire
from budgetnet.draw.outline import outline
from budgetnet.draw.parts import (
    BranchesPart,
    CellPart,
    CellStep,
    ChainPart,
    FoldPart,
    FramePart,
    LayerPart,
    Part,
    ResidualPart,
    walk_parts,
)
from budgetnet.draw.words import text_width
from budgetnet.errors import RequestError
from budgetnet.network.cost.closed_form import cost, layers
from tests.network.strategies import networks

NETWORKS = sorted((Path(__file__).parents[2] / "studies" / "networks").glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


@cache
def read(path: Path) -> bn.Network:
    """A network of the repository, read once."""
    return bn.read_network(path)


def small(text: str, **changes: object) -> bn.Network:
    """A network for small images."""
    return replace(bn.parse_network(text, input=(3, 32, 32), classes=10), **changes)


def ways(part: Part) -> int:
    """Paths through a part, as its structure says; what is drawn once counts once."""
    match part:
        case ChainPart():
            return prod(map(ways, part.parts))
        case FramePart():
            return ways(part.body)
        case ResidualPart():
            return ways(part.body) + (1 if part.shortcut is None else ways(part.shortcut))
        case BranchesPart():
            return sum(map(ways, part.branches))
        case CellPart():
            return cell_ways(part, [1] * len(part.inputs))
        case LayerPart() | FoldPart():
            return 1


def cell_ways(cell: CellPart, entering: list[int]) -> int:
    """Paths to a cell's result, of so many that come in by each input; cells in it take several inputs, too."""
    known = dict(zip(cell.inputs, entering, strict=True))
    for step in cell.steps:
        read = [known[name] for name in step.inputs]
        known[step.target] = through(step.part, read) if isinstance(step, CellStep) else sum(read)
    return known[cell.result]


def through(part: Part, entering: list[int]) -> int:
    """Paths behind a part of one or several inputs."""
    match part:
        case FramePart():
            return through(part.body, entering)
        case CellPart():
            return cell_ways(part, entering)
        case ChainPart():
            return through(part.parts[0], entering) * prod(map(ways, part.parts[1:]))
        case FoldPart():
            return sum(entering)
        case _:
            return entering[0] * ways(part)


def drawn_ways(marks) -> int:
    """Paths from the first mark to the last along the drawn wires."""
    after = defaultdict(list)
    targets = set()
    for mark in marks:
        if isinstance(mark, Wire):
            after[mark.source].append(mark.target)
            targets.add(mark.target)
    ids = [mark.id for mark in marks if not isinstance(mark, Wire | FrameBox)]
    (start,) = [name for name in ids if name not in targets]

    @cache
    def paths(name: str) -> int:
        return 1 if name == last else sum(map(paths, after[name]))

    (last,) = [mark.id for mark in marks if isinstance(mark, Sign) and mark.text == "leave"]
    return paths(start)


def check(network: bn.Network) -> None:
    """Compare a drawing with the network: layers, parameters, FLOPs, and the ways through it."""
    part = outline(network)
    total = cost(network.network, network.input_shape)
    found = walk_parts(part)
    assert sum(layer.params * copies for layer, copies, _ in found) == total.params
    assert sum(layer.flops * runs for layer, _, runs in found) == total.flops
    block = lay_out(part, "enter", "leave")
    boxes = [mark for mark in block.marks if isinstance(mark, LayerBox)]
    folds = [mark for mark in block.marks if isinstance(mark, FoldBox)]
    folded = sum(
        layer.params * copies * mark.copies for mark in folds for layer, copies, _ in walk_parts(mark.fold.body)
    )
    assert sum(mark.layer.params * mark.copies for mark in boxes) + folded == total.params
    assert drawn_ways(block.marks) == ways(part)
    check_places(block)


def check_places(block) -> None:
    """Wires start and end on their marks, boxes do not overlap, and everything is inside the drawing."""
    places = {}
    for mark in block.marks:
        if isinstance(mark, LayerBox | FoldBox):
            places[mark.id] = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
        elif isinstance(mark, Sign):
            half = mark.width / 2, mark.height / 2
            places[mark.id] = (mark.x - half[0], mark.y - half[1], mark.x + half[0], mark.y + half[1])
        elif isinstance(mark, Dot):
            places[mark.id] = (mark.x, mark.y, mark.x, mark.y)
    for left, top, right, bottom in places.values():
        assert left >= -1
        assert top >= -1
        assert right <= block.width + 1
        assert bottom <= block.height + 1
    for mark in block.marks:
        if isinstance(mark, Wire):
            for name, (x, y) in ((mark.source, mark.points[0]), (mark.target, mark.points[-1])):
                left, top, right, bottom = places[name]
                assert left - 0.6 <= x <= right + 0.6
                assert top - 0.6 <= y <= bottom + 0.6
    solid = sorted(places.values())
    for at, (left, top, right, bottom) in enumerate(solid):
        for other in solid[at + 1 :]:
            if other[0] >= right - 0.5:
                break
            inside = other[0] < right - 0.5 and left + 0.5 < other[2]
            assert not (inside and other[1] < bottom - 0.5 and top + 0.5 < other[3]), "two boxes overlap"


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_every_network_of_the_repository_is_drawn_whole(path):
    """Each layer's parameters and FLOPs stand in the drawing once, and its wires lead where the values go."""
    check(read(path))


@given(networks())
def test_any_network_is_drawn_whole(drawn):
    """The same for networks at random, with skips, branches, splits, shared parts and graphs."""
    check(bn.Network(name="any", input_shape=drawn.input_shape, classes=1, network=drawn.network))


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_drawing_is_valid_xml(path):
    """The file parses, and its layers hold the network's parameters."""
    network = read(path)
    root = ElementTree.fromstring(draw_network(network))
    assert root.tag == f"{SVG}svg"
    held = [int(group.get("data-params")) for group in root.iter(f"{SVG}g") if group.get("data-params")]
    assert sum(held) == bn.count(network).params
    names = {element.get("id") for element in root.iter() if element.get("id")}
    wires = [group for group in root.iter(f"{SVG}g") if group.get("data-from")]
    assert wires
    assert all({wire.get("data-from"), wire.get("data-to")} <= names for wire in wires)


def test_every_layer_of_the_table_is_in_the_drawing():
    """The drawing's layers, with their copies, are as many as the convolutions and linear layers of the table."""
    network = read(NETWORKS[0].with_name("resnet-20-projection.yaml"))
    table = [layer for layer in layers(network.network, network.input_shape) if layer.type in ("Conv2d", "Linear")]
    drawn = sum(copies for layer, copies, _ in walk_parts(outline(network)) if layer.title.startswith(("conv", "lin")))
    assert drawn == len(table)


def test_rules_are_frames_and_repetitions_are_drawn_once():
    """Frames are named as the grammar's rules; equal copies in a row are one frame with their number."""
    network = small(
        "network = stem stage(16) stage(32) gap linear(classes)\n"
        "stem = conv(3, 16)\n"
        "stage(c) = down(c) block{3}\n"
        "down(c) = conv(3, c, stride=2)\n"
        "block = skip(conv(3, in))\n"
    )
    marks = lay_out(outline(network), "enter", "leave").marks
    frames = [(mark.title, mark.badge, mark.level) for mark in marks if isinstance(mark, FrameBox)]
    assert frames == [
        ("stem", "", 0), ("stage", "", 0), ("down", "", 1), ("block", "×3", 1),
        ("stage", "", 0), ("down", "", 1), ("block", "×3", 1),
    ]  # fmt: skip


def test_copies_of_a_tied_part_are_frames_of_their_own():
    """Tied copies have one path in the grammar, and are drawn as one frame that stands three times."""
    network = small("network = conv(3, 8) tied(cell){3} gap linear(classes)\ncell = conv(3, in) conv(1, in)\n")
    frames = [mark for mark in lay_out(outline(network), "", "leave").marks if isinstance(mark, FrameBox)]
    assert [(mark.title, mark.badge) for mark in frames] == [("cell", "×3")]


def test_a_network_without_rules_frames_its_repetitions():
    """Where nobody knows the rules, what stands several times in a row is framed all the same."""
    network = small("(conv(3, 16) maxpool(1)){4} gap linear(classes)", origins=())
    frames = [mark for mark in lay_out(outline(network), "", "leave").marks if isinstance(mark, FrameBox)]
    assert [(mark.title, mark.badge) for mark in frames] == [("", "×3")]  # the first one reads three channels


def test_rules_that_hold_nothing_but_each_other_share_a_frame():
    """A chain of rules around one part is one frame, ``unit › regular``."""
    network = small("network = unit gap linear(classes)\nunit = regular(8)\nregular(c) = conv(3, c)\n")
    frames = [mark.title for mark in lay_out(outline(network), "", "leave").marks if isinstance(mark, FrameBox)]
    assert frames == ["unit › regular"]


def test_large_cells_are_drawn_once():
    """Of equal cells in a graph, the first is drawn and the others refer to it."""
    marks = lay_out(outline(read(NETWORKS[0].with_name("darts-v2.yaml"))), "", "leave").marks
    folds = [mark for mark in marks if isinstance(mark, FoldBox)]
    titles = [mark.title for mark in marks if isinstance(mark, FrameBox)]
    assert len(folds) == 3 + 4 + 4
    assert all(f"{mark.fold.body.name} [{mark.fold.body.number}]" in titles for mark in folds)


def test_a_long_network_goes_on_in_columns():
    """200 layers that differ stand in columns, on a sheet that is wider than high."""
    text = " ".join(f"conv(3, {8 + at})" for at in range(200))
    block = lay_out(outline(small(f"{text} gap linear(classes)")), "enter", "leave")
    assert 0.7 < block.width / block.height < 2.5
    assert len({mark.x + mark.width / 2 for mark in block.marks if isinstance(mark, LayerBox)}) > 5


@pytest.mark.parametrize(
    "text",
    [
        "parallel(unit(8), unit(16) unit(24), unit(32), join=concat) gap linear(classes)\nunit(c) = conv(3, c)\n",
        "graph { a = unit(8)(x); b = unit(16)(x); c = unit(8)(b); return concat(a, c) } gap linear(classes)\n"
        "unit(c) = conv(3, c)\n",
    ],
)
def test_widths_on_arrows_stand_clear_of_frames(text):
    """Each is above or below the edges of the frames that it is beside, not on them."""
    marks = lay_out(outline(small(f"network = {text}")), "enter", "leave").marks
    frames = [mark for mark in marks if isinstance(mark, FrameBox)]
    labels = [mark for mark in marks if isinstance(mark, Wire) and mark.label]
    assert len(frames) >= 3
    assert len(labels) >= 2
    for label in labels:
        x, y = label.label_at
        beside = [frame for frame in frames if frame.x < x + text_width(label.label, 11) and x < frame.x + frame.width]
        edges = [edge for frame in beside for edge in (frame.y, frame.y + frame.height)]
        assert all(abs(y - edge) > 5 for edge in edges), label


def test_texts_are_escaped():
    """Names and own primitives cannot become markup."""
    drawing = draw_network(small("conv(3, 8) gap linear(classes)", name="<script>alert('&')</script>"))
    assert "<script" not in drawing
    assert ElementTree.fromstring(drawing).find(f"{SVG}title").text == "<script>alert('&')</script>"


def test_light_and_dark_paper():
    """`auto` holds both colours, the others one; every level is told by its lightness on both."""
    network = small("conv(3, 8) gap linear(classes)")
    auto, light, dark = (draw_network(network, paper=paper) for paper in ("auto", "light", "dark"))
    assert "prefers-color-scheme: dark" in auto
    assert "prefers-color-scheme" not in light + dark
    assert LIGHT.levels[3][0] in light
    assert DARK.levels[3][0] in dark
    for theme, way in ((LIGHT, -1), (DARK, 1)):
        lightness = [luminance(fill) for fill, _ in theme.levels]
        assert lightness == sorted(lightness, key=lambda value: way * value)
        assert all(contrast(fill, ink) >= 4.5 for fill, ink in theme.levels)
        assert len(theme.levels) == len(SHARES)


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast by WCAG 2; 4.5 is asked of small text."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# --- files --------------------------------------------------------------------------------------------


def test_files_have_the_format_of_their_ending(tmp_path):
    """SVG, a page and a picture, twice the drawing's size."""
    network = small("conv(3, 8) gap linear(classes)")
    for name in ("a.svg", "a.html", "a.png"):
        write_drawing(network, tmp_path / name)
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert svg.strip() in page
    assert not re.search(r"(src|href)=.?http", page)
    picture = (tmp_path / "a.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 2 * int(re.search(r'width="(\d+)"', svg)[1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.pdf", r"a drawing must end with \.svg, \.png or \.html, but got .*a\.pdf; name e\.g\. a\.svg"),
        ("none/a.svg", r"the folder .*none does not exist; make it or choose another place"),
        ("folder.svg", r"folder\.svg is a folder; name a file, for example .*network\.svg"),
    ],
)
def test_a_wrong_place_is_refused(tmp_path, name, message):
    """The place is checked before anything is drawn."""
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(RequestError, match=message):
        write_drawing(small("conv(3, 8) gap linear(classes)"), tmp_path / name)


def test_without_resvg_png_says_what_to_install(tmp_path, monkeypatch):
    """The other formats need no library."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    monkeypatch.setattr("budgetnet.draw.png.find_spec", lambda _: None)
    with pytest.raises(RequestError, match=r"pip install 'budgetnet\[png\]', or draw \.svg or \.html"):
        write_drawing(small("conv(3, 8) gap linear(classes)"), tmp_path / "a.png")
    write_drawing(small("conv(3, 8) gap linear(classes)"), tmp_path / "a.svg")
