import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest
from small_district import SUMMER, WINTER

from layers import courses
from layers.people import OPERATOR

NAMES = ("course", "stages", "streets", "batches")


@pytest.fixture
def client(make_app, small):
    return make_app(small, LOCAL_ROLE="bureau").test_client()


def test_the_course_of_the_small_district(small):
    # Five compounds with seven stages. The plan of 2022 wants every survey by 31 March and every
    # construction by 31 October, K03's by its own day, 30 September; nothing is said of the rest.
    found = courses.course(small, OPERATOR, SUMMER)
    assert (found.whole, found.undated) == (35, 25)
    planned, actual = (
        dict(zip(found.days, found.planned, strict=True)),
        dict(zip(found.days, found.actual, strict=True)),
    )
    assert [planned[date(2022, m, d)] for m, d in ((2, 28), (3, 31), (8, 31), (9, 30), (10, 31))] == [
        0,
        5,
        5,
        6,
        10,
    ]
    # K03's survey was finished on 30 March, K04's on the 20th.
    assert [actual[date(2022, m, d)] for m, d in ((2, 28), (3, 31), (6, 30), (7, 31))] == [0, 2, 2, None]
    assert found.today == (5, 2)
    winter = courses.course(small, OPERATOR, WINTER)
    assert (winter.today, WINTER in winter.days) == ((10, 3), True)


def test_the_titles_say_the_findings(client):
    page = client.get("/charts?on=2022-06-30&lang=en").text
    titles = re.findall(r"<figcaption><h2>(.*?)</h2>", page)
    assert titles == [
        "2 of 5 stages due by 30 Jun 2022 are finished: 3 behind the plan",
        "1 of 5 compounds have come as far as construction; most stand at: Not begun (1)",
        "1 of 5 compounds are late; most: without a street office (1)",
        "4 of 12 structures are cleared (33.3%); most still standing: without a batch (8)",
    ]
    chinese = client.get("/charts?on=2022-06-30&lang=zh").text
    assert "截至2022年6月30日应完成 5 个阶段，实际完成 2 个，落后 3 个" in chinese


def test_every_chart_has_a_table_a_source_and_a_drawing_for_each_window(client):
    page = client.get("/charts?on=2022-06-30").text
    figures = re.findall(r'<figure class="drawn" id="(\w+)">(.*?)</figure>', page, re.DOTALL)
    assert [name for name, _ in figures] == list(NAMES)
    for name, figure in figures:
        assert figure.count("<svg ") == 2 and "<details>" in figure and "<table>" in figure
        assert re.search(r"修订号 \d+", figure) and f"/charts/{name}.svg?on=2022-06-30" in figure
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_chart_is_a_picture_of_its_own(client):
    for name in NAMES:
        answer = client.get(f"/charts/{name}.svg?on=2022-06-30")
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
        assert ET.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"
        assert client.get(f"/charts/{name}.svg?on=2022-06-30").data == answer.data
    assert client.get("/charts/pie.svg").status_code == 404
    assert client.get("/charts?period=year").status_code == 400


def test_the_charts_show_a_visitor_published_cases_only(make_app, small):
    page = make_app(small).test_client().get("/charts?on=2022-06-30").text
    assert "8 处违建已清除 4 处" in page and "仅统计已公开的案件" in page


def test_a_day_without_a_plan_and_an_empty_store(client, make_app, store):
    page = client.get("/charts?on=2030-06-30").text
    assert "2030年计划中没有小区" in page
    assert "flask" in make_app(store).test_client().get("/charts").text
