"""What lies around a case, and its map as SVG: nothing is told by colour alone."""

import re
from xml.etree import ElementTree

import pytest
import shapely
from desk import Desk, feature, point, square

from geo.errors import NotFoundError
from geo.locate import GEOD
from layers import cases
from layers.people import OPERATOR, VISITOR
from layers.scene import scene
from webmap import casemap, palette

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def desk(store, tmp_path):
    desk = Desk(store, tmp_path)
    west = [feature(square(117.00, 36.60, 117.01, 36.61), code="a", name="<甲>街道")]
    desk.load(
        "street_offices", [*west, feature(square(117.01, 36.60, 117.02, 36.61), code="b", name="乙街道")]
    )
    rows = [
        feature(square(117.009, 36.604, 117.012, 36.606), code="K"),
        feature(square(117.0125, 36.604, 117.013, 36.605), code="L"),
        feature(square(117.03, 36.604, 117.031, 36.605), code="N"),
    ]
    desk.load("compounds", rows)
    desk.load("illegal_structures", [feature(point(117.0095, 36.6045), code="S", state="found")])
    return desk


def test_the_scene_holds_the_site_its_offices_their_parts_and_its_neighbours(desk):
    found = scene(desk.store, OPERATOR, "compounds", "K")
    assert found.site.equals(shapely.box(117.009, 36.604, 117.012, 36.606))
    assert [(area.code, area.name) for area in found.areas] == [("a", "<甲>街道"), ("b", "乙街道")]
    a, b = (area.part.area / found.site.area for area in found.areas)
    assert (a, b) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    frame = shapely.box(*found.window)
    assert frame.contains(found.site)
    assert all(frame.buffer(1e-9).covers(area.ground) for area in found.areas)
    assert [shape.bounds for shape in found.neighbours] == [(117.0125, 36.604, 117.013, 36.605)]


def test_the_window_has_the_shape_of_the_paper(desk):
    west, south, east, north = scene(desk.store, OPERATOR, "compounds", "K", ratio=2).window
    wide = GEOD.inv(west, (south + north) / 2, east, (south + north) / 2)[2]
    high = GEOD.inv(west, south, west, north)[2]
    assert wide / high == pytest.approx(2, rel=1e-3)
    paper = casemap.sheet((west, south, east, north), 600)
    assert paper.height == pytest.approx(300, rel=1e-3)


def test_from_a_site_in_no_office_the_nearest_one_is_seen(desk):
    found = scene(desk.store, OPERATOR, "compounds", "N")
    assert [area.code for area in found.areas] == ["b"]
    assert found.areas[0].part.is_empty


def test_nobody_sees_the_scene_of_what_they_do_not_see(desk):
    assert scene(desk.store, OPERATOR, "illegal_structures", "S").site.geom_type == "Point"
    for person, code in ((VISITOR, "S"), (OPERATOR, "Z")):
        with pytest.raises(NotFoundError):
            scene(desk.store, person, "illegal_structures", code)


def drawn(desk, code, layer="compounds"):
    case = cases.one_case(desk.store, OPERATOR, layer, code)
    picture = casemap.picture(case, scene(desk.store, OPERATOR, layer, code), "标题 <b>")
    return picture, ElementTree.fromstring(casemap.text_of(picture.svg))


def test_the_map_names_every_office_and_tells_parts_by_colour_and_pattern(desk):
    picture, svg = drawn(desk, "K")
    assert list(picture.looks) == ["b", "a"]  # the largest share first
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert texts[:2] == ["<甲>街道", "乙街道"] and re.fullmatch(r"\d+ k?m", texts[2])
    assert svg.find(f"{SVG}title").text == "标题 <b>"
    fills = [path.get("fill") for path in svg.iter(f"{SVG}path")]
    for look in picture.looks.values():
        assert look.colour in fills and f"url(#office-{look.number})" in fills
    patterns = {pattern.get("id") for pattern in svg.iter(f"{SVG}pattern")}
    assert patterns == {"office-0", "office-1"}


def test_a_point_is_a_dot_in_the_middle(desk):
    _, svg = drawn(desk, "S", "illegal_structures")
    (dot,) = svg.iter(f"{SVG}circle")
    width, height = (float(svg.get(name)) for name in ("width", "height"))
    assert (float(dot.get("cx")), float(dot.get("cy"))) == pytest.approx((width / 2, height / 2), abs=0.6)


def test_a_map_asks_nobody_for_anything(desk):
    text = str(drawn(desk, "K")[0].svg)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_the_path_of_a_hole_is_told(desk):
    paper = casemap.sheet((0, 0, 1, 1), 100)
    ring = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0.2, 0.2), (0.4, 0.2), (0.4, 0.4)]])
    told = casemap.path(paper, ring)
    assert told.count("M") == told.count("Z") == 2
    assert told.startswith("M0.0 99.3L100.0 99.3L")
    assert casemap.path(paper, shapely.Point(0, 0)) == casemap.path(paper, shapely.Polygon()) == ""


def test_more_offices_than_looks_begin_again(desk):
    codes = [str(number) for number in range(len(palette.OFFICES) + 1)]
    shown = casemap.looks(codes)
    assert shown["0"] == shown[codes[-1]] and len(set(shown.values())) == len(palette.OFFICES)
