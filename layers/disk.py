"""Files that are on the disk whole, or not at all."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

_PIECE = 2**20


class FileDigest(NamedTuple):
    """What a file holds: how many bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


def digest_of(path: Path) -> FileDigest:
    """Return the digest of a file. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileDigest(file.tell(), sha256)


def copy_whole(source: Path, target: Path) -> FileDigest:
    """Copy a file so that it is there as a whole, on the disk, or not at all; return what was copied."""
    partial, size, digest = target.with_name(target.name + ".part"), 0, hashlib.sha256()
    try:
        with source.open("rb") as reading, partial.open("wb") as writing:
            while piece := reading.read(_PIECE):
                size += writing.write(piece)
                digest.update(piece)
            writing.flush()
            os.fsync(writing.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return FileDigest(size, digest.hexdigest())


def sync(path: Path) -> None:
    """Have the disk hold what a file or a folder holds: in a folder, under which names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
