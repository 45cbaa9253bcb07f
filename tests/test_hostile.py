"""A district in which whatever people wrote is hostile: on no page and in no file is it more than text."""

import csv
import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from itertools import cycle
from urllib.parse import quote

import openpyxl
import pdfreading
import pytest
import tilereading
from hostile import NAMES, put_texts, turn

from app import create_app
from layers import open_store
from layers.catalogue import LAYERS
from layers.contents import PLANS
from layers.mapping import TRIMMED
from layers.writing import FORMULA_SIGNS
from webmap.typeface import printable

ASKED = {"SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
MARK = "window.ran"
#: Attributes whose value is an address.
ADDRESSES = {"href", "src", "action", "formaction", "data", "xlink:href", "poster", "srcset"}
SITES = [f"XQ{n:04}" for n in range(1, 241)]
CASES = {
    "compounds": ("XQ0013", "XQ0001"),
    "illegal_structures": tuple(f"WJ{n:04}" for n in range(1, 16)),
    "facilities": ("SS001", "SS002"),
}
CHARTS = ("course", "stages", "streets", "batches")
FORMS = ("xlsx", "csv", "pdf")
#: What is asked of each address that is read: all of them, so that a new one must be added here.
PAGES = {
    "districtmap.page": [
        "/?compound=XQ0013",
        "/?part=rail&colour=street_office",
        "/?colour=work_categories",
        "/?beside=2022-03-31",
    ],
    # Page and panel in turn; on each stands also what the compounds between have for names.
    "districtmap.compound": [
        f"/compounds/{code}{'?part=panel' * (n % 2)}" for n, code in enumerate(SITES[:200])
    ],
    "duties.page": [f"/duties?layer={layer}" for layer in CASES],
    "duties.case": [f"/duties/{layer}/{code}" for layer, codes in CASES.items() for code in codes],
    "editions.page": ["/editions"],
    "editions.edition": ["/editions/2"],
    "planning.page": ["/planning"],
    "planning.coverage": ["/planning/coverage", "/planning/coverage?kind=公园绿地"],
    "statistics.page": ["/sheets"],
    "statistics.sheet": [f"/sheets/{name}" for name in PLANS],
    "statistics.rows": ["/sheets/progress/rows?column=planned"],
    "assessment.page": ["/assessment"],
    "charting.page": ["/charts"],
    "wallmap.page": ["/wallmap"],
}
PICTURES = {
    "charting.picture": [f"/charts/{name}.svg" for name in ("course", "stages", "streets", "batches")]
}
DATA = {
    "districtmap.features": [f"/map/{layer}.geojson" for layer in TRIMMED],
    "districtmap.listed": ["/map/compounds.json"],
    "districtmap.overview": ["/map/overview.json"],
    "downloads.export": [f"/export/{layer}.geojson" for layer in LAYERS],
    "editions.moves": ["/editions/2/moves.geojson"],
    "gaplayer.gaps": ["/map/gaps.geojson?kind=公园绿地"],
    "finding.here": ["/map/here.json?at=117.3,36.2&within=100"],
    "finding.search": ["/map/search.json?q=ran"],
    "mapdays.coloured": ["/map/classes.json?colour=street_office"],
    "mapdays.played": ["/map/months.json?each=1"],
    "planning.listed_gaps": ["/planning/gaps.geojson?kind=公园绿地"],
    "tiles.described": [f"/tiles/{layer}.json" for layer in LAYERS],
    "statuses.healthz": ["/healthz"],
}
FILES = {
    "statistics.file": [f"/sheets/{name}.{form}" for name in PLANS for form in FORMS],
    "assessment.file": [f"/assessment.{form}" for form in FORMS],
    "planning.outside_plan": ["/planning/outside_plan.csv"],
    "wallmap.district": ["/wallmap/district.pdf"],
    "wallmap.atlas": ["/wallmap/atlas.pdf"],
    "wallmap.compound": ["/wallmap/compounds/XQ0015.pdf"],
}
#: Read below by what they are; nothing of the record is in the last four.
APART = {"tiles.tile", "basemap.tile", "static", "districtmap.script", "statuses.favicon"}


class Markup(HTMLParser):
    """What of a page a browser would act on, and what it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: Counter[tuple] = Counter()
        self.acted_on: list[str] = []
        self.shown: list[str] = []
        self._in = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element by its name and those of its attributes, and note what would be acted on."""
        told = dict(attrs)
        assert len(told) == len(attrs)
        self.elements[tag, *sorted(told)] += 1
        self._in = tag
        for name, value in told.items():
            if name in ADDRESSES and not re.match(r"[/?#]|$", value or ""):
                self.acted_on.append(f"{name}={value}")
            if name == "style":
                self.acted_on.append(value or "")
            self.shown.append(value or "")
        if tag == "script":
            assert "nonce" in told or told.get("src", "").startswith("/static/")

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or a style."""
        self._in = ""

    def handle_data(self, data: str) -> None:
        """Tell what is run or styles the page from what is shown."""
        (self.acted_on if self._in in ("script", "style") else self.shown).append(data)


@pytest.fixture(scope="module")
def apps(sample_file, tmp_path_factory):
    """The sample district twice: with hostile texts, and with as many that mean no harm."""
    made = []
    for texts in (NAMES, [f"院{number}" for number in range(len(NAMES))]):
        folder = tmp_path_factory.mktemp("texts")
        url = f"sqlite:///{shutil.copyfile(sample_file, folder / 'district.db')}"
        store = open_store(url)
        put_texts(store, texts)
        store.close()
        made.append(create_app({"STORE": url, "DATA": folder, "LOCAL_ROLE": "bureau"}))
    yield made
    for app in made:
        if "guatu" in app.extensions:
            app.extensions["guatu"].close()


@pytest.fixture(scope="module")
def hostile(apps):
    return apps[0].test_client()


def ask(client, address, status=200):
    """Return what is answered, under our policy."""
    answer = client.get(address, environ_base=ASKED)
    assert answer.status_code == status, (address, answer.status_code)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    script = answer.headers["Content-Security-Policy"].split("script-src ")[1].split(";")[0]
    assert re.fullmatch(r"'self' 'nonce-[\w-]+'", script)
    return answer


def in_turn(asked):
    """Yield addresses, in one language and the other."""
    every = (address for addresses in asked.values() for address in addresses)
    for address, language in zip(every, cycle(("zh", "en")), strict=False):
        yield f"{address}{'&' if '?' in address else '?'}lang={language}"


def texts_in(value):
    """Yield the texts anywhere in a value of JSON."""
    if isinstance(value, str):
        yield value
    for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from texts_in(part)


def one_line(text):
    """Return a text without blanks, which a page breaks lines at."""
    return re.sub(r"\s", "", text)


def name_of(place):
    """Return the name of the row of this place in its table."""
    return NAMES[turn(place)]


def test_what_is_asked_below_is_all_there_is(apps):
    read = {rule.endpoint for rule in apps[0].url_map.iter_rules() if "GET" in rule.methods}
    assert read == set().union(PAGES, PICTURES, DATA, FILES, APART)
    assert len(set(NAMES)) == 200


def test_a_page_has_the_elements_it_has_without_them(apps):
    hostile, harmless = (app.test_client() for app in apps)
    seen = {}
    for address in in_turn(PAGES | PICTURES):
        page, other = (Markup(ask(client, address).text) for client in (hostile, harmless))
        assert page.elements == other.elements, address
        assert not [text for text in page.acted_on if MARK in text or "script:" in text], address
        seen[re.sub(r".lang=..$", "", address)] = "\n".join(page.shown)
    # They are there, every one of them on either page of a compound.
    of_compounds = PAGES["districtmap.compound"]
    for asked in (of_compounds[::2], of_compounds[1::2]):
        shown = one_line("".join(seen[address] for address in asked))
        assert [name for name in NAMES if one_line(name) not in shown] == []


def test_a_picture_is_a_whole_document(hostile):
    for address in in_turn(PICTURES):
        ET.fromstring(ask(hostile, address).data)


def test_what_is_asked_for_is_said_as_text(hostile):
    whole = Markup(ask(hostile, "/compounds/nowhere", 404).text)
    for name in NAMES:
        for address in (f"/compounds/{quote(name, safe='')}", f"/sheets/plan?period={quote(name)}"):
            answer = hostile.get(address[:1500], environ_base=ASKED)
            assert 400 <= answer.status_code < 500
            page = Markup(answer.text)
            assert page.elements == whole.elements and not any(MARK in text for text in page.acted_on)


def test_data_hold_the_texts_unchanged(hostile):
    for address in in_turn(DATA):
        told = json.loads(ask(hostile, address).data)
        assert {text for text in texts_in(told) if MARK in text} <= set(NAMES), address
    for address in ("/map/compounds.geojson", "/export/compounds.geojson"):
        rows = json.loads(ask(hostile, address).data)["features"]
        names = {row["properties"]["code"]: row["properties"]["name"] for row in rows}
        assert names == {code: name_of(place) for place, code in enumerate(SITES)}


def test_each_name_is_found_by_what_is_written_in_it(hostile):
    for name in NAMES:
        typed = "".join(c if c.isprintable() else " " for c in name)[-100:].strip()
        told = ask(hostile, f"/map/search.json?q={quote(typed)}").json
        assert told["more"] or name in {row["told"] for row in told["found"]}, name


def test_tiles_hold_the_texts_unchanged(hostile):
    seen = set()
    for layer in LAYERS:
        answer = ask(hostile, f"/tiles/{layer}/10/845/401.mvt")
        for row in tilereading.read(answer.data)[layer].features:
            seen |= {text for text in row.properties.values() if isinstance(text, str) and MARK in text}
    assert seen <= set(NAMES) and len(seen) > 100


def test_sheet_programs_find_texts_and_no_formulas(hostile):
    seen = set()
    for address in in_turn(FILES | {"editions.moves": ["/editions/2/moves.csv"]}):
        if ".csv" in address:
            text = ask(hostile, address).data.decode("utf-8-sig")
            cells = {cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row}
            # A number below nought is a number.
            assert not [c for c in cells if c.startswith(FORMULA_SIGNS) and not re.fullmatch(r"-[\d.]+", c)]
            seen |= cells
        elif ".xlsx" in address:
            book = openpyxl.load_workbook(io.BytesIO(ask(hostile, address).data))
            cells = [cell for page in book for row in page for cell in row]
            assert not [c for c in cells if c.data_type == "f" and MARK in c.value]
            assert not any(cell.hyperlink for cell in cells)
            seen |= {cell.value for cell in cells if cell.data_type == "s"}
    assert [n for n in map(name_of, range(240)) if not {n, f"'{n}"} & seen] == []


def test_paper_says_the_texts(hostile, poppler):
    # Sheets of rows that are street offices name all of them, the others the district at least.
    district = [one_line(printable(name)) for name in NAMES[:2]]
    offices = [one_line(printable(name_of(place))) for place in range(15)]
    of_streets = [name for name, plan in PLANS.items() if plan.rows == "streets"]
    for address in in_turn(FILES):
        if ".pdf" not in address:
            continue
        said = one_line(pdfreading.text(ask(hostile, address).data))
        assert district["=en" in address] in said, address
        if re.match(rf"/sheets/({'|'.join(of_streets)})|/assessment|/wallmap/(district|atlas)", address):
            assert [name for name in offices if name not in said] == [], address
