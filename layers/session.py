"""How a connection to the shared store behaves: what it waits for, and when it is given up.

Writers take turns: each transaction that writes first takes one advisory lock, so that the
history's chain never forks and what was read before a write still holds. Readers never wait:
each sees the one state its transaction began with. Nobody holds the lock who is gone: a client
or a server whose machine has vanished is noticed within a minute, and a writer that stands
still is ended by the server, with its work.
"""

from sqlalchemy import URL, Connection, Engine, create_engine, event

#: The advisory lock of a database whose holder may write: "guatu" as a number.
WRITING = int.from_bytes(b"guatu")
#: How long a writing transaction may stand still between two statements. A load works out who
#: answers for what inside its transaction, which may take minutes in which the server hears nothing.
IDLE_S = 600.0
#: How long one statement of a reader may take. What is read in bulk comes by a cursor, each
#: fetch of which is short; nobody waits longer for a page.
READ_S = 600.0
#: How the client notices that its server is gone (for libpq).
CLIENT = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "guatu",
}
#: How the server notices that its client is gone (settings of the session).
SERVER = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_READ = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL statement_timeout = {read_ms}
"""
# A server may be set to acknowledge before a commit is on disk; ours is acknowledged after.
_WRITE = f"""
SET LOCAL lock_timeout = {{patience_ms}};
SET LOCAL idle_in_transaction_session_timeout = {{idle_ms}};
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_xact_lock({WRITING})
"""


def make_engine(
    address: URL, *, patience_s: float = 10.0, idle_s: float = IDLE_S, read_s: float = READ_S
) -> Engine:
    """Return the engine behind an address, whose transactions read one state or write in turn.

    A writer waits at most ``patience_s`` seconds for its turn, and is ended by the server when it
    stands still for ``idle_s``; a reader's statement is given up after ``read_s``. What the address
    itself asks for (``?keepalives_idle=5``) goes before. A connection in AUTOCOMMIT is left alone.
    """
    # A connection that the server has dropped meanwhile is replaced before it is used.
    engine = create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=16,
        max_overflow=16,
        connect_args=_connect_args(address),
    )
    read = _READ.format(read_ms=_milliseconds(read_s))
    write = _WRITE.format(patience_ms=_milliseconds(patience_s), idle_ms=_milliseconds(idle_s))

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(write if options.get("guatu_write", False) else read)

    return engine


def _connect_args(address: URL) -> dict[str, object]:
    asked = address.query.get("options", "")
    server = " ".join(f"-c {name}={value}" for name, value in SERVER.items())
    own = {name: value for name, value in CLIENT.items() if name not in address.query}
    return {**own, "options": f"{server} {asked}".strip()}


def _milliseconds(seconds: float) -> int:
    # Nothing would mean: for ever.
    return max(1, round(seconds * 1000))
