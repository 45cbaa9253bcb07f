"""What a file's values mean: headings to fields, texts to numbers, dates, flags and codes.

A value that is missing or strange becomes unknown (None), with a finding that keeps what stood
there; only a row without a ``must`` field, or with a code the code list does not allow, is set
aside. Nothing is guessed: a number is read the same way whatever stands in the next row.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from geo.errors import Finding, HeadingError
from layers.catalogue import Field, Layer

MAX_TEXT = 2000
MAX_CODE = 64
YEARS = range(1800, 2101)
#: The largest whole number that every reader of our exports keeps exactly (2**53).
MAX_WHOLE = 2**53

#: The codes of findings about values, and the sentence (a translation key) for each.
FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "missing_must": "%(field)s is missing, and the row cannot be stored without it.",
        "not_a_number": "%(field)s is not a number: %(detail)s",
        "not_whole": "%(field)s is not a whole number: %(detail)s",
        "negative": "%(field)s is negative: %(detail)s",
        "out_of_range": "%(field)s is out of range: %(detail)s",
        "not_a_date": "%(field)s is not a date: %(detail)s",
        "not_a_flag": "%(field)s is neither yes nor no: %(detail)s",
        "not_in_list": "%(field)s is not in the list: %(detail)s",
        "control_characters": "%(field)s contains control characters: %(detail)s",
        "too_long": "%(field)s is too long: %(detail)s",
        "not_a_code": "%(field)s contains spaces and is not a code: %(detail)s",
        "digits_lost": "%(field)s has lost digits as a rounded number: %(detail)s",
        "wrong_digits": "%(field)s has not the number of digits its code list asks for: %(detail)s",
    }
)

# C0 and C1 controls (tab and line ends apart) and lone surrogates: no text has them on purpose.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d{1,3})?")
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_DATE = re.compile(r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日?|(\d\d)(\d\d))")
_CLOCK = re.compile(r"[T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$")
_FLAGS = {"是": True, "有": True, "y": True, "yes": True, "true": True, "1": True}
_FLAGS |= {"否": False, "无": False, "n": False, "no": False, "false": False, "0": False}


class Headings(NamedTuple):
    """Which of the file's headings brings which field.

    ``matched`` maps our field names to the file's headings; ``unmapped`` are the headings
    that bring no field, in the file's order.
    """

    matched: dict[str, str]
    unmapped: tuple[str, ...]


class Typed(NamedTuple):
    """The rows of a file as values of a layer's fields.

    ``values`` has one column of Python objects for each stored field, in the layer's order, on
    the file's row numbers; ``unmapped`` one dictionary for each row of what brings no field;
    ``findings`` what was noticed.
    """

    values: pd.DataFrame
    unmapped: list[dict[str, object]]
    findings: list[Finding]


class _Strange(Exception):
    """A value that cannot be taken; its argument is the finding's code."""


def shown(value: object, length: int = 200) -> str:
    r"""Return a value as one line that is safe to print and to store.

    >>> shown("a\0b")
    'a\\x00b'
    """
    text = _CONTROL.sub(lambda found: ascii(found.group())[1:-1], str(value))
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def match_headings(layer: Layer, headings: Sequence[str], given: Mapping[str, str]) -> Headings:
    """Return which heading of a file brings which field of the layer.

    A heading is known by the field's name, pinyin alias, Chinese title or English label (each
    also with the unit in brackets), without regard to case, width, spaces and underscores.
    ``given`` (our name → their heading) goes first. Derived fields are never matched.

    Raises:
        HeadingError: a name in ``given`` does not exist, or two headings bring one field.

    >>> from layers.catalogue import FACILITIES
    >>> match_headings(FACILITIES, ["设施名称", "Radius m", "OBJECTID"], {}).matched
    {'name': '设施名称', 'radius_m': 'Radius m'}
    """
    stored = {field.name for field in layer.stored}
    chosen = {_ours(layer, stored, our): _theirs(headings, their) for our, their in given.items()}
    matched: dict[str, str] = {}
    for field in layer.stored:
        if field.name in chosen:
            matched[field.name] = chosen[field.name]
            continue
        known = _known_as(field)
        found = [heading for heading in headings if _plain(heading) in known]
        if len(found) > 1:
            raise HeadingError(
                "The headings %(headings)s both bring %(field)s; say which one (%(field)s=HEADING).",
                headings=", ".join(shown(heading) for heading in found),
                field=field.name,
            )
        if found:
            matched[field.name] = found[0]
    # Our own derived columns come back with our own exports; they are worked out anew.
    passed = {*matched.values(), *(field.name for field in layer.fields if field.derived)}
    return Headings(matched, tuple(heading for heading in headings if heading not in passed))


def typed(layer: Layer, rows: pd.DataFrame, headings: Headings) -> Typed:
    """Return the values of a layer's stored fields in a file's rows, with findings.

    ``rows`` is indexed by row number, its columns are the file's headings. Dates come out as
    ``datetime.date``, flags as bool, choices as their code, all else as int, float or str.
    """
    findings: list[Finding] = []
    columns: dict[str, pd.Series] = {}
    for field in layer.stored:
        their = headings.matched.get(field.name)
        raw = [None] * len(rows) if their is None else rows[their].tolist()
        values = _column(field, rows.index, raw, findings)
        columns[field.name] = pd.Series(values, index=rows.index, dtype=object)
    unmapped = rows[list(headings.unmapped)].to_dict("records")
    findings.sort(key=lambda finding: finding.row)
    return Typed(pd.DataFrame(columns, index=rows.index, dtype=object), unmapped, findings)


def code_findings(codes: pd.Series, digits: int | None) -> list[Finding]:
    """Return a finding for every code that has not the digits its code list asks for.

    ``codes`` is indexed by row number; unknown codes are passed over, and so is everything
    when ``digits`` is None. A key cannot be unknown, so such a row is set aside.

    >>> [finding.row for finding in code_findings(pd.Series({1: "110101001000", 2: "110101"}), 12)]
    [2]
    """
    if digits is None:
        return []
    right = re.compile(rf"[0-9]{{{digits}}}")
    return [
        Finding(row, "code", "wrong_digits", "set_aside", shown(code))
        for row, code in codes.items()
        if isinstance(code, str) and not right.fullmatch(code)
    ]


@lru_cache(maxsize=4096)
def _plain(heading: str) -> str:
    """Return a heading without what people vary: case, width, spaces and underscores."""
    return re.sub(r"[\s_]", "", unicodedata.normalize("NFKC", heading).casefold())


def _known_as(field: Field) -> set[str]:
    names = {field.name, field.alias, field.title, field.label}
    # 万㎡ is not ㎡: only the very unit of the field may stand in the brackets.
    units = {field.unit, "平方米"} if field.unit == "㎡" else {field.unit} - {""}
    names |= {f"{name}({unit})" for name in (field.title, field.label) for unit in units}
    return {_plain(name) for name in names}


def _ours(layer: Layer, stored: set[str], name: str) -> str:
    found = [f.name for f in layer.stored if name == f.name] or [
        field.name for field in layer.stored if _plain(name) in _known_as(field)
    ]
    if len(found) != 1:
        raise HeadingError(
            "%(layer)s has no field %(field)s that a file can bring; close to it: %(close)s.",
            layer=layer.name,
            field=shown(name),
            close=_close(name, stored),
        )
    return found[0]


def _theirs(headings: Sequence[str], name: str) -> str:
    if name in headings:
        return name
    found = [heading for heading in headings if _plain(heading) == _plain(name)]
    if len(found) != 1:
        raise HeadingError(
            "The file has no heading %(heading)s; close to it: %(close)s.",
            heading=shown(name),
            close=_close(name, headings),
        )
    return found[0]


def _close(name: str, names: Iterable[str]) -> str:
    """Return the names most like this one, or all of them when none is."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names
    return ", ".join(shown(near_name) for near_name in near) or "-"


def _column(field: Field, index: pd.Index, raw: list, findings: list[Finding]) -> list:
    """Return one field's values; what is strange goes to ``findings``."""
    if not field.must and not any(value is not None for value in raw):
        return raw
    take = _TAKERS[field.type]
    values: list[object] = []
    for row, value in zip(index.tolist(), raw, strict=True):
        taken = None
        if not _blank(value):
            try:
                taken = take(field, value)
            except _Strange as strange:
                findings.append(Finding(row, field.name, str(strange), "unknown", shown(value)))
        if taken is None and field.must:
            findings.append(Finding(row, field.name, "missing_must", "set_aside"))
        values.append(taken)
    return values


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(field: Field, value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_WHOLE:
        value = int(value)  # a column of whole numbers with gaps comes as floats
    if isinstance(value, float) and not math.isfinite(value):
        raise _Strange("not_a_number")
    text = str(value)
    if _CONTROL.search(text):
        raise _Strange("control_characters")
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise _Strange("too_long")
    return text


def _code(field: Field, value: object) -> str:
    if isinstance(value, bool):
        raise _Strange("not_a_code")
    if isinstance(value, float) and not (value.is_integer() and abs(value) < MAX_WHOLE):
        raise _Strange("digits_lost")
    text = unicodedata.normalize("NFKC", _text(field, value)).strip()
    if _ROUNDED.fullmatch(text):  # what a spreadsheet makes of a long code: 1.10101E+11
        raise _Strange("digits_lost")
    if re.search(r"\s", text):
        raise _Strange("not_a_code")
    if len(text) > MAX_CODE:
        raise _Strange("too_long")
    return text


def _figure(field: Field, value: object) -> int | float:
    """Return a finite number that is not negative, from a number or its text."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFKC", value).strip()
        text = text.removesuffix(unicodedata.normalize("NFKC", field.unit)).strip()
        if not _NUMBER.fullmatch(text) or not re.search(r"\d", text.lower().split("e")[0]):
            raise _Strange("not_a_number")
        digits = text.replace(",", "")
        value = int(digits) if re.fullmatch(r"[+-]?\d{1,300}", digits) else float(digits)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise _Strange("not_a_number")
    if value < 0:
        raise _Strange("negative")
    if value > 1e300:
        raise _Strange("out_of_range")
    return value


def _number(field: Field, value: object) -> float:
    number = float(_figure(field, value))
    if field.most is not None and number > field.most:
        raise _Strange("out_of_range")
    return number


def _integer(field: Field, value: object) -> int:
    number = _figure(field, value)
    if number != int(number):
        raise _Strange("not_whole")
    if number > MAX_WHOLE:
        raise _Strange("out_of_range")
    return int(number)


def _year(field: Field, value: object) -> int:
    if isinstance(value, str):
        value = value.strip().removesuffix("年")
    year = _integer(field, value)
    if year not in YEARS:
        raise _Strange("out_of_range")
    return year


def _date(field: Field, value: object) -> date:
    text = unicodedata.normalize("NFKC", _text(field, value))
    found = _DATE.fullmatch(_CLOCK.sub("", text))
    if isinstance(value, bool) or not found:
        raise _Strange("not_a_date")
    year, _, *parts = found.groups()
    month, day = (int(part) for part in parts if part)
    try:
        taken = date(int(year), month, day)
    except ValueError:
        raise _Strange("not_a_date") from None
    if taken.year not in YEARS:
        raise _Strange("out_of_range")
    return taken


def _flag(field: Field, value: object) -> bool:
    text = unicodedata.normalize("NFKC", _text(field, value)).casefold()
    if text not in _FLAGS:
        raise _Strange("not_a_flag")
    return _FLAGS[text]


def _choice(field: Field, value: object) -> str:
    plain = _plain(_text(field, value))
    for code, title in (field.choices or {}).items():
        if plain in (_plain(code), _plain(title)):
            return code
    raise _Strange("not_in_list")


_TAKERS: Mapping[str, Callable[[Field, object], object]] = MappingProxyType(
    {
        "text": _text,
        "code": _code,
        "integer": _integer,
        "number": _number,
        "year": _year,
        "date": _date,
        "flag": _flag,
        "choice": _choice,
    }
)
