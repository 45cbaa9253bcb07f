"""The grid against the plain way: the same answers, on edges and vertices, over gaps and overlaps."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import BENDS, quilts, series, shapes, vertices

from geo import cells, kernels
from geo.check import check
from geo.crs import STORED
from geo.errors import CrsError, GeometryError
from geo.grid import Grid
from geo.locate import locate

WEST, EAST = shapely.box(0, 0, 1, 2), shapely.box(1, 0, 2, 2)
CHECKOUT = Path(__file__).resolve().parents[1]


def at(places):
    return gpd.GeoSeries(shapely.points(np.asarray(places, dtype=float).reshape(-1, 2)), crs=STORED)


def rows(frame):
    return [tuple(row) for row in frame.to_numpy()]


def assert_same(areas, places):
    points = at(places)
    made = Grid(areas)
    assert bool(made.arrays) == (len(areas) > 0)
    pd.testing.assert_frame_equal(made.locate(points), locate(points, areas))


halves = st.integers(-2, 14).map(lambda n: n / 2)


@st.composite
def worlds(draw):
    """Draw areas that may share edges, overlap and leave gaps, and places in, on and beside them."""
    bend = draw(st.sampled_from(list(BENDS.values())))

    def lay(xy):
        return np.asarray(xy, dtype=float).reshape(-1, 2) @ bend[:, :2].T + bend[:, 2]

    drawn = [shapely.transform(shape, lay) for shape in draw(st.lists(shapes(), max_size=6))]
    names = draw(st.permutations([f"{n}" for n in range(7, 7 + len(drawn))]))
    areas = {n: s for n, s in zip(names, drawn, strict=True) if not check(np.array([s]), "polygon")}
    lines = [np.empty((0, 2, 2))]
    for ring in shapely.get_rings(shapely.get_parts(list(areas.values()))):
        xy = shapely.get_coordinates(ring)
        lines.append(np.stack([xy[:-1], xy[1:]], axis=1))
    ends = np.concatenate(lines)
    free = lay(draw(st.lists(st.tuples(halves, halves), max_size=20)))
    return series(areas), np.concatenate([free, ends[:, 0], ends.mean(axis=1)])


@settings(max_examples=300)
@given(worlds())
def test_law_the_grid_says_what_locate_says(world):
    assert_same(*world)


@settings(max_examples=60)
@given(quilts())
def test_law_the_same_over_many_cells(quilt):
    assert_same(*quilt)


def test_a_partition_by_hand():
    found = Grid(series({"b": WEST, "a": EAST})).locate(at([(0.5, 1), (1.5, 1), (1, 1), (0, 0), (3, 3)]))
    assert rows(found) == [("b", False), ("a", False), ("a", True), ("b", True), (None, False)]


def test_a_point_moved_across_an_edge_changes_hands_exactly_there():
    found = Grid(series({"b": WEST, "a": EAST})).locate(
        at([(np.nextafter(1, 0), 1), (1, 1), (np.nextafter(1, 2), 1)])
    )
    assert rows(found) == [("b", False), ("a", True), ("a", False)]


def test_more_areas_than_a_cell_has_bits():
    stack = {f"{n:02}": shapely.box(0, 0, 1 + n / 64, 2) for n in range(kernels.MOST_AREAS + 8)}
    areas = series(stack)
    assert kernels.ASK in Grid(areas).arrays["cells"]
    steps = np.arange(-2, 130) / 64
    assert_same(areas, np.stack(np.meshgrid(steps, [0, 0.5, 1, 2]), axis=-1))


def test_many_edges_in_one_cell():
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    knot = np.column_stack([np.cos(angles), np.sin(angles)]) * 1e-6 + 1.5
    areas = series(
        {"far": shapely.box(0, 0, 3, 3).difference(shapely.Polygon(knot)), "knot": shapely.Polygon(knot)}
    )
    beside = np.random.default_rng(1).uniform(-1.5e-6, 1.5e-6, (2000, 2)) + 1.5
    assert_same(areas, np.concatenate([beside, knot]))


def test_where_no_height_is_sure_the_plain_way_answers(monkeypatch):
    monkeypatch.setattr(cells, "_HEIGHTS", np.empty(0))
    made = Grid(series({"b": WEST, "a": EAST}))
    assert made.arrays == {}
    assert rows(made.locate(at([(0.5, 1), (1, 1)]))) == [("b", False), ("a", True)]


def test_the_index_and_the_types_are_those_of_locate():
    points, areas = at([(0.5, 1), (9, 9)]).set_axis(["y", "x"]), series({"a": WEST})
    pd.testing.assert_frame_equal(Grid(areas).locate(points), locate(points, areas))


def test_points_may_share_a_label():
    points, areas = at([(0.5, 1), (1.5, 1)]).set_axis(["x", "x"]), series({"b": WEST, "a": EAST})
    found = Grid(areas).locate(points)
    assert rows(found) == [("b", False), ("a", False)]
    pd.testing.assert_frame_equal(found, locate(points, areas))


@pytest.mark.parametrize("shapes", [{}, {"a": WEST}])
def test_nothing_in_nothing(shapes):
    areas = series(shapes)
    for points in (at([]), at([(5, 5)])):
        pd.testing.assert_frame_equal(Grid(areas).locate(points), locate(points, areas))


def test_a_multipoint_of_one_is_a_point():
    points = gpd.GeoSeries([shapely.MultiPoint([(0.5, 1)])], crs=STORED)
    assert rows(Grid(series({"a": WEST})).locate(points)) == [("a", False)]


def test_what_cannot_be_trusted_is_refused():
    points, areas = at([(0.5, 1)]), series({"a": WEST})
    made = Grid(areas)
    with pytest.raises(CrsError):
        made.locate(points.set_crs("EPSG:4326", allow_override=True))
    for wrong in (None, shapely.Point(), shapely.Point(np.nan, 1), shapely.Point(0, 91), WEST):
        with pytest.raises(GeometryError):
            made.locate(gpd.GeoSeries([wrong], crs=STORED))
    with pytest.raises(GeometryError, match="label"):
        Grid(pd.concat([areas, areas]))
    with pytest.raises(CrsError):
        Grid(areas.set_crs("EPSG:3857", allow_override=True))
    with pytest.raises(GeometryError):
        Grid(series({"a": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])}))


def test_a_kept_grid_answers_the_same_and_belongs_to_its_areas():
    areas = series({"b": WEST, "a": EAST})
    made, points = Grid(areas), at([(0.5, 1), (1.5, 1), (1, 1)])
    again = Grid(areas, made.arrays, made.key)
    pd.testing.assert_frame_equal(again.locate(points), made.locate(points))
    others = [{"b": WEST, "c": EAST}, {"a": EAST, "b": WEST}, {"b": WEST, "a": shapely.box(1, 0, 2, 3)}]
    for other in others:
        with pytest.raises(GeometryError, match="other areas"):
            Grid(series(other), made.arrays, made.key)


def test_twins_are_kept_once():
    arrays = Grid(series({"b": WEST, "a": EAST})).arrays
    assert set(arrays["bits"].tolist()) == {1, 2, 3}


def test_threads_may_ask_at_once():
    areas = series({f"{x}{y}": shapely.box(x, y, x + 1, y + 1) for x in range(9) for y in range(9)})
    made, points = Grid(areas), at(np.random.default_rng(3).integers(-4, 40, (60_000, 2)) / 4)
    expected = locate(points, areas)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: made.locate(points), range(8)):
            pd.testing.assert_frame_equal(found, expected)


ASK = """
import sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
import geopandas, shapely
from geo import kernels
from geo.grid import Grid
areas = geopandas.GeoSeries([shapely.box(0, 0, 1, 2), shapely.box(1, 0, 2, 2)], index=["b", "a"], crs=4490)
points = geopandas.GeoSeries(shapely.points([(0.5, 1), (1.5, 1), (1, 1), (9, 9)]), crs=4490)
print(kernels.COMPILED, Grid(areas).locate(points).to_numpy().tolist())
"""


def asked(code, folder, **environment):
    """Return what a new process prints, in which every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", ASK, code]
    environment = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ANSWER = "[['b', False], ['a', False], ['a', True], [None, False]]"


def test_without_numba_the_answers_are_the_same():
    assert asked("without", CHECKOUT) == f"False {ANSWER}"


def test_a_checkout_and_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "geo").mkdir()
    for file in (CHECKOUT / "geo").glob("*.py"):
        (tmp_path / "geo" / file.name).write_bytes(file.read_bytes())
    for name in ("geo/__pycache__", "home"):
        (tmp_path / name).write_text("a file where a folder would be written")
    home = str(tmp_path / "home")
    assert asked("with", tmp_path, HOME=home, XDG_CACHE_HOME=home) == f"True {ANSWER}"


def test_the_compiled_loops_are_kept_on_disk(tmp_path):
    for _ in range(2):
        assert asked("with", CHECKOUT, NUMBA_CACHE_DIR=str(tmp_path)) == f"True {ANSWER}"
    kept = {file.name.partition("-")[0] for file in tmp_path.rglob("kernels.*.nbi")}
    assert {"kernels.look_up", "kernels.settle_rows", "kernels.cells_of_edges"} <= kept


@pytest.mark.shared
def test_real_addresses_and_vertices_in_real_districts(shared_data):
    table = pd.read_csv(shared_data / "nyc" / "points_24957.csv.gz")
    given_as = shapely.points(table["lon"], table["lat"])
    faults = [finding.row - 1 for finding in check(given_as, "point")]
    addresses = shapely.get_coordinates(np.delete(given_as, faults))
    districts = gpd.read_file(shared_data / "nyc" / "community_districts_orig.geojson")
    areas = districts.set_index(districts["BoroCD"].astype(str)).geometry.set_crs(STORED, allow_override=True)
    assert_same(areas, np.concatenate([addresses, vertices(areas)]))


@pytest.mark.shared
def test_real_streets_that_overlap_and_leave_gaps(shared_data):
    streets = gpd.read_file(shared_data / "beijing" / "streets_343_wgs84.geojson")
    areas = streets.geometry.set_crs(STORED, allow_override=True).set_axis(streets.index.astype(str))
    sound = ~areas.index.isin([areas.index[f.row - 1] for f in check(areas.to_numpy(), "polygon")])
    areas = areas[sound]
    west, south, east, north = areas.total_bounds
    free = np.random.default_rng(5).uniform((west, south), (east, north), (20_000, 2))
    assert_same(areas, np.concatenate([free, vertices(areas)]))
