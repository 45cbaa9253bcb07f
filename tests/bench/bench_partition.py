"""A nation's compounds on PostGIS: one plain table beside one that is partitioned by province.

Both hold the same rows, an index of the shapes, of the codes and of the divisions, and give the
same answers; only the partitioned one has its rows in a table a province. What it costs and gains
is in docs/store.md.
"""

import random
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter

import inputs
import psycopg

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cluster import Cluster, find_programs  # noqa: E402

PROVINCES = range(11, 42)
ROWS = 20_000
COLUMNS = """
fid bigint NOT NULL, code text COLLATE "C" NOT NULL, name text COLLATE "C", province text NOT NULL,
plan_year bigint, wkb bytea NOT NULL,
shape geometry(Geometry, 4490) GENERATED ALWAYS AS (ST_GeomFromWKB(wkb, 4490)) STORED"""
TABLES = ("plain", "parted")
#: The rows of a province: squares of 0.001° in a part of the country of their own.
FILL = """
INSERT INTO {table} (fid, code, name, province, plan_year, wkb)
SELECT {province} * 100000 + i, '{province}' || lpad(i::text, 7, '0'), 'compound ' || i, '{province}',
    2015 + (i * 7919) % 12, ST_AsBinary(ST_MakeEnvelope(x, y, x + 0.001, y + 0.001, 4490))
FROM (SELECT i, {west} + 3 * ((i * 7919) % 100003) / 100003.0::float8 AS x,
    {south} + 3 * ((i * 104729) % 100019) / 100019.0::float8 AS y FROM generate_series(1, {rows}) i) s
"""
BY_BOX = """
SELECT f.code, f.name, f.wkb, d.office FROM {table} f LEFT JOIN duty d ON d.code = f.code
WHERE f.shape && ST_MakeEnvelope(%s, %s, %s, %s, 4490) AND f.plan_year = 2022 ORDER BY f.code LIMIT 100
"""
BY_YEAR = """
SELECT code, name, wkb FROM {table} WHERE plan_year = 2022 AND code > %s ORDER BY code LIMIT 100
"""
BY_CODE = "SELECT code, name, wkb FROM {table} WHERE code = %s"
COUNTED = "SELECT count(*), sum(plan_year) FROM {table} WHERE province = %s"


def make(connection: psycopg.Connection) -> dict[str, list[float]]:
    """Make and fill both tables; return how long each province took."""
    connection.execute(f"CREATE TABLE plain ({COLUMNS}, PRIMARY KEY (fid), UNIQUE (code))")
    # A partitioned table can only promise that a code is there once in each province.
    keys = "PRIMARY KEY (fid, province), UNIQUE (code, province)"
    connection.execute(f"CREATE TABLE parted ({COLUMNS}, {keys}) PARTITION BY LIST (province)")
    for province in PROVINCES:
        connection.execute(f"CREATE TABLE parted_{province} PARTITION OF parted FOR VALUES IN ('{province}')")
    for table in TABLES:
        connection.execute(f"CREATE INDEX ON {table} USING gist (shape)")
        connection.execute(f"CREATE INDEX ON {table} (province)")
    times: dict[str, list[float]] = {table: [] for table in TABLES}
    for province in PROVINCES:
        for table in in_turn():
            times[table].append(spent(lambda t=table, p=province: connection.execute(filling(t, p))))
    connection.execute("CREATE TABLE duty AS SELECT code, 'office ' || province AS office FROM plain")
    connection.execute("ALTER TABLE duty ADD PRIMARY KEY (code)")
    connection.execute("VACUUM ANALYZE")
    return times


def filling(table: str, province: int) -> str:
    """Return the statement that fills a province."""
    west, south = 80 + 3 * (province % 8), 20 + 3 * (province // 8)
    return FILL.format(table=table, province=province, west=west, south=south, rows=ROWS)


def in_turn() -> list[str]:
    """Return both tables, now one first and now the other."""
    return random.sample(TABLES, 2)


def spent(action: Callable[[], object]) -> float:
    """Return how many seconds an action takes."""
    begun = perf_counter()
    action()
    return perf_counter() - begun


def asked(connection: psycopg.Connection, statement: str, questions: list[tuple]) -> dict[str, list[float]]:
    """Put questions to both tables, whose answers must be the same; return how long each took."""
    times: dict[str, list[float]] = {table: [] for table in TABLES}
    for question in questions:
        answers = []
        for table in in_turn():
            begun = perf_counter()
            answers.append(connection.execute(statement.format(table=table), question).fetchall())
            times[table].append(perf_counter() - begun)
        assert answers[0] == answers[1]
    return times


def boxes(side: float, number: int = 60) -> list[tuple[float, ...]]:
    """Return boxes of so many degrees a side, anywhere in the country."""
    places = [(80 + random.random() * (24 - side), 23 + random.random() * (12 - side)) for _ in range(number)]
    return [(x, y, x + side, y + side) for x, y in places]


def replaced(connection: psycopg.Connection, province: int) -> dict[str, list[float]]:
    """Take a province out and load it again in one transaction."""
    emptied = {"plain": f"DELETE FROM plain WHERE province = '{province}'"}
    emptied["parted"] = f"TRUNCATE parted_{province}"

    def replace(table: str) -> None:
        with connection.transaction():
            connection.execute(emptied[table])
            connection.execute(filling(table, province))

    return {table: [spent(lambda t=table: replace(t))] for table in in_turn()}


def main() -> None:
    """Fill both tables, ask both the same, print the table."""
    programs = find_programs()
    if programs is None:
        print("No PostGIS here.")
        return
    random.seed(2022)
    server = Cluster(programs)
    try:
        with closing(server.connect(server.name_in(server.create()))) as connection:
            told = {"load of a province": make(connection)}
            for side in (0.05, 0.3, 2.0):
                told[f"page of 100 by box of {side}° and year"] = asked(connection, BY_BOX, boxes(side))
            told["page of 100 by year"] = asked(connection, BY_YEAR, [(str(p),) for p in PROVINCES])
            codes = [(f"{p}{i:07}",) for p in PROVINCES for i in (1, 7777)]
            told["one row by its code"] = asked(connection, BY_CODE, codes)
            told["a province counted"] = asked(connection, COUNTED, [(str(p),) for p in PROVINCES])
            told["a province replaced"] = replaced(connection, 15)
            vacuum = {"plain": "VACUUM plain", "parted": "VACUUM parted_15"}
            told["vacuum after that"] = {
                t: [spent(lambda t=t: connection.execute(vacuum[t]))] for t in TABLES
            }
    finally:
        server.stop()
    rows = [(what, *(median(times[t]) for t in TABLES)) for what, times in told.items()]
    shown = [(what, plain, parted, parted / plain) for what, plain, parted in rows]
    title = f"{len(PROVINCES) * ROWS:,} compounds in {len(PROVINCES)} provinces: medians, s"
    inputs.table(title, ("what", "plain", "partitioned", "partitioned / plain"), shown)


if __name__ == "__main__":
    main()
