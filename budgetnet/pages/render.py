"""Templates: files ending in ``.jinja`` in this folder, rendered by jinja2.

HTML is escaped by default; undefined names are errors, so a template cannot silently omit a value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """Return a template's text with *values* filled in.

    Args:
        template: the file's name without ``.jinja``, such as ``page.html``; values are escaped where it ends in
            ``.html``.
        values: the names that the template uses.

    >>> render("tiles.html", tiles=[("10", "networks & more")])
    '<div class="tiles"><div class="tile"><b>10</b><span>networks &amp; more</span></div></div>'
    """
    return _environment().get_template(f"{template}.jinja").render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("budgetnet.pages", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
