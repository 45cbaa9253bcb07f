"""The wall's sheets: time and bytes, beside matplotlib with geopandas drawing one, and three exports.

matplotlib is no part of the program: the peer runs with a Python that has it and geopandas, which
PEER_PYTHON names (by default the one that runs this, where it has both); it is left out, and
said to be, where there is none. Its time is taken inside it, after its imports, with the layers
read already: it only draws and writes.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas
import inputs
from flask import Flask
from flask_babel import force_locale

from app import create_app
from layers import sample
from layers import wall as walls
from layers.people import OPERATOR
from layers.stages import ORDER, STAGES
from webmap import access, compoundsheet, palette, typeface, wallsheet, words
from webmap.wallsheet import Paper

RUNS = 5
EXPORTS = ("compounds", "illegal_structures", "street_offices", "facilities")
PEER = Path(__file__).with_name("peer_wallmap.py")


def peer_python() -> str | None:
    """Return a Python that has matplotlib and geopandas, or None."""
    asked = os.environ.get("PEER_PYTHON")
    return asked or (sys.executable if importlib.util.find_spec("matplotlib") else None)


def given_to_peer(app: Flask, folder: Path) -> Path:
    """Write what the peer draws, so that it need not ask: layers with colours, names and the matrix."""
    store = access.store()
    on = store.district().reference_date
    wall = walls.wall(store, OPERATOR, on)
    year = wall.plan.plan_year
    geopandas.GeoDataFrame(
        {"name": [p.name for p in wall.precincts]}, geometry=[p.shape for p in wall.precincts], crs=4490
    ).to_file(folder / "offices.gpkg")
    geopandas.GeoDataFrame(
        {
            "colour": [palette.stage_colour(t.row.properties["stage"]) for t in wall.tasks],
            "hatch": [STAGES[t.row.properties["stage"]].pattern for t in wall.tasks],
            "number": [t.number if t.plan_year == year else 0 for t in wall.tasks],
            "name": [t.name for t in wall.tasks],
            "late": [t.row.standing["late"] for t in wall.tasks],
        },
        geometry=[t.shape for t in wall.tasks],
        crs=4490,
    ).to_file(folder / "compounds.gpkg")
    kinds = [kind for kind, _ in wall.backdrop]
    geopandas.GeoDataFrame(
        {"kind": kinds, "colour": [palette.BACKDROP[kind] for kind in kinds]},
        geometry=[shape for _, shape in wall.backdrop],
        crs=4490,
    ).to_file(folder / "backdrop.gpkg")
    rows = [[str(t.number), t.name, *(str(c.planned or "–") for c in t.cells)] for t in wall.in_plan]
    told = {
        "title": f"{wall.district.name_zh}{year}年老旧小区改造挂图作战",
        "heads": ["序号", "小区", *(words.stage_label(stage) for stage in ORDER)],
        "rows": rows,
        "legend": [
            [words.stage_label(c.stage), palette.stage_colour(c.stage), c.totals.compounds]
            for c in wall.counts
        ],
        "font": str(typeface.REGULAR),
        "bold": str(typeface.BOLD),
    }
    (folder / "told.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return folder


def peer(python: str, folder: Path) -> tuple[list[float], int]:
    """Return how long the peer took in each run, and the bytes of its sheet."""
    done = subprocess.run(
        [python, str(PEER), str(folder), str(RUNS)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the peer failed: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["bytes"]


def main() -> None:
    """Make every sheet, ask for the exports, let the peer draw, print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = create_app({"STORE": f"sqlite:///{folder / 'district.db'}", "DATA": folder})
        with app.test_request_context(), force_locale("zh"):
            sample.load_sample(access.store(), OPERATOR, folder)
            store, on = access.store(), access.store().district().reference_date
            client = app.test_client()

            def made(make, *more):
                return lambda: make(store, OPERATOR, on, *more)

            contenders = {
                "sheet A0": made(wallsheet.district_pdf, Paper("A0")),
                "atlas A0, 16 pages": made(wallsheet.atlas_pdf, Paper("A0")),
                "sheet A4": made(wallsheet.district_pdf, Paper("A4")),
                "compound A4": made(compoundsheet.compound_pdf, Paper("A4", "portrait"), "XQ0015"),
                "export of the layers": lambda: b"".join(
                    client.get(f"/export/{layer}.geojson").data for layer in EXPORTS
                ),
            }
            times, answers = inputs.medians(contenders, RUNS)
            python = peer_python()
            theirs = peer(python, given_to_peer(app, folder)) if python else None
        app.extensions["guatu"].close()
    show(times, {name: len(answer) for name, answer in answers.items()}, theirs)


def show(times: dict[str, float], sizes: dict[str, int], theirs: tuple[list[float], int] | None) -> None:
    """Print what was found, and whether each goal is met."""
    sheet, page = times["sheet A0"], times["atlas A0, 16 pages"] / 16
    rows = [(name, seconds, sizes[name]) for name, seconds in times.items()]
    export = times["export of the layers"]
    slowest = max(seconds for name, seconds in times.items() if "export" not in name)
    goals = [
        ("A0 sheet ≤ 1 MB", sizes["sheet A0"] / 1e6, sizes["sheet A0"] <= 1e6),
        ("an atlas page / the sheet < 1/4", page / sheet, page / sheet < 0.25),
        ("the sheet / three exports ≤ 1", sheet / (3 * export), sheet <= 3 * export),
        ("the slowest, atlas of 16 pages / three exports", slowest / (3 * export), slowest <= 3 * export),
    ]
    if theirs:
        seconds, size = sorted(theirs[0])[len(theirs[0]) // 2], theirs[1]
        rows.append(("matplotlib and geopandas, A0", seconds, size))
        goals.insert(0, ("matplotlib / sheet A0 ≥ 4", seconds / sheet, seconds >= 4 * sheet))
    else:
        print("matplotlib is missing: the peer is left out (PEER_PYTHON names a Python that has it)")
    inputs.table(f"The wall's sheets, sample district: medians of {RUNS} runs", ("what", "s", "bytes"), rows)
    shown = [(name, value, "yes" if met else "NO") for name, value, met in goals]
    inputs.table("Goals", ("goal", "value", "met"), shown)


if __name__ == "__main__":
    main()
