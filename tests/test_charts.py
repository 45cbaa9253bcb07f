"""Charts by their markup: lengths in proportion, nothing that runs, nothing the pages' policy forbids."""

import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest
from hostile import NAMES
from hypothesis import given
from hypothesis import strategies as st

from webmap import palette
from webmap.charts import Look, Part, Words, _round_up, bars, lines

SVG = "{http://www.w3.org/2000/svg}"
SAID = Words("x", "Finding", "What is counted")
SOLID, DOTS = Look("#1b7a3d", "solid"), Look("#c9a227", "dots")


def drawn(markup):
    return ET.fromstring(str(markup))


def filled(chart, colour):
    """Return the lengths of the bars of a colour, without the legend's box."""
    return [float(r.get("width")) for r in chart.iter(f"{SVG}rect") if r.get("fill") == colour][1:]


def test_bars_are_as_long_as_their_values():
    parts = (Part("done", SOLID, [10, 5, 0]), Part("ahead", DOTS, [10, 25, 40]))
    chart = drawn(bars(SAID, ["甲", "乙", "丙"], parts, ["20", "30", "40"], 600))
    done, ahead = filled(chart, "#1b7a3d"), filled(chart, "#c9a227")
    assert len(done) == 2 and len(ahead) == 3  # a bar of nought is none
    assert done[0] == pytest.approx(2 * done[1], abs=0.2)
    assert ahead[2] == pytest.approx(4 * ahead[0], abs=0.2)
    # The longest fits, with its end, into the drawing.
    right = max(float(r.get("x")) + float(r.get("width")) for r in chart.iter(f"{SVG}rect"))
    assert right < 600


def test_a_chart_is_told_to_who_cannot_see_it_and_read_in_grey():
    chart = drawn(bars(SAID, ["甲"], (Part("done", SOLID, [1]), Part("ahead", DOTS, [1])), ["2"], 330))
    assert chart.get("role") == "img"
    named = {e.get("id"): e.text for e in chart.iter() if e.tag in (f"{SVG}title", f"{SVG}desc")}
    assert [named[i] for i in chart.get("aria-labelledby").split()] == ["Finding", "What is counted"]
    patterns = {p.get("id"): p[0].get("d") for p in chart.iter(f"{SVG}pattern")}
    assert patterns == {"x-0": palette.PATTERNS["solid"], "x-1": palette.PATTERNS["dots"]}
    used = {r.get("fill") for r in chart.iter(f"{SVG}rect")}
    assert {"url(#x-0)", "url(#x-1)"} <= used


def test_a_line_goes_through_its_values_and_ends_where_they_do():
    days = [date(2022, 1, 1), date(2022, 1, 11), date(2022, 1, 21)]
    parts = (Part("planned", Look("#3c4650", "line", "7 4"), [0, 4, 8]), Part("actual", SOLID, [0, 2, None]))
    chart = drawn(lines(SAID, days, parts, ["1", "", "3"], days[1], 600))
    paths = [p for p in chart.iter(f"{SVG}path") if p.get("stroke-width") == "2.5" and "h" not in p.get("d")]
    planned, actual = ([tuple(map(float, at.split())) for at in p.get("d")[1:].split("L")] for p in paths)
    assert (len(planned), len(actual)) == (3, 2)
    (x0, y0), (x1, y1), (x2, y2) = planned
    assert (x1 - x0, y0 - y1) == (pytest.approx(x2 - x1, abs=0.2), pytest.approx(y1 - y2, abs=0.2))
    assert actual[1] == (x1, pytest.approx((y0 + y1) / 2, abs=0.2))
    assert [p.get("stroke-dasharray") for p in paths] == ["7 4", None]


def test_names_are_text():
    for width in (330, 600):
        markup = bars(
            Words("x", NAMES[0], NAMES[1]), NAMES, (Part(NAMES[2], SOLID, [1] * len(NAMES)),), NAMES, width
        )
        tags = {e.tag.removeprefix(SVG) for e in drawn(markup).iter()}
        assert tags == {"svg", "title", "desc", "defs", "pattern", "path", "rect", "text"}
        attributes = {name for e in drawn(markup).iter() for name in e.keys()}
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "href")]
        assert not re.search(r"<(script|style|img|foreignObject)", markup)


def test_nothing_to_draw_is_no_error():
    empty = drawn(bars(SAID, [], (Part("done", SOLID, []),), [], 330))
    assert filled(empty, "#1b7a3d") == []
    assert drawn(bars(SAID, ["甲"], (Part("done", SOLID, [0]),), ["0"], 330)) is not None
    days = [date(2022, 1, 1), date(2022, 1, 2)]
    assert drawn(lines(SAID, days, (Part("a", SOLID, [0, 0]),), ["", ""], days[0], 330)) is not None


@given(st.integers(0, 10**9))
def test_the_axis_holds_the_most_and_its_quarters_are_whole(most):
    top = _round_up(most)
    assert most <= top <= max(4, 2.5 * most) and top % 4 == 0
