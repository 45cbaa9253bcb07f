"""Sites and answers as folders of GeoParquet partitions: what a batch reads and what it leaves.

A folder holds ``street_offices.parquet`` and a folder for each layer of sites with a file for each
division (``compounds/370102.parquet``); every file has ``code`` and ``geometry`` in STORED. The
answers go to ``assigned`` inside it, with a file of the same name for each partition.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import geopandas
import numpy
import pandas
from pyarrow import parquet

from geo.check import require
from geo.crs import STORED, Bounds
from geo.errors import CrsError, FileError, GeometryError
from layers.writing import publish

OFFICES = "street_offices.parquet"
ANSWERS = "assigned"
MANIFEST = "manifest.json"
#: The most sites in one file that we write; a larger division is cut.
MOST_SITES = 200_000
_OFFICES_TOGETHER = 100  # in a row group, which is what is read or left out as a whole
#: The words of the record for what the geo room says of a site.
WORDS = {"area": "street_office_code", "overlap": "claimed_twice", "several": "border", "site": "code"}


def files_of(folder: Path, layer: str) -> list[Path]:
    """Return the files of a layer's partitions, in order of their names."""
    return sorted((folder / layer).glob("*.parquet"))


def read_sites(file: Path) -> geopandas.GeoDataFrame:
    """Return a partition's shapes in STORED, indexed by code.

    Raises:
        FileError: the file is no GeoParquet with ``code`` and ``geometry``.
        CrsError: it is not in STORED.
    """
    return _read(file, None)


def _read(file: Path, bounds: Bounds | None) -> geopandas.GeoDataFrame:
    try:
        found = geopandas.read_parquet(file, columns=["code", "geometry"], bbox=bounds)
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            "%(file)s is no GeoParquet file with the columns code and geometry.", file=file
        ) from error
    if found.crs is None or found.crs != STORED:
        raise CrsError(
            "%(file)s is in %(crs)s, but %(stored)s is needed.",
            file=file,
            crs=found.crs and found.crs.name,
            stored=STORED,
        )
    index = pandas.Index(found["code"].astype(str).to_numpy(dtype=object), dtype=object)
    return found[["geometry"]].set_axis(index, axis=0)


class OfficesFile:
    """The street offices in a file, as ``geo.batch.Areas``: a box's are read without the others."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, bounds: Bounds) -> geopandas.GeoSeries:
        """Return the offices whose boxes meet the bounds."""
        return _read(self.file, bounds).geometry


def write_offices(offices: geopandas.GeoSeries, file: Path) -> str:
    """Write street offices so that those near a place can be read alone; return the file's sha256.

    Raises:
        CrsError: the offices are not in STORED.
        GeometryError: an office is missing, of the wrong type or invalid, or a code comes twice.
    """
    require(offices, "polygon")
    near = offices.iloc[_along_a_curve(offices)]
    return _write_shapes(file, near, row_group_size=_OFFICES_TOGETHER, write_covering_bbox=True)


def write_sites(folder: Path, layer: str, sites: geopandas.GeoSeries, divisions: Iterable[str]) -> list[Path]:
    """Write a layer's sites to a folder, a file for each division; return the files.

    Args:
        folder: where the layer's own folder is made.
        layer: the layer's name.
        sites: shapes in STORED, indexed by code.
        divisions: each site's division code: what a file is called.
    """
    (folder / layer).mkdir(parents=True, exist_ok=True)
    for name, part in _cut(sites, divisions):
        _write_shapes(folder / layer / f"{name}.parquet", part)
    return files_of(folder, layer)


def _cut(sites: geopandas.GeoSeries, divisions: Iterable[str]) -> Iterable[tuple[str, geopandas.GeoSeries]]:
    """Yield the name and the sites of every file: neighbours stay together where one is cut."""
    for division, part in sites.groupby(numpy.asarray(list(divisions), dtype=object)):
        if len(part) <= MOST_SITES:
            yield division, part
            continue
        part = part.iloc[_along_a_curve(part)]
        for number, begin in enumerate(range(0, len(part), MOST_SITES), 1):
            yield f"{division}-{number}", part.iloc[begin : begin + MOST_SITES]


def _along_a_curve(shapes: geopandas.GeoSeries) -> numpy.ndarray:
    """Return the order in which neighbours stand together."""
    return (
        numpy.argsort(shapes.hilbert_distance().to_numpy(), kind="stable") if len(shapes) else numpy.arange(0)
    )


def _write_shapes(file: Path, shapes: geopandas.GeoSeries, **how: object) -> str:
    codes = shapes.index.to_numpy(dtype=object)
    frame = geopandas.GeoDataFrame({"code": codes}, geometry=shapes.to_numpy(), crs=shapes.crs)
    return _write(file, frame, **how)


def _write(file: Path, frame: pandas.DataFrame, **how: object) -> str:
    """Put a frame in the place of a file at once, and return the sha256 of what was written."""
    content = io.BytesIO()
    frame.to_parquet(content, index=False, **how)
    publish(file, [content.getbuffer()])
    return hashlib.sha256(content.getbuffer()).hexdigest()


def write_answers(file: Path, answers: pandas.DataFrame) -> str:
    """Write what the geo room says of sites, in the words of the record; return the file's sha256."""
    if "site" not in answers:
        answers = answers.rename_axis("code").reset_index()
    return _write(file, answers.rename(columns=WORDS))


def read_answers(file: Path) -> pandas.DataFrame:
    """Return what ``write_answers`` wrote, in the words of the record."""
    found = pandas.read_parquet(file)
    for name in {"code", "street_office_code"} & set(found):
        known = found[name].astype(object)
        found[name] = known.where(known.notna(), None)
    return found


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def require_once(files: Iterable[Path]) -> int:
    """Pass when no code comes twice in all partitions of a layer, and return how many there are.

    Only hashes are kept, eight bytes a row.

    Raises:
        FileError: a file is no Parquet file with the column code.
        GeometryError: a code comes twice, in one file or in two.
    """
    files = list(files)
    hashes = [pandas.util.hash_array(_codes(file)) for file in files]
    together = numpy.concatenate([numpy.empty(0, dtype=numpy.uint64), *hashes])
    together.sort()
    doubtful = together[1:][together[1:] == together[:-1]]
    seen: set[str] = set()
    for file, found in zip(files, hashes, strict=True) if len(doubtful) else ():
        for code in _codes(file)[numpy.isin(found, doubtful)]:
            if code in seen:
                raise GeometryError("Two geometries have the label %(label)s.", label=code)
            seen.add(code)
    return len(together)


def _codes(file: Path) -> numpy.ndarray:
    try:
        found = parquet.read_table(file, columns=["code"])["code"].to_pandas()
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            "%(file)s is no GeoParquet file with the columns code and geometry.", file=file
        ) from error
    return found.astype(str).to_numpy(dtype=object)


def write_manifest(folder: Path, told: Mapping) -> None:
    """Write what a batch did, with counts and hashes, beside its answers."""
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    publish(folder / MANIFEST, [text.encode()])
    for left in folder.rglob(".guatu-*.part"):  # by a worker that was killed while it wrote
        left.unlink()
