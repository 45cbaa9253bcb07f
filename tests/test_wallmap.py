"""The wall's sheets as they are asked for, and as a reader of PDF finds them."""

import re
from datetime import date

import pdfreading
import pytest
import small_district
from desk import Desk, feature, square

from layers import open_store, progress
from layers.people import OPERATOR
from webmap.sheetlayout import SIZES

POINT = 72 / 25.4


@pytest.fixture(scope="module")
def sample(sample_file, tmp_path_factory):
    """An application on the sample district, which nothing writes to."""
    from app import create_app

    made = create_app({"STORE": f"sqlite:///{sample_file}", "DATA": tmp_path_factory.mktemp("data")})
    yield made.test_client(use_cookies=False)
    made.extensions["guatu"].close()


@pytest.fixture(scope="module")
def district_pdf(sample):
    return sample.get("/wallmap/district.pdf").data


@pytest.fixture
def small(tmp_path, make_app):
    """A store of this test's own with the small district."""
    store = open_store(f"sqlite:///{tmp_path / 'small.db'}")
    desk = Desk(store, tmp_path)
    small_district.fill(desk)
    yield desk
    store.close()


def one_line(text):
    return re.sub(r"\s", "", text)


def test_the_sheet_of_the_sample_says_what_the_brief_says(district_pdf, sample, poppler):
    said = one_line(pdfreading.text(district_pdf))
    for text in (
        "27个小区",
        "107.0万㎡",
        "14,172户",
        "2022年11月30日前全部完成",
        "1/27",
        "截至2022年6月30日",
    ):
        assert text in said, text
    english = " ".join(pdfreading.text(sample.get("/wallmap/district.pdf?lang=en").data).split())
    for text in ("27 compounds", "1.07 million m²", "all to be done by 30 Nov 2022", "As of 30 Jun 2022"):
        assert text in english, text


def test_every_compound_of_the_plan_is_in_the_matrix_with_the_dates_of_its_stages(
    district_pdf, sample, poppler
):
    (page,) = pdfreading.pages(district_pdf)
    said = [word.text for word in page.words]
    features = sample.get("/export/compounds.geojson?plan_year=2022").json["features"]
    assert len(features) == 27
    for found in features:
        # In the matrix, and on the map where there is room for it.
        assert said.count(found["properties"]["name"]) in (1, 2), found["properties"]["name"]
    assert [text for text in said if re.fullmatch(r"\d+/27", text)] == [
        "21/27", "12/27", "12/27", "10/27", "1/27", "0/27", "0/27",
    ]  # fmt: skip
    assert "≤" in said and said.count("11/30") >= 26


@pytest.mark.parametrize("size", SIZES)
def test_a_sheet_is_of_its_size(sample, size, poppler):
    width, height = SIZES[size]
    for orientation, sides in (("portrait", (width, height)), ("landscape", (height, width))):
        pdf = sample.get(f"/wallmap/district.pdf?size={size}&orientation={orientation}").data
        for page in pdfreading.pages(pdf):
            assert (page.width, page.height) == pytest.approx([side * POINT for side in sides], abs=0.01)
            for word in page.words:
                assert word.left >= 0 and word.right <= page.width, word
                assert word.top >= -1 and word.bottom <= page.height + 1, word


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
def test_the_title_of_a0_is_read_from_three_metres(sample, lang, orientation, poppler):
    pdf = sample.get(f"/wallmap/district.pdf?orientation={orientation}&lang={lang}").data
    (page,) = pdfreading.pages(pdf)
    (title,) = (word for word in page.words if "renovation" in word.text or "挂图作战" in word.text)
    # The box of a word is as high as its letters' size.
    assert title.bottom - title.top >= 60


def test_only_our_typeface_is_in_it_and_its_vectors_are_small(district_pdf, poppler):
    assert set(pdfreading.fonts(district_pdf)) == {("NotoSansSC-Regular", True), ("NotoSansSC-Bold", True)}
    assert len(pdfreading.run("pdfimages", "-list", "-", pdf=district_pdf).splitlines()) == 2  # the heading
    assert len(district_pdf) < 1_000_000


def test_the_same_state_gives_the_same_bytes(district_pdf, sample, sample_store, make_app):
    assert sample.get("/wallmap/district.pdf").data == district_pdf
    again = make_app(sample_store).test_client()
    assert again.get("/wallmap/district.pdf").data == district_pdf
    assert again.get("/wallmap/atlas.pdf").data == sample.get("/wallmap/atlas.pdf").data


def test_an_atlas_has_a_page_a_street_office_and_one_for_compounds_without(sample, poppler):
    pages = pdfreading.pages(sample.get("/wallmap/atlas.pdf").data)
    assert len(pages) == 16
    said = [one_line("".join(word.text for word in page.words)) for page in pages]
    assert "北屏街道" in said[0] and "第1张，共16张" in said[0]
    assert "槐里街道" in said[8] and "37个小区" in said[8]
    assert "无小区" in said[9]
    names = {f["properties"]["name"] for f in sample.get("/export/compounds.geojson").json["features"]}
    assert [name for name in names if one_line(name) not in "".join(said)] == []


def test_the_sheet_of_a_compound_tells_its_facts_steps_and_structures(sample, poppler):
    said = one_line(pdfreading.text(sample.get("/wallmap/compounds/XQ0015.pdf").data))
    for text in ("松涛花园", "XQ0015", "望湖路38号", "51,060㎡", "4/15=26.7%", "265/467=56.7%", "调查摸底"):
        assert text in said, text
    assert said.count("WJ") == 15


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("district.pdf?size=A5", 400),
        ("district.pdf?orientation=upright", 400),
        ("district.pdf?on=2022-02-30", 400),
        ("district.pdf?stage=design", 400),
        ("district.pdf?size=A3&size=A4", 400),
        ("atlas.pdf?size=", 200),
        ("compounds/XQ9999.pdf", 404),
        ("street.pdf", 404),
    ],
)
def test_arguments_are_taken_strictly(sample, address, status):
    assert sample.get(f"/wallmap/{address}").status_code == status


def test_a_sheet_is_kept_until_something_changes(sample):
    first = sample.get("/wallmap/compounds/XQ0015.pdf")
    assert first.headers["Content-Disposition"] == 'attachment; filename="guatu-compound-2022-06-30-A4.pdf"'
    again = sample.get("/wallmap/compounds/XQ0015.pdf", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    english = sample.get(
        "/wallmap/compounds/XQ0015.pdf?lang=en", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert english.status_code == 200


def test_a_visitor_sees_no_unpublished_structure(small, make_app, poppler):
    public, bureau = make_app(small.store), make_app(small.store, LOCAL_ROLE="bureau")
    asked = {"SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
    said = [
        pdfreading.text(app.test_client().get("/wallmap/compounds/K03.pdf", environ_base=asked).data)
        for app in (public, bureau)
    ]
    assert ["S03" in text for text in said] == [False, True]
    assert ["S05" in text for text in said] == [True, True]
    assert "2 / 3" in said[0] and "2 / 5" in said[1]


def test_names_are_text_and_what_cannot_be_printed_is_said(tmp_path, make_app, poppler):
    desk = Desk(open_store(f"sqlite:///{tmp_path / 'hostile.db'}"), tmp_path)
    desk.load("street_offices", [feature(square(117, 36, 117.1, 36.1), code="A", name="$x$ #panic()")])
    names = ['#read("/etc/passwd")', "幸福里😀", "\\*a* _b_ @c <d>", "名" * 300]
    desk.load(
        "compounds",
        [
            feature(
                square(117.01 + n / 100, 36.02, 117.015 + n / 100, 36.025),
                code=f"H{n}",
                name=name,
                plan_year=2022,
            )
            for n, name in enumerate(names)
        ],
    )
    progress.describe(desk.store, OPERATOR, name_zh="[区] #x", reference_date=date(2022, 6, 30))
    client = make_app(desk.store).test_client()
    for address in ("district.pdf", "atlas.pdf", "compounds/H1.pdf"):
        said = one_line(pdfreading.text(client.get(f"/wallmap/{address}").data))
        assert "[区]#x" in said and "幸福里〓" in said
        assert "H1的名称里的〓代表字库没有的字U+1F600。" in said
    said = one_line(pdfreading.text(client.get("/wallmap/district.pdf").data))
    assert '#read("/etc/passwd")' in said and "\\*a*_b_@c<d>" in said and "$x$#panic()" in said
    desk.store.close()


def test_where_nothing_is_on_record_the_page_says_what_to_do(store, make_app):
    client = make_app(store).test_client()
    assert "flask load street_offices" in client.get("/wallmap").text
    assert client.get("/wallmap/district.pdf").status_code == 404


def test_the_page_offers_every_sheet(sample):
    said = sample.get("/wallmap").text
    assert said.count('<option value="A') == 10
    assert said.count("/wallmap/compounds/XQ") == 27
    assert "共 16 页" in said and "最后一页为无街道办事处负责的小区" in said
    assert 'action="/wallmap/district.pdf"' in said and 'action="/wallmap/atlas.pdf"' in said
    assert sample.get("/wallmap?size=A0").status_code == 400


def test_a_district_without_a_plan_has_its_map(tmp_path, make_app, poppler):
    desk = Desk(open_store(f"sqlite:///{tmp_path / 'bare.db'}"), tmp_path)
    desk.load("street_offices", small_district.OFFICES)
    client = make_app(desk.store).test_client()
    (page,) = pdfreading.pages(client.get("/wallmap/district.pdf?on=2022-06-30").data)
    said = "".join(word.text for word in page.words)
    assert "尚无计划" in said and "A街道" in said
    assert "还没有小区列入计划" in client.get("/wallmap").text
    desk.store.close()


def test_a_sheet_is_for_internal_use_until_its_map_is_approved(sample_store, make_app, poppler):
    client = make_app(sample_store).test_client()
    first = client.get("/wallmap/district.pdf")
    assert "内部使用" in pdfreading.text(first.data)
    runner = make_app(sample_store, CLI_LANGUAGE="en").test_cli_runner()
    assert runner.invoke(args=["describe", "--approval", "示S(2022)001号"]).exit_code == 0
    # The former answer is not used again.
    second = client.get("/wallmap/district.pdf", headers={"If-None-Match": first.headers["ETag"]})
    said = one_line(pdfreading.text(second.data))
    assert "审图号：示S(2022)001号" in said and "内部使用" not in said


@pytest.fixture
def run(sample_store, make_app):
    """Run ``flask wallmap`` in English."""
    runner = make_app(sample_store, CLI_LANGUAGE="en").test_cli_runner()
    return lambda *arguments: runner.invoke(args=["wallmap", *map(str, arguments)])


def test_the_command_writes_what_the_page_gives(run, tmp_path, sample, district_pdf):
    file = tmp_path / "wall.pdf"
    told = run(file, "--lang", "zh")
    assert told.output == f"wall.pdf: {len(district_pdf)} bytes\n"
    assert file.read_bytes() == district_pdf
    run(file, "--size", "A2", "--orientation", "portrait", "--on", "2022-12-01")
    asked = "size=A2&orientation=portrait&on=2022-12-01&lang=en"
    assert file.read_bytes() == sample.get(f"/wallmap/district.pdf?{asked}").data
    run(file, "XQ0015", "--sheet", "compound", "--lang", "en")
    assert file.read_bytes().startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("wall.png",), "wall.png: a sheet is PDF; name it .pdf."),
        (("wall.pdf", "XQ0015"), "A code is given with --sheet compound, and only with it."),
        (("wall.pdf", "--sheet", "compound"), "A code is given with --sheet compound, and only with it."),
        (("wall.pdf", "X", "--sheet", "compound"), "No compound has the code X."),
        (("wall.pdf", "--size", "A5"), "'--size' is not what it must be"),
    ],
)
def test_the_command_says_what_is_wrong(run, tmp_path, arguments, said):
    told = run(tmp_path / arguments[0], *arguments[1:])
    assert told.exit_code == 1
    assert said in told.stderr
    assert list(tmp_path.glob("*.pdf")) == []
