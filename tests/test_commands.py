import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po
from builders import put_district, put_edition, told, without_guards
from sqlalchemy import select
from sqlalchemy import text as sql

from app import create_app
from layers import open_store, tables
from layers.people import OPERATOR
from layers.store import verify_history
from webmap.commands import STEPS, Command, Option

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "accept-clock",
    "activate",
    "assign",
    "backup",
    "compare",
    "copy-store",
    "decide",
    "describe",
    "draw",
    "export",
    "grant-roles",
    "load",
    "migrate",
    "plan",
    "record",
    "restore",
    "rule",
    "sample",
    "serve",
    "sheet",
    "standards",
    "verify",
    "wallmap",
)
OFFICES = {"A": 0.0, "B": 0.01}
PLAN = "[plan.2022]\ndue_on = 2022-11-30\n"


@pytest.fixture
def run(make_app, store):
    """Run a command in English (or in the language that is asked for)."""

    def run(*arguments: object, language: str = "en"):
        runner = make_app(store, CLI_LANGUAGE=language).test_cli_runner()
        return runner.invoke(args=[str(argument) for argument in arguments])

    return run


@pytest.fixture
def plain(tmp_path):
    """Run a command as a terminal would, in a process of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GUATU_", "LC_", "LANG"))
        }
        place = {"GUATU_DATA": str(tmp_path / "data"), "GUATU_LANG": "en", "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "flask", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**kept, **place, **environment},
            text=True,
            capture_output=True,
            timeout=120,
        )

    return run


def square(west: float, side: float = 0.01) -> dict:
    west, south = 117 + west, 36.6
    ring = [
        [west, south],
        [west + side, south],
        [west + side, south + side],
        [west, south + side],
        [west, south],
    ]
    return {"type": "Polygon", "coordinates": [ring]}


def written(path: Path, *features: tuple[dict | None, dict], crs: str | None = None) -> Path:
    content = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": g, "properties": p} for g, p in features],
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def offices(tmp_path) -> Path:
    return written(
        tmp_path / "offices.geojson",
        *((square(west), {"code": code, "name": f"Office {code}"}) for code, west in OFFICES.items()),
    )


@pytest.fixture
def compounds(tmp_path) -> Path:
    return written(
        tmp_path / "compounds.geojson",
        (square(0.001, 0.001), {"code": "C1", "households": "many"}),
        (square(0.0095, 0.001), {"code": "C2", "stage": "施工"}),
        (None, {"code": "C3"}),
    )


# The help.


@pytest.fixture(scope="module")
def made() -> dict[str, Command]:
    """Every command of ours, by name."""
    app = create_app({"STORE": "sqlite:////nowhere/district.db"})
    return {name: command for name, command in app.cli.commands.items() if isinstance(command, Command)}


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    with (ROOT / "webmap/translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file)
    return {message.id: message.string for message in catalogue if isinstance(message.id, str)}


def test_the_commands_are_those_of_the_issue(made):
    assert sorted(made) == list(COMMANDS)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_names_every_option_and_speaks_the_users_language(run, made, chinese, name, language):
    done = run(name, "--help", language=language)
    assert (done.exit_code, done.stderr) == (0, "")
    flat = "".join(done.stdout.split())
    for parameter in made[name].params:
        assert (parameter.opts[0] if isinstance(parameter, click.Option) else parameter.name.upper()) in flat
    told = [
        made[name].help,
        "Show this message and exit.",
        *(p.help for p in made[name].params if isinstance(p, click.Option)),
    ]
    for text in told:
        text = " ".join(text.split())
        there = chinese[text] if language == "zh" else text
        assert "".join(there.split()) in flat


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_text_is_translated(made, chinese, name):
    command = made[name]
    assert command.help
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert all(isinstance(option, Option) and option.help for option in options)
    for text in [command.help, *(option.help for option in options)]:
        found = chinese.get(" ".join(text.split()))
        assert found and not found.isascii(), text


@pytest.mark.parametrize(
    "text",
    [
        *STEPS.values(),
        "Usage:",
        "Options",
        "Show this message and exit.",
        "%(name)s is missing; see %(command)s --help.",
        "There is no option %(name)s; see %(command)s --help.",
        "%(name)s is not what it must be (%(kind)s); see %(command)s --help.",
        "That was not understood (%(reason)s); see %(command)s --help.",
    ],
)
def test_what_every_command_says_is_translated(chinese, text):
    assert chinese.get(text) and not chinese[text].isascii()


def test_the_list_of_commands_says_what_each_does(plain):
    for language in ("zh", "en"):
        done = plain("--help", GUATU_LANG=language)
        lines = {
            line.split()[0]: line for line in done.stdout.split("Commands:")[1].splitlines() if line.strip()
        }
        assert set(COMMANDS) <= set(lines)
        assert all(lines[name].isascii() == (language == "en") for name in COMMANDS)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "zh"),
        ({"GUATU_LANG": "en"}, "en"),
        ({"GUATU_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_ALL": "", "LANG": "en_US.UTF-8"}, "en"),
    ],
)
def test_the_terminals_language_is_taken(monkeypatch, environment, language):
    for name in ("GUATU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert create_app({"STORE": "sqlite:////nowhere/district.db"}).config["CLI_LANGUAGE"] == language


# What is typed wrong, and what is wrong in a file.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load"], "LAYER"),
        (["load", "compounds"], "FILE"),
        (["load", "compounds", "x.csv", "y.csv"], "y.csv"),
        (["load", "compounds", "x.csv", "--nix"], "There is no option --nix"),
        (["load", "compounds", "x.csv", "--crs"], "--crs"),
        (["load", "roads", "x.csv"], "No layer is called roads; the layers are street_offices, compounds"),
        (["load", "compounds", "no.csv"], "no.csv"),
        (["load", "compounds", "no.csv", "--field", "code"], "--field takes OUR=THEIRS, not code."),
        (["load", "compounds", "no.csv", "--field", "=a"], "--field takes OUR=THEIRS, not =a."),
        (
            ["load", "compounds", "no.csv", "--field", "code=a", "--field", "code=b"],
            "--field names code twice.",
        ),
        (
            ["load", "compounds", "no.csv", "--field", "code=a", "--field", " code=b"],
            "--field names code twice.",
        ),
        (["load", "street_offices", "{offices}", "--code-list", "mine"], "No code list is called mine"),
        (["load", "compounds", "{broken}"], "broken.geojson"),
        (["plan", "no.toml"], "no.toml cannot be read"),
        (["plan", "{broken}"], "broken.geojson, line 1: this is no TOML"),
        (["activate"], "No newer edition of the street offices waits"),
        (["activate", "7"], "No edition of the street offices has the number 7."),
        (["activate", "soon"], "EDITION"),
        (["describe", "--date", "2022-02-30"], "--date"),
        (["serve", "--port", "70000"], "--port"),
        (["copy-store", "{tmp}/none.db"], "TARGET"),
        (["grant-roles"], "Name a role: --program ROLE or --auditor ROLE."),
        (["grant-roles", "--program", "x", "--auditor", "x"], "The role x is named twice."),
        (["copy-store", "sqlite:///{tmp}/none.db", "{url}"], "There is no store at {tmp}/none.db."),
        (["copy-store", "{url}", "sqlite:///{tmp}/new.db"], "The store to copy from is empty"),
        (["copy-store", "{url}", "oracle://me:s3cret@x/y"], "oracle://me:***@x/y is no store"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    run, store, tmp_path, offices, arguments, said, language
):
    broken = tmp_path / "broken.geojson"
    broken.write_text('{"type": "FeatureCollection", "features": [{')
    before = told(store)
    places = {"offices": offices, "broken": broken, "tmp": tmp_path, "url": store.engine.url}
    done = run(*(a.format(**places) for a in arguments), language=language)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("· ")]
    assert len(lines) == 1
    if language == "en":
        assert said.format(**places) in lines[0]
        assert lines[0].isascii()
    else:
        assert not lines[0].isascii()
    assert told(store) == before


def test_a_broken_file_is_one_line_in_a_terminal_too(plain, tmp_path):
    (tmp_path / "broken.geojson").write_text("{")
    done = plain("load", "compounds", tmp_path / "broken.geojson")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("· ")][0].startswith(
        "broken.geojson"
    )


@pytest.mark.parametrize(
    "environment",
    [{"GUATU_STORE": "sqlite:x"}, {"GUATU_STORE": "oracle://x/y"}, {"GUATU_STORE": "sqlite:////proc/x/d.db"}],
)
@pytest.mark.parametrize("command", ["describe", "serve"])
def test_a_store_that_cannot_be_is_one_line(plain, environment, command):
    done = plain(command, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_a_store_is_copied_and_only_once(run, store, tmp_path):
    put_district(store)
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    done = run("copy-store", store.engine.url, target)
    assert done.exit_code == 0, done.stderr
    head = store.frame(select(tables.history.c.hash).order_by(tables.history.c.seq))[-1]["hash"]
    rows = sum(map(len, told(store).values()))
    assert done.stdout == f"Copied: {rows} rows, the same in both stores. The history ends with {head}.\n"
    again = run("copy-store", store.engine.url, target)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "The store to copy into is not empty: nothing was copied.\n"
    with closing(open_store(target)) as copied:
        assert told(copied) == told(store)


def test_the_tables_are_brought_to_the_newest_schema(run, store):
    put_district(store)
    before = told(store)
    assert run("migrate").stdout == f"The tables have schema {store.schema()}, the newest.\n"
    assert told(store) == before


# The main job, by hand.


def test_a_load_prints_its_receipt(run, store, offices, compounds, tmp_path):
    done = run("load", "street_offices", offices)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "offices.geojson → Street offices",
        "read 2 = stored 2 + set aside 0",
        "new 2, changed 0, unchanged 0",
    ]
    assert lines[-2:] == ["Edition 1 of the street offices is active.", "Receipt 1 was written."]
    done = run("load", "compounds", compounds)
    assert done.exit_code == 0, done.stderr
    assert "read 3 = stored 2 + set aside 1" in done.stdout
    assert "row 1 · Households · " in done.stdout and "many" in done.stdout
    assert "row 3 · " in done.stdout
    (originals,) = [list(tmp_path.rglob("data/files/*/*/compounds.geojson"))]
    assert [path.read_bytes() for path in originals] == [compounds.read_bytes()]
    assert verify_history(store) is None
    held = store.frame(select(tables.assignments).where(tables.assignments.c.layer == "compounds"))
    assert {row["code"]: row["street_office_code"] for row in held} == {"C1": "A", "C2": "A"}


def test_the_receipt_is_in_the_terminals_language(run, offices):
    done = run("load", "street_offices", offices, language="zh")
    assert done.exit_code == 0
    assert "stored" not in done.stdout and "street offices" not in done.stdout.replace("street_offices", "")
    assert "街道办事处" in done.stdout


def test_the_same_file_again_changes_nothing(run, store, offices):
    run("load", "street_offices", offices)
    before = told(store)
    done = run("load", "street_offices", offices)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "This file was loaded before (load 1): nothing changed."
    assert told(store) == before


def test_a_dry_run_shows_the_receipt_and_writes_nothing(run, store, offices, tmp_path):
    before = told(store)
    done = run("load", "street_offices", offices, "--dry-run")
    assert done.exit_code == 0
    assert "read 2 = stored 2 + set aside 0" in done.stdout
    assert done.stdout.splitlines()[-1] == "Nothing was written (--dry-run)."
    assert told(store) == before
    assert not (tmp_path / "data" / "files").exists()


def test_headings_can_be_named(run, store, tmp_path):
    path = written(tmp_path / "named.geojson", (square(0), {"id": "A", "label": "Office A"}))
    done = run("load", "street_offices", path, "--field", "code=id", "--field", "name = label")
    assert done.exit_code == 0, done.stderr
    assert [(r["code"], r["name"]) for r in store.frame(select(tables.street_offices))] == [("A", "Office A")]


def test_a_later_edition_waits_until_it_is_made_active(run, store, offices, compounds, tmp_path):
    run("load", "street_offices", offices)
    run("load", "compounds", compounds)
    moved = written(
        tmp_path / "moved.geojson",
        (square(0, 0.005), {"code": "B", "name": "B"}),
        (square(0.005, 0.015), {"code": "A", "name": "A"}),
    )
    done = run("load", "street_offices", moved)
    assert done.stdout.splitlines()[-2] == "Edition 2 of the street offices waits for: flask activate"
    done = run("activate")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Edition 2 of the street offices is active.",
        "Compounds: 1 moved",
        "Illegal structures: 0 moved",
        "Facilities: 0 moved",
    ]
    again = run("activate", 1)
    assert again.stdout.splitlines()[:2] == [
        "Edition 1 of the street offices is active.",
        "Compounds: 1 moved",
    ]
    assert run("activate", 1).stderr == "Edition 1 of the street offices is active already.\n"
    assert verify_history(store) is None


def test_the_first_edition_assigns_and_moves_nothing(run, store, tmp_path):
    site = (square(0.0025, 0.0005), {"code": "K1", "name": "K1"})
    run("load", "compounds", written(tmp_path / "compounds.geojson", site))
    with store.writing(OPERATOR) as work:
        put_edition(work, "A", state="waiting")
    assert run("activate").stdout.splitlines()[1:] == [
        "Compounds: 1 assigned",
        "Illegal structures: 0 assigned",
        "Facilities: 0 assigned",
    ]


def test_assigning_again_changes_nothing(run, store, offices, compounds):
    run("load", "street_offices", offices)
    run("load", "compounds", compounds)
    before = told(store)
    done = run("assign")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "Compounds: 0 changed",
        "Illegal structures: 0 changed",
        "Facilities: 0 changed",
    ]
    assert told(store) == before


def test_a_timetable_is_taken_over_once(run, store, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    assert run("plan", tmp_path / "plan.toml").stdout == "The timetable was taken over.\n"
    assert told(store)["year_plans"] == [(2022, "2022-11-30")]
    done = run("plan", tmp_path / "plan.toml")
    assert (done.exit_code, done.stdout) == (0, "The timetable says this already: nothing changed.\n")


def test_a_district_is_described(run, store):
    done = run("describe", "--name-zh", "示例区", "--name-en", "Sample", "--date", "2022-06-30")
    assert (done.exit_code, done.stdout) == (0, "示例区 / Sample, reference date 2022-06-30\n")
    before = told(store)
    assert run("describe").stdout == done.stdout
    assert told(store) == before
    assert {row["person"] for row in store.frame(select(tables.history))} == {"bureau:operator"}


def test_a_command_makes_a_missing_store_without_the_sample(plain, tmp_path):
    done = plain("describe", "--name-en", "New")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'district.db'}")
    assert store.district().name_en == "New"
    assert told(store)["street_offices"] == []
    store.close()


def test_the_sample_is_not_loaded_over_a_district(run, store):
    put_district(store)
    before = told(store)
    done = run("sample", "--if-empty")
    assert (done.exit_code, done.stdout) == (0, "")
    assert run("sample").exit_code == 1
    assert told(store) == before


def test_verify_says_whether_the_history_is_whole(run, store, offices):
    assert run("load", "street_offices", offices).exit_code == 0
    entries = store.entries()
    done = run("verify")
    assert (done.exit_code, done.stdout) == (0, f"The history is whole: {entries} entries.\n")
    with store.writing(OPERATOR) as work:
        without_guards(work)
        work.connection.execute(sql("UPDATE history SET person = 'nobody' WHERE seq = 2"))
    done = run("verify")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The history is broken at entry 2: it was altered.\n"


def last_entry(store) -> dict:
    return store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]


def test_a_backup_is_made_and_others_removed_as_asked(run, store, offices, compounds, tmp_path):
    assert run("load", "street_offices", offices).exit_code == 0
    assert run("load", "compounds", compounds).exit_code == 0
    before, folder = told(store), tmp_path / "data" / "backups"
    done = [run("backup"), run("backup", folder, "--keep", 1)]
    last = last_entry(store)
    assert [d.exit_code for d in done] == [0, 0], done[0].stderr + done[1].stderr
    (made,) = (path for path in folder.iterdir() if path.name != ".lock")
    ends = f"The history ends with entry {last['seq']}: {last['hash']}"
    assert done[0].stdout.splitlines()[-1] == ends
    gone = done[0].stdout.splitlines()[0].rpartition("/")[2]
    assert done[1].stdout.splitlines() == [
        f"Removed, being older than those to keep: {gone}",
        f"The backup is whole: {made}",
        ends,
    ]
    assert told(store) == before
    assert run("backup", "--keep", 0).exit_code == 1
    original = next((tmp_path / "data" / "files").rglob("*.geojson"))
    original.unlink()
    assert run("backup").exit_code == 1
    done = run("backup", "--incomplete")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"Originals that are missing in it: {original.parent.name}"


def test_a_store_that_is_not_there_gets_no_backup(plain, tmp_path):
    done = plain("backup", tmp_path / "backups")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no store at {tmp_path / 'data' / 'district.db'}.\n"
    assert not (tmp_path / "data").exists() and not (tmp_path / "backups").exists()


def test_a_backup_is_restored_into_another_place(run, store, new_url, offices, tmp_path):
    run("load", "street_offices", offices)
    run("backup", tmp_path / "backups")
    (made,) = (path for path in (tmp_path / "backups").iterdir() if path.name != ".lock")
    with store.writing(OPERATOR) as work:
        work.set("name_en", "Later")
    next((tmp_path / "data" / "files").rglob("*.geojson")).unlink()
    target = new_url()
    done = run("restore", made, "--store", target)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Originals put back: 1"
    assert lines[1].startswith("The backup of 2") and " is restored. The history ends with entry " in lines[1]
    with closing(open_store(target)) as again:
        assert again.district().name_en == ""
        assert last_entry(again)["hash"] == lines[1].rpartition(" ")[2]
    assert list((tmp_path / "data" / "files").rglob("*.geojson"))
    done = run("restore", tmp_path / "backups", "--store", new_url())
    assert (done.exit_code, done.stderr) == (
        1,
        f"{tmp_path / 'backups'} is no backup: it has no manifest.json.\n",
    )
    assert run("restore", made).exit_code == 1


def test_the_store_of_a_running_program_is_not_replaced(make_app, tmp_path, offices):
    app = make_app(CLI_LANGUAGE="en")
    runner = app.test_cli_runner()
    assert runner.invoke(args=["load", "street_offices", str(offices)]).exit_code == 0
    assert runner.invoke(args=["backup", str(tmp_path / "backups")]).exit_code == 0
    (made,) = (path for path in (tmp_path / "backups").iterdir() if path.name != ".lock")
    done = runner.invoke(args=["restore", str(made)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("is open in another process: stop that first. Nothing was restored.\n")
    app.extensions.pop("guatu").close()
    done = runner.invoke(args=["restore", str(made)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"The former store is kept as {tmp_path / 'app.db'}.before-restore-2")


def test_verify_finds_a_tail_that_was_cut_off_by_its_anchor(run, store, offices, tmp_path):
    run("load", "street_offices", offices)
    run("describe", "--name-en", "One")
    run("backup", tmp_path / "backups")
    (made,) = (path for path in (tmp_path / "backups").iterdir() if path.name != ".lock")
    run("describe", "--name-en", "Two")
    last, entries = last_entry(store), store.entries()
    for anchor in (made, last["hash"]):
        done = run("verify", "--anchor", anchor)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[0] == f"The history is whole: {entries} entries."
        assert done.stdout.splitlines()[1].startswith("It contains the entry ")
    for gone, anchor in ((entries, last["hash"]), (entries - 1, made)):
        with store.writing(OPERATOR) as work:
            if gone == entries:
                without_guards(work)
            work.connection.execute(sql(f"DELETE FROM history WHERE seq >= {gone}"))
        assert run("verify").exit_code == 0
        done = run("verify", "--anchor", anchor)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("The history does not contain the entry ")
        assert done.stderr.endswith(": its end was cut off, or it was written anew.\n")
    assert run("verify", "--anchor", "f" * 64).exit_code == 1
    assert "is no backup" in run("verify", "--anchor", "f" * 63).stderr
