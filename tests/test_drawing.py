import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import RequestError
from layers.stages import STAGES
from webmap import drawing, palette
from webmap.assets import asset_path

BOUNDS = (117.0, 36.6, 117.2, 36.8)
HOSTILE = [
    "</script><script>alert(1)</script>",
    "${alert(1)}",
    "`${1}`",
    "<img src=x onerror=alert(1)>",
    "\u2028",
]


def static(path):
    return f"/static/{path}"


def drawn(config=None, nonce="N0nce"):
    return drawing.parts(drawing.draw(BOUNDS, config or {}, static), nonce)


def test_the_head_loads_our_own_files_and_nothing_else():
    header = drawn().header
    links = re.findall(r'(?:src|href)="([^"]+)"', header)
    own = [static(asset_path("leaflet")), static(asset_path("leaflet_css"))]
    assert links == own


def test_every_script_and_style_carries_the_nonce():
    whole = "".join(drawn())
    tags = re.findall(r"<(?:script|style)\b[^>]*>", whole)
    assert len(tags) == 2
    assert all('nonce="N0nce"' in tag for tag in tags)


def test_the_map_stands_in_the_middle_of_the_bounds_and_has_an_end_to_zooming():
    script = drawn().script
    assert "center: [36.7, 117.1]" in script
    assert '"maxZoom": 19' in script
    assert "tileLayer" not in script


def test_drawing_twice_gives_the_same_text():
    assert drawn({"a": 1}) == drawn({"a": 1})


def settings_of(script):
    """Return what the page hands to its scripts, read back as JSON."""
    return json.loads(
        re.search(r"window\.guatu = \{map: map_district, config: (.*)\};</script>", script, re.DOTALL)[1]
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_settings_stay_text(text):
    script = drawn({"name": text}).script
    assert settings_of(script) == {"name": text}
    assert script.count("</script>") == 1
    assert "<img" not in script


@pytest.mark.parametrize("text", ["{{7*7}}", "{% if", "{# a", "{{{x", "{"])
def test_a_text_that_looks_like_a_template_is_a_text(text):
    assert settings_of(drawn({"name": text}).script) == {"name": text}


@given(st.text().filter(lambda text: "//" not in text))
def test_any_text_comes_back_as_it_was(text):
    script = drawn({"name": text}).script
    assert settings_of(script) == {"name": text}
    assert script.count("<") == 2


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js">',
        "<link href='//cdn.example/x.css'>",
        "background: url(//cdn.example/x.png)",
        "L.tileLayer('HTTP://tile.example/{z}')",
    ],
)
def test_an_address_of_another_host_is_refused(text):
    with pytest.raises(RequestError, match="another host"):
        drawing.refuse_foreign(text)


def test_a_map_with_a_foreign_file_cannot_be_rendered():
    folium_map = drawing.draw(BOUNDS, {}, static)
    folium_map.default_js.append(("other", "https://cdn.example/other.js"))
    with pytest.raises(RequestError, match="cdn.example"):
        drawing.parts(folium_map, "N")


def test_other_maps_of_folium_are_left_as_they_are():
    drawn()
    assert drawing.folium.Map.default_js[0][1].startswith("https://")


def test_every_stage_has_a_pattern_of_its_own():
    paths = [palette.stage_path(stage) for stage in STAGES]
    assert len(set(paths)) == len(STAGES)


def luminance(colour):
    """Return how bright a colour is in grey, 0 to 255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_in_grey_the_first_stages_are_lightest_and_the_last_is_darkest():
    greys = {code: luminance(stage.colour) for code, stage in STAGES.items()}
    assert min(greys, key=greys.get) == "handover"
    assert max(greys, key=greys.get) in ("not_begun", "survey")


def test_cleared_structures_are_rings_and_standing_ones_are_full():
    assert {state for state, look in palette.STATES.items() if not look.filled} == {"demolished", "closed"}


@pytest.mark.parametrize(
    "bounds, zoom",
    [
        (BOUNDS, 8),
        ((116.0, 36.0, 116.0, 36.0), 8),
        ((116.0, 36.0, 117.5, 37.0), 8),  # 256·2⁸/360·1.5 = 273 pixels
        ((73.5, 18.0, 135.1, 53.6), 2),  # at zoom 3 its 61.6° are 350 pixels wide
        ((-180.0, -85.0, 180.0, 85.0), 0),
    ],
)
def test_one_can_go_as_far_away_as_shows_all_of_the_place(bounds, zoom):
    assert drawing.draw(bounds, {}, static).options["minZoom"] == zoom
