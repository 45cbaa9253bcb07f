"""GeoJSON out: exact, in pieces, and published as a whole or not at all."""

import io
import json
import os
import tracemalloc
from datetime import date

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import FileError, GeometryError
from layers.writing import feature, feature_collection, publish

SQUARE = shapely.box(116.123456789012, 39.1, 116.2, 39.2)
HOLED = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def collected(rows, **options) -> bytes:
    return b"".join(feature_collection(rows, matched=len(rows), **options))


def test_a_feature_has_its_code_as_id_and_its_properties_as_they_are():
    text = feature("110101001", {"name": "东华门", "n": 3, "day": date(2022, 6, 30), "x": None}, SQUARE)
    read = json.loads(text)
    assert read["id"] == "110101001"
    assert read["properties"] == {"name": "东华门", "n": 3, "day": "2022-06-30", "x": None}
    assert "东华门" in text


def test_exterior_rings_run_counter_clockwise_and_holes_clockwise():
    ring, hole = json.loads(feature("a", {}, HOLED))["geometry"]["coordinates"]
    assert shapely.LinearRing(ring).is_ccw
    assert not shapely.LinearRing(hole).is_ccw


def test_heights_are_left_out():
    assert json.loads(feature("a", {}, shapely.Point(1, 2, 3)))["geometry"]["coordinates"] == [1, 2]


@pytest.mark.parametrize("nothing", [None, shapely.Polygon(), shapely.Point()])
def test_no_geometry_is_null(nothing):
    assert json.loads(feature("a", {}, nothing))["geometry"] is None


def test_wkb_and_geometry_give_the_same_feature():
    assert feature("a", {}, SQUARE.wkb) == feature("a", {}, SQUARE)


@given(
    st.floats(-180, 180, allow_subnormal=False),
    st.floats(-90, 90, allow_subnormal=False),
)
def test_every_digit_of_a_coordinate_is_kept(x, y):
    assert json.loads(feature("a", {}, shapely.Point(x, y)))["geometry"]["coordinates"] == [x, y]


def test_coordinates_are_rounded_only_where_asked():
    point = shapely.Point(116.123456789, -0.00000049)
    rounded = json.loads(feature("a", {}, point, decimals=6))["geometry"]["coordinates"]
    assert rounded == [116.123457, 0]
    assert point.x == 116.123456789  # the caller's geometry is not touched
    with pytest.raises(ValueError, match="6 decimals"):
        feature("a", {}, point, decimals=5)


@given(TEXT, st.dictionaries(TEXT, TEXT))
def test_any_text_comes_back_and_cannot_end_a_script(code, properties):
    written = collected([(code, properties, None)])
    read = json.loads(written.decode("utf-8"))["features"][0]
    assert (read["id"], read["properties"]) == (code, properties)
    assert b"<" not in written
    assert "\u2028" not in written.decode() and "\u2029" not in written.decode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_a_number_that_is_none_is_never_written(value):
    with pytest.raises(ValueError, match="JSON"):
        feature("a", {"area": value}, None)


def test_a_coordinate_that_is_no_number_is_never_written():
    with pytest.raises(GeometryError):
        feature("a", {}, shapely.Point(float("inf"), 1))


def test_members_stand_before_the_features():
    text = collected([("a", {}, SQUARE)], extra={"title": "示例区"}).decode()
    assert list(json.loads(text)) == ["type", "numberMatched", "title", "features"]


def test_an_empty_collection_is_a_collection():
    assert json.loads(collected([])) == {"type": "FeatureCollection", "numberMatched": 0, "features": []}


@pytest.mark.parametrize("engine", ["pyogrio", "fiona"])
def test_gdal_reads_back_what_was_written(engine):
    shapes = [SQUARE, HOLED, shapely.Point(1 / 3, 2 / 3), shapely.MultiPoint([(0, 0), (1, 1)])]
    rows = [(f"0{n}", {"name": f"第{n}"}, shape) for n, shape in enumerate(shapes)]
    frame = geopandas.read_file(io.BytesIO(collected(rows)), engine=engine)
    assert list(frame["name"]) == ["第0", "第1", "第2", "第3"]
    assert frame.crs.to_epsg() == 4326
    for read, shape in zip(frame.geometry, shapes, strict=True):
        assert read.equals(shape)
        assert sorted(map(tuple, shapely.get_coordinates(read))) == sorted(
            map(tuple, shapely.get_coordinates(shape))
        )


def points(count: int):
    return ((str(n), {"name": "点"}, shapely.Point(n / count, 1)) for n in range(count))


def test_a_hundred_thousand_points_come_in_small_pieces_and_none_is_left_out():
    sizes, found = [], 0
    for piece in feature_collection(points(100_000), matched=100_000):
        sizes.append(len(piece))
        found += piece.count(b'"Feature"')
    assert found == 100_000
    assert max(sizes) < 128 * 1024 and len(sizes) > 50


def test_memory_does_not_grow_with_the_collection():
    tracemalloc.start()
    size = sum(len(piece) for piece in feature_collection(points(20_000), matched=20_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 3


def test_a_file_is_published_and_replaced(tmp_path):
    target = tmp_path / "小区.geojson"
    assert publish(target, [b"abc", b"de"]) == 5
    assert publish(target, [b"new"]) == 3
    assert target.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, FileError])
def test_whatever_stops_a_publication_leaves_the_former_file(tmp_path, stop):
    target = tmp_path / "a.geojson"
    target.write_bytes(b"former")

    def pieces():
        yield b"half"
        raise stop("stopped")

    with pytest.raises(stop):
        publish(target, pieces())
    assert target.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_a_folder_and_an_impossible_name_are_refused(tmp_path):
    for target in (tmp_path / "none" / "a.geojson", tmp_path, tmp_path / ("a" * 300)):
        with pytest.raises(FileError) as refused:
            publish(target, [b"x"])
        assert target.name in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="no file that can be replaced"):
        publish(pipe, [b"x"])
    assert pipe.is_fifo()


def test_a_link_keeps_pointing_at_the_file_that_is_replaced(tmp_path):
    (tmp_path / "real").write_bytes(b"former")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    publish(tmp_path / "link", [b"new"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
