"""``flask compare`` and ``flask activate``; the page of an edition that waits."""

import json
import re

import pytest
from desk import Desk, feature, point, square

from layers import duty, tables
from layers.people import OPERATOR


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


# The page

HERE = {"Origin": "http://localhost"}


@pytest.fixture
def bureau(make_app, desk):
    return make_app(desk.store, LOCAL_ROLE="bureau").test_client()


def test_the_page_tells_what_would_move(bureau, waiting):
    before = waiting.everything()
    for path in ("/editions", "/editions/2"):
        page = bureau.get(f"{path}?lang=en").text
        assert "Edition 2 instead of edition 1" in page and "new: 新街道 (d)" in page
        assert "of 1 would move" in page and "和平小区" in page and "0.02 million m²" in page
        assert 'class="casemap"' in page and 'href="/editions/2/moves.csv"' in page
    assert waiting.everything() == before


def test_without_a_waiting_edition_the_page_says_so_and_a_former_one_is_compared(bureau, waiting):
    duty.activate(waiting.store, OPERATOR)
    assert "No newer edition waits" in bureau.get("/editions?lang=en").text
    assert "Edition 1 instead of edition 2" in bureau.get("/editions/1?lang=en").text
    assert bureau.get("/editions/2").status_code == 400
    assert bureau.get("/editions/9").status_code == 404


def test_the_list_is_sent_as_a_file(bureau, waiting):
    answer = bureau.get("/editions/2/moves.csv")
    assert answer.mimetype == "text/csv" and "edition-2.csv" in answer.headers["Content-Disposition"]
    assert answer.data.decode("utf-8-sig").splitlines()[1].startswith("compounds,K,和平小区,a,")
    told = json.loads(bureau.get("/editions/2/moves.geojson").data)
    assert [f["id"] for f in told["features"]] == ["compounds/K", "illegal_structures/S"]
    assert bureau.get("/editions/2/moves.json").status_code == 404
    assert bureau.get("/editions/2/moves.xlsx").status_code == 404


def test_a_comparison_is_worked_out_again_after_every_write(bureau, waiting):
    assert "和平小区" in bureau.get("/editions").text
    waiting.load("compounds", [feature(square(117.001, 36.604, 117.002, 36.605), code="K", name="和平小区")])
    assert "和平小区" not in bureau.get("/editions").text


@pytest.mark.parametrize("role", [None, "street_office"])
def test_what_waits_is_shown_to_nobody_outside(make_app, waiting, role):
    client = make_app(waiting.store, LOCAL_ROLE=role).test_client()
    for path in ("/editions", "/editions/2", "/editions/2/moves.csv", "/editions/2/moves.geojson"):
        assert client.get(path).status_code == 403
    assert 'href="/editions"' not in client.get("/duties").text


def test_a_planner_compares_and_does_not_activate(make_app, waiting):
    planner = make_app(waiting.store, LOCAL_ROLE="planner").test_client()
    assert "Make it active" not in planner.get("/editions?lang=en").text


def sent(client, **typed):
    page = client.get("/editions?lang=en").text
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    return {"token": token, "instead_of": re.search(r'name="instead_of" value="(\d+)"', page)[1], **typed}


def test_an_edition_is_made_active_by_a_form(bureau, waiting):
    done = bureau.post("/editions/2/activation", data=sent(bureau, confirmed="1"), headers=HERE)
    assert (done.status_code, done.headers["Location"]) == (303, "/editions")
    assert [e["state"] for e in waiting.rows(tables.editions)] == ["former", "active"]
    (entry,) = [e for e in waiting.rows(tables.history) if e["action"] == "activate" and e["code"] == "2"]
    assert entry["person"] == "bureau:local"


def test_what_is_wrong_activates_nothing(bureau, make_app, waiting):
    typed, before = sent(bureau, confirmed="1"), waiting.everything()

    def post(client=bureau, headers=HERE, edition=2, **changed):
        data = {name: value for name, value in {**typed, **changed}.items() if value is not None}
        return client.post(f"/editions/{edition}/activation?lang=en", data=data, headers=headers)

    unticked = post(confirmed=None)
    assert (unticked.status_code, "Tick that you have looked" in unticked.text) == (400, True)
    other = post(instead_of="2")
    assert (other.status_code, "Another edition has been made active" in other.text) == (409, True)
    assert post(headers={}).status_code == post(headers={"Origin": "http://x"}).status_code == 403
    assert post(token=None).status_code == 403
    assert post(edition=9).status_code == 404
    planner = make_app(waiting.store, LOCAL_ROLE="planner").test_client()
    assert post(client=planner).status_code == 403
    assert waiting.everything() == before
