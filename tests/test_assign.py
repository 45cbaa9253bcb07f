"""Sites in areas: known shares, the law that they add up, and the real New York."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.assign import SLIVER, assign
from geo.check import check
from geo.crs import STORED, areas, to_stored
from geo.errors import CrsError, GeometryError
from geo.repair import repair

WEST, EAST = shapely.box(117.0, 36.6, 117.1, 36.8), shapely.box(117.1, 36.6, 117.2, 36.8)
OFFICES = {"w": WEST, "e": EAST}


def series(shapes):
    return gpd.GeoSeries(list(shapes.values()), index=pd.Index(list(shapes), dtype=object), crs=STORED)


def strip(west, east, south=36.65, north=36.66):
    return shapely.box(west, south, east, north)


def adds_up(result):
    total = result.shares.groupby("site")["share"].sum().reindex(result.main.index, fill_value=0.0)
    return total - result.main["overlap"] + result.main["outside"]


def test_a_site_within_an_area_is_wholly_its():
    main, shares = assign(series({"s": strip(117.01, 117.02)}), series(OFFICES))
    assert [tuple(row) for row in main.to_numpy()] == [("w", 1.0, False, 0.0, 0.0)]
    assert list(main.columns) == ["area", "share", "border", "outside", "overlap"]
    assert list(shares.columns) == ["site", "area", "area_m2", "share"]
    measured = areas(np.array([strip(117.01, 117.02)]))[0]
    assert [tuple(row) for row in shares.to_numpy()] == [("s", "w", measured, 1.0)]


def test_a_site_across_a_border():
    main, shares = assign(series({"s": strip(117.08, 117.11)}), series(OFFICES))
    assert list(shares["area"]) == ["w", "e"]
    assert list(shares["share"]) == pytest.approx([2 / 3, 1 / 3], rel=1e-9)
    assert shares["area_m2"].sum() == pytest.approx(areas(np.array([strip(117.08, 117.11)]))[0], rel=1e-12)
    assert main.loc["s", "area"] == "w"
    assert main.loc["s", "border"]
    assert main.loc["s", "outside"] < SLIVER
    assert main.loc["s", "overlap"] < SLIVER


@pytest.mark.parametrize(("east", "border"), [(117.1009, False), (117.1011, True)])
def test_the_threshold_of_a_border_case(east, border):
    site = series({"s": strip(117.0, east)})
    assert assign(site, series(OFFICES)).main.loc["s", "border"] == border
    assert not assign(site, series(OFFICES), border_above=0.5).main.loc["s", "border"]


def test_equal_shares_go_to_the_lowest_code():
    halves = {"s": strip(117.097, 117.103)}  # whose halves differ in the twelfth digit
    for offices in ({"a": WEST, "b": EAST}, {"b": WEST, "a": EAST}, {"b": EAST, "a": WEST}):
        main, shares = assign(series(halves), series(offices))
        assert (main.loc["s", "area"], list(shares["area"])) == ("a", ["a", "b"])


def test_outside_and_claimed_twice_are_named():
    sites = {
        "out": strip(116.0, 116.1),
        "half": strip(116.95, 117.05),
        "twice": strip(117.02, 117.04),
        "thrice": strip(117.06, 117.08),
    }
    offices = {"a": WEST, "b": strip(117.03, 117.09, 36.6, 36.7), "c": strip(117.06, 117.09, 36.6, 36.7)}
    main, shares = assign(series(sites), series(offices))
    assert list(main["area"]) == [None, "a", "a", "a"]
    assert list(main["share"]) == pytest.approx([0, 0.5, 1, 1], abs=1e-9)
    assert list(main["outside"]) == pytest.approx([1, 0.5, 0, 0], abs=1e-9)
    assert list(main["overlap"]) == pytest.approx([0, 0.2, 0.5, 2], abs=1e-9)
    # Whoever is claimed by a second office has a border case, even where one office holds it whole.
    assert list(main["border"]) == [False, True, True, True]
    assert list(shares["site"]) == ["half"] * 2 + ["thrice"] * 3 + ["twice"] * 2


def test_a_touch_is_no_share():
    main, shares = assign(series({"s": strip(117.2, 117.3)}), series(OFFICES))
    assert (main.loc["s", "area"], main.loc["s", "share"], main.loc["s", "border"]) == (None, 0.0, False)
    assert (main.loc["s", "outside"], len(shares)) == (1.0, 0)


def test_nothing_in_nothing_keeps_its_types():
    one = series({"s": strip(117.0, 117.01)})
    for sites, offices in ((series({}), series(OFFICES)), (one, series({})), (series({}), series({}))):
        main, shares = assign(sites, offices)
        assert [str(kind) for kind in main.dtypes] == ["object", "float64", "bool", "float64", "float64"]
        assert [str(kind) for kind in shares.dtypes] == ["object", "object", "float64", "float64"]
        assert (len(main), len(shares)) == (len(sites), 0)
        assert list(main["outside"]) == [1.0] * len(sites)


def test_what_cannot_be_trusted_is_refused():
    sites, offices = series({"s": WEST}), series(OFFICES)
    for pair in ((sites.set_crs("EPSG:4326", allow_override=True), offices), (sites, offices.to_crs(3857))):
        with pytest.raises(CrsError):
            assign(*pair)
    with pytest.raises(GeometryError):
        assign(series({"s": shapely.Point(117, 36)}), offices)
    with pytest.raises(GeometryError):
        assign(sites, series({"a": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])}))


corners = st.tuples(st.integers(0, 8), st.integers(0, 8))


@st.composite
def shapes(draw, prefix, most):
    """Draw valid polygons that share corners, cross, overlap and leave gaps, near Jinan."""
    shells = draw(st.lists(st.lists(corners, min_size=3, max_size=6), max_size=most))
    polygons = [shapely.Polygon(117 + np.array(shell) * [1e-3, 1e-3] - [0, 80.4]) for shell in shells]
    return {
        f"{prefix}{number}": one
        for number, one in enumerate(polygons)
        if not check(np.array([one]), "polygon")
    }


@given(shapes("s", 4), shapes("a", 5))
def test_law_shares_add_up_to_one(sites, offices):
    result = assign(series(sites), series(offices))
    assert np.abs(adds_up(result) - 1).max() <= 1e-12 if len(sites) else adds_up(result).empty
    assert (result.main[["outside", "overlap", "share"]] >= 0).all(axis=None)
    assert (result.shares["share"] <= 1 + 1e-9).all()


@given(shapes("s", 4), shapes("a", 5))
def test_law_shares_are_those_of_an_overlay(sites, offices):
    given_sites, given_offices = series(sites), series(offices)
    shares = assign(given_sites, given_offices).shares.set_index(["site", "area"])["area_m2"]
    brute = {
        (site, office): areas(np.array([shapely.intersection(one, other)]))[0]
        for site, one in sites.items()
        for office, other in offices.items()
    }
    whole = dict(zip(sites, areas(given_sites.to_numpy()), strict=True))
    kept = {pair: size for pair, size in brute.items() if size >= 2 * SLIVER * whole[pair[0]]}
    assert set(kept) <= set(shares.index)
    for pair, size in shares.items():
        assert size == pytest.approx(brute[pair], rel=1e-9, abs=1e-9 * whole[pair[0]])


@given(shapes("s", 5), shapes("a", 4), st.integers(0, 5))
def test_law_sites_do_not_know_of_each_other(sites, offices, cut):
    given_sites, given_offices = series(sites), series(offices)
    whole = assign(given_sites, given_offices)
    first, second = (assign(part, given_offices) for part in (given_sites[:cut], given_sites[cut:]))
    assert pd.concat([first.main, second.main]).equals(whole.main)
    parted = pd.concat([first.shares, second.shares], ignore_index=True)
    assert parted.sort_values("site", kind="stable", ignore_index=True).equals(whole.shares)


@given(shapes("s", 4), shapes("a", 5), st.randoms())
def test_law_the_order_of_areas_changes_nothing(sites, offices, chance):
    shuffled = list(offices)
    chance.shuffle(shuffled)
    one = assign(series(sites), series(offices))
    other = assign(series(sites), series({code: offices[code] for code in shuffled}))
    assert one.shares.equals(other.shares)
    pd.testing.assert_frame_equal(one.main, other.main, rtol=0, atol=1e-9)


def stored(path, key):
    frame = gpd.read_file(path)
    placed = to_stored(frame.geometry.to_numpy(), frame.crs.to_wkt())
    mended, findings = repair(placed, "polygon")
    assert all(finding.code == "repaired" for finding in findings)
    return gpd.GeoSeries(mended, index=frame[key].astype(str).to_numpy(), crs=STORED), len(findings)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("districts", "mended"), [("community_districts_orig.geojson", 0), ("community_districts.geojson", 12)]
)
def test_real_developments_in_real_districts(shared_data, districts, mended):
    offices, repairs = stored(shared_data / "nyc" / districts, "BoroCD")
    sites, _ = stored(shared_data / "nyc" / "nycha_277.geojson", "tds_num")
    result = assign(sites, offices)
    assert (repairs, len(offices), len(result.main)) == (mended, 71, 277)
    assert result.main["area"].notna().all()
    assert np.abs(adds_up(result) - 1).max() <= 1e-12
    beyond_main = result.shares.groupby("site")["share"].agg(lambda shares: shares.sum() - shares.max())
    assert (beyond_main > 0.01).sum() == 13  # they cross a district line by more than 1 % of their area
    assert result.main["border"].sum() == 13
    lone = result.main.index[(result.main["outside"] > 0.01) & ~result.main["border"]]
    assert sorted(lone) == ["055", "314"]  # two more stand partly in the sea, in no district
