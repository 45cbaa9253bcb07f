"""A store of the first schema keeps its answers: those of former editions become former answers."""

import shutil
from datetime import date

import pytest
from sqlalchemy import text

from layers import lookup, open_store, record, tables
from layers.embedded import open_embedded
from layers.people import OPERATOR
from layers.postgis import open_postgis
from layers.schema import MIGRATIONS

#: Edition 1 was made active on three days, edition 2 in between.
ACTIVATED = (("1", "2024-01-01"), ("2", "2024-03-01"), ("1", "2024-05-01"))
ROWS = (
    "INSERT INTO loads VALUES (1, 'x', 'x', 'street_offices', 'x', '{}', '{}')",
    "INSERT INTO editions VALUES (1, 1, 'local', 'active', '2024-05-01T08:00'),"
    " (2, 1, 'local', 'former', '2024-03-01T08:00')",
    *(
        f"INSERT INTO assignments VALUES ('compounds', 'K', {edition}, '{office}', 0.8, 0, 0, 1,"
        f" 'largest_share', '{at}T08:00', 'operator')"
        for edition, office, at in ((1, "a", "2024-01-01"), (2, "b", "2024-03-01"))
    ),
    "INSERT INTO assignments VALUES ('compounds', 'L', 1, NULL, 0, 1, 0, 0, 'none', '2024-06-01T08:00', 'o')",
    "INSERT INTO shares VALUES ('K', 1, 'a', 80, 0.8), ('K', 1, 'b', 20, 0.2),"
    " ('K', 2, 'b', 80, 0.8), ('K', 2, 'a', 20, 0.2)",
    *(
        "INSERT INTO history (seq, at, person, action, subject, code, previous, hash)"
        f" VALUES ({seq}, '{at}T08:00', 'x', 'activate', 'editions', '{edition}', 'x', 'x{seq}')"
        for seq, (edition, at) in enumerate(ACTIVATED, 1)
    ),
)


@pytest.fixture
def upgraded(new_url, tmp_path):
    first = tmp_path / "migrations"
    later = [p.name for p in (MIGRATIONS / "versions").glob("*.py") if p.name[:4] > "0001"]
    shutil.copytree(MIGRATIONS, first, ignore=shutil.ignore_patterns("__pycache__", *later))
    assert [p.name for p in (first / "versions").glob("*.py")] == ["0001_first_schema.py"]
    url = new_url()
    old = (open_embedded if url.startswith("sqlite") else open_postgis)(url, migrations=first)
    with old.writing(OPERATOR) as work:
        for row in ROWS:
            work.connection.execute(text(row))
        for layer, code in (("street_offices", "a"), ("street_offices", "b"), ("compounds", "K")):
            edition = ", edition_id" if layer == "street_offices" else ""
            columns = f"version, load_id, row, code, name, wkb, west, south, east, north{edition}"
            step = (
                f"INSERT INTO {layer} ({columns})"
                f" VALUES (1, 1, 1, '{code}', '{code}', :wkb, 0, 0, 0, 0{', 1' if edition else ''})"
            )
            work.connection.execute(text(step), {"wkb": bytes.fromhex("0101000000") + bytes(16)})
    old.close()
    store = open_store(url)
    yield store
    store.close()


def test_the_answers_of_the_first_schema_are_kept_with_the_days_they_held(upgraded):
    f = upgraded.frame(tables.former_assignments.select().order_by(tables.former_assignments.c.until))
    assert [(r["code"], r["street_office_code"], r["at"], r["until"]) for r in f] == [
        ("K", "a", "2024-01-01T08:00", "2024-03-01T08:00"),
        ("K", "b", "2024-03-01T08:00", "2024-05-01T08:00"),
    ]
    rows = upgraded.frame(tables.assignments.select().order_by(tables.assignments.c.code))
    now = [record.grounded(row) for row in rows]
    assert [(r["code"], r["edition_id"], r["computed"], r["border_reason"], r["at"]) for r in now] == [
        ("K", 1, "a", "several_offices", "2024-05-01T08:00"),
        ("L", 1, None, None, "2024-06-01T08:00"),
    ]
    turns = upgraded.frame(tables.activations.select().order_by(tables.activations.c.id))
    assert [(r["edition_id"], r["at"]) for r in turns] == [
        (int(edition), f"{at}T08:00") for edition, at in ACTIVATED
    ]


def test_who_answered_then_can_be_asked_for(upgraded):
    def on(month):
        answer = lookup.answer_on(upgraded, OPERATOR, "compounds", "K", date(2024, month, 15))
        return answer and (answer.street_office_code, [s.share for s in answer.shares])

    assert on(2) == ("a", [0.8, 0.2])
    assert on(6) == ("a", [0.8, 0.2])
    assert on(4) == ("b", [])  # the offices of edition 2 are not on record here: no part is named
    assert lookup.answer_on(upgraded, OPERATOR, "compounds", "K", date(2023, 12, 15)) is None


def test_a_new_reference_date_tells_anew_who_answers(upgraded, make_app):
    client = make_app(upgraded, LOCAL_ROLE="bureau").test_client()
    address = "/map/overview.json?on=2024-04-15"
    before = client.get(address)
    assert before.json["offices"] == []  # those of edition 2, which are not on record here
    with upgraded.writing(OPERATOR) as work:
        work.set("reference_date", "2024-04-10")
    # From its today on a store tells what holds now.
    after = client.get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert [(office["code"], office["compounds"]) for office in after.json["offices"]] == [("a", 1), ("b", 0)]
