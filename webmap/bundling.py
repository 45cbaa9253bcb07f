"""The modules of the map's script as one script, so that a page need not ask for one after the other.

They stay files of their own, as they are written and read. A module becomes a function that is run
once, after those it imports, and hands over what it exports; nothing else of it is seen outside.
"""

import re
from pathlib import Path

from geo.errors import FileError

_IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^\s*(?:import|export)\b(?! *\().*", re.MULTILINE)


def bundle(folder: Path, last: str = "main") -> str:
    """Return one script that does what the module ``last`` of a folder and those it imports do.

    Modules import by name, ``import { a, b as c } from "./x.js";``, and export a function or a
    constant where they make it; so what is imported never changes.

    Raises:
        FileError: a module imports or exports in another way, or imports one that imports it.
    """
    made: dict[str, str] = {}
    _add(folder, last, made, ())
    return "".join(made.values())


def _add(folder: Path, name: str, made: dict[str, str], above: tuple[str, ...]) -> None:
    """Add a module, after those it imports."""
    if name in made:
        return
    if name in above:
        raise FileError("The script %(name)s.js imports itself, by way of others.", name=name)
    source = (folder / f"{name}.js").read_text(encoding="utf-8")
    for _, imported in _IMPORT.findall(source):
        _add(folder, imported, made, (*above, name))
    made[name] = _as_function(name, source)


def _as_function(name: str, source: str) -> str:
    exported = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(_taken, source))
    if other := _OTHER.search(body):
        raise FileError("The script %(name)s.js cannot be joined: %(line)s", name=name, line=other[0])
    return f"const ${name} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();\n"


def _taken(found: re.Match) -> str:
    return f"const {{{found[1].replace(' as ', ': ')}}} = ${found[2]};"
