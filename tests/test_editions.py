"""``flask compare`` and ``flask activate``; the page of an edition that waits."""

import json

import pytest
from desk import Desk, feature, point, square

from layers import tables


def office(code, west, east, name="解放路街道"):
    return feature(square(west, 36.60, east, 36.61), code=code, name=name)


@pytest.fixture
def desk(store, tmp_path):
    desk = Desk(store, tmp_path)
    desk.load("street_offices", [office("a", 117.00, 117.01), office("b", 117.01, 117.02)])
    rows = [feature(square(117.007, 36.604, 117.008, 36.605), code="K", name="和平小区", floor_area_m2=20000)]
    desk.load("compounds", rows)
    desk.load("illegal_structures", [feature(point(117.0075, 36.6045), code="S", state="found")])
    return desk


@pytest.fixture
def waiting(desk):
    rows = [office("a", 117.00, 117.005), office("b", 117.005, 117.02), office("d", 117.02, 117.03, "新街道")]
    desk.load("street_offices", rows)
    return desk


@pytest.fixture
def run(make_app, store):
    def run(*arguments, language="en"):
        runner = make_app(store, CLI_LANGUAGE=language).test_cli_runner()
        return runner.invoke(args=[str(argument) for argument in arguments])

    return run


def test_the_command_tells_what_would_move_and_writes_nothing(run, waiting):
    before = waiting.everything()
    done = run("compare")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Edition 2 beside edition 1, which is active:",
        "new: 新街道 (d)",
        "Compounds: 1 of 1 move",
        "Illegal structures: 1 of 1 move",
        "Facilities: 0 of 0 move",
        "解放路街道 (a) → 解放路街道 (b): 1 compound (0.02 million m²), 1 structure, 0 facilities",
    ]
    assert run("compare", 2, language="zh").stdout.splitlines()[-1] == (
        "解放路街道 (a) → 解放路街道 (b)：1 个小区（2.0 万㎡）、1 处违建、0 处设施"
    )
    assert waiting.everything() == before
    assert run("activate").stdout.splitlines()[1:3] == ["Compounds: 1 moved", "Illegal structures: 1 moved"]
    assert "Compounds: 1 of 1 move" in run("compare", 1).stdout


def test_the_command_writes_the_list(run, waiting, tmp_path):
    done = run("compare", "--to", tmp_path / "moves.csv")
    assert done.exit_code == 0, done.stderr
    lines = (tmp_path / "moves.csv").read_text("utf-8-sig").splitlines()
    assert done.stdout.splitlines()[-1].startswith("moves.csv: 2 rows, ")
    assert lines[1].split(",")[:7] == ["compounds", "K", "和平小区", "a", "解放路街道", "b", "解放路街道"]
    assert run("compare", "--to", tmp_path / "moves.geojson").exit_code == 0
    told = json.loads((tmp_path / "moves.geojson").read_text("utf-8"))
    assert [f["id"] for f in told["features"]] == ["compounds/K", "illegal_structures/S"]
    refused = run("compare", "--to", tmp_path / "moves.xlsx")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "moves.xlsx: a comparison is written to .csv or .geojson.\n",
    )


def test_another_code_list_is_said(run, desk):
    desk.load("street_offices", [office("370102001000", 117.0, 117.02)], code_list="nbs-2023")
    told = run("compare").stdout
    assert "The code lists differ (local, nbs-2023): a code does not mean the same office in both." in told
    assert desk.rows(tables.editions)[1]["code_list"] == "nbs-2023"


def test_what_cannot_be_compared_is_one_line(run, desk):
    for arguments, said in (
        (("compare",), "No newer edition of the street offices waits to be activated.\n"),
        (("compare", 1), "Edition 1 of the street offices is active already.\n"),
        (("compare", 7), "No edition of the street offices has the number 7.\n"),
    ):
        done = run(*arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", said)
