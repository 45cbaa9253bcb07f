"""The district's page as GeoDataFrame.explore makes it, run by a Python that has what it needs.

It needs geopandas, folium, matplotlib and mapclassify. The layers lie in a folder as GeoPackages; the
page is written beside them, without a base map, and without
legends, which want jQuery.
"""

import sys
from pathlib import Path

import geopandas

#: Layer → the column that colours it.
LAYERS = {"street_offices": None, "compounds": "stage", "illegal_structures": "state"}


def main() -> None:
    """Read the layers, have each explored on the same map, write the page."""
    folder, shown = Path(sys.argv[1]), None
    for layer, column in LAYERS.items():
        frame = geopandas.read_file(folder / f"{layer}.gpkg")
        shown = frame.explore(column=column, m=shown, tiles=None, name=layer, legend=False)
    shown.save(folder / "explore.html")


if __name__ == "__main__":
    main()
