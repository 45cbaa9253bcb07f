"""The history's chain: each entry is bound to the one before it by a hash."""

import hashlib
import json
from collections.abc import Iterable, Mapping

#: The hash before the first entry of the history.
GENESIS = "0" * 64
_BOUND = ("previous", "at", "person", "action", "subject", "code", "load_id", "before", "after")


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, bytes as hex."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=bytes.hex)


def entry_hash(entry: Mapping) -> str:
    """Return the hash that binds a history entry to the one before it."""
    return hashlib.sha256(canonical([entry[name] for name in _BOUND]).encode()).hexdigest()


def first_break(entries: Iterable[Mapping]) -> int | None:
    """Return the number of the first entry, in order, that breaks the chain, or None.

    A tail that was cut off is not seen here: that needs the last hash kept elsewhere.
    """
    previous, last = GENESIS, 0
    for entry in entries:
        gap = entry["seq"] != last + 1
        if gap or entry["previous"] != previous or entry["hash"] != entry_hash(entry):
            return entry["seq"]
        previous, last = entry["hash"], entry["seq"]
    return None
