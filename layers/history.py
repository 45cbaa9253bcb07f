"""The history's chain: each entry is bound to the one before it by a hash."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

#: The hash before the first entry of the history.
GENESIS = "0" * 64
# To make one takes longer than to write a small value.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=bytes.hex)
_BOUND = ("previous", "at", "person", "action", "subject", "code", "load_id", "before", "after")


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, bytes as hex."""
    return _ENCODER.encode(value)


def entry_hash(entry: Mapping) -> str:
    """Return the hash that binds a history entry to the one before it."""
    return hashlib.sha256(canonical([entry[name] for name in _BOUND]).encode()).hexdigest()


class Chain(NamedTuple):
    """What reading a history from its first entry shows.

    ``broken`` is the number of the first entry that breaks the chain, None where it is whole;
    ``length`` and ``head`` are the number of entries before that one, and the hash of the last of
    them; ``anchored`` says whether one of them has the hash that was to be found.
    """

    length: int
    head: str
    broken: int | None
    anchored: bool


def read_chain(entries: Iterable[Mapping], anchor: str = GENESIS) -> Chain:
    """Return what the entries of a history, in order, show; they are read one at a time.

    A tail that was cut off, and a history that was written anew with hashes that fit, are seen
    by ``anchor`` only: the hash of an entry, kept where whoever alters the history cannot reach.
    """
    head, length, anchored = GENESIS, 0, anchor == GENESIS
    for entry in entries:
        gap = entry["seq"] != length + 1
        if gap or entry["previous"] != head or entry["hash"] != entry_hash(entry):
            return Chain(length, head, entry["seq"], anchored)
        head, length = entry["hash"], entry["seq"]
        anchored = anchored or head == anchor
    return Chain(length, head, None, anchored)
