import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geo.errors import FileError, RequestError
from webmap import assets


@pytest.fixture
def modules(tmp_path):
    """A node_modules folder that holds every named file, and one more."""
    for package in assets.PACKAGES:
        home = tmp_path / "node_modules" / package.name
        for name in (*(Path(package.folder, f) for f in package.files), package.licence, "src/other.js"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(str(name))
        version, _ = assets.locked_packages()[package.name]
        (home / "package.json").write_text(json.dumps({"version": version}))
    return tmp_path / "node_modules"


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_resource_is_among_the_copied_files():
    copied = {f"{package.name}/{name}" for package in assets.PACKAGES for name in package.files}
    assert set(assets.ASSETS.values()) <= copied


def test_an_unknown_resource_is_refused():
    with pytest.raises(RequestError, match="No browser file is kept for jquery"):
        assets.asset_path("jquery")


def test_copies_the_named_files_and_nothing_else(modules, tmp_path):
    vendor = tmp_path / "vendor"
    (vendor / "former").mkdir(parents=True)
    (vendor / "former" / "old.js").touch()
    written = assets.copy_assets(modules, vendor)
    expected = {f"{p.name}/{name}" for p in assets.PACKAGES for name in (*p.files, "LICENSE")}
    assert files_below(vendor) == expected
    assert {path.relative_to(vendor).as_posix() for path in written} == expected
    assert (vendor / "leaflet" / "leaflet.js").read_text() == "dist/leaflet.js"


def test_a_missing_file_leaves_the_former_copy(modules, tmp_path):
    vendor = tmp_path / "vendor"
    assets.copy_assets(modules, vendor)
    before = files_below(vendor)
    (modules / "leaflet" / "dist" / "leaflet.css").unlink()
    with pytest.raises(FileError, match=r"leaflet\.css is missing"):
        assets.copy_assets(modules, vendor)
    assert files_below(vendor) == before


def test_another_version_than_the_locked_one_is_refused(modules, tmp_path):
    (modules / "leaflet" / "package.json").write_text('{"version": "1.9.3"}')
    with pytest.raises(FileError, match=r"of version 1\.9\.3, but package-lock\.json names 1\.9\.4"):
        assets.copy_assets(modules, tmp_path / "vendor")


def test_the_packages_taken_are_the_packages_locked():
    wanted = json.loads((assets.CHECKOUT / "package.json").read_text())["dependencies"]
    locked = assets.locked_packages()
    assert {package.name for package in assets.PACKAGES if package.files} == set(wanted)
    assert {name: locked[name][0] for name in wanted} == wanted


def test_what_lies_inside_another_package_brings_its_licence():
    inside = {package.name for package in assets.PACKAGES if not package.files}
    lock = json.loads((assets.CHECKOUT / "package-lock.json").read_text())["packages"]
    needed = lock["node_modules/protomaps-leaflet"]["dependencies"]
    # Types leave nothing in a script; the other two are of the same house and licence as the package itself.
    outside = {name for name in needed if name.startswith("@types/")} | {"@protomaps/basemaps", "pmtiles"}
    assert set(needed) - outside <= inside


def test_set_up_has_put_the_files_in_place():
    assert all((assets.VENDOR / path).stat().st_size for path in assets.ASSETS.values())


def test_notice_names_what_is_locked_and_pinned():
    committed = (assets.CHECKOUT / "NOTICE").read_text(encoding="utf-8")
    assert committed == assets.notice(), "run .venv/bin/python -m webmap.assets --notice"
    for name, (version, licence) in assets.locked_packages().items():
        assert f"\n{name} {version} - {licence}\n" in committed


def test_each_pin_of_requirements_in_is_in_requirements_txt():
    asked = re.findall(r"^([\w.-]+)==(\S+)", (assets.CHECKOUT / "requirements.in").read_text(), re.MULTILINE)
    assert len(asked) > 5
    assert dict(asked).items() <= assets.pinned_packages().items()


@pytest.mark.parametrize(
    "name", ["package-lock.json", *(f"requirements{k}.txt" for k in ("", "-test", "-node"))]
)
def test_pins_carry_hashes_and_no_address(name):
    text = (assets.CHECKOUT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text and "find-links" not in text
    if name.endswith(".json"):
        entries = [entry for path, entry in json.loads(text)["packages"].items() if path]
        assert entries and all(entry["integrity"].startswith("sha512-") for entry in entries)
    else:
        pins = re.split(r"\n(?=\S)", text.strip())
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)


@pytest.fixture
def bare_checkout(tmp_path):
    """A checkout in which nothing has been fetched yet."""
    for name in ("geo/__init__.py", "geo/errors.py", "webmap/assets.py", "package-lock.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(assets.CHECKOUT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 1, "leaflet/package.json is missing; run npm ci.\n"),
        (["--copy"], 2, "usage: python -m webmap.assets [--notice]\n"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(bare_checkout, arguments, status, said):
    command = [sys.executable, "-P", "webmap/assets.py", *arguments]
    result = subprocess.run(
        command, cwd=bare_checkout, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=False
    )
    assert result.returncode == status
    assert result.stderr.endswith(said) and result.stderr.count("\n") == 1
