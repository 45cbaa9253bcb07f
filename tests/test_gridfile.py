"""A grid in a file: made once, read again, and never taken for the grid of other areas."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.crs import STORED
from geo.errors import GeometryError
from geo.locate import locate
from layers import gridfile
from layers.gridfile import kept_grid

OFFICES = {"b": shapely.box(0, 0, 1, 2), "a": shapely.box(1, 0, 2, 2), "c": shapely.box(2, 0, 3, 1.5)}
STEPS = np.stack(np.meshgrid(np.arange(-1, 14) / 4, np.arange(-1, 10) / 4), axis=-1).reshape(-1, 2)
POINTS = gpd.GeoSeries(shapely.points(STEPS), crs=STORED)


def series(shapes):
    return gpd.GeoSeries(list(shapes.values()), index=pd.Index(list(shapes), dtype=object), crs=STORED)


AREAS = series(OFFICES)


def assert_right(grid, areas=AREAS):
    assert len(grid.arrays) > 0
    pd.testing.assert_frame_equal(grid.locate(POINTS), locate(POINTS, areas))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "district.db.street_offices.grid"


def test_it_is_made_once_and_read_again(file):
    made = kept_grid(AREAS, file)
    assert_right(made)
    first = file.stat()
    again = kept_grid(AREAS, file)
    assert_right(again)
    assert again.arrays.keys() == made.arrays.keys()
    assert all((again.arrays[name] == array).all() for name, array in made.arrays.items())
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (first.st_mtime_ns, first.st_ino)
    assert [kept.name for kept in file.parent.iterdir()] == [file.name]


def test_other_areas_get_a_grid_of_their_own(file):
    kept_grid(AREAS, file)
    moved = series({**OFFICES, "c": shapely.box(2, 0, 3, 1.25)})
    assert_right(kept_grid(moved, file), moved)
    assert gridfile._read(moved, file) is not None
    assert gridfile._read(AREAS, file) is None


def test_a_code_that_changes_makes_another_grid(file):
    kept_grid(AREAS, file)
    assert gridfile._read(AREAS.rename({"a": "d"}), file) is None


def test_no_damage_is_believed(file):
    kept_grid(AREAS, file)
    sound = file.read_bytes()
    for cut in (0, 1, len(sound) // 2, len(sound) - 1):
        file.write_bytes(sound[:cut])
        assert_right(kept_grid(AREAS, file))
    for place in range(0, len(sound), 7):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :])
        read = gridfile._read(AREAS, file)
        if read is not None:
            assert_right(read)


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path):
    (tmp_path / "file").write_text("")
    assert_right(kept_grid(AREAS, tmp_path / "file" / "district.grid"))


def test_what_cannot_be_trusted_is_refused(file):
    bow_tie = series({"a": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])})
    with pytest.raises(GeometryError):
        kept_grid(bow_tie, file)
    assert not file.exists()


def test_no_areas_no_file(file):
    none = series({})
    pd.testing.assert_frame_equal(kept_grid(none, file).locate(POINTS), locate(POINTS, none))
    assert not file.exists()
