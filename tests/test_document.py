"""docs/store.md is held to the program: its tables, rights, settings, commands and tests are there."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from layers import tables
from layers.postgis import LOCK_WAIT_MS, open_postgis
from layers.roles import rights
from layers.session import CLIENT, READ_S, SERVER

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (CHECKOUT / "docs" / "store.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = re.split(r"^#+ ", TEXT.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_each_table_is_there_with_its_key_and_what_the_program_may_do():
    told = {name.strip("`"): (key.strip("`"), may) for name, key, _, may in rows_under("The tables")}
    allowed = rights("program")
    assert told == {
        table.name: (", ".join(c.name for c in table.primary_key), ", ".join(allowed[table.name]))
        for table in tables.metadata.sorted_tables
    }
    assert all(holds for _, _, holds, _ in rows_under("The tables"))


def test_each_setting_has_the_value_that_is_told():
    known = {
        name: parameter.default for name, parameter in inspect.signature(open_postgis).parameters.items()
    }
    known |= {**CLIENT, **SERVER, "read_s": READ_S, "LOCK_WAIT_MS": LOCK_WAIT_MS}
    told = rows_under("Waits and limits")
    assert len(told) >= 7
    for names, values, _ in told:
        named, said = re.findall(r"`(\w+)`", names), [int(n) for n in re.findall(r"\d+", values)]
        assert [known[name] for name in named] == said, names


def cited() -> list[str]:
    """Return every test and file of tests that the page names."""
    return sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT)))


@pytest.mark.parametrize("name", cited())
def test_each_test_that_is_named_is_there(name):
    path, _, function = name.partition("::")
    tree = ast.parse((CHECKOUT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if function:
        assert function in functions
    else:
        assert any(name.startswith("test_") or name == "main" for name in functions)


def test_each_promise_names_a_test():
    promises = rows_under("What is promised, and how it is tested")
    assert len(promises) >= 10
    assert [promise for promise, held in promises if "`tests/" not in held] == []


def test_each_command_and_file_that_is_named_is_there(make_app):
    commands = set(re.findall(r"flask ([a-z][a-z-]+)", TEXT))
    assert commands >= {"migrate", "grant-roles", "copy-store"}
    assert commands <= set(make_app().cli.commands)
    files = set(re.findall(r"`((?:layers|webmap|geo|docs)/[\w./]+)`", TEXT))
    assert [name for name in files if not (CHECKOUT / name).exists()] == []
