"""The grid over a boundary layer, kept in a file so that a new process need not build it."""

import json
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from tempfile import NamedTemporaryFile

import geopandas
import numpy

from geo.errors import GeometryError
from geo.grid import Grid
from geo.threads import share_out

_HEAD, _CHECK, _PIECE = 4096, 4, 1 << 20  # bytes


def kept_grid(areas: geopandas.GeoSeries, file: Path) -> Grid:
    """Return the grid over areas: the one in the file, else a new one, kept in the file from now on.

    A file that is missing, damaged or of other areas is written anew. Where it cannot be
    written, the next process builds the grid again.

    Args:
        areas: polygons in STORED, indexed by code.
        file: where the grid is kept.

    Raises:
        CrsError: the areas are not in STORED.
        GeometryError: an area is missing, of the wrong type or invalid, or a code comes twice.
    """
    return _read(areas, file) or _made(areas, file)


def grid_beside(store: str | None, name: str, areas: geopandas.GeoSeries) -> Grid:
    """Return the grid over areas: ``kept_grid`` beside a store that is a file, else a new one.

    Args:
        store: what the address of the store calls its database; None where it has no name.
        name: tells the grids of a store apart.
        areas: polygons in STORED, indexed by code.

    Raises:
        CrsError, GeometryError: as ``kept_grid``.
    """
    file = Path(store or "")
    # Only a store that is a file has a place beside it.
    return kept_grid(areas, file.with_name(f"{file.name}.{name}.grid")) if file.is_absolute() else Grid(areas)


def _read(areas: geopandas.GeoSeries, file: Path) -> Grid | None:
    try:
        with file.open("rb") as opened:  # mapped: what other processes read too is not copied
            content = numpy.frombuffer(mmap(opened.fileno(), 0, access=ACCESS_COPY), dtype=numpy.uint8)
        body, end = content[:-_CHECK], content[-_CHECK:]
        if _checksum(body) != int.from_bytes(end.tobytes()):
            return None
        head = json.loads(body[:_HEAD].tobytes())
        return Grid(areas, _arrays(body[_HEAD:], head["arrays"]), head["key"])
    except (OSError, ValueError, GeometryError):
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


def _made(areas: geopandas.GeoSeries, file: Path) -> Grid:
    made = Grid(areas)
    if made.arrays:
        with suppress(OSError):
            _write(made, file)
    return made


def _checksum(body: numpy.ndarray) -> int:
    """Return a checksum of a file's bytes before it, worked out piece by piece on all cores."""
    pieces = share_out(lambda begin, end: zlib.crc32(body[begin:end]).to_bytes(_CHECK), len(body), _PIECE)
    return zlib.crc32(b"".join(pieces))


def _content(grid: Grid) -> Iterator[bytes]:
    """Yield a grid's file: head and arrays, and the checksum of both."""
    table = {name: (array.dtype.str, array.shape) for name, array in grid.arrays.items()}
    parts = [json.dumps({"key": grid.key, "arrays": table}).encode().ljust(_HEAD)]
    parts += [array.tobytes().ljust(_padded(array.nbytes), b"\0") for array in grid.arrays.values()]
    body = b"".join(parts)
    del parts
    yield body
    yield _checksum(numpy.frombuffer(body, dtype=numpy.uint8)).to_bytes(_CHECK)


def _write(grid: Grid, file: Path) -> None:
    """Put the grid in the place of the file at once, so that no reader finds half of one."""
    with NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as made:
        try:
            made.writelines(_content(grid))
            made.close()
            os.replace(made.name, file)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise
