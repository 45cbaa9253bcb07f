"""Our engine and real PostGIS give every row the same answer: benchmark district, New York, Beijing.

``tests/bench/check_assign.py`` asks the same of a whole city and a whole nation.
"""

from contextlib import closing

import geopandas as gpd
import inputs
import numpy as np
import pandas as pd
import pytest
import shapely
from cluster import Cluster
from postgis_oracle import Oracle, assert_same_shares
from psycopg import Connection

from geo import crs
from geo.assign import assign
from geo.check import check
from geo.crs import STORED, to_stored
from geo.grid import Grid
from geo.locate import locate
from geo.repair import repair

pytestmark = pytest.mark.postgis


@pytest.fixture(scope="module")
def connection(cluster: Cluster):
    """A connection to a database with PostGIS and nothing else."""
    address = cluster.create()
    with closing(cluster.connect(cluster.name_in(address))) as opened:
        yield opened
    cluster.drop(address)


def points_of(xy: np.ndarray) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapely.points(xy), index=pd.RangeIndex(len(xy)).astype(str), crs=STORED)


def on_edges(areas: gpd.GeoSeries) -> np.ndarray:
    """Return every vertex of the areas, and the middle of every edge as rounding places it."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(areas.to_numpy())]
    middles = [(ring[1:] + ring[:-1]) / 2 for ring in rings]
    return np.unique(np.concatenate(rings + middles), axis=0)


def assert_same_points(oracle: Oracle, points: gpd.GeoSeries, areas: gpd.GeoSeries) -> pd.DataFrame:
    told = oracle.located(points)
    pd.testing.assert_frame_equal(locate(points, areas), told)
    pd.testing.assert_frame_equal(Grid(areas).locate(points), told)
    return told


def around(areas: gpd.GeoSeries, count: int, degrees: float) -> gpd.GeoSeries:
    """Return octagons around vertices of the areas, each across at least one border."""
    xy = np.unique(shapely.get_coordinates(areas.to_numpy()), axis=0)
    count = min(count, len(xy))
    xy = xy[np.random.default_rng(4).choice(len(xy), count, replace=False)]
    return gpd.GeoSeries(
        shapely.buffer(shapely.points(xy), degrees, quad_segs=2),
        index=pd.RangeIndex(count).astype(str),
        crs=STORED,
    )


def stored(path, key: str, kind: str = "polygon") -> gpd.GeoSeries:
    """Return the sound shapes of a file in STORED, mended where that needs no guess."""
    frame = gpd.read_file(path)
    shapes, _ = repair(to_stored(frame.geometry.to_numpy(), frame.crs.to_wkt()), kind)
    return gpd.GeoSeries(shapes, index=frame[key].astype(str).to_numpy(dtype=object), crs=STORED)


# The benchmark district: 20,000 points and 400 compounds in 15 street offices.


@pytest.fixture(scope="module")
def district():
    return inputs.made("district")


@pytest.fixture(scope="module")
def offices(district):
    return district.frame("street_offices").geometry


@pytest.fixture(scope="module")
def oracle(connection: Connection, offices):
    return Oracle(connection, offices)


def test_every_structure_of_the_district(district, offices, oracle):
    points = shapely.get_coordinates(district.frame("illegal_structures").geometry.to_numpy())
    told = assert_same_points(oracle, points_of(points), offices)
    # The sample district, which stands in for it, has one office without a structure.
    assert told["area"].nunique() == len(offices) - (district.file.name == "sample.gpkg")


def test_every_vertex_and_edge_of_the_district(offices, oracle):
    told = assert_same_points(oracle, points_of(on_edges(offices)), offices)
    assert told["several"].sum() >= shapely.get_num_coordinates(offices.to_numpy()).sum() / 2


def test_every_compound_of_the_district(district, offices, oracle):
    compounds = district.frame("compounds").geometry
    ours = assign(compounds, offices)
    assert len(ours.shares) > len(compounds)
    assert_same_shares(ours, oracle.assigned(compounds))


def test_every_compound_across_a_corner_of_the_district(offices, oracle):
    sites = around(offices, 2000, 0.001)
    ours = assign(sites, offices)
    assert ours.main["border"].sum() > len(sites) / 2
    assert_same_shares(ours, oracle.assigned(sites))


# Real data.


@pytest.mark.shared
@pytest.mark.parametrize("file", ["community_districts_orig.geojson", "community_districts.geojson"])
def test_new_york(connection, shared_data, file):
    areas = stored(shared_data / "nyc" / file, "BoroCD")
    oracle = Oracle(connection, areas)
    table = pd.read_csv(shared_data / "nyc" / "points_24957.csv.gz")
    given = shapely.points(table["lon"], table["lat"])
    given = np.delete(given, [finding.row - 1 for finding in check(given, "point")])
    told = assert_same_points(oracle, points_of(shapely.get_coordinates(given)), areas)
    assert told["area"].isna().sum() > 0
    assert_same_points(oracle, points_of(on_edges(areas)), areas)
    sites = stored(shared_data / "nyc" / "nycha_277.geojson", "tds_num")
    assert len(sites) == 277
    assert_same_shares(assign(sites, areas), oracle.assigned(sites))


@pytest.fixture(scope="module")
def streets(shared_data):
    return stored(shared_data / "beijing" / "streets_343_wgs84.geojson", "code")


@pytest.mark.shared
def test_beijing_points(connection, streets):
    west, south, east, north = streets.total_bounds
    free = np.random.default_rng(5).uniform((west, south), (east, north), (20_000, 2))
    oracle = Oracle(connection, streets)
    assert_same_points(oracle, points_of(np.concatenate([free, on_edges(streets)])), streets)


@pytest.mark.shared
def test_beijing_sites_across_borders_gaps_and_overlaps(connection, streets):
    sites = around(streets, 3000, 0.0007)
    assert_same_shares(assign(sites, streets), Oracle(connection, streets).assigned(sites))


GAPS = """
    WITH rings AS (SELECT (ST_DumpRings((ST_Dump(ST_Union(shape))).geom)).* FROM areas)
    SELECT count(*), sum(ST_Area(ST_Transform(geom, 6933))) FROM rings WHERE path[1] > 0"""


@pytest.mark.shared
def test_beijing_overlaps_and_gaps(connection, streets):
    """The whole city as sites and as areas: what two streets both claim, and what none does."""
    oracle, ours = Oracle(connection, streets), assign(streets, streets)
    assert_same_shares(ours, oracle.assigned(streets))
    twice = ours.shares[(ours.shares["site"] < ours.shares["area"]) & (ours.shares["area_m2"] > 1)]
    assert (len(twice), round(twice["area_m2"].sum())) == (62, 45_199)
    parts = shapely.get_parts(shapely.union_all(streets.to_numpy()))
    gaps = [shapely.Polygon(ring) for part in parts for ring in part.interiors]
    (number, area_m2), *_ = connection.execute(GAPS).fetchall()
    assert (len(gaps), crs.areas(gaps).sum()) == (number, pytest.approx(area_m2, rel=1e-9))
    assert (number, round(area_m2)) == (291, 21_378)
