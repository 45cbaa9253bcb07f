"""Files come in: nothing is lost, nothing changes twice, and a failure leaves nothing behind."""

import hashlib
import json
import shutil
from datetime import date

import pytest
import shapely
from desk import Desk, feature, point, square
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from geo import check
from geo.crs import to_stored
from geo.errors import (
    CrsError,
    FileError,
    Finding,
    FormatError,
    HeadingError,
    PermissionError_,
    RequestError,
    StoreError,
)
from layers import intake, open_store, tables, values
from layers.intake import Request, take_in
from layers.people import OPERATOR, VISITOR
from layers.stages import StageRow
from layers.store import verify_history

#: Two street offices side by side, and inside them room for compounds and structures.
WEST, EAST = (117.00, 36.60, 117.01, 36.61), (117.01, 36.60, 117.02, 36.61)
BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[117, 36], [117.01, 36.01], [117.01, 36], [117, 36.01], [117, 36]]],
}


def compound(code, place=0, **properties):
    """A compound of 100 m by 100 m, the place-th from the left."""
    west = round(117.0005 + 0.002 * place, 6)
    return feature(square(west, 36.602, round(west + 0.001, 6), 36.603), code=code, **properties)


def office(code, box, name="街道"):
    return feature(square(*box), code=code, name=name)


OFFICES = [office("370102001000", WEST, "西街道"), office("370102002000", EAST, "东街道")]


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def codes(receipt, *fields):
    return [tuple(getattr(found, field) for field in fields) for found in receipt.findings]


CRS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
TEXTS = {**check.FINDINGS, **values.FINDINGS, **intake.FINDINGS}


# Nothing is lost


SHAPES = st.sampled_from(
    [
        None,
        square(117.001, 36.601, 117.002, 36.602),
        BOW_TIE,
        point(117.001, 36.601),
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[117, 36], [117.1, 36]]]},
        {"type": "Polygon", "coordinates": [[["a", "b"], [1, 2], [3, 4], ["a", "b"]]]},
        {"type": "Nonsense"},
        square(200, 36, 201, 37),
        {"type": "MultiPolygon", "coordinates": [square(117, 36, 117.1, 36.1)["coordinates"]]},
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "a b", "小区", "1,200", "1.10101E+11", "2022年", "施工", "x" * 2100, "\x07"]),
)
ROWS = st.lists(
    st.builds(
        lambda shape, properties: {"type": "Feature", "geometry": shape, "properties": properties},
        SHAPES,
        st.dictionaries(
            st.sampled_from(
                ["code", "name", "households", "built_year", "stage", "owners_committee", "其他"]
            ),
            VALUES,
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40)
@given(rows=ROWS, layer=st.sampled_from(["compounds", "street_offices", "facilities"]))
def test_every_row_is_stored_or_set_aside(tmp_path_factory, rows, layer):
    folder = tmp_path_factory.mktemp("desk")
    store = open_store(f"sqlite:///{folder / 'district.db'}")
    desk = Desk(store, folder)
    # A first row that is good tells that degrees are meant, whatever stands in the others.
    path = desk.write([feature(square(*WEST), code="good", name="好"), *rows], crs=CRS84)
    receipt = desk.load(layer, path)
    stored, aside = desk.rows(tables.FEATURES[layer]), desk.rows(tables.set_aside)
    assert receipt.read == len(rows) + 1 == receipt.stored + receipt.set_aside
    assert (len(stored), len(aside)) == (receipt.stored, receipt.set_aside)
    assert receipt.stored == receipt.inserted + receipt.updated + receipt.unchanged
    assert sorted([row["row"] for row in stored] + [row["row"] for row in aside]) == list(
        range(1, len(rows) + 2)
    )
    assert {f.row for f in receipt.findings if f.severity == "set_aside"} == {row["row"] for row in aside}
    assert all(f.code in TEXTS for f in receipt.findings)
    assert all(shapely.from_wkb(row["wkb"]).is_valid for row in stored)
    before = desk.everything()
    again = desk.load(layer, path)
    assert (again.repeated, again.load_id, again.findings) == (True, receipt.load_id, receipt.findings)
    assert desk.everything() == before
    assert verify_history(store) is None
    store.close()


def test_a_set_aside_row_keeps_its_values_its_place_and_its_reasons(desk):
    rows = [compound("A"), feature(point(117.001, 36.601), code="B", name="点", 备注="手写")]
    receipt = desk.load("compounds", rows)
    assert (receipt.read, receipt.stored, receipt.set_aside) == (2, 1, 1)
    (aside,) = desk.rows(tables.set_aside)
    assert (aside["load_id"], aside["row"]) == (receipt.load_id, 2)
    assert json.loads(aside["original"]) == {"code": "B", "name": "点", "备注": "手写"}
    assert aside["geometry"] == "POINT (117.001 36.601)"
    assert receipt.findings == (Finding(2, "geometry", "wrong_type", "set_aside", "Point"),)
    (found,) = desk.rows(tables.findings, "load_id", "row", "field", "code", "severity", "detail")
    assert tuple(found.values()) == (receipt.load_id, *receipt.findings[0])


def test_a_shape_that_cannot_be_read_is_said_once(desk):
    receipt = desk.load("compounds", [compound("A"), feature({"type": "Blob"}, code="B")])
    assert codes(receipt, "row", "code") == [(2, "unreadable_geometry")]


def test_a_repaired_row_is_stored_and_said_so(desk):
    receipt = desk.load("compounds", [feature(BOW_TIE, code="A", name="蝴蝶结")])
    assert (receipt.stored, receipt.set_aside) == (1, 0)
    assert codes(receipt, "row", "code", "severity") == [
        (1, "invalid_geometry", "note"),
        (1, "repaired", "repaired"),
    ]
    (row,) = desk.rows(tables.compounds)
    assert shapely.from_wkb(row["wkb"]).area == pytest.approx(0.5e-4)


def test_unknown_values_are_stored_as_unknown(desk):
    receipt = desk.load("compounds", [compound("A", households="很多", built_year=1066, floor_area_m2=-1.0)])
    (row,) = desk.rows(tables.compounds, "households", "built_year", "floor_area_m2", "buildings")
    assert set(row.values()) == {None}
    assert sorted(codes(receipt, "field", "code", "severity", "detail")) == [
        ("built_year", "out_of_range", "unknown", "1066"),
        ("floor_area_m2", "negative", "unknown", "-1.0"),
        ("households", "not_a_number", "unknown", "很多"),
    ]
    assert receipt.set_aside == 0


def test_headings_match_in_any_case_and_integer_codes_become_text(desk):
    rows = [feature(square(*WEST), CODE=110101001000, Name="东华门街道")]
    receipt = desk.load("street_offices", rows)
    assert desk.rows(tables.street_offices, "code", "name") == [
        {"code": "110101001000", "name": "东华门街道"}
    ]
    assert receipt.findings == ()


def test_columns_that_are_not_mapped_are_kept_and_not_exported(desk, make_app):
    desk.load("compounds", [compound("A", 备注="内部", contact="张三")])
    (row,) = desk.rows(tables.compounds, "unmapped")
    assert json.loads(row["unmapped"]) == {"备注": "内部"}
    client = make_app(desk.store).test_client()
    said = client.get("/export/compounds.geojson?on=2022-06-30").get_data(as_text=True)
    assert '"A"' in said
    assert not any(word in said for word in ("内部", "备注", "unmapped", "张三"))


@pytest.mark.parametrize(
    ("row", "field"),
    [({"name": "无码"}, "code"), ({"code": "1"}, "name"), ({"code": " ", "name": "空"}, "code")],
)
def test_a_street_office_without_code_or_name_is_set_aside(desk, row, field):
    receipt = desk.load("street_offices", [OFFICES[0], feature(square(*EAST), **row)])
    assert (receipt.stored, receipt.set_aside) == (1, 1)
    assert (2, field, "missing_must", "set_aside") in codes(receipt, "row", "field", "code", "severity")


def test_the_second_row_of_a_code_is_set_aside(desk):
    rows = [compound("A", 0), compound("A", 1), feature(None, code="B"), compound("B", 2)]
    receipt = desk.load("compounds", rows)
    assert (receipt.stored, receipt.set_aside) == (2, 2)
    assert codes(receipt, "row", "code", "detail") == [(2, "duplicate_code", "A"), (3, "no_geometry", "")]
    assert desk.rows(tables.compounds, "code", "row") == [{"code": "A", "row": 1}, {"code": "B", "row": 4}]


def test_twelve_digits_are_asked_for_only_by_a_code_list_that_has_them(desk):
    rows = [office("370102001000", WEST), office("9", EAST)]
    assert desk.load("street_offices", rows, dry_run=True).set_aside == 0
    receipt = desk.load("street_offices", rows, code_list="nbs-2023")
    assert codes(receipt, "row", "code", "detail") == [(2, "wrong_digits", "9")]
    with pytest.raises(RequestError, match="No code list is called nbs-1066"):
        desk.load("street_offices", rows, code_list="nbs-1066")


# The same file twice, and one after another


def test_the_same_file_twice_changes_nothing(desk):
    desk.load("street_offices", OFFICES)
    rows = [compound("A", 0, stage="施工"), compound(None, 1), compound("A", 2)]
    first = desk.load("compounds", rows)
    before, revision = desk.everything(), desk.store.revision(*tables.FEATURES)
    again = desk.load("compounds", rows)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)
    assert (again.repeated, again.load_id) == (True, first.load_id)
    assert desk.everything() == before
    assert desk.store.revision(*tables.FEATURES) == revision


def test_the_same_file_taken_another_way_is_another_load(desk):
    rows = [feature(square(*WEST), code="370102001000", 名=1)]
    path = desk.write(rows)
    assert desk.load("compounds", path).load_id == 1
    receipt = desk.load("compounds", path, encoding="utf-8")
    assert (receipt.load_id, receipt.unchanged, receipt.repeated) == (2, 1, False)
    receipt = desk.load("compounds", path, fields={"name": "名"})
    assert (receipt.load_id, receipt.updated) == (3, 1)
    assert desk.load("compounds", path, fields={"name": "名"}).repeated


def test_a_code_list_is_for_street_offices(desk):
    with pytest.raises(RequestError, match="compounds have none"):
        desk.load("compounds", [compound("A", 0)], code_list="nbs-2023")


def test_our_own_export_changes_nothing(desk, make_app):
    desk.load("street_offices", OFFICES)
    desk.load("compounds", [compound("A", 0, remark="kept", stage="施工")])
    desk.load("illegal_structures", [feature(point(117.0005, 36.6005), code="S", state="found")])
    runner = make_app(desk.store).test_cli_runner()
    for layer in ("compounds", "illegal_structures"):
        file = desk.folder / f"{layer}.geojson"
        assert runner.invoke(args=["export", layer, str(file)]).exit_code == 0
        before = desk.rows(tables.FEATURES[layer])
        receipt = desk.load(layer, file)
        assert (receipt.updated, receipt.unchanged, receipt.unmapped) == (0, 1, ())
        assert desk.rows(tables.FEATURES[layer]) == before


def test_a_structure_of_an_unknown_compound_is_told_and_counts_where_it_lies(desk):
    desk.load("compounds", [compound("A", 0)])
    inside = {"code": "S", "compound_code": "NOSUCH"}
    receipt = desk.load("illegal_structures", [feature(point(117.001, 36.6025), **inside)])
    assert codes(receipt, "row", "code", "detail") == [(1, "unknown_compound", "NOSUCH")]
    (row,) = desk.rows(tables.illegal_structures, "compound_code")
    assert row == {"compound_code": "NOSUCH"}
    assert [r["compound_code"] for r in desk.rows(tables.places)] == ["A"]


def test_a_radius_that_cannot_be_meant_is_unknown(desk):
    receipt = desk.load("facilities", [feature(point(117, 36.6), code="F", kind="学校", radius_m=8_000_000)])
    assert codes(receipt, "field", "code") == [("radius_m", "out_of_range")]
    assert desk.rows(tables.facilities, "radius_m") == [{"radius_m": None}]


def test_a_file_that_changes_while_it_is_read_stores_nothing(desk):
    path = desk.write([compound("A", 0)])

    def meddle(step: str) -> None:
        if step == "store":
            path.write_text(path.read_text().replace('"A"', '"B"'))

    before = desk.everything()
    with pytest.raises(StoreError, match="changed while it was read"):
        desk.load("compounds", path, meddle)
    assert desk.everything() == before


def test_readers_of_published_cases_are_not_told_of_others(desk):
    def revisions():
        return [desk.store.revision(name) for name in ("illegal_structures", tables.PUBLISHED_STRUCTURES)]

    place = point(117.0005, 36.6005)
    desk.load("illegal_structures", [feature(place, code="S", state="found")])
    first = revisions()
    desk.load("illegal_structures", [feature(place, code="S", state="verified")])
    assert revisions() == [first[0] + 1, first[1]]
    desk.load("illegal_structures", [feature(place, code="S", state="ordered")])
    assert revisions() == [first[0] + 2, first[1] + 1]
    desk.load("illegal_structures", [feature(place, code="S", state="found")])
    assert revisions() == [first[0] + 3, first[1] + 2]


def test_loading_the_first_file_again_restores_it(desk):
    first = desk.write([compound("A", 0, households=10), compound("B", 1, households=20)], "a.geojson")
    second = desk.write([compound("A", 3, households=11), compound("C", 2, households=30)], "b.geojson")
    desk.load("compounds", first)
    after_first = desk.rows(tables.compounds, "code", "households", "wkb")
    receipt = desk.load("compounds", second)
    assert (receipt.inserted, receipt.updated, receipt.unchanged) == (1, 1, 0)
    receipt = desk.load("compounds", first)
    assert (receipt.repeated, receipt.inserted, receipt.updated, receipt.unchanged) == (False, 0, 1, 1)
    assert len(desk.rows(tables.loads)) == 3
    restored = {row["code"]: row for row in desk.rows(tables.compounds, "code", "households", "wkb")}
    assert [restored[row["code"]] for row in after_first] == after_first
    assert restored["C"]["households"] == 30


def test_what_a_file_has_no_column_for_stays_as_it_was(desk):
    desk.load("compounds", [compound("A", 0, households=120, buildings=4, remark="old")])
    receipt = desk.load("compounds", [compound("A", 0, buildings=5), compound("B", 1, buildings=1)])
    assert (receipt.inserted, receipt.updated) == (1, 1)
    kept = ("code", "households", "buildings", "unmapped")
    assert desk.rows(tables.compounds, *kept) == [
        {"code": "A", "households": 120, "buildings": 5, "unmapped": '{"remark":"old"}'},
        {"code": "B", "households": None, "buildings": 1, "unmapped": None},
    ]
    # An empty cell of a column that is there says: unknown.
    desk.load("compounds", [compound("A", 0, households=None), compound("B", 1, households=7)])
    assert [row["households"] for row in desk.rows(tables.compounds)] == [None, 7]


def test_rows_without_a_code_are_known_again(desk):
    path = desk.write([compound(None, 0, name="甲"), compound("", 1, name="乙"), compound("C", 2)])
    receipt = desk.load("compounds", path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [row["code"] for row in desk.rows(tables.compounds)] == [
        f"XQ-{sha256[:12]}-1",
        f"XQ-{sha256[:12]}-2",
        "C",
    ]
    assert codes(receipt, "row", "code", "severity") == [(1, "code_given", "note"), (2, "code_given", "note")]
    copied = path.rename(path.with_name("another name.geojson"))
    assert desk.load("compounds", copied).repeated
    other = desk.write([compound(None, 0, name="甲 ")])
    assert desk.load("compounds", other).inserted == 1


def test_a_changed_row_leaves_its_before_and_after(desk):
    desk.load("compounds", [compound("A", 0, households=10, name="旧名")])
    receipt = desk.load("compounds", [compound("A", 0, households=12, name="旧名")])
    (entry,) = [e for e in desk.rows(tables.history) if e["action"] == "update"]
    before, after = json.loads(entry["before"]), json.loads(entry["after"])
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {
        "households": (10, 12)
    }
    assert before.keys() == after.keys()
    assert (entry["subject"], entry["code"], entry["load_id"]) == ("compounds", "A", receipt.load_id)
    assert entry["person"] == "bureau:operator"
    (row,) = desk.rows(tables.compounds, "version", "load_id")
    assert row == {"version": 2, "load_id": receipt.load_id}
    assert verify_history(desk.store) is None


def test_a_row_that_only_changed_its_place_in_the_file_has_not_changed(desk):
    desk.load("compounds", [compound("A", 0), compound("B", 1)])
    receipt = desk.load("compounds", [compound("B", 1), compound("A", 0)])
    assert (receipt.updated, receipt.unchanged, receipt.repeated) == (0, 2, False)


# Stages


def stages(desk):
    return [
        (r["code"], r["stage"], r["planned_finish"], r["reported"]) for r in desk.rows(tables.stage_history)
    ]


def test_a_stage_moves_forward_and_not_back(desk):
    desk.load("compounds", [compound("A", 0, stage="design"), compound("B", 1, stage="未启动")])
    assert stages(desk) == [("A", "design", None, 1)]
    receipt = desk.load("compounds", [compound("A", 0, stage="施工"), compound("B", 1)])
    assert stages(desk) == [("A", "construction", None, 1), ("A", "design", None, 1)]
    assert (receipt.updated, receipt.unchanged) == (1, 1)
    receipt = desk.load("compounds", [compound("A", 0, stage="survey")])
    assert stages(desk) == [("A", "construction", None, 1), ("A", "design", None, 1)]
    assert receipt.findings == (Finding(1, "stage", "stage_goes_back", "note", "survey"),)
    assert (receipt.updated, receipt.unchanged) == (0, 1)


def test_a_reported_stage_keeps_the_dates_it_had(desk):
    desk.load("compounds", [compound("A")])
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({"A": [StageRow("tender", planned_finish=date(2022, 5, 1))]})
    desk.load("compounds", [compound("A", stage="tender", name="甲")])
    assert stages(desk) == [("A", "tender", "2022-05-01", 1)]


# Editions of the street offices


def test_the_first_edition_activates_itself_and_a_later_one_waits(desk):
    desk.load("compounds", [compound("A", 0)])
    first = desk.load("street_offices", OFFICES)
    assert (first.edition, first.edition_state) == (1, "active")
    assert desk.rows(tables.assignments, "code", "street_office_code") == [
        {"code": "A", "street_office_code": "370102001000"}
    ]
    moved = [office("370102001000", EAST, "西街道"), office("370102002000", WEST, "东街道")]
    second = desk.load("street_offices", moved)
    assert (second.edition, second.edition_state) == (2, "waiting")
    assert (second.inserted, second.updated, second.unchanged) == (2, 0, 0)
    assert len(desk.rows(tables.assignments)) == 1
    assert [e["state"] for e in desk.rows(tables.editions)] == ["active", "waiting"]


def test_an_edition_that_says_nothing_new_is_none(desk):
    desk.load("street_offices", OFFICES)
    receipt = desk.load("street_offices", OFFICES[::-1])
    assert (receipt.edition, receipt.inserted, receipt.unchanged, receipt.repeated) == (None, 0, 2, False)
    assert desk.load("street_offices", OFFICES[::-1]).repeated
    assert len(desk.rows(tables.editions)) == 1
    assert desk.load("street_offices", OFFICES, code_list="nbs-2023").edition == 2
    assert desk.load("street_offices", OFFICES[:1], code_list="nbs-2023").edition == 3


# What is kept, and what is not written


def test_the_original_is_kept_under_its_sha256(desk):
    path = desk.write([compound("A")])
    receipt = desk.load("compounds", path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert receipt.sha256 == sha256
    kept = desk.files / sha256[:2] / sha256 / "rows.geojson"
    assert kept.read_bytes() == path.read_bytes()
    assert desk.kept() == ["rows.geojson"]


def test_a_dry_run_writes_nothing(desk):
    desk.load("street_offices", OFFICES)
    before = desk.everything()
    receipt = desk.load("compounds", [compound("A", stage="survey"), feature(None)], dry_run=True)
    assert (receipt.read, receipt.inserted, receipt.set_aside) == (2, 1, 1)
    assert (receipt.dry_run, receipt.load_id) == (True, None)
    assert desk.everything() == before
    shutil.rmtree(desk.files)
    desk.load("compounds", [compound("A")], dry_run=True)
    assert not desk.files.exists()


def test_a_folder_that_cannot_keep_the_original_stores_nothing(desk):
    before = desk.everything()
    desk.files.write_text("a file stands where the folder should be")
    with pytest.raises(StoreError, match=r"The original of rows\.geojson cannot be kept") as raised:
        desk.load("compounds", [compound("A")])
    assert "\n" not in str(raised.value)
    desk.files.unlink()
    assert desk.everything() == before


@pytest.mark.parametrize("step", ["read", "check", "store", "assign", "compounds", "coverage"])
def test_ctrl_c_leaves_nothing(desk, step):
    desk.load("street_offices", OFFICES)
    before, seen = desk.everything(), []

    def say(name):
        seen.append(name)
        if name == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.load("compounds", [compound("A", stage="survey"), feature(None)], say)
    assert seen[-1] == step
    assert desk.everything() == before
    assert desk.load("compounds", [compound("A", stage="survey")]).inserted == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 no zip", "does not begin like"),
        (b'{"type": "FeatureCollection", "features": []}', "holds no rows"),
        (b'{"type": "FeatureCollection", "features": [', "line 1 is not valid JSON"),
        (b'{"type": "Topology"}', "no GeoJSON"),
    ],
)
def test_a_file_that_cannot_be_read_stores_nothing(desk, content, said):
    path = desk.folder / "bad.geojson"
    path.write_bytes(content)
    before = desk.everything()
    with pytest.raises(FormatError, match=said):
        desk.load("compounds", path)
    assert desk.everything() == before


def test_no_file_and_no_such_layer_store_nothing(desk):
    before = desk.everything()
    with pytest.raises(FileError, match="there is no such file"):
        desk.load("compounds", desk.folder / "none.geojson")
    with pytest.raises(RequestError, match=r"No layer is called roads; the layers are street_offices"):
        desk.load("roads", [compound("A")])
    with pytest.raises(HeadingError, match="The file has no heading 小区; close to it: 小区名称"):
        desk.load("compounds", [compound("A", 小区名称="甲")], fields={"name": "小区"})
    with pytest.raises(HeadingError, match="compounds has no field title that a file can bring"):
        desk.load("compounds", [compound("A")], fields={"title": "code"})
    assert desk.everything() == before


def test_a_visitor_loads_nothing(desk):
    path = desk.write([compound("A")])
    with pytest.raises(PermissionError_):
        take_in(desk.store, Request("compounds", path), VISITOR, desk.files)
    assert desk.rows(tables.loads) == []


# Coordinate systems


def gauss(*features):
    """The features as numbers in zone 39 (EPSG:4527), which no degrees can be."""
    way = Transformer.from_crs(4490, 4527, always_xy=True).transform
    found = []
    for one in features:
        ring = [list(way(*xy)) for xy in one["geometry"]["coordinates"][0]]
        found.append({**one, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return found


def test_candidates_are_named_where_the_district_is_known(desk):
    rows = gauss(compound("A", 0))
    before = desk.everything()
    with pytest.raises(CrsError, match=r"names no coordinate system; say it with --crs"):
        desk.load("compounds", rows)
    assert desk.everything() == before
    desk.load("street_offices", OFFICES)
    before = desk.everything()
    with pytest.raises(CrsError, match=r"would place it in the district: EPSG:4527 \(CGCS2000 / 3-degree"):
        desk.load("compounds", rows)
    assert desk.everything() == before


def test_a_confirmed_system_places_the_rows(desk):
    receipt = desk.load("compounds", gauss(compound("A", 0)), crs="EPSG:4527")
    assert receipt.crs == "EPSG:4527"
    (row,) = desk.rows(tables.compounds, "wkb", "west", "south", "east", "north")
    expected = to_stored(
        [shapely.from_geojson(json.dumps(gauss(compound("A", 0))[0]["geometry"]))], "EPSG:4527"
    )
    assert row["wkb"] == shapely.to_wkb(expected[0])
    assert list(row.values())[1:] == pytest.approx([117.0005, 36.602, 117.0015, 36.603], abs=1e-9)
    with pytest.raises(CrsError):
        desk.load("compounds", gauss(compound("B", 0)), crs="EPSG:0")


def test_a_system_that_contradicts_the_file_is_refused(desk):
    path = desk.write([compound("A", 0)], crs=CRS84)
    assert desk.load("compounds", path, crs="EPSG:4490").stored == 1
    before = desk.everything()
    with pytest.raises(CrsError, match=r"says itself that it is in EPSG:4326, where EPSG:4267 gives other"):
        desk.load("compounds", path, crs="EPSG:4267")
    assert desk.everything() == before


def test_a_table_of_degrees_is_taken_as_such_unless_told_otherwise(desk):
    path = desk.folder / "points.csv"
    path.write_text("code,lon,lat\nA,117.001,36.601\n", encoding="utf-8")
    receipt = desk.load("facilities", path, dry_run=True)
    assert (receipt.crs, codes(receipt, "row", "code")) == ("EPSG:4490", [(0, "crs_from_headings")])
    receipt = desk.load("facilities", path, crs="EPSG:4326")
    assert (receipt.crs, receipt.findings) == ("EPSG:4326", ())


def test_the_receipt_is_one_json_text(desk):
    receipt = desk.load("compounds", [compound("A", households="?"), feature(None)])
    said = json.loads(intake.receipt_json(receipt))
    assert (said["read"], said["stored"], said["set_aside"]) == (2, 1, 1)
    assert said["findings"] == [found._asdict() for found in receipt.findings]
    (load,) = desk.rows(tables.loads, "receipt")
    assert json.loads(load["receipt"]) == {name: value for name, value in said.items() if name != "findings"}
