"""What the district keeps on record, and who did what to it when. No Flask, no Folium."""

from geo.errors import StoreError
from layers.address import address_shown


def open_store(url: str, *, patience_s: float = 10.0, make: bool = True):
    """Return the store behind ``url``, created and migrated where it needs to be.

    The only choice between the two stores, each imported only when it is asked for:
    ``sqlite:////absolute/path/district.db`` is the embedded one,
    ``postgresql+psycopg://user:password@host:port/database`` the shared one. A writer waits at
    most ``patience_s`` seconds for its turn. Without ``make`` a store that is not there yet is an
    error. Raises StoreError.
    """
    if url.startswith("sqlite:"):
        from layers.embedded import open_embedded

        return open_embedded(url, patience_s=patience_s, make=make)
    if url.startswith(("postgresql:", "postgresql+psycopg:")):
        from layers.postgis import open_postgis

        return open_postgis(url, patience_s=patience_s, make=make)
    raise StoreError(
        "%(url)s is no store: write sqlite:////absolute/path/district.db "
        "or postgresql+psycopg://user:password@host:port/database.",
        url=address_shown(url),
    )
