import re

import pytest

from layers.people import VISITOR, Person
from webmap import access


@pytest.fixture
def app(make_app, sample_store):
    return make_app(sample_store, LOCAL_ROLE="bureau")


def policy(answer):
    pairs = (part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    return {pair[0]: pair[1] for pair in pairs}


@pytest.mark.parametrize(
    "path", ["/", "/planning", "/nothing", "/map/compounds.geojson", "/static/guatu.css", "/healthz"]
)
def test_every_answer_carries_the_policy(app, path):
    with app.test_client().get(path) as answer:
        told = policy(answer)
    assert told["default-src"] == "'none'"
    assert re.fullmatch(r"'self' 'nonce-[\w-]{20,}'", told["script-src"])
    assert "unsafe" not in told["script-src"] + told["style-src"]
    assert told["frame-ancestors"] == told["connect-src"] == "'self'"


def test_the_nonce_is_new_for_every_answer_and_is_that_of_the_page(app):
    client = app.test_client()
    answers = [client.get("/") for _ in range(2)]
    nonces = [re.search(r"'nonce-([\w-]+)'", policy(answer)["script-src"])[1] for answer in answers]
    assert nonces[0] != nonces[1]
    for answer, nonce in zip(answers, nonces, strict=True):
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert scripts and all(f'nonce="{nonce}"' in script for script in scripts)


def test_pages_are_not_kept_and_layers_are_asked_for_again(app):
    client = app.test_client()
    assert client.get("/").headers["Cache-Control"] == "private, no-store"
    assert client.get("/map/compounds.geojson").headers["Cache-Control"] == "private, no-cache"


def who(app, headers=None, **environ):
    with app.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1", **environ}):
        return access.person()


def test_a_direct_request_of_this_machine_has_the_local_role(app):
    assert who(app) == Person("bureau", None, "local")


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "x-real-ip",
        "X-REAL-IP",
        "X-Forwarded-Anything",
    ],
)
def test_a_request_that_was_passed_on_never_has_it(app, header):
    assert who(app, {header: "127.0.0.1"}) == VISITOR


def test_without_the_setting_everyone_is_a_visitor(make_app, sample_store):
    assert who(make_app(sample_store)) == VISITOR


def asked(app, address, layer="compounds"):
    with app.test_request_context(address):
        return access.query(layer).filters()


def test_the_address_becomes_a_query(app):
    filters = asked(app, "/?plan_year=2022&stage=tender&built_before=2000&border=1&street_office=none")
    assert filters == {
        "plan_year": 2022,
        "stage": "tender",
        "built_before": 2000,
        "border": True,
        "street_office": "none",
    }
    assert asked(app, "/?plan_year=none&stage=") == {"plan_year": "none"}


def test_a_page_leaves_the_view_and_other_layers_filters_out(app):
    with app.test_request_context("/?state=found&compound=XQ1&at=1,2,3&uncovered=x&border=0"):
        assert access.page_query("illegal_structures").filters() == {"state": "found", "border": False}
        assert access.page_query("compounds").filters() == {"uncovered": "x", "border": False}
