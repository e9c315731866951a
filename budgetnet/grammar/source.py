"""Text with its place in a file, so every later error can point at it: file, line, column and a caret."""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.errors import LanguageError

__all__ = ["NOWHERE", "Source", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """Place of a node in its text: 1-based line and column, and the length of its first token."""

    line: int
    column: int
    length: int = 1


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Source:
    """A text and its place in a file."""

    text: str
    name: str = "<text>"
    """File name as the user wrote it."""
    first_line: int = 1
    """Line of the file on which the text begins (a grammar inside a YAML file begins further down)."""
    indent: int = 0
    """Columns of the file before each line of the text (the indentation of a YAML block)."""

    def error(self, span: Span, message: str, *, kind: type[LanguageError] = LanguageError) -> LanguageError:
        """Return an error whose text holds file, line, column, the line itself and a caret under the place."""
        if span.line < 1:
            return kind(f"{self.name}: {message}")
        line = self.first_line + span.line - 1
        lines = self.text.split("\n")  # as the lexer counts lines; `splitlines` splits at more kinds of line ends
        shown = lines[span.line - 1] if span.line <= len(lines) else ""
        shown = "".join(letter if letter.isprintable() else " " for letter in shown)  # a tab is one column wide
        start = max(span.column - 1, 0)
        window = max(0, start - 60)  # show only part of a very long line, around the caret
        excerpt = shown[window : window + 120]
        number = str(line)
        caret = " " * (start - window) + "^" * max(1, min(span.length, len(excerpt) - (start - window)))
        return kind(
            f"{self.name}:{line}:{span.column + self.indent}: {message}\n"
            f"  {number} | {excerpt}\n"
            f"  {' ' * len(number)} | {caret}"
        )
