"""Optuna's dashboard over a study's database."""

from __future__ import annotations

import queue
import socket
import threading
import urllib.request

import pytest

from budgetnet.errors import RequestError
from budgetnet.files.study_file import load_study
from budgetnet.records.lookup import address_of
from budgetnet.report.dashboard.narrow import PHONE_STYLE
from budgetnet.report.dashboard.server import is_loopback, open_database, serve
from budgetnet.report.dashboard.view import DashboardView


@pytest.fixture(scope="module")
def view(study_path, run_folder):
    """The small study's copy."""
    study = load_study(study_path)
    return DashboardView(study, open_database(study, address_of(study, out=run_folder)), out=run_folder)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_announced_address_answers(view):
    """Port 0 takes a free port; the page and the study's data are there."""
    announced: queue.Queue[str] = queue.Queue()
    arguments = {"port": 0, "ready": announced.put, "say": print}
    threading.Thread(target=serve, args=(view,), kwargs=arguments, daemon=True).start()
    url = announced.get(timeout=30)
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/dashboard/studies/0")
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
        page = answer.read().decode()
        assert int(answer.headers["Content-Length"]) == len(page.encode())
        assert "style-src" in answer.headers["Content-Security-Policy"]  # the page's own headers are kept
    assert page.count(PHONE_STYLE) == 1
    assert page.index(PHONE_STYLE) < page.index("</head>")
    with urllib.request.urlopen(url.replace("/dashboard/studies/0", "/api/studies"), timeout=30) as answer:
        assert b'"tiny"' in answer.read()


def test_a_port_in_use_is_said(view):
    """With the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=f"port {port} is in use on 127.0.0.1; choose another with --port"):
            serve(view, port=port, ready=print, say=print)


def test_addresses_that_are_not_ours_are_said(view):
    """Another machine's address and a name that no one knows."""
    with pytest.raises(RequestError, match=r"'192\.0\.2\.1' is not an address of this machine; try --host"):
        serve(view, host="192.0.2.1", port=0, ready=print, say=print)
    with pytest.raises(RequestError, match=r"'no\.such\.host\.invalid' is not an address of this machine"):
        serve(view, host="no.such.host.invalid", port=0, ready=print, say=print)
    with pytest.raises(RequestError, match="--port must be a number from 0 to 65535, but got 70000"):
        serve(view, port=70_000, ready=print, say=print)


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_what_only_this_machine_can_reach(host, inside):
    """Everything else is warned about."""
    assert is_loopback(host) is inside
