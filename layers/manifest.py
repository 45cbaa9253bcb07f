"""What a backup says of itself: its manifest, in a form in which every altered byte shows."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from geo.errors import StoreError
from layers.copying import Digest
from layers.disk import FileDigest
from layers.originals import PLACE

#: What lies in a backup's folder: the manifest, the store's file, the folder of originals.
MANIFEST, DATABASE, ORIGINALS = "manifest.json", "district.db", "files"
#: The number of this form; a backup of a higher one was made by a newer Guatu.
_FORM = 1


class Anchor(NamedTuple):
    """The last entry of a history at some moment: its number and its hash."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Manifest:
    """One backup: when it was made of which store, and all that it holds.

    ``kind`` is ``embedded`` or ``postgis``, ``identity`` as of ``Store.identity``, ``schema`` the
    version of the tables; ``digests`` are by table, ``files`` by path below the backup's folder;
    ``missing`` are the sha256 of originals that the store names and nobody had any more.
    """

    at: str
    kind: str
    identity: str
    schema: str
    anchor: Anchor
    digests: dict[str, Digest]
    files: dict[str, FileDigest]
    missing: tuple[str, ...] = ()


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest into a backup's folder."""
    body = {
        "form": _FORM,
        "at": manifest.at,
        "store": {"kind": manifest.kind, "identity": manifest.identity, "schema": manifest.schema},
        "anchor": manifest.anchor._asdict(),
        "digests": {name: digest._asdict() for name, digest in manifest.digests.items()},
        "files": {name: digest._asdict() for name, digest in manifest.files.items()},
        "missing": manifest.missing,
    }
    (folder / MANIFEST).write_bytes(_told(body))


def read(folder: Path) -> Manifest:
    """Return the manifest of the backup in a folder.

    Raises StoreError where there is none, where a byte of it was altered (as its own sha256
    tells), and where a newer Guatu wrote it.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise StoreError("%(backup)s is no backup: it has no manifest.json.", backup=folder) from error
    try:
        body = json.loads(content)["body"]
        if _told(body) != content:
            raise ValueError(folder)
        return _manifest(body) if body["form"] == _FORM else _refuse_newer(folder)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError("The manifest of the backup %(backup)s was altered.", backup=folder) from error


def _refuse_newer(folder: Path) -> Manifest:
    raise StoreError("The backup %(backup)s was made by a newer Guatu than this one.", backup=folder)


def _told(body: dict) -> bytes:
    """Return the one text of a manifest: its body, and the sha256 of the body."""
    sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (json.dumps({"body": body, "sha256": sha256}, sort_keys=True, indent=1) + "\n").encode()


def _manifest(body: dict) -> Manifest:
    files = {name: FileDigest(**digest) for name, digest in body["files"].items()}
    # A path that leads elsewhere would be read, and put back, outside of the folder.
    if not all(name == DATABASE or PLACE.fullmatch(name.removeprefix(f"{ORIGINALS}/")) for name in files):
        raise ValueError("files")
    return Manifest(
        at=body["at"],
        **body["store"],
        anchor=Anchor(**body["anchor"]),
        digests={name: Digest(**digest) for name, digest in body["digests"].items()},
        files=files,
        missing=tuple(body["missing"]),
    )
