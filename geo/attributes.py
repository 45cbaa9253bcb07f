"""What a vector tile says of its features: attributes by row, written as values of a layer."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo import tilekernels

Value = str | int | float | bool | None

_BYTES = tuple(bytes([number]) for number in range(128))
_DOUBLE = 4 << 3 | 2, 9, 3 << 3 | 1  # what stands before the eight bytes of a number


@dataclass(frozen=True, eq=False)
class Column:
    """An attribute of few values: ``values`` are distinct, ``index`` says which one each row has.

    A row whose value is None goes without the attribute.
    """

    name: str
    values: tuple[Value, ...]
    index: np.ndarray

    @cached_property
    def _encoded(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Where values begin in a blob, the blob, and which value is None, or -1."""
        pieces = [b"" if value is None else field(4, value_message(value)) for value in self.values]
        none = next((place for place, value in enumerate(self.values) if value is None), -1)
        return *_blob(pieces), none

    def tagged(
        self, rows: np.ndarray, base: int, tags: np.ndarray, known: dict[bytes, int]
    ) -> tuple[bytes, int]:
        """Write the numbers of rows' values into ``tags``; return the values for the layer, and how many.

        Args:
            rows: of the features.
            base: the number of the first value.
            tags: int64, written; -1 where the attribute is left out.
            known: the numbers of values that other columns have told; theirs are told once.
        """
        starts, blob, none = self._encoded
        used = tilekernels.tag_values(self.index, rows, len(self.values), none, base, tags)
        pieces = [blob[starts[place] : starts[place + 1]].tobytes() for place in used.tolist()]
        if known.keys().isdisjoint(pieces):
            known |= zip(pieces, range(base, base + len(pieces)), strict=True)
            return b"".join(pieces), len(pieces)
        fresh = [piece for piece in pieces if piece not in known]
        known |= zip(fresh, range(base, base + len(fresh)), strict=True)
        there = tags >= 0
        tags[there] = np.array([known[piece] for piece in pieces])[tags[there] - base]
        return b"".join(fresh), len(fresh)

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

    def tagged(
        self, rows: np.ndarray, base: int, tags: np.ndarray, _known: dict[bytes, int]
    ) -> tuple[bytes, int]:
        """Write the numbers of rows' texts into ``tags``; return the texts for the layer, and how many."""
        there = self.starts[rows] < self.starts[rows + 1]
        count = int(np.count_nonzero(there))
        if count < len(rows):
            tags[there], tags[~there] = np.arange(base, base + count), -1
            rows = rows[there]
        else:
            tags[:] = np.arange(base, base + count)
        return tilekernels.text_values(self.starts, self.blob, rows).tobytes(), count

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
        return Text(self.name, np.append(0, np.cumsum(sizes)), np.concatenate(pieces))

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

    def tagged(
        self, rows: np.ndarray, base: int, tags: np.ndarray, _known: dict[bytes, int]
    ) -> tuple[bytes, int]:
        """Write the numbers of rows' values into ``tags``; return the values for the layer, and how many."""
        found = self.numbers[rows]
        there = ~np.isnan(found)
        values, index = np.unique(found[there], return_inverse=True)
        tags[there], tags[~there] = base + index, -1
        message = np.empty((len(values), len(_DOUBLE) + 8), np.uint8)
        message[:, : len(_DOUBLE)] = _DOUBLE
        message[:, len(_DOUBLE) :] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        return message.tobytes(), len(values)

    def replaced(self, rows: Sequence[int], values: Sequence[float | None]) -> "Numbers":
        """Return the attribute with other numbers in some rows; those behind the last one are added."""
        longer = np.full(max(len(self.numbers), *(row + 1 for row in rows)), np.nan)
        longer[: len(self.numbers)] = self.numbers
        longer[list(rows)] = [np.nan if value is None else value for value in values]
        return Numbers(self.name, longer)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.numbers.nbytes


Attribute = Column | Text | Numbers


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
    joined = "".join(told).encode()
    if len(joined) > sum(map(len, told)):  # a character of several bytes
        return Text(name, *_blob([value.encode() for value in told]))
    return Text(name, _starts(told), np.frombuffer(joined, np.uint8))


def _blob(pieces: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return where pieces begin in a blob, and the blob."""
    return _starts(pieces), np.frombuffer(b"".join(pieces), dtype=np.uint8)


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


def value_message(value: Value) -> bytes:
    """Return a value as the message that holds it."""
    if isinstance(value, bool):
        return field(7, int(value))
    if isinstance(value, str):
        return field(1, value.encode())
    if isinstance(value, int):
        return field(5, value) if value >= 0 else field(6, (-value << 1) - 1)
    return bytes([3 << 3 | 1]) + np.float64(value).tobytes()
