"""The district a store is of, kept until what tells it changes: the box of many street offices takes long."""

from layers.kept import Kept
from layers.store import District, Store

_RESTS_ON = ("settings", "street_offices")

_known: Kept[District] = Kept(8)


def district_of(still: Store) -> District:
    """Return the names, reference date and box of the district; ``still`` is what ``Store.still`` gave."""
    return _known.of(still, _RESTS_ON, still.day(), still.district)
