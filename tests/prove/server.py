"""Four processes write to PostGIS, and they, a process of the server or all of the server are killed."""

import os
import signal
import time
from contextlib import closing
from random import Random

from campaign import Result, main, steps
from cluster import Cluster, find_programs
from crew import Ack, Crew, edit, make_rows
from soundness import Acknowledged, check_store

from geo.errors import StoreError
from layers import open_store
from layers.people import OPERATOR

WRITERS = 4
CYCLES_A_STORE = 30
#: What is killed, and how often: half of the time only the clients.
KILLED = {"clients": 5, "a server process": 2, "the server at once": 2, "all server processes": 1}
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = %s"


def run(seed: int, size: int) -> Result:
    """Kill something ``size`` times, and look at all of the store after each time."""
    random, result = Random(seed), Result()
    cluster = Cluster(find_programs(), durable=True)
    try:
        with closing(cluster.connect("postgres")) as connection:
            result.add("fsync", int(connection.execute("SHOW fsync").fetchone() == ("on",)))
        for cycle in steps(size):
            if cycle % CYCLES_A_STORE == 1:
                url, acknowledged = cluster.create(), Acknowledged(result)
                with closing(open_store(url)) as store:
                    make_rows(store)
            # Whatever is killed at all is killed even in a short campaign.
            killed = list(KILLED)[cycle - 1] if cycle <= len(KILLED) else _drawn(random)
            _cycle(cluster, url, killed, random, acknowledged)
            result.add(f"cycles, killed: {killed}")
            with closing(open_store(url)) as store:
                _await_writers(store)
                acknowledged.check(check_store(store, result))
    finally:
        cluster.stop()
    return result


def _drawn(random: Random) -> str:
    return random.choices(list(KILLED), list(KILLED.values()))[0]


def _cycle(cluster: Cluster, url: str, killed: str, random: Random, acknowledged: Acknowledged) -> None:
    seed, clients_only = random.random(), killed == "clients"
    crew = Crew(WRITERS, lambda number, ack: _write(url, seed + number, ack, stubborn=not clients_only))
    if clients_only or random.random() < 0.9:
        crew.await_word(20)
    time.sleep(random.uniform(0, 0.25))
    if killed == "a server process":
        _kill_backend(cluster, url, random)
    elif not clients_only:
        cluster.halt(signal.SIGQUIT if killed == "the server at once" else signal.SIGKILL)
        cluster.restart()
    # Those who survive find a new connection and go on for a while.
    time.sleep(0 if clients_only else random.uniform(0, 0.5))
    acknowledged.hear(crew.kill())
    cluster.await_ready()


def _kill_backend(cluster: Cluster, url: str, random: Random) -> None:
    """Kill one of the processes that serve the writers: the server then starts all of itself anew."""
    with closing(cluster.connect("postgres")) as connection:
        found = connection.execute(_BACKENDS, (cluster.name_in(url),)).fetchall()
        if found:
            os.kill(random.choice(found)[0], signal.SIGKILL)


def _write(url: str, seed: float, ack: Ack, *, stubborn: bool) -> None:
    """Edit for ever; the stubborn try again where the server is gone."""
    random, store = Random(seed), None
    while True:
        try:
            store = store or open_store(url)
            word = edit(store, random)
        except StoreError:
            if not stubborn:
                raise
            time.sleep(0.02)
        else:
            ack(word)


def _await_writers(store) -> None:
    """Return when whoever was writing is done: a server may still commit for a client that is gone."""
    with store.writing(OPERATOR) as work:
        work.discard()


if __name__ == "__main__":
    main(run)
