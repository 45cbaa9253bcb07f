"""An R*Tree of SQLite packed from all its boxes at once, instead of grown box by box.

Sort-tile-recursive packing (Leutenegger, Edgington and Lopez, 1997) fills every node and needs
two sorts. The form of a node is that of SQLite's file format, "Shadow Tables" in
https://www.sqlite.org/rtree.html and the comment that opens its rtree.c.
"""

from typing import NamedTuple

import numpy

#: A cell holds an id and four 32-bit sides; a node its depth (the root only) and number of cells.
_CELL = numpy.dtype([("id", ">i8"), ("west", ">f4"), ("east", ">f4"), ("south", ">f4"), ("north", ">f4")])
_HEAD = numpy.dtype([("depth", ">u2"), ("cells", ">u2")])
ROOT = 1
#: About as many rows as lie in one page of the file.
_TOGETHER = 25


class Packed(NamedTuple):
    """The rows of an R*Tree's three tables.

    ``nodes`` are (nodeno, data), ``rowids`` (rowid, nodeno of its leaf) and ``parents``
    (nodeno, nodeno of its parent) of every node but the root.
    """

    nodes: list[tuple[int, bytes]]
    rowids: list[tuple[int, int]]
    parents: list[tuple[int, int]]


def neighbours(sides: numpy.ndarray) -> numpy.ndarray:
    """Return the order in which rows with these boxes lie beside their neighbours: rows read together.

    >>> neighbours(numpy.array([[9.0, 9, 9, 9], [1, 1, 1, 1], [9, 1, 9, 1]])).tolist()
    [1, 2, 0]
    """
    return _tiled(_cells(numpy.arange(len(sides)), sides), _TOGETHER)


def pack(fids: numpy.ndarray, sides: numpy.ndarray, node_bytes: int) -> Packed:
    """Return the R*Tree of rows whose boxes are ``sides`` (rows of west, south, east, north, in degrees).

    ``node_bytes`` is the size of a node, which SQLite chose when it made the tree. Each box is
    rounded outwards to 32 bits: it never is smaller than the row's.

    >>> packed = pack(numpy.array([7]), numpy.array([[117.0, 36.5, 117.1, 36.6]]), 1228)
    >>> packed.rowids, packed.parents, len(packed.nodes)
    ([(7, 1)], [], 1)
    """
    most = (node_bytes - _HEAD.itemsize) // _CELL.itemsize
    cells = _cells(fids, sides)
    nodes, links, made, depth = [], [], ROOT, 0
    while len(cells) > most:
        tiled = cells[_tiled(cells, most)]
        numbers = made + 1 + numpy.arange(-(-len(tiled) // most))
        links.append(_links(tiled, numbers, most))
        nodes += zip(numbers.tolist(), _written(tiled, most, node_bytes, 0), strict=True)
        cells, made, depth = _around(tiled, numbers, most), int(numbers[-1]), depth + 1
    links.append(_links(cells, numpy.array([ROOT]), most))
    nodes += [(ROOT, data) for data in _written(cells, most, node_bytes, depth)]
    return Packed(nodes, links[0], [link for level in links[1:] for link in level])


def _cells(fids: numpy.ndarray, sides: numpy.ndarray) -> numpy.ndarray:
    cells = numpy.zeros(len(fids), _CELL)
    cells["id"] = fids
    for column, (name, away) in enumerate(
        (("west", -numpy.inf), ("south", -numpy.inf), ("east", numpy.inf), ("north", numpy.inf))
    ):
        exact = sides[:, column]
        rounded = exact.astype(numpy.float32)
        inside = rounded > exact if away < 0 else rounded < exact
        cells[name] = numpy.where(inside, numpy.nextafter(rounded, numpy.float32(away)), rounded)
    return cells


def _tiled(cells: numpy.ndarray, most: int) -> numpy.ndarray:
    """Return the order in which neighbours lie together: vertical strips, each from south to north."""
    across = cells["west"].astype(float) + cells["east"]
    along = cells["south"].astype(float) + cells["north"]
    strips = int(numpy.ceil(numpy.sqrt(len(cells) / most)))
    # Whole nodes to a strip, so that no node reaches from the top of one to the foot of the next.
    of_strip = most * -(-len(cells) // (most * strips))
    strip = numpy.empty(len(cells), int)
    strip[numpy.argsort(across, kind="stable")] = numpy.arange(len(cells)) // of_strip
    return numpy.lexsort((along, strip))


def _links(cells: numpy.ndarray, numbers: numpy.ndarray, most: int) -> list[tuple[int, int]]:
    holders = numpy.repeat(numbers, most)[: len(cells)]
    return list(zip(cells["id"].tolist(), holders.tolist(), strict=True))


def _around(cells: numpy.ndarray, numbers: numpy.ndarray, most: int) -> numpy.ndarray:
    """Return one cell a node: its number, and the box around the boxes in it."""
    begins = numpy.arange(0, len(cells), most)
    boxes = numpy.zeros(len(numbers), _CELL)
    boxes["id"] = numbers
    for name in ("west", "south"):
        boxes[name] = numpy.minimum.reduceat(cells[name].astype(numpy.float32), begins)
    for name in ("east", "north"):
        boxes[name] = numpy.maximum.reduceat(cells[name].astype(numpy.float32), begins)
    return boxes


def _written(cells: numpy.ndarray, most: int, node_bytes: int, depth: int) -> list[bytes]:
    """Return the data of the nodes that hold the cells, so many each."""
    node = numpy.dtype(
        {
            "names": ["head", "cells"],
            "formats": [_HEAD, (_CELL, most)],
            "offsets": [0, _HEAD.itemsize],
            "itemsize": node_bytes,
        }
    )
    many = max(1, -(-len(cells) // most))
    held, filled = numpy.zeros(many * most, _CELL), numpy.zeros(many, node)
    held[: len(cells)] = cells
    filled["cells"] = held.reshape(many, most)
    filled["head"]["depth"] = depth
    filled["head"]["cells"] = numpy.diff(numpy.minimum(numpy.arange(many + 1) * most, len(cells)))
    data = filled.tobytes()
    return [data[i : i + node_bytes] for i in range(0, len(data), node_bytes)]
