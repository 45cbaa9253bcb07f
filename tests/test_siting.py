"""Where one more facility would serve most: the same as looked for with patience, and by hand."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.coverage import coverage, coverage_by_kind, served_area
from geo.crs import STORED, areas
from geo.errors import CrsError
from geo.siting import best_places


def series(shapes, letter):
    labels = pd.Index([f"{letter}{number}" for number in range(len(shapes))], dtype=object)
    return gpd.GeoSeries(list(shapes), index=labels, crs=STORED)


def reached(sites, served):
    return coverage_by_kind(sites, served, np.zeros(len(served), dtype=int))[0]


FAR = served_area(series([shapely.Point(110, 30)], "f"), np.array([100.0]))
#: Three sites in a row a kilometre and a half apart, about 90 m wide, and two of them side by side.
ROW = [(117.000, 100), (117.017, 60), (117.018, 60), (117.034, 110)]
SITES = series([shapely.box(x, 36.6, x + 0.001, 36.601) for x, _ in ROW], "s")
HOUSEHOLDS = np.array([households for _, households in ROW], dtype=float)
POINTS = series(shapely.point_on_surface(SITES.to_numpy()), "c")


def test_the_places_are_chosen_by_what_each_adds():
    found = best_places(reached(SITES, FAR), areas(SITES.to_numpy()), HOUSEHOLDS, POINTS, 300.0, 9)
    # The two side by side are served from either (the first one is taken): 120; then 110, then 100.
    assert [place.label for place in found] == ["c1", "c3", "c0"]
    assert [place.weight for place in found] == pytest.approx([120, 110, 100], rel=1e-9)
    assert [(place.reached, place.completed) for place in found] == [(2, 2), (1, 1), (1, 1)]
    assert found[1].area_m2 == pytest.approx(areas(SITES.to_numpy())[3], rel=1e-9)


def test_what_is_served_already_adds_nothing():
    served = served_area(series([POINTS.iloc[3]], "f"), np.array([300.0]))
    found = best_places(reached(SITES, served), areas(SITES.to_numpy()), HOUSEHOLDS, POINTS, 300.0, 9)
    assert [place.label for place in found] == ["c1", "c0"]
    wide = served_area(series([POINTS.iloc[1]], "f"), np.array([50_000.0]))
    assert best_places(reached(SITES, wide), areas(SITES.to_numpy()), HOUSEHOLDS, POINTS, 300.0, 9) == []


def test_a_site_of_unknown_households_draws_nothing():
    nothing = np.zeros(len(SITES))
    assert best_places(reached(SITES, FAR), areas(SITES.to_numpy()), nothing, POINTS, 300.0, 9) == []
    with pytest.raises(CrsError):
        best_places(reached(SITES, FAR), areas(SITES.to_numpy()), nothing, POINTS.to_crs(3857), 300.0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_every_choice_is_the_best_of_all_candidates_as_measured_anew(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 0.02, (25, 2)) + (117, 36.6)
    sites = series([shapely.box(x, y, x + 0.0015, y + 0.001) for x, y in corners], "s")
    weight, m2 = rng.integers(10, 500, 25).astype(float), areas(sites.to_numpy())
    facilities = series([shapely.Point(xy) for xy in rng.uniform(0, 0.02, (3, 2)) + (117, 36.6)], "f")
    candidates = series(shapely.point_on_surface(sites.to_numpy()), "c")
    served = served_area(facilities, np.full(3, 300.0))
    places = best_places(reached(sites, served), m2, weight, candidates, 400.0, 4)
    rings = served_area(candidates, np.full(25, 400.0))
    for place in places:
        before = float(coverage(sites, served)["share"] @ weight)
        gains = {
            label: float(coverage(sites, pd.concat([served, rings[[label]]]))["share"] @ weight) - before
            for label in rings.index.difference(served.index)
        }
        assert place.weight == pytest.approx(max(gains.values()), rel=1e-9)
        assert gains[place.label] == pytest.approx(place.weight, rel=1e-9)
        served = pd.concat([served, rings[[place.label]]])
