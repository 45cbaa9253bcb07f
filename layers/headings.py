"""What the statistics sheets and their columns are called: English keys, translated where they are shown."""

from collections.abc import Mapping
from types import MappingProxyType

BY_MONEY = "by money"
OPENING, DURING, END = "before the period", "in the period", "by the end of the period"

#: What the sheets are called.
SHEET_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "plan": "Annual plan",
        "progress": "Progress of the annual plan",
        "stages": "Stages of the annual plan",
        "effect": "Effect of the programme",
        "facts": "Facts of the compounds",
        "demolition": "Illegal structures by street office",
        "batches": "Illegal structures by batch",
        "compounds": "Compounds of the annual plan",
    }
)
#: Times within a heading: 上期末, 本期, 本期末.
TIME_TEXTS: Mapping[str, str] = MappingProxyType(
    {OPENING: "before the period", DURING: "in the period", END: "by the end of the period"}
)
#: Headings of columns.
COLUMN_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "planned": "Compounds planned",
        "planned_buildings": "Buildings planned",
        "planned_households": "Households planned",
        "planned_area": "Floor area planned",
        "before_1980": "Built before 1980",
        "before_1990": "Built 1980 to 1989",
        "before_2000": "Built 1990 to 1999",
        "since_2000": "Built 2000 or later",
        "built_unknown": "Year built unknown",
        "investment": "Investment planned",
        "funds": "Funds in place",
        "funds_rate": "Funds in place, share",
        "added": "Added to the plan",
        "removed": "Taken out of the plan",
        "started": "Works begun",
        "started_households": "Households, works begun",
        "done": "Works done",
        "accepted": "Works accepted",
        "start_rate": "Share begun",
        "done_rate": "Share done",
        "late": "Late",
        "on_time": "On time",
        "on_time_rate": "Share on time",
        "invested": "Investment completed",
        "invested_rate": "Investment completed, share",
        "quantities": "Works reported by quantity",
        "confirmed": "Figures confirmed",
        "old": "Compounds built before 2000",
        "old_done": "Built before 2000 and done",
        "old_rate": "Built before 2000, share done",
        "done_households": "Households in compounds done",
        "done_area": "Floor area in compounds done",
        "lifts": "Lifts added",
        "parking": "Parking places added",
        "care": "Places for old and young added",
        "every": "Compounds",
        "buildings": "Buildings",
        "entrances": "Entrances",
        "households": "Households",
        "area": "Floor area",
        "land": "Land area",
        "managed": "With property management",
        "unmanaged": "Property management unknown",
        "committee": "With an owners' committee",
        "no_committee": "Without an owners' committee",
        "committee_unknown": "Owners' committee unknown",
        "ever_planned": "In a plan",
        "never_planned": "In no plan",
        "ledger": "Structures on the ledger",
        "cleared": "Structures cleared",
        "standing": "Structures still standing",
        "cleared_rate": "Share cleared, by number",
        "overdue": "Past their deadline",
        "ledger_area": "Area on the ledger",
        "cleared_area": "Area cleared",
        "cleared_area_rate": "Share cleared, by area",
        "rechecked": "Checked again on the spot",
        "office": "Street office",
        "stage": "Stage",
        "built": "Year built",
        "due": "Works to be done by",
        "begun_on": "Works begun on",
        "done_on": "Works done on",
        "place": "Rank",
        "won": "Points won",
        "possible": "Points assessed",
        "score": "Score",
        "grade": "Grade",
        "change": "Since the period before",
    }
)
