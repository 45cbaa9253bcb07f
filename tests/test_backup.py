"""A backup is whole, or it is none; whoever touches it is found out; old ones go when a new one is whole."""

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import geopandas
import pytest
import shapely
from builders import told
from desk import Desk
from small_district import OFFICES, fill
from sqlalchemy import select

from geo.errors import PermissionError_, StoreBusyError, StoreError
from layers import manifest as manifests
from layers import open_store, tables
from layers.backup import back_up
from layers.copying import contents
from layers.disk import digest_of
from layers.embedded import open_unchanging
from layers.inspecting import anchor_of, check_backup
from layers.manifest import DATABASE, MANIFEST
from layers.people import OPERATOR, VISITOR
from layers.schema import MIGRATIONS
from layers.store import read_history, verify_history

ROOT = Path(__file__).resolve().parents[1]

#: Counts up in the store, each time in a transaction of its own, until it is killed.
COUNT = """
import sys
from layers import open_store
from layers.people import OPERATOR
store = open_store(sys.argv[1], patience_s=60)
for n in range(10**6):
    with store.writing(OPERATOR) as work:
        work.set("n", str(n))
        work.set("same", str(n))
    print(n, flush=True)
"""


@pytest.fixture
def backed(desk, tmp_path):
    """Make a backup of the small district; ``last`` has it."""

    def back(**options):
        return back_up(desk.store, OPERATOR, desk.files, tmp_path / "backups", **options)

    return back


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What a backup holds.


def test_a_backup_holds_every_row_every_original_and_the_end_of_the_history(desk, backed, tmp_path):
    made = backed()
    assert names(tmp_path / "backups") == [made.folder.name]
    assert made.folder.name.endswith(f"Z-{made.manifest.anchor.hash[:8]}")
    with closing(open_unchanging(made.folder / DATABASE)) as copy:
        assert told(copy) == told(desk.store)
    files = everything(desk.files)
    assert len(files) == 4
    assert everything(made.folder / "files") == files
    last = desk.rows(tables.history)[-1]
    known = made.manifest
    assert known.anchor == (last["seq"], last["hash"])
    with desk.store.reading() as connection:
        assert known.digests == contents(connection).digests
    kind = {"sqlite": "embedded", "postgresql": "postgis"}[desk.store.engine.dialect.name]
    assert (known.kind, known.identity, known.missing) == (kind, desk.store.identity(), ())
    assert sorted(known.files) == sorted([DATABASE, *(f"files/{name}" for name in files)])
    assert names(made.folder) == [DATABASE, "files", MANIFEST]
    assert check_backup(made.folder) == manifests.read(made.folder) == known


def test_a_backup_changes_nothing_in_the_store(desk, backed):
    before = desk.everything()
    backed()
    assert desk.everything() == before


def test_a_backup_under_load_is_one_state_of_the_store(desk, store_url, backed):
    command = [sys.executable, "-W", "error", "-c", COUNT, store_url]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout.readline() == "0\n"
            first, said = backed(), writer.stdout.readline()
            time.sleep(0.2)
            second = backed()
        finally:
            writer.kill()
    assert said
    counted = []
    for made in (first, second):
        check_backup(made.folder)
        with closing(open_unchanging(made.folder / DATABASE)) as copy:
            values = {row["key"]: row["value"] for row in copy.frame(select(tables.settings))}
            assert values["n"] == values["same"]
            assert read_history(copy, made.manifest.anchor.hash).anchored
            counted.append(int(values["n"]))
        assert read_history(desk.store, made.manifest.anchor.hash).anchored
    assert counted[0] < counted[1]
    assert first.manifest.anchor.seq < second.manifest.anchor.seq
    assert verify_history(desk.store) is None


def test_an_empty_store_and_a_person_who_may_not_get_no_backup(store, tmp_path):
    with pytest.raises(StoreError, match="^The store is empty: there is nothing to back up.$"):
        back_up(store, OPERATOR, tmp_path / "files", tmp_path / "backups")
    assert names(tmp_path / "backups") == []
    with pytest.raises(PermissionError_):
        back_up(store, VISITOR, tmp_path / "files", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_a_store_whose_history_is_broken_gets_no_backup(desk, backed, tmp_path):
    with desk.store.writing(OPERATOR) as work:
        last = desk.rows(tables.history)[-1]
        work.insert(tables.history, [{**last, "seq": 9999, "hash": "x"}])
    with pytest.raises(StoreError, match="broken at entry 9999"):
        backed()
    assert names(tmp_path / "backups") == []


# The rest needs no second kind of store: a backup is the same of either.


@pytest.fixture
def kept(tmp_path):
    """A small district in a file."""
    with closing(open_store(f"sqlite:///{tmp_path / 'district.db'}")) as opened:
        made = Desk(opened, tmp_path)
        fill(made)
        yield made


def back(desk: Desk, **options):
    return back_up(desk.store, OPERATOR, desk.files, desk.folder / "backups", **options)


@pytest.mark.parametrize("how", ["gone", "altered", "cut"])
def test_an_original_that_is_not_whole_stops_the_backup_or_is_named_in_it(kept, how):
    original = sorted(path for path in kept.files.rglob("*") if path.is_file())[1]
    content, sha256 = original.read_bytes(), original.parent.name
    if how == "gone":
        original.unlink()
    else:
        original.write_bytes(content[:-1] if how == "cut" else content[:-1] + b"x")
    with pytest.raises(StoreError, match=f"missing or altered in .*files: {sha256}. With --incomplete"):
        back(kept)
    assert names(kept.folder / "backups") == []
    made = back(kept, incomplete=True)
    assert made.manifest.missing == (sha256,)
    assert check_backup(made.folder) == made.manifest


def test_a_shapefile_is_backed_up_with_all_that_belongs_to_it(kept, tmp_path):
    frame = geopandas.GeoDataFrame(
        {"code": ["K77"]}, geometry=[shapely.box(117.001, 36.601, 117.002, 36.602)]
    )
    frame.set_crs(4490).to_file(tmp_path / "院.shp", encoding="utf-8")
    kept.load("compounds", tmp_path / "院.shp")
    made = back(kept)
    parts = [Path(name) for name in made.manifest.files if "院" in name]
    assert {part.suffix for part in parts} >= {".shp", ".shx", ".dbf", ".prj"}
    (dbf,) = (part for part in parts if part.suffix == ".dbf")
    place = kept.files / dbf.relative_to("files")
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match=f"missing or altered in .*: {place.parent.name}"):
        back(kept)


def test_what_is_no_original_is_left_out(kept):
    place = next(path for path in kept.files.rglob("*") if path.is_file())
    (place.parent / "rows.geojson.part").write_text("half")
    (kept.files / "notes.txt").write_text("mine")
    (place.parent / "link.geojson").symlink_to("/etc/hostname")
    made = back(kept)
    (place.parent / "link.geojson").unlink()
    assert len(made.manifest.files) == 5


def test_the_next_backup_shares_the_files_that_are_the_same_but_never_those_of_the_store(kept):
    first, second = back(kept), back(kept)
    same = [name for name in first.manifest.files if name != DATABASE]
    assert len(same) == 4
    for name in same:
        assert (first.folder / name).samefile(second.folder / name)
        assert not (first.folder / name).samefile(kept.folder / name)
    spoiled = first.folder / same[0]
    spoiled.unlink()
    spoiled.write_bytes(b"rotten")
    (second.folder / same[0]).unlink()
    third = back(kept)
    assert check_backup(third.folder).files == first.manifest.files | {
        DATABASE: third.manifest.files[DATABASE]
    }


# Tampering.


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A backup that no test here changes."""
    folder = tmp_path_factory.mktemp("sound")
    with closing(open_store(f"sqlite:///{folder / 'district.db'}")) as opened:
        desk = Desk(opened, folder)
        fill(desk)
        yield back(desk).folder


@pytest.fixture
def spoiled(sound, tmp_path):
    """A copy of the backup, to be spoiled."""
    return Path(shutil.copytree(sound, tmp_path / "spoiled"))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("part", range(24))
def test_one_altered_byte_of_any_file_is_found(spoiled, part):
    for path in sorted(p for p in spoiled.rglob("*") if p.is_file()):
        place = part * (path.stat().st_size - 1) // 23
        flip(path, place)
        said = "manifest of the backup .* was altered" if path.name == MANIFEST else "was cut or altered"
        with pytest.raises(StoreError, match=said):
            check_backup(spoiled)
        flip(path, place)
    check_backup(spoiled)


def test_every_altered_byte_of_the_manifest_is_found(spoiled):
    path = spoiled / MANIFEST
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(StoreError, match="was altered"):
            manifests.read(spoiled)
    for end in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(StoreError, match="was altered"):
            manifests.read(spoiled)
    path.write_bytes(content)
    check_backup(spoiled)


def test_a_file_that_is_missing_or_cut_is_named(spoiled):
    for path in sorted(p for p in spoiled.rglob("*") if p.is_file() and p.name != MANIFEST):
        content, name = path.read_bytes(), path.relative_to(spoiled).as_posix()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(StoreError, match=f"is not whole: {name} was cut or altered.$"):
            check_backup(spoiled)
        path.unlink()
        with pytest.raises(StoreError, match=f"is not whole: {name} is missing.$"):
            check_backup(spoiled)
        path.symlink_to("/etc/hostname")
        with pytest.raises(StoreError, match=f"is not whole: {name} is missing.$"):
            check_backup(spoiled)
        path.unlink()
        path.write_bytes(content)
    (spoiled / MANIFEST).unlink()
    with pytest.raises(StoreError, match=f"^{spoiled} is no backup: it has no manifest.json.$"):
        check_backup(spoiled)


def rewrite(folder: Path, change) -> None:
    """Write a manifest anew whose own sha256 fits, as somebody who knows its form could."""
    body = json.loads((folder / MANIFEST).read_bytes())["body"]
    change(body)
    (folder / MANIFEST).write_bytes(manifests._told(body))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b.update(form=2), "was made by a newer Guatu"),
        (lambda b: b["store"].update(schema="9999"), "was made by a newer Guatu"),
        (lambda b: b["store"].update(identity="00000000"), "history in the backup .* was altered"),
        (lambda b: b["anchor"].update(seq=1), "history in the backup .* was altered"),
        (lambda b: b["anchor"].update(hash="0" * 64), "history in the backup .* was altered"),
        (lambda b: b["digests"]["targets"].update(rows=9), "table targets in the backup .* was altered"),
        (lambda b: b["digests"].pop("compounds"), "table compounds in the backup .* was altered"),
        (lambda b: b["files"].pop("district.db"), "district.db is missing"),
        (lambda b: b.update(missing=["ab" * 32]), "are not those that its store names"),
        (lambda b: b["files"].popitem(), "are not those that its store names|is missing"),
        (lambda b: b["files"].update({"files/../../x": {"size": 1, "sha256": ""}}), "was altered"),
        (lambda b: b["files"].update({"/etc/hostname": {"size": 1, "sha256": ""}}), "was altered"),
        (lambda b: b.update(anchor=[]), "was altered"),
    ],
)
def test_a_manifest_that_says_what_is_not_so_is_found(spoiled, change, said):
    rewrite(spoiled, change)
    for path in (spoiled / "files").rglob("*"):
        # An original that no manifest names is not in the backup.
        if path.is_file() and str(path.relative_to(spoiled)) not in (spoiled / MANIFEST).read_text():
            path.unlink()
    with pytest.raises(StoreError, match=said):
        check_backup(spoiled)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("UPDATE compounds SET households = 99 WHERE code = 'K01'", "table compounds"),
        ("DELETE FROM history WHERE seq = (SELECT max(seq) FROM history)", "history"),
        ("UPDATE history SET person = 'nobody' WHERE seq = 2", "history"),
        ("UPDATE alembic_version SET version_num = 'x'", "database .* is damaged"),
        ("DROP TABLE loads", "database .* is damaged"),
    ],
)
def test_a_database_that_was_altered_with_its_sha256_is_found_by_its_digests(spoiled, step, said):
    with closing(sqlite3.connect(spoiled / DATABASE)) as shell:
        for guard in ("history_no_update", "history_no_delete", "history_no_replace"):
            shell.execute(f"DROP TRIGGER {guard}")
        shell.execute(step)
        shell.commit()
    rewrite(spoiled, lambda body: body["files"][DATABASE].update(digest_of(spoiled / DATABASE)._asdict()))
    with pytest.raises(StoreError, match=said):
        check_backup(spoiled)


NEXT = "from alembic import op\nrevision = 'next'\ndown_revision = {down!r}\ndef upgrade():\n    {step}\n"


def test_a_backup_of_an_older_program_is_still_a_backup_and_its_damage_is_still_found(spoiled, tmp_path):
    later = Path(
        shutil.copytree(MIGRATIONS, tmp_path / "later", ignore=shutil.ignore_patterns("__pycache__"))
    )
    down = check_backup(spoiled).schema
    step = "op.execute('ALTER TABLE settings ADD COLUMN more TEXT')"
    (later / "versions" / "next.py").write_text(NEXT.format(down=down, step=step))
    assert check_backup(spoiled, migrations=later).schema == down
    flip(spoiled / DATABASE, 9000)
    with pytest.raises(StoreError, match="was cut or altered"):
        check_backup(spoiled, migrations=later)
    rewrite(spoiled, lambda body: body["anchor"].update(seq=1))
    flip(spoiled / DATABASE, 9000)
    with pytest.raises(StoreError, match="history in the backup .* was altered"):
        check_backup(spoiled, migrations=later)


def test_an_anchor_is_a_hash_or_that_of_a_backup(sound):
    hash_ = manifests.read(sound).anchor.hash
    assert anchor_of(hash_) == anchor_of(str(sound)) == hash_
    with pytest.raises(StoreError, match="^nowhere is no backup"):
        anchor_of("nowhere")


# How many are kept.


def test_the_newest_whole_backups_are_kept(kept):
    made = [back(kept).folder.name for _ in range(4)]
    last = back(kept, keep=3)
    assert names(kept.folder / "backups") == [*made[2:], last.folder.name]
    assert (last.removed, last.damaged) == ((made[1], made[0]), ())
    for name in (*made[2:], last.folder.name):
        check_backup(kept.folder / "backups" / name)
    alone = back(kept, keep=1)
    assert names(kept.folder / "backups") == [alone.folder.name]


def test_a_backup_that_is_not_whole_counts_for_nothing_and_is_left_alone(kept):
    made = [back(kept).folder for _ in range(3)]
    flip(made[2] / DATABASE, 5000)
    (made[1] / MANIFEST).write_text("{}")
    last = back(kept, keep=2)
    assert (last.removed, last.damaged) == ((), (made[2].name, made[1].name))
    assert names(kept.folder / "backups") == [*(m.name for m in made), last.folder.name]


def test_what_is_no_backup_of_this_store_is_never_removed(kept, tmp_path):
    folder = kept.folder / "backups"
    first = back(kept).folder
    with closing(open_store(f"sqlite:///{tmp_path / 'other.db'}")) as opened:
        other = Desk(opened, tmp_path)
        other.load("street_offices", OFFICES)
        foreign = back(other).folder
    renamed = first.with_name("before the move")
    shutil.copytree(first, renamed)
    (folder / "20220630T000000.000000Z-abcdef12").write_text("a file")
    (folder / "notes").mkdir()
    last = back(kept, keep=1)
    stay = [foreign.name, renamed.name, "20220630T000000.000000Z-abcdef12", "notes", last.folder.name]
    assert names(folder) == sorted(stay)
    assert last.removed == (first.name,)


def test_one_backup_at_a_time_and_what_a_killed_one_left_is_cleared_away(kept):
    folder = kept.folder / "backups"
    (folder / ".partial-abc" / "files").mkdir(parents=True)
    (folder / ".removed-20220630T000000.000000Z-abcdef12").mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreBusyError, match="Another backup is being made"):
            back(kept)
        assert len(names(folder)) == 2
    made = back(kept)
    assert names(folder) == [made.folder.name]


# A disk that is full.

#: Makes a backup where no file may become larger than so many bytes.
LIMITED = """
import resource, sys
from pathlib import Path
from geo.errors import StoreError
from layers import open_store
from layers.backup import back_up
from layers.people import OPERATOR
store = open_store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    back_up(store, OPERATOR, Path(sys.argv[2]), Path(sys.argv[3]), keep=1)
except StoreError as error:
    sys.exit(str(error))
finally:
    store.close()
"""


@pytest.mark.parametrize("limit", [0, 50_000, 150_000])
def test_a_disk_that_is_full_leaves_the_old_backups_and_no_half_one(desk, store_url, backed, limit):
    first = backed()
    before = everything(first.folder)
    assert len(before[DATABASE]) > 150_000
    command = [sys.executable, "-W", "error", "-c", LIMITED, store_url, desk.files, first.folder.parent]
    done = subprocess.run([*command, str(limit)], cwd=ROOT, text=True, capture_output=True, timeout=120)
    assert done.returncode == 1
    assert re.fullmatch(r"No backup can be made in .*backups: [^\n]*\n", done.stderr), done.stderr
    assert names(first.folder.parent) == [first.folder.name]
    assert everything(first.folder) == before
    assert verify_history(desk.store) is None
    assert back_up(desk.store, OPERATOR, desk.files, first.folder.parent, keep=1).removed == (
        first.folder.name,
    )


def test_a_folder_that_cannot_be_written_is_said(kept):
    blocked = kept.folder / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="^No backup can be made in .*: Not a directory|File exists"):
        back_up(kept.store, OPERATOR, kept.files, blocked / "backups")
    assert os.listdir(kept.folder).count("backups") == 0
