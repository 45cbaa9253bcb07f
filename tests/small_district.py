"""A district small enough to work every figure out by hand; the tests of figures write them down.

Three street offices in a row, A | B | C from the west, 0.01° each; C has no site. Ten compounds:

    code  office     plan  built  buildings  households  floor m²   stages (see STAGES)
    K01   A          2021  1985       2         100      10000      handed over
    K02   A          2021  1990       3         150      12000.5    built, accepted late
    K03   A          2022  1995       4         200      20000      under construction
    K04   A          2022  1978       1          50       5000      surveyed, nothing since
    K05   B          2022  1999       5         300      30000      demolition begun
    K06   B          –     1999       6         400      40000      –
    K07   B          –     2005       2         120       9000      –
    K08   B ¾ A ¼    2023  1988       –           –          –      –
    K09   nobody     2022  1992       1          80       8000      –
    K10   B          2022  –          2          60       6000.25   design, reported without a date

The sums: 26 buildings, 1460 households, 140000.75 m². Built before 2000: all but K07 and K10.

Twelve structures (state, m²): in K01 S01 closed 10, S02 demolished 20.5; in K03 S03 found 5,
S04 verified 7, S05 ordered 11, S06 demolished 13; in K05 S07 deferred 17, S08 rebuilt, area unknown;
in K09 S09 ordered 4; in no compound, in C, S10 found 3; in K07 S11 of unknown state 2; and S12,
closed, 6, which lies in K01 but whose file says K03.

The school serves K01 to K04 wholly and a part of K08; the clinics K06 and K09 wholly; a second
school and the only market have no radius.
"""

from datetime import date

from desk import Desk, feature, point, square

from layers import progress
from layers.people import OPERATOR
from layers.stages import StageRow

OFFICES = [
    feature(square(west, 36.60, round(west + 0.01, 2), 36.61), code=code, name=f"{code}街道")
    for code, west in (("A", 117.00), ("B", 117.01), ("C", 117.02))
]
_FIELDS = ("name", "plan_year", "built_year", "buildings", "households", "floor_area_m2", "stage")
_COMPOUNDS = {
    "K01": ((117.001, 36.604, 117.002, 36.605), "一号院", 2021, 1985, 2, 100, 10000, None),
    "K02": ((117.003, 36.604, 117.004, 36.605), None, 2021, 1990, 3, 150, 12000.5, None),
    "K03": ((117.005, 36.604, 117.006, 36.605), None, 2022, 1995, 4, 200, 20000, None),
    "K04": ((117.007, 36.604, 117.008, 36.605), None, 2022, 1978, 1, 50, 5000, None),
    "K05": ((117.014, 36.604, 117.015, 36.605), None, 2022, 1999, 5, 300, 30000, None),
    "K06": ((117.017, 36.604, 117.018, 36.605), None, None, 1999, 6, 400, 40000, None),
    "K07": ((117.0145, 36.607, 117.0155, 36.608), None, None, 2005, 2, 120, 9000, None),
    "K08": ((117.009, 36.604, 117.013, 36.605), None, 2023, 1988, None, None, None, None),
    "K09": ((117.040, 36.604, 117.041, 36.605), None, 2022, 1992, 1, 80, 8000, None),
    "K10": ((117.0165, 36.607, 117.0175, 36.608), None, 2022, None, 2, 60, 6000.25, "design"),
}
COMPOUNDS = [
    feature(square(*box), code=code, **dict(zip(_FIELDS, values, strict=True)))
    for code, (box, *values) in _COMPOUNDS.items()
]
_STRUCTURES = {
    "S01": (117.0015, 36.6045, "closed", 10, None),
    "S02": (117.0016, 36.6045, "demolished", 20.5, None),
    "S03": (117.0052, 36.6045, "found", 5, None),
    "S04": (117.0053, 36.6045, "verified", 7, None),
    "S05": (117.0054, 36.6045, "ordered", 11, None),
    "S06": (117.0055, 36.6045, "demolished", 13, None),
    "S07": (117.0145, 36.6045, "deferred", 17, None),
    "S08": (117.0146, 36.6045, "rebuilt", None, None),
    "S09": (117.0405, 36.6045, "ordered", 4, None),
    "S10": (117.0250, 36.6045, "found", 3, None),
    "S11": (117.0150, 36.6075, None, 2, None),
    "S12": (117.0017, 36.6045, "closed", 6, "K03"),
}
STRUCTURES = [
    feature(point(lon, lat), code=code, state=state, area_m2=area, compound_code=compound)
    for code, (lon, lat, state, area, compound) in _STRUCTURES.items()
]
FACILITIES = [
    feature(point(117.0045, 36.6045), code="school-1", kind="school", radius_m=500),
    feature(point(117.0045, 36.6045), code="school-2", kind="school"),
    feature(point(117.0175, 36.6045), code="clinic-1", kind="clinic", radius_m=200),
    feature(point(117.0405, 36.6045), code="clinic-2", kind="clinic", radius_m=300),
    feature(point(117.0045, 36.6045), code="market-1", kind="market"),
]


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _stage(stage: str, start: str = "", finish: str = "", planned_finish: str = "") -> StageRow:
    return StageRow(stage, None, _day(planned_finish), _day(start), _day(finish))


STAGES = {
    "K01": [
        _stage("survey", "2021-01-10", "2021-03-20"),
        _stage("construction", "2021-05-01", "2021-10-30"),
        _stage("acceptance", "2021-11-05", "2021-11-20"),
        _stage("handover", "2021-12-01"),
    ],
    "K02": [
        _stage("construction", "2021-05-01", "2021-11-20"),
        _stage("acceptance", "2022-07-10", planned_finish="2022-05-31"),
    ],
    "K03": [
        _stage("survey", "2022-02-01", "2022-03-30"),
        _stage("construction", "2022-05-10", "2022-10-15", planned_finish="2022-09-30"),
    ],
    "K04": [_stage("survey", "2022-03-01", "2022-03-20")],
    "K05": [_stage("survey", "2022-03-01"), _stage("demolition", "2022-04-15")],
}
TIMETABLE = progress.Timetable(
    (
        progress.Plan(2021, date(2021, 11, 30)),
        progress.Plan(
            2022, date(2022, 11, 30), (("survey", date(2022, 3, 31)), ("construction", date(2022, 10, 31)))
        ),
    ),
    (progress.Target(date(2023, 12, 31), 0.8), progress.Target(date(2025, 12, 31), 1.0)),
)
#: Two days: in summer, and the day after the plan of 2022 was due.
SUMMER, WINTER = date(2022, 6, 30), date(2022, 12, 1)


def fill(desk: Desk) -> None:
    """Load the district into a desk's store."""
    desk.load("street_offices", OFFICES)
    desk.load("compounds", COMPOUNDS)
    desk.load("illegal_structures", STRUCTURES)
    desk.load("facilities", FACILITIES)
    with desk.store.writing(OPERATOR) as work:
        work.put_stages(STAGES)
    progress.set_timetable(desk.store, OPERATOR, TIMETABLE)
