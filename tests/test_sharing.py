"""Sites in a grid against the plain way: the same parts, over edges on edges, gaps and overlaps."""

import hashlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import BENDS, quilts, series, shapes

from geo import crs, kernels, sharing
from geo.assign import SLIVER, assign
from geo.check import check
from geo.crs import STORED
from geo.grid import Grid
from geo.repair import repair

EQUAL = 1e-9  # of a site's area
NANOMETRES = 1e-8  # metres, to which projected coordinates are right
BENT = 1e-5  # of a site's area: its edge is straight on the map, and bends where a border meets it


def assert_same(grid, sites, areas):
    """Assert that the grid says what the plain way says; parts as small as the difference may be missing."""
    ours, plain = grid.assign(sites), assign(sites, areas)
    least = crs.areas(sites.to_numpy()).min(initial=1e6)
    equal = EQUAL + 4 * NANOMETRES / np.sqrt(least)
    both = ours.shares.merge(plain.shares, on=["site", "area"], how="outer", suffixes=("", "_plain"))
    apart = (both["share"].fillna(0) - both["share_plain"].fillna(0)).abs()
    assert (apart <= equal).all()
    names = ["share", "outside", "overlap"]
    assert ((ours.main[names] - plain.main[names]).abs() <= 2 * equal).all(axis=None)
    second = plain.shares.groupby("site")["share"].nlargest(2).groupby(level=0).last()
    second = second.where(plain.shares.groupby("site").size() > 1, 0.0).reindex(sites.index, fill_value=0.0)
    clear = (plain.main["share"] - second > 3 * equal) | (plain.main["share"] == 0)
    assert ours.main["area"][clear].equals(plain.main["area"][clear])
    return ours


def states(grid, sites):
    """Return how many sites are of each state."""
    return np.bincount(sharing.measured(sites.to_numpy(), grid._cells).state, minlength=4).tolist()


def test_loops_on_disk_are_made_anew_with_the_loops_they_hold():
    content = Path(kernels.__file__).read_bytes()
    assert hashlib.sha256(content).hexdigest() == sharing.KERNELS, "write it into geo/sharing.py"


@st.composite
def pairs(draw):
    """Draw areas and sites that may share corners and edges, or be shifted against each other."""
    bend = BENDS[draw(st.sampled_from(["as they are", "turned", "a district", "a street"]))]
    shift = draw(st.sampled_from([0.0, 0.0, 0.25, 1 / 3]))

    def laid(prefix, shift):
        drawn = draw(st.lists(shapes(), max_size=5))
        placed = [shapely.transform(s, lambda xy: (xy + shift) @ bend[:, :2].T + bend[:, 2]) for s in drawn]
        return series(
            {f"{prefix}{n}": s for n, s in enumerate(placed) if not check(np.array([s]), "polygon")}
        )

    return laid("a", 0.0), laid("s", shift)


@settings(max_examples=300)
@given(pairs())
def test_law_the_grid_says_what_assign_says(drawn):
    areas, sites = drawn
    assert_same(Grid(areas), sites, areas)


def stars(seed, count, box, size):
    """Return star-shaped sites with random centres in a box, no two vertices alike."""
    west, south, east, north = box
    centres = seed.uniform((west, south), (east, north), (count, 2))
    angle = np.sort(seed.uniform(0, 2 * np.pi, (count, 12)), axis=1)
    radius = size * seed.uniform(0.5, 1.5, (count, 12))
    xy = centres[:, None] + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    drawn = shapely.polygons(xy)
    sound = drawn[shapely.is_valid(drawn)]
    return series({f"s{n:05}": shape for n, shape in enumerate(sound)})


@settings(max_examples=40)
@given(quilts(), st.sampled_from([0.1, 1.0, 3.0]), st.integers(0, 2**32))
def test_law_the_same_over_many_cells(quilt, size, seed):
    areas, _ = quilt
    box, one = areas.total_bounds, np.sqrt(np.median(shapely.area(areas.to_numpy())))
    assert_same(Grid(areas), stars(np.random.default_rng(seed), 30, box, size * one), areas)


def squares(count, step=0.01):
    x, y = 117 + step * np.arange(count + 1), 36 + step * np.arange(count + 1)
    corners = [(m, n) for m in range(count) for n in range(count)]
    return series(
        {f"{k:03}": shapely.box(x[m], y[n], x[m + 1], y[n + 1]) for k, (m, n) in enumerate(corners)}
    )


def test_no_site_of_a_partition_is_left_to_the_plain_way():
    areas = squares(10)
    inner = stars(np.random.default_rng(2), 400, (117.01, 36.01, 117.09, 36.09), 0.003)
    nobody, whole, parted, doubtful = states(Grid(areas), inner)
    assert nobody == doubtful == 0
    assert whole > 20
    assert parted > 20
    result = assert_same(Grid(areas), inner, areas)
    assert result.main[["outside", "overlap"]].max(axis=None) <= BENT


def test_the_rim_and_a_gap_are_no_matter_of_doubt():
    areas = squares(4).drop("005")
    sites = stars(np.random.default_rng(3), 300, (116.99, 35.99, 117.05, 36.05), 0.004)
    assert states(Grid(areas), sites)[3] == 0
    assert_same(Grid(areas), sites, areas)


def test_a_site_that_holds_areas_wholly():
    areas = squares(5)
    site = series({"s": shapely.box(117.005, 36.005, 117.045, 36.045)})
    assert states(Grid(areas), site) == [0, 0, 1, 0]
    result = assert_same(Grid(areas), site, areas)
    assert len(result.shares) == 25
    whole = crs.areas(areas.loc[["006"]].to_numpy())[0]
    assert result.shares.set_index("area")["area_m2"]["006"] == pytest.approx(whole, rel=1e-9)


def test_holes_and_parts_on_both_sides():
    block = shapely.box(117, 36, 117.04, 36.04)
    lake = shapely.box(117.011, 36.011, 117.031, 36.029)
    island = shapely.box(117.015, 36.015, 117.027, 36.025)
    areas = series(
        {"a": shapely.MultiPolygon([block.difference(lake), island]), "b": lake.difference(island)}
    )
    ring = shapely.box(117.003, 36.003, 117.038, 36.037).difference(
        shapely.box(117.013, 36.013, 117.028, 36.0265)
    )
    two = shapely.MultiPolygon(
        [shapely.box(117.012, 36.001, 117.014, 36.012), shapely.box(117.016, 36.02, 117.03, 36.021)]
    )
    sites = series({"ring": ring, "two": two, "turned": shapely.reverse(two)})
    assert states(Grid(areas), sites) == [0, 0, 3, 0]
    assert_same(Grid(areas), sites, areas)


def test_what_is_claimed_twice_is_left_to_the_plain_way():
    areas = series(
        {"a": shapely.box(117, 36, 117.02, 36.02), "b": shapely.box(117.015, 36.005, 117.03, 36.03)}
    )
    corner = shapely.box(117.0151, 36.0051, 117.0301, 36.0201)  # the offices' overlap has no vertex in it
    sites = series(
        {
            "over": shapely.box(117.01, 36.01, 117.025, 36.0125),
            "in": shapely.box(117.016, 36.01, 117.018, 36.012),
            "corner": corner,
        }
    )
    assert states(Grid(areas), sites) == [0, 0, 0, 3]
    assert_same(Grid(areas), sites, areas)


def test_a_claim_that_hides_between_edges_is_found():
    # The tip of b pokes through the side of a, and no middle of an edge lies in the overlap.
    a = shapely.Polygon([(117, 36), (117.02, 36), (117.02, 36.04), (117, 36.04)])
    b = shapely.Polygon([(117.019, 36.0203), (117.05, 36), (117.05, 36.04)])
    areas = series({"a": a, "b": b})
    sites = series({"s": shapely.box(117.01, 36.011, 117.031, 36.029)})
    assert states(Grid(areas), sites) == [0, 0, 0, 1]
    assert assert_same(Grid(areas), sites, areas).main.loc["s", "overlap"] > 1e-4


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_edges_along_edges(turn):
    areas = series(
        {name: shapely.affinity.rotate(shape, turn, (117.02, 36.02)) for name, shape in squares(4).items()}
    )
    sites = {
        "along": shapely.box(117.01, 36.002, 117.02, 36.008),
        "same": shapely.box(117.01, 36.01, 117.02, 36.02),
        "over": shapely.box(117.01, 36.01, 117.03, 36.02),
    }
    assert_same(Grid(areas), series(sites), areas)


def test_a_whole_share_is_exactly_one():
    areas = squares(3)
    sites = stars(np.random.default_rng(4), 50, (117.012, 36.012, 117.018, 36.018), 0.0001)
    result = Grid(areas).assign(sites)
    assert (result.main["share"] == 1.0).all()
    assert (result.shares["share"] == 1.0).all()


def test_a_site_moved_across_a_line_changes_hands_exactly_there():
    areas = series({"b": shapely.box(117, 36, 117.01, 36.01), "a": shapely.box(117.01, 36, 117.02, 36.01)})
    grid = Grid(areas)
    for middle, area in ((117.01 - 1e-9, "b"), (117.01, "a"), (117.01 + 1e-9, "a")):
        site = series({"s": shapely.box(middle - 0.002, 36.004, middle + 0.002, 36.0051)})
        assert grid.assign(site).main.loc["s", "area"] == area


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(-1000, 1000))
def test_law_a_shift_to_the_east_changes_nothing(seed, step):
    east = step * 2.0**-7  # exact, for the corners are whole parts of a degree
    areas = squares(8, 2.0**-7)
    sites = stars(np.random.default_rng(seed), 30, (117, 36, 117.06, 36.06), 0.004)
    sites = gpd.GeoSeries(
        shapely.transform(sites.to_numpy(), lambda xy: np.round(xy * 2**40) / 2**40),
        index=sites.index,
        crs=STORED,
    )
    there = Grid(areas).assign(sites)
    moved = Grid(areas.translate(east)).assign(sites.translate(east))
    assert moved.shares[["site", "area"]].equals(there.shares[["site", "area"]])
    assert np.abs(moved.shares["share"] - there.shares["share"]).max() <= 1e-11


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 59))
def test_law_sites_do_not_know_of_each_other(seed, cut):
    grid, sites = (
        Grid(squares(6)),
        stars(np.random.default_rng(seed), 60, (116.99, 35.99, 117.07, 36.07), 0.004),
    )
    whole, first, second = grid.assign(sites), grid.assign(sites[:cut]), grid.assign(sites[cut:])
    assert pd.concat([first.main, second.main]).equals(whole.main)
    assert pd.concat([first.shares, second.shares], ignore_index=True).equals(whole.shares)


def test_shares_add_up():
    areas = squares(5).drop(["007", "013"])
    result = Grid(areas).assign(stars(np.random.default_rng(6), 500, (116.99, 35.99, 117.06, 36.06), 0.006))
    total = result.shares.groupby("site")["share"].sum().reindex(result.main.index, fill_value=0.0)
    assert np.abs(total - result.main["overlap"] + result.main["outside"] - 1).max() <= 1e-12


def test_nothing_in_nothing():
    none, some = series({}), squares(2)
    for sites, areas in ((none, some), (some, none), (none, none)):
        ours, plain = Grid(areas).assign(sites), assign(sites, areas)
        pd.testing.assert_frame_equal(ours.main, plain.main)
        pd.testing.assert_frame_equal(ours.shares, plain.shares)


def test_the_compiled_projection_is_that_of_the_register():
    place = np.random.default_rng(7).uniform((73, 3), (135, 54), (20_000, 2))
    boxes = shapely.box(place[:, 0], place[:, 1], place[:, 0] + 0.01, place[:, 1] + 0.01)
    far = Grid(series({"a": shapely.box(0, -10, 1, -9)}))
    m2 = sharing.measured(boxes, far._cells).m2
    assert m2 == pytest.approx(crs.areas(boxes), rel=1e-10)


def stored(path, key):
    frame = gpd.read_file(path)
    mended, _ = repair(crs.to_stored(frame.geometry.to_numpy(), frame.crs.to_wkt()), "polygon")
    return gpd.GeoSeries(mended, index=frame[key].astype(str).to_numpy(), crs=STORED)


@pytest.mark.shared
@pytest.mark.parametrize("districts", ["community_districts_orig.geojson", "community_districts.geojson"])
def test_real_developments_in_real_districts(shared_data, districts):
    areas = stored(shared_data / "nyc" / districts, "BoroCD")
    sites = stored(shared_data / "nyc" / "nycha_277.geojson", "tds_num")
    assert len(assert_same(Grid(areas), sites, areas).main) == 277


@pytest.mark.shared
def test_real_streets_that_overlap_and_leave_gaps(shared_data):
    streets = gpd.read_file(shared_data / "beijing" / "streets_343_wgs84.geojson")
    areas = streets.geometry.set_crs(STORED, allow_override=True).set_axis(streets.index.astype(str))
    areas = areas[~areas.index.isin([areas.index[f.row - 1] for f in check(areas.to_numpy(), "polygon")])]
    grid, chance = Grid(areas), np.random.default_rng(8)
    centre = areas.get_coordinates().sample(3000, random_state=8).to_numpy()
    near = stars(chance, len(centre), (0, 0, 1e-9, 1e-9), 0.002).to_numpy()
    sites = series(
        {
            f"s{n:05}": shapely.affinity.translate(s, *c)
            for n, (s, c) in enumerate(zip(near, centre, strict=False))
        }
    )
    found = assert_same(grid, sites, areas)
    assert (found.main["overlap"] > SLIVER).sum() > 0
    assert (found.main["outside"] > SLIVER).sum() > 0
    assert states(grid, sites)[sharing.PARTED] > 1000
