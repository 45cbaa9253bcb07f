"""What has happened to a compound: stages and answers in one order, as far as a person may read it."""

import dataclasses
from datetime import date

import pytest

from geo.errors import NotFoundError
from layers import cases, chronicle
from layers.chronicle import StageChange
from layers.people import OPERATOR, VISITOR
from layers.stages import StageRow


def test_stage_moves_written_together_are_one_event_that_says_what_changed(desk):
    (event,) = [e for e in chronicle.events(desk.store, OPERATOR, "K02") if e.action == "stages"]
    assert event.person == "bureau:operator"
    assert event.stages == (
        StageChange("construction", "actual_start", None, "2021-05-01"),
        StageChange("construction", "actual_finish", None, "2021-11-20"),
        StageChange("acceptance", "planned_finish", None, "2022-05-31"),
        StageChange("acceptance", "actual_start", None, "2022-07-10"),
    )
    with desk.store.writing(OPERATOR) as work:
        moved = StageRow("acceptance", None, date(2022, 6, 30), date(2022, 7, 10), date(2022, 7, 20))
        work.put_stages({"K02": [moved]})
    latest = chronicle.events(desk.store, OPERATOR, "K02")[0]
    assert latest.stages == (
        StageChange("acceptance", "planned_finish", "2022-05-31", "2022-06-30"),
        StageChange("acceptance", "actual_finish", None, "2022-07-20"),
    )


def test_decisions_and_stages_stand_in_one_order_the_latest_first(desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K08", "A", "as agreed")
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({"K08": [StageRow("survey", reported=True)]})
    events = chronicle.events(desk.store, OPERATOR, "K08")
    assert events[0].stages == (StageChange("survey", "reported", False, True),)
    assert {event.action for event in events[1:]} == {"assign", "decide"}
    (decided,) = [event.step for event in events if event.action == "decide"]
    assert decided.after["reason"] == "as agreed"
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)


def test_a_visitor_reads_what_was_done_but_not_by_whom_nor_why(desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K08", "A", "as agreed")
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({"K08": [StageRow("survey", reported=True)]})
    events = chronicle.events(desk.store, VISITOR, "K08")
    assert {event.action for event in events} == {"stages", "assign", "decide"}
    assert {event.person for event in events} == {None}
    assert "as agreed" not in str([dataclasses.asdict(event) for event in events])


def test_what_is_not_there_has_no_history(desk):
    with pytest.raises(NotFoundError):
        chronicle.events(desk.store, VISITOR, "K99")
    assert chronicle.events(desk.store, VISITOR, "K06") == []
