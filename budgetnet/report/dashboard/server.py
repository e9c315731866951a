"""Optuna's dashboard over a copy of a study, served from this process.

The dashboard has no authentication and no read-only mode. It shows a copy, so nobody can change the study by it; but
anyone who reaches the port can read everything. So it listens on the loopback address unless told otherwise.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import threading
import warnings
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from budgetnet.errors import RequestError
from budgetnet.report.dashboard.narrow import with_style
from budgetnet.workers.interruption import heeded

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from budgetnet.files.study import Study
    from budgetnet.report.dashboard.view import DashboardView

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
    view: DashboardView,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    ready: Callable[[str], object],
    say: Callable[[str], object],
) -> None:
    """Serve the dashboard until the process is interrupted.

    Args:
        view: the copy that is served; it follows the study meanwhile.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        ready: called once with the study's address, when the port is open.
        say: told if the study cannot be followed.

    Raises:
        RequestError: the address or port cannot be listened on.
    """
    from optuna_dashboard import wsgi

    _silence()
    application = with_style(wsgi(view.copy, artifact_store=view.files))
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, application, server_class=kind, handler_class=_SilentHandler)
    except (OSError, OverflowError) as error:
        raise RequestError(_why_not(host, port, error)) from error
    with server:
        shown = f"[{host}]" if ":" in host else host
        ended = threading.Event()
        threading.Thread(target=view.follow, args=(ended, say), daemon=True).start()
        ready(f"http://{shown}:{server.server_port}/dashboard/studies/{view.study_id}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the way to end it
            heeded()
        finally:
            ended.set()


def _silence() -> None:
    """Keep Optuna's warnings out of the terminal: they are about its own pages, and come with every request."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("optuna_dashboard").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"optuna(_dashboard)?(\.|$)")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


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
