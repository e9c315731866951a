"""Optuna's dashboard on narrow windows and dark desktops: a small style sheet, added to its page as it is served.

Its pages have fixed columns; on a phone they were two to three times as wide as the window, and on a dark desktop the
links in notes were dark blue. The style sheet names only elements and the public class names of its component library,
so a newer dashboard is at worst what it is without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["PHONE_STYLE", "with_style"]


PHONE_STYLE = """
main a:not([class]) { color: #2f81d7; }
@media (max-width: 700px) {
  main { width: calc(100vw - 57px); }
  main, main * { min-width: 0; }
  main .MuiGrid-item { max-width: 100%; flex-basis: 100%; }
  main fieldset { flex-wrap: wrap; }
  main h1, main h2, main h3, main h4, main h5 { font-size: 1.3rem; line-height: 1.3; overflow-wrap: anywhere; }
  main pre, main pre code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
  main p, main code { overflow-wrap: anywhere; }
  main table:not(.MuiTable-root) { display: block; overflow-x: auto; }
  main table:not(.MuiTable-root) code { overflow-wrap: normal; }
  main div:has(> div > ul.MuiList-root) { flex-direction: column; }
  main div:has(> ul.MuiList-root) { width: 100%; height: 9rem; flex: none; }
}
"""
"""Rules for windows of at most 700 pixels: columns stand below each other, code and long words wrap, and the list of
trials stands above the trial, not beside it."""


def with_style(application: WSGIApplication, style: str = PHONE_STYLE) -> WSGIApplication:
    """Return a WSGI application that adds a style sheet to the HTML pages of another.

    Args:
        application: answers requests.
        style: the style sheet.
    """
    addition = f"<style>{style}</style></head>".encode()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            begun[:] = [status, headers, exc_info]
            return lambda _: None

        body = application(environ, begin)
        status, headers, exc_info = begun
        if not any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers):
            start_response(status, headers, exc_info)
            return body
        try:
            page = b"".join(body).replace(b"</head>", addition, 1)
        finally:
            getattr(body, "close", lambda: None)()
        kept = [each for each in headers if each[0].lower() not in ("content-length", "last-modified", "etag")]
        start_response(status, [*kept, ("Content-Length", str(len(page)))], exc_info)
        return [page]

    return answer
