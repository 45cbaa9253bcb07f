"""What disk a file lies on, and how SQLite may open it there."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from geo.errors import StoreError

#: File systems on which SQLite's WAL does not work or its locks do not hold.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.davfs", "davfs", "fuse.rclone", "ncpfs", "vboxsf", "fuse.vmhgfs-fuse", "drvfs"}
)


class Disk(NamedTuple):
    """A file system: its kind, and whether nobody at all can write to it, not only we."""

    kind: str
    read_only: bool


def system_mounts() -> str:
    """Return the machine's mount table, empty on a system that does not show one."""
    table = Path("/proc/self/mountinfo")
    return table.read_text(encoding="utf-8", errors="replace") if table.exists() else ""


def disk_of(path: Path, mounts: str) -> Disk:
    """Return the disk that ``path`` lies on; its kind is empty where the table does not say.

    ``mounts`` is a mount table as /proc/self/mountinfo has it (proc(5)). Its last word is what
    holds of the file system itself; a place may be mounted read-only of one others write to.

    >>> disk_of(Path("/srv/district.db"), "30 1 8:1 / / rw,noatime shared:1 - ext4 /dev/sda1 rw")
    Disk(kind='ext4', read_only=False)
    """
    place, longest, found = os.path.realpath(path), "", Disk("", False)
    for line in mounts.splitlines():
        place_part, _, disk_part = line.partition(" - ")
        where, what = place_part.split(), disk_part.split()
        if len(where) < 5 or not what:
            continue
        # The table writes a space in a name as \040.
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), where[4])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):
            longest, found = point, Disk(what[0], "ro" in what[-1].split(","))
    return found


def refuse_network_share(path: Path, mounts: str) -> None:
    """Raise StoreError when ``path`` lies on a network file system of the mount table."""
    kind = disk_of(path, mounts).kind
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            "The store %(path)s lies on a network share (%(kind)s), where edits can be lost: "
            "put it on a disk of this machine.",
            path=path,
            kind=kind,
        )


def is_writable(path: Path, mounts: str) -> bool:
    """Return whether we may write to a store, or make it: SQLite writes files beside it as well."""
    if disk_of(path, mounts).read_only:
        return False
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def reading_uri(path: Path, mounts: str) -> str:
    """Return the address by which SQLite reads a store without writing anything.

    On a disk that nobody can write to, SQLite needs to be told so, for it can make no files beside
    the store. It then looks at the file alone: one whose newest edits are still in its log is
    refused. Raises StoreError.
    """
    address = f"{path.as_uri()}?mode=ro"
    if not disk_of(path, mounts).read_only:
        return address
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    if not log.exists() or log.stat().st_size == 0:
        return f"{address}&immutable=1"
    if not index.exists():
        raise StoreError(
            "The newest edits of the store %(path)s are still in %(log)s, and its disk is read-only: "
            "copy both to a disk that can be written.",
            path=path,
            log=log.name,
        )
    return address
