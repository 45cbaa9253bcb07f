"""Every answer tells one state of the store, with the tag of that state, whenever a writer commits."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from builders import DAY, put_district
from sqlalchemy import Connection, Engine, event, update

from layers import driving, open_store, tables
from layers.kept import Kept
from layers.people import OPERATOR
from layers.store import Store
from webmap import districtmap

ADDRESSES = (
    "/",
    "/?part=rail",
    "/compounds/C1",
    "/planning",
    "/map/overview.json",
    "/map/search.json?q=C",
    "/map/compounds.geojson",
    "/map/street_offices.geojson",
    "/export/compounds.geojson",
)


@contextmanager
def counting(engine: Engine, then: Callable[[int], None]) -> Iterator[list[int]]:
    """Count the statements of an engine, those given to the driver as they are too, and act after each."""
    done, given = [0], driving._run_one

    def step(*_told: object) -> None:
        done[0] += 1
        then(done[0])

    def run_one(connection: Connection, *statement: object) -> object:
        cursor = given(connection, *statement)
        if connection.engine is engine:
            step()
        return cursor

    event.listen(engine, "after_cursor_execute", step)
    driving._run_one = run_one
    yield done
    driving._run_one = given
    event.remove(engine, "after_cursor_execute", step)


def change(store: Store, number: int) -> None:
    """Change, in one transaction, what every address tells: names, a sum, the day that is shown."""
    with store.writing(OPERATOR) as work:
        for table in (tables.compounds, tables.street_offices):
            work.connection.execute(update(table).values(name=f"name {number}"))
        values = {"floor_area_m2": 1000.0 * number, "households": number}
        work.connection.execute(update(tables.compounds).values(values))
        work.bump("compounds", "street_offices")
        work.set("reference_date", (DAY + timedelta(number)).isoformat())


def answer(client, address: str) -> tuple[str | None, str]:
    """Return the tag of what an address tells, and all that it tells but for its own nonce."""
    got = client.get(address)
    assert got.status_code == 200, got.text
    nonce = re.search(r"'nonce-([^']+)'", got.headers["Content-Security-Policy"])[1]
    told = json.dumps(got.json) if "json" in got.mimetype else got.text.replace(nonce, "")
    return got.headers.get("ETag"), re.sub(r"[0-9a-f]{32}", "", told)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_writer_between_any_two_reads_of_an_answer_is_never_half_seen(
    make_app, store, store_url, address, monkeypatch
):
    monkeypatch.setattr(districtmap, "overviews", Kept(0))
    put_district(store)
    app = make_app(STORE=store_url)
    del app.wsgi_app  # what is only repeated is read nowhere
    client, place, done, changed = app.test_client(), 0, [1], [0]
    former = answer(client, address)
    with closing(open_store(store_url)) as writer:

        def then(count: int) -> None:
            if count == place:
                changed[0] += 1
                change(writer, changed[0])

        while place < done[0]:
            place += 1
            with counting(app.extensions["guatu"].engine, then) as done:
                told = answer(client, address)
            later = answer(client, address)
            assert later != former
            assert told in (former, later), f"a mixture, after statement {place} of {done[0]}"
            former = later
    # An answer of one read alone would have nothing to be half of.
    assert changed[0] == place > 1
    assert app.extensions["guatu"].lent == 0
