"""Border cases as a work list, and decisions: they outlast every assignment until their ground changes."""

import json

import pytest
from clock import Clock
from desk import Desk, feature, point, square
from sqlalchemy import select

from geo.errors import ConflictError, NotFoundError, PermissionError_, RequestError
from layers import cases, deciding, duty, lookup, tables
from layers.people import OPERATOR, VISITOR, Person
from layers.store import verify_history

SITES = ("compounds", "illegal_structures", "facilities")
PLANNER = Person("planner", None, "p")


def office(code, west, east, south=36.60, north=36.61):
    return feature(square(west, south, east, north), code=code, name="解放路街道")


def compound(code, west, east, **properties):
    return feature(square(west, 36.604, east, 36.605), code=code, **properties)


#: Two offices of one name, and a third that is far from K.
OFFICES = [office("a", 117.00, 117.01), office("b", 117.01, 117.02), office("c", 117.02, 117.03)]
#: K lies 3 : 2 in a and b, J wholly in a, N in nobody's.
COMPOUNDS = [
    compound("J", 117.001, 117.002),
    compound("K", 117.007, 117.012, name="和平小区"),
    compound("N", 117.04, 117.05),
]


@pytest.fixture
def desk(store, tmp_path, monkeypatch):
    Clock(monkeypatch)
    desk = Desk(store, tmp_path)
    desk.load("street_offices", OFFICES)
    desk.load("compounds", COMPOUNDS)
    return desk


def answer(desk, code, layer="compounds"):
    found = lookup.answers(desk.store, OPERATOR, layer, code)[0]
    return found.street_office_code, found.method, found.computed


def state(desk, code, layer="compounds"):
    return cases.one_case(desk.store, OPERATOR, layer, code).state


def actions(desk, code, layer="compounds"):
    return [step.action for step in reversed(lookup.steps(desk.store, OPERATOR, layer, code))]


def decide(desk, code="K", office="b", reason="两委会议纪要", layer="compounds", **more):
    cases.decide(desk.store, OPERATOR, layer, code, office, reason, **more)


# The list


def test_the_list_holds_what_lies_on_a_border_in_no_office_or_was_decided(desk):
    found = cases.border_cases(desk.store, OPERATOR)
    assert [(case.code, case.state) for case in found.page] == [("K", "undecided"), ("N", "undecided")]
    assert found.counts == {"review": 0, "undecided": 2, "decided": 0}
    k = found.page[0]
    assert (k.name, k.street_office_code, k.street_office_name, k.method) == (
        "和平小区",
        "a",
        "解放路街道",
        "largest_share",
    )
    assert [(s.code, s.share) for s in k.shares] == [("a", pytest.approx(0.6)), ("b", pytest.approx(0.4))]
    assert k.reasons == ("several_offices",)
    assert k.bounds == (117.007, 36.604, 117.012, 36.605)
    assert (found.page[1].street_office_code, found.page[1].method) == (None, "none")
    decide(desk)
    decide(desk, "J", "c")
    found = cases.border_cases(desk.store, OPERATOR)
    assert [(c.code, c.state) for c in found.page] == [("N", "undecided"), ("J", "decided"), ("K", "decided")]
    assert found.counts == {"review": 0, "undecided": 1, "decided": 2}


def test_the_list_is_filtered_and_paged(desk):
    decide(desk)

    def codes(**asked):
        return [case.code for case in cases.border_cases(desk.store, OPERATOR, **asked).page]

    assert (codes(state="decided"), codes(state="undecided"), codes(state="review")) == (["K"], ["N"], [])
    assert (codes(office="a"), codes(office="b"), codes(office="c")) == (["K"], ["K"], [])
    assert (codes(limit=1), codes(offset=1, limit=1), codes(offset=2)) == (["N"], ["K"], [])
    counts = cases.border_cases(desk.store, OPERATOR, state="review", office="b", limit=1).counts
    assert counts == {"review": 0, "undecided": 0, "decided": 1}


@pytest.mark.parametrize(
    "asked",
    [
        {"state": "late"},
        {"office": "z"},
        {"offset": -1},
        {"limit": 0},
        {"limit": cases.MOST + 1},
        {"layer": "street_offices"},
        {"layer": "roads"},
    ],
)
def test_what_no_list_can_hold_is_refused(desk, asked):
    with pytest.raises(RequestError):
        cases.border_cases(desk.store, OPERATOR, **asked)


def test_points_are_cases_with_their_candidates_or_the_nearest_office(desk):
    rows = [
        feature(point(117.01, 36.605), code="E", state="ordered"),
        feature(point(117.005, 36.605), code="I", state="ordered"),
        feature(point(117.031, 36.605), code="O", state="found"),
    ]
    desk.load("illegal_structures", rows)
    edge, outside = cases.border_cases(desk.store, OPERATOR, "illegal_structures").page
    assert (edge.code, edge.street_office_code, edge.candidates) == ("E", "a", ("a", "b"))
    assert (outside.code, outside.street_office_code, outside.nearest_code) == ("O", None, "c")
    assert outside.nearest_m == pytest.approx(89.5, abs=0.5)

    def codes(office, person=OPERATOR):
        page = cases.border_cases(desk.store, person, "illegal_structures", office=office).page
        return [case.code for case in page]

    assert (codes("a"), codes("b"), codes("c"), codes("c", VISITOR)) == (["E"], ["E"], ["O"], [])
    decide(desk, "E", "b", layer="illegal_structures")
    assert answer(desk, "E", "illegal_structures") == ("b", "manual", "a")
    decide(desk, "O", "c", layer="illegal_structures")
    assert answer(desk, "O", "illegal_structures") == ("c", "manual", None)
    duty.assign_all(desk.store, OPERATOR)
    assert [state(desk, code, "illegal_structures") for code in "EIO"] == ["decided", None, "decided"]


def test_a_visitor_sees_cases_but_no_unpublished_one_and_no_reason(desk):
    desk.load("illegal_structures", [feature(point(117.01, 36.605), code="E", state="found")])
    decide(desk)
    assert cases.border_cases(desk.store, VISITOR, "illegal_structures").counts["undecided"] == 0
    with pytest.raises(NotFoundError):
        cases.one_case(desk.store, VISITOR, "illegal_structures", "E")
    made = cases.one_case(desk.store, VISITOR, "compounds", "K").decision
    assert (made.street_office_code, made.reason, made.person) == ("b", None, None)
    made = cases.one_case(desk.store, PLANNER, "compounds", "K").decision
    assert (made.reason, made.person) == ("两委会议纪要", "operator")


# Deciding


def test_a_decision_is_the_answer_whatever_the_rule_says(desk):
    revision = desk.store.revision("compounds")
    decide(desk)
    assert answer(desk, "K") == ("b", "manual", "a")
    assert desk.store.revision("compounds") > revision
    (row,) = [r for r in desk.rows(tables.assignments) if r["code"] == "K"]
    assert (row["share"], row["border"], row["border_reason"]) == (pytest.approx(0.4), 1, "several_offices")
    assert answer(desk, "J") == ("a", "containment", "a")
    now, then = lookup.answers(desk.store, OPERATOR, "compounds", "K")
    assert (then.street_office_code, then.method, now.at) == ("a", "largest_share", then.until)
    h = tables.history.c
    entry = desk.store.frame(select(h.before, h.after, h.person).where(h.action == "decide"))[0]
    told = json.loads(entry["after"])
    assert (entry["before"], told["street_office_code"], told["reason"]) == (None, "b", "两委会议纪要")
    assert told["ground"]["offices"] == {"a": pytest.approx(0.6), "b": pytest.approx(0.4)}
    assert verify_history(desk.store) is None


def test_an_office_that_holds_nothing_of_a_site_can_be_decided_upon(desk):
    decide(desk, "J", "c")
    assert answer(desk, "J") == ("c", "manual", "a")
    decide(desk, "N", "c")
    assert answer(desk, "N") == ("c", "manual", None)


def test_a_decision_outlasts_assignments_other_editions_and_edits_that_leave_its_ground(desk):
    decide(desk)
    duty.assign_all(desk.store, OPERATOR)
    desk.load("compounds", [compound("K", 117.007, 117.012, name="和平里", households=12)])
    # Another edition, which changes only c.
    desk.load("street_offices", [*OFFICES[:2], office("c", 117.02, 117.04)])
    duty.activate(desk.store, OPERATOR)
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "a"), "decided")
    assert "review" not in actions(desk, "K")


def test_when_the_outline_changes_the_decision_is_for_review_and_still_the_answer(desk):
    decide(desk)
    desk.load("compounds", [compound("K", 117.006, 117.012)])
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "a"), "review")
    found = cases.border_cases(desk.store, OPERATOR)
    assert [(c.code, c.state) for c in found.page] == [("K", "review"), ("N", "undecided")]
    duty.assign_all(desk.store, OPERATOR)
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "a"), "review")
    # Confirmed on the new ground.
    decide(desk, reason="照旧")
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "a"), "decided")
    duty.assign_all(desk.store, OPERATOR)
    assert state(desk, "K") == "decided"
    steps = [action for action in actions(desk, "K") if action != "assign"]
    assert steps == ["decide", "review", "decide"]


def test_when_the_boundaries_change_the_decision_is_for_review_and_stands_again_when_they_come_back(desk):
    decide(desk)
    desk.load("street_offices", [office("a", 117.00, 117.009), office("b", 117.009, 117.02), OFFICES[2]])
    duty.activate(desk.store, OPERATOR)
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "b"), "review")
    duty.activate(desk.store, OPERATOR, 1)
    assert (answer(desk, "K"), state(desk, "K")) == (("b", "manual", "a"), "decided")
    assert [a for a in actions(desk, "K") if a not in ("assign", "move")] == ["decide", "review", "stand"]


def test_another_code_list_is_another_ground(desk):
    digits = {"a": "370102001000", "b": "370102002000", "c": "370102003000"}
    decide(desk)
    rows = [
        {**row, "properties": {**row["properties"], "code": digits[row["properties"]["code"]]}}
        for row in OFFICES
    ]
    desk.load("street_offices", rows, code_list="nbs-2023")
    duty.activate(desk.store, OPERATOR)
    # The office decided upon is not there any more: nobody answers, and it is said why.
    assert (answer(desk, "K"), state(desk, "K")) == ((None, "manual", "370102001000"), "review")
    assert cases.one_case(desk.store, OPERATOR, "compounds", "K").reasons == (
        "several_offices",
        "office_gone",
    )


def test_a_point_moved_is_another_ground(desk):
    desk.load("facilities", [feature(point(117.01, 36.605), code="F", kind="park")])
    decide(desk, "F", "b", layer="facilities")
    desk.load("facilities", [feature(point(117.01, 36.605), code="F", kind="school")])
    assert state(desk, "F", "facilities") == "decided"
    desk.load("facilities", [feature(point(117.005, 36.605), code="F", kind="school")])
    assert (answer(desk, "F", "facilities"), state(desk, "F", "facilities")) == (
        ("b", "manual", "a"),
        "review",
    )


def test_a_withdrawn_decision_leaves_the_rules_answer_and_its_history(desk):
    decide(desk)
    cases.withdraw(desk.store, OPERATOR, "compounds", "K", "有误")
    assert (answer(desk, "K"), state(desk, "K")) == (("a", "largest_share", "a"), "undecided")
    assert desk.rows(tables.decisions) == []
    assert actions(desk, "K") == ["decide", "assign", "withdraw", "assign"]
    step = lookup.steps(desk.store, OPERATOR, "compounds", "K")[1]
    assert (step.before["reason"], step.after) == ("两委会议纪要", {"reason": "有误"})
    hidden = lookup.steps(desk.store, VISITOR, "compounds", "K")[1]
    assert ("reason" in hidden.before, hidden.after) == (False, {})


# What is refused


@pytest.mark.parametrize("person", [VISITOR, PLANNER, Person("street_office", "b", "b"), Person("auditor")])
def test_only_the_bureau_decides(desk, person):
    decide(desk, "N", "c")
    before = desk.everything()
    with pytest.raises(PermissionError_):
        cases.decide(desk.store, person, "compounds", "K", "b", "x")
    with pytest.raises(PermissionError_):
        cases.withdraw(desk.store, person, "compounds", "N", "x")
    assert desk.everything() == before


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"reason": " \n\t "}, RequestError, "needs a reason"),
        ({"reason": "x" * (cases.LONGEST_REASON + 1)}, RequestError, "one line of text"),
        ({"reason": "a\x00b"}, RequestError, "one line of text"),
        ({"office": "z"}, RequestError, "No street office has the code z"),
        ({"code": "Z"}, NotFoundError, "compounds has no row with the code Z"),
        ({"layer": "street_offices", "code": "a"}, RequestError, "answer for sites"),
        ({"layer": "roads"}, NotFoundError, "No layer is called roads"),
        ({"seen": "0" * 16}, ConflictError, "Somebody changed the answer for K"),
    ],
)
def test_what_cannot_be_decided_is_said_and_nothing_is_written(desk, asked, kind, said):
    before = desk.everything()
    with pytest.raises(kind, match=said):
        decide(desk, **asked)
    assert desk.everything() == before


def test_nothing_decided_cannot_be_withdrawn(desk):
    with pytest.raises(RequestError, match="Nothing was decided about K"):
        cases.withdraw(desk.store, OPERATOR, "compounds", "K", "x")


def test_without_street_offices_nothing_can_be_decided(store, tmp_path):
    Desk(store, tmp_path).load("compounds", COMPOUNDS)
    with pytest.raises(RequestError, match="No street offices are on record"):
        cases.decide(store, OPERATOR, "compounds", "K", "a", "x")


def test_who_decides_about_what_somebody_else_changed_meanwhile_is_told(desk):
    seen = cases.one_case(desk.store, OPERATOR, "compounds", "K").seen
    decide(desk, seen=seen)
    for again in (lambda: decide(desk, office="a", seen=seen),):
        with pytest.raises(ConflictError):
            again()
    with pytest.raises(ConflictError):
        cases.withdraw(desk.store, OPERATOR, "compounds", "K", "x", seen=seen)
    seen = cases.one_case(desk.store, OPERATOR, "compounds", "K").seen
    cases.withdraw(desk.store, OPERATOR, "compounds", "K", "x", seen=seen)
    assert answer(desk, "K")[0] == "a"


# The ground


def test_a_ground_is_the_same_but_for_rounding():
    ground = {"shape": "9f", "code_list": "local", "nearest": None, "offices": {"a": 0.6, "b": 0.4}}
    nearly = {**ground, "offices": {"b": 0.4 - 1e-9, "a": 0.6 + 1e-9}}
    assert deciding.same_ground(ground, nearly)
    for other in (
        {"shape": "9e"},
        {"code_list": "nbs-2023"},
        {"nearest": "a"},
        {"offices": {"a": 0.60001, "b": 0.39999}},
        {"offices": {"a": 0.6, "b": 0.4, "c": 0.0}},
        {"offices": {"a": 1.0}},
    ):
        assert not deciding.same_ground(ground, {**ground, **other})
