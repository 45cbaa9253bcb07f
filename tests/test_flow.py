"""The main job on real data: from files through the command line to the map and the exports."""

import json
import re
import shutil
from collections import Counter
from datetime import date

import numpy as np
import pytest
import shapely
from desk import feature, square

from app import create_app
from layers import tables
from webmap.access import store as store_of

#: A millionth of a degree of latitude is a ninth of a metre.
METRE = 1 / 111_320


class Flow:
    """An application of one test, spoken to as people do: by commands and by addresses."""

    def __init__(self, folder, **config):
        self.folder = folder
        url = f"sqlite:///{folder / 'district.db'}"
        data = folder / "data"
        self.app = create_app({"STORE": url, "DATA": data, "CLI_LANGUAGE": "en", **config})
        self.client = self.app.test_client()

    def run(self, *words, status=0):
        """Run a command and return what it says; progress goes elsewhere."""
        result = self.app.test_cli_runner().invoke(args=[str(word) for word in words])
        assert result.exit_code == status, result.output
        return result.stdout if status == 0 else result.stderr

    def get(self, address):
        """Return the JSON at an address."""
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return json.loads(answer.get_data())

    def rows(self, table):
        """Return all rows of a table."""
        with self.app.app_context():
            return store_of().frame(table.select().order_by(*table.primary_key.columns))

    def close(self):
        """Let go of the store."""
        if "guatu" in self.app.extensions:
            self.app.extensions["guatu"].close()


@pytest.fixture
def flow(tmp_path):
    """A new application, whose local reader is the bureau."""
    made = Flow(tmp_path, LOCAL_ROLE="bureau")
    yield made
    made.close()


def shape(found):
    return shapely.from_geojson(json.dumps(found["geometry"]))


def counts(said):
    """Return what a receipt says was read, stored and set aside."""
    return tuple(map(int, re.search(r"read (\d+) = stored (\d+) \+ set aside (\d+)", said).groups()))


# Beijing: the 17 street offices of one district


@pytest.fixture(scope="module")
def streets(shared_data):
    """The rows of the file whose codes begin 110101, as they are in it."""
    path = shared_data / "beijing" / "streets_343_wgs84.geojson"
    rows = json.loads(path.read_text(encoding="utf-8"))["features"]
    return [row for row in rows if str(row["properties"]["code"]).startswith("110101")]


def write(path, features):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def made_compounds(streets):
    """Two kinds of compounds: one inside every street, one across every boundary two streets share.

    Each has the streets it must be shared between in its name.
    """
    shapes = {str(row["properties"]["code"]): shape(row) for row in streets}
    made, half = [], 0.0004
    for code, street in shapes.items():
        x, y = shapely.maximum_inscribed_circle(street).coords[0]
        small = half / 4
        box = square(x - small, y - small, x + small, y + small)
        made.append(feature(box, code=f"IN-{code}", name=code, plan_year=2022, stage="construction"))
    for one, other in ((a, b) for a in shapes for b in shapes if a < b):
        line = shapely.line_merge(shapely.intersection(shapes[one], shapes[other]))
        if line.length < 10 * half:
            continue
        longest = max(shapely.get_parts(line), key=shapely.length)
        middle = shapely.line_interpolate_point(longest, 0.5, normalized=True)
        box = square(middle.x - half, middle.y - half, middle.x + half, middle.y + half)
        made.append(feature(box, code=f"ON-{one[6:9]}-{other[6:9]}", name=f"{one} {other}", plan_year=2023))
    return made


def test_beijing_from_file_to_map_to_export(flow, streets):
    assert len(streets) == 17
    said = flow.run("load", "street_offices", write(flow.folder / "streets.geojson", streets))
    assert counts(said) == (17, 17, 0)
    assert "Edition 1 of the street offices is active." in said
    compounds = made_compounds(streets)
    across = [row for row in compounds if row["properties"]["code"].startswith("ON")]
    assert len(across) > 20
    said = flow.run("load", "compounds", write(flow.folder / "compounds.geojson", compounds))
    assert counts(said) == (len(compounds), len(compounds), 0)
    check_beijing_answers(flow, streets, compounds)
    check_beijing_pages(flow, streets, compounds)


def check_beijing_answers(flow, streets, compounds):
    """Hold what is written against shares measured here, in degrees (a few hundred metres across)."""
    streets = {str(row["properties"]["code"]): shape(row) for row in streets}
    answers = {row["code"]: row for row in flow.rows(tables.assignments)}
    assert len(answers) == len(compounds)
    for row in compounds:
        answer, site = answers[row["properties"]["code"]], shape(row)
        shares = {
            code: shapely.intersection(site, street).area / site.area for code, street in streets.items()
        }
        largest = max(shares.values())
        # Where a boundary is straight both halves are as large: the lowest code, to nine digits.
        assert answer["street_office_code"] in {c for c, share in shares.items() if share > largest - 1e-4}
        assert answer["share"] == pytest.approx(largest, abs=1e-4)
        assert answer["outside"] == pytest.approx(1 - sum(shares.values()), abs=1e-4)
        assert {*row["properties"]["name"].split()} <= {code for code, share in shares.items() if share > 0}
        assert bool(answer["border"]) == row["properties"]["code"].startswith("ON")
    written = {(r["code"], r["street_office_code"]) for r in flow.rows(tables.shares)}
    named = {(r["properties"]["code"], code) for r in compounds for code in r["properties"]["name"].split()}
    assert named <= written


def check_beijing_pages(flow, streets, compounds):
    """Map, exports, file and pages say the same."""
    for address in ("/", "/planning", "/?lang=en", "/planning?lang=en"):
        page = flow.client.get(address)
        assert page.status_code == 200
        assert "东华门街道" in page.get_data(as_text=True)
    shown = flow.get("/map/street_offices.geojson")["features"]
    assert {f["id"] for f in shown} == {str(row["properties"]["code"]) for row in streets}
    borders = sum(row["properties"]["code"].startswith("ON") for row in compounds)
    assert len(flow.get("/map/compounds.geojson?border=1")["features"]) == borders
    exported = flow.get("/export/compounds.geojson")
    assert exported["numberMatched"] == len(exported["features"]) == len(compounds)
    places = {row["properties"]["code"]: shape(row) for row in compounds}
    for row in exported["features"]:
        assert shapely.hausdorff_distance(shape(row), places[row["id"]]) < 1e-7
        assert row["id"] == row["properties"]["code"]
    building = flow.get(
        "/export/compounds.geojson?plan_year=2022&street_office=110101001000&stage=construction"
    )
    assert [row["id"] for row in building["features"]] == ["IN-110101001000"]
    target = flow.folder / "out.geojson"
    flow.run("export", "compounds", target)
    assert json.loads(target.read_text(encoding="utf-8")) == exported
    flow.run("export", "compounds", target, "--plan-year", 2023)
    assert len(json.loads(target.read_text(encoding="utf-8"))["features"]) == borders


def test_the_same_file_by_another_command_line_changes_nothing(flow, streets):
    path = write(flow.folder / "streets.geojson", streets)
    flow.run("load", "street_offices", path)
    before = {name: flow.rows(table) for name, table in tables.metadata.tables.items()}
    assert "This file was loaded before (load 1): nothing changed." in flow.run(
        "load", "street_offices", path
    )
    assert {name: flow.rows(table) for name, table in tables.metadata.tables.items()} == before


# Files as Chinese bureaux send them


def test_a_gbk_shapefile_without_crs_is_confirmed_and_lands(flow, streets, shared_data):
    path = shared_data / "chinese-files" / "gk3_zone39_noprj_gbk" / "东城区街道.shp"
    load = ("load", "street_offices", path, "--field", "code=行政区划代")
    said = flow.run(*load, status=1)
    assert (said.count("\n"), "--crs" in said) == (3, True)  # two steps, one line
    flow.run("load", "street_offices", write(flow.folder / "streets.geojson", streets))
    before = {name: flow.rows(table) for name, table in tables.metadata.tables.items()}
    said = flow.run(*load, status=1)
    assert "EPSG:4527 (CGCS2000 / 3-degree Gauss-Kruger zone 39)" in said
    assert {name: flow.rows(table) for name, table in tables.metadata.tables.items()} == before
    said = flow.run(*load, "--crs", "EPSG:4527")
    assert counts(said) == (17, 17, 0)
    assert "Edition 2 of the street offices waits" in said
    editions = {1: {}, 2: {}}
    for row in flow.rows(tables.street_offices):
        editions[row["edition_id"]][row["code"]] = (row["name"], shapely.from_wkb(row["wkb"]))
    assert editions[1].keys() == editions[2].keys()
    for code, (name, place) in editions[2].items():
        assert name == editions[1][code][0]
        assert shapely.hausdorff_distance(place, editions[1][code][1]) < METRE
    assert "Edition 2 of the street offices is active." in flow.run("activate")


def test_a_gbk_shapefile_with_a_chinese_name(flow, shared_data):
    path = shared_data / "chinese-files" / "gbk_chongqing" / "区县界_area.shp"
    said = flow.run("load", "street_offices", path, "--field", "code=ADMINCODE", "--field", "name=NAME")
    assert counts(said) == (38, 38, 0)
    names = {row["code"]: row["name"] for row in flow.rows(tables.street_offices)}
    assert (len(names), names["500236"], names["500235"]) == (38, "奉节县", "云阳县")
    kept = {p.name for p in flow.folder.joinpath("data", "files").rglob("*") if p.is_file()}
    assert kept == {f"区县界_area{suffix}" for suffix in (".shp", ".shx", ".dbf", ".prj")}


def test_a_utf8_shapefile_without_prj(flow, shared_data):
    folder = shared_data / "chinese-files" / "utf8_shenzhen_no_prj"
    load = ("load", "street_offices", folder / "sz.shp", "--field", "code=qh", "--field", "name=qh")
    assert "sz.shp: the file names no coordinate system" in flow.run(*load, status=1)
    assert counts(flow.run(*load, "--crs", "EPSG:4490")) == (10, 10, 0)
    assert {"罗湖", "福田"} <= {row["name"] for row in flow.rows(tables.street_offices)}
    sides = ("west", "south", "east", "north")
    boxes = np.array([[row[side] for side in sides] for row in flow.rows(tables.street_offices)])
    assert (boxes >= [113.7, 22.35, 113.7, 22.35]).all()
    assert (boxes <= [114.7, 22.9, 114.7, 22.9]).all()


# New York: districts, housing developments, addresses


@pytest.fixture(scope="module")
def new_york(tmp_path_factory, shared_data):
    """The three files of New York, loaded; and the receipts by layer."""
    folder = shared_data / "nyc"
    made = Flow(tmp_path_factory.mktemp("nyc"), LOCAL_ROLE="bureau")
    made.said = {}
    for layer, file, *fields in (
        ("street_offices", "community_districts_orig.geojson", "code=BoroCD", "name=BoroCD"),
        ("compounds", "nycha_277.geojson", "code=tds_num", "name=developmen"),
        ("illegal_structures", "points_24957.csv.gz"),
    ):
        options = [word for field in fields for word in ("--field", field)]
        made.said[layer] = made.run("load", layer, folder / file, *options)
    yield made
    made.close()


def test_new_york_is_read_as_a_whole(new_york):
    assert counts(new_york.said["street_offices"]) == (71, 71, 0)
    assert counts(new_york.said["compounds"]) == (277, 277, 0)
    # Nine addresses could not be geocoded: their cells are empty.
    assert counts(new_york.said["illegal_structures"]) == (24957, 24948, 9)
    aside = new_york.rows(tables.set_aside)
    assert [json.loads(row["original"])["str"] for row in aside] == ["fail"] * 9
    reasons = Counter(f["code"] for f in new_york.rows(tables.findings) if f["severity"] == "set_aside")
    assert reasons == {"no_geometry": 9}


def test_thirteen_developments_cross_a_district_line(new_york):
    shown = new_york.get("/export/compounds.geojson")["features"]
    assert len(shown) == len(new_york.get("/map/compounds.geojson")["features"]) == 277
    assert sum(row["properties"]["border"] for row in shown) == 13
    exported = new_york.get("/export/compounds.geojson?border=1")
    assert (exported["numberMatched"], len(exported["features"])) == (13, 13)
    shares = Counter()
    for row in new_york.rows(tables.shares):
        shares[row["code"]] += row["share"] > 0.01
    crossing = {code for code, parts in shares.items() if parts > 1}
    assert {row["id"] for row in exported["features"]} == crossing


def test_every_address_is_in_a_district_or_said_to_be_in_none(new_york):
    answers = [r for r in new_york.rows(tables.assignments) if r["layer"] == "illegal_structures"]
    by_district = Counter(row["street_office_code"] for row in answers)
    assert (len(answers), by_district[None]) == (24948, 82)
    nobody = new_york.get("/export/illegal_structures.geojson?street_office=none")
    assert (nobody["numberMatched"], len(nobody["features"])) == (82, 82)
    district, count = by_district.most_common(1)[0]
    shown = new_york.get(f"/map/illegal_structures.geojson?street_office={district}")
    assert len(shown["features"]) == count
    assert sum(by_district.values()) == len(new_york.get("/export/illegal_structures.geojson")["features"])


def test_new_york_is_exported_to_a_file(new_york, tmp_path):
    target = tmp_path / "points.geojson"
    new_york.run("export", "illegal_structures", target)
    rows = json.loads(target.read_text(encoding="utf-8"))
    assert rows["numberMatched"] == len(rows["features"]) == 24948
    assert len({row["id"] for row in rows["features"]}) == 24948


def test_a_visitor_is_shown_no_unpublished_address(new_york, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(new_york.folder, copy)
    visitor = Flow(copy)
    assert visitor.get("/map/illegal_structures.geojson")["features"] == []
    assert visitor.get("/export/illegal_structures.geojson")["numberMatched"] == 0
    assert len(visitor.get("/map/compounds.geojson")["features"]) == 277
    visitor.close()


def test_the_pages_of_new_york(new_york):
    for address in ("/?on=2022-06-30", f"/planning?on={date(2022, 6, 30)}"):
        assert new_york.client.get(address).status_code == 200
