"""Numbers and tables as text: percents, counts with thousands separators, aligned columns.

Text gives percents; JSON, written elsewhere from the same values, gives fractions.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from functools import singledispatch

__all__ = [
    "ESCAPES",
    "PAGE_WIDTH",
    "bytes_text",
    "command_text",
    "count_text",
    "counted",
    "duration",
    "escaped",
    "fitted",
    "joined_table",
    "masked",
    "notebook_html",
    "percent",
    "shape_text",
    "short_count",
    "signed",
    "some_of",
    "wrapped",
]

ESCAPES = "backslashreplace"
"""Error handler for texts that may hold names of files: what is not UTF-8 becomes an escape, as JSON has them."""

_BAR = "█"
"""The sign that bars in tables consist of."""

NOTHING = "–"
"""Placeholder for a missing value."""
_PASSWORD = re.compile(r"(//[^\s:/@'\"]*):[^\s'\"]*@")
_SECRET_OPTION = re.compile(r"([?&](?:password|passwd|passfile|pwd|sslpassword|token)=)[^&\s'\"]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text with the passwords of all database addresses in it replaced by ``***``.

    >>> masked("--storage postgresql+psycopg://me:se/cr@t@host/db?password=more&sslmode=require")
    '--storage postgresql+psycopg://me:***@host/db?password=***&sslmode=require'
    """
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def escaped(text: str) -> str:
    r"""Return a text that every file and terminal can hold: control characters and bytes that are not UTF-8 as escapes.

    >>> escaped("caf\udce9\n")
    'caf\\xe9\\x0a'
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that is not one of the 128 that stand for bytes
        data = text.encode("utf-8", "backslashreplace")
    clean = data.decode("utf-8", "backslashreplace")
    return "".join(f"\\x{ord(sign):02x}" if ord(sign) < 32 or 127 <= ord(sign) < 160 else sign for sign in clean)


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a fraction as percent without the sign: ``0.8512`` is ``"85.12"``; None is a dash."""
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f}"


def count_text(value: int | None) -> str:
    """Return a whole number with thousands separators; None is a dash."""
    return NOTHING if value is None else f"{value:,}"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """Return a whole number with its noun: ``"1 image"``, ``"1,437 images"``, ``"2 classes"``.

    Args:
        value: the number.
        noun: the noun in the singular.
        plural: the noun in the plural, if it is not *noun* with an s.
    """
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def some_of(words: Iterable[object], most: int) -> str:
    """Return words in a list that says how many it leaves out: ``"1, 2, 3 and 17 more"``."""
    listed = list(map(str, words))
    left = len(listed) - most
    return ", ".join(listed) if left <= 0 else f"{', '.join(listed[:most])} and {left:,} more"


def short_count(value: float | None) -> str:
    """Return a number to three digits with k, M, G, T or P: ``213440`` is ``"213k"``; None is a dash."""
    if value is None:
        return NOTHING
    for limit, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        # 999,500 rounds to "1000k" in thousands, so it already belongs to the next unit.
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def signed(change: int, before: int) -> str:
    """Return a change with its sign and, where there was something before, in percent: ``"+1,024 (+5.1 %)"``."""
    if change == 0:
        return "±0"
    text = f"{change:+,}"
    return f"{text} ({100 * change / before:+.1f} %)" if before else text


def bytes_text(value: int) -> str:
    """Return a number of bytes in B, KiB or MiB."""
    if value < 1024:
        return f"{value} B"
    return f"{value / 1024:,.1f} KiB" if value < 1024**2 else f"{value / 1024**2:,.2f} MiB"


def duration(seconds: float | None) -> str:
    """Return seconds as ``"4.1 s"``, ``"3 min 20 s"`` or ``"2 h 05 min"``; None is a dash."""
    if seconds is None:
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def command_text(*words: object) -> str:
    """Return a command of budgetnet that can be pasted into a shell: ``budgetnet list 'my study.yaml'``."""
    return shlex.join(["budgetnet", *map(str, words)])


def shape_text(shape: Sequence[int]) -> str:
    """Return ``(3, 32, 32)`` as ``"3×32×32"``."""
    return "×".join(str(side) for side in shape)


PAGE_WIDTH: ContextVar[int | None] = ContextVar("PAGE_WIDTH", default=None)
"""Columns of the terminal that text is made for; None where it goes to a file or a pipe."""

_NARROWEST = 20
"""Characters that a text keeps in a table that is too wide."""


def joined_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = ()) -> list[str]:
    """Return a table as lines: columns two spaces apart, right-aligned except those whose index is in *left*.

    The last column is never padded, so that long texts in it leave no trailing blanks. Where the table is wider than
    `PAGE_WIDTH`, its texts are cut between words, then columns are left out from the right, and a last line says so.
    """
    lines, width = _aligned(header, rows, left), PAGE_WIDTH.get()
    if width is None or max(map(len, lines)) <= width:
        return lines
    cut = [list(row) for row in rows]
    for column in sorted(left, key=lambda column: -_width(cut, column)):
        over = max(map(len, _aligned(header, cut, left))) - width
        if over > 0:
            room = max(_NARROWEST, len(header[column]), _width(cut, column) - over)
            cut = _narrower(cut, column, room)
    kept = len(header)
    while kept > 1 and max(map(len, lines := _aligned(header[:kept], [row[:kept] for row in cut], left))) > width:
        kept -= 1
    if kept < len(header):
        lines += wrapped(f"(left out at {width} columns: {', '.join(header[kept:])}; see --json)", width)
    return lines


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most *width* columns, broken between words; what follows is indented alike.

    A number stays with its percent sign, and a word that is too long stays whole.

    >>> wrapped("a train accuracy of 85 %", 23)
    ['a train accuracy of', '85 %']
    """
    indent = " " * (len(line) - len(line.lstrip()))
    if len(line) <= width:
        return [line]
    pieces = textwrap.wrap(
        line.strip().replace(" %", "\u00a0%"),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [piece.replace("\u00a0%", " %") for piece in pieces]


def fitted(lines: Iterable[str], width: int | None) -> list[str]:
    """Return lines that fit *width* columns, broken between words; None leaves them as they are.

    A command stays on one line, so that it can be copied whole.

    >>> fitted(["run it again:", "  budgetnet search studies/quickstart.yaml"], 12)
    ['run it', 'again:', '  budgetnet search studies/quickstart.yaml']
    """
    if width is None:
        return list(lines)
    return [
        piece
        for line in lines
        for piece in ([line] if line.lstrip().startswith("budgetnet ") else wrapped(line, width))
    ]


def _narrower(rows: list[list[str]], column: int, room: int) -> list[list[str]]:
    """Fit a column of texts: bars keep their proportions, long names go on below, and sentences are cut."""
    longest = _width(rows, column)
    if longest <= room:
        return rows
    if all(set(row[column]) <= {_BAR} for row in rows):
        for row in rows:
            row[column] = _BAR * -(-len(row[column]) * room // longest)
        return rows
    narrow: list[list[str]] = []
    for row in rows:
        first, *more = _pieces(row[column], room)
        narrow.append([*row[:column], first, *row[column + 1 :]])
        narrow += [[*[""] * column, piece, *[""] * (len(row) - column - 1)] for piece in more]
    return narrow


def _pieces(text: str, room: int) -> list[str]:
    """Return a text that fits in *room* characters: a long name in pieces that end with its dots, others cut."""
    if max(map(len, text.split()), default=0) <= room:
        return [_cut(text, room)]
    pieces = [""]
    for part in re.split(r"(?<=[. ])", text):
        if pieces[-1] and len(pieces[-1]) + len(part.rstrip()) > room:
            pieces.append("")
        pieces[-1] += part
    return [pieces[0], *(f" {piece.rstrip()}" for piece in pieces[1:])]


def _width(rows: Sequence[Sequence[str]], column: int) -> int:
    return max((len(row[column]) for row in rows), default=0)


def _cut(text: str, room: int) -> str:
    """Cut a text between words, so that it ends with "…" within *room* characters."""
    if len(text) <= room:
        return text
    head = text[: room - 1]
    return f"{head if text[room - 1] == ' ' else head.rpartition(' ')[0] or ''}".rstrip(" ,;·…") + "…"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    last = len(header) - 1

    def line(cells: Sequence[str]) -> str:
        parts = []
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            if column in left:
                parts.append(cell if column == last else cell.ljust(width))
            else:
                parts.append(cell.rjust(width))
        return "  ".join(parts).rstrip()

    return [line(header), *(line(row) for row in rows)]


@singledispatch
def notebook_html(value: object) -> str | None:  # noqa: ARG001 - decided by its type
    """Return the HTML by which a notebook shows a value; None, which means its plain text, where none is registered."""
    return None
