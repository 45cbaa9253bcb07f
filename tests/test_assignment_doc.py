"""docs/assignment.md says what the program does: its figures, its defaults and its picture."""

from pathlib import Path

import pytest

from layers import cases
from layers.people import OPERATOR
from layers.ruling import NAMES, Rule

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def doc():
    return (DOCS / "assignment.md").read_text("utf-8")


def test_the_worked_example_is_what_the_sample_says(doc, sample_store):
    case = cases.one_case(sample_store, OPERATOR, "compounds", "XQ0013")
    assert case.name in doc and f"{sum(s.area_m2 for s in case.shares):,.0f} ㎡" in doc
    for share in case.shares:
        row = f"| {share.name} | {share.code} | {share.area_m2:,.0f} ㎡ | {share.share:.1%} |"
        assert row in doc
    assert (case.street_office_name, case.method) == ("柳泉街道", "largest_share")
    assert case.reasons == ("several_offices",)


def test_the_defaults_are_those_of_the_program(doc):
    for name in NAMES:
        assert f"| `--{name.replace('_', '-')}` | {getattr(Rule(), name):g} |" in doc


def test_the_picture_is_the_one_the_program_draws(make_app, sample_store, tmp_path):
    runner = make_app(sample_store, CLI_LANGUAGE="zh").test_cli_runner()
    done = runner.invoke(args=["draw", "XQ0013", str(tmp_path / "drawn.svg")])
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "drawn.svg").read_bytes() == (DOCS / "assignment.svg").read_bytes()
    refused = runner.invoke(args=["draw", "XQ0013", str(tmp_path / "drawn.png")])
    assert (refused.exit_code, (tmp_path / "drawn.png").exists()) == (1, False)
