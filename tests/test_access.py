import re
from urllib.parse import unquote

import pytest
from flask import request
from werkzeug.test import create_environ, run_wsgi_app

from geo.errors import RequestError
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
        "X-Original-Forwarded-For",
        "Proxy-Forwarded-For",
        "X-Client-IP",
        "True-Client-IP",
        "X-Cluster-Client-IP",
        "CF-Connecting-IP",
    ],
)
def test_a_request_that_was_passed_on_never_has_it(app, header):
    assert who(app, {header: "127.0.0.1"}) == VISITOR


def test_a_request_of_http_1_0_never_has_it(app):
    for protocol, role in (("HTTP/1.0", "visitor"), ("HTTP/1.1", "bureau")):
        local = {"SERVER_PROTOCOL": protocol, "REMOTE_ADDR": "127.0.0.1"}
        with app.test_request_context("/", environ_overrides=local):
            assert access.person().role == role


def test_without_the_setting_everyone_is_a_visitor(make_app, sample_store):
    assert who(make_app(sample_store)) == VISITOR


def asked(app, address, layer="compounds"):
    with app.test_request_context(address):
        return access.query(layer).filters()


def test_the_address_becomes_a_query(app):
    filters = asked(
        app, "/?plan_year=2022&outside_plan=2021&stage=tender&built_before=2000&border=1&street_office=none"
    )
    assert filters == {
        "plan_year": 2022,
        "outside_plan": 2021,
        "stage": "tender",
        "built_before": 2000,
        "border": True,
        "street_office": "none",
    }
    assert asked(app, "/?plan_year=none&stage=") == {"plan_year": "none"}


def test_a_page_leaves_the_view_and_other_layers_filters_out(app):
    with app.test_request_context("/?state=found&compound=XQ1&at=1,2&without_sites=1&border=0&stage=tender"):
        structures = access.page_query("illegal_structures").filters()
        assert structures == {"state": "found", "stage": "tender", "compound_border": False}
        assert access.page_query("compounds").filters() == {
            "border": False,
            "stage": "tender",
        }
        assert access.page_query("facilities").filters() == {}


@pytest.mark.parametrize("text", ["none", "99", "19x0"])
def test_a_year_of_building_is_a_year(app, text):
    with pytest.raises(RequestError):
        asked(app, f"/?built_before={text}")


# -- the address of the page, for its links

#: Names that mean something to Flask when it makes an address.
FLASKS_OWN = ("endpoint", "_external", "_scheme", "_method", "_anchor", "values", "self")


def hrefs(page):
    return re.findall(r'\bhref="([^"]*)"', page)


@pytest.mark.parametrize("name", FLASKS_OWN)
@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/compounds/XQ0001", 400), ("/", 400)])
def test_names_that_flask_knows_mean_nothing_in_an_address(app, path, status, name):
    answer = app.test_client().get(path, query_string={name: "1"}, headers={"Host": "evil.example"})
    assert answer.status_code == status
    assert f"{path}?{name}=1&amp;lang=en" in hrefs(answer.text)
    assert not [link for link in hrefs(answer.text) if "evil" in link]


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "///evil.example", "/\\evil.example", "/%09/evil.example", "/%2F%2Fevil.example"],
)
def test_no_path_becomes_the_address_of_another_host(app, path):
    # A test client would itself take such a path for the address of a host.
    environ = create_environ("/") | {"PATH_INFO": unquote(path)}
    pieces, status, headers = run_wsgi_app(app, environ)
    links = hrefs(b"".join(pieces).decode())
    assert status.startswith("404") and "Location" not in headers
    assert any("evil.example" in link and "lang=en" in link for link in links)
    for link in links:
        assert re.match(r"(/(?![/\\])|#)[!-~]*$", link), link


@pytest.mark.parametrize("text", ["a b&c=d", "“小区”", "#top", "50%", "<b>"])
def test_the_address_brings_back_what_was_asked(app, text):
    with app.test_request_context(
        "/compounds/小 区", query_string={"text": text, "part": "panel", "stage": ""}
    ):
        here = access.here(lang="en")
    with app.test_request_context(here):
        assert request.path == "/compounds/小 区"
        assert request.args.to_dict() == {"text": text, "lang": "en"}


@pytest.mark.parametrize(
    "query", ["endpoint=1", "stage=tender", "on=2022-06-30&on=2022-07-01", "compound=XQ0002"]
)
@pytest.mark.parametrize(
    "path", ["/compounds/XQ0001", "/planning", "/map/backdrop.geojson", "/map/search.json"]
)
def test_a_page_without_filters_refuses_them(app, path, query):
    assert app.test_client().get(f"{path}?{query}").status_code == 400
