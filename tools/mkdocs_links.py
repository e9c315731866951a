"""A hook of mkdocs: links to files of the repository that are not part of the site become plain text.

They work where the pages are read in the repository; the site has no copy of the studies and their records.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["on_page_markdown"]

_PLACES = r"studies|budgetnet|tests|tools|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md"
_OUTSIDE = re.compile(rf"(?<!!)\[([^\]]+)\]\(((?:\.\./)+(?:{_PLACES})[^)]*)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page's text with such links as text, and the path where the text does not say it.

    >>> on_page_markdown("see [the record](../studies/results/x)")
    'see the record (`studies/results/x`)'
    """

    def plain(found: re.Match[str]) -> str:
        text, path = found[1], found[2].lstrip("./")
        return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"

    return _OUTSIDE.sub(plain, markdown)
