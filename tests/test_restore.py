"""A backup becomes the store again, the same to the last row; or nothing changes and it is said why."""

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from builders import put_district, told
from desk import Desk
from small_district import OFFICES, fill
from sqlalchemy import func, select, update

from geo.errors import PermissionError_, StoreBusyError, StoreError
from layers import open_store, sample, tables
from layers.backup import back_up
from layers.copying import contents
from layers.manifest import DATABASE, MANIFEST
from layers.people import OPERATOR, VISITOR
from layers.restore import restore
from layers.store import read_history, verify_history
from layers.turns import BESIDE

ROOT = Path(__file__).resolve().parents[1]

#: Writes until it is killed, and says so after each commit.
WRITE = """
import sys
from layers import open_store
from layers.people import OPERATOR
store = open_store(sys.argv[1], patience_s=60)
for n in range(10**6):
    with store.writing(OPERATOR) as work:
        work.set("n", str(n))
    print(n, flush=True)
"""
#: Has a store open, and reads nothing.
HOLD = """
import sys
from layers import open_store
store = open_store(sys.argv[1])
store.district()
print("open", flush=True)
sys.stdin.read()
"""


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def contained(store):
    with store.reading() as connection:
        return contents(connection)


# The drill.


@pytest.fixture(scope="module")
def sampled(new_url, tmp_path_factory):
    """The sample district in a store of each kind, with its originals: (address, folder)."""
    url, folder = new_url(), tmp_path_factory.mktemp("sampled")
    with closing(open_store(url)) as store:
        sample.load_sample(store, OPERATOR, folder)
    return url, folder


def test_the_drill_the_sample_district_comes_back_the_same_from_a_backup_under_load(
    sampled, new_url, tmp_path, make_app
):
    url, folder = sampled
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITE, url], cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as writer:
        try:
            assert writer.stdout.readline() == "0\n"
            with closing(open_store(url)) as store:
                made = back_up(store, OPERATOR, folder / "files", tmp_path / "backups")
        finally:
            writer.kill()
    target = new_url()
    done = restore(made.folder, target, OPERATOR, tmp_path / "data" / "files")
    assert (done.manifest, done.former) == (made.manifest, None)
    originals = everything(folder / "files")
    assert done.originals == len(originals) >= 4
    assert everything(tmp_path / "data" / "files") == originals
    with closing(open_store(target)) as again, closing(open_store(url)) as source:
        assert contained(again).digests == made.manifest.digests
        assert verify_history(again) is None
        assert read_history(again, made.manifest.anchor.hash).head == made.manifest.anchor.hash
        assert read_history(source, made.manifest.anchor.hash).anchored
        client = make_app(again).test_client()
        assert client.get("/healthz").status_code == client.get("/").status_code == 200
        compounds = again.frame(select(func.count().label("n")).select_from(tables.compounds))[0]["n"]
        assert len(client.get("/export/compounds.geojson").get_json()["features"]) == compounds > 100
        with again.writing(OPERATOR) as work:
            work.set("name_en", "Goes on")
            work.open_load("compounds", "0" * 64, {})
        assert verify_history(again) is None


@pytest.fixture
def backup(desk):
    """A backup of the small district."""
    return back_up(desk.store, OPERATOR, desk.files, desk.folder / "backups").folder


def renamed(store, name: str) -> int:
    """Give all compounds a name, and return the revision this makes."""
    with store.writing(OPERATOR) as work:
        work.connection.execute(update(tables.compounds).values(name=name))
        work.bump("compounds")
    return store.revision("compounds")


def asked(app, known: str = "") -> tuple[int, str, str]:
    """Ask for the compounds as a browser does that has an answer already: (status, its tag, what is told)."""
    client = app.test_client()
    with client.get("/map/compounds.geojson", headers={"If-None-Match": known}) as answer:
        return answer.status_code, answer.headers["ETag"], answer.text


def test_what_was_told_before_a_restore_never_passes_for_what_is_told_after_it(
    desk, backup, new_url, tmp_path, make_app
):
    target, revision = new_url(), renamed(desk.store, "before")
    kept = [asked(make_app(desk.store))[1]]
    for name in ("after", "once more"):
        # A file is restored over the one before, a database only into an empty one.
        target = target if target.startswith("sqlite:") else new_url()
        restore(backup, target, OPERATOR, tmp_path / "other")
        with closing(open_store(target)) as again:
            assert (renamed(again, name), again.identity()) == (revision, desk.store.identity())
        app = make_app(STORE=target)
        answers = [asked(app, known) for known in kept]
        assert all(status == 200 and name in told for status, _, told in answers)
        kept.append(answers[0][1])
        assert asked(app, kept[-1])[0] == 304
        app.extensions.pop("guatu").close()


@pytest.mark.postgis
def test_a_backup_of_either_store_is_restored_into_the_other(desk, backup, request, tmp_path):
    if desk.store.engine.dialect.name == "postgresql":
        target, drop = f"sqlite:///{tmp_path / 'other.db'}", None
    else:
        cluster = request.getfixturevalue("cluster")
        target = cluster.create()
        drop = cluster.drop
    restore(backup, target, OPERATOR, tmp_path / "other")
    with closing(open_store(target)) as other:
        assert told(other) == told(desk.store)
    assert everything(tmp_path / "other") == everything(desk.files)
    if drop:
        drop(target)


@pytest.mark.postgis
def test_a_database_that_is_not_empty_is_not_restored_into(backup, cluster, migrated, tmp_path):
    target = cluster.create(migrated)
    with closing(open_store(target)) as other:
        put_district(other)
        before = told(other)
        with pytest.raises(StoreError, match="is not empty: a backup is restored into an empty one"):
            restore(backup, target, OPERATOR, tmp_path / "other")
        assert told(other) == before
    assert not (tmp_path / "other").exists()
    cluster.drop(target)


# Into the place of a store in a file. What was backed up may have been either.


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "live" / "district.db"


@pytest.fixture
def live(file):
    """A later state of the district in a file, closed: its address."""
    url = f"sqlite:///{file}"
    with closing(open_store(url)) as store:
        desk = Desk(store, file.parent)
        fill(desk)
    return url


@pytest.fixture
def saved(live, file):
    """A backup of the file; then the store went on."""
    with closing(open_store(live)) as store:
        made = back_up(store, OPERATOR, file.parent / "files", file.parent / "backups").folder
        with store.writing(OPERATOR) as work:
            work.set("name_en", "Later")
    return made


def put_back(saved: Path, file: Path, person=OPERATOR):
    return restore(saved, f"sqlite:///{file}", person, file.parent / "files")


def stores_beside(file: Path) -> list[str]:
    # A grid is kept for the boundaries it was made of, and looked up for no others (test_gridfile).
    other = ("-wal", "-shm", ".grid", *BESIDE)
    found = [path.name for path in file.parent.iterdir() if path.name.startswith((".", "district"))]
    return sorted(name for name in found if not name.endswith(other))


def test_the_former_store_is_kept_and_can_itself_be_opened(saved, file, live):
    with closing(open_store(live)) as store:
        later = told(store)
    done = put_back(saved, file)
    assert done.former.parent == file.parent
    assert done.former.name.startswith("district.db.before-restore-2")
    assert stores_beside(file) == ["district.db", done.former.name]
    with closing(open_store(live)) as again, closing(open_store(f"sqlite:///{done.former}")) as former:
        assert again.district().name_en == ""
        assert contained(again).digests == done.manifest.digests
        assert told(former) == later


def test_a_log_that_a_killed_process_left_is_part_of_the_former_store_and_of_no_other(saved, file, live):
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITE, live], cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as writer:
        said = [writer.stdout.readline() for _ in range(5)]
        writer.kill()
        said += writer.stdout.readlines()
    assert (file.parent / "district.db-wal").stat().st_size > 0
    done = put_back(saved, file)
    assert stores_beside(file) == ["district.db", done.former.name]
    with closing(open_store(live)) as again, closing(open_store(f"sqlite:///{done.former}")) as former:
        assert contained(again).digests == done.manifest.digests
        counted = {row["key"]: row["value"] for row in former.frame(select(tables.settings))}["n"]
        assert int(counted) >= int(said[-1])


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "gone"])
def test_a_store_that_is_damaged_is_moved_aside_with_all_that_lies_beside_it(saved, file, live, damage):
    content = file.read_bytes()
    damaged = {"garbage": b"x" * 9000, "empty": b"", "cut": content[:6000], "gone": None}[damage]
    # A log that was left by a store that is there no more must not be applied to the new one.
    other = file if damage == "cut" else file.with_name("other.db")
    with closing(open_store(f"sqlite:///{other}")) as store:
        with store.writing(OPERATOR) as work:
            work.set("name_en", "Elsewhere")
        logs = {suffix: Path(f"{other}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    file.unlink()
    if damaged is not None:
        file.write_bytes(damaged)
    for suffix, log in logs.items() if damage != "garbage" else ():
        Path(f"{file}{suffix}").write_bytes(log)
    done = put_back(saved, file)
    with closing(open_store(live)) as again:
        assert contained(again).digests == done.manifest.digests
    if damage in ("garbage", "gone"):
        assert (done.former.read_bytes() if done.former else None) == damaged
    assert (done.former is None) == (damage == "gone")


@pytest.mark.parametrize("damaged", [False, True])
def test_a_store_that_another_process_has_open_is_not_replaced(saved, file, live, damaged):
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HOLD, live],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        if damaged:
            with file.open("rb+") as opened:
                opened.write(b"x" * 4096)
        before = stores_beside(file)
        content = file.read_bytes()
        with pytest.raises(StoreBusyError, match="is open in another process: stop that first"):
            put_back(saved, file)
        assert stores_beside(file) == before
        assert file.read_bytes() == content
        holder.stdin.close()
        holder.wait(60)
    put_back(saved, file)
    with closing(open_store(live)) as again:
        assert again.district().name_en == ""


def test_a_store_that_this_process_has_open_is_not_replaced_either(saved, file, live):
    with closing(open_store(live)) as store:
        store.district()
        with pytest.raises(StoreBusyError):
            put_back(saved, file)
        assert store.district().name_en == "Later"


def test_whoever_opens_the_store_while_it_is_restored_gets_the_old_or_the_new(saved, file, live):
    """Edits that are acknowledged meanwhile are in one of the two files."""
    opening = WRITE.replace("store = open_store", "import time\nstore = open_store").replace(
        "print(n, flush=True)", "print(n, flush=True)\n    if n > 30: break"
    )
    script = opening + "\nstore.close()\n"
    command = [sys.executable, "-W", "error", "-c", script, live]
    done = None
    for _ in range(2):
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as writer:
            until = time.monotonic() + 60
            while writer.poll() is None and time.monotonic() < until:
                try:
                    done = put_back(saved, file)
                except StoreBusyError:
                    time.sleep(0.01)
            said = writer.stdout.read().splitlines()
            assert writer.wait(60) == 0
        assert said[-1] == "31"
        values = []
        for path in (file, *file.parent.glob("district.db.before-restore-*")):
            if path.name.endswith(("-wal", "-shm")):
                continue
            with closing(open_store(f"sqlite:///{path}")) as store:
                assert verify_history(store) is None
                with store.reading() as connection:
                    assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
                values += [r["value"] for r in store.frame(select(tables.settings)) if r["key"] == "n"]
        assert "31" in values
        for path in file.parent.glob("district.db.before-restore-*"):
            path.unlink()
    assert done is not None


def test_a_backup_of_another_district_is_refused(saved, file, tmp_path):
    with closing(open_store(f"sqlite:///{tmp_path / 'x' / 'other.db'}")) as store:
        Desk(store, tmp_path / "x").load("street_offices", OFFICES)
    before = everything(tmp_path / "x")
    assert "other.db" in before
    with pytest.raises(StoreError, match="is of another district than the store .*: move that away first"):
        put_back(saved, tmp_path / "x" / "other.db")
    # Whoever looks into a file in WAL mode leaves an empty log.
    after = everything(tmp_path / "x")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"other.db-wal", "other.db-shm"}


def test_a_database_of_another_program_is_not_replaced(saved, tmp_path):
    path = tmp_path / "roads.db"
    with closing(sqlite3.connect(path)) as shell:
        shell.execute("CREATE TABLE roads (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is an SQLite database of another program"):
        put_back(saved, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", [DATABASE, MANIFEST, "original"])
@pytest.mark.parametrize("how", ["altered", "cut", "gone"])
def test_a_damaged_backup_replaces_nothing(saved, file, name, how):
    path = next(p for p in (saved / "files").rglob("*.geojson")) if name == "original" else saved / name
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if how == "cut" else content[:99] + b"\xff" + content[100:])
    before = everything(file.parent)
    with pytest.raises(StoreError, match="altered|missing|no backup"):
        put_back(saved, file)
    assert everything(file.parent) == before


def test_a_person_who_may_not_restores_nothing(saved, file):
    before = everything(file.parent)
    with pytest.raises(PermissionError_):
        put_back(saved, file, VISITOR)
    assert everything(file.parent) == before


def test_originals_that_are_missing_or_not_whole_are_put_back_and_others_stay(saved, file):
    files = file.parent / "files"
    before = everything(files)
    one, other, *_ = sorted(path for path in files.rglob("*") if path.is_file())
    one.unlink()
    other.write_bytes(b"spoiled")
    later = files / "ab" / ("ab" * 32) / "later.csv"
    later.parent.mkdir(parents=True)
    later.write_text("code")
    assert put_back(saved, file).originals == 2
    assert everything(files) == before | {str(later.relative_to(files)): b"code"}


#: Restores where no file may become larger than so many bytes.
LIMITED = """
import resource, sys
from pathlib import Path
from geo.errors import StoreError
from layers.people import OPERATOR
from layers.restore import restore
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    restore(Path(sys.argv[1]), sys.argv[2], OPERATOR, Path(sys.argv[3]))
except StoreError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("full_at", ["first byte", "new file", "former file", "log"])
def test_a_disk_that_is_full_leaves_the_store_as_it_was(saved, file, live, full_at):
    with closing(open_store(live)) as store:
        if full_at == "former file":
            with store.writing(OPERATOR) as work:
                work.set("name_zh", "长" * 100_000)
        before = told(store)
    size = (saved / DATABASE).stat().st_size
    # A log holds every page with 24 bytes more.
    limit = {"first byte": 0, "new file": 50_000, "former file": size + 1000, "log": size + 500}[full_at]
    assert (file.stat().st_size > limit) == (full_at != "log")
    command = [sys.executable, "-W", "error", "-c", LIMITED, saved, live, file.parent / "files", str(limit)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(f"The store {live} cannot be restored: "), done.stderr
    assert stores_beside(file) == ["district.db"]
    with closing(open_store(live)) as store:
        assert told(store) == before


#: Restores, and is killed after so many milliseconds: as often as a line says.
KILLED = """
import os, signal, sys, time
from pathlib import Path
from layers.people import OPERATOR
from layers.restore import restore
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        restore(Path(sys.argv[1]), sys.argv[2], OPERATOR, Path(sys.argv[3]))
        os._exit(0)
    time.sleep(int(line) / 1000)
    os.kill(child, signal.SIGKILL)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(saved, file, live):
    """Killed at many moments: what is there is a whole store, of the one state or the other."""
    command = [sys.executable, "-W", "error", "-c", KILLED, saved, live, file.parent / "files"]
    seen = []
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as process:
        for cycle in range(24):
            with closing(open_store(live)) as store, store.writing(OPERATOR) as work:
                work.set("name_en", "Later")
            process.stdin.write(f"{cycle * 25}\n")
            process.stdin.flush()
            killed = process.stdout.readline() == f"{signal.SIGKILL.value}\n"
            with closing(open_store(live)) as store:
                name = store.district().name_en
                assert verify_history(store) is None
                with store.reading() as connection:
                    assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert name in ("", "Later") and (killed or name == "")
            seen.append(name)
        process.stdin.close()
    assert seen[0] == "Later"
