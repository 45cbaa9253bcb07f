import gzip
import json
import tracemalloc

import pytest
import shapely
from builders import DAY, put, put_district
from sqlalchemy import update

from layers import tables
from layers.catalogue import LAYERS
from layers.people import OPERATOR

CANARIES = ("Li", "Wang", "Zhao", "Qian", "Sun")


@pytest.fixture
def district(store):
    put_district(store)
    return store


@pytest.fixture
def client(make_app, district):
    return make_app(district).test_client()


@pytest.fixture
def bureau(make_app, district):
    return make_app(district, LOCAL_ROLE="bureau").test_client()


def collection(client, address: str) -> dict:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/geo+json"
    return json.loads(answer.data)


def ids(client, address: str) -> list[str]:
    found = collection(client, address)
    assert found["numberMatched"] == len(found["features"])
    return [feature["id"] for feature in found["features"]]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("compounds.geojson", "C1 C2 C3 C4"),
        ("compounds.geojson?plan_year=2022", "C1 C2"),
        ("compounds.geojson?plan_year=none", "C4"),
        ("compounds.geojson?outside_plan=2022", "C3 C4"),
        ("compounds.geojson?plan_year=2022&street_office=A&stage=construction", "C1"),
        ("compounds.geojson?street_office=none", "C4"),
        ("compounds.geojson?stage=survey&on=2022-02-01", "C1 C4"),
        ("compounds.geojson?built_before=2000", "C1 C2"),
        ("compounds.geojson?uncovered=clinic", "C2 C3 C4"),
        ("compounds.geojson?border=1", "C2"),
        ("compounds.geojson?text=%25", "C1"),
        ("compounds.geojson?plan_year=&stage=", "C1 C2 C3 C4"),
        ("compounds.geojson?lang=en&plan_year=2021", "C3"),
        ("street_offices.geojson", "A B C"),
        ("street_offices.geojson?without_sites=1", "C"),
        ("facilities.geojson?kind=school", "F2"),
        ("illegal_structures.geojson", "S2 S3"),
        ("illegal_structures.geojson?compound=C1", "S2"),
        ("illegal_structures.geojson?state=found", ""),
    ],
)
def test_an_export_is_the_layer_with_the_filters_of_the_map(client, address, expected):
    assert ids(client, f"/export/{address}") == expected.split()


def test_the_bureau_gets_the_unpublished_rows_too(bureau):
    assert ids(bureau, "/export/illegal_structures.geojson") == ["S1", "S2", "S3", "S4"]
    assert ids(bureau, "/export/illegal_structures.geojson?state=found") == ["S1"]


def test_a_forwarded_request_gets_what_a_visitor_gets(bureau):
    answer = bureau.get("/export/illegal_structures.geojson", headers={"X-Forwarded-For": "127.0.0.1"})
    assert [feature["id"] for feature in json.loads(answer.data)["features"]] == ["S2", "S3"]


@pytest.mark.parametrize("layer", LAYERS)
def test_private_fields_are_left_out_for_everybody(client, bureau, layer):
    public = [field.name for field in LAYERS[layer].fields if not field.private]
    for asked in (client, bureau):
        answer = asked.get(f"/export/{layer}.geojson")
        for feature in json.loads(answer.data)["features"]:
            assert sorted(feature["properties"]) == sorted(public)
        assert not [name for name in CANARIES if f'"{name}"' in answer.text]


@pytest.mark.parametrize(
    "address",
    [
        "compounds.geojson?kind=clinic",
        "compounds.geojson?private=1",
        "compounds.geojson?planyear=2022",
        "compounds.geojson?plan_year=22",
        "compounds.geojson?plan_year=２０２２",
        "compounds.geojson?plan_year=2022&plan_year=2021",
        "compounds.geojson?stage=done",
        "compounds.geojson?street_office=Q",
        "compounds.geojson?uncovered=zoo",
        "compounds.geojson?border=yes",
        "compounds.geojson?on=2022-02-30",
        "compounds.geojson?at=12/116/39",
        "illegal_structures.geojson?state=gone",
        "roads.geojson",
    ],
)
def test_what_cannot_be_asked_is_refused_and_never_every_row(client, address):
    answer = client.get(f"/export/{address}")
    assert answer.status_code == (400 if "?" in address else answer.status_code)
    assert answer.status_code in (400, 404)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    assert "C1" not in answer.text


def test_an_answer_that_is_known_is_not_sent_again(client, district):
    first = client.get("/export/compounds.geojson")
    tag = first.headers["ETag"]
    again = client.get("/export/compounds.geojson", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    with district.writing(OPERATOR) as work:
        work.connection.execute(update(tables.compounds).values(name="New"))
        work.bump("compounds")
    changed = client.get("/export/compounds.geojson", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
    assert {f["properties"]["name"] for f in changed.json["features"]} == {"New"}


def test_a_tag_is_good_for_one_day_and_one_kind_of_reader(client, bureau):
    address = "/export/illegal_structures.geojson"
    tag = client.get(address).headers["ETag"]
    assert bureau.get(address, headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"{address}?on=2022-01-01", headers={"If-None-Match": tag}).status_code == 200


def test_what_may_be_kept_where_is_said(client):
    answer = client.get("/export/compounds.geojson")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="compounds.geojson"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_export_is_compressed_for_those_who_ask(client):
    plain = client.get("/export/compounds.geojson")
    packed = client.get("/export/compounds.geojson", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    tag = packed.headers["ETag"]
    asked = {"Accept-Encoding": "gzip", "If-None-Match": tag}
    assert client.get("/export/compounds.geojson", headers=asked).status_code == 304
    vary = {name.strip() for name in ",".join(packed.headers.getlist("Vary")).split(",")}
    assert vary >= {"Cookie", "Accept-Encoding"}


@pytest.mark.parametrize("way", ["export", "map"])
def test_no_answer_leaves_a_connection_open(district, make_app, way):
    app = make_app(district)
    known = {"If-None-Match": app.test_client().get(f"/{way}/compounds.geojson").headers["ETag"]}
    for _ in range(3):
        for query, headers, status in (("", {}, 200), ("", known, 304), ("?uncovered=zoo", {}, 400)):
            answer = app.test_client().head(f"/{way}/compounds.geojson{query}", headers=headers)
            assert (answer.status_code, answer.data) == (status, b"")
            answer.close()
    assert app.extensions["guatu"].lent == 0


def test_features_are_geojson_that_keeps_the_coordinates(client):
    found = collection(client, "/export/compounds.geojson?plan_year=2021")
    assert found["type"] == "FeatureCollection" and "crs" not in found
    (feature,) = found["features"]
    assert feature["geometry"]["type"] == "Polygon"
    assert [117.006, 36.6] in [[round(x, 9), round(y, 9)] for x, y in feature["geometry"]["coordinates"][0]]
    assert feature["properties"]["code"] == feature["id"] == "C3"
    assert feature["properties"]["stage"] == "not_begun"
    assert feature["properties"]["border"] is False


def test_a_large_export_is_streamed_whole_and_not_held_in_memory(make_app, store):
    number = 10_000
    with store.writing(OPERATOR) as work:
        put(
            work,
            "facilities",
            *({"code": f"F{i:05}", "name": "长" * 60, "kind": "clinic"} for i in range(number)),
        )
    client = make_app(store).test_client()
    client.get("/export/facilities.geojson?text=F00001")
    tracemalloc.start()
    answer = client.get("/export/facilities.geojson", buffered=False)
    size = features = largest = 0
    for piece in answer.response:
        size += len(piece)
        features += piece.count(b'"Feature"')
        largest = max(largest, len(piece))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    answer.close()
    assert features == number
    assert size > 4_000_000
    assert largest < 1_000_000
    assert peak < size / 2


@pytest.mark.parametrize("way", ["export", "map"])
def test_number_and_rows_are_of_one_state_while_a_writer_commits(make_app, store, way):
    with store.writing(OPERATOR) as work:
        put(work, "facilities", *({"code": f"F{i:05}", "name": "长" * 60} for i in range(3000)))
    answer = make_app(store).test_client().get(f"/{way}/facilities.geojson", buffered=False)
    pieces = iter(answer.response)
    content = next(pieces)
    with store.writing(OPERATOR) as work:
        work.connection.execute(tables.facilities.delete().where(tables.facilities.c.code > "F00500"))
    content += b"".join(pieces)
    answer.close()
    found = json.loads(content)
    assert found["numberMatched"] == len(found["features"]) == 3000


# flask export


@pytest.fixture
def run(make_app, district):
    runner = make_app(district, CLI_LANGUAGE="en").test_cli_runner()
    return lambda *arguments: runner.invoke(args=["export", *map(str, arguments)])


def exported(path) -> list[str]:
    return [feature["id"] for feature in json.loads(path.read_text(encoding="utf-8"))["features"]]


@pytest.mark.parametrize(
    ("layer", "options", "expected"),
    [
        ("compounds", [], "C1 C2 C3 C4"),
        ("compounds", ["--plan-year", "2022", "--street-office", "A", "--stage", "construction"], "C1"),
        ("compounds", ["--plan-year", "none"], "C4"),
        ("compounds", ["--street-office", "none"], "C4"),
        ("compounds", ["--stage", "survey", "--on", "2022-02-01"], "C1 C4"),
        ("illegal_structures", [], "S1 S2 S3 S4"),
        ("street_offices", [], "A B C"),
    ],
)
def test_the_operator_exports_every_row_the_filters_find(run, tmp_path, layer, options, expected):
    target = tmp_path / "out.geojson"
    done = run(layer, target, *options)
    assert (done.exit_code, done.stderr) == (0, "")
    found = exported(target)
    assert found == expected.split()
    assert done.stdout == f"out.geojson: {len(found)} features, {target.stat().st_size} bytes\n"


def test_private_fields_are_exported_only_when_asked_for(run, tmp_path):
    target = tmp_path / "out.geojson"
    run("compounds", target)
    assert "contact" not in target.read_text(encoding="utf-8")
    assert run("compounds", target, "--private").exit_code == 0
    held = json.loads(target.read_text(encoding="utf-8"))["features"]
    assert [feature["properties"]["contact"] for feature in held] == ["Li", "Wang", None, None]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["roads", "out.geojson"], "No layer is called roads"),
        (["compounds", "out.shp"], "name it .geojson"),
        (["compounds", "nowhere/out.geojson"], "there is no folder"),
        (["compounds", "out.geojson", "--plan-year", "soon"], "soon is not a year such as 2022."),
        (["compounds", "out.geojson", "--street-office", "Q"], "No street office has the code Q."),
        (["compounds", "out.geojson", "--stage", "done"], "No stage is called done."),
        (["facilities", "out.geojson", "--plan-year", "2022"], "Layer facilities has no filter plan_year."),
        (["compounds", "out.geojson", "--on", "2022-02-30"], "'--on'"),
    ],
)
def test_an_export_that_cannot_be_made_leaves_the_former_file_as_it_was(run, tmp_path, arguments, said):
    (tmp_path / "out.geojson").write_text("former")
    done = run(arguments[0], tmp_path / arguments[1], *arguments[2:])
    assert done.exit_code == 1
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".db" and "db-" not in p.name) == [
        "out.geojson"
    ]
    assert (tmp_path / "out.geojson").read_text() == "former"


def test_an_export_that_breaks_off_leaves_the_former_file_as_it_was(run, district, tmp_path):
    target = tmp_path / "out.geojson"
    target.write_text("former")
    endless = shapely.LineString([(117, 36.6), (float("inf"), 36.6)])
    with district.writing(OPERATOR) as work:
        work.connection.execute(
            update(tables.compounds).where(tables.compounds.c.code == "C4").values(wkb=endless.wkb)
        )
    done = run("compounds", target)
    assert done.exit_code == 1
    assert target.read_text() == "former"
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*"))
    assert DAY.isoformat() not in done.stdout
