import re
from html import unescape

import pdfreading
import pytest

from layers.contents import PLANS
from layers.sheets import Failure, Sheet

#: What is said where a cell is a sum of the rows' values, or divides two such sums, not their number.
SUMMED = ("之和", "按金额", "按面积")
QUARTER = "period=quarter&on=2022-06-30"


@pytest.fixture
def client(make_app, small):
    return make_app(small, LOCAL_ROLE="bureau").test_client()


def cells(page):
    """Return (address, text) of every cell of a sheet's table that leads to its rows."""
    table = re.search(r'<table class="survey">.*?</table>', page, re.DOTALL)[0]
    found = re.findall(r'<td [^>]*><a href="([^"]+)"[^>]*>(.*?)</a>', table, re.DOTALL)
    return [(unescape(to), " ".join(re.sub(r"<[^>]+>", " ", text).split())) for to, text in found]


@pytest.mark.parametrize("name", PLANS)
def test_a_click_on_a_cell_lists_as_many_rows_as_it_says(client, name):
    found = cells(client.get(f"/sheets/{name}?{QUARTER}").text)
    assert len(found) > 30
    for address, text in found:
        answer = client.get(address)
        assert answer.status_code == 200
        count = int(re.search(r'class="traced" data-count="(\d+)"', answer.text)[1])
        assert count == answer.text.count('<tr><th scope="row">')
        if not any(word in answer.text for word in SUMMED):
            assert int(text.split("/")[-1].replace(",", "")) == count, (address, text)


def test_the_list_says_that_every_check_holds(client):
    page = client.get(f"/sheets?{QUARTER}").text
    assert page.count("项核对全部通过") == len(PLANS)
    assert "数据矛盾" not in page
    for name in PLANS:
        for form in ("xlsx", "csv", "pdf"):
            assert f"/sheets/{name}.{form}?period=quarter&amp;on=2022-06-30" in page


def test_files_are_sent_under_a_tag_and_repeat_to_the_byte(client):
    for form, kind in (("xlsx", "spreadsheetml"), ("csv", "text/csv"), ("pdf", "application/pdf")):
        first = client.get(f"/sheets/progress.{form}?{QUARTER}")
        assert (first.status_code, kind in first.mimetype) == (200, True)
        assert f"progress-quarter-2022-06-30.{form}" in first.headers["Content-Disposition"]
        again = client.get(f"/sheets/progress.{form}?{QUARTER}")
        assert again.data == first.data
        known = {"If-None-Match": first.headers["ETag"]}
        assert client.get(f"/sheets/progress.{form}?{QUARTER}", headers=known).status_code == 304
        english = client.get(f"/sheets/progress.{form}?{QUARTER}&lang=en")
        assert english.headers["ETag"] != first.headers["ETag"]
        client.delete_cookie("lang")


def test_the_pdf_says_what_the_page_says(client, poppler):
    for name in PLANS:
        pdf = client.get(f"/sheets/{name}.pdf?{QUARTER}").data
        assert pdfreading.facts(pdf)["CreationDate"].startswith("Thu Jun 30 00:00:00 2022")
        told = pdfreading.text(pdf)
        for _, text in cells(client.get(f"/sheets/{name}?{QUARTER}").text):
            assert text.split(" ")[0] in told


def test_what_is_not_reported_is_no_nought(client):
    page = client.get(f"/sheets/plan?{QUARTER}").text
    assert "未填报" in page
    assert "not reported" in client.get(f"/sheets/plan?{QUARTER}&lang=en").text


@pytest.fixture
def contradiction(monkeypatch):
    """Sheets whose total of works begun is one too many."""

    def failures(sheet):
        return (Failure("", "started", 1, 0),) if sheet.plan.name == "progress" else ()

    first = Sheet.checks.func

    def checks(sheet):
        found = first(sheet)
        return (*found[:-1], type(found[-1])("rows", 0, (), failures(sheet)))

    monkeypatch.setattr(Sheet, "checks", property(checks))


def test_a_contradiction_is_red_on_the_page_and_refused_as_a_file(client, contradiction):
    page = client.get(f"/sheets/progress?{QUARTER}").text
    assert 'role="alert"' in page and '<td class="wrong">! ' in page
    assert "第 5 栏“合计”行：表中为 1，应为 0。" in page
    assert "/sheets/progress.xlsx" not in page
    for form in ("xlsx", "csv", "pdf"):
        answer = client.get(f"/sheets/progress.{form}?{QUARTER}")
        assert (answer.status_code, "自相矛盾" in answer.text) == (409, True)
        assert client.get(f"/sheets/plan.{form}?{QUARTER}").status_code == 200
    assert "1 个单元格数据矛盾" in client.get(f"/sheets?{QUARTER}").text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/sheets/budget", 404),
        ("/sheets/budget.xlsx", 404),
        ("/sheets/plan.docx", 404),
        ("/sheets/plan?period=week", 400),
        ("/sheets/plan?stage=design", 400),
        ("/sheets/plan?on=2022-02-30", 400),
        ("/sheets/plan/rows?column=added", 404),
        ("/sheets/plan/rows?column=planned&row=Z", 404),
        ("/sheets?column=planned", 400),
    ],
)
def test_what_is_not_there_is_an_error(client, address, status):
    assert client.get(address).status_code == status


def test_a_visitor_is_not_told_of_unpublished_cases(make_app, small):
    visitor = make_app(small).test_client()
    page = visitor.get(f"/sheets/demolition?{QUARTER}").text
    assert "仅统计已公开的案件" in page
    listed = visitor.get(f"/sheets/demolition/rows?column=ledger&{QUARTER}").text
    assert 'data-count="8"' in listed
    assert not [code for code in ("S03", "S04", "S10", "S11") if code in listed]
    bureau = make_app(small, LOCAL_ROLE="bureau").test_client()
    tag = f"/sheets/demolition.csv?{QUARTER}"
    assert visitor.get(tag).headers["ETag"] != bureau.get(tag).headers["ETag"]


def test_an_empty_store_is_told_what_to_do_first(make_app, store):
    client = make_app(store).test_client()
    assert "flask" in client.get("/sheets").text
    assert client.get("/sheets/compounds").status_code == 200
    assert client.get("/sheets/batches.xlsx").status_code == 200


def test_the_command_writes_the_same_bytes(make_app, small, client, tmp_path):
    runner = make_app(small, CLI_LANGUAGE="zh").test_cli_runner()
    for form in ("xlsx", "csv", "pdf"):
        path = tmp_path / f"progress.{form}"
        found = runner.invoke(args=["sheet", "progress", str(path), "--on", "2022-06-30"])
        assert found.exit_code == 0, found.output
        assert path.read_bytes() == client.get(f"/sheets/progress.{form}?{QUARTER}").data
    wrong = runner.invoke(args=["sheet", "progress", str(tmp_path / "progress.doc")])
    assert (wrong.exit_code, ".xlsx" in wrong.output) == (1, True)
