import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import RequestError
from webmap.sheetlayout import ORIENTATIONS, SIZES, bar_length, layout, paper, round_scale

papers = st.tuples(st.sampled_from(sorted(SIZES)), st.sampled_from(ORIENTATIONS))


def edges(box):
    return box.x, box.y, box.x + box.width, box.y + box.height


@given(papers, st.integers(0, 400))
def test_nothing_stands_upon_another_or_beyond_the_margin(asked, lines):
    form = layout(*asked, lines)
    boxes = [edges(b) for b in (form.title, form.map, form.legend, form.footer, form.matrix) if b]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= form.margin - 1e-9 and right <= form.width - form.margin + 1e-9
        assert top >= form.margin - 1e-9 and bottom <= form.height - form.margin + 1e-9
        assert right - left > 0 and bottom - top > 0
        for other in boxes[:number]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart


@given(papers, st.integers(1, 400))
def test_the_matrix_is_legible_and_holds_its_lines(asked, lines):
    form = layout(*asked, lines)
    assert form.letters >= 6.5
    room = form.matrix.width if form.matrix else form.width - 2 * form.margin
    assert sum(form.columns) == pytest.approx(room)
    if form.matrix:
        assert lines * form.line <= form.matrix.height + 1e-9


def test_on_a0_the_plan_of_27_is_read_at_a_metre_and_on_a4_it_has_pages_of_its_own():
    assert layout("A0", "landscape", 41).letters >= 20
    assert layout("A0", "portrait", 41).letters >= 12
    assert layout("A3", "landscape", 41).matrix is not None
    assert layout("A4", "landscape", 41).matrix is None
    assert layout("A4", "landscape", 41).letters >= 8


def test_paper_that_is_not_there_is_an_error():
    assert paper("A0") == (1189, 841)
    assert paper("A3", "portrait") == (297, 420)
    with pytest.raises(RequestError, match="A5 is no size of paper here; there are A0, A1, A2, A3, A4"):
        paper("A5")
    with pytest.raises(RequestError, match="sideways is no way to hold the paper"):
        paper("A4", "sideways")


@given(st.floats(10, 1e6), st.floats(10, 1e6), st.floats(20, 1200), st.floats(20, 1200))
def test_the_ground_fits_the_frame_at_a_round_scale(across, down, width, height):
    denominator = round_scale((across, down), (width, height))
    assert across * 1000 / denominator <= width * (1 + 1e-9)
    assert down * 1000 / denominator <= height * (1 + 1e-9)
    # The next larger scale would not hold it.
    assert max(across * 1000 / width, down * 1000 / height) > denominator / 1.34
    digits = str(denominator).rstrip("0")
    assert digits in {"1", "125", "15", "2", "25", "3", "4", "5", "6", "75", "8"}


@given(st.floats(500, 1e6), st.floats(10, 300))
def test_a_scale_bar_is_round_and_has_room(denominator, width):
    length = bar_length(denominator, width)
    assert str(length).rstrip("0") in {"1", "2", "5"}
    assert length * 1000 / denominator <= max(width, 1000 / denominator) * (1 + 1e-9)
