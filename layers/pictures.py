"""A layer as the map draws it, as a person sees it on a day: arrays that tiles are cut from.

A picture is of one state of the store, known by the last entry of its history, and is never
written to. It is kept in the process, and in a file beside the store (``layers/picturefile.py``); where
the history has gone on since, only the rows that the new entries name are read again.
"""

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
import shapely
from sqlalchemy import bindparam, select

from geo import attributes, tilesets
from geo.attributes import Attribute
from geo.tilesets import PointSet, ShapeSet
from layers import driving, picturefile, tables
from layers.mapping import DATED, TRIMMED, WHOLLY, told_columns, told_of
from layers.people import Sight
from layers.picture import Moment, Picture
from layers.querying import Query, rests_on
from layers.store import Row, Store

#: Pictures kept at a time, and answers which rows a filter leaves, of all stores of the process.
_MOST, _MOST_KEPT = 12, 24
#: So many changed rows are read one by one; for more, all of the layer is read.
FEW = 200
#: After so many entries of the history a picture takes the place of the one in the file.
_LATE = FEW // 2
_BATCH = 20_000
_POINTS = (0, 4)  # as shapely numbers them
#: A point in WKB: the order of bytes, its kind, and two numbers; and how one begins.
_POINT = np.dtype([("head", "V5"), ("lonlat", "<f8", 2)])
_PLAIN = np.void(b"\1\1\0\0\0")

_h = tables.history.c
_END = select(_h.seq, _h.hash).order_by(_h.seq.desc()).limit(1)
_AT = select(_h.hash).where(_h.seq == bindparam("seq"))
_SINCE = (
    select(_h.action, _h.subject, _h.code, _h.load_id, _h.after)
    .where(_h.seq > bindparam("seq"))
    .order_by(_h.seq)
    .limit(5 * FEW)
)
#: The newest rows are the last ones: a load is found from the end.
_LOADED = {
    layer: select(table.c.code)
    .where(table.c.load_id == bindparam("load_id"))
    .order_by(table.c.fid.desc())
    .limit(bindparam("many"))
    for layer, table in tables.FEATURES.items()
}


_pictures: OrderedDict[tuple, list[Picture]] = OrderedDict()
_chosen: OrderedDict[tuple, np.ndarray] = OrderedDict()
#: Up to which entry of the history the picture in a file reaches.
_in_file: dict[tuple, int] = {}
_making: defaultdict[tuple, Lock] = defaultdict(Lock)
_lock = Lock()


def picture(still: Store, sight: Sight, query: Query) -> Picture:
    """Return the picture of a layer in the state of a store that stands still, filters left aside.

    Args:
        still: what ``Store.still`` gave.
        sight: what the person sees of the layer.
        query: names the layer and the day.
    """
    key = (str(still.engine.url), query.layer, sight.kind, query.on if query.layer in DATED else None)
    with _making[key]:
        now = moment(still, query.layer)
        with _lock:
            known = list(_pictures.get(key, ()))
        found = next((p for p in known if p.moment == now), None)
        if found is None:
            found = _renewed(still, sight, query, now, known) or _made(still, sight, query, now, key)
            if now.seq - _in_file.get(key, now.seq) >= _LATE:
                picturefile.keep(still, sight, query, found)
                _in_file[key] = now.seq
        with _lock:
            # Two: who began to read before the last edit still asks for the one before.
            _pictures[key] = [found, *(p for p in known if p is not found)][:2]
            _pictures.move_to_end(key)
            while len(_pictures) > _MOST:
                _pictures.popitem(last=False)
        return found


def _made(still: Store, sight: Sight, query: Query, now: Moment, key: tuple) -> Picture:
    """Return a picture from the one in the file where that will do, else from all rows, kept in the file."""
    old = picturefile.kept(still, sight, query)
    found = None if old is None else _renewed(still, sight, query, now, [old])
    _in_file[key] = now.seq if found is None else old.moment.seq
    if found is None:
        found = _read(still, sight, query, now)
        picturefile.keep(still, sight, query, found)
    return found


def moment(still: Store, layer: str) -> Moment:
    """Return the state of a layer as a store that stands still has it."""
    with still.reading() as connection:
        found = driving.fetch(connection, _END, {}).rows
    return Moment(*(found[0] if found else (0, "")), still.revision(layer))


def kept_rows(still: Store, sight: Sight, query: Query, drawn: Picture) -> np.ndarray | None:
    """Return of every row of a picture whether the filters of a query leave it; None: they leave all.

    Raises:
        RequestError: a filter has a value it cannot have.
    """
    asked = replace(query, box=None, limit=None, after=None)
    if not asked.filters():
        return None
    # Rows keep their numbers until the picture is read anew.
    key = (str(still.engine.url), sight.kind, asked, still.revision(*rests_on(query)))
    key += (drawn.ordered, drawn.many)
    with _lock:
        if key in _chosen:
            _chosen.move_to_end(key)
            return _chosen[key]
    only = replace(sight, fields=("code",))
    keep = drawn.rows_of([row.code for row in still.rows(only, asked, shapes=False)])
    with _lock:
        _chosen[key] = keep
        while len(_chosen) > _MOST_KEPT:
            _chosen.popitem(last=False)
    return keep


def _needed(sight: Sight) -> Sight:
    """Return as much of what a person sees of a layer as the map is told."""
    return replace(sight, fields=tuple(name for name in sight.fields if name in TRIMMED[sight.layer]))


def _read(still: Store, sight: Sight, query: Query, now: Moment) -> Picture:
    """Return a picture of all rows."""
    columns = still.columns(_needed(sight), Query(layer=query.layer, on=query.on))
    rows, lonlat, geometries = _drawn(columns.pop("wkb"))
    points = tilesets.point_set(*lonlat.T)
    return Picture(
        query.layer,
        now,
        points._replace(row=rows[points.row]),
        tilesets.shape_set(geometries),
        attributes.pack(
            [_attribute(name, values) for name, values in told_columns(query.layer, columns).items()]
        ),
        len(geometries),
    )


def _drawn(shapes: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which of some WKB are points, their longitudes and latitudes, and the others as geometries."""
    lonlat, is_point = np.empty((len(shapes), 2)), np.zeros(len(shapes), bool)
    geometries = np.empty(len(shapes), object)
    for begin in range(0, len(shapes), _BATCH):
        batch, here = shapes[begin : begin + _BATCH], slice(begin, begin + _BATCH)
        if set(map(len, batch)) == {_POINT.itemsize}:
            found = np.frombuffer(b"".join(batch), _POINT)
            if (found["head"] == _PLAIN).all():  # no geometry need be made of it
                lonlat[here], is_point[here] = found["lonlat"], True
                continue
        read = shapely.from_wkb(batch)
        points = np.isin(shapely.get_type_id(read), _POINTS)
        is_point[here] = points
        lonlat[here][points] = _places(read[points])
        geometries[here] = np.where(points, None, read)
    return np.flatnonzero(is_point).astype(np.int32), lonlat[is_point], geometries


def _places(points: np.ndarray) -> np.ndarray:
    """Return longitude and latitude of points; of several that are one row, the first."""
    first = np.where(shapely.get_type_id(points) == _POINTS[1], shapely.get_geometry(points, 0), points)
    return shapely.get_coordinates(first).reshape(-1, 2)


def _attribute(name: str, values: Sequence) -> Attribute:
    """Return what is told of the rows under a name, in the way that takes least room."""
    if name == "code":
        return attributes.text(name, values)
    kinds = set(map(type, values)) - {type(None)}
    if kinds and kinds <= {float, int}:
        return attributes.numbers(name, values)
    if kinds == {str} and len({*values, None}) == len(values) + 1 > 256:
        return attributes.text(name, values)
    return attributes.column(name, values)


# -- what has changed since


def _renewed(
    still: Store, sight: Sight, query: Query, now: Moment, known: Iterable[Picture]
) -> Picture | None:
    """Return the newest known picture with what changed since, None where all is to be read anew."""
    for old in known:
        codes = _changed(still, old)
        named = codes or old.moment.revision == now.revision
        if codes is not None and named:
            return _with_rows(still, sight, query, now, old, codes)
    return None


def _changed(still: Store, old: Picture) -> set[str] | None:
    """Return the codes of the rows that may have changed since, None where that may be any."""
    layer, codes, unnamed = old.layer, set(), 0
    with still.reading() as connection:
        known = driving.fetch(connection, _AT, {"seq": old.moment.seq}).rows
        if old.moment.seq and known != [(old.moment.hash,)]:
            return None
        entries = driving.fetch(connection, _SINCE, {"seq": old.moment.seq}).rows
        if len(entries) == 5 * FEW:
            return None
        for action, subject, code, load_id, after in entries:
            if subject in WHOLLY[layer]:
                return None
            if layer == "compounds" and subject == "stage_history":
                codes.add(code)
            if subject != layer:
                continue
            if code is not None:
                codes.add(code)
                unnamed -= action == "assign"
            elif action == "assign":
                unnamed += json.loads(after)["rows"]
            elif action == "load":
                many = json.loads(after)["inserted"]
                if many > FEW:
                    return None
                asked = {"load_id": load_id, "many": many}
                loaded = (
                    [row[0] for row in driving.fetch(connection, _LOADED[layer], asked).rows] if many else []
                )
                codes.update(loaded)
                unnamed -= many
    # An answer is told of by name only where it takes another's place.
    return codes if len(codes) <= FEW and unnamed <= 0 else None


def _with_rows(
    still: Store, sight: Sight, query: Query, now: Moment, old: Picture, codes: set[str]
) -> Picture:
    """Return a picture with some rows read again."""
    if not codes:
        return replace(old, moment=now)
    seen = {code: _row(still, sight, query, code) for code in sorted(codes)}
    places = {code: old.row_of(code) for code in seen}
    added = [code for code, place in places.items() if place < 0 and seen[code]]
    places |= {code: old.many + number for number, code in enumerate(added)}
    rows = {places[code]: told_of(query.layer)(row) for code, row in seen.items() if row}
    told = old.told
    if rows:
        told = told.replaced(list(rows), list(rows.values()))
    shapes = {place: seen[code].wkb if seen[code] else None for code, place in places.items() if place >= 0}
    points, outlines = _drawn_again(
        old, {place: wkb and shapely.from_wkb(wkb) for place, wkb in shapes.items()}
    )
    return Picture(old.layer, now, points, outlines, told, old.ordered)


def _row(still: Store, sight: Sight, query: Query, code: str) -> Row | None:
    return next(still.rows(_needed(sight), Query(layer=query.layer, on=query.on, code=code, limit=1)), None)


def _drawn_again(old: Picture, shapes: dict[int, shapely.Geometry | None]) -> tuple[PointSet, ShapeSet]:
    """Return the sets of a picture with other shapes in some rows, None: none any more."""
    rows = np.array(list(shapes), np.int32)
    given = np.array(list(shapes.values()), object)
    is_point = np.isin(shapely.get_type_id(given), _POINTS)
    lonlat = np.full((len(rows), 2), np.nan)
    lonlat[is_point] = _places(given[is_point])
    points = old.points
    if is_point.any() or np.isin(rows, points.row).any():
        points = tilesets.replaced_points(points, rows, *lonlat.T)
    given[is_point] = None
    return points, tilesets.replaced_shapes(old.shapes, rows, given)
