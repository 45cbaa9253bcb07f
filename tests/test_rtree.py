"""A packed R*Tree is one that SQLite itself finds sound, and searches and changes as its own."""

import sqlite3
from contextlib import closing

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.rtree import pack


def tree(connection: sqlite3.Connection, fids: numpy.ndarray, sides: numpy.ndarray) -> None:
    """Make an R*Tree of SQLite and fill it by packing."""
    connection.execute("CREATE VIRTUAL TABLE box USING rtree(fid, west, east, south, north)")
    (node_bytes,) = connection.execute("SELECT length(data) FROM box_node").fetchone()
    packed = pack(fids, sides, node_bytes)
    for table, rows in zip(("node", "rowid", "parent"), packed, strict=True):
        connection.execute(f"DELETE FROM box_{table}")
        connection.executemany(f"INSERT INTO box_{table} VALUES (?, ?)", rows)


def boxes(rng: numpy.random.Generator, many: int) -> numpy.ndarray:
    corner = rng.normal([117, 36], 0.1, (many, 2))
    return numpy.hstack([corner, corner + rng.exponential(0.01, (many, 2))])


def sound(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT rtreecheck('box')").fetchone() == ("ok",)


@pytest.mark.parametrize("many", [0, 1, 2, 51, 52, 102, 103, 51 * 51, 51 * 51 + 1, 7000])
def test_a_packed_tree_is_sound_whatever_its_size(many):
    sides = boxes(numpy.random.default_rng(many), many)
    with closing(sqlite3.connect(":memory:")) as connection:
        tree(connection, numpy.arange(many) + 5, sides)
        assert sound(connection)
        assert connection.execute("SELECT count(*) FROM box").fetchone() == (many,)
        connection.executemany("INSERT INTO box VALUES (?, 1, 2, 3, 4)", [(i + 10**6,) for i in range(200)])
        connection.execute("DELETE FROM box WHERE fid % 3 = 0")
        assert sound(connection)
        left = sum(fid % 3 != 0 for fid in [*range(5, many + 5), *range(10**6, 10**6 + 200)])
        assert connection.execute("SELECT count(*) FROM box").fetchone() == (left,)


@given(seed=st.integers(0, 10**6), many=st.integers(0, 400), fids=st.permutations(range(400)))
def test_a_packed_tree_finds_what_looking_at_every_box_finds(seed, many, fids):
    rng = numpy.random.default_rng(seed)
    sides, fids = boxes(rng, many), numpy.array(fids[:many], dtype=int)
    west, south, east, north = boxes(rng, 1)[0] + [-0.05, -0.05, 0.05, 0.05]
    with closing(sqlite3.connect(":memory:")) as connection:
        tree(connection, fids, sides)
        asked = "SELECT fid FROM box WHERE west <= ? AND east >= ? AND south <= ? AND north >= ?"
        found = {fid for (fid,) in connection.execute(asked, (east, west, north, south))}
    meets = (sides[:, 0] <= east) & (sides[:, 2] >= west) & (sides[:, 1] <= north) & (sides[:, 3] >= south)
    near = 2e-5
    may = (sides[:, 0] <= east + near) & (sides[:, 2] >= west - near)
    may &= (sides[:, 1] <= north + near) & (sides[:, 3] >= south - near)
    assert set(fids[meets].tolist()) <= found <= set(fids[may].tolist())


def test_boxes_are_rounded_outwards_to_32_bits():
    exact = numpy.array([[117.1, 36.6, 117.1, 36.6], [-117.1, -36.6, -117.1, -36.6]])
    with closing(sqlite3.connect(":memory:")) as connection:
        tree(connection, numpy.array([1, 2]), exact)
        for fid, west, east, south, north in connection.execute("SELECT * FROM box"):
            row = exact[fid - 1]
            assert (west < row[0] < east) and (south < row[1] < north)
            assert numpy.nextafter(numpy.float32(west), numpy.float32(1000)) == numpy.float32(east)
