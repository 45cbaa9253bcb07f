"""How things are said: labels, numbers, areas, rates and dates in the reader's language.

Every text has an English key; the catalogue's labels are translated in the context of their
layer, because one English word (Kind, Floor area) may stand for two Chinese titles.
Areas are said in 万㎡ in Chinese and in million m² in English, always with the unit.
"""

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import BinaryIO

from babel.messages.extract import extract_python
from flask import Flask
from flask_babel import format_date, get_locale, gettext, ngettext, pgettext
from jinja2 import pass_context

from geo import check, errors
from geo.errors import Finding, GuatuError
from layers import intake, values
from layers.catalogue import LAYERS, STATE_TITLES, layer_named
from layers.stages import STAGES

#: The text of every kind of finding, wherever in a load it is made.
FINDINGS: Mapping[str, str] = MappingProxyType({**check.FINDINGS, **values.FINDINGS, **intake.FINDINGS})
LANGUAGES: Mapping[str, str] = MappingProxyType({"zh": "中文", "en": "English"})
DEFAULT_LANGUAGE = "zh"
#: Names of the constants whose values are texts for people, translated where they are shown.
_HOLDS_TEXTS = re.compile(r"FINDINGS|STEPS|[A-Z]*_TEXTS|BY_[A-Z]+")
#: The catalogue's units in English.
_ENGLISH_UNITS = {
    **dict.fromkeys(("个", "栋", "户", "层", "处", "项", "部", "分"), ""),
    "㎡": "m²",
    "万元": "× 10,000 yuan",
    "m": "m",
    "%": "%",
}
#: Kinds of facilities are free text of the files, written in Chinese; these are the usual ones.
_ENGLISH_KINDS = {
    "公园绿地": "Park",
    "养老服务站": "Elderly care",
    "卫生服务站": "Health station",
    "小学": "Primary school",
    "幼儿园": "Kindergarten",
    "社区服务站": "Service station",
    "菜市场": "Market",
}


def language() -> str:
    """Return the code of the language the reader gets: ``zh`` or ``en``."""
    locale = get_locale()
    return DEFAULT_LANGUAGE if locale is None else locale.language


def stage_label(stage: str) -> str:
    """Return what a stage is called."""
    return pgettext("stage", STAGES[stage].label)


def state_label(state: str | None) -> str:
    """Return what a state of an illegal structure is called."""
    return pgettext("state", state) if state else gettext("unknown")


def layer_label(layer: str) -> str:
    """Return what a layer is called."""
    return pgettext("layer", layer_named(layer).label)


def field_label(layer: str, field: str) -> str:
    """Return what a field of a layer is called."""
    return pgettext(layer, layer_named(layer).field(field).label)


def kind_label(kind: str) -> str:
    """Return what a kind of facility is called; a kind nobody translated keeps its own name."""
    return kind if language() == "zh" else _ENGLISH_KINDS.get(kind, kind)


def labels() -> Iterator[tuple[str, str, str]]:
    """Yield (context, English label, Chinese title) of all that the catalogue and the stages name."""
    for layer in LAYERS.values():
        yield "layer", layer.label, layer.title
        for field in layer.fields:
            yield layer.name, field.label, field.title
    for stage in STAGES.values():
        yield "stage", stage.label, stage.title
    for state, title in STATE_TITLES.items():
        yield "state", state, title


def extract_labels(file: BinaryIO, keywords: object, tags: object, options: object) -> Iterator[tuple]:
    """Yield the labels in the shape of a Babel extraction method (see babel.cfg)."""
    for context, label, title in dict.fromkeys(labels()):
        yield 1, "pgettext", (context, label), [title]


def extract_texts(
    file: BinaryIO, keywords: Collection[str], tags: Collection[str], options: dict
) -> Iterator[tuple]:
    """Yield a Python file's texts in the shape of a Babel extraction method (see babel.cfg).

    Besides calls of gettext and raised errors these are the help of commands and options, and
    the constants that hold texts.
    """
    calls = {*keywords, *(name for name, kind in vars(errors).items() if isinstance(kind, type))}
    for line, call, texts, comments in extract_python(file, calls, tags, options):
        if str(texts).strip():
            yield line, call if call in keywords else "gettext", texts, comments
    file.seek(0)
    for node in ast.walk(ast.parse(file.read())):
        for text in _texts_of(node):
            yield node.lineno, "gettext", " ".join(text.split()), []


def _texts_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and any(_is_command(d) for d in node.decorator_list):
        yield ast.get_docstring(node) or ""
    if isinstance(node, ast.Call):
        yield from (_text(k.value) for k in node.keywords if k.arg == "help")
        if isinstance(node.func, ast.Name) and node.func.id == "tell":
            said = [n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant)]
            yield from (text for text in said if isinstance(text, str))
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(t, ast.Name) and _HOLDS_TEXTS.fullmatch(t.id) for t in targets) and node.value:
            held = [d for d in ast.walk(node.value) if isinstance(d, ast.Dict)]
            pairs = [pair for d in held for pair in zip(d.keys, d.values, strict=True)]
            yield from (_text(value) for key, value in pairs if key is not None)
            yield from [] if held else [_text(node.value)]


def _is_command(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr == "command"


def _text(node: ast.expr) -> str:
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        raise ValueError(f"line {node.lineno}: a text for people must be written out")
    return node.value


def day(value: date | str | None) -> str:
    """Return a date as people write it: 2022年6月30日, 30 Jun 2022."""
    if value is None:
        return "—"
    known = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(known, "y年M月d日" if language() == "zh" else "d MMM y")


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number with its thousands set apart; unknown is said to be unknown."""
    return gettext("unknown") if value is None else f"{value:,.{decimals}f}"


def more(count: int) -> str:
    """Return how many more there are, with its sign.

    >>> more(1200), more(-3), more(0)
    ('+1,200', '−3', '0')
    """
    return "0" if not count else ("+" if count > 0 else "−") + f"{abs(count):,}"


def large_area(square_metres: float | None) -> str:
    """Return a sum of areas without its unit, which ``large_area_unit`` names (for tables)."""
    if square_metres is None:
        return gettext("unknown")
    return f"{square_metres / 1e4:,.1f}" if language() == "zh" else f"{square_metres / 1e6:,.2f}"


def large_area_unit() -> str:
    """Return the unit of ``large_area``: 万㎡ or million m²."""
    return gettext("million m²")


def area(square_metres: float | None) -> str:
    """Return a sum of areas with its unit: 107.0 万㎡, 1.07 million m²."""
    return large_area(square_metres) + ("" if square_metres is None else f" {large_area_unit()}")


def small_area(square_metres: float | None) -> str:
    """Return the area of one thing with its unit: 39,630 ㎡, 39,630 m²."""
    return number(square_metres) + ("" if square_metres is None else " " + gettext("m²"))


def percent(share: float | None) -> str:
    """Return a share as a percentage, never rounded up to a whole that it is not.

    >>> percent(0.99999), percent(1.0), percent(None)
    ('99.9%', '100.0%', '—')
    """
    if share is None:
        return "—"
    shown = round(share * 1000)
    if (shown >= 1000 > share * 1000) or (shown == 0 and share > 0):
        shown = 999 if share > 0.5 else 1
    return f"{shown / 10:.1f}%"


def compounds(count: int) -> str:
    """Return a number of compounds: 27 个小区, 27 compounds."""
    return ngettext("%(count)s compound", "%(count)s compounds", count, count=number(count))


def structures(count: int) -> str:
    """Return a number of illegal structures: 12 处违建, 12 structures."""
    return ngettext("%(count)s structure", "%(count)s structures", count, count=number(count))


def facilities(count: int) -> str:
    """Return a number of facilities: 3 处设施, 3 facilities."""
    return ngettext("%(count)s facility", "%(count)s facilities", count, count=number(count))


def value(layer: str, field: str, known: object) -> str:
    """Return one value of one field as a person reads it, with its unit."""
    told = layer_named(layer).field(field)
    if known is None or known == "":
        return gettext("unknown")
    if told.type == "flag":
        return gettext("yes") if known else gettext("no")
    if told.type == "date":
        return day(known)
    if told.type == "year":
        return str(known)
    if told.type in ("integer", "number"):
        decimals = 0 if float(known).is_integer() or told.unit == "㎡" else 1
        return _with_unit(number(known, decimals), told.unit)
    return str(known)


def unit(name: str) -> str:
    """Return a unit of the catalogue as the reader writes it; things counted need none in English."""
    return name if language() == "zh" else _ENGLISH_UNITS[name]


def _with_unit(text: str, name: str) -> str:
    told = unit(name) if name else ""
    return f"{text} {told}" if told else text


FILTERS: Mapping[str, Callable] = MappingProxyType(
    {
        f.__name__: f
        for f in (area, day, field_label, kind_label, large_area, layer_label, more, number, percent)
        + (small_area, stage_label, state_label, compounds, structures, facilities, value)
    }
)


def _at_every_call(said: Callable) -> Callable:
    return pass_context(lambda _context, *values, **named: said(*values, **named))


def add_filters(app: Flask, filters: Mapping[str, Callable]) -> None:
    """Give every template these words as filters."""
    # Jinja works out a filter of a constant once, when it compiles the template: for the language
    # of whoever came first. One that asks for the context is worked out at every call.
    app.jinja_env.filters.update({name: _at_every_call(said) for name, said in filters.items()})


def install(app: Flask) -> None:
    """Give every template these words as filters, and the languages there are."""
    add_filters(app, FILTERS)
    app.jinja_env.globals.update(large_area_unit=large_area_unit, language=language, LANGUAGES=LANGUAGES)


def told(error: GuatuError) -> str:
    """Return an error in the reader's language, on one line."""
    values = dict(error.values)
    known = _TEXTS.get(str(values.get("reason")))
    if known is not None:
        values["reason"] = gettext(known)
    return " ".join(gettext(error.text, **values).split())


#: What the operating system and the database say, in words that can be translated.
_TEXTS = {
    "Address already in use": "it is in use already",
    "File too large": "a file may not become so large",
    "Is a directory": "it is a folder",
    "No space left on device": "the disk is full",
    "No such file or directory": "there is no such file or folder",
    "Not a directory": "a part of its path is no folder",
    "Permission denied": "access is denied",
    "Read-only file system": "the disk is read-only",
    "attempt to write a readonly database": "it is read-only",
    "database disk image is malformed": "the file is damaged",
    "database or disk is full": "the disk is full",
    "disk I/O error": "the disk does not answer",
    "file is not a database": "the file is no database",
    "unable to open database file": "the file cannot be opened",
}


def finding_text(layer: str, finding: Finding) -> str:
    """Return what was found in a row, in the reader's language."""
    known = {field.name for field in layer_named(layer).fields}
    named = field_label(layer, finding.field) if finding.field in known else finding.field
    text = FINDINGS.get(finding.code, finding.code)
    said = gettext(text, field=named, detail=finding.detail)
    return said if not finding.detail or "%(detail)s" in text else f"{said} ({finding.detail})"
