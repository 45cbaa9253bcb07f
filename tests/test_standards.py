"""A city's standards: the file, what is refused in it and where, and what taking it over does."""

from dataclasses import replace
from pathlib import Path

import pytest
from desk import Desk
from small_district import COMPOUNDS, fill
from sqlalchemy import select

from geo.errors import PermissionError_, RulesError
from layers import tables
from layers.people import OPERATOR, VISITOR
from layers.service import set_standards
from layers.standards import USUAL, Reach, Standard, Weight, read_standards, standards

SAMPLE = Path(__file__).parent.parent / "data" / "seed" / "standards" / "sample.toml"
SMALL = """title = "小区标准"

[[facility]]
kind = "market"
standard = "T 1-2022"
basis = "households"
threshold = 0.5
reach = [{ least_m2 = 100, radius_m = 50 }, { least_m2 = 900, radius_m = 200 }]

[[facility]]
kind = "school"
standard = "T 2-2022"
basis = "compounds"
threshold = 0.4
radius_m = 600

[need.age]
weight = 40
none = 20
full = 50

[need.facilities]
weight = 30
none = 0
full = 6
missing_below = 0.5

[need.structures]
weight = 20
none = 0
full = 10

[need.households]
weight = 10
none = 0
full = 1000
"""


def written(folder, text):
    path = folder / "city.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_it_says(tmp_path):
    found = read_standards(written(tmp_path, SMALL))
    assert (found.title, found.need, found.missing_below) == ("小区标准", USUAL.need, 0.5)
    market, school = found.kinds
    # The largest first, in whatever order the file has them.
    assert market.reach == (Reach(900.0, 200.0), Reach(100.0, 50.0))
    assert school == Standard("school", "T 2-2022", "compounds", 0.4, (Reach(0.0, 600.0),))
    assert found.of("school") is school and found.of("clinic") is None


def test_without_weights_the_usual_ones_hold(tmp_path):
    found = read_standards(written(tmp_path, SMALL[: SMALL.index("[need.age]")]))
    assert found.need == USUAL.need


def test_the_sample_weighs_as_is_usual_and_names_a_standard_for_every_kind(sample_store):
    found = read_standards(SAMPLE)
    assert (found.need, found.missing_below) == (USUAL.need, USUAL.missing_below)
    kind = tables.facilities.c.kind
    assert {row["kind"] for row in sample_store.frame(select(kind).distinct())} == {
        standard.kind for standard in found.kinds
    }
    # What is printed as the standard names the radius that is drawn by it, as the facilities have it.
    f = tables.facilities.c
    radii = {(row["kind"], row["radius_m"]) for row in sample_store.frame(select(f.kind, f.radius_m))}
    for standard in found.kinds:
        asked = {step.radius_m for step in standard.reach}
        assert all(f"{radius:g} m" in standard.standard for radius in asked)
        assert {radius for kind, radius in radii if kind == standard.kind} <= asked
    assert "样例" in found.title


@pytest.mark.parametrize(
    ("size", "radius"), [(None, None), (99.9, None), (100, 50.0), (899, 50.0), (900, 200.0)]
)
def test_how_far_one_serves_follows_from_its_size(size, radius):
    steps = (Reach(900.0, 200.0), Reach(100.0, 50.0))
    assert Standard("market", "T", "land", 0.5, steps).radius_m(size) == radius


@pytest.mark.parametrize(
    ("value", "points"), [(None, 0), (0, 0), (20, 0), (21.5, 2), (35, 20), (50, 40), (99, 40)]
)
def test_points_grow_evenly_between_two_ends(value, points):
    assert Weight(40.0, 20.0, 50.0).points(value) == points


@pytest.mark.parametrize(
    ("was", "instead", "line", "said"),
    [
        ('title = "小区标准"', "", 1, "write a text for title"),
        ('title = "小区标准"', 'title = "小区标准"\nname = "x"', 2, "nothing is called name here"),
        ('kind = "market"', "kind = 7", 4, "write a text for kind"),
        ('kind = "school"', 'kind = "market"', 11, "the kind market stands there twice"),
        ('standard = "T 2-2022"', 'standard = " "', 12, "write a text for standard"),
        ('basis = "compounds"', 'basis = "people"', 13, "basis must be one of: land, households, compounds"),
        ("threshold = 0.4", "threshold = 40", 14, "write a number from 0 to 1 for threshold, not 40"),
        ("threshold = 0.4", "", 10, "for threshold, not –"),
        ("radius_m = 600", "radius_m = 0", 15, "for radius_m, not 0"),
        ("radius_m = 600", "radius_m = nan", 15, "for radius_m, not nan"),
        ("radius_m = 600", "radius_m = true", 15, "for radius_m, not True"),
        ("radius_m = 600", "radius_m = 600\nreach = []", 16, "reach and radius_m stand there both"),
        ("least_m2 = 900", "least = 900", 8, "nothing is called least here"),
        ("reach = [{", "reach = 5 # [{", 8, "write reach as a list such as"),
        ("weight = 20", "weight = 30", 18, "each weight together must make 100, not 110"),
        ("full = 50", "full = 20", 20, "full must be more than none"),
        ("missing_below = 0.5", "missing_below = 2", 26, "for missing_below, not 2"),
        ("[need.households]", "[need.noise]", 33, "nothing is called noise here"),
        ("[need.households]", "[need.households", 33, "this is no TOML"),
    ],
)
def test_a_broken_file_is_refused_with_line_key_and_mend(tmp_path, was, instead, line, said):
    assert was in SMALL
    with pytest.raises(RulesError) as refused:
        read_standards(written(tmp_path, SMALL.replace(was, instead, 1)))
    assert str(refused.value).startswith(f"city.toml, line {line}: ")
    assert said in str(refused.value)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(RulesError, match="No such file"):
        read_standards(tmp_path / "none.toml")
    path = tmp_path / "gbk.toml"
    path.write_bytes(SMALL.encode("gbk"))
    with pytest.raises(RulesError, match="UTF-8"):
        read_standards(path)


def test_taken_over_they_reach_as_far_as_they_say(store, tmp_path):
    fill(Desk(store, tmp_path))
    assert standards(store) == USUAL
    wanted = read_standards(written(tmp_path, SMALL))
    before, revision = shares(store), store.revision("facilities")
    assert set_standards(store, OPERATOR, wanted) is True
    assert standards(store) == wanted
    assert store.revision("facilities") > revision
    # The market is of unknown size, hence too small; the school without a radius now reaches 600 m,
    # so that of K08 more is served; what has a radius of its own keeps it.
    after = shares(store)
    assert {code: share for (code, kind), share in after.items() if kind == "market"} == dict.fromkeys(
        (f"K{n:02}" for n in range(1, 11)), 0.0
    )
    assert 0 < before["K08", "school"] < after["K08", "school"] < 1
    assert {k: v for k, v in after.items() if k[1] == "clinic"} == {
        k: v for k, v in before.items() if k[1] == "clinic"
    }
    h = tables.history.c
    assert store.frame(select(h.action, h.code).where(h.code == "standards")) == [
        {"action": "describe", "code": "standards"}
    ]
    assert set_standards(store, OPERATOR, wanted) is False


def shares(store):
    return {(row["code"], row["kind"]): row["share"] for row in store.frame(select(tables.coverage))}


def test_a_compound_that_is_moved_afterwards_is_served_by_them_too(store, tmp_path):
    desk = Desk(store, tmp_path)
    fill(desk)
    wide = Standard("market", "T", "land", 0.5, (Reach(0.0, 5000.0),))
    set_standards(store, OPERATOR, replace(USUAL, title="x", kinds=(wide,)))
    desk.load("compounds", [COMPOUNDS[0]])
    assert shares(store)["K01", "market"] == 1.0


def test_only_who_plans_takes_them_over(store, tmp_path):
    with pytest.raises(PermissionError_):
        set_standards(store, VISITOR, read_standards(written(tmp_path, SMALL)))


def test_the_command_takes_a_file_over_and_says_what_is_wrong_with_one(make_app, sample_store, tmp_path):
    runner = make_app(sample_store, CLI_LANGUAGE="en").test_cli_runner()
    path = written(tmp_path, SMALL)
    assert runner.invoke(args=["standards", str(path)]).output == "The standards were taken over.\n"
    assert "nothing changed" in runner.invoke(args=["standards", str(path)]).output
    page = make_app(sample_store).test_client().get("/planning?lang=en").text
    assert "Standards: <cite>小区标准</cite>." in page
    broken = written(tmp_path, SMALL.replace("radius_m = 600", "radius_m = far"))
    told = runner.invoke(args=["standards", str(broken)])
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert told.stderr.startswith("city.toml, line 15: this is no TOML")


def test_standards_on_record_that_are_wrong_are_told_and_can_be_mended(make_app, sample_store, tmp_path):
    with sample_store.writing(OPERATOR) as work:
        work.set("standards", '{"title": "x", "facility": [{"kind": 7}]}')
    app = make_app(sample_store, CLI_LANGUAGE="en")
    for path in ("/planning", "/planning/coverage?kind=小学", "/planning/gaps.geojson?kind=小学"):
        answer = app.test_client().get(f"{path}{'&' if '?' in path else '?'}lang=en")
        assert answer.status_code == 503
        assert "take them over anew: flask standards FILE" in answer.text
    told = app.test_cli_runner().invoke(args=["standards", str(written(tmp_path, SMALL))])
    assert told.output == "The standards were taken over.\n"
    assert app.test_client().get("/planning").status_code == 200
