"""The sample district: the brief's figures, a town that holds together, and the same bits everywhere."""

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import geopandas
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import StoreError
from layers import tables
from layers.catalogue import CLEARED_STATES, LAYERS
from layers.intake import Request, take_in
from layers.people import OPERATOR
from layers.progress import Plan, Target, describe
from layers.sample import Sample, geojson, load_sample, make_sample, takes_sample, write_files
from layers.sample_register import REFERENCE_DATE
from layers.sample_sheet import CENTRE, Dice, bend, lonlat
from layers.stages import ORDER, late_stages, standing
from layers.store import Store

FRAMES = (*LAYERS, "backdrop")
METRES = f"+proj=tmerc +lon_0={CENTRE[0]} +lat_0={CENTRE[1]} +ellps=GRS80"


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make_sample()


@pytest.fixture(scope="module", params=(2022, 1, 77))
def any_sample(request) -> Sample:
    return make_sample(request.param)


def metric(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.to_crs(METRES)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- the same everywhere -----------------------------------------------------------------


def test_two_builds_are_equal(sample):
    again = make_sample()
    for name in FRAMES:
        assert geojson(getattr(again, name)) == geojson(getattr(sample, name))
    assert again.stage_rows == sample.stage_rows
    assert again.timetable == sample.timetable


def test_the_bits_are_these_on_every_machine(sample):
    assert {name: digest(geojson(getattr(sample, name))) for name in FRAMES} == {
        "street_offices": "0316e3809ede35a9",
        "compounds": "c0396a298a800094",
        "illegal_structures": "1d377f894ac0cac8",
        "facilities": "7663c2f2e6734cf5",
        "backdrop": "2c7eb180db319033",
    }
    assert digest(repr(sample.stage_rows)) == "d535ba70949519ff"


def test_another_seed_makes_another_register():
    assert geojson(make_sample(1).compounds) != geojson(make_sample(2).compounds)


def test_dice_fall_as_they_always_do():
    dice = Dice(2022, "example")
    assert [dice.whole(1, 6) for _ in range(8)] == [5, 4, 6, 4, 3, 6, 2, 1]
    assert "".join(dice.shuffled("abcdef")) == "adecfb"


@given(seed=st.integers(), low=st.integers(-50, 50), more=st.integers(0, 50))
def test_dice_stay_within_their_bounds(seed, low, more):
    dice = Dice(seed, "")
    assert low <= dice.whole(low, low + more) <= low + more
    assert low <= dice.between(low, low + more) <= low + more
    assert sorted(dice.shuffled(range(more))) == list(range(more))


@given(u=st.floats(-5300, 5300), v=st.floats(-3900, 3900))
def test_the_ground_is_transverse_mercator_within_centimetres(u, v):
    to_lonlat = pyproj.Transformer.from_crs(METRES, "EPSG:4490", always_xy=True)
    back = pyproj.Transformer.from_crs("EPSG:4490", METRES, always_xy=True)
    x, y = bend(u, v)
    assert back.transform(*lonlat((u, v))) == pytest.approx((x, y), abs=0.03)
    assert to_lonlat.transform(x, y) == pytest.approx(lonlat((u, v)), abs=3e-7)


# ---- a town that holds together ----------------------------------------------------------


def test_frames_carry_the_catalogues_fields(sample):
    for name, layer in LAYERS.items():
        frame = getattr(sample, name)
        assert [*frame.columns] == [f.name for f in layer.stored if f.name != "stage"] + ["geometry"]
        assert frame.crs == "EPSG:4490"
        assert frame["code"].is_unique
        assert frame.geometry.is_valid.all()
        for field in layer.stored:
            if field.choices is not None and field.name in frame:
                assert set(frame[field.name]) == set(field.choices)


def test_street_offices_share_their_boundaries_exactly(any_sample):
    offices = any_sample.street_offices
    district = shapely.union_all(offices.geometry)
    assert len(offices) == 15
    assert district.geom_type == "Polygon"
    assert not district.interiors
    areas = shapely.area(offices.geometry.to_numpy())  # of the numbers as they stand: square degrees
    assert areas.sum() == pytest.approx(district.area, rel=1e-12)
    assert shapely.coverage_is_valid(offices.geometry.to_numpy())
    assert offices["code"].str.fullmatch(r"990101\d{3}000").all()


def test_the_district_is_of_a_districts_size(sample):
    west, south, east, north = metric(sample.street_offices).total_bounds
    assert 8500 < east - west < 10_500
    assert 6500 < north - south < 8000


def test_compounds_are_parcels_between_streets(any_sample):
    compounds = metric(any_sample.compounds)
    streets = metric(any_sample.backdrop).query("kind == 'road-major' or kind == 'road-minor'")
    distance = streets.sindex.nearest(compounds.geometry, return_distance=True, return_all=False)[1]
    assert distance.min() > 6  # a lane is 14 m wide
    first, second = compounds.sindex.query(compounds.geometry, predicate="intersects")
    assert (first == second).all()
    assert compounds.area.between(10_000, 90_000).all()
    known = compounds["land_area_m2"].notna()
    assert (compounds.area - compounds["land_area_m2"])[known].abs().max() < 5


def test_compounds_lie_in_blocks_and_not_in_parks(any_sample):
    backdrop = any_sample.backdrop
    blocks = shapely.union_all(backdrop.geometry[backdrop["kind"] == "block"]).buffer(1e-7)
    assert any_sample.compounds.within(blocks).all()
    wet_or_green = backdrop[backdrop["kind"].isin(["river", "water", "green"])]
    assert len(wet_or_green.sindex.query(any_sample.compounds.geometry, predicate="intersects")[0]) == 0


def test_some_compounds_lie_across_or_outside(any_sample):
    compounds, offices = metric(any_sample.compounds), metric(any_sample.street_offices)
    parts = compounds.overlay(offices[["geometry"]], how="intersection")
    shares = parts.area / parts["code"].map(compounds.set_index("code").area)
    parts = parts.assign(share=shares)[shares > 1e-6]
    owners = parts.groupby("code")["share"].agg(["count", "sum", "min"])
    across = owners[owners["count"] > 1]
    assert len(across) == 12
    assert across["min"].between(0.04, 0.5).all()
    assert (across["sum"] > 0.9999).all()
    assert len(owners[owners["sum"] < 0.9]) == 2
    assert set(compounds["code"]) - set(owners.index) == {"XQ0001"}


def test_the_new_towns_have_no_compound(any_sample):
    inside = any_sample.street_offices.sjoin(any_sample.compounds[["geometry"]], how="left")
    empty = inside[inside["index_right"].isna()]
    assert set(empty["name"]) == {"云岭新城街道", "星河新城街道"}


# ---- the register -------------------------------------------------------------------------


def test_the_plans_are_the_briefs(any_sample):
    compounds = any_sample.compounds
    assert len(compounds) == 240
    assert compounds["name"].is_unique
    assert compounds["built_year"].between(1958, 1999).all()
    sizes = compounds["plan_year"].value_counts().to_dict()
    assert sizes == {2019: 40, 2020: 45, 2021: 48, 2022: 27, 2023: 30, 2024: 18}
    assert compounds.loc[compounds["plan_year"] == 2022, "floor_area_m2"].sum() == 1_070_000
    assert compounds["floor_area_m2"].between(8_000, 110_000).all()


def test_the_targets_are_in_question(sample):
    years = sample.compounds["plan_year"]
    by_2023 = int((years <= 2023).sum())
    assert (by_2023, len(years)) == (190, 240)
    assert by_2023 / len(years) < 0.8
    assert sample.timetable.targets == (Target(date(2023, 12, 31), 0.8), Target(date(2025, 12, 31), 1.0))
    assert Plan(2022, date(2022, 11, 30), (("survey", date(2022, 3, 31)),)) in sample.timetable.plans


def test_sizes_hang_together(any_sample):
    compounds = any_sample.compounds
    assert (compounds["floor_area_m2"] / compounds["households"]).between(66, 84).all()
    assert (compounds["households"] / compounds["entrances"]).between(8, 14).all()
    assert (compounds["entrances"] / compounds["buildings"]).between(2, 6).all()
    assert (compounds["invested_wan_yuan"] <= compounds["investment_wan_yuan"]).sum() == 208


def test_some_values_are_unknown_as_in_real_registers(sample):
    for name in ("address", "community", "land_area_m2"):
        assert 0 < sample.compounds[name].isna().mean() < 0.13


def test_stages_stand_as_told(any_sample):
    years = any_sample.compounds.set_index("code")["plan_year"].dropna()
    stood = {code: standing(rows, REFERENCE_DATE) for code, rows in any_sample.stage_rows.items()}
    assert set(stood) == set(years.index)
    reached = Counter((years[code], s.stage, s.finished) for code, s in stood.items())
    assert reached == {
        (2019, "handover", True): 38, (2019, "acceptance", False): 2,
        (2020, "handover", True): 40, (2020, "acceptance", False): 5,
        (2021, "construction", True): 45, (2021, "acceptance", True): 3,
        (2022, "not_begun", False): 2,
        (2022, "survey", False): 3, (2022, "survey", True): 1,
        (2022, "demolition", False): 4, (2022, "design", False): 4,
        (2022, "tender", False): 3, (2022, "tender", True): 1,
        (2022, "construction", False): 8, (2022, "construction", True): 1,
        (2023, "survey", False): 4, (2023, "not_begun", False): 26, (2024, "not_begun", False): 18,
    }  # fmt: skip
    assert sum(s.done for s in stood.values()) == 134
    assert sum(s.accepted for s in stood.values()) == 81


def test_some_of_this_years_stages_are_late(sample):
    plan = sample.compounds.loc[sample.compounds["plan_year"] == 2022, "code"]
    late = Counter(s for code in plan for s in late_stages(sample.stage_rows[code], REFERENCE_DATE))
    assert late["survey"] == 6  # two not begun, four begun and not finished
    assert late["tender"] >= 3
    assert late["construction"] == 0


def test_dates_are_in_order_and_none_lies_in_the_future(any_sample):
    years = any_sample.compounds.set_index("code")["plan_year"]
    for code, rows in any_sample.stage_rows.items():
        assert [row.stage for row in rows] == list(ORDER)
        assert rows[4].planned_finish == date(years[code], 11, 30)
        assert rows[-1].planned_finish == date(years[code] + 1, 11, 30)
        for row in rows:
            assert row.planned_start < row.planned_finish
            started, finished = row.actual_start, row.actual_finish
            assert started is None or started <= REFERENCE_DATE
            assert finished is None or (started <= finished <= REFERENCE_DATE)
        starts = [row.actual_start or date.max for row in rows]
        assert starts == sorted(starts)


def test_the_2021_works_ended_late_in_the_year(sample):
    plan = sample.compounds.loc[sample.compounds["plan_year"] == 2021, "code"]
    ends = [sample.stage_rows[code][4].actual_finish for code in plan]
    assert date(2021, 10, 20) <= min(ends) < date(2021, 11, 30) < max(ends) <= date(2022, 1, 31)


# ---- structures and facilities -------------------------------------------------------------


def test_structures_lie_where_the_ledger_says(any_sample):
    cases = any_sample.illegal_structures
    assert len(cases) == 1500
    inside = cases.sjoin(any_sample.compounds[["code", "geometry"]], how="left", predicate="within")
    assert len(inside) == 1500
    told = inside["compound_code"].notna()
    assert (inside["compound_code"] == inside["code_right"])[told].all()
    assert inside["code_right"].isna().sum() == 90
    assert 0 < (inside["code_right"].notna() & ~told).sum() < 90


def test_structures_on_boundaries_and_outside(any_sample):
    cases, offices = any_sample.illegal_structures, any_sample.street_offices
    vertices = {point for office in offices.geometry for point in office.exterior.coords}
    on_vertex = [(p.x, p.y) in vertices for p in cases.geometry]
    assert sum(on_vertex) == 4
    claims = Counter(offices.sindex.query(cases.geometry[on_vertex], predicate="intersects")[0])
    assert min(claims.values()) >= 2
    known = shapely.union_all([*offices.geometry, *any_sample.compounds.geometry])
    assert (~cases.intersects(known)).sum() == 3


def test_states_follow_the_stage_of_the_compound(any_sample):
    cases = any_sample.illegal_structures.dropna(subset="compound_code")
    stage = cases["compound_code"].map(
        lambda code: standing(any_sample.stage_rows.get(code, ()), REFERENCE_DATE).stage
    )
    states = {name: Counter(group["state"]) for name, group in cases.groupby(stage)}
    assert set(states["survey"]) | set(states["not_begun"]) <= {"found", "verified"}
    assert {"ordered", "demolished"} <= set(states["demolition"])
    assert states["construction"].most_common(1)[0][0] == "demolished"
    assert states["handover"]["closed"] > 0.9 * states["handover"].total()


def test_dates_of_structures_fit_their_states(any_sample):
    for case in any_sample.illegal_structures.itertuples():
        assert case.built_on < case.found_on <= REFERENCE_DATE
        assert (case.due_on is None) == (case.state in ("found", "verified"))
        assert (case.demolished_on is not None) == (case.state in CLEARED_STATES | {"rebuilt"})
        if case.demolished_on is not None:
            assert case.found_on <= case.demolished_on <= REFERENCE_DATE
        assert case.person.startswith("当事人")


def test_facilities_cover_some_compounds_and_not_others(any_sample):
    places, compounds = metric(any_sample.facilities), metric(any_sample.compounds)
    assert len(places) == 110
    assert set(places[places.geom_type == "Polygon"]["kind"]) == {"公园绿地"}
    for _kind, group in places.groupby("kind"):
        covered = shapely.union_all(group.buffer(group["radius_m"]))
        share = compounds.intersection(covered).area / compounds.area
        assert (share > 0.9999).any()
        assert share.between(0.01, 0.99).any()
        assert (share == 0).any()


def test_a_parks_radius_follows_its_size(any_sample):
    parks = metric(any_sample.facilities.query("kind == '公园绿地'"))
    assert set(parks["radius_m"]) == {300, 500}
    assert ((parks.area >= 5000) == (parks["radius_m"] == 500)).all()
    assert parks.area.min() > 2000


def test_the_backdrop_is_a_town(sample):
    kinds = sample.backdrop["kind"].value_counts()
    assert set(kinds.index) == {"road-major", "road-minor", "river", "water", "green", "block"}
    assert sample.backdrop.geometry.is_valid.all()
    assert kinds["block"] > 900
    assert sample.backdrop.query("kind == 'road-major'")["name"].notna().all()


# ---- files and the store -------------------------------------------------------------------


def test_files_are_geojson_with_every_digit(sample, tmp_path):
    files = write_files(sample, tmp_path)
    assert set(files) == set(LAYERS)
    for name, path in files.items():
        frame = getattr(sample, name)
        content = json.loads(path.read_bytes())
        shapes = [shapely.geometry.shape(f["geometry"]) for f in content["features"]]
        assert shapes == list(frame.geometry)
        assert all(s.exterior.is_ccw for s in shapes if s.geom_type == "Polygon")
        assert [f["id"] for f in content["features"]] == list(frame["code"])
        assert b"NaN" not in path.read_bytes()


def test_files_are_written_alike_twice(sample, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = write_files(sample, tmp_path / "a"), write_files(sample, tmp_path / "b")
    assert [p.read_bytes() for p in first.values()] == [p.read_bytes() for p in second.values()]


def test_the_store_takes_all_of_it_without_a_finding(sample_store: Store):
    counts = {name: len(sample_store.frame(table.select())) for name, table in tables.FEATURES.items()}
    expected = {"street_offices": 15, "compounds": 240, "illegal_structures": 1500, "facilities": 110}
    assert counts == expected
    assert sample_store.frame(tables.findings.select()) == []
    assert sample_store.frame(tables.set_aside.select()) == []
    assert len(sample_store.frame(tables.stage_history.select())) == 208 * 7
    district = sample_store.district()
    assert (district.name_zh, district.invented, district.reference_date) == (
        "示例区（虚构）", True, date(2022, 6, 30),
    )  # fmt: skip


def test_the_sample_is_for_an_empty_store(sample_store: Store, tmp_path: Path):
    assert not takes_sample(sample_store)
    with pytest.raises(StoreError, match="in use already"):
        load_sample(sample_store, OPERATOR, tmp_path)


def test_a_store_with_a_name_of_its_own_is_not_filled_with_inventions(store: Store, tmp_path: Path):
    describe(store, OPERATOR, name_en="Real District")
    with pytest.raises(StoreError, match="in use already"):
        load_sample(store, OPERATOR, tmp_path)
    assert (store.district().name_en, store.district().invented) == ("Real District", False)


def test_a_store_that_something_was_loaded_into_is_in_use(store: Store, tmp_path: Path):
    file = write_files(make_sample(1), tmp_path)["facilities"]
    take_in(store, Request("facilities", file), OPERATOR, tmp_path)
    assert not takes_sample(store)


@pytest.mark.parametrize("steps", range(0, 14, 3))
def test_a_load_cut_short_is_run_again(store: Store, tmp_path: Path, steps: int):
    told = []

    def cut(step: str) -> None:
        told.append(step)
        if len(told) > steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_sample(store, OPERATOR, tmp_path, cut)
    assert takes_sample(store)
    load_sample(store, OPERATOR, tmp_path)
    assert not takes_sample(store)
    assert len(list(store.backdrop())) == len(make_sample().backdrop)
    assert len(store.frame(tables.compounds.select())) == 240
