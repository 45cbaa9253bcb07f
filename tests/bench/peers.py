"""How others answer what bench_assign asks: geopandas, SedonaDB and PostGIS, each as it does it best.

Of points they give the pairs (row_office, row_point) that meet; of sites the pairs (row_office,
row_site) with the square metres shared. SedonaDB and PostGIS are left out where they are missing.
"""

import importlib.util
import sys
import warnings
from collections.abc import Callable
from contextlib import closing

import geopandas
import inputs
import numpy as np
import pandas
import shapely

from geo import crs

sys.path.append(str(inputs.CHECKOUT / "tests"))
import cluster  # noqa: E402  # it lies with the tests

SEDONA = importlib.util.find_spec("sedonadb") is not None
POSTGIS = cluster.find_programs() is not None

_PAIR = ["row_office", "row_point"]
_MEET = "FROM offices o JOIN {table} p ON ST_{predicate}(o.geometry, p.geometry)"
_POINTS = 'SELECT o."row" AS row_office, p."row" AS row_point ' + _MEET
_SITES = (
    'SELECT o."row" AS row_office, p."row" AS row_site, '
    "ST_Area(ST_Transform(ST_Intersection(o.geometry, p.geometry), {area})) AS m2 " + _MEET
)


def numbered(shapes: geopandas.GeoSeries) -> geopandas.GeoDataFrame:
    """Return shapes with their places in the series, in ``row``."""
    return geopandas.GeoDataFrame({"row": np.arange(len(shapes))}, geometry=shapes.to_numpy(), crs=shapes.crs)


def sjoin(points: geopandas.GeoDataFrame, offices: geopandas.GeoDataFrame) -> pandas.DataFrame:
    """Return the pairs that meet.

    The offices stand on the left, which lets GEOS prepare them: many times faster than the
    other way round, and with the same pairs.
    """
    return offices.sjoin(points, predicate="intersects", lsuffix="office", rsuffix="point")[_PAIR]


def sjoin_as_called(points: geopandas.GeoDataFrame, offices: geopandas.GeoDataFrame) -> pandas.DataFrame:
    """Return the pairs of points that lie within offices, not on their edges, as most callers ask."""
    return points.sjoin(offices, predicate="within", lsuffix="point", rsuffix="office")[_PAIR]


def overlay(sites: geopandas.GeoSeries, offices: geopandas.GeoSeries) -> pandas.DataFrame:
    """Return every share of each site, largest first."""
    left = geopandas.GeoDataFrame(
        {"row_site": np.arange(len(sites))}, geometry=sites.to_numpy(), crs=sites.crs
    )
    right = geopandas.GeoDataFrame(
        {"row_office": np.arange(len(offices))}, geometry=offices.to_numpy(), crs=offices.crs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it leaves out lines and points
        parts = left.overlay(right, how="intersection", keep_geom_type=True)
    whole = left.to_crs(crs.AREA).area.to_numpy()
    parts["m2"] = parts.to_crs(crs.AREA).area.to_numpy()
    parts["share"] = parts["m2"] / whole[parts["row_site"]]
    shares = parts[["row_office", "row_site", "m2", "share"]]
    return shares.sort_values(["row_site", "share"], ascending=[True, False])


def sedona(offices: geopandas.GeoSeries, **layer: geopandas.GeoSeries) -> Callable[[], object]:
    """Return what finds the pairs of ``points``, or the shares of ``sites``, with both in its memory."""
    import pyarrow
    import sedonadb

    session = sedonadb.connect()
    for name, shapes in {"offices": offices, **layer}.items():
        frame = numbered(shapes).set_crs(4326, allow_override=True)
        session.create_data_frame(frame).to_memtable().to_view(name)
    query = _POINTS if "points" in layer else _SITES
    query = query.format(table=next(iter(layer)), predicate="Intersects", area=f"'{crs.AREA}'")
    return lambda: pyarrow.table(session.sql(query))


class Postgis:
    """A server of our own with the layers in tables, indexed and analysed; ``with`` ends it."""

    def __init__(self, **layers: geopandas.GeoSeries) -> None:
        self.server = cluster.Cluster(cluster.find_programs())
        self.database = self.server.name_in(self.server.create())
        with closing(self.server.connect(self.database)) as connection:
            for name, shapes in layers.items():
                self._load(connection, name, shapes)

    def _load(self, connection, name: str, shapes: geopandas.GeoSeries) -> None:
        kind = "geometry(Point, 4490)" if shapes.iloc[0].geom_type == "Point" else "geometry"
        connection.execute(f'CREATE UNLOGGED TABLE {name} ("row" integer, geometry {kind})')
        with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for row, wkb in enumerate(
                shapely.to_wkb(shapely.set_srid(shapes.to_numpy(), 4490), True, include_srid=True)
            ):
                copy.write_row((row, wkb))
        connection.execute(f"CREATE INDEX ON {name} USING gist (geometry)")
        connection.execute(f"VACUUM ANALYZE {name}")

    def __enter__(self) -> "Postgis":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def _fill(self, answer: str, query: str) -> None:
        with closing(self.server.connect(self.database)) as connection:
            connection.execute("SET work_mem = '256MB'")
            connection.execute(f"DROP TABLE IF EXISTS {answer}")
            connection.execute(f"CREATE UNLOGGED TABLE {answer} AS {query}")

    def find_points(self) -> None:
        """Write the pairs of points into the table ``pairs``."""
        self._fill("pairs", _POINTS.format(table="points", predicate="Covers"))

    def find_sites(self) -> None:
        """Write the shares of sites into the table ``shares``."""
        self._fill("shares", _SITES.format(table="sites", predicate="Intersects", area="6933"))

    def answer(self, table: str) -> pandas.DataFrame:
        """Return a table."""
        with closing(self.server.connect(self.database)) as connection:
            cursor = connection.execute(f"SELECT * FROM {table}")
            return pandas.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def lowest(pairs: object, count: int, ranks: np.ndarray) -> np.ndarray:
    """Return the rank of each of so many points' lowest office among the pairs; -1 where there is none."""
    found = np.full(count, len(ranks))
    office, point = (np.asarray(pairs[name]) for name in ("row_office", "row_point"))
    np.minimum.at(found, point, ranks[office])
    return np.where(found == len(ranks), -1, found)
