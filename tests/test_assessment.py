import csv
import io

import openpyxl
import pdfreading
import pytest


@pytest.fixture
def client(make_app, sample_store):
    return make_app(sample_store, LOCAL_ROLE="bureau").test_client()


def test_the_page_ranks_and_says_what_is_missing(client):
    page = client.get("/assessment").text
    assert "暂定：考核办法中有 3 项尚未填报" in page
    assert "95 ≤ 总分 ≤ 100" in page and "85 ≤ 总分 &lt; 95" in page
    assert "不参评" in page
    english = client.get("/assessment?lang=en").text
    assert "3 items of the score sheet are not reported yet" in english
    assert "Since the period before" in english


def test_points_lead_to_the_rows_they_rest_on(client):
    page = client.get("/assessment").text
    address = page.split('href="/sheets/progress/rows?column=start_rate')[1].split('"')[0]
    assert (
        client.get(f"/sheets/progress/rows?column=start_rate{address.replace('&amp;', '&')}").status_code
        == 200
    )


def test_the_files_say_what_the_page_says(client, poppler):
    page = client.get("/assessment").text
    rows = list(csv.reader(io.StringIO(client.get("/assessment.csv").data.decode("utf-8-sig"))))
    first = rows[1]
    score = f"{float(first[13]):.2f}"
    assert (first[2], first[1] in page, score in page) == ("1", True, True)
    workbook = openpyxl.load_workbook(
        io.BytesIO(client.get("/assessment.xlsx").data), data_only=True
    ).worksheets[0]
    assert f"{workbook.cell(8, 13).value:.2f}" == score
    pdf = client.get("/assessment.pdf").data
    assert score in pdfreading.text(pdf)
    assert client.get("/assessment.pdf").data == pdf


def test_what_a_person_enters_is_not_reported_until_somebody_does(client, poppler):
    page, pdf = client.get("/assessment").text, client.get("/assessment.pdf").data
    rows = list(csv.reader(io.StringIO(client.get("/assessment.csv").data.decode("utf-8-sig"))))
    entered = [n for n, head in enumerate(rows[0]) if head.startswith(("工作机制", "质量安全", "居民满意度"))]
    assert len(entered) == 3
    assert {row[n] for row in rows[1:17] for n in entered} == {"未填报"}
    said = sum(cell == "未填报" for row in rows for cell in row)
    assert page.count('<span class="nil">未填报</span>') == said >= 3 * 16
    assert pdfreading.text(pdf).count("未填报") >= said


def test_what_is_not_there_is_an_error(client):
    assert client.get("/assessment?scores=monthly").status_code == 404
    assert client.get("/assessment?street_office=A").status_code == 400
    assert client.get("/assessment?period=week").status_code == 400


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "quarterly.toml, line 2: write a number from 0 to 100 for ranked_from, not 200."),
        ("zh", "quarterly.toml 第 2 行：ranked_from 应为 0 到 100 之间的数，而不是 200。"),
    ],
)
def test_a_score_sheet_of_the_city_that_is_wrong_is_told(client, tmp_path, caplog, language, said):
    folder = tmp_path / "data" / "scores"
    folder.mkdir(parents=True)
    path = folder / "quarterly.toml"
    path.write_text('title = "考核"\nranked_from = 200\n', encoding="utf-8")
    for end in ("", ".xlsx", "?scores=quarterly"):
        answer = client.get(f"/assessment{end}{'&' if '?' in end else '?'}lang={language}")
        assert answer.status_code == 503
        assert said in answer.text
    assert "quarterly.toml, line 2" in caplog.text and "Traceback" not in caplog.text
    # The statistics do not rest on it, and once it is mended it holds.
    assert client.get("/sheets").status_code == 200
    path.unlink()
    assert client.get("/assessment").status_code == 200


def test_an_empty_store_is_told_what_to_do_first(make_app, store):
    assert "flask" in make_app(store).test_client().get("/assessment").text
