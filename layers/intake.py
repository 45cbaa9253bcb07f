"""Taking a file in: read, prepare, compare, write. One column of steps.

Nothing is lost: a row is stored, or set aside with its findings and its original values;
read = stored + set aside, always. The original file is kept under its sha256. All of it is
one transaction; the same file twice changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from sqlalchemy import func, insert, select

from geo.errors import Finding, RequestError
from layers import duty, reading, tables
from layers.catalogue import CODE_LISTS, Layer, layer_named
from layers.comparing import Change, compare, must_reassign
from layers.history import canonical
from layers.people import Person, require
from layers.preparing import FINDINGS, Prepared, prepare
from layers.receipt import Receipt, Request, keep_original, receipt_json, summary
from layers.rowhash import columns_hash
from layers.store import Store
from layers.validity import active_edition
from layers.work import Work

__all__ = ["FINDINGS", "Receipt", "Request", "receipt_json", "take_in"]


def take_in(
    store: Store,
    request: Request,
    person: Person,
    files: Path,
    say: Callable[[str], None] = duty.quiet,
) -> Receipt:
    """Load a file into a layer and return the receipt.

    ``files`` is the folder in which originals are kept. ``say`` is told each step. Raises
    FileError, CrsError, RequestError or StoreError when nothing can be stored: then nothing
    was written.
    """
    require(person, "load")
    layer = layer_named(request.layer)
    if request.code_list not in CODE_LISTS:
        raise RequestError(
            "No code list is called %(name)s; known are %(known)s.",
            name=request.code_list,
            known=", ".join(CODE_LISTS),
        )
    if request.code_list != "local" and layer.name != "street_offices":
        raise RequestError("A code list is for street offices; %(layer)s have none.", layer=layer.name)
    say("read")
    source = reading.read(request.path, layer_name=request.layer_name, encoding=request.encoding)
    say("check")
    prepared = prepare(layer, source, request, store.district().bounds)
    with store.writing(person) as work:
        say("store")
        receipt = _write(work, layer, source, request, prepared, say)
        if request.dry_run or receipt.repeated:
            work.discard()
        else:
            keep_original(request.path, source.sha256, files)
    return replace(receipt, load_id=None) if request.dry_run and not receipt.repeated else receipt


def _write(
    work: Work,
    layer: Layer,
    source: reading.Reading,
    request: Request,
    prepared: Prepared,
    say: Callable[[str], None],
) -> Receipt:
    """Write what the file changes, and its receipt; a file that was loaded before writes nothing."""
    load_id = work.open_load(layer.name, source.sha256, request.options)
    change = compare(work, layer.name, prepared, request.code_list)
    receipt = replace(_receipt(source, request, prepared, change), load_id=load_id)
    if not change.anything and (earlier := _earlier(work, source, request, load_id)):
        return replace(receipt, load_id=earlier, repeated=True)
    if change.anything:
        _log_load(work, layer.name, load_id, prepared.rows, change)
    if change.anything and layer.name == "street_offices":
        edition, state = _write_edition(work, load_id, change.inserted, request.code_list, say)
        receipt = replace(receipt, edition=edition, edition_state=state)
    elif change.anything:
        unanswered = _write_rows(work, layer.name, load_id, change, say)
        receipt = replace(receipt, findings=tuple(sorted([*receipt.findings, *unanswered])))
    work.close_load(load_id, summary(receipt), receipt.findings, prepared.set_aside)
    return receipt


def _receipt(source: reading.Reading, request: Request, prepared: Prepared, change: Change) -> Receipt:
    inserted, updated = len(change.inserted), len(change.updated_codes)
    return Receipt(
        layer=request.layer,
        file=request.path.name,
        sha256=source.sha256,
        crs=prepared.crs,
        read=len(source.rows),
        stored=len(prepared.rows),
        set_aside=len(prepared.set_aside),
        inserted=inserted,
        updated=updated,
        unchanged=len(prepared.rows) - inserted - updated,
        unmapped=prepared.unmapped,
        findings=tuple(sorted([*prepared.findings, *change.findings])),
        dry_run=request.dry_run,
    )


def _earlier(work: Work, source: reading.Reading, request: Request, load_id: int) -> int | None:
    """Return the latest load before this one of the same file in the same way, if any."""
    loads = tables.loads.c
    same = (
        loads.layer == request.layer,
        loads.sha256 == source.sha256,
        loads.options == canonical(request.options),
    )
    return work.connection.scalar(select(func.max(loads.id)).where(*same, loads.id != load_id))


def _log_load(work: Work, layer: str, load_id: int, rows: dict[str, dict], change: Change) -> None:
    """Write the load as one entry, and before and after only of rows that existed."""
    # Of a row that was there before, what it holds now; else the columns that a file brings are all.
    names = tuple(change.inserted[0]) if change.inserted else None
    now = [{**before, **after} for before, after in change.updated]
    now = [{name: row[name] for name in names or row} for row in now]
    written = sorted([*change.inserted, *now], key=itemgetter("row")) if now else change.inserted
    said = {
        "rows": len(rows),
        "inserted": len(change.inserted),
        "updated": len(change.updated),
        "sha256": columns_hash(tables.FEATURES[layer], _columns(written)),
    }
    work.log("load", layer, load_id=load_id, after=said)
    work.log_all(
        ("update", layer, after["code"], load_id, {n: before[n] for n in after}, after)
        for before, after in change.updated
    )


def _columns(rows: list[dict]) -> dict[str, Sequence]:
    """Return rows as columns: those of the first one, which the others have too."""
    names = tuple(rows[0]) if rows else ()
    return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True)) if rows else {}


def _write_rows(
    work: Work, layer: str, load_id: int, change: Change, say: Callable[[str], None]
) -> list[Finding]:
    """Write new and changed rows and moved stages, assign what is new or lies elsewhere now.

    Returns a note for each of these rows that no street office answers for.
    """
    if change.inserted:
        many = len(change.inserted)
        of_load = {"version": [1] * many, "load_id": [load_id] * many}
        work.insert_columns(tables.FEATURES[layer], {**_columns(change.inserted), **of_load})
    for before, after in change.updated:
        work.update_feature(layer, before["fid"], before["version"], {**after, "load_id": load_id})
    work.put_stages(change.stages, load_id)
    codes = [row["code"] for row in change.inserted]
    updated = {after["code"]: before.get("state") for before, after in change.updated}
    work.bump_rows(layer, {*codes, *updated}, updated.values())
    codes += [after["code"] for before, after in change.updated if must_reassign(layer, before, after)]
    if codes:
        say("assign")
        duty.assign_sites(work, (layer, codes), say)
    nobodys = duty.unanswered(work, layer)
    rows = [*change.inserted, *(after for _, after in change.updated)]
    told = [row["row"] for row in rows if row["code"] in nobodys]
    return [Finding(row, "geometry", "in_no_street_office", "note") for row in told]


def _write_edition(
    work: Work, load_id: int, rows: list[dict], code_list: str, say: Callable[[str], None]
) -> tuple[int, str]:
    """Write an edition of the street offices; the first one activates itself."""
    edition = {"load_id": load_id, "code_list": code_list, "state": "waiting"}
    edition_id = work.connection.execute(insert(tables.editions), edition).inserted_primary_key[0]
    known = {"version": 1, "load_id": load_id, "edition_id": edition_id}
    work.insert(tables.street_offices, [{**row, **known} for row in rows])
    if work.connection.scalar(select(active_edition())) is not None:
        return edition_id, "waiting"
    say("assign")
    duty.activate_edition(work, edition_id, say)
    return edition_id, "active"
