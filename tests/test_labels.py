import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.labels import Wording, around, inside, place, rings

FRAME = (0.0, 0.0, 100.0, 60.0)
NOTHING = np.empty((0, 4))


def put(texts, hidden=NOTHING, weights=None, **more):
    hidden = np.asarray(hidden, dtype=float).reshape(-1, 4)
    return place(texts, FRAME, hidden, np.ones(len(hidden)) if weights is None else weights, **more)


def at(*places, width=10, height=4):
    return Wording(width, height, np.array(places, dtype=float))


def meet(one, two):
    return min(one[2], two[2]) > max(one[0], two[0]) and min(one[3], two[3]) > max(one[1], two[1])


sites = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 60), st.floats(0.5, 12), st.floats(0.5, 12)), max_size=40
)


@given(sites, st.floats(2, 30), st.floats(1, 6), st.floats(0, 2))
def test_no_two_texts_meet_and_none_leaves_the_frame(found, width, height, apart):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in found]).reshape(-1, 4)
    texts = [
        [
            Wording(width, height, around(box, width, height, 1)),
            Wording(height, height, np.vstack([around(box, height, height, 1), rings(box[:2], 5, 3)])),
        ]
        for box in boxes
    ]
    placed = [spot for spot in put(texts, boxes, apart=apart) if spot is not None]
    for number, spot in enumerate(placed):
        left, top, right, bottom = spot.box
        assert left >= 0 and top >= 0 and right <= 100 and bottom <= 60
        for other in placed[:number]:
            grown = (other.box[0] - apart, other.box[1] - apart, other.box[2] + apart, other.box[3] + apart)
            assert not meet(spot.box, grown)


def test_the_first_free_place_of_the_fullest_wording_is_taken():
    first, second = put([[at((50, 30))], [at((52, 31), (70, 30)), at((20, 20), width=2)]])
    assert (first.wording, first.middle) == (0, (50, 30))
    assert (second.wording, second.middle, second.box) == (0, (70, 30), (65, 28, 75, 32))


def test_where_the_full_wording_has_no_room_the_next_one_stands():
    _, second = put([[at((50, 30))], [at((52, 31), (98, 30)), at((20, 20), width=2)]])
    assert (second.wording, second.box) == (1, (19, 18, 21, 22))


def test_a_text_without_any_room_is_left_out():
    assert put([[at((50, 30))], [at((50, 30))], [at((1, 1))]])[1:] == [None, None]


def test_no_text_stands_on_what_is_taken():
    assert put([[at((50, 30))]], taken=[(54, 31, 60, 40)]) == [None]


def test_a_place_that_hides_less_is_better():
    site = (45, 28, 55, 32)
    (spot,) = put([[at((50, 30), (70, 30))]], [site])
    assert spot.middle == (70, 30)
    (own,) = put([[at((50, 30), (70, 30))]], [site], own=[0])
    assert own.middle == (50, 30)


def test_a_far_place_is_taken_only_where_the_near_one_hides_more():
    near_and_far = Wording(10, 4, np.array([(50.0, 30.0), (70.0, 30.0)]), np.array([0.0, 2.0]))
    (upon,) = put([[near_and_far]], [(45, 28, 55, 32)])
    assert upon.middle == (50, 30)
    (away,) = put([[near_and_far]], [(45, 28, 55, 32)], np.array([3.0]))
    assert away.middle == (70, 30)


def test_places_around_a_box_do_not_touch_it():
    box = (10.0, 10.0, 20.0, 14.0)
    for middle in around(box, 6, 2, 1):
        text = shapely.box(middle[0] - 3, middle[1] - 1, middle[0] + 3, middle[1] + 1)
        assert shapely.distance(text, shapely.box(*box)) == 1


def test_rings_go_outwards():
    far = np.hypot(*(rings((3, 4), 2, 3) - (3, 4)).T)
    assert far.round(9).tolist() == [0] + 8 * [2] + 16 * [4] + 24 * [6]


def test_a_name_lies_wholly_in_its_area_where_it_can():
    area = shapely.Polygon([(0, 0), (40, 0), (40, 30), (30, 30), (30, 4), (0, 4)])
    found = inside(area, 8, 3)
    first = shapely.box(*(found[0] - (4, 1.5)), *(found[0] + (4, 1.5)))
    assert area.contains(first)
    assert shapely.contains_xy(area, found[:, 0], found[:, 1]).all()
