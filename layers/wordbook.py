"""Finding rows by what is written in them: an index of names, codes and places, kept in the process.

Each field of a layer is one long text, a line a row, in which the program looks for what was typed:
the whole line, its beginning, or anything inside it, in this order. An index belongs to one state
of the store and to what one kind of person sees of it; it is made when it is first asked for.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from threading import Lock
from typing import NamedTuple

import shapely
from sqlalchemy import select

from layers import tables
from layers.people import Person, Sight, visible
from layers.pinyin import folded, spellings, spelt
from layers.querying import RESTS_ON, Query
from layers.store import Store
from layers.validity import past_day

#: What is looked through of each layer, the likeliest field first.
FIELDS = {
    "compounds": ("name", "code", "pinyin", "address", "community", "street_office_name"),
    "street_offices": ("name", "code", "pinyin"),
    "facilities": ("name", "code", "pinyin"),
    "illegal_structures": ("code", "name", "place"),
}
#: A layer of more rows is found by whole codes only: its index would not be worth its room.
MOST_INDEXED = 1_000_000
_MOST_KEPT = 12
_kept: OrderedDict[tuple, "Book"] = OrderedDict()
_lock = Lock()


class Found(NamedTuple):
    """A row that was found: in which field, what is written there, and from where to where it matches.

    ``told`` is the field's own text (of ``pinyin``: the name); ``office`` the street office's name.
    """

    layer: str
    code: str
    name: str
    office: str
    field: str
    told: str
    marked: tuple[int, int]
    bounds: tuple[float, float, float, float]


class Hits(NamedTuple):
    """The rows of a layer that were found, the best first, and whether there are more."""

    layer: str
    found: tuple[Found, ...]
    more: bool


class _Column(NamedTuple):
    """One field of all rows as one text: where each line begins, and of which row it is.

    ``begins`` holds 1 where a match may begin (None: anywhere).
    """

    text: str
    starts: Sequence[int]
    rows: Sequence[int]
    begins: bytes | None = None

    def rows_with(self, wanted: str, lead: int) -> Iterator[int]:
        """Yield the number of the row of each match; a match begins ``lead`` characters into it."""
        at = self.text.find(wanted)
        while at >= 0:
            if self.begins is None or self.begins[at + lead]:
                yield self.rows[bisect_right(self.starts, at + lead) - 1]
            at = self.text.find(wanted, at + 1)


class Book(NamedTuple):
    """The index of one layer: its rows' codes, names and offices, and their fields as columns."""

    layer: str
    rows: Sequence[dict]
    columns: tuple[tuple[str, _Column], ...]

    def look(self, wanted: str, most: int) -> Hits:
        """Return the first rows in which a folded text is, and whether there are more.

        A whole field comes before the beginning of one, and that before the middle.
        """
        found: dict[int, str] = {}
        for line in (f"\n{wanted}\n", f"\n{wanted}", wanted):
            for field, column in self.columns:
                for row in column.rows_with(line, int(line[0] == "\n")):
                    found.setdefault(row, field)
                    if len(found) > most:
                        return self._hits(found, wanted, most)
        return self._hits(found, wanted, most)

    def _hits(self, found: dict[int, str], wanted: str, most: int) -> Hits:
        told = [self._told(self.rows[row], field, wanted) for row, field in list(found.items())[:most]]
        return Hits(self.layer, tuple(told), len(found) > most)

    def _told(self, row: dict, field: str, wanted: str) -> Found:
        text = row["name" if field == "pinyin" else field]
        name, office = row.get("name") or row["code"], row.get("street_office_name") or ""
        marked = _marked(text, wanted, field == "pinyin")
        return Found(self.layer, row["code"], name, office, field, text, marked, row["bounds"])


def look(store: Store, person: Person, layer: str, on: date, text: str, most: int) -> Hits:
    """Return the rows of a layer in which a text is, as far as the person sees them.

    Args:
        store: a store that stands still.
        person: who looks.
        layer: in which layer.
        on: the day as of which street offices answer.
        text: what was typed; blanks, capitals and full width make no difference.
        most: so many rows at most.

    To look for nothing makes the index ready, and finds nothing.
    """
    wanted, sight = folded(text), visible(person, layer)
    book = _book(store, sight, on)
    if not wanted:
        return Hits(layer, (), False)
    return book.look(wanted, most) if book.rows else _of_code(store, sight, on, text.strip())


def _of_code(store: Store, sight: Sight, on: date, code: str) -> Hits:
    """Return the row of a code, of a layer too large for an index."""
    query = Query(layer=sight.layer, on=on, code=code)
    rows = [r.properties | {"bounds": shapely.from_wkb(r.wkb).bounds} for r in store.rows(sight, query)]
    book = Book(sight.layer, rows, ())
    return book._hits(dict.fromkeys(range(len(rows)), "code"), folded(code), 1)


def _book(store: Store, sight: Sight, on: date) -> Book:
    with store.reading() as connection:
        past = past_day(connection, on)
    published = sight.kind == "published" and sight.layer == "illegal_structures"
    revised = (tables.PUBLISHED_STRUCTURES,) if published else RESTS_ON[sight.layer]
    key = (sight.layer, store.epoch(), store.revision(*revised), sight.kind, past)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _made(store, sight, on)
    with _lock:
        # What the same people saw of an earlier state of this store is asked for no more.
        for old in [k for k in _kept if (k[:2], k[3:]) == (key[:2], key[3:])]:
            del _kept[old]
        _kept[key] = made
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return made


def _made(store: Store, sight: Sight, on: date) -> Book:
    """Return the index of what is seen of a layer on a day."""
    rows = list(_rows(store, sight, on))
    columns = []
    for field in FIELDS[sight.layer]:
        if field == "pinyin":
            columns += [("pinyin", _spelt_column(rows)), ("pinyin", _initials_column(rows))]
        else:
            columns.append((field, _column((i, folded(row[field] or "")) for i, row in enumerate(rows))))
    return Book(sight.layer, rows, tuple(columns))


def _rows(store: Store, sight: Sight, on: date) -> Iterator[dict]:
    """Yield what is looked through of each row, its code, and its box."""
    every, t = Query(layer=sight.layer, on=on), tables.FEATURES[sight.layer].c
    if store.count(sight, every) > MOST_INDEXED:
        return
    if sight.layer == "street_offices":
        for row in store.rows(sight, every):
            yield {**row.properties, "bounds": shapely.from_wkb(row.wkb).bounds}
        return
    seen = [] if sight.states is None else [t.state.in_(sorted(sight.states))]
    fields = [t[name] for name in FIELDS[sight.layer] if name in t and name in sight.fields]
    found = store.frame(select(*fields, *(t[side] for side in tables.BOX)).where(*seen).order_by(t.code))
    names = _office_names(store, sight, on) if sight.layer == "compounds" else {}
    for row in found:
        yield {**row, "street_office_name": names.get(row["code"]), "bounds": _bounds(row)}


def _office_names(store: Store, sight: Sight, on: date) -> dict[str, str | None]:
    """Return the name of the street office that answers for each compound on a day."""
    rows = store.rows(sight, Query(layer="compounds", on=on), shapes=False)
    return {row.code: row.properties["street_office_name"] for row in rows}


def _bounds(row: dict) -> tuple[float, float, float, float]:
    return tuple(row[side] for side in tables.BOX)


def _column(keys: Iterable[tuple[int, str]]) -> _Column:
    """Return the column of lines (row, text); an empty text is no line."""
    starts, rows, lines, at = [], [], [], 1
    for row, key in keys:
        if key:
            starts.append(at)
            rows.append(row)
            lines.append(key)
            at += len(key) + 1
    return _Column("\n" + "\n".join(lines) + "\n", starts, rows)


def _spelt_column(rows: Sequence[dict]) -> _Column:
    """Return the column of the names' full pinyin, in which a match begins with a syllable."""
    spelt_out = [(i, way) for i, row in enumerate(rows) for way in spellings(row["name"] or "")]
    column = _column((i, "".join(way)) for i, way in spelt_out)
    begins = bytearray(len(column.text))
    at = 1
    for _, way in spelt_out:
        for syllable in way:
            begins[at] = 1
            at += len(syllable)
        at += bool(way)
    return column._replace(begins=bytes(begins))


def _initials_column(rows: Sequence[dict]) -> _Column:
    pairs = (
        (i, "".join(s[:1] for s in way)) for i, row in enumerate(rows) for way in spellings(row["name"] or "")
    )
    return _column(dict.fromkeys(pairs))


def _marked(told: str, wanted: str, pinyin: bool) -> tuple[int, int]:
    """Return from which character of a text as it is written to which the match goes."""
    places = [(i, letter) for i, character in enumerate(told) for letter in folded(character)]
    plain = "".join(letter for _, letter in places)
    at = plain.find(wanted)
    span = spelt(plain, wanted) if pinyin else (at, at + len(wanted)) if at >= 0 else None
    if not span or span[0] == span[1]:
        return 0, 0
    return places[span[0]][0], places[span[1] - 1][0] + 1
