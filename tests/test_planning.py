import csv
import io
import re
from datetime import date
from html import unescape

import pytest
from desk import Desk, feature, square
from small_district import OFFICES, fill

from layers import needs, programme, progress, service
from layers.people import OPERATOR, VISITOR
from layers.stages import STAGES


@pytest.fixture
def client(sample_app):
    return sample_app().test_client()


@pytest.fixture(scope="module")
def told(sample_shared):
    return programme.planning(sample_shared, OPERATOR, sample_shared.district().reference_date)


@pytest.fixture(scope="module")
def served(sample_shared):
    """What each kind of facility serves."""
    return service.service(sample_shared, OPERATOR, sample_shared.district().reference_date).kinds


def left(kind):
    """Return how many compounds do not lie wholly within reach of a kind."""
    return kind.total.partly + kind.total.not_served


def cells(row):
    """Return the texts of a table row."""
    found = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in found]


def table(page, section, place=0):
    """Return the rows of one table of a section of the page."""
    part = re.search(rf'<section aria-labelledby="{section}">.*?</section>', page, re.DOTALL)[0]
    tables = re.findall(r"<table\b.*?</table>", part, re.DOTALL)
    return [cells(row) for row in re.findall(r"<tr\b.*?</tr>", tables[place], re.DOTALL)]


def whole(text):
    return int(text.replace(",", ""))


def test_the_plan_of_the_year_is_the_one_of_the_brief(client):
    row = next(row for row in table(client.get("/planning").text, "t-plans") if row[0] == "2022")
    assert row[:3] == ["2022", "2022年11月30日", "27"]
    assert row[5] == "107.0"
    assert re.fullmatch(r"[\d.]+% \d+ / 27", row[6])
    english = next(row for row in table(client.get("/planning?lang=en").text, "t-plans") if row[0] == "2022")
    assert (english[1], english[5]) == ("30 Nov 2022", "1.07")


def test_the_targets_carry_numerator_denominator_and_basis(client, told):
    page = client.get("/planning").text
    rows = table(page, "t-targets")[1:]
    assert [row[1] for row in rows] == ["80.0%", "100.0%"]
    for row, target in zip(rows, told.targets, strict=True):
        part, all_of_them = target.done.numerator, target.done.denominator
        assert row[3] == f"{100 * part / all_of_them:.1f}% {part} / {all_of_them}"
        assert whole(row[2]) == target.needed
    assert "按小区个数" in page


def test_the_street_offices_add_up_to_the_total(client, told):
    rows = table(client.get("/planning").text, "t-streets")[1:]
    assert len(rows) == len(told.streets) + 1
    for column in (1, 2, 3, 5, 7, 8, 10, 11):
        numbers = [whole(row[column].replace("! ", "")) for row in rows]
        assert sum(numbers[:-1]) == numbers[-1]
    assert rows[-1][0] == "合计"


@pytest.mark.parametrize("measure", range(4))
def test_the_stages_add_up_in_every_measure(client, measure):
    rows = table(client.get("/planning").text, "t-stages", measure)[1:]
    for row in rows:
        numbers = [float(cell.replace(",", "")) for cell in row[1:]]
        assert len(numbers) == len(STAGES) + 1
        assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.41 if measure == 3 else 0)


def test_coverage_is_told_by_street_with_households_as_its_basis(client, served):
    rows = table(client.get("/planning").text, "t-reach")
    assert len(rows[0]) == len(served) + 1
    total = next(row for row in rows if row[0] == "合计")
    for cell, kind in zip(total[1:], served, strict=True):
        assert cell.endswith(f"/ {kind.total.households.denominator:,.0f}")


def links(page):
    return {unescape(link) for link in re.findall(r'href="(/\?[^"]+)"', page)}


def test_what_is_counted_is_shown_on_the_map_by_a_click(client, served):
    page = client.get("/planning").text
    found = links(page)
    assert {"/?without_sites=1", "/?street_office=none", "/?border=1"} <= found
    assert "/?plan_year=none&built_before=2000" in found
    uncovered = [link for link in found if link.startswith("/?uncovered=")]
    assert len(uncovered) == len(served)
    for link in sorted(found - {link for link in found if "compound=" in link}):
        assert client.get(link).status_code == 200, link


def test_the_map_shows_as_many_as_the_table_counted(client, told, served):
    for kind in served:
        answer = client.get("/map/compounds.geojson", query_string={"uncovered": kind.kind})
        assert answer.get_json(force=True)["numberMatched"] == left(kind)
    answer = client.get("/map/compounds.geojson?plan_year=none&built_before=2000").get_json(force=True)
    assert answer["numberMatched"] == len(told.no_plan)
    answer = client.get("/map/compounds.geojson?border=1").get_json(force=True)
    assert answer["numberMatched"] == len(told.crossing)
    answer = client.get("/map/compounds.geojson?street_office=none").get_json(force=True)
    assert {f["id"] for f in answer["features"]} == {site.code for site in told.without_street}


def test_another_day_gives_other_numbers_and_its_links_keep_it(client):
    page = client.get("/planning?on=2019-01-01").text
    assert "2019年1月1日" in page
    assert table(page, "t-targets")[1][3].startswith("0.0%")
    assert all("on=2019-01-01" in link for link in links(page) if "lang=" not in link)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("2022-06-30", ("with the plans in time", "plans are enough", "plans are enough")),
        ("2023-12-31", ("the day has passed", "plans are enough", "plans are enough")),
        ("2024-01-01", ("the day has passed", "the day has passed", "plans are enough")),
        ("2026-01-01", ("the day has passed", "the day has passed", "reached")),
    ],
)
def test_plans_are_enough_only_while_they_can_still_be_done(make_app, sample_store, on, said):
    client = make_app(sample_store).test_client()
    asked = ((date(2023, 12, 30), 0.9), (date(2023, 12, 31), 0.7), (date(2025, 12, 31), 0.5))
    timetable = progress.Timetable((), tuple(progress.Target(*target) for target in asked))
    progress.set_timetable(sample_store, OPERATOR, timetable)
    targets = programme.planning(sample_store, OPERATOR, date.fromisoformat(on)).targets
    page = client.get(f"/planning?lang=en&on={on}").text
    figures = re.findall(r'<div class="figure ([^"]*)"><small>Target .*?</div>', page, re.DOTALL)
    texts = re.findall(r"<small>Target .*?<span>(.*?)</span>", page, re.DOTALL)
    for target, look, text, words in zip(targets, figures, texts, said, strict=True):
        assert words in text
        assert (look == "alarm") == bool(target.short)
        assert (f"{target.short} short" in text) == bool(target.short)


def test_a_day_that_does_not_exist_is_refused(client):
    assert client.get("/planning?on=2022-02-30").status_code == 400
    assert client.get("/planning?day=2022-02-28").status_code == 400


@pytest.mark.parametrize(
    "query", ["plan_year=2022", "part=rail", "at=117,36,12", "on=2022-06-30&on=2022-07-01"]
)
def test_what_the_page_does_not_know_is_refused(client, query):
    assert client.get("/planning?" + query).status_code == 400


def cards(page):
    """Return the texts of the cards the page begins with."""
    return re.findall(r'<div class="figure[^"]*">(.*?)</div>', page, re.DOTALL)


@pytest.mark.parametrize(("year", "shown", "count"), [(2022, 2022, 27), (2027, 2024, 18), (2018, 2019, 40)])
def test_a_year_without_a_plan_shows_the_plan_nearest_before_it(client, year, shown, count):
    card = cards(client.get(f"/planning?on={year}-03-01&lang=en").text)[0]
    assert f"Plan of {shown}" in card and f"{count} compounds" in card
    assert (f"there is none of {year}" in card) == (year != shown)


def test_without_any_plan_the_page_says_the_first_step(make_app, store, tmp_path):
    desk = Desk(store, tmp_path)
    desk.load("street_offices", OFFICES)
    desk.load("compounds", [feature(square(117.001, 36.604, 117.002, 36.605), code="K01")])
    page = make_app(store).test_client().get("/planning?lang=en").text
    assert len(cards(page)) == 1
    assert "flask plan FILE" in cards(page)[0]


def test_a_plan_of_which_nothing_is_known_says_so(make_app, store, tmp_path):
    fill(Desk(store, tmp_path))
    page = make_app(store).test_client().get("/planning?on=2023-06-30&lang=en").text
    assert "floor area unknown" in cards(page)[0]
    row = next(row for row in table(page, "t-plans") if row[0] == "2023")
    assert row[2:6] == ["1", "unknown", "unknown", "unknown"]
    total = next(row for row in table(page, "t-streets") if row[0] == "Total")
    assert total[1:7] == ["10", "26", "1,460", "0.14", "1", "unknown"]


def test_plan_coverage_adds_up_by_street_and_by_part(client):
    rows = table(client.get("/planning?lang=en").text, "t-cover")
    assert rows[0] == ["Street office", "Done", "Under way", "Planned", "Not planned", "Total", "Done"]
    for row in rows[1:]:
        numbers = [whole(cell) for cell in row[1:6]]
        assert sum(numbers[:4]) == numbers[4]
    for column in range(1, 6):
        numbers = [whole(row[column]) for row in rows[1:]]
        assert sum(numbers[:-1]) == numbers[-1]
    assert rows[-1][5:] == ["240", "55.8% 134 / 240"]


def test_the_targets_tell_when_they_are_reached_at_the_present_pace(client):
    page = client.get("/planning?lang=en").text
    # 49 became done in twelve months; 58 and 106 are left: 58 · 365 / 49 and 106 · 365 / 49 days.
    rows = table(page, "t-targets")[1:]
    assert [row[7:] for row in rows] == [["4.1", "6 Sep 2023", "3.2"], ["4.1", "28 Aug 2024", "2.5"]]
    assert "49 compounds became done from 30 Jun 2021 to 30 Jun 2022" in page
    early = table(client.get("/planning?lang=en&on=2018-01-01").text, "t-targets")[1:]
    assert [row[8] for row in early] == ["! never", "! never"]


def test_every_street_office_has_its_forecast_by_every_measure(client):
    page = client.get("/planning?lang=en").text
    head, second, *rows = table(page, "t-pace")
    assert head == ["Street office", "Done", "Done a month", "80.0% by 31 Dec 2023", "100.0% by 31 Dec 2025"]
    assert second == ["Left to do", "Reached at this pace", "Needed a month"] * 2
    # The district by number says what the targets' own table says.
    assert rows[-1] == [
        *("Total", "55.8% 134 / 240", "4.08"),
        *("58", "6 Sep 2023", "3.22"),
        *("106", "28 Aug 2024", "2.52"),
    ]
    for place in range(4):
        rows = table(page, "t-pace", place)[2:]
        done = [float(row[1].split()[1].replace(",", "")) for row in rows if len(row) == 9]
        assert sum(done[:-1]) == pytest.approx(done[-1], abs=0.1)
    assert page.count("The targets are set by number of compounds") == 3


def test_every_kind_leads_to_its_gaps_and_its_map(client, served):
    rows = table(client.get("/planning").text, "t-service")[1:]
    assert len(rows) == len(served)
    for kind in served:
        answer = client.get("/planning/coverage", query_string={"kind": kind.kind})
        assert answer.status_code == 200
        assert answer.text.count("<svg") >= 1
        listed = client.get("/planning/gaps.geojson", query_string={"kind": kind.kind})
        collection = listed.get_json(force=True)
        assert collection["numberMatched"] == left(kind) == len(collection["features"])
        households = [f["properties"]["households_unserved"] or 0 for f in collection["features"]]
        assert households == sorted(households, reverse=True)
        unserved = kind.total.households.denominator - kind.total.households.numerator
        assert sum(households) == pytest.approx(unserved, abs=1e-3)


def test_gaps_are_not_told_again_to_who_knows_them(client):
    first = client.get("/planning/gaps.geojson?kind=小学")
    again = client.get("/planning/gaps.geojson?kind=小学", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_before_a_kind_is_chosen_there_is_the_choice_of_all(client, served):
    page = client.get("/planning/coverage?on=2022-06-30&lang=en").text
    assert "<h1>Service coverage" in page and 'aria-current="page">Primary' not in page
    tabs = re.search(r'<nav class="tabs".*?</nav>', page, re.DOTALL)[0]
    found = [unescape(link) for link in re.findall(r'href="([^"]+)"', tabs)]
    assert len(found) == len(served) > 3
    assert [row[0] for row in table(page, "t-service")[1:]] == [
        cells(f"<td>{t}</td>")[0] for t in re.findall(r">([^<>]+)</a>", tabs)
    ]
    for link in found:
        assert "on=2022-06-30" in link and client.get(link).status_code == 200
    assert client.get("/planning/coverage?kind=").status_code == 200


def test_without_any_facility_the_choice_says_what_to_load(make_app, store, tmp_path):
    desk = Desk(store, tmp_path)
    client = make_app(store).test_client()
    assert "flask load street_offices FILE" in client.get("/planning/coverage").text
    desk.load("street_offices", OFFICES)
    page = client.get("/planning/coverage?lang=en").text
    assert "flask load facilities FILE" in page and "Choose a kind" not in page


@pytest.mark.parametrize("path", ["/planning/coverage", "/planning/gaps.geojson"])
def test_a_kind_that_serves_nobody_is_said(client, path):
    assert client.get("/planning/gaps.geojson").status_code == 400
    assert client.get(f"{path}?kind=小学&plan_year=2022").status_code == 400
    assert client.get(f"{path}?kind=机场").status_code == 404
    hostile = client.get(path, query_string={"kind": "<img onerror=x>"})
    assert hostile.status_code == 404
    assert hostile.mimetype != "text/html" or "<img" not in hostile.text


def test_the_needy_are_ranked_with_their_reasons_and_lead_to_the_map(client):
    page = client.get("/planning?lang=en").text
    rows = table(page, "t-needs")[1:]
    assert [row[0] for row in rows] == [str(n) for n in range(1, 51)]
    points = [float(row[3]) for row in rows]
    assert points == sorted(points, reverse=True)
    # The map, and the file, show exactly these.
    (address,) = {link for link in links(page) if "outside_plan" in link}
    filters = address.removeprefix("/?")
    assert client.get(address).status_code == 200
    shown = client.get(f"/map/compounds.geojson?{filters}").get_json(force=True)
    assert f"{shown['numberMatched']} compounds</span></h2>" in page
    exported = client.get(f"/export/compounds.geojson?{filters}").get_json(force=True)
    assert exported["numberMatched"] == shown["numberMatched"] == 76
    assert f"/export/compounds.geojson?{filters.replace('&', '&amp;')}" in page
    assert "Only published structures are counted here." in page


def test_the_ranked_list_is_a_file_of_all_of_them(client, sample_app, sample_shared):
    page = client.get("/planning?lang=en&on=2022-06-30").text
    (address,) = re.findall(r'href="(/planning/outside_plan\.csv[^"]*)"', page)
    answer = client.get(unescape(address))
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    assert 'filename="outside-plan-2022-2022-06-30.csv"' in answer.headers["Content-Disposition"]
    heading, *rows = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    found = needs.needs(sample_shared, VISITOR, date(2022, 6, 30)).listed
    assert len(rows) == len(found) == 76
    for rank, (row, one) in enumerate(zip(rows, found, strict=True), 1):
        told = dict(zip(heading, row, strict=True))
        assert row[:4] == [str(rank), one.code, one.name, one.street_office_name or ""]
        assert float(told["Points"]) == one.score
        assert sum(float(told[name]) for name in heading if name.startswith("Points: ")) == pytest.approx(
            one.score
        )
        assert (int(told["Age (years)"]), int(told["Structures standing"])) == (one.age, one.structures)
    shown = table(page, "t-needs")[1:]
    assert [row[2] for row in rows[:50]] == [row[1] for row in shown]
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    zh = client.get("/planning/outside_plan.csv?lang=zh")
    assert zh.data.decode("utf-8-sig").startswith("名次,") and zh.headers["ETag"] != answer.headers["ETag"]
    # Who sees more structures is told another list.
    bureau = sample_app("bureau").test_client().get(address)
    assert bureau.headers["ETag"] != answer.headers["ETag"] and bureau.data != answer.data
    assert client.get("/planning/outside_plan.csv?plan_year=2022").status_code == 400


def test_hostile_names_are_text_on_every_list(make_app, store, tmp_path):
    fill(Desk(store, tmp_path))
    desk, name = Desk(store, tmp_path), "<img src=x onerror=alert(1)>${1}</script>"
    desk.load(
        "compounds",
        [
            feature(square(117.017, 36.604, 117.018, 36.605), code="K06", name=name, built_year=1970),
            feature(square(117.0175, 36.604, 117.0185, 36.605), code="K66", name=name, built_year=1970),
        ],
    )
    client = make_app(store).test_client()
    for path in ("/planning", "/planning/coverage?kind=school"):
        page = client.get(path).text
        assert "<img" not in page and "${1}</script>" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
