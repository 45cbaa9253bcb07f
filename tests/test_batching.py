"""Real worker processes answer as this process does, whatever happens to them on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from builders import told
from desk import Desk, feature, point, square
from sqlalchemy import delete

from geo.assign import assign
from geo.crs import STORED
from geo.errors import CrsError, FileError, GeometryError, GuatuError, RequestError
from geo.locate import locate
from layers import batching, duty, partitions, tables
from layers.answering import compound_answers, point_answers
from layers.people import OPERATOR
from layers.ruling import Rule
from layers.store import verify_history

ROOT = Path(__file__).resolve().parents[1]
DIVISIONS = [f"3701{number:02}" for number in range(12)]


@pytest.fixture(scope="module")
def client():
    with batching.workers(count=2) as connected:
        yield connected


def blocks():
    """Return 12 × 4 street offices that meet at edges nobody could draw by hand, overlapping twice."""
    chance, found = np.random.default_rng(3), {}
    bends = np.cumsum(chance.normal(0, 2e-4, (13, 41)), axis=1)
    for column, division in enumerate(DIVISIONS):
        for row in range(4):
            y = 36.6 + np.arange(row * 10, row * 10 + 11) * 1e-3
            west, east = (117 + c * 0.02 + bends[c, row * 10 : row * 10 + 11] for c in (column, column + 1))
            ring = np.concatenate([np.column_stack([west, y]), np.column_stack([east, y])[::-1]])
            found[f"{division}{row:03}"] = shapely.Polygon(ring)
    found["370100003"] = shapely.union(found["370100003"], shapely.box(117.01, 36.62, 117.03, 36.64))
    return gpd.GeoSeries(list(found.values()), index=pd.Index(list(found), dtype=object), crs=STORED)


def scattered(count):
    """Return places over all offices and a little beyond, each with a division that need not be its own."""
    chance = np.random.default_rng(5)
    xy = chance.uniform((116.99, 36.595), (117.25, 36.645), (count, 2))
    return xy, np.array(DIVISIONS, dtype=object)[((xy[:, 0] - 117) / 0.02).astype(int).clip(0, 11)]


@pytest.fixture(scope="module")
def offices():
    return blocks()


@pytest.fixture(scope="module")
def sites():
    xy, division = scattered(1200)
    codes = pd.Index([f"XQ{number:05}" for number in range(1200)], dtype=object)
    return gpd.GeoSeries(shapely.buffer(shapely.points(xy), 0.002), index=codes, crs=STORED), division


@pytest.fixture(scope="module")
def points(offices):
    xy, division = scattered(30_000)
    vertices = shapely.get_coordinates(offices.to_numpy())
    xy[: len(vertices)] = vertices
    codes = pd.Index([f"WJ{number:05}" for number in range(30_000)], dtype=object)
    return gpd.GeoSeries(shapely.points(xy), index=codes, crs=STORED), division


@pytest.fixture
def folder(tmp_path, sites, points):
    partitions.write_sites(tmp_path, "compounds", *sites)
    partitions.write_sites(tmp_path, "illegal_structures", *points)
    return tmp_path


def together(folder, name, codes=None):
    """Return the answers of all partitions, in the words of the geo room."""
    files = sorted((folder / "assigned" / name).glob("*.parquet"))
    found = pd.concat([partitions.read_answers(file) for file in files], ignore_index=True)
    return found if codes is None else found.set_index("code").loc[codes]


def assert_same_as_here(folder, sites, points, offices):
    """Assert that the answers in a folder are those of this process, to the last bit."""
    here, found = assign(sites[0], offices), together(folder, "compounds", sites[0].index)
    for ours, theirs in (("area", "street_office_code"), ("overlap", "claimed_twice")):
        assert list(here.main[ours]) == list(found[theirs])
    for name in ("share", "border", "outside"):
        assert list(here.main[name]) == list(found[name])
    shares = together(folder, "compounds_shares").sort_values("code", kind="stable")
    expected = here.shares.rename(columns={"site": "code", "area": "street_office_code"})
    pd.testing.assert_frame_equal(shares.reset_index(drop=True), expected, check_exact=True)
    located, found = locate(points[0], offices), together(folder, "illegal_structures", points[0].index)
    assert list(located["area"]) == list(found["street_office_code"])
    assert list(located["several"]) == list(found["border"])


def manifest(folder):
    return json.loads((folder / "assigned" / "manifest.json").read_text(encoding="utf-8"))


def test_a_folder_is_assigned_as_by_one_process(client, folder, sites, points, offices):
    steps = []
    done = batching.assign_folder(
        client, folder, offices, say=steps.append, progress=lambda *told: steps.append(told)
    )
    assert_same_as_here(folder, sites, points, offices)
    assert [(layer, len(receipts)) for layer, receipts in done.items()] == [
        ("compounds", 12),
        ("illegal_structures", 12),
    ]
    counted = [(number, 12) for number in range(1, 13)]
    assert steps == ["compounds", *counted, "illegal_structures", *counted]


def test_a_rule_that_is_set_holds_in_every_partition(client, tmp_path, sites, points, offices):
    few, division = points[0][:3000], points[1][:3000]
    partitions.write_sites(tmp_path, "compounds", *sites)
    partitions.write_sites(tmp_path, "illegal_structures", few, division)
    by = Rule(border_above=0.1, main_share_below=0.7, edge_m=40.0, tolerance_m=900.0)
    batching.assign_folder(client, tmp_path, offices, by)
    plain, located = assign(sites[0], offices), locate(few, offices)
    for name, codes, rows in (
        ("compounds", sites[0].index, compound_answers(assign(sites[0], offices, 0.1), by).rows),
        ("illegal_structures", few.index, point_answers(few, offices, located, by).rows),
    ):
        found = together(tmp_path, name, codes)
        assert list(found["street_office_code"]) == [rows[code]["street_office_code"] for code in codes]
        assert list(found["border"]) == [bool(rows[code]["border"]) for code in codes]
    # And the rule is one that changes answers.
    assert (together(tmp_path, "compounds", sites[0].index)["border"] != plain.main["border"]).any()
    found = together(tmp_path, "illegal_structures", few.index)
    assert found["street_office_code"].isna().sum() < located["area"].isna().sum()
    assert found["border"].sum() > located["several"].sum()
    assert manifest(tmp_path)["rule"] == asdict(by)


def test_the_manifest_counts_everything_and_every_hash_is_that_of_a_file(
    client, folder, sites, points, offices
):
    batching.assign_folder(client, folder, offices)
    made, into = manifest(folder), folder / "assigned"
    here, located = assign(sites[0], offices), locate(points[0], offices)
    compounds, structures = made["layers"]["compounds"], made["layers"]["illegal_structures"]
    assert set(made["layers"]) == {"compounds", "illegal_structures"}
    assert {k: compounds[k] for k in ("rows", "unanswered", "border", "shares")} == {
        "rows": 1200,
        "unanswered": int(here.main["area"].isna().sum()),
        "border": int(here.main["border"].sum()),
        "shares": len(here.shares),
    }
    assert structures["rows"] == 30_000
    assert structures["unanswered"] == int(located["area"].isna().sum()) > 0
    assert structures["border"] == int(located["several"].sum()) > 0
    assert made["street_offices"] == {
        "rows": len(offices),
        "sha256": partitions.sha256_of(into / "street_offices.parquet"),
    }
    for layer, told_of in made["layers"].items():
        for part in told_of["partitions"]:
            name = f"{part['partition']}.parquet"
            assert part["input_sha256"] == partitions.sha256_of(folder / layer / name)
            assert part["sha256"] == partitions.sha256_of(into / layer / name)
            if layer == "compounds":
                assert part["shares_sha256"] == partitions.sha256_of(into / "compounds_shares" / name)


def test_a_killed_worker_changes_nothing(client, folder, sites, points, offices):
    batching.assign_folder(client, folder, offices)
    expected, killed = manifest(folder), []

    def kill(_done, _total):
        """Stop a worker, see that it has work, and kill it with the work undone."""
        if killed:
            return
        for worker, pid in client.run(os.getpid).items():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.2)
            if client.processing()[worker]:
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)
                return
            os.kill(pid, signal.SIGCONT)

    batching.assign_folder(client, folder, offices, progress=kill)
    assert len(killed) == 1
    assert killed[0] not in client.run(os.getpid).values()
    assert manifest(folder) == expected
    assert_same_as_here(folder, sites, points, offices)
    assert not list(folder.rglob("*.part"))


def test_a_partition_that_ends_every_worker_is_given_up(client, folder, offices):
    with pytest.raises(GuatuError, match="ended again and again"):
        batching._run(client, "compounds", [batching.delayed(os._exit)(1)], batching.quiet)
    client.wait_for_workers(2)
    batching.assign_folder(client, folder, offices)
    assert manifest(folder)["layers"]["compounds"]["rows"] == 1200


def test_another_client_is_none_of_our_business(client, folder, sites, points, offices):
    """dask takes the client that was made last where nothing is said: waiting on it could hang."""
    with batching.workers(count=1) as other:
        for _ in range(3):
            batching.assign_folder(client, folder, offices)
        assert other.run(lambda dask_worker: len(dask_worker.state.tasks)) == dict.fromkeys(
            other.scheduler_info()["workers"], 0
        )
    assert_same_as_here(folder, sites, points, offices)


def test_answers_of_a_former_run_are_gone(client, folder, offices):
    batching.assign_folder(client, folder, offices)
    (folder / "compounds" / "370100.parquet").unlink()
    (folder / "illegal_structures" / "370100.parquet").write_bytes(b"no parquet")
    with pytest.raises(FileError, match="370100.parquet is no GeoParquet"):
        batching.assign_folder(client, folder, offices)
    assert not (folder / "assigned" / "manifest.json").exists()
    assert not (folder / "assigned" / "compounds" / "370100.parquet").exists()


def test_what_is_wrong_with_a_partition_is_said(client, tmp_path, sites, offices):
    with pytest.raises(RequestError, match="holds no partitions"):
        batching.assign_folder(client, tmp_path, offices)
    some = sites[0][:3]
    partitions.write_sites(tmp_path, "compounds", some, ["370100", "370100", "370101"])
    partitions.write_sites(tmp_path, "compounds", some[:1], ["370102"])
    with pytest.raises(GeometryError, match="Two geometries have the label XQ00000"):
        batching.assign_folder(client, tmp_path, offices)
    (tmp_path / "compounds" / "370102.parquet").unlink()
    partitions.write_sites(tmp_path, "compounds", some[2:].to_crs(4326), ["370101"])
    with pytest.raises(CrsError, match=r"370101.parquet is in WGS 84, but EPSG:4490 is needed"):
        batching.assign_folder(client, tmp_path, offices)
    partitions.write_sites(tmp_path, "compounds", some[2:].boundary, ["370101"])
    with pytest.raises(GeometryError, match="XQ00002"):
        batching.assign_folder(client, tmp_path, offices)


def test_the_engine_answers_as_this_process_does(client, tmp_path, sites, points, offices):
    engine = batching.Engine(client, tmp_path)
    here, there = assign(sites[0], offices), engine.assign(sites[0], offices)
    pd.testing.assert_frame_equal(there.main, here.main, check_exact=True)
    pd.testing.assert_frame_equal(there.shares, here.shares, check_exact=True)
    pd.testing.assert_frame_equal(engine.locate(points[0], offices), locate(points[0], offices))
    nothing = points[0][:0]
    pd.testing.assert_frame_equal(engine.locate(nothing, offices), locate(nothing, offices))
    nobody = assign(sites[0], offices[:0])
    pd.testing.assert_frame_equal(engine.assign(sites[0], offices[:0]).main, nobody.main)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(GeometryError, match="XQ00001"):
        engine.assign(sites[0][:3].where(sites[0].index[:3] != "XQ00001", None), offices)


def record(store):
    """Return who answers for what, without when it was written."""
    rows = told(store)
    when = list(tables.assignments.c.keys()).index("at")
    return [row[:when] for row in rows["assignments"]], rows["shares"], rows["places"], rows["coverage"]


def assigned_anew(store, engine=None):
    """Return how many sites of each layer are answered where nothing was, and the record of it."""
    with store.writing(OPERATOR) as work:
        for table in (tables.assignments, tables.shares, tables.places):
            work.connection.execute(delete(table))
    return duty.assign_all(store, OPERATOR, engine=engine), record(store)


def test_a_store_is_assigned_by_workers(client, store, tmp_path):
    desk = Desk(store, tmp_path)
    offices = {"370102001": (117.0, 117.01), "370102002": (117.01, 117.02), "370103001": (117.02, 117.03)}
    desk.load(
        "street_offices",
        [feature(square(w, 36.6, e, 36.61), code=code, name=code) for code, (w, e) in offices.items()],
    )
    strips = np.linspace(116.999, 117.029, 7)
    rows = [feature(square(w, 36.604, w + 0.004, 36.605), code=f"c{i}") for i, w in enumerate(strips)]
    desk.load("compounds", rows)
    rows = [feature(point(w, 36.6045), code=f"s{i}") for i, w in enumerate(np.linspace(116.998, 117.031, 12))]
    desk.load("illegal_structures", rows)
    desk.load("facilities", [feature(square(117.013, 36.602, 117.014, 36.603), code="f")])
    # A load of few sites measures them from the grid, and may differ from both in the last digits.
    changed, expected = assigned_anew(store)
    assert changed == {"compounds": 7, "illegal_structures": 12, "facilities": 1}
    engine = batching.Engine(client, tmp_path / "partitions")
    assert assigned_anew(store, engine) == (changed, expected)
    assert {row[3] for row in expected[0]} == {None, *offices}
    verify_history(store)


def test_no_scheduler_is_said():
    said = "No dask scheduler answers at tcp://127.0.0.1:9"
    with pytest.raises(RequestError, match=said), batching.workers("tcp://127.0.0.1:9"):
        pass


def test_a_scheduler_that_does_not_know_the_program_is_said(tmp_path, folder, offices):
    address = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address)]
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    started = subprocess.Popen(
        [Path(sys.executable).with_name("dask"), "scheduler", *options],
        cwd=tmp_path,
        env=elsewhere,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not address.exists():
            assert started.poll() is None
            time.sleep(0.05)
        known = json.loads(address.read_text())["address"]
        said = "cannot import this program: start them in its folder"
        with batching.workers(known) as client, pytest.raises(RequestError, match=said):
            batching.assign_folder(client, folder, offices)
    finally:
        started.terminate()
        started.wait(30)


@pytest.fixture
def run(make_app, store):
    """Run a command in English on a store."""

    def run(*arguments: object):
        return make_app(store, CLI_LANGUAGE="en").test_cli_runner().invoke(args=list(map(str, arguments)))

    return run


@pytest.fixture
def typed(tmp_path):
    """Type a command in a terminal, on a new store; ``before`` is a folder Python looks into first."""

    def typed(*arguments: object, before: Path = ROOT) -> subprocess.CompletedProcess:
        place = {"GUATU_DATA": str(tmp_path / "data"), "GUATU_LANG": "en", "PYTHONPATH": str(before)}
        command = [sys.executable, "-m", "flask", *map(str, arguments)]
        environment = {**os.environ, **place}
        return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=300)

    return typed


def test_the_command_assigns_a_folder_on_a_given_scheduler(client, run, folder, sites, points, offices):
    scheduler = client.scheduler_info()["address"]
    done = run("assign", "--engine", "dask", "--scheduler", scheduler, "--partitions", folder)
    assert (done.exit_code, done.output.splitlines()) == (
        1,
        [f"There are no street offices: neither {folder}/street_offices.parquet nor an active edition."],
    )
    partitions.write_offices(offices, folder / "street_offices.parquet")
    done = run("assign", "--engine", "dask", "--scheduler", scheduler, "--partitions", folder)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["Compounds: 1200 assigned", "Illegal structures: 30000 assigned"]
    shown = ["· Assigning the compounds", *(f"· {n} of 12 partitions" for n in range(1, 13))]
    assert done.stderr.splitlines()[:13] == shown
    assert_same_as_here(folder, sites, points, offices)
    assert run("rule", "--border-above", "0.2").exit_code == 0
    done = run("assign", "--engine", "dask", "--scheduler", scheduler, "--partitions", folder)
    assert (done.exit_code, manifest(folder)["rule"]["border_above"]) == (0, 0.2)


def test_the_command_assigns_a_store_with_workers_of_its_own(typed):
    assert typed("sample", "--if-empty").returncode == 0
    done = typed("assign", "--engine", "dask")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["Compounds: 0 changed", "Illegal structures: 0 changed", "Facilities: 0 changed"],
    )
    assert [line for line in done.stderr.splitlines() if not line.startswith("·")] == []


def test_options_of_dask_need_dask(run, folder):
    done = run("assign", "--partitions", folder)
    assert (done.exit_code, done.output) == (1, "A scheduler and partitions are for --engine dask.\n")


def test_without_dask_all_else_works_and_dask_is_asked_for_in_one_line(typed, tmp_path):
    for name in ("dask", "distributed", "pyarrow"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}')")
    done = typed("assign", before=tmp_path)
    assert (done.returncode, done.stderr) == (0, "· Working out who is served\n")
    done = typed("assign", "--engine", "dask", before=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dask is not installed: run make dask first.\n"
