"""The grid over a boundary layer, kept in a file so that a new process need not build it."""

from contextlib import suppress
from pathlib import Path

import geopandas

from geo.errors import GeometryError
from geo.grid import Grid
from layers.arrayfile import Content, file_beside, read_arrays, write_arrays


def kept_grid(areas: geopandas.GeoSeries, file: Path) -> Grid:
    """Return the grid over areas: the one in the file, else a new one, kept in the file from now on.

    A file that is missing, damaged or of other areas is written anew. Where it cannot be
    written, the next process builds the grid again.

    Args:
        areas: polygons in STORED, indexed by code.
        file: where the grid is kept.

    Raises:
        CrsError: the areas are not in STORED.
        GeometryError: an area is missing, of the wrong type or invalid, or a code comes twice.
    """
    return _read(areas, file) or _made(areas, file)


def grid_beside(store: str | None, name: str, areas: geopandas.GeoSeries) -> Grid:
    """Return the grid over areas: ``kept_grid`` beside a store that is a file, else a new one.

    Args:
        store: what the address of the store calls its database; None where it has no name.
        name: tells the grids of a store apart.
        areas: polygons in STORED, indexed by code.

    Raises:
        CrsError, GeometryError: as ``kept_grid``.
    """
    file = file_beside(store, f"{name}.grid")
    return Grid(areas) if file is None else kept_grid(areas, file)


def _read(areas: geopandas.GeoSeries, file: Path) -> Grid | None:
    found = read_arrays(file)
    if found is None or "key" not in found.told:
        return None
    with suppress(GeometryError):
        return Grid(areas, found.arrays, found.told["key"])
    return None


def _made(areas: geopandas.GeoSeries, file: Path) -> Grid:
    made = Grid(areas)
    if made.arrays:
        with suppress(OSError):
            write_arrays(file, Content({"key": made.key}, made.arrays))
    return made
