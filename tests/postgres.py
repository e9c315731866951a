"""A PostgreSQL server for tests, from the system's own package, in a folder of its own and on no network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server", "missing_postgres", "postgres_server", "server_of"]


def missing_postgres() -> str | None:
    """Return why no server can be started here, or None."""
    if _tool("initdb") is None:
        return "PostgreSQL is not installed (Debian's package postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (pip install 'budgetnet[postgres]')"
    if os.geteuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server and yield the address of an empty database in it; the server and its data go in the end."""
    folder = Path(tempfile.mkdtemp(prefix="bn-pg-", dir="/tmp"))
    server = Server(folder)
    try:
        server.make()
        server.start()
        try:
            yield f"postgresql+psycopg://me:secret@/postgres?host={folder}"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_of(address: str) -> Server:
    """Return the server behind an address of `postgres_server`."""
    return Server(Path(address.partition("?host=")[2]))


@dataclass(frozen=True)
class Server:
    """A server in a folder."""

    folder: Path

    def make(self) -> None:
        """Make its data."""
        user = _other_user() if os.geteuid() == 0 else None
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-U", "me", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, tool: str, *arguments: str) -> None:
        user = _other_user() if os.geteuid() == 0 else None
        before = (
            [] if user is None else ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        )
        command = [*before, str(_tool(tool)), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{tool} ended with {done.returncode}: {done.stderr or done.stdout}")


def _tool(name: str) -> Path | None:
    """Return a program of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    there = shutil.which(name)
    return found[-1] if found else Path(there) if there else None


def _other_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None
