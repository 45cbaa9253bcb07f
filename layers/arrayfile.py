"""Arrays kept in a file beside a store, so that a new process need not make them again: a cache.

A file begins with what is told of the arrays, and where each stands; a checksum of all that ends it.
"""

import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import numpy

from geo.threads import share_out

_HEAD, _CHECK, _PIECE = 4096, 4, 1 << 20  # bytes
_TABLE = "arrays"


class Content(NamedTuple):
    """What is told of some arrays, and the arrays by name."""

    told: Mapping[str, object]
    arrays: Mapping[str, numpy.ndarray]


def file_beside(store: str | None, name: str) -> Path | None:
    """Return the file of a name beside a store, None where the store is no file and has no place beside it.

    Args:
        store: what the address of the store calls its database; None where it has no name.
        name: tells the files of a store apart.

    >>> file_beside("/data/district.db", "street_offices.grid").name
    'district.db.street_offices.grid'
    """
    file = Path(store or "")
    return file.with_name(f"{file.name}.{name}") if file.is_absolute() else None


def read_arrays(file: Path) -> Content | None:
    """Return what a file holds, None where it is missing or damaged.

    The file is mapped: what other processes read too is not copied.
    """
    try:
        with file.open("rb") as opened:
            content = numpy.frombuffer(mmap(opened.fileno(), 0, access=ACCESS_COPY), dtype=numpy.uint8)
        body, end = content[:-_CHECK], content[-_CHECK:]
        if _checksum(body) != int.from_bytes(end.tobytes()):
            return None
        told = json.loads(body[:_HEAD].tobytes())
        return Content(told, _arrays(body[_HEAD:], told.pop(_TABLE)))
    except (OSError, ValueError):
        return None


def _arrays(body: numpy.ndarray, table: dict[str, list]) -> dict[str, numpy.ndarray]:
    arrays, place = {}, 0
    for name, (kind, shape) in table.items():
        size = numpy.dtype(kind).itemsize * math.prod(shape)
        arrays[name] = body[place : place + size].view(kind).reshape(shape)
        place += _padded(size)
    return arrays


def _padded(size: int) -> int:
    """Return where what follows so many bytes begins: where any kind of number may stand."""
    return -(-size // 64) * 64


def _checksum(body: numpy.ndarray) -> int:
    """Return a checksum of a file's bytes before it, worked out piece by piece on all cores."""
    pieces = share_out(lambda begin, end: zlib.crc32(body[begin:end]).to_bytes(_CHECK), len(body), _PIECE)
    return zlib.crc32(b"".join(pieces))


def write_arrays(file: Path, content: Content) -> None:
    """Put arrays in the place of a file at once, so that no reader finds half of them.

    Only who runs the program may read the file.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    with NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as made:
        try:
            made.writelines(_pieces(content))
            made.close()
            os.replace(made.name, file)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise


def _pieces(content: Content) -> Iterator[bytes]:
    table = {name: (array.dtype.str, array.shape) for name, array in content.arrays.items()}
    parts = [json.dumps({**content.told, _TABLE: table}).encode().ljust(_HEAD)]
    parts += [array.tobytes().ljust(_padded(array.nbytes), b"\0") for array in content.arrays.values()]
    body = b"".join(parts)
    del parts
    yield body
    yield _checksum(numpy.frombuffer(body, dtype=numpy.uint8)).to_bytes(_CHECK)
