import json
import logging
import re

import pytest
from builders import put_district

from geo import errors
from layers.store import Store
from webmap.statuses import STATUSES, status_of

MISSING = "/there/is/nothing.json", "/there/is/nothing"


@pytest.fixture
def client(make_app, store):
    put_district(store)
    return make_app(store).test_client()


@pytest.fixture
def failing(make_app, store):
    """A client of an application with addresses that break."""
    app = make_app(store)

    def boom() -> str:
        raise RuntimeError("secret-7f3a")

    def known() -> str:
        raise errors.StoreBusyError("Another process is writing to the store; try again in a moment.")

    for end in ("", ".json", ".geojson"):
        app.add_url_rule(f"/boom{end}", f"boom{end}", boom)
        app.add_url_rule(f"/known{end}", f"known{end}", known)
    return app.test_client()


def test_healthz_says_ok_while_the_store_answers(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("spoiled", ["missing", "text", "broken"])
def test_healthz_says_503_when_the_store_does_not_answer(make_app, tmp_path, spoiled):
    place = tmp_path / "spoiled.db"
    if spoiled == "text":
        place.write_text("no database" * 100)
    if spoiled == "missing":
        place = "/proc/nowhere/district.db"
    app = make_app(STORE=f"sqlite:///{place}")
    client = app.test_client()
    if spoiled == "broken":
        assert client.get("/healthz").status_code == 200
        with app.extensions["guatu"].engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE street_offices")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json["status"] == 503
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("lang", "html", "said"),
    [("zh", "zh-CN", "这个地址没有内容"), ("en", "en", "There is nothing at this address.")],
)
def test_a_missing_page_is_said_in_the_readers_language(client, lang, html, said):
    answer = client.get(f"/there/is/nothing?lang={lang}")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert f'<html lang="{html}">' in answer.text
    assert answer.headers["Content-Language"] == html
    assert said in answer.text
    assert client.get(f"/nothing.geojson?lang={lang}").json["detail"].startswith(said[:7])


def test_a_missing_answer_is_json_where_json_was_asked_for(client):
    for address in ("/nothing.json", "/nothing.geojson", "/export/roads.geojson"):
        answer = client.get(address)
        assert (answer.status_code, answer.mimetype) in (
            (404, "application/problem+json"),
            (400, "application/problem+json"),
        )
        assert answer.json.keys() == {"type", "status", "detail"}
        assert answer.json["status"] == answer.status_code


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("end", ["", ".json", ".geojson"])
def test_an_error_nobody_foresaw_tells_a_number_and_the_log_the_trace(failing, caplog, lang, end):
    answer = failing.get(f"/boom{end}?lang={lang}&q=secret-query", headers={"User-Agent": "secret-agent"})
    assert answer.status_code == 500
    (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    number = re.search(r"error ([0-9a-f]{8}) at /boom", record.getMessage())[1]
    assert number in answer.text
    assert "secret-7f3a" in caplog.text and record.exc_info
    for leak in ("secret-7f3a", "RuntimeError", "Traceback", "boom()", ".py"):
        assert leak not in answer.text
    said = json.loads(answer.data)["detail"] if end else answer.text
    assert ("Something went wrong" in said) == (lang == "en")
    assert "secret-query" not in caplog.text and "secret-agent" not in caplog.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_store_that_is_busy_is_503_in_the_readers_language(failing, lang):
    page = failing.get(f"/known?lang={lang}")
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert ("Another process is writing" in page.text) == (lang == "en")
    assert failing.get("/known.json").status_code == 503


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("kind", [errors.StoreError, errors.FileError, errors.GuatuError])
def test_what_is_wrong_here_is_told_to_the_log_and_to_nobody_else(make_app, store, caplog, kind, lang):
    app = make_app(store)

    def broken() -> str:
        raise kind("The store cannot be used: %(reason)s.", reason="user:secret-7f3a@10.9.8.7 /home/x.db")

    for end in ("", ".json"):
        app.add_url_rule(f"/broken{end}", f"broken{end}", broken)
    for end in ("", ".json"):
        caplog.clear()
        answer = app.test_client().get(f"/broken{end}?lang={lang}")
        assert answer.status_code == (503 if kind is errors.StoreError else 500)
        (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
        assert re.search(r"error ([0-9a-f]{8}) at", record.getMessage())[1] in answer.text
        assert "secret-7f3a" in caplog.text
        for leak in ("secret-7f3a", "10.9.8.7", "/home", "cannot be used"):
            assert leak not in answer.text


def test_what_is_wrong_with_the_request_is_told(client):
    assert "colour" in client.get("/map/compounds.geojson?colour=red").json["detail"]


def test_a_way_of_asking_that_is_not_there_names_those_that_are(client):
    answer = client.post("/healthz")
    assert answer.status_code == 405
    assert {"GET", "HEAD"} <= answer.allow.as_set(preserve_casing=True)
    assert answer.json["status"] == 405


@pytest.mark.parametrize(
    "kind", [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.GuatuError)]
)
def test_every_error_of_the_family_has_the_status_of_its_nearest_kin(kind):
    expected = {
        "NotFoundError": 404,
        "ConflictError": 409,
        "CheckError": 409,
        "RequestError": 400,
        "PermissionError_": 403,
        "RulesError": 503,
        "StoreError": 503,
        "StoreBusyError": 503,
    }
    assert status_of(kind("x")) == expected.get(kind.__name__, 500)
    assert set(STATUSES.values()) == {400, 403, 404, 409, 500, 503}


def test_markup_in_an_address_is_shown_and_never_run(client):
    for address in ("/?stage=<script>alert(1)</script>", "/<script>alert(1)</script>"):
        answer = client.get(address)
        assert answer.status_code in (400, 404)
        assert "<script>alert(1)" not in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/healthz",
        "/nothing",
        "/nothing.json",
        "/export/compounds.geojson",
        "/favicon.ico",
        "/?stage=nothing",
    ],
)
def test_every_answer_carries_the_policy(client, address):
    answer = client.get(address)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'nonce-" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_log_holds_method_path_and_status_and_nothing_of_the_person(client, caplog):
    caplog.set_level(logging.INFO, "guatu")
    client.get(
        "/export/compounds.geojson?text=王小明",
        headers={
            "Cookie": "lang=en; who=cookie-9",
            "Referer": "http://localhost/?text=referer-9",
            "User-Agent": "agent-9",
            "Authorization": "Bearer token-9",
        },
        environ_base={"REMOTE_ADDR": "10.9.8.7"},
    )
    (line,) = [r.getMessage() for r in caplog.records if r.name == "guatu"]
    assert re.fullmatch(r"GET /export/compounds.geojson 200 \d+ ms", line)


def test_no_request_writes_a_line_of_its_own_into_the_log(client, caplog):
    caplog.set_level(logging.INFO, "guatu")
    client.get("/x%0aGET%20/forged%20200%200%20ms")
    (line,) = [r.getMessage() for r in caplog.records if r.name == "guatu"]
    assert "\n" not in line and re.fullmatch(r"GET \S+ 404 \d+ ms", line)


def test_the_favicon_is_there(client):
    answer = client.get("/favicon.ico")
    assert answer.status_code == 301
    with client.get(answer.headers["Location"]) as picture:
        assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
        assert "<svg" in picture.text and "http" not in picture.text.replace("http://www.w3.org/2000/svg", "")


def test_too_much_sent_is_refused(make_app, store: Store):
    app = make_app(store)
    app.add_url_rule("/take", "take", lambda: str(len(__import__("flask").request.form)), methods=["POST"])
    answer = app.test_client().post("/take", data={"a": "x" * (2 << 20)})
    assert answer.status_code == 413
    assert "<h1>" in answer.text
