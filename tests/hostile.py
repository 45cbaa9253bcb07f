"""Two hundred names that would run, break out or be filled in, were they ever taken for more than text.

Each tries to set ``window.ran``; a page on which it is set has run one of them.
"""

from collections.abc import Sequence
from itertools import product

from sqlalchemy import bindparam, insert, select, update

from layers import cases, tables
from layers.catalogue import LAYERS
from layers.duty import edition_of
from layers.people import OPERATOR
from layers.store import Store
from layers.work import Work

_RUN = "window.ran=1"
_ELEMENTS = (
    "<img src=x onerror={run}>",
    "<svg onload={run}>",
    "<svg><script>{run}</script></svg>",
    "<script>{run}</script>",
    "<body onload={run}>",
    "<iframe srcdoc='<script>parent.{run}</script>'>",
    "<details open ontoggle={run}>",
    "<input autofocus onfocus={run}>",
    "<a href='javascript:{run}'>a</a>",
    "<video><source onerror={run}></video>",
    "<style>@import 'javascript:{run}'</style>",
    "<object data='javascript:{run}'>",
    "<math href='javascript:{run}'>m</math>",
    "<link rel=stylesheet href='data:text/css,*{{}}' onload={run}>",
    "<marquee onstart={run}>",
    "<base href='//example.invalid/'>",
)
_BREAKS = (
    "",
    '">',
    "'>",
    "</script>",
    "-->",
    "</title>",
    "</textarea>",
    "]]>",
    "</style>",
    "</option></select>",
)
_FILLED_IN = (
    "${{{run}}}",
    "`${{{run}}}`",
    "{{{{ {run} }}}}",
    "{{% if 1 %}}{run}{{% endif %}}",
    "{{# {run} #}}",
    "%({run})s",
    "%s%n{run}",
    "{{0.__class__}}{run}",
    "';{run};//",
    '";{run};//',
    "\\u003cimg src=x onerror={run}\\u003e",
    "&lt;img src=x onerror={run}&gt;",
    "%3Cimg%20src=x%20onerror={run}%3E",
    "javascript:{run}",
    "data:text/html,<script>{run}</script>",
    "\u202e<img src=x onerror={run}>\u202c",
    "\u2028{run}\u2029",
    '=HYPERLINK("javascript:{run}")',
    "@SUM(1)|{run}",
    "+{run}|cmd!A0",
    "-1+{run}",
    "\t={run}",
    "__proto__",
    "constructor",
    "toString",
    "' OR 1=1 --",
    "'; DROP TABLE compounds; --",
    "../../etc/passwd",
    "a%00<script>{run}</script>",
    "名<ruby>{run}<rt onclick={run}>拼</ruby>",
    "<<script>{run}//<</script>",
    "<IMG SRC=x ONERROR={run}>",
    "<img/src=x/onerror={run}>",
    "<img src=`x`onerror={run}>",
    "＜img src=x onerror={run}＞",
    'a"onmouseover="{run}',
    "a'onmouseover='{run}",
    "a\tonfocus={run}\tautofocus",
    "</p><p onclick={run}>",
    "长" * 1900 + "<img src=x onerror={run}>",
)

#: 160 elements behind what might end the place they are in, and 40 of other kinds.
NAMES = tuple(
    [stop + element.format(run=_RUN) for stop, element in product(_BREAKS, _ELEMENTS)]
    + [text.format(run=_RUN) for text in _FILLED_IN]
)


#: Texts by which rows are counted: another one for each row would be another store.
_COUNTED_BY = {"kind", "status", "batch", "work_categories", "tenure", "management", "recheck"}
#: How many cases are decided about.
_DECIDED = 8


def fields_of(layer: str) -> tuple[str, ...]:
    """Return the fields of a layer in which stands what a person wrote."""
    texts = (field.name for field in LAYERS[layer].stored if field.type == "text")
    return tuple(name for name in texts if name not in _COUNTED_BY)


def turn(row: int, field: int = 0) -> int:
    """Return the place of the text of a row's field (both from 0 on; the name is the first field)."""
    return (13 * row + 7 * field) % len(NAMES)


def put_texts(store: Store, texts: Sequence[str]) -> None:
    """Write texts wherever the store holds what a person wrote, and let an edition wait that moves sites.

    Rows and their fields take turns, neighbours with texts of different kinds; ``turn`` tells which.
    """
    with store.writing(OPERATOR) as work:
        for layer, table in tables.FEATURES.items():
            rows = work.connection.execute(select(table.c.fid, table.c.code).order_by(table.c.fid)).all()
            names = fields_of(layer)
            told = [
                {"of": row.fid} | {name: texts[turn(i, n)] for n, name in enumerate(names)}
                for i, row in enumerate(rows)
            ]
            written = {name: bindparam(name) for name in names}
            work.connection.execute(update(table).where(table.c.fid == bindparam("of")).values(written), told)
            work.bump_rows(layer, [row.code for row in rows])
        work.set("name_zh", texts[0])
        work.set("name_en", texts[1])
        offices = _let_wait(work)
    found = cases.border_cases(store, OPERATOR, limit=_DECIDED).page
    for i, case in enumerate(found):
        cases.decide(store, OPERATOR, "compounds", case.code, offices[0], texts[2 + i])


def _let_wait(work: Work) -> list[str]:
    """Let an edition wait in which the street offices have changed places; return their codes."""
    offices = list(work.features("street_offices", edition_of(work.connection).id).values())
    load_id = work.open_load("street_offices", "0" * 64, {})
    edition = {"load_id": load_id, "code_list": "local", "state": "waiting"}
    edition_id = work.connection.execute(insert(tables.editions), edition).inserted_primary_key[0]
    place = ("wkb", *tables.BOX)
    for office, other in zip(offices, offices[1:] + offices[:1], strict=True):
        moved = {**office, **{name: other[name] for name in place}, "edition_id": edition_id}
        work.insert(tables.street_offices, [{k: v for k, v in moved.items() if k != "fid"}])
    work.bump("street_offices")
    return [office["code"] for office in offices]
