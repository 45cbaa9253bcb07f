"""The modules of the map's script as one script."""

import re

import pytest

from geo.errors import FileError
from webmap.bundling import bundle
from webmap.lasting import MODULES, map_script


def write(folder, **modules):
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")


def test_modules_become_functions_that_run_after_those_they_import(tmp_path):
    write(
        tmp_path,
        low="const kept = 1;\nexport const told = () => kept;\nexport async function ask() {}\n",
        high='import { told } from "./low.js";\n\nexport function twice() {\n  return 2 * told();\n}\n',
        main='import { twice } from "./high.js";\n'
        'import { ask, told as plain } from "./low.js";\n\nplain();\n',
        other="export const unused = 1;\n",
    )
    assert bundle(tmp_path) == (
        "const $low = (() => {\nconst kept = 1;\nconst told = () => kept;\nasync function ask() {}\n"
        "return { told, ask };\n})();\n"
        "const $high = (() => {\nconst { told } = $low;\n\nfunction twice() {\n  return 2 * told();\n}\n"
        "return { twice };\n})();\n"
        "const $main = (() => {\nconst { twice } = $high;\nconst { ask, told: plain } = $low;\n\nplain();\n"
        "return {  };\n})();\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "export let told = 1;\n",
        "export default 1;\n",
        "const a = 1;\nexport { a };\n",
        'import low from "./low.js";\n',
        'import * as low from "./low.js";\n',
        'import "./low.js";\n',
        'import { a } from "elsewhere";\n',
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path, source):
    write(tmp_path, low="export const a = 1;\n", main=source)
    with pytest.raises(FileError, match=r"main\.js cannot be joined"):
        bundle(tmp_path)


def test_modules_that_import_each_other_are_refused(tmp_path):
    write(tmp_path, a='import { b } from "./main.js";\n', main='import { a } from "./a.js";\n')
    with pytest.raises(FileError, match="imports itself"):
        bundle(tmp_path)


def test_every_module_of_the_map_is_in_its_script_once():
    names = re.findall(r"^const \$(\w+) = \(\(\) => \{$", map_script(), flags=re.MULTILINE)
    assert sorted(names) == sorted(path.stem for path in MODULES.glob("*.js"))
    assert names[0] == "view" and names[-1] == "main"
