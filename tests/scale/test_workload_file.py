# SPDX-License-Identifier: Apache-2.0
"""Goal: a workload's file says what is wrong in it with line and key, and what is right runs.

Method: texts, and one run on virtual CPUs. How to read a failure: the text, and what was said of
it. Seen to fail: the line counted from the head of the file; `others` taken as all.
"""

import json
import re
import tomllib
from typing import Any

import pytest
from typer.testing import CliRunner

from vmalab_cli import app
from vmalab_scale import machine, run, workload_file
from vmalab_scale.work import ScaleError, Workload

GOOD = """\
text = "one CPU changes rights beside readers"

[areas.heap]
pages = 8
filled = true

[areas.own]
pages = 4
each = true
by = "own"

[areas.spare]
pages = 4
each = true
by = "own"
mapped = false

[[cpus]]
which = "first"
do = ["mprotect heap 0-3 r", "mprotect heap 0-3 rw", "fork", "exit", "maps"]

[[cpus]]
which = "1-2"
do = [
    "read heap all",
    "dontneed own all", "store own 1-2"]

[[cpus]]
which = "others"
do = ["store own 0", "mremap own to spare", "mremap spare to own", "munmap own 3", "mmap own 3 rw"]
"""


def parsed(text: str = GOOD) -> Workload:
    return workload_file.parse(text, where="mine.toml")


def test_it_runs() -> None:
    found = run.cell(
        "typesafe-rwsem", "aligned", parsed(), machine=machine.read("two-sockets"), vcpus=4,
        warm=4, least=40,
    )  # fmt: skip
    assert found.good, found.failure
    assert found.workload == "mine"
    assert {*found.kinds} == {
        "exit", "fault", "fork", "madvise", "maps", "mmap", "mprotect", "mremap", "munmap"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("pages = 8", "pages = 0", "line 4, [areas.heap], pages: 0: a whole number from 1 to 4096"),
        ("pages = 8", "", "line 3, [areas.heap], pages: is missing"),
        ("filled = true", "full = true", "line 5, [areas.heap], full: there are pages, each"),
        ("filled = true", 'by = "own"', "line 5, [areas.heap], by: 'own': first is wanted"),
        ("filled = true", "filled = 1", "line 5, [areas.heap], filled: 1: true or false"),
        ("mapped = false", "mapped = false\nfilled = true",
         "line 17, [areas.spare], filled: what is not mapped has no pages"),
        ("[areas.heap]", "[areas.Heap]", "line 3, [areas.Heap]: a name is"),
        ('which = "1-2"', 'which = "some"', "line 23, [[cpus]] 2, which: 'some': first, others"),
        ('"read heap all"', '"read heap"', "line 25, [[cpus]] 2, do: 'read heap': it is written"),
        ('"read heap all"', '"look heap all"', "'look heap all': an operation begins with one of"),
        ('"read heap all"', '"read hoop all"', "there is no [areas.hoop]"),
        ('"read heap all"', '"read heap 8"', "heap has the pages 0 to 7"),
        ('"read heap all"', '"read heap 3-2"', "the first page is behind the last one"),
        ('"read heap all"', "7", "line 24, [[cpus]] 2, do: 7: an operation begins"),
        ('"exit", ', "", "line 20, [[cpus]] 1, do: each fork has its exit"),
        ("mremap own to spare", "uffd_move heap all to own", "own has fewer pages than heap"),
        ('do = [\n    "read', 'does = [\n    "read',
         "line 24, [[cpus]] 2, does: there are which, do"),
        ("text =", "title =", "line 1, title: there are text, areas and cpus"),
        ("[areas.heap]", "[areas.heap", "no TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_line(old: str, new: str, says: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(ScaleError) as error:
        parsed(GOOD.replace(old, new, 1))
    assert str(error.value).startswith("mine.toml")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("which", "cpus"),
    [("first", {0}), ("others", {1, 2, 3, 4}), ("all", {0, 1, 2, 3, 4}), ("even", {0, 2, 4}),
     ("odd", {1, 3}), ("3", {3}), ("2-3", {2, 3})],
)  # fmt: skip
def test_which_cpus_a_table_names(which: str, cpus: set[int]) -> None:
    group = workload_file.Group(which, ())
    assert {cpu for cpu in range(5) if group.has(cpu)} == cpus


def test_a_file_without_cpus_says_nothing_to_do() -> None:
    with pytest.raises(ScaleError, match=r"\[\[cpus\]\] is missing"):
        parsed("")


def test_a_cpu_that_no_table_names() -> None:
    with pytest.raises(ScaleError, match=r"no .*cpus.* says what CPU 3 of 4 does"):
        run.cell(
            "typesafe-rwsem", "aligned", parsed(GOOD.replace('"others"', '"2"')),
            machine=machine.read("two-sockets"), vcpus=4,
        )  # fmt: skip


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value is as a schema says, of those words that ours uses."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        named = schema.get("patternProperties", {})
        for key, one in value.items():
            below = known.get(key) or next((s for p, s in named.items() if re.match(p, key)), None)
            if below is None or not fits(one, below):
                return False
        return schema["type"] == "object" and {*schema.get("required", ())} <= value.keys()
    if isinstance(value, list):
        right = schema["type"] == "array" and schema["minItems"] <= len(value)
        return right and all(fits(one, schema["items"]) for one in value)
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"integer": int, "boolean": bool, "string": str}
    if type(value) is not kinds[schema["type"]]:
        return False
    if isinstance(value, int):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    patterns = [one["pattern"] for one in schema.get("anyOf", [schema]) if "pattern" in one]
    return not patterns or any(re.search(one, str(value)) for one in patterns)


def test_the_schema_takes_what_the_reader_takes() -> None:
    done = CliRunner().invoke(app.app, ["scale", "--schema"])
    assert done.exit_code == 0, done.output
    schema = json.loads(done.output)
    assert fits(tomllib.loads(GOOD), schema)
    for old, new in (("pages = 8", "pages = 0"), ("read heap all", "read heap"), ("1-2", "some"),
                     ("mapped = false", "mapped = 0"), ("text =", "title =")):  # fmt: skip
        assert not fits(tomllib.loads(GOOD.replace(old, new, 1)), schema), new
