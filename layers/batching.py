"""Assignment over partitions on dask: the workers of this machine, or those of a given scheduler.

The folder of ``layers.partitions`` is all that this process and the workers share: each worker
reads a partition and the street offices near it, and writes the answers. Only counts and hashes come
back, so no process holds more than a partition. A partition whose worker ended is given to another
one; a file takes its place as a whole, so it does not matter how far the first one came.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import dask
import dask.dataframe
import distributed
import geopandas
import pandas
import shapely
from dask import delayed
from dask.delayed import Delayed

from geo import batch, crs
from geo.assign import Assigned, assign
from geo.check import require
from geo.errors import GuatuError, RequestError
from geo.locate import locate
from layers import partitions, shapes
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.ruling import Rule, rule
from layers.store import Store

#: The layer whose sites are shared out by area; the sites of all others lie where their inner point does.
SHARED = "compounds"
LAYERS = (SHARED, "illegal_structures", "facilities")
SHARES = "compounds_shares"
#: The rule where none is set: what geo.assign and geo.locate say.
DEFAULT = Rule()


class Receipt(NamedTuple):
    """What a worker did with one partition: its counts, and the sha256 of the files.

    ``shares`` and ``shares_sha256`` are None where nothing is shared out.
    """

    partition: str
    rows: int
    unanswered: int
    border: int
    shares: int | None
    input_sha256: str
    sha256: str
    shares_sha256: str | None


#: Told after each partition of a layer how many are done, and of how many.
Progress = Callable[[int, int], None]


def quiet(*_said: object) -> None:
    """Take note of a step or of the progress and say nothing."""


@contextmanager
def workers(scheduler: str | None = None, count: int | None = None) -> Iterator[distributed.Client]:
    """Give a client of a scheduler, or of worker processes of this machine that end with this.

    Args:
        scheduler: the address (``tcp://host:8786``) of a scheduler whose workers can import this
            program and see the same folders; None for processes of this machine.
        count: how many processes, by default one for each core.

    Raises:
        RequestError: no scheduler answers at that address.
    """
    if scheduler is not None:
        with _connected(scheduler) as client:
            yield client
        return
    cluster = distributed.LocalCluster(
        n_workers=count or os.cpu_count() or 1,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",  # any free port, and nobody else reaches it
        silence_logs=logging.CRITICAL,  # what goes wrong is raised here, once
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def _connected(scheduler: str) -> distributed.Client:
    try:
        return distributed.Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise RequestError("No dask scheduler answers at %(address)s.", address=scheduler) from error


def assign_folder(
    client: distributed.Client,
    folder: Path,
    offices: geopandas.GeoSeries,
    rule: Rule = DEFAULT,
    say: Callable[[str], None] = quiet,
    progress: Progress = quiet,
) -> dict[str, list[Receipt]]:
    """Assign all sites of a folder of partitions to street offices, and return the receipts by layer.

    The answers, and a manifest with counts and hashes, are in the folder's ``assigned`` afterwards:
    they equal those of a single process over all partitions together.

    Args:
        client: of the workers, which must see the folder under the same name.
        folder: partitions as ``layers.partitions`` describes them.
        offices: street offices in STORED, indexed by code.
        rule: by which the sites are assigned.
        say: is told each layer before it is worked on.
        progress: is told how many of its partitions are done.

    Raises:
        RequestError: the folder holds no partition of a layer of sites.
        FileError, CrsError, GeometryError: of a partition that cannot be worked with.
        GuatuError: the workers of a partition ended again and again.
    """
    folder = Path(folder).absolute()
    files = {layer: partitions.files_of(folder, layer) for layer in LAYERS}
    if not any(files.values()):
        names = ", ".join(f"{layer}/" for layer in LAYERS)
        raise RequestError(
            "%(folder)s holds no partitions: it needs %(names)s with files in it.", folder=folder, names=names
        )
    into = _emptied(folder / partitions.ANSWERS)
    sha256 = partitions.write_offices(offices, into / partitions.OFFICES)
    areas = partitions.OfficesFile(into / partitions.OFFICES)
    done = {}
    for layer, found in files.items():
        if found:
            say(layer)
            partitions.require_once(found)
            done[layer] = _run(client, layer, _work(layer, found, areas, rule, into), progress)
    told = {"street_offices": {"rows": len(offices), "sha256": sha256}, "rule": asdict(rule)}
    summary = {layer: _summary(receipts) for layer, receipts in done.items()}
    partitions.write_manifest(into, {**told, "layers": summary})
    return done


def offices_for(folder: Path, store: Store) -> geopandas.GeoSeries:
    """Return the street offices in a folder's ``street_offices.parquet``, else the store's active edition.

    Raises:
        RequestError: neither has any.
        FileError, CrsError: of the file.
    """
    file = Path(folder) / partitions.OFFICES
    if file.exists():
        return partitions.read_sites(file).geometry
    query = Query(layer="street_offices", on=store.day())
    rows = list(store.rows(visible(OPERATOR, "street_offices"), query))
    if not rows:
        raise RequestError("There are no street offices: neither %(file)s nor an active edition.", file=file)
    return shapes.by_code((row.code, row.wkb) for row in rows)


def rule_of(store: Store) -> Rule:
    """Return the rule that is set in a store."""
    with store.reading() as connection:
        return rule(connection)


def _emptied(into: Path) -> Path:
    """Return the folder of the answers without those of a former run: the manifest goes first."""
    (into / partitions.MANIFEST).unlink(missing_ok=True)
    for name in (*LAYERS, SHARES):
        (into / name).mkdir(parents=True, exist_ok=True)
        for file in partitions.files_of(into, name):
            file.unlink()
    return into


def _work(
    layer: str, files: list[Path], areas: partitions.OfficesFile, rule: Rule, into: Path
) -> list[Delayed]:
    """Return the work of every partition, up to its receipt."""
    nothing = geopandas.GeoSeries([], index=pandas.Index([], dtype=object), crs=crs.STORED)
    read = partitions.read_sites if layer == SHARED else _read_points
    with dask.config.set({"dataframe.convert-string": False}):  # codes stay the labels they are
        sites = dask.dataframe.from_map(read, files, meta=geopandas.GeoDataFrame(geometry=nothing))
        if layer == SHARED:
            answers = batch.assigned(sites, areas, rule.border_above, rule.main_share_below)
        else:
            answers = batch.located(sites, areas, rule.tolerance_m, rule.edge_m)
    return [delayed(_write)(answer, file, into) for answer, file in zip(answers, files, strict=True)]


def _read_points(file: Path) -> geopandas.GeoDataFrame:
    """Return the inner points of a partition's sites."""
    found = partitions.read_sites(file)
    return found.set_geometry(shapely.point_on_surface(found.geometry.values), crs=found.crs)


def _write(answer: Assigned | pandas.DataFrame, file: Path, into: Path) -> Receipt:
    """Write what was answered for a partition, and return its receipt."""
    main, shares = answer if isinstance(answer, Assigned) else (answer, None)
    border = main["border" if "border" in main else "several"]
    return Receipt(
        partition=file.stem,
        rows=len(main),
        unanswered=int(main["area"].isna().sum()),
        border=int(border.sum()),
        shares=None if shares is None else len(shares),
        input_sha256=partitions.sha256_of(file),
        sha256=partitions.write_answers(into / file.parent.name / file.name, main),
        shares_sha256=None if shares is None else partitions.write_answers(into / SHARES / file.name, shares),
    )


def _run(client: distributed.Client, layer: str, work: list[Delayed], progress: Progress) -> list[Receipt]:
    """Have the workers do the work, tell how far they are, and return the receipts in order."""
    futures = client.compute(work)
    # Left to itself it waits in the loop of whatever client was made last, and may wait for ever.
    finished = distributed.as_completed(futures, loop=client.loop, with_results=True)
    try:
        for done, _ in enumerate(finished, 1):
            progress(done, len(futures))
        return client.gather(futures)
    except distributed.KilledWorker as error:
        raise GuatuError(
            "The workers ended again and again over a partition of %(layer)s: is there memory for it?",
            layer=layer,
        ) from error
    except (ImportError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "deserialization of the task graph" not in str(error):
            raise
        raise RequestError(
            "The dask scheduler or a worker cannot import this program: start them in its folder, with"
            " PYTHONPATH=."
        ) from error
    finally:
        client.cancel(futures)


def _summary(receipts: list[Receipt]) -> dict:
    """Return the sums of a layer, and each partition's receipt."""
    counted = [
        name for name in ("rows", "unanswered", "border", "shares") if getattr(receipts[0], name) is not None
    ]
    sums = {name: sum(getattr(receipt, name) for receipt in receipts) for name in counted}
    return {**sums, "partitions": [receipt._asdict() for receipt in receipts]}


class Engine:
    """Workers, asked as geo.assign and geo.locate are asked, with the same answers.

    Args:
        client: of the workers.
        folder: where partitions are kept while they are worked on; the workers must see it under
            the same name.
        progress: is told the progress of each question.
    """

    def __init__(self, client: distributed.Client, folder: Path, progress: Progress = quiet) -> None:
        self._client, self._folder, self._progress = client, Path(folder).absolute(), progress

    def assign(
        self, sites: geopandas.GeoSeries, areas: geopandas.GeoSeries, border_above: float = 0.01
    ) -> Assigned:
        """Return what geo.assign.assign returns, and raise what it raises."""
        require(sites, "polygon")
        if sites.empty:
            return assign(sites, areas, border_above)
        with self._worked_out(SHARED, sites, areas, Rule(border_above=border_above)) as into:
            main = _together(into / SHARED).set_index("code").reindex(sites.index)
            shares = _together(into / SHARES).rename(columns=_OUR_WORDS)
        # Each partition's shares are in their order, and no site is in two partitions.
        shares = shares.sort_values("site", kind="stable", ignore_index=True)
        return Assigned(main.rename(columns=_OUR_WORDS).rename_axis(None), shares)

    def locate(self, points: geopandas.GeoSeries, areas: geopandas.GeoSeries) -> pandas.DataFrame:
        """Return what geo.locate.locate returns, and raise what it raises."""
        require(points, "point")
        if points.empty:
            return locate(points, areas)
        with self._worked_out("illegal_structures", points, areas) as into:
            found = _together(into / "illegal_structures").set_index("code").reindex(points.index)
        return found.rename(columns=_OUR_WORDS | {"border": "several"}).rename_axis(None)

    @contextmanager
    def _worked_out(
        self, layer: str, sites: geopandas.GeoSeries, areas: geopandas.GeoSeries, rule: Rule = DEFAULT
    ) -> Iterator[Path]:
        """Give the folder of the answers for sites, until this ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._folder, prefix="assign-") as made:
            folder = Path(made)
            partitions.write_sites(folder, layer, sites, ["all"] * len(sites))
            assign_folder(self._client, folder, areas, rule, progress=self._progress)
            yield folder / partitions.ANSWERS


_OUR_WORDS = {said: ours for ours, said in partitions.WORDS.items() if ours != "several"}


def _together(folder: Path) -> pandas.DataFrame:
    files = sorted(folder.glob("*.parquet"))
    return pandas.concat([partitions.read_answers(file) for file in files], ignore_index=True)
