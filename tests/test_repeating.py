"""Repeated answers: the bytes and headers that Flask gives, to those who may see them, never old ones."""

import re
from datetime import UTC, datetime

import pytest
from desk import feature, point
from small_district import COMPOUNDS

from layers.people import OPERATOR
from webmap import access
from webmap.repeating import Answer, Kept

PLACE = "9/422/199"  # the tile all of the small district lies in
TILE = f"/tiles/illegal_structures/{PLACE}.mvt"
ADDRESSES = (
    *(f"/tiles/{layer}/{PLACE}.mvt" for layer in ("compounds", "illegal_structures", "street_offices")),
    "/tiles/compounds/9/0/0.mvt",
    f"/tiles/compounds/{PLACE}.mvt?plan_year=2022&stage=construction",
    f"/tiles/compounds/{PLACE}.mvt?on=2021-01-01",
    "/map/compounds.geojson",
    "/map/illegal_structures.geojson?bbox=117,36.6,117.03,36.61&few=2000",
    "/map/street_offices.geojson",
    "/map/backdrop.geojson",
)
ENCODINGS = ({}, {"Accept-Encoding": "gzip, deflate, br, zstd"}, {"Accept-Encoding": "gzip;q=0, identity"})
#: What comes through another server is a visitor's.
PASSED_ON = {"X-Forwarded-For": "10.0.0.1"}


class Front:
    """An application that repeats, what reaches Flask in it, and one on the same store that does not."""

    def __init__(self, make_app, store) -> None:
        app, alone = (make_app(store, LOCAL_ROLE="bureau") for _ in range(2))
        del alone.wsgi_app  # what stands before Flask
        self.reached: list[str] = []
        app.before_request(lambda: self.reached.append(access.request.full_path))
        self.app, self.client, self.alone = app, app.test_client(), alone.test_client()

    def repeated(self, address: str, **asked: object):
        """Return an answer that did not come from Flask."""
        before = len(self.reached)
        answer = self.client.get(address, **asked)
        assert len(self.reached) == before
        return answer


@pytest.fixture
def front(make_app, desk):
    return Front(make_app, desk.store)


def whole(answer) -> tuple:
    """Return all of an answer but its word and its time, which is now."""
    word = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[1]
    headers = [
        (name, "" if name == "Date" else value.replace(word, "WORD")) for name, value in answer.headers
    ]
    assert answer.date is None or abs((datetime.now(UTC) - answer.date).total_seconds()) < 60
    body = bytearray(answer.data)
    if body[:2] == b"\x1f\x8b":
        body[4:8] = bytes(4)  # where gzip notes the time
    return answer.status, headers, bytes(body)


def words(*answers) -> set[str]:
    return {answer.headers["Content-Security-Policy"] for answer in answers}


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_repeated_is_what_flask_answers(front, address):
    for passed_on in ({}, PASSED_ON):
        for encoding in ENCODINGS:
            asked = {"headers": {**passed_on, **encoding}}
            expected, first = front.alone.get(address, **asked), front.client.get(address, **asked)
            again = front.repeated(address, **asked)
            assert whole(expected) == whole(first) == whole(again)
            assert len(words(expected, first, again)) == 3
            # Who has it already hears so, from the first time on.
            asked["headers"]["If-None-Match"] = expected.headers["ETag"]
            expected, first = front.alone.get(address, **asked), front.client.get(address, **asked)
            assert expected.status_code == 304
            assert whole(expected) == whole(first) == whole(front.repeated(address, **asked))
            asked["headers"]["If-None-Match"] = 'W/"another"'
            assert whole(front.alone.get(address, **asked)) == whole(front.repeated(address, **asked))


#: Tiles that hold something, and some that hold nothing.
OTHERS = ("8/211/99", "10/845/399", "12/3380/1597", "14/13521/6390", "9/1/1", "12/0/0")


@pytest.mark.parametrize("layer", ["compounds", "illegal_structures", "facilities"])
def test_tiles_like_one_that_was_answered_are_what_flask_answers(front, desk, layer):
    for passed_on in ({}, PASSED_ON):
        for encoding in ENCODINGS:
            asked = {"headers": {**passed_on, **encoding}}
            for place in (PLACE, "9/0/0"):
                front.client.get(f"/tiles/{layer}/{place}.mvt", **asked)
            found = {place: front.repeated(f"/tiles/{layer}/{place}.mvt", **asked) for place in OTHERS}
            for place, answer in found.items():
                address = f"/tiles/{layer}/{place}.mvt"
                assert whole(answer) == whole(front.alone.get(address, **asked))
                assert whole(answer) == whole(front.repeated(address, **asked))
            assert {answer.status_code for answer in found.values()} == {200, 204}


def test_a_tile_waits_only_shortly_for_one_that_takes_long(front):
    for address in (TILE, "/tiles/illegal_structures/9/1/1.mvt"):
        front.client.get(address)
    making = front.app.wsgi_app._making
    with making:
        answer = front.repeated("/tiles/illegal_structures/10/845/399.mvt")
    assert whole(answer) == whole(front.alone.get("/tiles/illegal_structures/10/845/399.mvt"))
    assert not making.locked()
    front.repeated("/tiles/illegal_structures/12/3380/1597.mvt")
    assert not making.locked()


def test_tiles_like_one_from_before_an_edit_have_the_edit_and_its_tag(front, desk):
    before = front.client.get(TILE)
    other, third = (TILE.replace(PLACE, place) for place in ("8/211/99", "7/105/49"))
    asked = {"headers": {"If-None-Match": before.headers["ETag"]}}
    for day in ("2022-09-01", "2022-09-02"):
        desk.load("illegal_structures", [feature(point(117.0302, 36.6045), code=f"S{day}", state="closed")])
        with desk.store.writing(OPERATOR) as work:
            work.set("reference_date", day)
        for address in (TILE, other):
            assert whole(front.repeated(address, **asked)) == whole(front.alone.get(address, **asked))
        assert front.repeated(TILE).data != before.data
        before = front.repeated(TILE)
    # Who has it already is told so by Flask.
    asked["headers"]["If-None-Match"] = before.headers["ETag"]
    assert front.client.get(third, **asked).status_code == 304


def test_everybody_is_told_what_he_may_see_whoever_asks_first(front):
    every, published = (front.alone.get(TILE, headers=h).data for h in ({}, PASSED_ON))
    assert every != published
    for _ in range(2):
        assert front.client.get(TILE).data == every
        assert front.client.get(TILE, headers=PASSED_ON).data == published
        assert front.client.get(TILE, environ_base={"REMOTE_ADDR": "192.0.2.7"}).data == published
        assert front.client.get(TILE, headers={"Host": "evil.example"}).data == published
    assert len(front.reached) == 2


@pytest.mark.parametrize("address", ADDRESSES[:3])
def test_an_edit_is_in_the_very_next_answer(front, desk, address):
    before = front.client.get(address)
    assert whole(front.repeated(address)) == whole(before)
    changed = {**COMPOUNDS[0]["properties"], "name": "改名", "plan_year": 2021}
    desk.load("compounds", [{**COMPOUNDS[0], "properties": changed}])
    desk.load("illegal_structures", [feature(point(117.0302, 36.6045), code="S05", state="closed")])
    known = {"If-None-Match": before.headers["ETag"]}
    after = front.client.get(address, headers=known)
    assert whole(after) == whole(front.alone.get(address, headers=known))
    assert (after.status_code, after.headers["ETag"]) != (304, before.headers["ETag"])
    assert whole(front.repeated(address)) == whole(front.alone.get(address))


def test_a_visitor_goes_on_being_told_the_same_while_what_he_does_not_see_changes(front, desk):
    answers = [front.client.get(TILE, headers=headers) for headers in ({}, PASSED_ON)]
    desk.load("illegal_structures", [feature(point(117.0052, 36.6045), code="S03", state="verified")])
    assert whole(front.repeated(TILE, headers=PASSED_ON)) == whole(answers[1])
    assert front.client.get(TILE).data == front.alone.get(TILE).data != answers[0].data


def test_another_day_of_the_store_is_another_answer(front, desk):
    address = "/map/compounds.geojson"
    before = front.client.get(address)
    with desk.store.writing(OPERATOR) as work:
        work.set("reference_date", "2022-09-01")
    after = front.client.get(address)
    assert whole(after) == whole(front.alone.get(address))
    assert after.headers["ETag"] != before.headers["ETag"]


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/tiles/compounds/17/0/0.mvt", {}),
        ("/tiles/nothing/9/422/199.mvt", {}),
        ("/tiles/backdrop/9/422/199.mvt", {}),
        ("/tiles/illegal_structures/9/512/199.mvt", {}),
        ("/tiles/illegal_structures/09/-1/199.mvt", {}),
        (f"{TILE}/", {}),
        (f"{TILE}?plan_year=1", {}),
        (f"{TILE}?colour=red", {}),
        (f"{TILE}?state=found&state=closed", {}),
        (f"{TILE}?lang=en", {}),  # sets a cookie
        ("/map/nothing.geojson", {}),
        ("/map/overview.json", {}),
        ("/", {}),
        (TILE, {"method": "HEAD"}),
        (TILE, {"method": "POST"}),
        (TILE, {"headers": {"Range": "bytes=0-3"}}),
        (TILE, {"headers": {"If-Match": '"x"'}}),
    ],
)
def test_what_is_not_like_what_was_answered_is_left_to_flask(front, address, asked):
    front.client.get(TILE)
    for _ in range(2):
        before = len(front.reached)
        answer = front.client.open(address, **asked)
        assert len(front.reached) == before + 1
        expected = front.alone.open(address, **asked)
        assert (answer.status, set(answer.headers.keys())) == (expected.status, set(expected.headers.keys()))


def test_files_are_repeated_by_what_is_in_them(front):
    page = front.client.get("/").text
    styles, script = (
        re.search(rf'"([^"]*{name}\?v=\w+)"', page)[1] for name in (r"guatu\.css", r"script\.js")
    )
    for address in (styles, script):
        asked = {"headers": ENCODINGS[1]}
        with front.client.get(address, **asked) as first, front.alone.get(address, **asked) as expected:
            assert first.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert whole(first) == whole(expected) == whole(front.repeated(address, **asked))
        # Another word, none, or more than the word: it is asked for again next time.
        for other in (re.sub("v=.", "v=x", address), address.partition("?")[0], f"{address}&v=1"):
            with front.client.get(other) as answer:
                assert answer.headers["Cache-Control"] == "no-cache"


def test_answers_are_of_at_most_so_many_bytes():
    def answer(kind: str, body: bytes) -> Answer:
        return Answer(access.Rests("compounds", (), kind), "200 OK", (), body, "", "")

    kept = Kept(3 * 2000 + 10)
    for name in "abc":
        kept.put((name,), answer("every", b"1234"))
    assert [len(kept.get((name,))) for name in "abc"] == [0, 1, 1]
    kept.put(("b",), answer("published", b"12"))
    assert [kept.get((name,)).keys() for name in "abc"] == [set(), {"every", "published"}, {"every"}]
    kept.put(("b",), answer("every", b""))
    kept.put(("d",), answer("every", b"1"))
    assert [len(kept.get((name,))) for name in "bcd"] == [2, 0, 1]
