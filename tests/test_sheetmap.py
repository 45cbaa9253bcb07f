"""The maps of the wall's sheets, drawn of the sample district."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from layers import open_store
from layers import wall as walls
from layers.people import VISITOR
from layers.stages import STAGES
from webmap import palette, sheetlayout, sheetmap
from webmap.sheetlayout import ORIENTATIONS, SIZES

GROUND = Geod(ellps="GRS80")


@pytest.fixture(scope="module")
def land(sample_file):
    store = open_store(f"sqlite:///{sample_file}")
    yield sheetmap.Land(walls.wall(store, VISITOR, store.district().reference_date))
    store.close()


def drawn(land, size, orientation="landscape"):
    tasks = land.wall.in_plan
    form = sheetlayout.layout(size, orientation, len(tasks) + 15)
    chart = sheetmap.fitted(form.map, land.ground.district.bounds)
    return sheetmap.draw(land, chart, form.scale, tasks)


@pytest.fixture(scope="module")
def wall_map(land):
    return drawn(land, "A0")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_no_two_texts_meet_and_none_leaves_the_frame(land, size, orientation):
    found = drawn(land, size, orientation)
    for text in found.texts:
        left, top, right, bottom = text.box
        assert left >= 0 and top >= 0, text
        assert right <= found.chart.frame.width and bottom <= found.chart.frame.height, text
    for one, two in combinations(found.texts, 2):
        apart_across = one.box[2] <= two.box[0] or two.box[2] <= one.box[0]
        assert apart_across or one.box[3] <= two.box[1] or two.box[3] <= one.box[1], (one, two)


@pytest.mark.parametrize("size", SIZES)
def test_every_compound_of_the_plan_has_its_number_and_every_street_office_its_name(land, size):
    texts = drawn(land, size).texts
    said = sorted(int(text.number.rstrip("!")) for text in texts if text.number)
    assert said == list(range(1, 28))
    late = {int(text.number.rstrip("!")) for text in texts if text.late}
    assert late == {task.number for task in land.wall.in_plan if task.row.standing["late"]}
    assert all(text.number.endswith("!") == text.late for text in texts)
    offices = [text.name for text in texts if not text.number]
    assert offices == [precinct.name for precinct in land.wall.precincts]


def test_on_a0_nearly_every_compound_is_named(wall_map):
    assert sum(bool(text.number and text.name) for text in wall_map.texts) >= 24


def test_a_text_away_from_its_compound_is_led_to_it(land):
    boxes = {task.number: task for task in land.wall.in_plan}
    for size in SIZES:
        found = drawn(land, size)
        for text in found.texts:
            if not text.number:
                continue
            place = boxes[int(text.number.rstrip("!"))].number - 1
            (site,) = found.chart.boxes(land.sites[place : place + 1])
            far = shapely.distance(shapely.box(*site), shapely.box(*text.box))
            assert (text.lead is not None) == (far > 0 and not _close(site, text.box, land, size)), text


def _close(site, box, land, size):
    gap = 2 * max(2.4 * sheetlayout.layout(size, "landscape", 42).scale, 0.5)
    left, top, right, bottom = box
    across = left < site[2] + gap and right > site[0] - gap
    return across and top < site[3] + gap and bottom > site[1] - gap


def test_the_scale_bar_is_true_on_the_ground(land, wall_map):
    assert (wall_map.bar_m, wall_map.chart.denominator) == (1000, 15000)
    # The two ends of the bar, laid into the middle of the map and brought back to degrees.
    back = Transformer.from_crs(land.zone.crs, 4490, always_xy=True)
    middle = shapely.box(*land.ground.district.bounds).centroid
    long = wall_map.bar_mm * wall_map.chart.denominator / 1000
    ends = [back.transform(middle.x + side * long / 2, middle.y) for side in (-1, 1)]
    *_, metres = GROUND.inv(*ends[0], *ends[1])
    assert metres == pytest.approx(1000, rel=1e-5)


def test_the_zone_is_that_of_the_district(land, wall_map):
    assert land.zone == ("EPSG:4548", 117)
    assert wall_map.north == pytest.approx(-0.3 * np.sin(np.radians(36.2)), abs=0.005)


def test_shapes_are_where_they_belong(land, wall_map):
    chart = wall_map.chart
    assert chart.places([(chart.west, chart.north)]).tolist() == [[0, 0]]
    west, south, east, north = chart.window
    assert (east - west) * 1000 / chart.denominator == pytest.approx(chart.frame.width)
    drawn_boxes = chart.boxes(land.sites)
    assert (drawn_boxes[:, 0] >= 0).all() and (drawn_boxes[:, 3] <= chart.frame.height).all()
    # 1:15,000: a metre on the ground is a fifteenth of a millimetre.
    across = drawn_boxes[0, 2] - drawn_boxes[0, 0]
    bounds = shapely.bounds(land.sites[0])
    assert across == pytest.approx((bounds[2] - bounds[0]) / 15)


def test_every_stage_is_told_apart_without_colour(land, wall_map):
    shown = {task.row.properties["stage"] for task in land.wall.tasks}
    for stage in shown:
        assert f'fill="{palette.stage_colour(stage)}"' in wall_map.svg or stage not in {
            task.row.properties["stage"] for task in land.wall.in_plan
        }
        assert (f'fill="url(#{stage})"' in wall_map.svg) == bool(palette.stage_path(stage))
    assert len({palette.stage_path(stage) for stage in STAGES}) == len(STAGES)
    assert "<text" not in wall_map.svg and "<image" not in wall_map.svg
