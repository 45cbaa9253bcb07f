import re
from datetime import date

import pdfreading
import pytest
from hostile import NAMES

from geo.errors import GuatuError
from webmap import typesetting
from webmap.typeface import FAMILY, printable
from webmap.typesetting import data, typeset

DAY = date(2022, 6, 30)
HEAD = f'#set text(font: "{FAMILY}", lang: "zh")\n#set document(title: "图")\n'
LIST = HEAD + '#set page(width: 400mm, height: auto)\n#for name in json("data.json") { par(name + ".") }\n'
#: Names that would be code, a formula, a label or a reference, were they part of a source.
SOURCES = (
    '#read("/etc/passwd")',
    "#import sys: inputs",
    "$ x^2 $",
    "\\#panic()",
    "*a* _b_ `c` <d> @e = f",
    "// none",
    "/* none */",
    '"]; panic()',
)


def one_line(text):
    """Return a text without its spaces, which a reader of PDF may find elsewhere."""
    return re.sub(r"\s", "", text)


def test_names_are_shown_as_text(poppler):
    names = (*SOURCES, *NAMES)
    found = one_line(pdfreading.text(typeset(LIST, {"data.json": data(names)}, DAY)))
    assert [name for name in names if one_line(printable(name)) not in found] == []


def test_only_our_typeface_is_used_and_comes_along(poppler):
    pdf = typeset(LIST + "*粗*", {"data.json": data(["细"])}, DAY)
    assert pdfreading.fonts(pdf) == [("NotoSansSC-Regular", True), ("NotoSansSC-Bold", True)]


def test_the_day_is_that_of_the_sheet_and_the_bytes_repeat(poppler):
    first, second, other = (
        typeset(LIST, {"data.json": data(["一"])}, day) for day in (DAY, DAY, date(2022, 7, 1))
    )
    assert first == second != other
    assert pdfreading.facts(first)["CreationDate"].startswith("Thu Jun 30 00:00:00 2022")
    assert pdfreading.facts(first)["Title"] == "图"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('#read("/etc/passwd")', "file not found"),
        ('#read("../../../../etc/passwd")', "would escape the project root"),
        ('#text(font: "Noto Sans CJK SC")[x]', "unknown font family"),
        ("😀", "could not be displayed"),
        ("#panic(1)", "panicked"),
    ],
)
def test_what_is_wrong_is_an_error(source, said):
    with pytest.raises(GuatuError, match=said):
        typeset(HEAD + source, {}, DAY)


def test_a_character_without_a_glyph_is_an_error_where_it_was_not_made_printable():
    with pytest.raises(GuatuError, match="could not be displayed"):
        typeset(LIST, {"data.json": '["😀"]'}, DAY)


def test_data_are_made_printable_at_every_depth():
    assert (
        data({"a": ["😀", {"b": "x\ny"}, 1.5, None, True]})
        == '{"a": ["〓", {"b": "x y"}, 1.5, null, true]}'.encode()
    )


def test_no_source_takes_a_package_from_elsewhere():
    sources = sorted(typesetting.SOURCES.glob("*.typ"))
    assert [
        path.name for path in sources if re.search(r'import\s+"@', path.read_text(encoding="utf-8"))
    ] == []
