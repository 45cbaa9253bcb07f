"""Finding rows by what is written in them: an index of names, codes and places, kept in the process.

Each field of a layer is one long text, a line a row, in which the program looks for what was typed:
the whole line, its beginning, or anything inside it, in this order. An index belongs to one state
of the store and to what one kind of person sees of it; it is made when it is first asked for.
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import select

from layers import tables
from layers.boxes import Box
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
_BLANKS = re.compile(r"[^\S\n]+")
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
    bounds: Box


class Hits(NamedTuple):
    """The rows of a layer that were found, the best first, and whether there are more."""

    layer: str
    found: tuple[Found, ...]
    more: bool


class _Column(NamedTuple):
    """One field of all rows as one text: where each line begins, and of which row it is.

    ``rows`` None says that each row has its line; ``begins`` holds 1 where a match may begin
    (None: anywhere).
    """

    text: str
    starts: array
    rows: array | None = None
    begins: bytes | None = None

    def rows_with(self, wanted: str, lead: int) -> Iterator[int]:
        """Yield the number of the row of each match; a match begins ``lead`` characters into it."""
        at = self.text.find(wanted)
        while at >= 0:
            if self.begins is None or self.begins[at + lead]:
                line = bisect_right(self.starts, at + lead) - 1
                yield line if self.rows is None else self.rows[line]
            at = self.text.find(wanted, at + 1)


class Book(NamedTuple):
    """The index of one layer: what is written in its fields, row by row, and the columns made of it."""

    layer: str
    fields: Mapping[str, Sequence[str | None]]
    columns: tuple[tuple[str, _Column], ...]

    def look(self, wanted: str, most: int) -> dict[int, str]:
        """Return the rows in which a folded text is, and in which field, ``most`` + 1 at most.

        A whole field comes before the beginning of one, and that before the middle.
        """
        found: dict[int, str] = {}
        columns = [(field, column) for field, column in self.columns if wanted in column.text]
        for line in (f"\n{wanted}\n", f"\n{wanted}", wanted):
            for field, column in columns:
                for row in column.rows_with(line, int(line[0] == "\n")):
                    found.setdefault(row, field)
                    if len(found) > most:
                        return found
        return found

    def told(self, row: int, field: str, wanted: str, bounds: Box) -> Found:
        """Return what is told of a row that was found."""
        code = self.fields["code"][row]
        text = self.fields["name" if field == "pinyin" else field][row] or ""
        office = self.fields.get("street_office_name")
        name = self.fields["name"][row] or code
        marked = _marked(text, wanted, field == "pinyin")
        return Found(self.layer, code, name, (office and office[row]) or "", field, text, marked, bounds)


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
    if not book.fields["code"]:
        book, wanted = _of_code(store, sight, on, text.strip()), folded(text)
    found = book.look(wanted, most)
    first = list(found.items())[:most]
    boxes = _boxes(store, sight, on, [book.fields["code"][row] for row, _ in first])
    told = (book.told(row, field, wanted, boxes[book.fields["code"][row]]) for row, field in first)
    return Hits(layer, tuple(told), len(found) > most)


def _of_code(store: Store, sight: Sight, on: date, code: str) -> Book:
    """Return the index of the one row of a code, of a layer too large for an index of all."""
    rows = store.rows(sight, Query(layer=sight.layer, on=on, code=code), shapes=False)
    return _bound(sight.layer, {"code": [code for _ in rows], "name": [None]})


def _boxes(store: Store, sight: Sight, on: date, codes: list[str]) -> dict[str, Box]:
    """Return the boxes of a few rows by code."""
    if sight.layer == "street_offices":  # several editions may have one code
        asked = (Query(layer=sight.layer, on=on, code=code) for code in codes)
        found = (row for query in asked for row in store.rows(sight, query))
        return {row.code: shapely.from_wkb(row.wkb).bounds for row in found}
    t = tables.FEATURES[sight.layer].c
    rows = store.frame(select(t.code, *(t[side] for side in tables.BOX)).where(t.code.in_(codes)))
    return {row["code"]: tuple(row[side] for side in tables.BOX) for row in rows}


def _book(store: Store, sight: Sight, on: date) -> Book:
    with store.reading() as connection:
        past = past_day(connection, on)
    published = sight.kind == "published" and sight.layer == "illegal_structures"
    revised = (tables.PUBLISHED_STRUCTURES,) if published else RESTS_ON[sight.layer]
    key = (store.engine.url, sight.layer, store.epoch(), store.revision(*revised), sight.kind, past)
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
    every = Query(layer=sight.layer, on=on)
    if store.count(sight, every) > MOST_INDEXED:
        return _bound(sight.layer, {"code": [], "name": []})
    if sight.layer == "illegal_structures":
        return _bound(sight.layer, _written(store, sight))
    # Which edition is meant, and who answers for a row on that day, the store itself knows.
    names = [name for name in FIELDS[sight.layer] if name in sight.fields]
    rows = [[row.properties[name] for name in names] for row in store.rows(sight, every, shapes=False)]
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    return _bound(sight.layer, dict(zip(names, columns, strict=True)))


def _written(store: Store, sight: Sight) -> dict[str, list]:
    """Return the fields of a layer of many rows: only what is looked through is read of them."""
    t = tables.FEATURES[sight.layer].c
    seen = [] if sight.states is None else [t.state.in_(sorted(sight.states))]
    names = [name for name in FIELDS[sight.layer] if name in sight.fields]
    with store.reading() as connection:
        rows = connection.execute(select(*(t[name] for name in names)).where(*seen).order_by(t.code)).all()
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    return dict(zip(names, columns, strict=True))


def _bound(layer: str, fields: dict[str, list]) -> Book:
    """Return the index of fields, each a list with a value a row."""
    columns = []
    for field in FIELDS[layer]:
        if field == "pinyin":
            columns += _spelt_columns(fields["name"])
        elif field in fields:
            columns.append((field, _column(_folded_lines(fields[field]))))
    return Book(layer, fields, tuple(columns))


def _folded_lines(values: Sequence[str | None]) -> str:
    """Return values folded, a line each; all at once, for that is a hundred times faster."""
    joined = "\n".join(value or "" for value in values)
    text = _BLANKS.sub("", unicodedata.normalize("NFKC", joined).casefold())
    if text.count("\n") != len(values) - 1:  # a line was broken in one of them
        return "\n".join(folded(value or "") for value in values)
    return text


def _column(lines: str, rows: array | None = None) -> _Column:
    text = f"\n{lines}\n"
    ends = np.flatnonzero(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) == ord("\n"))
    return _Column(text, array("q", (ends[:-1] + 1).tolist()), rows)


def _spelt_columns(names: Sequence[str | None]) -> list[tuple[str, _Column]]:
    """Return two columns: the names' full pinyin, in which a match begins with a syllable, and initials."""
    ways = [(row, way) for row, name in enumerate(names) if name for way in spellings(name)]
    spelt_out = _column("\n".join("".join(way) for _, way in ways), array("q", (row for row, _ in ways)))
    begins = bytearray(len(spelt_out.text))
    at = 1
    for _, way in ways:
        for syllable in way:
            begins[at] = 1
            at += len(syllable)
        at += 1
    initials = list(dict.fromkeys((row, "".join(s[:1] for s in way)) for row, way in ways))
    first = _column("\n".join(text for _, text in initials), array("q", (row for row, _ in initials)))
    return [("pinyin", spelt_out._replace(begins=bytes(begins))), ("pinyin", first)]


def _marked(told: str, wanted: str, pinyin: bool) -> tuple[int, int]:
    """Return from which character of a text as it is written to which the match goes."""
    places = [(i, letter) for i, character in enumerate(told) for letter in folded(character)]
    plain = "".join(letter for _, letter in places)
    at = plain.find(wanted)
    span = spelt(plain, wanted) if pinyin else (at, at + len(wanted)) if at >= 0 else None
    if not span or span[0] == span[1]:
        return 0, 0
    return places[span[0]][0], places[span[1] - 1][0] + 1
