"""What is asked of a load and what is said of it: the request, the receipt, the kept original."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from geo.errors import Finding, StoreError
from layers import reading
from layers.disk import copy_whole


@dataclass(frozen=True)
class Request:
    """What to load and how: ``fields`` maps our field names to the file's headings."""

    layer: str
    path: Path
    fields: Mapping[str, str] = field(default_factory=dict)
    crs: str | None = None
    layer_name: str | None = None
    encoding: str | None = None
    code_list: str = "local"
    dry_run: bool = False

    @property
    def options(self) -> dict:
        """What decides, besides the file itself, what the load stores."""
        named = ("crs", "layer_name", "encoding", "code_list")
        return {"fields": dict(self.fields), **{name: getattr(self, name) for name in named}}


@dataclass(frozen=True)
class Receipt:
    """What became of a file: ``read`` = ``stored`` + ``set_aside``; stored = the three after it.

    ``edition`` is the number of the edition a load of street offices made, ``edition_state``
    whether it is active or waits; ``repeated`` says that this very file had been loaded before
    (then ``load_id`` is of that load) and that nothing changed; a dry run has no ``load_id``.
    ``findings`` are by row, in order.
    """

    layer: str
    file: str
    sha256: str
    crs: str
    read: int
    stored: int
    set_aside: int
    inserted: int
    updated: int
    unchanged: int
    unmapped: tuple[str, ...]
    findings: tuple[Finding, ...]
    load_id: int | None = None
    edition: int | None = None
    edition_state: str | None = None
    repeated: bool = False
    dry_run: bool = False


def summary(receipt: Receipt) -> dict:
    """Return the receipt without its findings, which have a table of their own."""
    return {f.name: getattr(receipt, f.name) for f in fields(receipt) if f.name != "findings"}


def receipt_json(receipt: Receipt) -> str:
    """Return the receipt as one JSON text."""
    found = [finding._asdict() for finding in receipt.findings]
    return json.dumps({**summary(receipt), "findings": found}, ensure_ascii=False)


def keep_original(path: Path, sha256: str, files: Path) -> None:
    """Keep the file (a shapefile with its siblings) under its sha256; what is kept stays.

    Raises StoreError when the folder ``files`` cannot take it.
    """
    folder = files / sha256[:2] / sha256
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in reading.parts(path):
            if not (folder / part.name).exists():
                copy_whole(part, folder / part.name)
        kept = reading.fingerprint(folder / path.name)
    except OSError as error:
        raise StoreError(
            "The original of %(file)s cannot be kept in %(folder)s: %(reason)s.",
            file=path.name,
            folder=files,
            reason=error.strerror,
        ) from error
    if kept != sha256:
        shutil.rmtree(folder)
        raise StoreError("%(file)s was changed while it was read; load it again.", file=path.name)
