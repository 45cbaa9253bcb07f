"""Finding by what is written: fields, ranks, pinyin with all readings, sight, and every new state."""

import pytest
from builders import DAY, put, put_duty, put_edition
from sqlalchemy import update

from layers import tables, wordbook
from layers.people import OPERATOR, VISITOR
from layers.pinyin import folded, readings, spellings, spelt

COMPOUNDS = (
    {"code": "XQ01", "name": "松涛西区", "address": "松涛路 12 号", "community": "松涛社区"},
    {"code": "XQ02", "name": "西区", "address": None, "community": None},
    {"code": "XQ03", "name": "重庆路西区北院", "address": "西区北街1号", "community": "朝阳"},
    {"code": "XQ04", "name": None, "address": "解放路3号", "community": "西区"},
    {"code": "XQ010", "name": "Plum Yard %_", "address": None, "community": None},
)


@pytest.fixture
def named(store):
    with store.writing(OPERATOR) as work:
        edition = put_edition(work, "A", "B")
        put(work, "compounds", *COMPOUNDS)
        put_duty(work, edition, "compounds", "XQ02", "B")
        put(
            work,
            "illegal_structures",
            {"code": "WJ1", "name": "棚", "place": "松涛西区3号楼", "state": "found"},
            {"code": "WJ2", "name": None, "place": "松涛西区4号楼", "state": "ordered"},
        )
        put(work, "facilities", {"code": "SS1", "name": "长乐小学", "kind": "school"})
    return store


def look(store, text, layer="compounds", person=OPERATOR, most=10):
    hits = wordbook.look(store, person, layer, DAY, text, most)
    return [found.code for found in hits.found]


def test_a_whole_field_comes_before_a_beginning_and_that_before_the_middle(named):
    # XQ02 is called so, XQ04's community is; XQ03's address begins so; XQ01's name ends so.
    assert look(named, "西区") == ["XQ02", "XQ04", "XQ03", "XQ01"]
    assert look(named, "xq01") == ["XQ01", "XQ010"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("松涛路12号", ["XQ01"]),
        ("松涛 西区", ["XQ01"]),
        ("ＸＱ０３", ["XQ03"]),
        ("解放路", ["XQ04"]),
        ("office b", ["XQ02"]),
        ("plum y", ["XQ010"]),
        *(("%", ["XQ010"]), ("_", ["XQ010"]), ("xq02\n", ["XQ02"]), ("没有", []), ("", []), (" ", [])),
    ],
)
def test_every_field_is_looked_through(named, text, codes):
    assert look(named, text) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        *(("stxq", ["XQ01"]), ("songtaoxiqu", ["XQ01"]), ("song tao xi", ["XQ01"]), ("STX", ["XQ01"])),
        # 重 is zhong or chong: both find it.
        *(("chongqing", ["XQ03"]), ("zhongqing", ["XQ03"]), ("cql", ["XQ03"]), ("zqlxqby", ["XQ03"])),
        # A spelling begins with a letter's own: no "ongtao", and no "an" in "yuan".
        *(("ongtao", []), ("uan", []), ("taoxi", ["XQ01"])),
    ],
)
def test_names_are_found_by_every_reading_and_by_initials(named, text, codes):
    assert look(named, text) == codes


def test_other_layers_have_fields_of_their_own(named):
    assert look(named, "changle", "facilities") == look(named, "clxx", "facilities") == ["SS1"]
    assert look(named, "松涛西区", "illegal_structures") == ["WJ1", "WJ2"]
    assert look(named, "wj2", "illegal_structures") == ["WJ2"]
    assert look(named, "office", "street_offices") == ["A", "B"]


def test_nobody_finds_what_he_may_not_see(named):
    assert look(named, "松涛西区", "illegal_structures", VISITOR) == ["WJ2"]
    assert look(named, "wj1", "illegal_structures", VISITOR) == []
    assert look(named, "棚", "illegal_structures", VISITOR) == []


def test_private_fields_are_not_looked_through(district):
    for layer, text in (("compounds", "Wang"), ("illegal_structures", "Zhao")):
        assert look(district, text, layer) == []


def test_the_match_is_marked_in_what_is_written(named):
    def marked(text, layer="compounds"):
        found = wordbook.look(named, OPERATOR, layer, DAY, text, 1).found[0]
        begin, end = found.marked
        return found.field, found.told[:begin], found.told[begin:end]

    assert marked("涛路12") == ("address", "松", "涛路 12")
    assert marked("taox") == ("pinyin", "松", "涛西")
    assert marked("xq03") == ("code", "", "XQ03")
    assert marked("YARD") == ("name", "Plum ", "Yard")
    assert marked("3号", "illegal_structures") == ("place", "松涛西区", "3号")


def test_more_is_said_and_the_box_and_office_are_told(named):
    hits = wordbook.look(named, OPERATOR, "compounds", DAY, "西区", 2)
    assert (len(hits.found), hits.more) == (2, True)
    assert hits.found[0].office == "Office B"
    west, south, east, north = hits.found[0].bounds
    assert west < east and south < north
    assert not wordbook.look(named, OPERATOR, "compounds", DAY, "西区", 4).more


def test_an_edit_is_found_at_once(named):
    assert look(named, "松涛西区") == ["XQ01"]
    c = tables.compounds
    with named.writing(OPERATOR) as work:
        work.connection.execute(update(c).where(c.c.code == "XQ01").values(name="柳荫里"))
        work.bump("compounds")
    assert (look(named, "松涛西区"), look(named, "lyl")) == ([], ["XQ01"])


def test_a_store_of_the_same_revision_is_another_one(district, named):
    # The index is kept by the process, which may serve several stores.
    assert look(district, "杏花") == ["C2"]
    assert look(named, "杏花") == []


def test_what_is_broken_into_lines_is_one_text(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "A", "name": "松涛\n西区"}, {"code": "B", "name": "北\u2028院"})
    assert look(store, "涛西") == ["A"]
    assert look(store, "北院") == look(store, "beiyuan") == ["B"]


def test_too_many_rows_are_not_indexed(named, monkeypatch):
    monkeypatch.setattr(wordbook, "MOST_INDEXED", 1)
    monkeypatch.setattr(wordbook, "_kept", type(wordbook._kept)())
    assert look(named, "松涛西区", "illegal_structures") == []
    assert look(named, "WJ2", "illegal_structures") == ["WJ2"]
    assert look(named, "WJ1", "illegal_structures", VISITOR) == []


def test_readings():
    assert folded(" Ａb　c\tⅣ ") == "abciv"
    assert set(readings("乐")) >= {"le", "yue"}
    assert readings("a") == ("a",)
    several = ["".join(way) for way in spellings("长乐")]
    assert {"zhangyue", "changle", "changyue", "zhangle"} <= set(several)
    assert len(several) == len(set(several))
    assert spelt("长乐小学", "cylexx") is None
    assert spelt("长乐小学", "chyuexx") is None
    assert spelt("长乐小学", "cyuex") == (0, 3)


def test_a_name_of_many_readings_costs_no_more_than_its_letters():
    # Of 2,000 letters each is read in two ways: pairs of them alone would be two million spellings.
    long = list(spellings("长" * 2000))
    assert [len(way) for way in long] == [2000] * 5 and len(set(long)) == 5
    # Each letter begins alike in all its readings: two ways to each beginning, were none remembered.
    assert readings("了") == ("le", "liao")
    assert spelt("了" * 90 + "山", "l" * 89 + "x") is None
    assert spelt("了" * 90 + "山", "l" * 9 + "s") == (81, 91)
