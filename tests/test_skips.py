import pytest
import skips

SUITE = """
    import pytest
    def test_free(): pass
    def test_page(chromium_path): pass
    def test_sheet(poppler): pass
    @pytest.fixture(params=["embedded", pytest.param("postgis", marks=pytest.mark.postgis)])
    def kind(request): return request.param
    def test_store(kind): assert kind == "embedded"
    @pytest.mark.shared
    def test_real(): assert False, "ran without its data"
"""


@pytest.fixture
def bare(pytester, monkeypatch, tmp_path):
    """A suite on a machine with neither Chromium, PostGIS, poppler nor the shared data."""
    monkeypatch.setattr(skips, "SHARED", tmp_path / "absent")
    monkeypatch.setattr(skips, "find_chromium", lambda: None)
    monkeypatch.setattr(skips, "find_programs", lambda: None)
    monkeypatch.setattr(skips, "find_poppler", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(SUITE)
    return pytester


def test_skipped_groups_are_named_with_their_remedy(bare):
    result = bare.runpytest_inprocess("-p", "skips")
    result.assert_outcomes(passed=2, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED 1: [[]browser[]] needs Chromium; to run: apt-get install chromium*",
            "SKIPPED 1: [[]poppler[]] needs the PDF readers of poppler; to run: apt-get install *",
            "SKIPPED 1: [[]postgis[]] needs PostgreSQL 15 or newer with PostGIS; to run: apt-get install *",
            "SKIPPED 1: [[]shared[]] needs the data folder ../shared/data *; to run: ln -s *",
        ]
    )


def test_in_ci_only_the_shared_data_may_be_absent(bare, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = bare.runpytest_inprocess("-p", "skips")
    result.assert_outcomes(passed=2, errors=3, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_in_ci_any_other_skip_fails(pytester, monkeypatch):
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile("import pytest\ndef test_x(): pytest.skip('not today')")
    pytester.runpytest_inprocess("-p", "skips").assert_outcomes(failed=1)


def test_in_ci_a_skipped_file_fails(pytester, monkeypatch):
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_module')\ndef test_x(): pass")
    pytester.runpytest_inprocess("-p", "skips").assert_outcomes(errors=1)


def test_in_ci_an_expected_failure_stays_expected(pytester, monkeypatch):
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_x(): assert False")
    pytester.runpytest_inprocess("-p", "skips").assert_outcomes(xfailed=1)


def test_with_everything_there_nothing_is_skipped(pytester, monkeypatch, tmp_path):
    monkeypatch.setattr(skips, "SHARED", tmp_path)
    monkeypatch.setattr(skips, "find_chromium", lambda: "/chromium")
    monkeypatch.setattr(skips, "find_programs", lambda: tmp_path)
    monkeypatch.setattr(skips, "find_poppler", lambda: "/poppler")
    pytester.makepyfile(
        "def test_x(shared_data, chromium_path, poppler):\n"
        "    assert (chromium_path, poppler) == ('/chromium', '/poppler')"
    )
    result = pytester.runpytest_inprocess("-p", "skips")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("SKIPPED*")


def test_chromium_is_found_on_the_path(monkeypatch, tmp_path):
    program = tmp_path / "chromium-browser"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert skips.find_chromium() == str(program)
    program.unlink()
    assert skips.find_chromium() is None
