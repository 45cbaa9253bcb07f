"""Base maps on disk: the tiles of an MBTiles or PMTiles (version 3) file, read where they lie.

https://github.com/mapbox/mbtiles-spec, https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
Neither file is ever written to.
"""

import gzip
import mmap
import sqlite3
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from geo.errors import FileError, NotFoundError

#: What the pictures of a base map may be, by the first bytes of each.
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
#: What the tiles of a file are.
PICTURES, VECTOR = "pictures", "vector"
_VECTOR_TYPE = "application/vnd.mapbox-vector-tile"
_HEADER = struct.Struct("<7sB11Q")
_GZIP = 2
#: A directory of PMTiles leads to another one at most so often.
_DEEPEST = 4


class Tile(NamedTuple):
    """A tile of a base map, and what it is: a picture of some kind, or a vector tile, unpacked."""

    content: bytes
    mimetype: str


def _tile(kind: str, content: bytes) -> Tile:
    if kind == VECTOR:
        packed = content.startswith(b"\x1f\x8b")
        return Tile(gzip.decompress(content) if packed else content, _VECTOR_TYPE)
    found = next((kind for first, kind in _PICTURES.items() if content.startswith(first)), None)
    if found is None:
        raise FileError("The tiles of the base map are no pictures (PNG, JPEG or WebP).")
    return Tile(content, found)


class MBTiles:
    """An MBTiles file."""

    def __init__(self, path: Path) -> None:
        """Open the file read-only; ``sqlite3`` tells where it is none."""
        self._path, self._local = path, threading.local()
        self._connection()

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "open"):
            self._local.open = sqlite3.connect(f"{self._path.as_uri()}?mode=ro&immutable=1", uri=True)
        return self._local.open

    def kind(self) -> str:
        """Return what its tiles are, PICTURES or VECTOR, as its metadata say."""
        asked = "SELECT value FROM metadata WHERE name = 'format' AND value = 'pbf'"
        with suppress(sqlite3.OperationalError):  # nobody is made to write metadata
            return PICTURES if self._connection().execute(asked).fetchone() is None else VECTOR
        return PICTURES

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile, y from the north, or None where there is none."""
        asked = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        found = self._connection().execute(asked, (z, x, (1 << z) - 1 - y)).fetchone()
        return None if found is None else _tile(self.kind(), found[0])

    def deepest(self) -> int:
        """Return the deepest zoom that has tiles."""
        return self._connection().execute("SELECT max(zoom_level) FROM tiles").fetchone()[0] or 0


class Entry(NamedTuple):
    """A line of a directory: from which tile, where, how long, for how many; of 0 tiles: a directory."""

    tile: int
    offset: int
    length: int
    run: int


class PMTiles:
    """A PMTiles file of version 3."""

    def __init__(self, path: Path) -> None:
        """Map the file into memory and read its header."""
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, *places = _HEADER.unpack(self._bytes[: _HEADER.size])
        if magic != b"PMTiles" or version != 3:
            raise FileError("%(file)s is no PMTiles file of version 3.", file=path.name)
        self._root, self._leaves, self._data = tuple(places[:2]), places[4], places[6]
        self._inner, self._outer, self._kind, _least, self._most = self._bytes[97:102]
        if self._inner not in (1, _GZIP):
            raise FileError("The directories of %(file)s are packed in a way not read here.", file=path.name)
        self._directory = lru_cache(maxsize=64)(self._read_directory)

    def kind(self) -> str:
        """Return what its tiles are, PICTURES or VECTOR, as its header says."""
        return VECTOR if self._kind == 1 else PICTURES

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile, y from the north, or None where there is none."""
        wanted, (offset, length) = tile_number(z, x, y), self._root
        for _ in range(_DEEPEST):
            entry = _last_before(self._directory(offset, length), wanted)
            if entry is None or (entry.run and wanted >= entry.tile + entry.run):
                return None
            if entry.run:
                begin = self._data + entry.offset
                content = self._bytes[begin : begin + entry.length]
                return _tile(self.kind(), gzip.decompress(content) if self._outer == _GZIP else content)
            offset, length = self._leaves + entry.offset, entry.length
        return None

    def deepest(self) -> int:
        """Return the deepest zoom that has tiles."""
        return self._most

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        content = self._bytes[offset : offset + length]
        numbers = _varints(gzip.decompress(content) if self._inner == _GZIP else content)
        many, tile, tiles = next(numbers), 0, []
        for _ in range(many):
            tile += next(numbers)
            tiles.append(tile)
        runs, lengths = ([next(numbers) for _ in range(many)] for _ in range(2))
        entries: list[Entry] = []
        for tile, run, size in zip(tiles, runs, lengths, strict=True):
            told = next(numbers)
            # 0 stands for "right behind the one before".
            place = entries[-1].offset + entries[-1].length if told == 0 else told - 1
            entries.append(Entry(tile, place, size, run))
        return entries


def _last_before(entries: list[Entry], tile: int) -> Entry | None:
    first, end = 0, len(entries)
    while first < end:
        middle = (first + end) // 2
        if entries[middle].tile <= tile:
            first = middle + 1
        else:
            end = middle
    return entries[first - 1] if first else None


def _varints(content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def tile_number(z: int, x: int, y: int) -> int:
    """Return the number of a tile in PMTiles: along Hilbert's curve, zoom after zoom.

    >>> [tile_number(1, 0, 0), tile_number(1, 0, 1), tile_number(1, 1, 1), tile_number(1, 1, 0)]
    [1, 2, 3, 4]
    """
    number, side = (4**z - 1) // 3, 1 << z >> 1
    while side:
        right, down = int(bool(x & side)), int(bool(y & side))
        number += side * side * (3 * right ^ down)
        if not down:
            if right:
                x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
            x, y = y, x
        x, y, side = x & (side - 1), y & (side - 1), side >> 1
    return number


TileFile = MBTiles | PMTiles


def open_tile_file(path: Path) -> TileFile:
    """Return the base map in a file named ``.mbtiles`` or ``.pmtiles``.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is neither, or broken.
    """
    kinds = {".mbtiles": MBTiles, ".pmtiles": PMTiles}
    if path.suffix not in kinds:
        raise FileError("A base map on disk is a file .mbtiles or .pmtiles, not %(file)s.", file=path.name)
    if not path.is_file():
        raise NotFoundError("There is no file %(file)s.", file=path.name)
    try:
        return kinds[path.suffix](path.resolve())
    except (OSError, ValueError, sqlite3.DatabaseError, struct.error) as error:
        raise FileError("The base map %(file)s cannot be read.", file=path.name) from error
