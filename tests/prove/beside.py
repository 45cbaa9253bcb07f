"""What goes on beside the edits of a process: reads, loads of files, exports; GDAL does the files."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import geopandas
import pyogrio
import shapely
from crew import Ack
from sqlalchemy import select

from layers import tables, writing
from layers.history import canonical
from layers.intake import Request, take_in
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.store import Store

LOADED_ROWS = 20
DAY = date(2022, 6, 30)


#: So many entries of the history a reader looks through for the newest edit.
_LAST = 50


@dataclass
class Desk:
    """A process's store, its folder for files, and how often it has done what."""

    store: Store
    folder: Path
    process: int
    random: Random
    ack: Ack
    done: dict[str, int] = field(default_factory=dict)

    def begin(self, until: float, every_s: dict[Callable, float]) -> list[threading.Thread]:
        """Start a thread for each kind of work, which does it so often until the time is up."""
        threads = [
            threading.Thread(target=self._repeat, args=(work, until, pause_s))
            for work, pause_s in every_s.items()
        ]
        for thread in threads:
            thread.start()
        return threads

    def _repeat(self, work: Callable[["Desk"], None], until: float, pause_s: float) -> None:
        time.sleep(self.random.uniform(0, min(pause_s, until - time.monotonic(), 8)))
        try:
            while time.monotonic() < until:
                work(self)
                self.done[work.__name__] = self.done.get(work.__name__, 0) + 1
                time.sleep(min(pause_s, max(0, until - time.monotonic())))
        except Exception:
            self.ack("error " + traceback.format_exc().replace("\n", " | ")[-900:])


def reads(desk: Desk) -> None:
    """Read one state of the store: the newest edit of its history is the one in its row."""
    h, c = tables.history.c, tables.compounds.c
    # The last ones only: no page of ours looks through all of a history that grows by hundreds a second.
    last = select(h.subject, h.action, h.code, h.after).order_by(h.seq.desc()).limit(_LAST)
    with desk.store.reading() as connection:
        rows = connection.execute(last).all()
        found = next((row for row in rows if (row.subject, row.action) == ("compounds", "update")), None)
        if found is not None:
            version = connection.scalar(select(c.version).where(c.code == found.code))
            assert canonical({"version": version}) == found.after, "a reader saw half an edit"


def loads(desk: Desk) -> None:
    """Write a GeoPackage in which the process's facilities have moved, and load it."""
    number = desk.done.get("loads", 0)
    path = desk.folder / f"{desk.process}-{number}.gpkg"
    x, y = desk.random.uniform(117.0, 117.4), desk.random.uniform(36.6, 37.0)
    frame = geopandas.GeoDataFrame(
        {
            "code": [f"F{desk.process}-{i}" for i in range(LOADED_ROWS)],
            "kind": ["clinic"] * LOADED_ROWS,
            "radius_m": [500.0 + number] * LOADED_ROWS,
        },
        geometry=[shapely.Point(x + i * 0.001, y) for i in range(LOADED_ROWS)],
        crs="EPSG:4490",
    )
    pyogrio.write_dataframe(frame, path, driver="GPKG")
    receipt = take_in(desk.store, Request("facilities", path), OPERATOR, desk.folder / "files")
    assert (receipt.read, receipt.stored) == (LOADED_ROWS, LOADED_ROWS), receipt
    desk.ack(f"load {receipt.load_id}")
    path.unlink()


def exports(desk: Desk) -> None:
    """Export all compounds as GeoJSON and as a GeoPackage, and read that again with GDAL."""
    sight = visible(OPERATOR, "compounds")
    rows = list(desk.store.rows(sight, Query(layer="compounds", on=DAY)))
    shown = [(row.code, {"name": row.properties["name"]}, row.wkb) for row in rows]
    text = desk.folder / f"{desk.process}.geojson"
    writing.publish(text, writing.feature_collection(shown, matched=len(shown)))
    frame = pyogrio.read_dataframe(text)
    target = desk.folder / f"{desk.process}-export.gpkg"
    pyogrio.write_dataframe(frame, target, driver="GPKG")
    assert pyogrio.read_info(target)["features"] == len(rows), "an export misses rows"
    target.unlink()
