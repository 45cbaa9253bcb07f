"""How a connection to the shared store behaves: what it is set to, and when it is given up."""

import socket
import time
from contextlib import closing

import pytest
from builders import told
from cluster import Cluster, find_programs
from sqlalchemy import make_url, text

from geo.errors import StoreError
from layers import open_store
from layers.people import OPERATOR
from layers.postgis import PostgisStore, open_postgis
from layers.session import make_engine

pytestmark = pytest.mark.postgis


@pytest.fixture
def store_url(shared_url):
    """The address of a shared store: nothing here is asked of another kind."""
    return shared_url


def settings(connection, *names: str) -> list[str]:
    return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]


def test_a_writer_that_stands_still_is_ended_and_the_next_one_has_its_turn(store, store_url):
    before = told(store)
    with closing(open_postgis(store_url, idle_s=0.2)) as idle:
        with (
            pytest.raises(StoreError, match="^The server ended a write that stood still; nothing of it"),
            idle.writing(OPERATOR) as work,
        ):
            work.set("name_en", "never")
            with store.writing(OPERATOR) as other:
                other.set("name_en", "meanwhile")
            work.set("name_zh", "never")
        assert idle.district().name_en == "meanwhile"
    assert [len(rows) for rows in (before["history"], told(store)["history"])] == [0, 1]


def test_a_writer_that_stood_still_before_its_commit_is_not_acknowledged(store, store_url):
    with closing(open_postgis(store_url, idle_s=0.2)) as idle:
        with pytest.raises(StoreError, match="stood still"), idle.writing(OPERATOR) as work:
            work.set("name_en", "never")
            time.sleep(0.6)
        assert idle.district().name_en == ""


def test_a_writer_may_stand_still_for_minutes_and_a_reader_as_long_as_it_likes(store):
    with store.writing(OPERATOR) as work:
        assert settings(work.connection, "idle_in_transaction_session_timeout", "statement_timeout") == [
            "10min",
            "0",
        ]
    with store.reading() as connection:
        assert settings(connection, "idle_in_transaction_session_timeout", "statement_timeout") == [
            "0",
            "10min",
        ]


def test_a_question_that_takes_too_long_is_given_up_and_the_store_works_on(store_url):
    with closing(PostgisStore(make_engine(make_url(store_url), read_s=0.1))) as hasty:
        with pytest.raises(StoreError, match="took too long over a question"), hasty.reading() as connection:
            connection.execute(text("SELECT pg_sleep(30)"))
        assert hasty.district().name_en == ""


@pytest.fixture(scope="module")
def by_network():
    """The address of an empty store on a server that is reached by TCP, as one on another machine is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Cluster(find_programs(), port=port)
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{started.name_in(started.create())}"
    started.stop()


KEPT = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")


def test_both_ends_of_a_connection_notice_within_a_minute_that_the_other_is_gone(by_network):
    with closing(open_store(by_network)) as store, store.reading() as connection:
        assert settings(connection, *KEPT, "application_name") == ["30", "10", "3", "60000", "guatu"]
        client = socket.socket(fileno=connection.connection.driver_connection.fileno())
        try:
            tcp = socket.IPPROTO_TCP
            asked = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            assert [client.getsockopt(tcp, name) for name in asked] == [30, 10, 3, 60_000]
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        finally:
            client.detach()


def test_what_the_address_asks_for_goes_before(by_network):
    asked = f"{by_network}?options=-c%20tcp_keepalives_count%3D7&application_name=wall&keepalives_idle=5"
    with closing(open_store(asked)) as store, store.reading() as connection:
        assert settings(connection, *KEPT, "application_name") == ["30", "10", "7", "60000", "wall"]
        client = socket.socket(fileno=connection.connection.driver_connection.fileno())
        try:
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        finally:
            client.detach()
