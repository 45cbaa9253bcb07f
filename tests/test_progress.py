from datetime import date
from pathlib import Path

import pytest
from builders import DAY, told
from sqlalchemy import select

from geo.errors import PermissionError_, RulesError
from layers import progress, tables
from layers.people import OPERATOR, VISITOR
from layers.progress import Plan, Target, Timetable, describe, read_timetable, set_timetable
from layers.store import verify_history

PLANS = """
[plan.2022]
due_on = 2022-11-30
survey = 2022-03-31
construction = 2022-11-15

[plan.2021]
due_on = 2021-11-30

[[target]]
by = 2023-12-31
share = 0.8

[[target]]
by = 2025-12-31
share = 1
"""
TIMETABLE = Timetable(
    (
        Plan(2022, date(2022, 11, 30), (("survey", date(2022, 3, 31)), ("construction", date(2022, 11, 15)))),
        Plan(2021, date(2021, 11, 30)),
    ),
    (Target(date(2023, 12, 31), 0.8), Target(date(2025, 12, 31), 1.0)),
)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "timetable.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_timetable_is_read_from_toml(tmp_path):
    assert read_timetable(written(tmp_path, PLANS)) == TIMETABLE
    assert read_timetable(written(tmp_path, "\ufeff" + PLANS)) == TIMETABLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[plan", "line 1: this is no TOML"),
        ("", "neither a plan nor a target"),
        ("[roads]\n", "line 1: nothing is called roads here"),
        ("[plan.soon]\ndue_on = 2022-11-30", "line 1: soon is no year"),
        ("[plan.1022]\ndue_on = 2022-11-30", "line 1: 1022 is no year"),
        ("[plan.2022]\nsurvey = 2022-03-31", "line 1: write a day .* for due_on, not –"),
        ("[plan.2022]\ndue_on = 2022-11-30\npaint = 2022-03-31", "line 3: nothing is called paint here"),
        ("[plan.2022]\ndue_on = 2022-11-30\nnot_begun = 2022-03-31", "line 3: nothing is called not_begun"),
        ("[plan.2022]\ndue_on = '2022-11-30'", "line 2: write a day such as 2022-11-30 for due_on"),
        ("[plan.2022]\ndue_on = 2022-11-30T12:00:00", "line 2: write a day"),
        ("[[target]]\nby = 2023-12-31\nshare = 80", "line 3: write a number from 0 to 1 for share, not 80"),
        ("[[target]]\nby = 2023-12-31\nshare = true", "line 3: .* not True"),
        ("[[target]]\nby = 2023-12-31\nshare = nan", "line 3: .* not nan"),
        ("[[target]]\nby = 2023-12-31", "line 1: .* for share, not –"),
        ("plan = 3", r"line 1: plan must be a part of its own, under \[plan\]"),
        ("[plan]\n2022 = 3", r"line 2: 2022 must be a part of its own, under \[plan.2022\]"),
        ("target = 3", r"line 1: target must be a part of its own, under \[\[target\]\]"),
        (
            "[[target]]\nby = 2023-12-31\nshare = 0.8\n[[target]]\nby = 2023-12-31\nshare = 0.9",
            "line 5: the by 2023-12-31 stands there twice",
        ),
        ("[plan.2022]\ndue_on = 2022-11-30\n[plan.02022]\ndue_on = 2022-11-30", "line 3: 02022 is no year"),
    ],
)
def test_what_is_no_timetable_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(RulesError, match=said) as refused:
        read_timetable(written(tmp_path, text))
    assert str(refused.value).startswith("timetable.toml")
    assert "\n" not in str(refused.value)


def test_a_timetable_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(RulesError, match="timetable.toml cannot be read"):
        read_timetable(tmp_path / "timetable.toml")
    (tmp_path / "timetable.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesError, match="UTF-8"):
        read_timetable(tmp_path / "timetable.toml")


def test_a_timetable_is_written_with_its_history(store):
    assert set_timetable(store, OPERATOR, TIMETABLE) is True
    held = told(store)
    assert held["year_plans"] == [(2021, "2021-11-30"), (2022, "2022-11-30")]
    assert held["plan_deadlines"] == [(2022, "construction", "2022-11-15"), (2022, "survey", "2022-03-31")]
    assert held["targets"] == [("2023-12-31", 0.8), ("2025-12-31", 1.0)]
    assert store.revision("compounds") == store.revision("year_plans") == 1
    (entry,) = store.frame(select(tables.history))
    assert (entry["action"], entry["subject"], entry["person"]) == ("plan", "year_plans", "bureau:operator")


def test_the_same_timetable_again_changes_nothing(store):
    set_timetable(store, OPERATOR, TIMETABLE)
    before = told(store)
    assert set_timetable(store, OPERATOR, TIMETABLE) is False
    assert set_timetable(store, OPERATOR, Timetable(TIMETABLE.plans[::-1], TIMETABLE.targets[::-1])) is False
    assert told(store) == before


def test_the_years_named_are_replaced_whole_and_the_others_stay(store):
    set_timetable(store, OPERATOR, TIMETABLE)
    set_timetable(store, OPERATOR, Timetable((Plan(2022, date(2022, 12, 31)),), TIMETABLE.targets))
    held = told(store)
    assert held["year_plans"] == [(2021, "2021-11-30"), (2022, "2022-12-31")]
    assert held["plan_deadlines"] == []
    assert held["targets"] == [("2023-12-31", 0.8), ("2025-12-31", 1.0)]
    last = store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]
    assert "2022-11-15" in last["before"] and "2022-12-31" in last["after"]
    assert verify_history(store) is None


def test_a_district_is_described_and_what_is_not_said_stays(store):
    describe(store, OPERATOR, name_zh="示例区", name_en="Sample", reference_date=DAY)
    describe(store, OPERATOR, name_en="Other")
    district = store.district()
    assert (district.name_zh, district.name_en, district.reference_date) == ("示例区", "Other", DAY)
    before = told(store)
    describe(store, OPERATOR, name_en="Other")
    describe(store, OPERATOR)
    assert told(store) == before
    assert len(before["history"]) == 4


@pytest.mark.parametrize(
    "write",
    [
        lambda store: set_timetable(store, VISITOR, TIMETABLE),
        lambda store: describe(store, VISITOR, name_en="Mine"),
    ],
    ids=["plan", "describe"],
)
def test_a_visitor_may_not_write(store, write):
    before = told(store)
    with pytest.raises(PermissionError_):
        write(store)
    assert told(store) == before


def test_the_timetable_of_the_repository_is_one():
    seed = Path(progress.__file__).parents[1] / "data" / "seed" / "timetable.toml"
    found = read_timetable(seed)
    assert {plan.plan_year: plan.due_on for plan in found.plans}[2022] == date(2022, 11, 30)
    assert found.targets == TIMETABLE.targets
