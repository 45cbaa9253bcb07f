"""Pictures in files: a new process goes on from them, and never shows what the store does not hold."""

import shutil
import stat
from datetime import date
from pathlib import Path

import pytest
from desk import Desk, feature, square
from small_district import SUMMER, fill
from test_pictures import LAYERS, load, seen, told

from layers import open_store, picturefile, pictures, progress
from layers.people import OPERATOR, VISITOR, visible
from layers.querying import Query
from layers.store import Store

X, Y, Z = 422, 199, 9  # the tile all of it lies in


@pytest.fixture
def desk(tmp_path):
    """A desk at a store on a file, whose own day is the one that the tests look at."""
    store = open_store(f"sqlite:///{tmp_path / 'district.db'}")
    made = Desk(store, tmp_path)
    fill(made)
    progress.describe(store, OPERATOR, reference_date=SUMMER)
    yield made
    store.close()


def files(desk: Desk) -> list[Path]:
    return sorted(desk.folder.glob("*.picture"))


def forget():
    """Stand where a new process stands."""
    pictures._pictures.clear()
    pictures._in_file.clear()


def asked_of(layer: str) -> Query:
    return Query(layer=layer, on=SUMMER)


def tiles(desk: Desk) -> dict[tuple[str, str], bytes]:
    return {(a, p.role): seen(desk, a, p).tile(Z, X, Y) for a in LAYERS for p in (OPERATOR, VISITOR)}


def tiles_anew(desk: Desk) -> dict[tuple[str, str], bytes]:
    forget()
    for file in files(desk):
        file.unlink()
    return tiles(desk)


def wholly(asked: list[str]) -> list[str]:
    """Return the statements that read all of a layer."""
    return [text for text in asked if ".wkb" in text and "chosen" not in text]


def test_a_new_process_reads_no_layer_again(desk, asked):
    before = tiles(desk)
    named = [f"district.db.{layer}.every.picture" for layer in sorted(LAYERS)]
    named.append("district.db.illegal_structures.published.picture")
    assert [file.name for file in files(desk)] == sorted(named)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(desk)} == {0o600}
    assert wholly(asked)
    forget()
    asked.clear()
    assert tiles(desk) == before
    assert wholly(asked) == []


@pytest.mark.parametrize("layer", LAYERS)
def test_all_of_a_picture_comes_back(desk, layer):
    first = seen(desk, layer)
    forget()
    again = seen(desk, layer)
    assert again is not first and (again.moment, again.ordered) == (first.moment, first.ordered)
    for one, other in zip((*first.points, *first.shapes), (*again.points, *again.shapes), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape and (one == other).all()
    assert [(type(c), c.name) for c in again.told.columns] == [(type(c), c.name) for c in first.told.columns]
    assert again.codes.texts() == first.codes.texts()


def test_what_was_written_since_is_read_and_no_more(desk, asked):
    tiles(desk)
    load(desk, "S03", 117.0052, 36.6045, "ordered")
    load(desk, "S00", 117.0021, 36.6041, "found")
    desk.load("compounds", [feature(square(117.021, 36.604, 117.022, 36.605), code="K06", name="搬迁")])
    forget()
    asked.clear()
    found = tiles(desk)
    assert wholly(asked) == []
    assert told(desk, "illegal_structures")["S03"]["state"] == "ordered"
    assert found == tiles_anew(desk)


def test_the_file_of_what_visitors_see_holds_nothing_else(desk):
    load(desk, "SECRET", 117.0052, 36.6045, "found")
    seen(desk, "illegal_structures", VISITOR)
    (file,) = files(desk)
    assert b"S02" in file.read_bytes() and b"SECRET" not in file.read_bytes()


def test_a_state_that_was_put_back_has_no_picture_of_a_later_one(desk):
    before, copy = tiles(desk), desk.folder / "copy"
    desk.store.close()
    shutil.copyfile(desk.folder / "district.db", copy)
    desk.store = open_store(f"sqlite:///{desk.folder / 'district.db'}")
    load(desk, "S03", 117.0052, 36.6045, "ordered")
    tiles_anew(desk)
    desk.store.close()
    for file in desk.folder.glob("district.db-*"):
        file.unlink()
    shutil.copyfile(copy, desk.folder / "district.db")
    desk.store = open_store(f"sqlite:///{desk.folder / 'district.db'}")
    forget()
    assert tiles(desk) == before
    # The history goes on otherwise, and as far.
    load(desk, "S05", 117.0057, 36.6043, "closed")
    load(desk, "S06", 117.0058, 36.6044, "closed")
    forget()
    assert tiles(desk) == tiles_anew(desk)


@pytest.mark.parametrize("told_by", ["program", "schema", "day"])
def test_what_was_drawn_otherwise_is_drawn_anew(desk, asked, monkeypatch, told_by):
    tiles(desk)
    forget()
    asked.clear()
    if told_by == "program":
        monkeypatch.setattr(picturefile, "_program", lambda: "another")
    elif told_by == "schema":
        monkeypatch.setattr(Store, "schema", lambda _store: "another")
    else:
        progress.describe(desk.store, OPERATOR, reference_date=date(2021, 1, 1))
    on = date(2021, 1, 1) if told_by == "day" else SUMMER
    found = seen(desk, "compounds", on=on).tile(Z, X, Y)
    assert len(wholly(asked)) == 1
    for file in files(desk):
        file.unlink()
    forget()
    assert found == seen(desk, "compounds", on=on).tile(Z, X, Y)


def test_another_day_than_the_stores_own_is_kept_in_no_file(desk):
    seen(desk, "compounds", on=date(2021, 1, 1))
    assert files(desk) == []
    seen(desk, "facilities", on=date(2021, 1, 1))  # which are the same on every day
    assert [file.name for file in files(desk)] == ["district.db.facilities.every.picture"]


def test_no_damage_is_believed(desk):
    before = seen(desk, "compounds").tile(Z, X, Y)
    (file,) = files(desk)
    sound = file.read_bytes()
    for damaged in (b"", sound[:-1], sound[: len(sound) // 2], sound[:5000] + b"?" + sound[5001:]):
        file.write_bytes(damaged)
        forget()
        assert seen(desk, "compounds").tile(Z, X, Y) == before
        assert file.read_bytes() == sound


def test_the_file_follows_after_many_edits(desk, monkeypatch):
    monkeypatch.setattr(pictures, "_LATE", 3)
    seen(desk, "illegal_structures")
    (file,) = files(desk)
    first = file.read_bytes()
    load(desk, "S03", 117.0052, 36.6045, "ordered")  # one entry for the load, one for who answers
    seen(desk, "illegal_structures")
    assert file.read_bytes() == first
    load(desk, "S03", 117.0053, 36.6045, "ordered")
    latest = seen(desk, "illegal_structures")
    assert file.read_bytes() != first
    with desk.store.still() as still:
        kept = picturefile.kept(
            still, visible(OPERATOR, "illegal_structures"), asked_of("illegal_structures")
        )
    assert kept.moment == latest.moment and kept.tile(Z, X, Y) == latest.tile(Z, X, Y)


def test_a_store_without_a_history_or_a_file_of_its_own_keeps_none(store, tmp_path):
    with store.still() as still:
        for layer in LAYERS:
            pictures.picture(still, visible(OPERATOR, layer), asked_of(layer))
    place = store.engine.url.database
    assert not list(Path(place).parent.glob("*.picture")) or not Path(place).is_absolute()


def test_a_place_that_is_moved_is_no_matter(desk):
    """Nobody needs the file: where it cannot be written, the layer is read again."""
    before = seen(desk, "facilities").tile(Z, X, Y)
    (file,) = files(desk)
    file.unlink()
    file.mkdir()
    forget()
    assert seen(desk, "facilities").tile(Z, X, Y) == before
    assert file.is_dir() and files(desk) == [file]
