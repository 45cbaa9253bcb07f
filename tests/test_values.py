"""Headings to fields, and what stands in a cell to a value or a finding."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import HeadingError
from layers import values
from layers.catalogue import COMPOUNDS, FACILITIES, ILLEGAL_STRUCTURES, LAYERS, STREET_OFFICES
from layers.stages import STAGES
from layers.values import code_findings, match_headings, shown, typed


def taken(field: str, value: object, layer=COMPOUNDS):
    """Return the value of one cell, and the code and severity of its finding."""
    rows = pd.DataFrame({field: pd.Series([value], index=[1], dtype=object)}, index=[1])
    result = typed(layer, rows, match_headings(layer, [field], {}))
    found = [(f.code, f.severity) for f in result.findings if f.field == field]
    return result.values.at[1, field], found


def strange(field: str, value: object, layer=COMPOUNDS) -> str:
    """Return the code of the finding for a cell that must come out as unknown."""
    value, found = taken(field, value, layer)
    assert value is None
    ((code, severity),) = found
    assert severity == "unknown"
    assert code in values.FINDINGS
    return code


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_field_is_known_by_name_alias_title_and_label(layer):
    for field in layer.stored:
        for heading in (field.name, field.alias, field.title, field.label, field.name.upper()):
            assert match_headings(layer, [heading], {}).matched == {field.name: heading}


def test_case_width_spaces_and_underscores_do_not_matter():
    headings = [" Plan Year", "BUILT_year", "小区 名称", "ＸＱＢＨ"]
    assert match_headings(COMPOUNDS, headings, {}).matched == {
        "plan_year": " Plan Year",
        "built_year": "BUILT_year",
        "name": "小区 名称",
        "code": "ＸＱＢＨ",
    }


def test_the_unit_in_brackets_must_be_the_field_s_own():
    assert match_headings(COMPOUNDS, ["住宅建筑面积（㎡）"], {}).matched
    assert match_headings(COMPOUNDS, ["住宅建筑面积(平方米)"], {}).matched
    assert match_headings(COMPOUNDS, ["住宅建筑面积(万㎡)"], {}).unmapped == ("住宅建筑面积(万㎡)",)


def test_what_is_given_goes_first_and_may_be_used_twice():
    found = match_headings(COMPOUNDS, ["code", "编号", "NAME"], {"code": "编号", "name": "编号"})
    assert found.matched == {"code": "编号", "name": "编号"}
    assert found.unmapped == ("code", "NAME")


def test_two_headings_for_one_field_need_a_decision():
    with pytest.raises(HeadingError, match="HS, 户数.*households"):
        match_headings(COMPOUNDS, ["HS", "户数"], {})
    assert match_headings(COMPOUNDS, ["HS", "户数"], {"households": "hs"}).unmapped == ("户数",)


def test_names_that_do_not_exist_are_refused_with_the_close_ones():
    with pytest.raises(HeadingError, match="close to it: .*households"):
        match_headings(COMPOUNDS, ["a"], {"household": "a"})
    with pytest.raises(HeadingError, match="no heading 户; close to it: 户数"):
        match_headings(COMPOUNDS, ["户数"], {"households": "户"})


def test_a_derived_field_is_never_taken_from_a_file():
    assert match_headings(COMPOUNDS, ["street_office_code", "跨界"], {}).matched == {}
    with pytest.raises(HeadingError, match="border"):
        match_headings(COMPOUNDS, ["跨界"], {"border": "跨界"})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("households", "1,070", 1070),
        ("households", "１０７０户", 1070),
        ("households", 12.0, 12),
        ("households", "3e2", 300),
        ("floor_area_m2", "1,070.5", 1070.5),
        ("floor_area_m2", " 12.50 ㎡", 12.5),
        ("floor_area_m2", 0, 0.0),
        ("satisfaction", "98.5%", 98.5),
        ("plan_year", "2022年", 2022),
        ("plan_year", 1800, 1800),
        ("code", 110114104000, "110114104000"),
        ("code", 12.0, "12"),
        ("code", " 0370102 ", "0370102"),
        ("code", 2**63 + 1, "9223372036854775809"),
        ("name", " 甘露园 ", "甘露园"),
        ("name", 12.0, "12"),
        ("owners_committee", "是", True),
        ("owners_committee", "Ｎ", False),
        ("owners_committee", 1, True),
        ("owners_committee", 0.0, False),
        ("owners_committee", True, True),
    ],
)
def test_a_value_is_read(field, value, expected):
    found = taken(field, value)
    assert found == (expected, [])
    assert type(found[0]) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("households", "many", "not_a_number"),
        ("households", "1,07", "not_a_number"),
        ("households", ".", "not_a_number"),
        ("households", True, "not_a_number"),
        ("households", "12.5", "not_whole"),
        ("households", -1, "negative"),
        ("households", "1e200", "out_of_range"),
        ("floor_area_m2", "107万", "not_a_number"),
        ("floor_area_m2", float("nan"), "not_a_number"),
        ("floor_area_m2", "nan", "not_a_number"),
        ("floor_area_m2", float("inf"), "out_of_range"),
        ("floor_area_m2", "1e999", "out_of_range"),
        ("satisfaction", 101, "out_of_range"),
        ("plan_year", 1799, "out_of_range"),
        ("plan_year", "2101", "out_of_range"),
        ("code", "a b", "not_a_code"),
        ("code", "x" * 65, "too_long"),
        ("code", 2.0**53, "digits_lost"),
        ("code", "1.10101E+11", "digits_lost"),
        ("name", "a\0b", "control_characters"),
        ("name", "\ud800", "control_characters"),
        ("name", "x" * 2001, "too_long"),
        ("owners_committee", "maybe", "not_a_flag"),
        ("stage", "完成", "not_in_list"),
    ],
)
def test_a_strange_value_is_unknown_with_a_finding(field, value, code):
    assert strange(field, value) == code


@pytest.mark.parametrize("blank", [None, "", "  ", "\u3000\t"])
def test_blank_is_unknown_without_a_finding(blank):
    for field in ("households", "floor_area_m2", "plan_year", "code", "name", "stage", "owners_committee"):
        assert taken(field, blank) == (None, [])


@pytest.mark.parametrize(
    "text",
    ["2022-06-30", "2022/6/30", "2022.6.30", "2022年6月30日", "20220630", "２０２２－６－３０"]
    + ["2022-06-30T08:00:00", "2022/6/30 0:00", "2022-06-30T00:00:00+08:00", 20220630, 20220630.0],
)
def test_a_date_in_every_way_people_write_it(text):
    assert taken("found_on", text, ILLEGAL_STRUCTURES) == (date(2022, 6, 30), [])


@pytest.mark.parametrize("text", ["2022-02-30", "30/6/2022", "2022-6/30", "00000000", "44742", "2022", True])
def test_what_is_no_date_is_unknown(text):
    assert strange("found_on", text, ILLEGAL_STRUCTURES) == "not_a_date"


def test_a_date_outside_the_years_is_unknown():
    assert strange("found_on", "1700-01-01", ILLEGAL_STRUCTURES) == "out_of_range"


def test_a_choice_is_known_by_code_chinese_and_english():
    for stage in STAGES.values():
        for name in (stage.code, stage.title, stage.label, stage.code.upper()):
            assert taken("stage", name) == (stage.code, [])


def test_a_missing_must_field_sets_the_row_aside():
    rows = pd.DataFrame({"code": ["1", " ", "a b"], "name": ["x", "y", None]}, index=[1, 2, 3], dtype=object)
    found = typed(STREET_OFFICES, rows, match_headings(STREET_OFFICES, list(rows), {})).findings
    assert [(f.row, f.field, f.code, f.severity) for f in found] == [
        (2, "code", "missing_must", "set_aside"),
        (3, "code", "not_a_code", "unknown"),
        (3, "code", "missing_must", "set_aside"),
        (3, "name", "missing_must", "set_aside"),
    ]


def test_all_columns_come_out_in_order_and_the_rest_is_kept():
    rows = pd.DataFrame({"OBJECTID": [7, None], "设施名称": ["园", "站"]}, index=[1, 2], dtype=object)
    result = typed(FACILITIES, rows, match_headings(FACILITIES, list(rows), {}))
    assert list(result.values.columns) == [field.name for field in FACILITIES.stored]
    assert list(result.values.index) == [1, 2]
    assert result.values["name"].tolist() == ["园", "站"]
    assert result.values["capacity"].tolist() == [None, None]
    assert result.unmapped == [{"OBJECTID": 7}, {"OBJECTID": None}]


def test_codes_are_checked_only_where_the_list_says_how_long_they_are():
    codes = pd.Series({1: "110101001000", 2: "110101001", 3: None, 4: "１１０１０１００１０００"})
    assert [(f.row, f.severity) for f in code_findings(codes, 12)] == [(2, "set_aside"), (4, "set_aside")]
    assert code_findings(codes, None) == []


def test_what_is_shown_is_one_safe_line():
    assert shown("a\x1b[31m\n b\0") == "a\\x1b[31m b\\x00"
    assert shown("\ud800") == "\\ud800"
    assert len(shown("x" * 5000)) == 200


CELLS = [st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text("0123456789.,-年/: ")]


@given(st.sampled_from(list(LAYERS.values())), st.one_of(CELLS))
def test_no_cell_is_refused_and_every_value_can_be_stored(layer, value):
    names = [field.name for field in layer.stored]
    rows = pd.DataFrame([[value] * len(names)], columns=names, index=[1], dtype=object)
    result = typed(layer, rows, match_headings(layer, names, {}))
    strange_fields = {finding.field for finding in result.findings}
    for name in names:
        found = result.values.at[1, name]
        assert found is None or name not in strange_fields
        assert isinstance(found, str | int | float | bool | date | None)
        assert not isinstance(found, str) or found.encode("utf-8").strip()


@given(st.floats(0, 1e12))
def test_a_number_is_the_same_as_text(number):
    assert taken("floor_area_m2", repr(number)) == (number, [])
