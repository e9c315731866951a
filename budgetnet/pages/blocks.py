"""The blocks of a page: figures, tables, galleries, drawings. Values only; `blocks.html.jinja` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from budgetnet.pages.figure import Figure

__all__ = [
    "Block",
    "Code",
    "Column",
    "ConfusionMatrix",
    "DataTable",
    "Details",
    "FigureRow",
    "Gallery",
    "GalleryImage",
    "PageTable",
    "Picture",
    "Prose",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """Rows of text; numbers are aligned right."""

    kind: ClassVar[str] = "table"
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
    """Columns that are aligned left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Paragraphs, then a list."""

    kind: ClassVar[str] = "prose"
    text: Sequence[str] = ()
    items: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """Figures, side by side where the page is wide enough."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text as it is written, in a fixed-width font."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as SVG. It is put into the page as it is: its writer must have escaped all text."""

    kind: ClassVar[str] = "picture"
    svg: str
    label: str
    """The picture in words, for those who cannot see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionMatrix:
    """Counts of true against predicted classes, shaded by their share of the true class."""

    kind: ClassVar[str] = "matrix"
    classes: Sequence[str]
    counts: Sequence[Sequence[int]]
    """K x K: row = true class, column = predicted class."""

    @property
    def shares(self) -> list[list[float]]:
        """Shares of the true class's images, as fractions; 0 for a class without images."""
        return [[count / sum(row) if sum(row) else 0.0 for count in row] for row in self.counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryImage:
    """An image with the lines below it."""

    source: str | None
    """A ``data:`` address; None if only its facts are known."""
    title: str
    """Its name, shown on hovering."""
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Small images in rows."""

    kind: ClassVar[str] = "gallery"
    images: Sequence[GalleryImage]
    pixelated: bool = True
    """True to show the pixels of small images as squares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a `DataTable`."""

    name: str
    format: Literal["text", "choice", "count", "short", "percent", "seconds", "plain", "long"] = "text"
    """choice: few words, to filter by. short: a number with k, M, G. plain: a number as it is. long: text of many
    lines, shown when its row is opened."""
    bound: Literal["", "least", "most"] = ""
    """A field to filter by the least or the most value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """Many rows to sort, filter and search; the page shows some of them at a time.

    The first column is the key, by which a figure's trace with ``rows`` finds the text of its points.
    """

    kind: ClassVar[str] = "data"
    name: str
    """Its name in the page: letters and dashes."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | float | None]]
    hover: Sequence[int] = ()
    """Columns that a point's text shows, in this order."""
    drawings: Sequence[str] = ()
    """Pictures as SVG, put into the page as they are; shown beside points and in opened rows."""
    drawn: Mapping[int, int] = field(default_factory=dict)
    """Place of a row's picture among them, by its key; rows may lack one, or share one."""
    draw: str = ""
    """Command that draws a row without a picture; ``{}`` stands for its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Blocks below a line that opens and closes them."""

    kind: ClassVar[str] = "details"
    title: str
    blocks: Sequence[Block]
    open: bool = False


Block = PageTable | Prose | FigureRow | Code | Picture | ConfusionMatrix | Gallery | DataTable | Details
