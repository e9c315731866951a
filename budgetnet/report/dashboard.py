"""Optuna's dashboard over a study's database, served from this process.

The dashboard has no authentication and no read-only mode: whoever reaches the port can delete trials. So it
listens on the loopback address unless told otherwise.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from budgetnet.errors import RequestError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from budgetnet.files.study import Study

__all__ = ["is_loopback", "open_database", "serve"]


class _Server(ThreadingMixIn, WSGIServer):
    """One thread per request, so that a slow figure does not hold up the page; all end with the process."""

    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    """No line per request: the page polls every few seconds."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


def is_loopback(host: str) -> bool:
    """Return True if only this machine can reach *host*, a name or an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_database(study: Study, url: str) -> BaseStorage:
    """Open a study's database; nothing is created.

    Raises:
        RequestError: the address is wrong, or there is no such database or study.
        SearchError: the database cannot be used.
    """
    from budgetnet.records.open import open_study

    return open_study(study, url, create=False)[1]


def serve(
    storage: BaseStorage, study: str, *, host: str = "127.0.0.1", port: int = 8080, ready: Callable[[str], object]
) -> None:
    """Serve the dashboard until the process is interrupted.

    Args:
        storage: the opened database, as `optuna.storages.get_storage` returns it (cached: 5 to 10 times faster
            on large studies than opening it again per request).
        study: the study's name; its page is the address that is announced.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        ready: called once with the study's address, when the port is open.

    Raises:
        RequestError: the study is not in this database, or the address or port cannot be listened on.
    """
    from optuna_dashboard import wsgi

    found = {frozen.study_name: frozen._study_id for frozen in storage.get_all_studies()}
    if study not in found:
        there = f"it holds {', '.join(map(repr, found))}" if found else "it holds none"
        raise RequestError(f"the database has no study {study!r}; {there}; run first: budgetnet search")
    application = wsgi(storage)
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, application, server_class=kind, handler_class=_SilentHandler)
    except (OSError, OverflowError) as error:
        raise RequestError(_why_not(host, port, error)) from error
    with server:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{server.server_port}/dashboard/studies/{found[study]}")
        with suppress(KeyboardInterrupt):  # the way to end it
            server.serve_forever()


def _why_not(host: str, port: int, error: Exception) -> str:
    """Say why the port cannot be opened, and what to do."""
    if isinstance(error, OverflowError):
        return f"--port must be a number from 0 to 65535, but got {port}"
    if isinstance(error, socket.gaierror):
        return f"{host!r} is not an address of this machine ({error.strerror}); try --host 127.0.0.1"
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"port {port} is in use on {host}; choose another with --port, or --port 0 for any free one"
        case errno.EACCES:
            return f"port {port} may not be opened by this user; choose one from 1024 on with --port"
        case errno.EADDRNOTAVAIL:
            return f"{host!r} is not an address of this machine; try --host 127.0.0.1"
        case _:
            return f"cannot listen on {host}:{port}: {error}"
