"""A store with a folder for originals, and small files to load: shared by the tests of intake."""

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Table, select

from layers import tables
from layers.intake import Receipt, Request, take_in
from layers.people import OPERATOR
from layers.store import Store


def square(west: float, south: float, east: float, north: float) -> dict:
    """Return a rectangle of degrees as a GeoJSON geometry."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def point(lon: float, lat: float) -> dict:
    """Return a point as a GeoJSON geometry."""
    return {"type": "Point", "coordinates": [lon, lat]}


def feature(geometry: dict | None, **properties: object) -> dict:
    """Return a GeoJSON feature."""
    return {"type": "Feature", "geometry": geometry, "properties": properties}


class Desk:
    """A store with a folder for originals, and what a test asks of them."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder, self.files = store, folder, folder / "files"

    def write(self, features: list[dict], name: str = "rows.geojson", **members: object) -> Path:
        """Write features to a GeoJSON file; ``members`` stand beside them in the collection."""
        path = self.folder / name
        text = json.dumps({"type": "FeatureCollection", "features": features, **members}, ensure_ascii=False)
        path.write_text(text, encoding="utf-8")
        return path

    def load(
        self,
        layer: str,
        features: list[dict] | Path,
        say: Callable[[str], None] = lambda step: None,
        **options: object,
    ) -> Receipt:
        """Load features (or a file) into a layer as the operator."""
        path = features if isinstance(features, Path) else self.write(features)
        return take_in(self.store, Request(layer, path, **options), OPERATOR, self.files, say)

    def rows(self, table: Table, *columns: str) -> list[dict]:
        """Return these columns (or all) of a table, in the order of its key."""
        names = [table.c[column] for column in columns] or [table]
        return self.store.frame(select(*names).order_by(*table.primary_key.columns))

    def kept(self) -> list[str]:
        """Return the names of the originals that are kept."""
        return sorted(path.name for path in self.files.rglob("*") if path.is_file())

    def everything(self) -> dict[str, list]:
        """Return all that is in the store, and the names of the originals that are kept."""
        return {name: self.rows(table) for name, table in tables.metadata.tables.items()} | {"": self.kept()}
