"""What PostGIS answers to the questions of geo.locate and geo.assign: the same SQL for every row.

Sites and areas are named in PostGIS by their places in the order of codes, so that the lowest
code is the least number and nothing is said about how a server sorts text.
"""

from typing import NamedTuple

import geopandas
import numpy as np
import pandas
import psycopg
import shapely

from geo.assign import SLIVER, Assigned
from geo.crs import AREA, require_stored

#: To which our areas equal those of PostGIS, in parts of each area.
SAME = 1e-9
_SRID, _AREA_SRID = 4490, int(AREA.rpartition(":")[2])
_DIGITS = 9  # to which the largest shares are compared, as geo.assign does

# The areas stand outside, each asked once for all its sites: PostGIS keeps what it prepared of one area.
_LOCATED = """
    SELECT pair.number, min(a.number), count(*), bool_or(pair.edge)
    FROM areas a CROSS JOIN LATERAL (
        SELECT s.number, NOT ST_ContainsProperly(a.shape, s.shape) AS edge
        FROM sites s WHERE ST_Covers(a.shape, s.shape) OFFSET 0) pair
    GROUP BY pair.number"""
_PARTS = f"""
    CREATE TABLE parts AS
    SELECT s.number AS site, a.number AS area, ST_Area(ST_Transform(part, {_AREA_SRID})) AS area_m2, part
    FROM areas a JOIN sites s ON ST_Intersects(a.shape, s.shape),
         ST_Intersection(s.shape, a.shape) AS part"""
_COVERED = f"""
    SELECT s.number, ST_Area(ST_Transform(s.shape, {_AREA_SRID})),
           coalesce(ST_Area(ST_Transform((SELECT ST_Union(part) FROM parts WHERE site = s.number
                                          AND ST_Dimension(part) = 2), {_AREA_SRID})), 0)
    FROM sites s ORDER BY s.number"""


class Told(NamedTuple):
    """What PostGIS says of sites: ``parts`` (site, area, area_m2), and by site ``site_m2, covered_m2``."""

    parts: pandas.DataFrame
    sites: pandas.DataFrame


class Oracle:
    """A PostGIS database that is asked the questions; the areas are put there once.

    Args:
        connection: of a database with PostGIS, outside any transaction.
        offices: polygons in STORED, indexed by code.
    """

    def __init__(self, connection: psycopg.Connection, offices: geopandas.GeoSeries) -> None:
        self.connection = connection
        self._offices = offices.sort_index()
        self._put("areas", self._offices)

    def located(self, points: geopandas.GeoSeries) -> pandas.DataFrame:
        """Return what geo.locate.locate returns, by ST_Covers and ST_ContainsProperly."""
        self._put("sites", points)
        place, area, claims, edge = self._columns(_LOCATED, 4)
        found = np.full(len(points), None, dtype=object)
        found[place] = self._offices.index.to_numpy(dtype=object)[area]
        several = np.zeros(len(points), dtype=bool)
        several[place] = (claims > 1) | (edge > 0)
        table = {"area": pandas.Series(found, index=points.index, dtype=object), "several": several}
        return pandas.DataFrame(table, index=points.index)

    def assigned(self, sites: geopandas.GeoSeries) -> Told:
        """Return every part of every site in an area, by ST_Intersection, and what they cover together."""
        self._put("sites", sites)
        self.connection.execute("DROP TABLE IF EXISTS parts")
        self.connection.execute(_PARTS)
        self.connection.execute("CREATE INDEX ON parts (site)")
        site = np.array(sites.index, dtype=object)
        area = np.array(self._offices.index, dtype=object)
        found = self.connection.execute("SELECT site, area, area_m2 FROM parts").fetchall()
        parts = pandas.DataFrame(found, columns=["site", "area", "area_m2"])
        parts["site"], parts["area"] = site[parts["site"]], area[parts["area"]]
        _, site_m2, covered_m2 = self._columns(_COVERED, 3)
        return Told(
            parts, pandas.DataFrame({"site_m2": site_m2, "covered_m2": covered_m2}, index=sites.index)
        )

    def _columns(self, query: str, width: int) -> list[np.ndarray]:
        rows = self.connection.execute(query).fetchall()
        return [np.array(column) for column in zip(*rows, strict=True)] or [np.empty(0, int)] * width

    def _put(self, table: str, shapes: geopandas.GeoSeries) -> None:
        require_stored(shapes)
        self.connection.execute(f"DROP TABLE IF EXISTS {table}")
        self.connection.execute(f"CREATE TABLE {table} (number integer, shape geometry(Geometry, {_SRID}))")
        packed = shapely.to_wkb(shapely.set_srid(shapes.to_numpy(), _SRID), include_srid=True)
        into = f"COPY {table} FROM STDIN (FORMAT BINARY)"
        with self.connection.cursor() as cursor, cursor.copy(into) as copy:
            copy.set_types(["int4", "bytea"])  # PostGIS takes a geometry's bytes
            for row in enumerate(packed):
                copy.write_row(row)
        self.connection.execute(f"CREATE INDEX ON {table} USING gist (shape)")
        self.connection.execute(f"ANALYZE {table}")


def main_areas(told: Told) -> pandas.Series:
    """Return the area of each site's largest part, the lowest code among equal ones; None for none."""
    parts = told.parts.copy()
    parts["share"] = (parts["area_m2"] / told.sites["site_m2"].loc[parts["site"]].to_numpy()).round(_DIGITS)
    parts = parts[parts["share"] >= SLIVER].sort_values(["share", "area"], ascending=[False, True])
    first = parts.drop_duplicates("site").set_index("site")["area"].reindex(told.sites.index)
    return first.astype(object).where(first.notna(), None)


def assert_same_shares(ours: Assigned, told: Told) -> float:
    """Assert that every part, main area, gap and overlap is that of PostGIS; return the worst area.

    That is the largest difference of an area in parts of that area. A part below SLIVER of its
    site, which geo.assign leaves out, must be so in PostGIS too.
    """
    keys = ["site", "area"]
    both = ours.shares.merge(told.parts, on=keys, how="outer", suffixes=("", "_told"))
    site_m2 = told.sites["site_m2"].loc[both["site"]].to_numpy()
    left_out = both["area_m2"].isna()
    assert (both["area_m2_told"] / site_m2)[left_out].lt(SLIVER * (1 + SAME)).all()
    kept = both[~left_out]
    assert kept["area_m2_told"].notna().all()
    worst = (kept["area_m2"] / kept["area_m2_told"] - 1).abs().max() if len(kept) else 0.0
    assert worst <= SAME
    assert (ours.main["area"].eq(main_areas(told)) | ours.main["area"].isna()).all()
    assert (ours.main["area"].isna() == main_areas(told).isna()).all()
    _assert_same_gaps(ours, told)
    return float(worst)


def _assert_same_gaps(ours: Assigned, told: Told) -> None:
    """Assert what lies outside and what is claimed twice, by the rule of geo.assign.

    An edge that is straight in degrees is bent when it is measured, a little less so where a
    border cuts it: parts and whole differ by up to 1e-7, a hair that must end on the same side.
    """
    covered = told.sites["covered_m2"] / told.sites["site_m2"]
    total = told.parts.groupby("site")["area_m2"].sum().reindex(told.sites.index, fill_value=0.0)
    total /= told.sites["site_m2"]
    overlap = np.maximum(total - covered, 0)
    outside = 1 - total + overlap
    assert (ours.main["outside"] - np.maximum(outside, 0)).abs().max() <= SAME
    assert (ours.main["overlap"] - (overlap - np.minimum(outside, 0))).abs().max() <= SAME
