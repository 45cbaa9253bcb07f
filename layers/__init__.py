"""What the district keeps on record, and who did what to it when. No Flask, no Folium."""

import re

from geo.errors import StoreError


def open_store(url: str):
    """Return the store behind ``url``, created and migrated where it needs to be.

    The only choice between the two stores: ``sqlite:////absolute/path/district.db`` is the
    embedded one; each is imported only when it is asked for. Raises StoreError.
    """
    if url.startswith("sqlite:"):
        from layers.embedded import open_embedded

        return open_embedded(url)
    # An address of another kind may carry a password.
    shown = re.sub(r"//[^/]*@", "//…@", url)
    raise StoreError("%(url)s is no store: write sqlite:////absolute/path/district.db.", url=shown)
