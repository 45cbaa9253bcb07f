"""Files of every accepted format, good, broken and disguised."""

import gzip
import hashlib
import json
import shutil
import sqlite3
import struct
import zipfile
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import FileError, FormatError, GuatuError, HeadingError
from layers.reading import fingerprint, parts, read

POINT = {"type": "Point", "coordinates": [116.123456789012, 39.1]}


def a_feature(geometry=POINT, **properties) -> dict:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(folder: Path, *features, **members) -> Path:
    path = folder / "a.geojson"
    document = {"type": "FeatureCollection", **members, "features": list(features)}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def frame(crs: object = 4490) -> geopandas.GeoDataFrame:
    shapes = [shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3), None]
    data = {"名称": ["甘露园", "六里屯", None], "户数": [1, 2, 3]}
    return geopandas.GeoDataFrame(data, geometry=shapes, crs=crs)


def shapefile(folder: Path, stem: str = "小区", **options) -> Path:
    path = folder / f"{stem}.shp"
    frame().to_file(path, engine="pyogrio", **options)
    return path


def dbf(path: Path, names: list[bytes], rows: list[list[bytes]], language: int = 0, width: int = 20) -> None:
    """Write a table of text fields, byte for byte as some other program would."""
    header = 33 + 32 * len(names)
    head = struct.pack("<4BIHH17xB2x", 3, 122, 6, 30, len(rows), header, 1 + width * len(names), language)
    fields = b"".join(n[:10].ljust(11, b"\0") + b"C" + bytes(4) + bytes([width]) + bytes(15) for n in names)
    cells = b"".join(b" " + b"".join(cell[:width].ljust(width) for cell in row) for row in rows)
    path.write_bytes(head + fields + b"\r" + cells + b"\x1a")


def two_points(folder: Path, names: list[bytes], rows: list[list[bytes]], language: int = 0) -> Path:
    path = folder / "点.shp"
    points = shapely.points([[1, 2], [3, 4]])
    geopandas.GeoDataFrame({"a": [1, 2]}, geometry=points, crs=4490).to_file(path)
    path.with_suffix(".cpg").unlink()
    dbf(path.with_suffix(".dbf"), names, rows, language)
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def refused(path: Path, match: str, error: type = FormatError, **options) -> None:
    with pytest.raises(error, match=match) as said:
        read(path, **options)
    assert "\n" not in str(said.value) and "guatu-" not in str(said.value)


# GeoJSON


def test_geojson_comes_exactly_as_it_stands(tmp_path):
    path = geojson(
        tmp_path,
        a_feature(code=110114104000, day="2022/06/30", zero="0370102", big=2**70, nested={"甲": [1]}),
        a_feature(None, code=None, flag=True, part=0.1),
    )
    found = read(path)
    assert found.rows.loc[1].to_dict() == {
        "code": 110114104000,
        "day": "2022/06/30",
        "zero": "0370102",
        "big": 2**70,
        "nested": '{"甲": [1]}',
        "flag": None,
        "part": None,
    }
    assert found.rows.loc[2, ["flag", "part", "day"]].tolist() == [True, 0.1, None]
    assert found.rows.index.tolist() == [1, 2]
    assert found.geometries[0].equals(shapely.Point(116.123456789012, 39.1))
    assert found.geometries[1] is None
    assert found.findings == []
    assert (found.crs, found.crs_from, found.format, found.encoding) == (
        "EPSG:4326",
        "file",
        "GeoJSON",
        "utf-8",
    )
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_feature_s_own_id_is_a_heading_where_that_is_free(tmp_path):
    assert read(geojson(tmp_path, {**a_feature(a=1), "id": "x"})).rows.loc[1].to_dict() == {"a": 1, "id": "x"}
    assert read(geojson(tmp_path, {**a_feature(id=1), "id": "x"})).rows.loc[1].to_dict() == {"id": 1}


def test_a_single_feature_and_a_bare_geometry_are_one_row(tmp_path):
    for document in (a_feature(), POINT):
        path = tmp_path / "one.json"
        path.write_text("\ufeff \n" + json.dumps(document), encoding="utf-8")
        found = read(path)
        assert len(found.rows) == 1
        assert found.geometries[0].equals(shapely.Point(116.123456789012, 39.1))


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [2, 2]]]},
        {"type": "Point", "coordinates": ["116", 39]},
        {"type": "Point", "coordinates": None},
        {"type": "Point", "coordinates": [float("nan"), 1]},
        {"type": "Point", "coordinates": [float("inf"), 1]},
        {"type": "Blob"},
        "POINT (1 2)",
        7,
    ],
)
def test_one_geometry_that_cannot_be_read_does_not_stop_the_others(tmp_path, geometry):
    found = read(geojson(tmp_path, a_feature(), a_feature(geometry), a_feature(None)))
    assert [shape is None for shape in found.geometries] == [False, True, True]
    ((row, field, code, severity, _),) = found.findings
    assert (row, field, code, severity) == (2, "geometry", "unreadable_geometry", "set_aside")


def test_heights_and_measures_are_dropped(tmp_path):
    found = read(geojson(tmp_path, a_feature({"type": "Point", "coordinates": [1, 2, 3]})))
    assert not found.geometries[0].has_z


def named(name: str) -> dict:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        (named("urn:ogc:def:crs:OGC:1.3:CRS84"), "EPSG:4326"),
        (named("urn:ogc:def:crs:EPSG::4490"), "EPSG:4490"),
        (named("EPSG:4548"), "EPSG:4548"),
        (None, None),
    ],
)
def test_the_named_coordinate_system(tmp_path, crs, expected):
    found = read(geojson(tmp_path, a_feature(), crs=crs))
    assert (found.crs, found.crs_from) == (expected, expected and "file")


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "link", "properties": {"href": "http://localhost:1/crs", "type": "proj4"}},
        named("EPSG:999999"),
        named("urn:ogc:def:crs:OGC:1.3:CRS83"),
        named("GCJ-02"),
        {"type": "name"},
        "EPSG:4490",
        {},
    ],
)
def test_an_unknown_coordinate_system_is_refused(tmp_path, crs):
    refused(geojson(tmp_path, a_feature(), crs=crs), "coordinate system is not known")


def test_metres_without_a_coordinate_system_are_not_taken_for_degrees(tmp_path):
    found = read(geojson(tmp_path, a_feature({"type": "Point", "coordinates": [39500000, 4000000]})))
    assert (found.crs, found.crs_from) == (None, None)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it is empty"),
        ('{"type":"FeatureCollection","features":[]}', "no rows"),
        ('{"type":"FeatureCollection","features":[1]}', "row 1 is no GeoJSON feature"),
        ('{"type":"FeatureCollection","features":{}}', "no GeoJSON"),
        ('{"type":"Topology"}', "no GeoJSON"),
        ('{"type":"Feature","properties":[1],"geometry":null}', "no GeoJSON feature"),
        ('{"type":"Feature","properties":{"a":1,"a":2},"geometry":null}', "the name a is given twice"),
        ('{"type":"FeatureCollection",\n"features":[', "line 2 is not valid JSON"),
        ('{"a":' + "1" * 5000 + "}", "not valid JSON"),
        ('{"a":' + "[" * 100_000, "nested too deeply|not valid JSON"),
        ("[1]", "does not begin like a GeoJSON"),
        ("<OGRVRTDataSource/>", "does not begin like a GeoJSON"),
    ],
)
def test_what_is_no_geojson_is_refused(tmp_path, text, match):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    refused(path, match)


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_common_dress(tmp_path, delimiter, encoding):
    path = tmp_path / "表.csv"
    lines = ["名称_经度纬度".replace("_", delimiter).replace("纬", delimiter + "纬")]
    lines += [delimiter.join(cells) for cells in (["甘露园", "116.5", "39.9"], ['"a""b"', "", ""])]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    found = read(path)
    assert found.rows.columns.tolist() == ["名称", "经度", "纬度"]
    assert found.rows["名称"].tolist() == ["甘露园", 'a"b']
    assert found.rows["经度"].tolist() == ["116.5", ""]
    assert [shape and shape.wkt for shape in found.geometries] == ["POINT (116.5 39.9)", None]
    assert (found.crs, found.crs_from, found.findings) == ("EPSG:4490", "headings", [])


def csv(folder: Path, text: str) -> Path:
    path = folder / "a.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_keeps_codes_as_they_stand_and_skips_empty_lines(tmp_path):
    found = read(csv(tmp_path, 'code,LNG,Lat,,\n0370102,1,2\n\n,,,,\n"x\ny",3,4\n'))
    assert found.rows.columns.tolist() == ["code", "LNG", "Lat"]
    assert found.rows["code"].tolist() == ["0370102", "x\ny"]


def test_coordinates_that_are_no_numbers_are_found(tmp_path):
    found = read(csv(tmp_path, "lon,lat\n1_0,2\n116°23′,39\n1,\nnan,1\n1e1,2\n"))
    assert [(f.row, f.detail) for f in found.findings] == [
        (1, "1_0, 2"),
        (2, "116°23′, 39"),
        (3, "1,"),
        (4, "nan, 1"),
    ]
    assert found.geometries[4].equals(shapely.Point(10, 2))


def test_csv_beyond_degrees_has_no_coordinate_system(tmp_path):
    assert read(csv(tmp_path, "lon,lat\n39500000,4000000\n")).crs is None


def test_a_row_with_too_many_cells_is_set_aside(tmp_path):
    found = read(csv(tmp_path, "name,lon,lat\na,1,2\nb, c,3,4\n"))
    assert [(f.row, f.code, f.severity) for f in found.findings] == [
        (2, "too_many_cells", "set_aside"),
        (2, "unreadable_geometry", "set_aside"),
    ]
    assert found.findings[0].detail == "4"
    assert len(found.rows) == 2


@pytest.mark.parametrize(
    ("text", "match", "error"),
    [
        ("a,b\n1,2\n", "exactly one heading", HeadingError),
        ("x,y\n1,2\n", "exactly one heading", HeadingError),
        ("lon,lng,lat\n1,2,3\n", "there are 2", HeadingError),
        ("lon,lat,a,a\n1,2,3,4\n", "heading a is given twice", HeadingError),
        ("lon,lat\n", "no rows", FormatError),
        ('lon,lat,a\n1,2,"open\n', "not valid CSV", FormatError),
        ("<html>", "does not begin", FormatError),
    ],
)
def test_what_is_no_table_of_points_is_refused(tmp_path, text, match, error):
    refused(csv(tmp_path, text), match, error)


def test_damaged_utf8_is_not_taken_for_gb18030(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("lon,lat,名\n1,2,甘露园六里屯朝外街道".encode() + b"\xff\xfe\n")
    refused(path, "not valid utf-8")


def test_gzipped_csv_whole_and_cut_short(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"lon,lat\n1,2\n" * 1))
    assert len(read(path).rows) == 1
    path.write_bytes(path.read_bytes()[:-9])
    refused(path, "damaged or cut short")


# GeoPackage


def test_geopackage_with_gaps_keeps_every_digit(tmp_path):
    path = tmp_path / "重要!.gpkg"
    data = {
        "code": pd.array([2**60 + 1, None], dtype="Int64"),
        "flag": pd.array([True, None], dtype="boolean"),
        "area": [1.5, None],
        "day": [date(2022, 6, 30), None],
        "名称": ["甘露园", None],
    }
    geopandas.GeoDataFrame(data, geometry=shapely.points([[1, 2, 9], [3, 4, 9]]), crs=4490).to_file(
        tmp_path / "a.gpkg"
    )
    (tmp_path / "a.gpkg").rename(path)
    found = read(path)
    assert found.rows.loc[1].tolist() == [2**60 + 1, True, 1.5, "2022-06-30", "甘露园"]
    assert found.rows.loc[2].tolist() == [None] * 5
    assert [type(v) for v in found.rows.loc[1]] == [int, bool, float, str, str]
    assert (found.crs, found.crs_from, found.format) == ("EPSG:4490", "file", "GeoPackage")
    assert [shape.wkt for shape in found.geometries] == ["POINT (1 2)", "POINT (3 4)"]
    assert list(tmp_path.iterdir()) == [path]


def test_several_layers_need_a_name(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="小区")
    frame().iloc[:2].to_file(path, layer="points")
    refused(path, "2 layers with geometry .points, 小区.")
    refused(path, "say which", layer_name="roads")
    assert len(read(path, layer_name="小区").rows) == 3
    assert len(read(path, layer_name="points").rows) == 2


def test_a_table_without_geometry_is_no_layer(tmp_path):
    path = tmp_path / "a.gpkg"
    pd_only = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2)], crs=4490)
    pd_only.to_file(path, layer="only")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (a TEXT)")
        database.execute("INSERT INTO gpkg_contents (table_name, data_type) VALUES ('notes', 'attributes')")
    database.close()
    assert len(read(path).rows) == 1


def test_a_broken_geometry_in_a_geopackage_is_told_from_a_missing_one(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="a", SPATIAL_INDEX="NO")
    with sqlite3.connect(path) as database:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in database.execute(triggers).fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE a SET geom = substr(geom, 1, 60) WHERE fid = 1")
    database.close()
    found = read(path)
    assert [shape is None for shape in found.geometries] == [True, False, True]
    assert [(f.row, f.code) for f in found.findings] == [(1, "unreadable_geometry")]


def test_a_geopackage_cut_short_or_no_geopackage_is_refused(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    refused(path, "a.gpkg: it is damaged")
    path.write_bytes(whole[:16] + b"\xff" * 5000)
    refused(path, "a.gpkg: it is damaged")
    path.write_text("{}")
    refused(path, "does not begin like a GeoPackage")


def test_a_view_is_no_layer(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="a")
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL "
            "SELECT i FROM n) SELECT i AS fid, NULL AS geom FROM n"
        )
        database.execute("UPDATE gpkg_geometry_columns SET table_name = 'endless'")
        database.execute("UPDATE gpkg_contents SET table_name = 'endless'")
    database.close()
    refused(path, "0 layers with geometry")


def test_a_geopackage_in_use_is_refused(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path)
    (tmp_path / "a.gpkg-wal").write_bytes(b"x")
    refused(path, "another program")


@pytest.mark.parametrize("epsg", [4326, 4490, 4527, 4548, 2383, 4610, 3857, 32650])
@pytest.mark.parametrize("suffix", [".gpkg", ".shp"])
def test_coordinate_systems_come_as_epsg_codes(tmp_path, epsg, suffix):
    path = tmp_path / f"a{suffix}"
    frame(epsg).iloc[:2].to_file(path, encoding="UTF-8" if suffix == ".shp" else None)
    assert read(path).crs == f"EPSG:{epsg}"


def test_a_coordinate_system_of_no_list_comes_as_wkt(tmp_path):
    path = tmp_path / "a.gpkg"
    frame("+proj=tmerc +lon_0=117.1 +x_0=51234 +ellps=GRS80 +units=m").to_file(path)
    assert "117.1" in read(path).crs


# Shapefile


def test_shapefile_with_its_siblings(tmp_path):
    path = shapefile(tmp_path)
    found = read(path)
    assert found.rows["名称"].tolist() == ["甘露园", "六里屯", None]
    assert found.rows["户数"].tolist() == [1, 2, 3]
    assert [shape is None for shape in found.geometries] == [False, False, True]
    assert (found.crs, found.encoding, found.findings) == ("EPSG:4490", "utf-8", [])
    assert [part.suffix for part in parts(path)] == [".shp", ".shx", ".dbf", ".prj", ".cpg"]


def test_the_fingerprint_of_a_shapefile_is_of_all_its_parts(tmp_path):
    path = shapefile(tmp_path)
    before = read(path).sha256
    (tmp_path / "小区.txt").write_text("not a part")
    assert fingerprint(path) == before
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:-2] + b"9\x1a")
    assert fingerprint(path) != before


NAMES = ["街道名称", "行政区划代码", "a"]


def rows_in(encoding: str) -> list[list[bytes]]:
    texts = [["东华门街道", "景山", "x"], ["交道口", "", "y"]]
    return [[text.encode(encoding) for text in row] for row in texts]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_encoding_is_found_though_names_and_texts_are_cut(tmp_path, encoding):
    rows = rows_in(encoding)
    rows[1][1] = ("a" + "街" * 20).encode(encoding)  # cut at 20 bytes, inside a character
    found = read(two_points(tmp_path, [name.encode(encoding) for name in NAMES], rows))
    assert found.encoding == encoding
    whole = {"utf-8": ("街道名", "行政区", 6), "gb18030": ("街道名称", "行政区划代", 9)}[encoding]
    assert found.rows.columns.tolist() == [whole[0], whole[1], "a"]
    assert found.rows.iloc[:, 0].tolist() == ["东华门街道", "交道口"]
    assert found.rows.iloc[1, 1] == "a" + "街" * whole[2]


def test_what_is_said_about_the_encoding_goes_first(tmp_path):
    # These bytes are valid both as GBK and as UTF-8.
    both = "街道".encode()
    names, rows = [b"a"], [[both], [b"x"]]
    assert read(two_points(tmp_path, names, rows)).rows.at[1, "a"] == "街道"
    path = two_points(tmp_path, names, rows, language=0x4D)
    assert read(path).rows.at[1, "a"] == "琛楅亾"
    assert read(path, encoding="utf-8").rows.at[1, "a"] == "街道"
    path.with_suffix(".cpg").write_text("65001")
    assert read(path).rows.at[1, "a"] == "街道"
    path.with_suffix(".cpg").write_text("klingon")
    refused(path, "klingon")
    refused(path, "No encoding", encoding="klingon")


def test_a_cpg_that_lies_is_said(tmp_path):
    path = two_points(tmp_path, [b"a"], [["东华门".encode("gbk")], [b"x"]])
    path.with_suffix(".cpg").write_text("UTF-8")
    refused(path, "not valid utf-8; say which")
    assert read(path, encoding="GBK").rows.at[1, "a"] == "东华门"


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_missing_part_is_named(tmp_path, part):
    path = shapefile(tmp_path)
    path.with_suffix(part).unlink()
    refused(path, f"小区.shp: {part} is missing")


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
@pytest.mark.parametrize("left", [4, 99, 110, -20])
def test_a_part_cut_short_is_named(tmp_path, part, left):
    path = shapefile(tmp_path)
    cut = path.with_suffix(part)
    cut.write_bytes(cut.read_bytes()[:left])
    refused(path, f"小区.shp: its {part} is cut short")


def test_parts_of_different_files_are_refused(tmp_path):
    path = shapefile(tmp_path)
    dbf(path.with_suffix(".dbf"), [b"a"], [[b"x"]])
    refused(path, "do not belong together")


def test_a_broken_shape_is_told_from_a_missing_one(tmp_path):
    path = shapefile(tmp_path)
    content = bytearray(path.read_bytes())
    content[108 + 36 : 108 + 40] = struct.pack("<i", 1000)  # the number of parts
    path.write_bytes(content)
    found = read(path)
    assert [shape is None for shape in found.geometries] == [True, False, True]
    assert [(f.row, f.code) for f in found.findings] == [(1, "unreadable_geometry")]


def test_deleted_records_are_no_rows(tmp_path):
    path = two_points(tmp_path, [b"a"], [[b"x"], [b"y"]])
    table = path.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    content[65] = ord("*")
    table.write_bytes(content)
    found = read(path)
    assert found.rows["a"].to_dict() == {1: "y"}
    assert found.geometries[0].equals(shapely.Point(3, 4))


# Zip


def shapefile_bytes(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in parts(shapefile(folder))}


def test_a_zipped_shapefile_in_a_folder_with_company(tmp_path):
    files = {f"数据/{name}": content for name, content in shapefile_bytes(tmp_path).items()}
    path = zipped(tmp_path / "a.zip", {**files, "数据/说明.txt": b"x", "__MACOSX/数据/._小区.shp": b"x"})
    found = read(path)
    assert found.rows["名称"].tolist() == ["甘露园", "六里屯", None]
    assert found.format == "shapefile"
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_entry_names_in_gbk_are_read(tmp_path):
    files = shapefile_bytes(tmp_path)
    path = zipped(tmp_path / "a.zip", {f"##{Path(name).suffix}": files[name] for name in files})
    # As Chinese Windows packs them: bytes of GBK, and no word about it.
    path.write_bytes(path.read_bytes().replace(b"##.", "区".encode("gbk") + b"."))
    assert len(read(path).rows) == 3


def test_a_zip_of_any_other_format(tmp_path):
    inner = geojson(tmp_path, a_feature(a=1)).read_bytes()
    assert read(zipped(tmp_path / "a.zip", {"x.geojson": inner})).format == "GeoJSON"


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "does not begin"),
        ({"a.txt": b"x"}, "exactly one file to read; it holds 0"),
        ({"a.csv": b"x", "b.csv": b"x"}, "it holds 2 .a.csv, b.csv."),
        ({"inner.zip": b"PK\3\4"}, "it holds 0"),
        ({"../a.csv": b"lon,lat\n1,2\n"}, "leads outside"),
        ({"/a.csv": b"lon,lat\n1,2\n"}, "leads outside"),
        ({"b/../../a.csv": b"lon,lat\n1,2\n"}, "leads outside"),
        ({"c:\\a.csv": b"lon,lat\n1,2\n"}, "leads outside"),
        ({"a.csv": b"lon,lat\n" + b"1,2\n" * 10**6}, "unpacks to too much"),
        ({f"{n}.txt": b"" for n in range(201)}, "more than 200"),
        ({"a.geojson": b"<OGRVRTDataSource/>"}, "does not begin like a GeoJSON"),
        ({"a" * 300 + ".csv": b"lon,lat\n1,2\n"}, "cannot be unpacked"),
    ],
)
def test_an_archive_that_is_not_as_it_should_be_is_refused(tmp_path, files, match):
    error = FileError if "unpacked" in match else FormatError
    refused(zipped(tmp_path / "a.zip", files), match, error)


def test_links_doubles_and_secrets_in_an_archive_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(path, "a link")
    zipped(path, {"x.csv": b"lon,lat\n1,2\n", "y.csv": b"lon,lat\n1,2\n"})
    path.write_bytes(path.read_bytes().replace(b"y.csv", b"x.csv"))
    refused(path, "doubled")
    zipped(path, {"x.csv": b"lon,lat\n1,2\n"})
    content = path.read_bytes()
    at = content.index(b"PK\1\2") + 8
    path.write_bytes(content[:at] + b"\1" + content[at + 1 :])
    refused(path, "encrypted")


def test_a_damaged_archive_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.csv": b"lon,lat\n" + bytes(range(256)) * 9})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "damaged")
    path.write_bytes(content[:60] + b"\0" * 20 + content[80:])
    refused(path, "damaged")


# Any file


def test_what_is_not_there_or_not_accepted_is_refused(tmp_path):
    refused(tmp_path / "none.geojson", "no such file", FileError)
    refused(tmp_path, "is a folder", FileError)
    path = tmp_path / "a.kml"
    path.write_text("<kml/>")
    refused(path, "not an accepted kind")
    refused(geojson(tmp_path, a_feature()), "no named layers", layer_name="a")


@given(st.sampled_from([".geojson", ".csv", ".gpkg", ".zip", ".shp", ".csv.gz"]), st.binary(max_size=300))
def test_no_bytes_bring_more_than_one_clear_line(tmp_path_factory, suffix, content):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(GuatuError):
        read(path)


@given(st.data())
def test_a_damaged_shapefile_never_brings_more_or_less_than_one_clear_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = shapefile(folder)
    part = path.with_suffix(data.draw(st.sampled_from([".shp", ".shx", ".dbf", ".prj"])))
    content = bytearray(part.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    part.write_bytes(content)
    try:
        found = read(path)
    except GuatuError as error:
        assert "\n" not in str(error)
    else:
        assert len(found.rows) == len(found.geometries) <= 3
    shutil.rmtree(folder)


# The real files beside the checkout


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "crs", "heading", "first"),
    [
        ("beijing/streets_343_wgs84.geojson", 343, "EPSG:4326", "code", 110114104000),
        ("nyc/community_districts.geojson", 71, "EPSG:4326", "BoroCD", 311),
        ("nyc/nycha_277.geojson", 277, "EPSG:4326", "tds_num", "180"),
        ("nyc/points_24957.csv.gz", 24957, "EPSG:4490", "lat", "40.7643124"),
        ("chinese-files/cnmaps_amap_110101.geojson", 1, "EPSG:4326", None, None),
        ("chinese-files/gk3_zone39_noprj_gbk/东城区街道.shp", 17, None, "行政区划代", 110101001000),
        ("chinese-files/gbk_chongqing/区县界_area.shp", 38, "EPSG:4326", "NAME", "奉节县"),
        ("chinese-files/utf8_shenzhen_no_prj/sz.shp", 10, None, "qh", "罗湖"),
    ],
)
def test_real_files_come_whole(shared_data, name, count, crs, heading, first):
    # Nine of the addresses could not be geocoded: their coordinates are blank.
    missing = 9 if "points" in name else 0
    found = read(shared_data / name)
    assert (len(found.rows), found.crs, found.findings) == (count, crs, [])
    assert np.equal(found.geometries, None).sum() == missing
    assert heading is None or found.rows.at[1, heading] == first


@pytest.mark.shared
def test_of_hundreds_of_nasty_files_none_brings_more_than_one_clear_line(shared_data):
    suffixes = (".geojson", ".json", ".gpkg", ".shp", ".zip", ".csv")
    paths = [p for p in (shared_data / "nasty").rglob("*") if p.suffix in suffixes and p.is_file()]
    read_ones = 0
    for path in paths:
        try:
            found = read(path)
        except GuatuError as error:
            assert "\n" not in str(error)
        else:
            read_ones += 1
            assert len(found.rows) == len(found.geometries) > 0
    assert len(paths) > 500 and read_ones > 100
