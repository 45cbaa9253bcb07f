"""The four layers: what each field is called, in what type and unit, and who may see it.

Everything else (tables, intake, exports, pages) reads the layers from here. Field names are
English code; ``title`` is the Chinese title people and files use, ``label`` the English one
(and the key of its translation), ``alias`` the pinyin code under which other bureaux exchange it.
The fields are those of the trade's registers; "unknown" (None) is a value of every one that
is not ``must``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from geo.errors import NotFoundError, RequestError

POINT, POLYGON, POINT_OR_POLYGON = "point", "polygon", "point or polygon"

STATES = ("found", "verified", "ordered", "demolished", "deferred", "rebuilt", "closed")
STATE_TITLES = MappingProxyType(
    {
        "found": "发现",
        "verified": "认定",
        "ordered": "限期",
        "demolished": "已拆",
        "deferred": "暂缓",
        "rebuilt": "复建",
        "closed": "销账",
    }
)
#: A case is an unpublished investigation until its owner has been ordered to clear it.
PUBLISHED_STATES = frozenset(STATES[2:])
#: What counts as cleared: taken down, or checked again and struck off the ledger.
CLEARED_STATES = frozenset({"demolished", "closed"})

#: Lists of division codes by name: how many digits each code must have (None: not checked).
CODE_LISTS = MappingProxyType({"local": None, "nbs-2023": 12, "mca-2023": 12})


@dataclass(frozen=True)
class Field:
    """One field of a layer.

    ``type`` is text, code, integer, number, year, date, flag or choice; ``unit`` the unit
    of measure ("" where there is none); ``must`` says a row without it is set aside;
    ``private`` that no visitor ever sees it; ``derived`` that the program works it out and a
    file's value is ignored; ``choices`` maps each allowed code to its Chinese title; ``most`` is the largest
    number that can be meant.
    """

    name: str
    alias: str
    title: str
    label: str
    type: str = "text"
    unit: str = ""
    must: bool = False
    private: bool = False
    derived: bool = False
    choices: Mapping[str, str] | None = None
    most: float | None = None


@dataclass(frozen=True)
class Layer:
    """One layer: its name, titles, pinyin alias, kind of geometry, and fields in order."""

    name: str
    title: str
    label: str
    alias: str
    geometry: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """Return the field of that name; raise RequestError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise RequestError("Layer %(layer)s has no field %(field)s.", layer=self.name, field=name)

    @property
    def stored(self) -> tuple[Field, ...]:
        """The fields a file brings (all but the derived ones)."""
        return tuple(field for field in self.fields if not field.derived)


_STAGE_TITLES = {
    "not_begun": "未启动",
    "survey": "调查摸底",
    "demolition": "拆违拆临",
    "design": "方案设计",
    "tender": "招投标",
    "construction": "施工",
    "acceptance": "综合验收",
    "handover": "长效管理",
}

#: Which street office answers for a row: worked out by assignment, the same for every site.
_DUTY = (
    Field("street_office_code", "JDDM", "街道代码", "Street office code", "code", derived=True),
    Field("street_office_name", "JDMC", "街道名称", "Street office", derived=True),
    Field("street_office_share", "JDZB", "街道占比", "Share in street office", "number", derived=True),
    Field("border", "BJ", "跨界", "On a border", "flag", derived=True),
)

STREET_OFFICES = Layer(
    "street_offices",
    "街道办事处",
    "Street offices",
    "JD",
    POLYGON,
    (
        Field("code", "JDDM", "街道代码", "Street office code", "code", must=True),
        Field("name", "JDMC", "街道名称", "Street office", must=True),
        Field("division_code", "XZQHDM", "行政区划代码", "Division code", "code"),
        Field("pinyin", "PY", "拼音", "Pinyin"),
    ),
)

COMPOUNDS = Layer(
    "compounds",
    "老旧小区",
    "Compounds",
    "XQ",
    POLYGON,
    (
        Field("code", "XQBH", "小区编号", "Compound code", "code"),
        Field("name", "XQMC", "小区名称", "Compound"),
        Field("division_code", "XZQHDM", "行政区划代码", "Division code", "code"),
        Field("community", "SQMC", "社区名称", "Community"),
        Field("address", "DZ", "地址", "Address"),
        Field("plan_year", "NDJH", "年度计划", "Plan year", "year"),
        Field("built_year", "JCND", "建成年份", "Year built", "year"),
        Field("buildings", "LDS", "楼栋数", "Buildings", "integer", "栋"),
        Field("entrances", "DYS", "单元数", "Entrances", "integer", "个"),
        Field("households", "HS", "户数", "Households", "integer", "户"),
        Field("floor_area_m2", "ZZJZMJ", "住宅建筑面积", "Floor area", "number", "㎡"),
        Field("land_area_m2", "YDMJ", "用地面积", "Land area", "number", "㎡"),
        Field("tenure", "CQXZ", "产权性质", "Tenure"),
        Field("management", "WYFS", "物业管理方式", "Property management"),
        Field("owners_committee", "YWH", "业主委员会", "Owners' committee", "flag"),
        Field("work_categories", "GZLB", "改造类别", "Work categories"),
        Field("investment_wan_yuan", "ZTZ", "总投资", "Total investment", "number", "万元"),
        Field("invested_wan_yuan", "WCTZ", "完成投资", "Completed investment", "number", "万元"),
        Field("funds_wan_yuan", "DWZJ", "到位资金", "Funds in place", "number", "万元"),
        Field("responsible_body", "SSZT", "实施主体", "Responsible body"),
        Field("designer", "SJDW", "设计单位", "Designer"),
        Field("builder", "SGDW", "施工单位", "Builder"),
        Field("supervisor", "JLDW", "监理单位", "Supervisor"),
        Field("auditor", "SHENJDW", "审计单位", "Auditor"),
        Field("satisfaction", "MYD", "满意度", "Satisfaction", "number", "%", most=100),
        Field("contact", "LXR", "联系人", "Contact", private=True),
        Field("contact_phone", "LXDH", "联系电话", "Contact phone", private=True),
        Field("stage", "JDJD", "改造阶段", "Stage", "choice", choices=MappingProxyType(_STAGE_TITLES)),
        *_DUTY,
    ),
)

ILLEGAL_STRUCTURES = Layer(
    "illegal_structures",
    "违法建设",
    "Illegal structures",
    "WJ",
    POINT,
    (
        Field("code", "WJBH", "违建编号", "Structure code", "code"),
        Field("name", "WJMC", "违建名称", "Structure"),
        Field("compound_code", "XQBH", "小区编号", "Compound code", "code"),
        Field("place", "WZ", "位置", "Place"),
        Field("kind", "LX", "类型", "Kind"),
        Field("material", "JG", "结构", "Material"),
        Field("storeys", "CS", "层数", "Storeys", "integer", "层"),
        Field("area_m2", "MJ", "面积", "Area", "number", "㎡"),
        Field("batch", "QC", "期次", "Batch"),
        Field("state", "ZT", "状态", "State", "choice", choices=STATE_TITLES),
        Field("built_on", "JCSJ", "建成时间", "Built on", "date"),
        Field("found_on", "RDSJ", "认定时间", "Found on", "date"),
        Field("due_on", "XQSJ", "限期", "Due on", "date"),
        Field("demolished_on", "CCSJ", "拆除时间", "Demolished on", "date"),
        Field("disposal", "CZFS", "处置方式", "Disposal"),
        Field("recheck", "HTK", "回头看结果", "Re-check"),
        Field("later_use", "CHYT", "拆后用途", "Later use"),
        Field("person", "DSR", "当事人", "Person", private=True),
        *_DUTY,
    ),
)

FACILITIES = Layer(
    "facilities",
    "配套设施",
    "Facilities",
    "SS",
    POINT_OR_POLYGON,
    (
        Field("code", "SSBH", "设施编号", "Facility code", "code"),
        Field("name", "SSMC", "设施名称", "Facility"),
        Field("kind", "SSLX", "设施类型", "Kind"),
        Field("radius_m", "FWBJ", "服务半径", "Service radius", "number", "m", most=50_000),
        Field("floor_area_m2", "MJ", "建筑面积", "Floor area", "number", "㎡"),
        Field("capacity", "XYRL", "现有容量", "Capacity", "number"),
        Field("status", "ZT", "建设状态", "Status"),
    ),
)

LAYERS: Mapping[str, Layer] = MappingProxyType(
    {layer.name: layer for layer in (STREET_OFFICES, COMPOUNDS, ILLEGAL_STRUCTURES, FACILITIES)}
)


def layer_named(name: str) -> Layer:
    """Return the layer of that name; raise NotFoundError, naming the four, when there is none.

    >>> layer_named("compounds").title
    '老旧小区'
    """
    if name not in LAYERS:
        raise NotFoundError(
            "No layer is called %(layer)s; the layers are %(layers)s.",
            layer=name,
            layers=", ".join(LAYERS),
        )
    return LAYERS[name]
