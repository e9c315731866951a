"""SQLite on network disks: its locks fail there, so two machines may write at once and lose what the other wrote."""

from __future__ import annotations

from pathlib import Path

from budgetnet.errors import RequestError
from budgetnet.records.storage import shown

__all__ = ["network_disk", "refuse_network_disk"]

_KINDS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "wekafs"}
    | {"panfs", "orangefs", "fuse.ceph", "fuse.sshfs", "fuse.glusterfs", "fuse.juicefs"}
)
"""File systems that several machines see, by the kernel's names."""


def network_disk(url: str, *, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Return the kind of the network file system that an SQLite database is on; None elsewhere, or if unknown.

    Args:
        url: the database's address.
        mounts: the kernel's table of mounted file systems; only Linux has it.
    """
    if not url.startswith("sqlite:///"):
        return None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place = Path(shown(url)).absolute()
    found: tuple[int, str] = (-1, "")
    for line in lines:
        parts = line.split()
        if len(parts) < 3:
            continue
        mount = Path(parts[1].replace("\\040", " "))
        if mount == place or mount in place.parents:
            found = max(found, (len(mount.parts), parts[2]), key=lambda entry: entry[0])
    return found[1] if found[1] in _KINDS else None


def refuse_network_disk(url: str) -> None:
    """Refuse an SQLite database that several machines are about to share.

    Raises:
        RequestError: the database is one.
    """
    kind = network_disk(url)
    if kind is not None:
        raise RequestError(
            f"several machines cannot share {shown(url)}: it is an SQLite file on a network disk ({kind}), where locks "
            "fail; use a server: --storage postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
