"""``flask decide``, ``record`` and ``rule``; the pages of the border cases."""

import pytest
from clock import Clock
from desk import Desk, feature, point, square

from layers import cases, lookup, tables
from layers.people import OPERATOR
from layers.store import verify_history


def office(code, west, east, name="解放路街道"):
    return feature(square(west, 36.60, east, 36.61), code=code, name=name)


#: Two offices of one name; K lies 3 : 2 in them, N in none; E lies on the line, O 90 m outside.
OFFICES = [office("a", 117.00, 117.01), office("b", 117.01, 117.02)]
COMPOUNDS = [
    feature(square(117.007, 36.604, 117.012, 36.605), code="K", name="和平小区"),
    feature(square(117.04, 36.604, 117.05, 36.605), code="N"),
]
STRUCTURES = [
    feature(point(117.01, 36.605), code="E", state="ordered"),
    feature(point(117.021, 36.605), code="O", state="found"),
]


@pytest.fixture
def desk(store, tmp_path, monkeypatch):
    Clock(monkeypatch).set("2024-01-01T08:00")
    desk = Desk(store, tmp_path)
    desk.load("street_offices", OFFICES)
    desk.load("compounds", COMPOUNDS)
    desk.load("illegal_structures", STRUCTURES)
    return desk


@pytest.fixture
def run(make_app, desk):
    def run(*arguments, language="en"):
        runner = make_app(desk.store, CLI_LANGUAGE=language).test_cli_runner()
        return runner.invoke(args=[str(argument) for argument in arguments])

    return run


def decided(desk, code="K", layer="compounds"):
    return lookup.answers(desk.store, OPERATOR, layer, code)[0].street_office_code


# The commands


def test_a_decision_is_made_and_withdrawn_at_the_command_line(run, desk):
    done = run("decide", "K", "b", "--reason", "会议纪要")
    assert (done.exit_code, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.startswith("K: 解放路街道 (b) — decided, edition 1, since 1 Jan 2024 08:00 UTC, by operator")
    assert lines == [
        "  解放路街道 (a): 60.0%",
        "  解放路街道 (b): 40.0%",
        "  other street offices hold a part of it",
        "  decided upon: b (decided), because: 会议纪要",
    ]
    assert decided(desk) == "b"
    done = run("decide", "K", "--withdraw", "--reason", "有误", language="zh")
    assert done.stdout.splitlines()[0].startswith("K：解放路街道 (a) — 占比最大，第 1 版")
    assert decided(desk) == "a"
    assert verify_history(desk.store) is None


def test_structures_are_decided_about_too(run, desk):
    done = run("decide", "E", "b", "--layer", "illegal_structures", "--reason", "x")
    assert done.exit_code == 0, done.stderr
    assert decided(desk, "E", "illegal_structures") == "b"
    told = run("record", "O", "--layer", "illegal_structures").stdout.splitlines()
    assert told[0].startswith("O: no street office — lies in no street office, edition 1")
    assert told[1].startswith("  nearest is b, 89.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("K",), "Name the street office that answers, or --withdraw the decision."),
        (("K", "b", "--withdraw", "--reason", "x"), "Name the street office that answers, or --withdraw"),
        (("K", "b"), "A decision needs a reason."),
        (("K", "z", "--reason", "x"), "No street office has the code z."),
        (("Z", "b", "--reason", "x"), "Layer compounds has no row with the code Z."),
        (("K", "--withdraw", "--reason", "x"), "Nothing was decided about K."),
        (("K", "b", "--reason", "x", "--layer", "roads"), "No layer is called roads"),
    ],
)
def test_what_cannot_be_decided_is_one_line_and_nothing_is_written(run, desk, arguments, said):
    before = desk.everything()
    done = run("decide", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert desk.everything() == before


def test_the_record_tells_who_answered_and_when(run, desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", "x")
    now, then = (line for line in run("record", "K").stdout.splitlines() if line.startswith("K:"))
    assert "(b) — decided" in now and "(a) — largest share" in then
    assert "until 1 Jan 2024 08:00 UTC" in run("record", "K").stdout
    assert run("record", "K", "--on", "2024-01-01").stdout.startswith("K: 解放路街道 (b) — decided")
    assert run("record", "K", "--on", "2023-12-31").stdout == "K: nothing was on record on 2023-12-31.\n"
    assert run("record", "Z").stderr == "Layer compounds has no row with the code Z.\n"


def test_the_rule_is_shown_and_set(run, desk):
    shown = ["--border-above 0.01", "--main-share-below 0", "--edge-m 0", "--tolerance-m 0"]
    assert run("rule").stdout.splitlines() == shown
    assert run("rule", "--tolerance-m", 100).stdout.splitlines() == [*shown[:3], "--tolerance-m 100"]
    assert decided(desk, "O", "illegal_structures") == "b"
    assert run("rule", "--edge-m", -1).stderr == "edge_m lies between 0 and 1000, not at -1.0.\n"
    settings = {row["key"]: row["value"] for row in desk.rows(tables.settings)}
    assert settings["tolerance_m"] == "100.0" and "edge_m" not in settings
