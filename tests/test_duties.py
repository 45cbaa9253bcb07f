"""``flask decide``, ``record`` and ``rule``; the pages of the border cases."""

import re

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


# The pages

HERE = {"Origin": "http://localhost"}
CASE = "/duties/compounds/K"


@pytest.fixture
def bureau(make_app, desk):
    return make_app(desk.store, LOCAL_ROLE="bureau").test_client()


@pytest.fixture
def visitor(make_app, desk):
    return make_app(desk.store).test_client()


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def form(page, **typed):
    return {"token": hidden(page, "token"), "seen": hidden(page, "seen"), **typed}


def post(client, address, data, **headers):
    return client.post(f"{address}?lang=en", data=data, headers={**HERE, **headers})


def test_the_list_tells_cases_with_their_parts_and_filters_them(bureau, desk):
    page = bureau.get("/duties?lang=en").text
    assert (
        "和平小区" in page and 'href="/duties/compounds/K"' in page and 'href="/duties/compounds/N"' in page
    )
    assert "解放路街道 60.0%" in page and "解放路街道 40.0%" in page and "width:60.0%" in page
    assert page.count("undecided</span>") == 2
    office_a = bureau.get("/duties?street_office=a").text
    assert "/duties/compounds/K" in office_a and "/duties/compounds/N" not in office_a
    assert "没有符合条件的事项" in bureau.get("/duties?state=decided&lang=zh").text
    structures = bureau.get("/duties?layer=illegal_structures&lang=en").text
    assert "several street offices claim the place" in structures
    assert "nearest is 解放路街道, 89." in structures
    assert "Nothing needs a decision" in bureau.get("/duties?layer=facilities&lang=en").text


@pytest.mark.parametrize(
    ("query", "status"),
    [("state=x", 400), ("page=0", 400), ("page=x", 400), ("layer=roads", 404), ("layer=street_offices", 400)]
    + [("street_office=z", 400), ("on=2022-06-30", 400), ("page=1&page=2", 400), ("page=²", 400)],
)
def test_what_the_list_does_not_know_is_refused(bureau, query, status):
    assert bureau.get(f"/duties?{query}").status_code == status


def test_a_long_list_has_pages(bureau, desk):
    more = [
        feature(square(117.1 + i / 100, 36.6, 117.101 + i / 100, 36.601), code=f"X{i:02}") for i in range(60)
    ]
    desk.load("compounds", more)
    first, second = (bureau.get(f"/duties?page={number}&lang=en").text for number in (1, 2))
    assert (first.count("/duties/compounds/"), second.count("/duties/compounds/")) == (50, 12)
    assert "Page 1 of 2" in first and 'rel="next"' in first and 'rel="prev"' in second
    assert bureau.get("/duties?page=3&lang=en").status_code == 200


def test_the_case_shows_map_parts_and_form(bureau):
    page = bureau.get(f"{CASE}?lang=en").text
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="casemap"' in page
    assert "解放路街道 (a)" in page and "60.0%" in page and "so says the rule" in page
    assert page.count('name="street_office"') == 2
    assert bureau.get("/duties/compounds/Z").status_code == 404
    assert bureau.get("/duties/roads/K").status_code == 404
    assert bureau.get("/duties/illegal_structures/E").status_code == 200


def test_a_decision_is_written_and_the_next_case_shown(bureau, desk):
    page = bureau.get(f"{CASE}?lang=en").text
    done = post(bureau, f"{CASE}/decision", form(page, street_office="b", reason=" 会议\r\n纪要 "))
    assert (done.status_code, done.headers["Location"]) == (303, "/duties/compounds/N?done=K")
    assert decided(desk) == "b"
    assert cases.one_case(desk.store, OPERATOR, "compounds", "K").decision.reason == "会议 纪要"
    following = bureau.get(f"{done.headers['Location']}&lang=en").text
    assert "和平小区: 解放路街道 (b) — decided." in following
    again = bureau.get(f"{CASE}?lang=en").text
    assert "会议 纪要" in again and "Withdraw the decision" in again and "bureau:local" in again
    (entry,) = [e for e in desk.rows(tables.history) if e["action"] == "decide"]
    assert entry["person"] == "bureau:local"


def test_the_last_case_leads_back_to_the_list(bureau, desk):
    for code in "KN":
        page = bureau.get(f"/duties/compounds/{code}?lang=en").text
        done = post(bureau, f"/duties/compounds/{code}/decision", form(page, street_office="b", reason="x"))
    assert done.headers["Location"] == "/duties?layer=compounds"


def test_a_decision_is_withdrawn(bureau, desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", "x")
    page = bureau.get(f"{CASE}?lang=en").text
    done = post(bureau, f"{CASE}/withdrawal", form(page, reason="有误"))
    assert (done.status_code, decided(desk)) == (303, "a")


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"street_office": "z", "reason": "x"}, 400, "No street office has the code z."),
        ({"reason": "x"}, 400, "No street office has the code ."),
        ({"street_office": "b", "reason": "  "}, 400, "A decision needs a reason."),
        ({"street_office": "b", "reason": "y" * 501}, 400, "A reason is one line of text"),
        ({"street_office": "b", "reason": "x", "seen": "0" * 16}, 409, "Somebody changed the answer for K"),
        ({"street_office": "b", "reason": "x", "seen": ""}, 409, "Somebody changed the answer for K"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_and_nothing_is_written(bureau, desk, typed, status, said):
    page = bureau.get(f"{CASE}?lang=en").text
    before = desk.everything()
    answer = post(bureau, f"{CASE}/decision", {**form(page), **typed})
    assert (answer.status_code, said in answer.text) == (status, True)
    assert 'role="alert"' in answer.text and 'name="token"' in answer.text
    if typed.get("street_office") == "b":
        assert re.search(r'value="b" required\s+checked', answer.text)
    assert desk.everything() == before


def test_who_comes_second_is_told(bureau, desk):
    page = bureau.get(f"{CASE}?lang=en").text
    cases.decide(desk.store, OPERATOR, "compounds", "K", "a", "schneller")
    answer = post(bureau, f"{CASE}/decision", form(page, street_office="b", reason="x"))
    assert (answer.status_code, decided(desk)) == (409, "a")
    assert "schneller" in answer.text
    # What is shown beside the message can be decided about.
    assert (
        post(bureau, f"{CASE}/decision", form(answer.text, street_office="b", reason="x")).status_code == 303
    )


@pytest.mark.parametrize("path", ["decision", "withdrawal"])
def test_without_token_from_elsewhere_or_as_a_visitor_nothing_is_written(bureau, visitor, desk, path):
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", "x")
    page = bureau.get(f"{CASE}?lang=en").text
    before, typed = desk.everything(), form(page, street_office="a", reason="x")
    address = f"{CASE}/{path}"
    assert bureau.post(address, data=typed).status_code == 403
    assert post(bureau, address, typed, Origin="http://elsewhere").status_code == 403
    assert post(bureau, address, {**typed, "token": ""}).status_code == 403
    assert post(bureau, address, typed, **{"X-Forwarded-For": "10.0.0.9"}).status_code == 403
    assert post(visitor, address, typed).status_code == 403
    assert bureau.get(address).status_code == 404  # a case whose code ends so, which is not there
    assert desk.everything() == before


def test_a_visitor_reads_without_a_form_a_reason_or_unpublished_cases(visitor, desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", "nur intern")
    page = visitor.get(f"{CASE}?lang=en").text
    assert "Share of the compound" in page
    for secret in ("<textarea", "nur intern", "operator", 'name="token"'):
        assert secret not in page
    assert visitor.get("/duties/illegal_structures/O").status_code == 404
    assert visitor.get("/duties/illegal_structures/E").status_code == 200
    assert "/duties/illegal_structures/O" not in visitor.get("/duties?layer=illegal_structures").text
    assert "nur intern" not in visitor.get("/compounds/K").text


def test_the_compound_page_tells_the_record(bureau, desk):
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", "会议纪要")
    page = bureau.get("/compounds/K?lang=en").text
    for told in (
        "Record of the answer",
        "解放路街道 (b)",
        "会议纪要",
        "edition 1, code list local",
        "operator",
    ):
        assert told in page, told
    assert "Decided: 解放路街道 (b) answers for it." in bureau.get("/compounds/K?part=panel&lang=en").text
    # On a day before the decision it shows the answer of that day.
    assert "经裁定" not in bureau.get("/compounds/K?on=2023-06-30").text


def test_hostile_texts_stay_text(bureau, desk):
    evil = "<script>alert(1)</script>"
    desk.load("compounds", [feature(square(117.0071, 36.604, 117.012, 36.605), code="K", name=evil)])
    cases.decide(desk.store, OPERATOR, "compounds", "K", "b", evil)
    for path in ("/duties", CASE, "/compounds/K", "/duties/compounds/N?done=K"):
        page = bureau.get(path).text
        assert evil not in page and "&lt;script&gt;" in page


def test_an_empty_store_shows_the_first_step(make_app, store):
    client = make_app(store, LOCAL_ROLE="bureau").test_client()
    for path in ("/duties", "/editions"):
        assert "flask load street_offices" in client.get(path).text
