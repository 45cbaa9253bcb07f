"""Finding by name, pinyin, code and address among a city's compounds, beside a plain SQL LIKE.

LIKE finds no pinyin, ranks nothing and marks nothing; it is what a search box is made of where
nothing else is there.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import inputs
import numpy
import shapely
from sqlalchemy import text

sys.path.append(str(inputs.CHECKOUT / "tests"))

from builders import put, put_edition  # noqa: E402

from layers import open_store, wordbook  # noqa: E402
from layers.people import OPERATOR  # noqa: E402
from layers.store import Store  # noqa: E402

COMPOUNDS, STRUCTURES, RUNS = 8_000, 500_000, 9
FRONT = [
    "松涛",
    "泉城",
    "甸柳",
    "文化",
    "重汽",
    "长乐",
    "历山",
    "建设",
    "朝阳",
    "东风",
    "解放",
    "和平",
    "青年",
    "师范",
    "纺织",
    "化肥厂",
    "运输公司",
    "明湖",
]
BACK = ["小区", "新村", "西区", "东区", "花园", "宿舍", "北院", "南院", "一区", "二区", "家属院", "公寓"]
LIKE = text(
    "SELECT code, name FROM compounds WHERE name LIKE :w OR code LIKE :w OR address LIKE :w"
    " OR community LIKE :w ORDER BY code LIMIT 21"
)
ASKED = {
    "a name": "松涛西区",
    "a part of many names": "西区",
    "a code": "C00777",
    "an address": "泉城路17号",
    "nothing": "没有这个",
    "initials": "stxq",
    "pinyin": "songtaoxiqu",
}


def fill(store: Store) -> None:
    """Fill a store with a city's compounds and structures, named by rule."""
    rng = numpy.random.default_rng(5)
    fronts, backs, numbers = (rng.integers(0, n, COMPOUNDS) for n in (len(FRONT), len(BACK), 400))
    with store.writing(OPERATOR) as work:
        put_edition(work, *(f"J{i}" for i in range(100)))
        rows = [
            {
                "code": f"C{i:05}",
                "name": f"{FRONT[f]}{BACK[b]}" + (f"{n}号院" if n % 3 == 0 else ""),
                "address": f"{FRONT[f]}路{n}号",
                "community": f"{FRONT[(f + n) % len(FRONT)]}社区",
            }
            for i, (f, b, n) in enumerate(zip(fronts, backs, numbers, strict=True))
        ]
        put(work, "compounds", *rows)
    shape = shapely.Point(117, 36.6)
    with store.writing(OPERATOR) as work:
        places = (f"{FRONT[i % len(FRONT)]}{BACK[i % len(BACK)]}{i % 97}号楼" for i in range(STRUCTURES))
        put(
            work,
            "illegal_structures",
            *({"code": f"W{i:06}", "place": place, "shape": shape} for i, place in enumerate(places)),
        )


def main() -> None:
    """Ask both for the same texts, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'city.db'}")
        fill(store)
        day = store.district().reference_date
        made = {}
        for layer in ("compounds", "illegal_structures"):
            began = perf_counter()
            wordbook.look(store, OPERATOR, layer, day, "", 20)
            made[layer] = perf_counter() - began
        rows = []
        for what, asked in ASKED.items():
            rows.append((what, *_row(store, day, asked)))
        store.close()
    title = f"Finding among {COMPOUNDS:,} compounds and {STRUCTURES:,} structures: medians of {RUNS}, ms"
    heads = ("what", "LIKE", "compounds", "LIKE / ours", "found by LIKE", "by us", "structures")
    inputs.table(title, heads, rows)
    print(f"the index is made in {made['compounds']:.2f} s (compounds), {made['illegal_structures']:.2f} s")


def _row(store: Store, day: object, asked: str) -> tuple:
    def like() -> list:
        with store.reading() as connection:
            return connection.execute(LIKE, {"w": f"%{asked}%"}).all()

    contenders = {
        "like": like,
        "ours": lambda: wordbook.look(store, OPERATOR, "compounds", day, asked, 20).found,
        "structures": lambda: wordbook.look(store, OPERATOR, "illegal_structures", day, asked, 5).found,
    }
    times, found = inputs.medians(contenders, RUNS)
    ms = {name: 1e3 * seconds for name, seconds in times.items()}
    ratio = ms["like"] / ms["ours"]
    return ms["like"], ms["ours"], ratio, len(found["like"]), len(found["ours"]), ms["structures"]


if __name__ == "__main__":
    main()
