"""A city's own rules: where a file says what, and what of it is refused."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import RulesError
from layers import tomlfiles
from layers.tomlfiles import Part, Source

TEXT = """# "title" is no key here
title = "规则"  # but here
count = 3

[[row]]
code = "a"
step = [
    { from = 0.1 },
    { from = 7 },
]

[[row]]
"code" = "b"
on = 2022-06-30

[more.deep]
code = "c"
"""


@pytest.fixture
def top(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(TEXT, encoding="utf-8")
    return tomlfiles.read(path, "data/seed/rules.toml")


def test_every_key_is_found_on_its_line(top):
    first, second = top.parts("row")
    deep = top.part("more").part("deep")
    places = [top.at("title"), top.at("row"), first.at("code"), second.at("code"), second.at("on")]
    assert [place["line"] for place in places] == [2, 5, 6, 13, 14]
    assert deep.at("code") == {"file": "rules.toml", "line": 17, "key": "code"}
    # A row of a list stands where the list does; what is missing where its part begins.
    steps = first.rows("step", "[]")
    assert [step.at("from") for step in steps] == [{"file": "rules.toml", "line": 7, "key": "from"}] * 2
    assert [second.at("none")["line"], top.at("none")["line"], top.part("more").at("deep")["line"]] == [
        12,
        1,
        16,
    ]


def test_values_are_what_was_written(top):
    first, second = top.parts("row")
    assert (top.text("title"), top.number("count", 0, 3), second.day("on")) == ("规则", 3, date(2022, 6, 30))
    assert first.rows("step", "[]")[0].decimal("from", 0, 1) == Decimal("0.1")
    assert "on" in second and "on" not in first
    assert top.parts("none") == [] and top.part("none").values == {}


@given(st.decimals(0, 100, places=6))
def test_a_number_is_kept_as_it_is_written(number):
    part = Part(Source("x.toml", ""), {"n": float(str(number))})
    assert part.decimal("n", 0, 100) == number


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda top: top.only("title", "row", "more"), "line 3: nothing is called count here"),
        (lambda top: top.text("count"), "line 3: write a text for count"),
        (lambda top: top.one_of("count", ("a", "b")), "line 3: count must be one of: a, b"),
        (lambda top: top.number("count", 3, 9, above=True), "line 3: write a number from 3 to 9 for count"),
        (lambda top: top.day("count"), "line 3: write a day such as 2022-11-30 for count, not 3"),
        (lambda top: top.part("count"), r"line 3: count must be a part of its own, under \[count\]"),
        (lambda top: top.parts("title"), r"line 2: title must be .* under \[\[title\]\]"),
        (lambda top: top.rows("title", "[{ a = 1 }]"), r"line 2: write title as a list such as \[{ a = 1"),
        (
            lambda top: tomlfiles.refuse_twice(["a", "a"], "code", top.parts("row")),
            "line 13: the code a stands there twice",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_where_it_stands(top, ask, said):
    with pytest.raises(RulesError, match=rf"^rules\.toml, {said}"):
        ask(top)


def test_a_number_too_long_to_be_read_is_no_toml(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(f"a = {'9' * 5000}")
    with pytest.raises(RulesError, match=r"long\.toml, line 1: this is no TOML"):
        tomlfiles.read(path, "data/seed/rules.toml")
