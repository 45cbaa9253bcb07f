"""Runs every campaign at its full length and writes docs/proof.md: ``make prove``.

One that was done already, on the same revision and with the same seed, is not run again: the
whole can be stopped and continued. It ends with 1 when a campaign has failed.
"""

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import apsw
from campaign import ROOT, Result, launch
from cluster import find_programs

KEPT = ROOT / "build" / "prove"
PROOF = ROOT / "docs" / "proof.md"
PACKAGES = ("SQLAlchemy", "alembic", "psycopg", "pyogrio", "fiona", "geopandas", "shapely")


class Campaign(NamedTuple):
    """One campaign: its file, its full size, how long it may take, and what it shows."""

    name: str
    size: int
    most_s: float
    shows: str
    server: bool = False


CAMPAIGNS = (
    Campaign("kill", 1000, 1800, "Four writing processes are killed (kill -9) at a random moment."),
    Campaign("powercut", 1000, 1800, "The power is cut while the store is written to."),
    Campaign("hammer", 600, 900, "Four processes edit and read while GDAL loads and exports beside them."),
    Campaign("gdal", 10, 300, "Control: GDAL opens the live file in the same process, which must be seen."),
    Campaign(
        "hardships",
        10,
        600,
        "The disk is full, may not be written, is a network share; the clock is set back.",
    ),
    Campaign("migrate", 120, 1800, "A store is killed while it is brought to a newer schema.", server=True),
    Campaign(
        "server", 100, 1800, "PostGIS: clients, a server process or the whole server are killed.", server=True
    ),
)


def main() -> int:
    """Run what the arguments ask for and return the exit status."""
    asked = _arguments()
    revision, results = _revision(), {}
    for campaign in CAMPAIGNS:
        if asked.only and campaign.name not in asked.only:
            continue
        size = max(1, round(campaign.size * asked.part))
        print(f"== {campaign.name}: {size}", flush=True)
        results[campaign] = (size, _result(campaign, asked.seed, size, revision))
        for line in _told(results[campaign][1]):
            print("  " + line, flush=True)
    whole = len(results) == len(CAMPAIGNS) and asked.part == 1
    proof = PROOF if whole else KEPT / "proof.md"
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_text(_page(results, asked.seed, revision), encoding="utf-8")
    print(f"Written: {proof.relative_to(ROOT)}")
    return 0 if all(result.passed for _, result in results.values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2022, help="what everything random follows from")
    parser.add_argument("--only", nargs="*", help="the campaigns to run (all)")
    parser.add_argument("--part", type=float, default=1.0, help="the part of the full length")
    return parser.parse_args()


def _result(campaign: Campaign, seed: int, size: int, revision: str) -> Result:
    """Return the result of a campaign, from before where it was done already."""
    kept = KEPT / f"{revision}-{seed}-{campaign.name}-{size}.json"
    if kept.exists():
        print("  (done before)")
        return Result(**json.loads(kept.read_text(encoding="utf-8")))
    if campaign.server and find_programs() is None:
        return Result({}, ["not run: there is no PostGIS on this machine"])
    result = launch(campaign.name, seed, size, campaign.most_s)
    if result.passed and "changed" not in revision:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(result), ensure_ascii=False), encoding="utf-8")
    return result


def _told(result: Result) -> list[str]:
    return [f"{name}: {number:g}" for name, number in result.counts.items()] + [
        f"FAILED: {fault}" for fault in result.faults
    ]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def _revision() -> str:
    changed = "-changed" if _git("status", "--porcelain", "--", ":!docs/proof.md") else ""
    return (_git("rev-parse", "--short", "HEAD") or "unknown") + changed


def _page(results: dict[Campaign, tuple[int, Result]], seed: int, revision: str) -> str:
    """Return the page that says what was shown, where and when."""
    lines = [
        "# What was proved of the store",
        "",
        "Written by `make prove`; what each campaign does stands in `tests/prove/`. `make test` runs a short",
        "version of each, and shows that what they look with sees a loss.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, revision {revision}, seed {seed}",
        f"- {os.cpu_count()} processor cores, {platform.system()} {platform.release()}",
        f"- {_versions()}",
    ]
    for campaign, (size, result) in results.items():
        verdict = "passed" if result.passed else "**FAILED**"
        lines += ["", f"## {campaign.name}: {verdict}", "", f"{campaign.shows} Size {size}.", ""]
        if result.counts:
            lines += ["| counted | number |", "| --- | ---: |"]
            lines += [f"| {name} | {number:,.10g} |" for name, number in result.counts.items()]
        lines += [f"- FAILED: {fault}" for fault in result.faults]
    return "\n".join(lines) + "\n"


def _versions() -> str:
    programs = find_programs()
    server = f", PostgreSQL {Path(programs).parent.name} with PostGIS" if programs else ""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} "
        f"(the power cuts: {apsw.sqlite_lib_version()}){server}, {packages}"
    )


if __name__ == "__main__":
    sys.exit(main())
