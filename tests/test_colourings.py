import json
import re

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from layers import classes, tables
from layers.people import OPERATOR
from layers.stages import STAGES
from webmap import colourings, palette

ROW = re.compile(
    r'data-class="(?P<code>[^"]*)" data-colour="(?P<colour>[^"]*)" data-path="[^"]*" data-ink="[^"]*">'
    r'(?P<radio><input type="radio" name="(?P<name>\w+)")?.*?<span class="name">(?P<label>.*?)</span>'
    r".*?<b>(?P<count>[\d,]+)</b>",
    re.DOTALL,
)


@pytest.fixture
def client(sample_app):
    return sample_app("bureau").test_client()


def legend(page):
    """Return the rows of the legend of the compounds."""
    part = re.search(r'<fieldset id="legend".*?</fieldset>', page, re.DOTALL)[0]
    return [found.groupdict() for found in ROW.finditer(part)]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_the_legend_of_each_colouring_stands_there_before_any_script_runs(client, colouring, language):
    page = client.get(f"/?colour={colouring}&lang={language}&plan_year=2022").text
    rows = legend(page)
    held = colouring == "plan_year"
    assert sum(int(row["count"]) for row in rows) == (240 if held else 27)
    assert {row["name"] for row in rows} == {colouring}
    assert len({row["label"] for row in rows}) == len(rows)
    chosen = re.search(r'<select id="colour".*?selected>(.*?)</option>', page, re.DOTALL)[1]
    assert f"<legend>{chosen}</legend>" in page
    assert ("Days late" in page) == (language == "en")


@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_legend_and_table_say_the_same_class_of_every_compound(client, colouring):
    told = client.get(f"/map/classes.json?colour={colouring}").json
    counted = {row["code"]: int(row["count"]) for row in legend(client.get(f"/?colour={colouring}").text)}
    found = dict.fromkeys(counted, 0)
    for place in told["of"].values():
        found[told["classes"][place]] += 1
    assert found == counted
    assert len(told["of"]) == 240
    assert (told["colour"], told["on"]) == (colouring, "2022-06-30")


@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_what_the_legend_holds_is_asked_for_in_one_place_only(client, colouring):
    page = client.get(f"/?colour={colouring}").text
    for name in ("stage", "street_office", "plan_year"):
        lists = len(re.findall(rf'<select id="{name}" name="{name}"', page))
        radios = bool(re.search(rf'<input type="radio" name="{name}"', page))
        assert (lists, radios) == ((0, True) if colouring == name else (1, False))


def test_the_address_of_the_usual_colouring_is_the_plain_one(client):
    plain, named = (legend(client.get(path).text) for path in ("/", "/?colour=stage"))
    assert plain == named
    assert [row["code"] for row in plain] == list(STAGES)


@pytest.mark.parametrize("query", ["colour=red", "colour=stage&colour=lateness"])
def test_a_colouring_that_is_not_there_is_refused(client, query):
    assert client.get("/?" + query).status_code == 400
    assert client.get("/map/classes.json?" + query).status_code == 400


def test_the_table_is_light_and_not_sent_again(client):
    answer = client.get("/map/classes.json?colour=lateness")
    assert len(answer.data) < 240 * 16
    again = client.get("/map/classes.json?colour=lateness", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_visitor_is_told_the_share_of_published_cases_alone(sample_app):
    clients = [sample_app(role).test_client() for role in (None, "bureau")]
    answers = [client.get("/map/classes.json?colour=cleared") for client in clients]
    assert answers[0].json != answers[1].json
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


def test_a_hostile_name_or_category_is_text_in_the_legend(make_app, sample_store):
    client = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    hostile = "<img src=x onerror=alert(1)>\"'${1}</script>"
    offices, compounds = tables.street_offices, tables.compounds
    with sample_store.writing(OPERATOR) as work:
        work.connection.execute(update(offices).values(name=hostile))
        work.connection.execute(
            update(compounds).where(compounds.c.code == "XQ0001").values(work_categories=hostile)
        )
        work.bump("compounds", "street_offices")
    for colouring in ("street_office", "work_categories"):
        page = client.get(f"/?colour={colouring}").text
        assert "<img" not in page and "&lt;img" in page
    told = json.loads(client.get("/map/classes.json?colour=work_categories").data)
    assert any("<img" in code for code in told["classes"])


def counts(page, name):
    """Return the numbers of a part of the rail, by the value each row asks for, and of which days."""
    part = re.search(rf'<fieldset [^>]*class="legend {name}".*?</fieldset>', page, re.DOTALL)[0]
    rows = re.findall(r'<input type="radio" name="\w+" value="([^"]*)".*?</label>', part, re.DOTALL)
    labels = re.findall(r"<label class=\"row.*?</label>", part, re.DOTALL)
    numbers = [[int(n.replace(",", "")) for n in re.findall(r"<b>([\d,]+)</b>", label)] for label in labels]
    days = re.search(r'<div class="days".*?</div>', part, re.DOTALL)
    return dict(zip(rows, numbers, strict=True)), days and re.findall(r"<span>(.*?)</span>", days[0])


@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_two_days_are_counted_as_each_is_by_itself(client, colouring):
    for asked in ("", FILTERS[classes.COLOURINGS.index(colouring) % len(FILTERS)]):
        both = client.get(f"/?lang=en&colour={colouring}&{asked}&beside=2021-04-15").text
        alone = [client.get(f"/?lang=en&colour={colouring}&{asked}&on={day}").text for day in DAYS]
        for part in ("by-class", "states"):
            told, days = counts(both, part)
            then, now = (counts(page, part)[0] for page in alone)
            assert days == ["15 Apr 2021", "30 Jun 2022"]
            assert told == {code: [then[code][0], now[code][0]] for code in now}
            assert then.keys() == now.keys() and (asked or then != now or colouring in STEADY)
        assert "<em>30 Jun 2022</em>" in both and "<em>" not in alone[0]


DAYS = ("2021-04-15", "2022-06-30")
FILTERS = ("stage=construction", "lateness=late_90&state=closed", "cleared=cleared_all")
#: The colourings that tell of both days the same.
STEADY = ("street_office", "plan_year", "work_categories")


def grid(columns, rows):
    return [shapely.box(x, y, x + 1, y + 1) for x in range(columns) for y in range(rows)]


def test_neighbours_have_different_colours(client):
    features = client.get("/map/street_offices.geojson").get_json(force=True)["features"]
    shapes = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in features}
    colours = {row["code"]: row["colour"] for row in legend(client.get("/?colour=street_office").text)}
    assert set(colours) == {*shapes, "none"}
    touching = [
        (a, b) for a in shapes for b in shapes if a < b and shapes[a].buffer(1e-7).intersects(shapes[b])
    ]
    assert len(touching) > 20
    assert [(a, b) for a, b in touching if colours[a] == colours[b]] == []


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=4, max_size=60, unique=True).map(
        lambda points: shapely.get_parts(
            shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=shapely.box(0, 0, 40, 40))
        )
    )
)
def test_six_colours_are_enough_for_any_map(cells):
    numbers = colourings.six_colours(tuple(shapely.to_wkb(cells)))
    assert set(numbers) <= set(range(len(palette.OFFICES)))
    for i, one in enumerate(cells):
        for j, other in enumerate(cells[:i]):
            if shapely.intersection(one, other).length > 1e-9:
                assert numbers[i] != numbers[j]


def test_all_colours_are_used_where_there_is_choice():
    assert set(colourings.six_colours(tuple(shapely.to_wkb(grid(6, 6))))) == set(range(6))


def test_every_class_that_may_come_has_a_look_and_a_name(client):
    for colouring, codes in (
        ("lateness", {*classes.LATENESS, "none"}),
        ("cleared_area", {*classes.CLEARED, "cleared_nothing", "no_structures", "area_unknown"}),
    ):
        assert {row["code"] for row in legend(client.get(f"/?colour={colouring}").text)} == codes
