"""The invented compounds: which blocks they are, what they are called, what the register says of them.

Every name is made up; nobody is meant. The figures hang together as in a real register:
floor area from land, households from floor area, entrances from households, and so on.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from layers.sample_sheet import Dice, Ring, square_metres
from layers.sample_town import AVENUES, CROSS_AVENUES, NEW_TOWN, OLD_TOWN, OUTSIDE, Lot, Town
from layers.stages import ORDER, StageRow

REFERENCE_DATE = date(2022, 6, 30)
DISTRICT_CODE = "990101000000"  # no province begins with 99
COMPOUNDS = 240
#: How many compounds each year's plan holds; the others are in no plan.
PLAN_SIZES = {2022: 27, 2019: 40, 2020: 45, 2021: 48, 2023: 30, 2024: 18}
#: The floor area of one year's plan, m²: 1.07 million, exactly.
PLAN_FLOOR_AREA = {2022: 1_070_000}

OFFICES = {
    "A": ("北屏", "BEIPING"), "B": ("柳泉", "LIUQUAN"), "C": ("西岭", "XILING"),
    "D": ("凤鸣", "FENGMING"), "E": ("文昌", "WENCHANG"), "F": ("月湖", "YUEHU"),
    "G": ("棉纺", "MIANFANG"), "H": ("东园", "DONGYUAN"), "I": ("槐里", "HUAILI"),
    "J": ("云岭新城", "YUNLINGXINCHENG"), "K": ("桥头", "QIAOTOU"), "L": ("南圃", "NANPU"),
    "M": ("河湾", "HEWAN"), "N": ("晴川", "QINGCHUAN"), "O": ("星河新城", "XINGHEXINCHENG"),
}  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ROADS = _words("西屏路 青岩路 纺织路 西苑路 文昌路 钟楼路 望湖路 柳泉路 东园路 凤鸣路 云岭路 星河路")
CROSS_ROADS = _words("南环街 晴川街 南圃街 滨河路 槐里街 人和大街 育才街 北苑街 柳岸街 北屏街")

_FACTORIES = _words(
    "棉纺厂 机床厂 面粉厂 印染厂 化肥厂 轴承厂 造纸厂 搪瓷厂 钟表厂 灯泡厂 "
    "缝纫机厂 罐头厂 制药厂 水泥厂 电机厂 仪表厂 皮革厂 木器厂 毛巾厂 针织厂 "
    "锅炉厂 阀门厂 农机厂 玻璃厂 橡胶厂 邮电局 粮食局 供电局 运输公司 "
    "建筑公司 百货公司 地质队"
)
_VILLAGES = _words("建设 和平 工人 红星 胜利 团结 光明 前进 曙光 向阳 东风 友谊")
_GARDENS = _words(
    "柳荫 清泉 锦绣 怡园 银杏 翠屏 桃园 梅苑 翰林 景明 安居 阳光 绿茵 丹枫 碧水 紫薇 玉兰 杏林 松涛 望岳"
)
_LANES = _words("文昌 仁寿 德润 永安 同乐 兴隆 福康 宝善 吉庆 长春 崇德 尚义 明理 怀远 聚贤 松竹")
_CATEGORIES = ("基础类", "完善类", "提升类")
_TENURES = ("房改房", "房改房", "房改房", "公房", "经济适用房", "商品房")

#: When each stage of a year's plan begins and ends, month and day; the wave moves 2–4 forward.
#: The works end in November; acceptance and handover follow within the next year.
_PLANNED = (
    ((1, 4), (3, 31)), ((2, 15), (7, 31)), ((3, 1), (7, 5)), ((5, 5), (7, 14)), ((6, 10), (11, 30)),
    ((12, 1), (8, 31)), ((7, 1), (11, 30)),
)  # fmt: skip
#: By how many days a stage may begin or end before or after its plan.
_SLIPS = ((-14, 6), (-5, 20), (-5, 25), (-5, 20), (-35, 45), (-60, 60), (-20, 40))


class Progress(NamedTuple):
    """How many stages have begun, and which of them (counted from 0) are not finished."""

    begun: int
    open: tuple[int, ...] = ()


_NONE, _ACCEPTING, _BUILT, _ACCEPTED, _OVER = (
    Progress(0), Progress(6, (5,)), Progress(5), Progress(6), Progress(7),
)  # fmt: skip
#: How far the compounds of each plan are on the reference date: (how many, progress).
_PROGRESS = {
    2019: ((2, _ACCEPTING), (38, _OVER)),
    2020: ((5, _ACCEPTING), (40, _OVER)),
    2021: ((3, _ACCEPTED), (45, _BUILT)),
    2022: (
        (2, _NONE),
        (3, Progress(1, (0,))), (1, Progress(1)),
        (1, Progress(2, (0, 1))), (3, Progress(2, (1,))),
        (2, Progress(3, (1, 2))), (2, Progress(3, (2,))),
        (2, Progress(4, (3,))), (1, Progress(4, (2, 3))), (1, Progress(4)),
        (5, Progress(5, (4,))), (3, Progress(5, (1, 4))), (1, _BUILT),
    ),
    2023: ((4, Progress(1, (0,))), (26, _NONE)),
    2024: ((18, _NONE),),
}  # fmt: skip


class Compound(NamedTuple):
    """One compound: what the register says, its outline on the sheet, its stage rows."""

    values: dict[str, object]
    ring: Ring
    lot: Lot
    stages: tuple[StageRow, ...]


def street_office_rows() -> dict[str, dict[str, object]]:
    """Return the register row of each street office by its letter in the plan."""
    return {
        letter: {
            "code": f"990101{number:03d}000",
            "name": f"{name}街道",
            "division_code": f"990101{number:03d}000",
            "pinyin": pinyin,
        }
        for number, (letter, (name, pinyin)) in enumerate(OFFICES.items(), 1)
    }


def address(place: tuple[float, float], number: int) -> str:
    """Return a street address: the nearest avenue's name and a number."""
    u, v = place
    roads = [(abs(u - at), name) for at, name in zip(AVENUES, ROADS, strict=True)]
    cross = [(abs(v - at), name) for at, name in zip(CROSS_AVENUES, CROSS_ROADS, strict=True)]
    return f"{min(roads + cross)[1]}{number}号"


def away(lot: Lot) -> float:
    """Return how far a lot is from the old town: 0 in its middle, about 1 at the edge."""
    u, v = (lot.middle[0] - OLD_TOWN[0]) / 3600, (lot.middle[1] - OLD_TOWN[1]) / 2600
    return u * u + v * v


def _chosen(dice: Dice, lots: list[Lot]) -> list[Lot]:
    """The blocks that are compounds: all that span a boundary, one outside, the rest by nearness."""
    spanning = [lot for lot in lots if lot.spans]
    outside = min((lot for lot in lots if lot.office == OUTSIDE), key=lambda lot: abs(lot.area - 35_000))
    free = [
        lot
        for lot in lots
        if not lot.spans and lot.office not in NEW_TOWN | {OUTSIDE} and 14_500 < lot.area < 88_000
    ]
    ranked = sorted((away(lot) + dice.between(0, 2.2), lot) for lot in free)
    nearest = [lot for _, lot in ranked[: COMPOUNDS - len(spanning) - 1]]
    return sorted([*spanning, outside, *nearest], key=lambda lot: (lot.office, -lot.middle[1], lot.middle[0]))


def _outline(dice: Dice, lot: Lot) -> Ring:
    """A compound's outline in its block: seldom quite square, now and then with a corner missing."""
    if lot.spans:  # as planned, so that its shares are
        return lot.outline
    west, south, east, north = lot.inner
    sides = [dice.between(3, 9) for _ in range(4)]
    roomy = lot.area > 20_000
    if roomy and dice.chance(0.3):  # a row of shops in front
        sides[dice.whole(0, 3)] += dice.between(10, 22)
    west, south, east, north = west + sides[0], south + sides[1], east - sides[2], north - sides[3]
    corners = [(west, south), (east, south), (east, north), (west, north)]
    ring = [(u + dice.between(-3, 3), v + dice.between(-3, 3)) for u, v in corners]
    kind, at = dice.between(0, 1), dice.whole(0, 3)
    if roomy and kind < 0.4:
        before, corner, after = ring[at - 1], ring[at], ring[(at + 1) % 4]
        deep = (dice.between(0.15, 0.4), dice.between(0.15, 0.4)) if kind < 0.25 else (0.12, 0.12)
        first, second = _between(corner, before, deep[0]), _between(corner, after, deep[1])
        notch = (first[0] + second[0] - corner[0], first[1] + second[1] - corner[1])
        ring[at : at + 1] = [first, notch, second] if kind < 0.25 else [first, second]
    return ring


def _between(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


class _Names:
    """Names in the fashion of the year, each given once."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        pools = {
            "factory": [f"{n}{end}" for n in dice.shuffled(_FACTORIES) for end in ("宿舍", "南院", "北院")],
            "village": [f"{n}新村{z}区" for n in dice.shuffled(_VILLAGES) for z in "一二三四"],
            "garden": [f"{n}{e}" for n in dice.shuffled(_GARDENS) for e in ("小区", "东区", "西区", "花园")],
            "lane": [f"{n}{end}" for n in dice.shuffled(_LANES) for end in ("里", "里北院")],
        }
        self.pools: dict[str, Iterator[str]] = {kind: iter(pool) for kind, pool in pools.items()}

    def give(self, year: int, lot: Lot) -> str:
        """Return a new name for a compound built in that year."""
        kind = "factory" if year < 1974 or (year < 1984 and self.dice.chance(0.5)) else "village"
        if year >= 1986:
            kind = "garden" if self.dice.chance(0.75) else "factory"
        if away(lot) < 0.12 and self.dice.chance(0.5):
            kind = "lane"
        others = [name for name in self.pools if name != kind]
        return next(name for pool in [kind, *others] if (name := next(self.pools[pool], None)))


def _plan_years(dice: Dice, lots: list[Lot]) -> list[int | None]:
    """The plan each compound is in: this year's holds three on a boundary, none the one outside."""
    everyone = range(len(lots))
    first = dice.shuffled(i for i in everyone if lots[i].spans)[:3]
    last = [i for i in everyone if lots[i].office == OUTSIDE and not lots[i].spans]
    order = [*first, *dice.shuffled(i for i in everyone if i not in {*first, *last}), *last]
    years: list[int | None] = [None] * len(lots)
    in_turn = [year for year, size in PLAN_SIZES.items() for _ in range(size)]
    for i, year in zip(order, in_turn, strict=False):
        years[i] = year
    return years


def _floor_areas(dice: Dice, land: list[float], years: list[int | None]) -> list[int]:
    """Floor areas, m², to tens; those of a plan whose sum is known are fitted to it."""
    areas = [_plausible(m2 * dice.between(0.95, 1.7)) for m2 in land]
    for year, wanted in PLAN_FLOOR_AREA.items():
        members = [i for i, y in enumerate(years) if y == year]
        for _ in range(30):  # each time nearer to the sum, within what is plausible
            scale = wanted / sum(areas[i] for i in members)
            for i in members:
                areas[i] = _plausible(areas[i] * scale)
        areas[members[-1]] += wanted - sum(int(areas[i] / 10) * 10 for i in members)
    return [int(area / 10) * 10 for area in areas]


def _plausible(floor_area: float) -> float:
    return min(max(floor_area, 8_500), 109_000)


def _planned(year: int, wave: int) -> list[StageRow]:
    """A compound's planned dates: the survey and the end are due for all, the works come in waves."""
    rows = []
    for i, (stage, (start, finish)) in enumerate(zip(ORDER, _PLANNED, strict=True)):
        begins = date(year + (stage == "handover"), *start)
        ends = date(year + (stage in ("acceptance", "handover")), *finish)
        early = timedelta(days=wave if 2 <= i <= 4 else 0)
        rows.append(
            StageRow(stage, begins - early, ends - (early if stage in ("design", "tender") else timedelta()))
        )
    return rows


def _stage_rows(dice: Dice, year: int, progress: Progress) -> tuple[StageRow, ...]:
    """A compound's planned and actual dates, none of them after the reference date."""
    rows = _planned(year, dice.pick((0, 0, 0, 7, 18)))
    earliest = date.min
    for i in range(progress.begun):
        row, slip = rows[i], _SLIPS[i]
        latest = REFERENCE_DATE - timedelta(days=dice.whole(0, 12) + 2 * (progress.begun - i))
        start = row.planned_start + timedelta(days=dice.whole(slip[0], min(slip[1], 25)))
        start = max(min(start, latest - timedelta(days=3)), earliest)
        finish = max(min(row.planned_finish + timedelta(days=dice.whole(*slip)), latest), start)
        rows[i] = row._replace(actual_start=start, actual_finish=None if i in progress.open else finish)
        # acceptance waits for the works, and handover for acceptance; the others may overlap
        earliest = finish + timedelta(days=dice.whole(3, 15)) if i >= 4 else start
    return tuple(rows)


def _stages(dice: Dice, years: list[int | None]) -> list[tuple[StageRow, ...]]:
    """The stage rows of every compound; none for those in no plan."""
    stages: list[tuple[StageRow, ...]] = [()] * len(years)
    for year, parts in _PROGRESS.items():
        members = dice.shuffled(i for i, y in enumerate(years) if y == year)
        progress = [p for count, p in parts for _ in range(count)]
        for i, reached in zip(members, progress, strict=True):
            stages[i] = _stage_rows(dice, year, reached)
    return stages


def _size(dice: Dice, floor_area: int) -> dict[str, object]:
    households = int(floor_area / dice.between(68, 82) + 0.5)
    entrances = -(-households // dice.whole(10, 14))
    return {
        "buildings": max(1, int(entrances / dice.between(3.0, 4.4) + 0.5)),
        "entrances": entrances,
        "households": households,
        "floor_area_m2": float(floor_area),
    }


def _works(dice: Dice, floor_area: int, year: int | None, stages: tuple[StageRow, ...]) -> dict[str, object]:
    """Money and firms: nothing before the plan, no builder before the tender is over."""
    begun = sum(row.actual_start is not None for row in stages)
    tendered = begun >= 5 or (begun == 4 and stages[3].actual_finish is not None)
    total = None if year is None else int(floor_area * dice.between(0.038, 0.062))
    spent = {0: 0, 1: 0, 2: 0.02, 3: 0.03, 4: 0.05}.get(begun, 1 if begun == 7 else 0.92)
    if begun == 5 and stages[4].actual_finish is None:
        spent = dice.between(0.2, 0.5)
    funds = min(1, spent + dice.between(0, 0.35)) if begun else 0
    letter = dice.pick("甲乙丙丁戊")
    return {
        "work_categories": None if year is None else "、".join(_CATEGORIES[: dice.whole(1, 3)]),
        "investment_wan_yuan": total,
        "invested_wan_yuan": None if total is None else int(total * spent),
        "funds_wan_yuan": None if total is None else int(total * funds),
        "designer": f"示例设计院{letter}" if begun >= 3 else None,
        "builder": f"示例建筑公司{letter}" if tendered else None,
        "supervisor": f"示例监理公司{letter}" if tendered else None,
        "auditor": f"示例审计所{letter}" if tendered else None,
        "satisfaction": int(dice.between(860, 985)) / 10 if begun == 7 else None,
    }


def _register_row(dice: Dice, number: int, lot: Lot, land: float, office: str) -> dict[str, object]:
    """What is written of every compound, planned or not; here and there something is missing."""
    side = "一二三" if lot.middle[0] < 0 else "四五六"
    community = f"{OFFICES[lot.office][0]}{dice.pick(side)}社区" if office else None
    return {
        "code": f"XQ{number:04d}",
        "division_code": DISTRICT_CODE,
        "community": None if dice.chance(0.04) else community,
        "address": None if dice.chance(0.06) else address(lot.middle, dice.whole(1, 180)),
        "built_year": max(dice.whole(1958, 1999), dice.whole(1958, 1999)),
        "land_area_m2": None if dice.chance(0.08) else float(int(land + 0.5)),
        "tenure": dice.pick(_TENURES),
        "management": dice.pick(("街道托管", "单位自管", "物业服务企业", "业主自管", None)),
        "owners_committee": dice.pick((True, False, False, None)),
        "responsible_body": f"{office}办事处" if office else None,
        "contact": f"联系人{number:04d}",
        "contact_phone": f"0000-{number:07d}",
    }


def register(seed: int, town: Town) -> list[Compound]:
    """Return the 240 compounds of a town, by code, with everything that is known of them."""
    dice = Dice(seed, "compounds")
    lots = _chosen(dice, town.lots)
    rings = [_outline(dice, lot) for lot in lots]
    land = [square_metres(ring) for ring in rings]
    years = _plan_years(dice, lots)
    areas, stages, names = _floor_areas(dice, land, years), _stages(dice, years), _Names(dice)
    offices = {letter: row["name"] for letter, row in street_office_rows().items()}
    compounds = []
    for i, lot in enumerate(lots):
        values = _register_row(dice, i + 1, lot, land[i], offices.get(lot.office, ""))
        values |= {"name": names.give(values["built_year"], lot), "plan_year": years[i]}
        values |= _size(dice, areas[i]) | _works(dice, areas[i], years[i], stages[i])
        compounds.append(Compound(values, rings[i], lot, stages[i]))
    return compounds
