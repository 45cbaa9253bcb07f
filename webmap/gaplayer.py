"""Gaps in service as a layer of the district map: land out of reach in the compounds shown."""

from collections.abc import Iterator

from flask import Blueprint, Response

from layers import writing
from layers.gaps import Gap, gaps_of
from layers.people import visible
from layers.querying import FILTERS
from layers.store import Store
from webmap import access, streams, viewing

blueprint = Blueprint("gaplayer", __name__)


@blueprint.get("/map/gaps.geojson")
def gaps() -> Response:
    """Return the gaps of one kind of facility (``kind=…``) in the compounds that the filters leave."""
    asked, person, kind = access.query("compounds", "kind"), access.person(), access.facility_kind()

    def make(still: Store) -> Iterator[bytes]:
        found = gaps_of(still, person, asked, kind)
        rows = ((gap.code, _told(gap), gap.wkb) for gap in found)
        return writing.feature_collection(rows, matched=len(found), decimals=viewing.DECIMALS)

    seen = visible(person, "illegal_structures").kind
    return streams.answer(access.tag(seen, *FILTERS, "settings"), make)


def _told(gap: Gap) -> dict[str, object]:
    return {"code": gap.code, "households": gap.households, "area_m2": gap.area_m2}
