"""The invented ledger of illegal structures, and the facilities of the invented town."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from layers.sample_register import REFERENCE_DATE, Compound, address, away
from layers.sample_sheet import Dice, Point, Ring, square_metres
from layers.sample_town import AVENUES, CROSS_AVENUES, OUTSIDE, Lot, Town, rectangle
from layers.stages import standing

STRUCTURES = 1500
#: Of them: in the streets, exactly on a street-office boundary's vertex, outside the district.
IN_STREETS, ON_BOUNDARY, OUT_OF_DISTRICT = 83, 4, 3

#: A batch's last day of clearing, month and day; batches are numbered from 1 each year.
_BATCHES = ((3, 31), (5, 31), (8, 31), (10, 31))
#: The states found at compounds that have come so far, each as often as it is named.
_STATES = {
    "not_begun": ["found"] * 6 + ["verified"] * 4,
    "survey": ["found"] * 4 + ["verified"] * 6,
    "demolition": ["verified"] + ["ordered"] * 5 + ["demolished"] * 4,
    "design": ["ordered"] * 3 + ["demolished"] * 6 + ["deferred"],
    "tender": ["ordered"] * 2 + ["demolished"] * 7 + ["deferred"],
    "construction": ["demolished"] * 14 + ["closed"] * 3 + ["deferred"] * 2 + ["rebuilt"],
    "acceptance": ["demolished"] * 2 + ["closed"] * 7 + ["deferred"],
    "handover": ["closed"] * 38 + ["rebuilt"] + ["deferred"],
}
#: Kind, material, and least and largest area in m².
_KINDS = (
    ("违建", "砖混", 8, 90), ("违建", "砖混", 6, 60), ("违建", "钢结构", 12, 240), ("临建", "彩钢板", 8, 120),
    ("临建", "彩钢板", 6, 40), ("门头", "钢结构", 4, 30), ("广告", "钢结构", 2, 18),
)  # fmt: skip
_PLACES = {
    "违建": ("{}号楼南侧", "{}号楼北侧", "{}号楼东侧", "{}号楼楼顶", "{}号楼一层院落"),
    "临建": ("{}号楼前空地", "院墙东侧第{}间", "院墙西侧第{}间", "自行车棚旁第{}间"),
    "门头": ("沿街第{}间",),
    "广告": ("沿街第{}间上方",),
}
_LATER_USES = ("绿化", "停车位", "道路", "活动场地", None)

#: Facilities that are points: kind, how many, service radius in m, name, and capacity.
_SERVICES = (
    ("幼儿园", 22, 300, "{}幼儿园", (150, 360)), ("小学", 14, 500, "{}小学", (720, 1800)),
    ("社区服务站", 16, 300, "{}社区服务站", None), ("卫生服务站", 8, 1000, "{}卫生服务站", None),
    ("菜市场", 12, 500, "{}菜市场", (40, 160)), ("养老服务站", 14, 300, "{}养老服务站", (20, 80)),
)  # fmt: skip
_STEMS = (
    "朝霞", "春蕾", "育英", "新芽", "启明", "和美", "康宁", "乐群", "松鹤", "清和", "惠民", "兴业",
    "彩虹", "晨光", "锦程", "博文", "青禾", "百合", "安然", "同心", "思源", "云帆", "金穗", "向荣",
)  # fmt: skip
_BLOCK_PARKS = ("翠竹", "樱花", "听泉", "望月", "槐香", "揽翠", "凝香", "芳草")
_CORNER_PARKS = ("静园", "雅园", "馨园", "趣园", "沁园")


class Thing(NamedTuple):
    """A structure or facility: what the register says, and its point or outline on the sheet."""

    values: dict[str, object]
    place: Point | Ring


def _by_edge(dice: Dice, ring: Ring) -> Point:
    """A point a few metres inside an edge of a ring, away from its corners."""
    edges = list(zip(ring, ring[1:] + ring[:1], strict=True))
    long = [(a, b) for a, b in edges if (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 > 900]
    a, b = dice.pick(long)
    along, inward = dice.between(0.15, 0.85), dice.between(0.015, 0.06)
    du, dv = b[0] - a[0], b[1] - a[1]
    return a[0] + du * along - dv * inward, a[1] + dv * along + du * inward


def _dates(dice: Dice, year: int, state: str) -> dict[str, object]:
    """A structure's batch and dates, as its state wants them; none after the reference date."""
    cleared = state in ("demolished", "closed", "rebuilt")
    in_time = 2 if cleared and year == REFERENCE_DATE.year else 4
    number = dice.whole(1, in_time)
    due = date(year, *_BATCHES[number - 1])
    found = min(due - timedelta(days=dice.whole(40, 120)), REFERENCE_DATE - timedelta(days=dice.whole(5, 60)))
    gone = min(due + timedelta(days=dice.whole(-30, 20)), REFERENCE_DATE - timedelta(days=dice.whole(0, 9)))
    return {
        "batch": f"{year}-{number}",
        "built_on": date(dice.whole(1986, 2017), dice.whole(1, 12), dice.whole(1, 28)),
        "found_on": found,
        "due_on": None if state in ("found", "verified") else due,
        "demolished_on": gone if cleared else None,
    }


def _entry(dice: Dice, state: str, year: int) -> dict[str, object]:
    """What the ledger says of a structure, apart from where it is."""
    kind, material, least, most = dice.pick(_KINDS)
    share = dice.between(0, 1)
    cleared = state in ("demolished", "closed")
    return {
        "kind": kind,
        "material": material,
        "storeys": 2 if kind == "违建" and dice.chance(0.12) else 1,
        "area_m2": None if dice.chance(0.01) else int(10 * (least + (most - least) * share * share)) / 10,
        "state": state,
        **_dates(dice, year, state),
        "disposal": "拆除" if cleared else {"deferred": "暂缓", "rebuilt": "拆除"}.get(state),
        "recheck": {"closed": "未复建", "rebuilt": "复建"}.get(state),
        "later_use": dice.pick(_LATER_USES) if cleared else None,
    }


def _in_compounds(dice: Dice, compounds: list[Compound], count: int) -> Iterator[Thing]:
    """Structures along the edges of compounds: more where more people live and work has begun."""
    urn: list[tuple[Compound, str]] = []
    for compound in compounds:
        stage = standing(compound.stages, REFERENCE_DATE).stage
        tickets = int(compound.values["households"] / (40 if stage != "not_begun" else 160)) + 1
        urn += [(compound, stage)] * tickets
    for _ in range(count):
        compound, stage = dice.pick(urn)
        entry = _entry(dice, dice.pick(_STATES[stage]), min(compound.values["plan_year"] or 9999, 2022))
        place = dice.pick(_PLACES[entry["kind"]]).format(dice.whole(1, max(compound.values["buildings"], 4)))
        entry["place"] = f"{compound.values['name']}{place}"
        entry["compound_code"] = None if dice.chance(0.03) else compound.values["code"]
        yield Thing(entry, _by_edge(dice, compound.ring))


def _elsewhere(dice: Dice, town: Town, free: list[Lot]) -> Iterator[Thing]:
    """Structures in the streets, on a boundary's vertex, and beyond the district."""
    met = Counter(point for ring in town.offices.values() for point in ring)
    crossings = [(u, v) for u in AVENUES for v in CROSS_AVENUES]
    corners = [point for point in crossings if met[point] >= 2]
    beyond = [lot for lot in free if lot.office == OUTSIDE]
    streets = [lot for lot in free if lot.office != OUTSIDE and away(lot) < 1]
    places = [_by_edge(dice, dice.pick(streets).outline) for _ in range(IN_STREETS)]
    places += dice.shuffled(corners)[:ON_BOUNDARY]
    places += [_by_edge(dice, dice.pick(beyond).outline) for _ in range(OUT_OF_DISTRICT)]
    for place in places:
        entry = _entry(dice, dice.pick(_STATES["demolition"]), 2022)
        entry |= {"place": f"{address(place, dice.whole(1, 180))}门前", "compound_code": None}
        yield Thing(entry, place)


def structures(seed: int, town: Town, compounds: list[Compound]) -> list[Thing]:
    """Return the 1,500 illegal structures of a town, by code."""
    dice = Dice(seed, "structures")
    inside = STRUCTURES - IN_STREETS - ON_BOUNDARY - OUT_OF_DISTRICT
    things = [*_in_compounds(dice, compounds, inside), *_elsewhere(dice, town, free_lots(town, compounds))]
    named = []
    for number, thing in enumerate(dice.shuffled(things), 1):
        entry = thing.values
        added = {"code": f"WJ{number:04d}", "name": entry["place"], "person": f"当事人{number:04d}"}
        named.append(thing._replace(values=entry | added))
    return named


def free_lots(town: Town, compounds: list[Compound]) -> list[Lot]:
    """Return the blocks that are no compound, in the town's order."""
    taken = {compound.lot for compound in compounds}
    return [lot for lot in town.lots if lot not in taken]


def _spread(dice: Dice, lots: list[Lot], count: int) -> list[Lot]:
    """Lots that keep away from each other: each the best of a few throws."""
    chosen: list[Lot] = []
    for _ in range(count):
        throws = [lot for lot in (dice.pick(lots) for _ in range(7)) if lot not in chosen]
        chosen.append(max(throws, key=lambda lot: min((_apart(lot, other) for other in chosen), default=0)))
    return chosen


def _apart(a: Lot, b: Lot) -> float:
    (au, av), (bu, bv) = a.middle, b.middle
    return (au - bu) * (au - bu) + (av - bv) * (av - bv)


def _parks(dice: Dice, town: Town, free: list[Lot]) -> list[tuple[str, Ring]]:
    """Every park's name and outline: along the river, at the lake, in the town, at corners."""
    named = [(f"滨河公园{n}段", bank) for n, bank in zip("一二三四五六七八九十", town.banks, strict=True)]
    named.append(("月湖公园", town.park.outline))
    wide = [lot for lot in free if 15_000 < lot.area < 50_000]
    blocks = _spread(dice, wide, len(_BLOCK_PARKS))
    for name, lot in zip(_BLOCK_PARKS, blocks, strict=True):
        named.append((f"{name}公园", lot.outline))
    corners = _spread(dice, [lot for lot in free if lot not in blocks], len(_CORNER_PARKS))
    for name, lot in zip(_CORNER_PARKS, corners, strict=True):
        west, south, _, _ = lot.inner
        named.append((f"{name}口袋公园", rectangle(west, south, west + 64, south + 56)))
    return named


def facilities(seed: int, town: Town, compounds: list[Compound]) -> list[Thing]:
    """Return the facilities of a town: parks as outlines, services as points, each with its radius."""
    dice = Dice(seed, "facilities")
    free = [lot for lot in free_lots(town, compounds) if lot.office != OUTSIDE and away(lot) < 1.2]
    things = []
    for name, ring in _parks(dice, town, free):
        area = square_metres(ring)
        radius = 500 if area >= 5000 else 300  # what the physical check of cities takes for parks
        things.append(Thing({"name": name, "kind": "公园绿地", "radius_m": float(radius)}, ring))
    for kind, count, radius, name, capacity in _SERVICES:
        for stem, lot in zip(dice.shuffled(_STEMS)[:count], _spread(dice, free, count), strict=True):
            values = {"name": name.format(stem), "kind": kind, "radius_m": float(radius)}
            values["floor_area_m2"] = float(dice.whole(3, 30) * (200 if kind == "小学" else 50))
            values["capacity"] = float(dice.whole(*capacity)) if capacity else None
            u, v = lot.middle
            things.append(Thing(values, (u + dice.between(-30, 30), v + dice.between(-30, 30))))
    common = {"floor_area_m2": None, "capacity": None, "status": "运营"}
    return [t._replace(values={"code": f"SS{n:03d}"} | common | t.values) for n, t in enumerate(things, 1)]
