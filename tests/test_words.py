import ast
import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from layers.catalogue import LAYERS
from webmap import words

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"%\((\w+)\)s")


def forms(text):
    """Return the forms of a text: one, or singular and plural."""
    return (text,) if isinstance(text, str) else text


def key(message):
    """Return what a message is known by."""
    return message.context, forms(message.id)[0]


@pytest.fixture(scope="module")
def chinese():
    path = CHECKOUT / "webmap" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale="zh")


@pytest.fixture(scope="module")
def texts():
    """Every text of the program, as (context, singular)."""
    with (CHECKOUT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(CHECKOUT, methods, options, DEFAULT_KEYWORDS)
    return {(context, forms(text)[0]) for _, _, text, _, context in found}


def test_texts_of_every_sort_are_found(texts):
    assert {
        (None, "Serve the pages of the store."),
        (None, "The port to listen on."),
        (None, "No layer is called %(layer)s; the layers are %(layers)s."),
        (None, "Reading the file"),
        (None, "by number of compounds"),
        (None, "The row has no geometry."),
        (None, "The timetable was taken over."),
        (None, "Filters and legend"),
        ("stage", "Tender"),
        ("facilities", "Kind"),
    } <= texts


def test_every_text_is_in_chinese_and_none_is_a_guess(texts, chinese):
    known = {key(m): m for m in chinese if m.id}
    assert sorted(map(str, texts - set(known))) == [], "`make texts` brings them into the catalogue"
    assert [m.id for m in known.values() if m.fuzzy or not all(forms(m.string))] == []


def test_nothing_is_translated_that_is_not_said_any_more(texts, chinese):
    assert {key(m) for m in chinese if m.id} - texts == set()


def test_a_translation_has_the_places_of_its_text(chinese):
    for message in chinese:
        for text in forms(message.string):
            assert set(PLACE.findall(text)) == set(PLACE.findall(forms(message.id)[-1])), message.id


def test_labels_are_translated_by_their_titles(chinese):
    for context, label, title in words.labels():
        assert chinese.get(label, context).string == title


@pytest.fixture
def said(make_app):
    """Say something in a language."""
    app = make_app()

    def say(language, word, *values):
        with app.test_request_context(), force_locale(language):
            return word(*values)

    return say


@pytest.mark.parametrize(
    ("word", "value", "zh", "en"),
    [
        (words.day, date(2022, 11, 30), "2022年11月30日", "30 Nov 2022"),
        (words.day, "2022-06-03", "2022年6月3日", "3 Jun 2022"),
        (words.day, None, "—", "—"),
        (words.area, 1_070_000.0, "107.0 万㎡", "1.07 million m²"),
        (words.area, None, "未知", "unknown"),
        (words.small_area, 39_630.4, "39,630 ㎡", "39,630 m²"),
        (words.number, 14388, "14,388", "14,388"),
        (words.compounds, 27, "27 个小区", "27 compounds"),
        (words.compounds, 1, "1 个小区", "1 compound"),
        (words.compounds, 1234, "1,234 个小区", "1,234 compounds"),
        (words.stage_label, "tender", "招投标", "Tender"),
        (words.state_label, "", "未知", "unknown"),
        (words.kind_label, "小学", "小学", "Primary school"),
        (words.kind_label, "消防站", "消防站", "消防站"),
    ],
)
def test_both_languages_say_it_their_way(said, word, value, zh, en):
    assert (said("zh", word, value), said("en", word, value)) == (zh, en)


@pytest.mark.parametrize(
    ("field", "value", "zh", "en"),
    [
        ("households", 1234, "1,234 户", "1,234"),
        ("floor_area_m2", 39630.4, "39,630 ㎡", "39,630 m²"),
        ("built_year", 1986, "1986", "1986"),
        ("owners_committee", False, "否", "no"),
        ("satisfaction", 91.5, "91.5 %", "91.5 %"),
        ("investment_wan_yuan", 120.0, "120 万元", "120 × 10,000 yuan"),
        ("address", None, "未知", "unknown"),
    ],
)
def test_a_value_is_told_with_its_unit(said, field, value, zh, en):
    assert said("zh", words.value, "compounds", field, value) == zh
    assert said("en", words.value, "compounds", field, value) == en


def test_every_unit_of_the_catalogue_is_said_in_english(said):
    units = {field.unit for layer in LAYERS.values() for field in layer.fields} - {""}
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert [unit for unit in units if chinese.search(said("en", words.unit, unit))] == []


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_part_is_never_said_to_be_the_whole_or_nothing(one, two):
    part, whole = sorted((one, two))
    shown = words.percent(part / whole)
    assert (shown == "100.0%") == (part == whole)
    assert shown != "0.0%"


def test_texts_must_be_written_out():
    call = ast.parse('click.option("--x", help="a" + b)').body[0].value
    with pytest.raises(ValueError, match="written out"):
        list(words._texts_of(call))
