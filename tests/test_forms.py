"""Forms that write are taken from our own pages only, in the browser they were shown in."""

import re
import stat

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from app import create_app, kept_secret
from geo.errors import StoreError
from webmap import forms

HERE = {"Origin": "http://localhost"}


@pytest.fixture
def app(make_app):
    app = make_app()
    app.add_url_rule("/form", view_func=lambda: forms.field())

    def write():
        forms.check()
        return "written"

    app.add_url_rule("/write", view_func=write, methods=["POST"])
    return app


def token(answer) -> str:
    return re.search(r'name="token" value="([^"]+)"', answer.text)[1]


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_form_that_was_shown_is_taken(client):
    known = token(client.get("/form"))
    for said in (HERE, {"Sec-Fetch-Site": "same-origin"}, {**HERE, "Sec-Fetch-Site": "same-origin"}):
        answer = client.post("/write", data={"token": known}, headers=said)
        assert (answer.status_code, answer.text) == (200, "written")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Origin": "http://elsewhere"},
        {"Origin": "null"},
        {"Origin": "http://localhost.elsewhere"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://elsewhere", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_request_from_elsewhere_is_refused(client, said):
    known = token(client.get("/form"))
    assert client.post("/write", data={"token": known}, headers=said).status_code == 403


def test_a_token_that_is_missing_altered_old_or_of_another_browser_is_refused(app, client):
    known = token(client.get("/form"))
    other = token(app.test_client().get("/form"))
    stranger = URLSafeTimedSerializer("guess", salt="guatu.form").dumps("x")
    for sent in (None, "", known[:-1], f"{known}x", other, stranger):
        data = {} if sent is None else {"token": sent}
        assert client.post("/write", data=data, headers=HERE).status_code == 403, sent
    assert app.test_client().post("/write", data={"token": known}, headers=HERE).status_code == 403
    assert client.post("/write", data={"token": known}, headers=HERE).status_code == 200


def test_a_form_that_was_open_for_too_long_is_refused(client, monkeypatch):
    known = token(client.get("/form"))
    monkeypatch.setattr(forms, "OPEN_FOR_S", -1)
    answer = client.post("/write?lang=en", data={"token": known}, headers=HERE)
    assert answer.status_code == 403
    assert "The form was open for too long" in answer.text


def test_a_browser_keeps_its_cookie_which_no_script_reads(client):
    first = client.get("/form")
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    again = client.get("/form")
    assert "Set-Cookie" not in again.headers
    assert client.post("/write", data={"token": token(first)}, headers=HERE).status_code == 200


def test_pages_without_a_form_set_no_cookie_and_make_no_key(app, client, tmp_path):
    assert "form=" not in client.get("/healthz").headers.get("Set-Cookie", "")
    assert not (tmp_path / "data" / "secret.key").exists()
    client.get("/form")
    assert (tmp_path / "data" / "secret.key").exists()


# The key


def test_the_key_is_made_once_and_read_by_its_owner_only(tmp_path):
    path = tmp_path / "data" / "secret.key"
    made = kept_secret(path)
    assert len(made) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert kept_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


def test_two_processes_share_the_key_and_so_the_forms(make_app):
    one, two = make_app(), make_app()
    for app in (one, two):
        app.add_url_rule("/form", view_func=lambda: forms.field())
    with one.test_request_context("/form"):
        forms.field()
    with two.test_request_context("/form"):
        forms.field()
    assert one.secret_key == two.secret_key


def test_a_key_that_is_configured_goes_before_the_kept_one(make_app, monkeypatch, tmp_path):
    assert make_app(SECRET_KEY="mine").secret_key == "mine"
    monkeypatch.setenv("GUATU_SECRET_KEY", "from outside")
    app: Flask = create_app({"STORE": "sqlite:////nowhere/d.db", "DATA": tmp_path})
    assert app.secret_key == "from outside"
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_kept_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be kept in secret\.key"):
        kept_secret(tmp_path / "file" / "secret.key")
