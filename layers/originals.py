"""The originals: every file that was loaded, kept under its sha256 (``ab/ab12…/name``)."""

import re
from collections.abc import Iterator
from pathlib import Path

from layers import formats

#: Where an original may be kept below the folder of originals, and nowhere else.
PLACE = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})/(?!\.\.?$)[^/\0]+")


def kept_originals(files: Path) -> Iterator[str]:
    """Yield where the files that are kept lie below the folder ``files``, in order.

    What is being copied at this moment, and what is no file of its own, is left out.
    """
    for path in sorted(files.glob("*/*/*")):
        place = path.relative_to(files).as_posix()
        own = PLACE.fullmatch(place) and path.is_file() and not path.is_symlink()
        if own and path.suffix != ".part":
            yield place


def is_whole(files: Path, sha256: str) -> bool:
    """Return whether the original with this sha256 is kept below ``files`` as it was loaded."""
    names = [path for path in (files / sha256[:2] / sha256).glob("*") if path.is_file()]
    # One fingerprint tells a shapefile with all that belongs to it.
    shapefiles = [path for path in names if path.suffix.lower() == ".shp"]
    told = {part for path in shapefiles for part in formats.parts(path)[1:]}
    heads = [path for path in names if path not in told]
    return bool(heads) and all(formats.fingerprint(path) == sha256 for path in heads)
