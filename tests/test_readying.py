"""What a server makes ready when it starts, and that nobody is told anything else by it."""

import html
import logging
import re
import threading
from datetime import date

import pytest
from desk import feature, point
from flask import request

from webmap import access, readying
from webmap.readying import Readying

WAYS = {"Accept-Encoding": "gzip, deflate"}


@pytest.fixture
def reached(make_app, desk):
    """An app, and the addresses that Flask has answered: not those that were only repeated."""
    app, found = make_app(desk.store, LOCAL_ROLE="bureau"), []
    app.before_request(lambda: found.append((access.person().role, request.full_path)))
    return app, found


def named(page: str) -> list[str]:
    return [html.unescape(address) for address in re.findall(r'as="fetch" href="([^"]*)"', page)]


def test_who_is_first_finds_the_answers_made(reached):
    app, found = reached
    Readying(app).make()
    assert {role for role, _ in found} == {"bureau"} and found[0][1] == "/?"
    client = app.test_client()
    layers = named(client.get("/").text)
    assert len(layers) == 4
    found.clear()
    assert [client.get(address, headers=WAYS).status_code for address in layers] == [200] * 4
    assert found == []
    # Who sees less is not told what was made for who sees more.
    cases = next(address for address in layers if "illegal_structures" in address)
    every = client.get(cases, headers=WAYS).data
    assert client.get(cases, headers={**WAYS, "Via": "1.1 proxy"}).data != every
    assert [role for role, _ in found] == ["visitor"]


def test_an_edit_after_it_is_in_the_very_next_answer(reached, desk):
    app, _ = reached
    Readying(app).make()
    client = app.test_client()
    (cases,) = [address for address in named(client.get("/").text) if "illegal_structures" in address]
    desk.load("illegal_structures", [feature(point(117.0302, 36.6045), code="S99", state="closed")])
    assert "S99" in client.get(cases).text


def test_it_is_no_visitor_in_the_log(reached, caplog):
    app, found = reached
    with caplog.at_level(logging.INFO, logger="guatu"):
        Readying(app).make()
        Readying(app).make()
    assert found and not [told for told in caplog.messages if told.startswith("GET")]


def test_it_begins_again_on_a_new_day_and_ends_when_told(reached, monkeypatch):
    app, _ = reached
    days, made = [date(2022, 6, 30)], threading.Semaphore(0)
    monkeypatch.setattr(readying, "_EVERY_S", 0.01)
    monkeypatch.setattr(readying, "_day", lambda: days[-1])
    monkeypatch.setattr(Readying, "make", lambda self: made.release())
    one = Readying(app)
    one.start()
    assert made.acquire(timeout=20)
    assert not made.acquire(timeout=0.2)
    days.append(date(2022, 7, 1))
    assert made.acquire(timeout=20)
    one.stop()
    assert "readying" not in {thread.name for thread in threading.enumerate()}


def test_an_empty_store_and_one_that_fails_harm_nobody(make_app, store, monkeypatch, caplog):
    app = make_app(store)
    Readying(app).make()
    assert app.test_client().get("/").status_code == 200
    monkeypatch.setattr(Readying, "make", lambda self: 1 / 0)
    one = Readying(app)
    one.start()
    one.stop()
    assert "ZeroDivisionError" in caplog.text
