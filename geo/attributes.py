"""What a vector tile says of its features: attributes by row, written as values of a layer."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.tilekernels import SLACK
from geo.tilewriting import NUMBERS, TEXTS, TRUE, VALUES

Value = str | int | float | bool | None

_BYTES = tuple(bytes([number]) for number in range(128))


@dataclass(frozen=True, eq=False)
class Column:
    """An attribute of few values: ``values`` are distinct, ``index`` says which one each row has.

    A row whose value is None goes without the attribute.
    """

    name: str
    values: tuple[Value, ...]
    index: np.ndarray

    @cached_property
    def pieces(self) -> list[bytes]:
        """The values as a layer tells them, b"" for None."""
        return [b"" if value is None else value_piece(value) for value in self.values]

    def packed(self, known: dict[bytes, int]) -> tuple[int, np.ndarray, np.ndarray, int]:
        """Return a row's kind, what goes into Told's ``where`` and ``blob``, and bytes of a row in it."""
        numbers = np.array([known.get(piece, -1) for piece in self.pieces], np.int64)
        return VALUES, numbers, np.ascontiguousarray(self.index).view(np.uint8), self.index.itemsize

    def moved(self, _where: np.ndarray, blob: np.ndarray) -> "Column":
        """Return the attribute as it lies in Told."""
        moved = Column(self.name, self.values, blob.view(self.index.dtype))
        vars(moved)["pieces"] = self.pieces  # with what it has encoded
        return moved

    def replaced(self, rows: Sequence[int], values: Sequence[Value]) -> "Column":
        """Return the attribute with other values in some rows; those behind the last one are added."""
        places = {(type(value), value): place for place, value in enumerate(self.values)}
        index = [places.setdefault((type(value), value), len(places)) for value in values]
        longer = np.zeros(max(len(self.index), *(row + 1 for row in rows)), _size(len(places)))
        longer[: len(self.index)] = self.index
        longer[list(rows)] = index
        if np.array_equal(longer, self.index):
            return self  # with what it has encoded
        return Column(self.name, tuple(value for _, value in places), longer)

    @property
    def bytes(self) -> int:
        """How much memory it takes, values and all."""
        return self.index.nbytes + sum(sys.getsizeof(value) + 8 for value in self.values)


@dataclass(frozen=True, eq=False)
class Text:
    """An attribute whose text is another one in every row, such as the code.

    A row whose text is empty goes without the attribute. ``blob`` (uint8) holds all texts in UTF-8,
    one after the other, ``starts`` (int64) where each begins, and where the last one ends.
    """

    name: str
    starts: np.ndarray
    blob: np.ndarray

    def packed(self, _known: dict[bytes, int]) -> tuple[int, np.ndarray, np.ndarray, int]:
        """Return its kind, what goes into Told's ``where`` and ``blob``, and 1."""
        return TEXTS, self.starts, self.blob, 1

    def moved(self, where: np.ndarray, blob: np.ndarray) -> "Text":
        """Return the attribute as it lies in Told."""
        return Text(self.name, where, blob)

    def replaced(self, rows: Sequence[int], values: Sequence[str | None]) -> "Text":
        """Return the attribute with other texts in some rows; those behind the last one are added."""
        given = dict(sorted(zip(rows, values, strict=True)))
        sizes = np.zeros(max(len(self.starts) - 1, *(row + 1 for row in given)), np.int64)
        sizes[: len(self.starts) - 1] = np.diff(self.starts)
        pieces, begin = [], 0
        for row, value in given.items():
            told = (value or "").encode()
            end = self.starts[min(row, len(self.starts) - 1)]
            pieces += [self.blob[begin:end], np.frombuffer(told, np.uint8)]
            begin = self.starts[min(row + 1, len(self.starts) - 1)]
            sizes[row] = len(told)
        pieces.append(self.blob[begin:])
        starts, blob = np.append(0, np.cumsum(sizes)), np.concatenate(pieces)
        if np.array_equal(starts, self.starts) and np.array_equal(blob, self.blob):
            return self
        return Text(self.name, starts, blob)

    def find(self, value: str, count: int) -> int:
        """Return which of the first ``count`` rows, in order of their texts, has a text; -1: none."""
        wanted, first, end = value.encode(), 0, count
        while first < end:
            middle = (first + end) // 2
            if self._piece(middle) < wanted:
                first = middle + 1
            else:
                end = middle
        return first if first < count and self._piece(first) == wanted else -1

    def at(self, row: int) -> str:
        """Return the text of a row."""
        return self._piece(row).decode()

    def texts(self) -> list[str]:
        """Return the texts of all rows."""
        blob, ends = self.blob.tobytes(), self.starts.tolist()
        return [blob[begin:end].decode() for begin, end in zip(ends, ends[1:], strict=False)]

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.starts.nbytes + self.blob.nbytes

    def _piece(self, row: int) -> bytes:
        return self.blob[self.starts[row] : self.starts[row + 1]].tobytes()


@dataclass(frozen=True, eq=False)
class Numbers:
    """An attribute that is a number in every row, such as an area; one that is NaN is left out."""

    name: str
    numbers: np.ndarray

    def packed(self, _known: dict[bytes, int]) -> tuple[int, np.ndarray, np.ndarray, int]:
        """Return its kind, what goes into Told's ``where``, nothing for its ``blob``, and 0."""
        return NUMBERS, self.numbers.view(np.int64), np.empty(0, np.uint8), 0

    def moved(self, where: np.ndarray, _blob: np.ndarray) -> "Numbers":
        """Return the attribute as it lies in Told."""
        return Numbers(self.name, where.view(np.float64))

    def replaced(self, rows: Sequence[int], values: Sequence[float | None]) -> "Numbers":
        """Return the attribute with other numbers in some rows; those behind the last one are added."""
        longer = np.full(max(len(self.numbers), *(row + 1 for row in rows)), np.nan)
        longer[: len(self.numbers)] = self.numbers
        longer[list(rows)] = [np.nan if value is None else value for value in values]
        if np.array_equal(longer, self.numbers, equal_nan=True):
            return self
        return Numbers(self.name, longer)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.numbers.nbytes


Attribute = Column | Text | Numbers


@dataclass(frozen=True, eq=False)
class Told:
    """All that a layer tells of its rows, packed for the loops that write tiles (geo.tilewriting).

    Of each of ``columns`` ``table`` (int64) has in a row: its kind, where in ``where`` its things begin,
    where in ``blob``, and in how many bytes a row's value is told. ``where`` (int64) begins with where
    in ``blob`` (uint8) each value of ``known`` begins, whichever of the columns has it, and where the
    last one ends. The columns' own arrays are parts of these two; behind them lie SLACK bytes.
    """

    columns: tuple[Attribute, ...]
    table: np.ndarray
    where: np.ndarray
    blob: np.ndarray
    known: dict[bytes, int]

    @cached_property
    def packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """The table, ``where``, ``blob`` and how many values are known."""
        return self.table, self.where, self.blob, len(self.known)

    @cached_property
    def keys(self) -> bytes:
        """The names of the columns as a layer tells them."""
        return b"".join(field(3, attribute.name.encode()) for attribute in self.columns)

    @cached_property
    def named(self) -> dict[str, Attribute]:
        """The columns by their names."""
        return {attribute.name: attribute for attribute in self.columns}

    def replaced(self, rows: Sequence[int], told: Sequence[Mapping[str, Value]]) -> "Told":
        """Return it with other things told of some rows, by name; the same one where they are the same."""
        columns = [c.replaced(rows, [each[c.name] for each in told]) for c in self.columns]
        if all(new is old for new, old in zip(columns, self.columns, strict=True)):
            return self
        return pack(columns)

    @property
    def bytes(self) -> int:
        """How much memory it takes, values and all."""
        values = (column.values for column in self.columns if isinstance(column, Column))
        told = sum(sys.getsizeof(value) + 8 for each in values for value in each)
        return self.table.nbytes + self.where.nbytes + self.blob.nbytes + told


class _Joined:
    """Arrays to be put one after the other."""

    def __init__(self, first: np.ndarray) -> None:
        self.arrays, self.end = [], 0
        self.add(first)

    def add(self, array: np.ndarray) -> int:
        """Put an array behind the others; return where it begins."""
        begin, empty = self.end, -len(array) % 8  # whatever its bytes are to be read as
        self.arrays += [array, np.zeros(empty, array.dtype)]
        self.end += len(array) + empty
        return begin


def pack(columns: Sequence[Attribute]) -> Told:
    """Return what a layer tells of its rows, packed."""
    known = {value_piece(True): TRUE}
    for piece in (piece for column in columns if isinstance(column, Column) for piece in column.pieces):
        if piece:
            known.setdefault(piece, len(known))
    starts, blob = blob_of(list(known))
    wheres, blobs, table = _Joined(starts), _Joined(blob), []
    parts = [attribute.packed(known) for attribute in columns]
    for kind, starts, blob, size in parts:
        table.append((kind, wheres.add(starts), blobs.add(blob), size))
    blobs.add(np.zeros(SLACK, np.uint8))
    where, blob = np.concatenate(wheres.arrays), np.concatenate(blobs.arrays)
    moved = [
        attribute.moved(where[first : first + len(starts)], blob[at : at + len(told)])
        for attribute, (_, starts, told, _), (_, first, at, _) in zip(columns, parts, table, strict=True)
    ]
    return Told(tuple(moved), np.array(table, np.int64).reshape(-1, 4), where, blob, known)


def numbers(name: str, values: Sequence[float | None]) -> Numbers:
    """Return an attribute that is a number in every row, or None.

    >>> numbers("area_m2", [35.5, None]).numbers.tolist()
    [35.5, nan]
    """
    return Numbers(name, np.array(values, np.float64))  # to numpy None is NaN


def column(name: str, values: Sequence[Value]) -> Column:
    """Return an attribute of few values, given the value of every row.

    >>> column("stage", ["found", None, "found"]).index.tolist()
    [0, 1, 0]
    """
    if len(set(map(type, values)) - {type(None)}) > 1:  # to a dictionary 1 and True are the same
        keys: Sequence = [(type(value), value) for value in values]
        distinct = list(dict.fromkeys(keys))
        told = tuple(value for _, value in distinct)
    else:
        keys, told = values, tuple(dict.fromkeys(values))
        distinct = told
    places = {key: place for place, key in enumerate(distinct)}
    index = np.fromiter(map(places.__getitem__, keys), _size(len(places)), len(keys))
    return Column(name, told, index)


def _size(many: int) -> type:
    return np.uint8 if many <= 2**8 else np.uint16 if many <= 2**16 else np.uint32


def text(name: str, values: Sequence[str | None]) -> Text:
    """Return an attribute whose text is another one in every row.

    >>> text("code", ["a1", "b22"]).starts.tolist()
    [0, 2, 5]
    """
    told = [value or "" for value in values]
    run = "".join(told).encode()
    if len(run) > sum(map(len, told)):  # a character of several bytes
        return Text(name, *blob_of([value.encode() for value in told]))
    return Text(name, _starts(told), np.frombuffer(run, np.uint8))


def blob_of(pieces: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return where pieces begin in a blob and where the last one ends, and the blob."""
    return _starts(pieces), np.frombuffer(bytearray().join(pieces), np.uint8)


def _starts(pieces: Sequence[bytes | str]) -> np.ndarray:
    return np.append(0, np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces))))


def varint(number: int) -> bytes:
    """Return a number as a varint."""
    if number < 128:
        return _BYTES[number]
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, content: bytes | int) -> bytes:
    """Return a field of a message: its number, and a number or bytes."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return b"".join((varint(number << 3 | 2), varint(len(content)), content))


def value_piece(value: Value) -> bytes:
    """Return a value as a layer tells it."""
    return field(4, value_message(value))


def value_message(value: Value) -> bytes:
    """Return a value as the message that holds it."""
    if isinstance(value, bool):
        return field(7, int(value))
    if isinstance(value, str):
        return field(1, value.encode())
    if isinstance(value, int):
        return field(5, value) if value >= 0 else field(6, (-value << 1) - 1)
    return bytes([3 << 3 | 1]) + np.float64(value).tobytes()
