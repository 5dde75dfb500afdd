# SPDX-License-Identifier: Apache-2.0
"""The conformance cases as data: each can be read, and names only what there is.

Goal: a case says nothing that a client could misunderstand: its constants are in the one table, its
variables are made before they are used, its steps and keys are those of the README. Method: the
cases are read as the runner reads them. The clients themselves run in `make test-clients`.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vmalab import uapi
from vmalab.ops import Op, Reason, Status

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT / "clients" / "conformance"
LEAST = 120


@pytest.fixture(scope="module")
def cases() -> Iterator[list[dict[str, Any]]]:
    sys.path.insert(0, str(CONFORMANCE))
    try:
        import reading

        yield reading.cases()
    finally:
        sys.path.remove(str(CONFORMANCE))
        sys.modules.pop("reading", None)


def constants() -> set[str]:
    found = {name for name, value in vars(uapi).items() if isinstance(value, int)}
    for value in vars(uapi).values():
        if isinstance(value, Mapping):
            found |= set(value)
    return found


def expressions(value: object, key: str = "") -> Iterator[str]:
    """Every text that is a number."""
    texts = {
        *("do", "as", "mm", "client", "name", "maps", "point", "service", "text", "target", "to"),
        *("code", "reason", "metadata", "local", "contains", "lacks", "task", "via", "hex", "op"),
        *("status", "save", "limit", "token", "tls", "field", "lists", "what", "version", "names"),
        *("strategy", "verdict"),
    }
    if isinstance(value, dict):
        for name, one in value.items():
            yield from expressions(one, name)
    elif isinstance(value, list) and key not in texts:
        for one in value:
            yield from expressions(one, key)
    elif isinstance(value, str) and key not in texts:
        yield value


def test_there_are_enough(cases: list[dict[str, Any]]) -> None:
    assert len(cases) >= LEAST
    assert {case["profile"] for case in cases} == {"plain", "secure", "mutual", "small", "lab"}


def test_constants_are_those_of_the_table(cases: list[dict[str, Any]]) -> None:
    known = constants()
    seen = 0
    for case in cases:
        for step in case["steps"]:
            given = {name: one for name, one in step.items() if name not in ("metadata", "lists")}
            for text in expressions(given):
                for term in re.split(r"\s+[+|]\s+", text):
                    if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)|\$\w+", term):
                        continue
                    seen += 1
                    assert term in known, f"{case['name']}: {term}"
    assert seen > 200


def test_errors_and_operations_are_those_of_the_table(cases: list[dict[str, Any]]) -> None:
    methods = {name.upper() for name in ("uffd_copy", "uffd_zeropage", "uffd_writeprotect")}
    for case in cases:
        for step in case["steps"]:
            if "reason" in step:
                assert step["reason"] in {*Reason}, case["name"]
            for record in step.get("records", ()):
                assert record["op"] in {*Op.__members__, *methods}, case["name"]
            for result in step.get("results", ()):
                assert result.get("status", "LIMIT") in Status.__members__, case["name"]


def test_every_operation_is_in_a_case(cases: list[dict[str, Any]]) -> None:
    """UFFD_FILL and UFFD_PROTECT have methods of other names; two have unary calls alone here."""
    used = {
        record["op"]
        for case in cases
        for step in case["steps"]
        for record in step.get("records", ())
    }
    missing = set(Op.__members__) - used
    assert missing <= {"UFFD_FILL", "UFFD_PROTECT", "REMAP_FILE_PAGES", "FILE_SEAL"}


def test_variables_are_made_before_they_are_used(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        made: set[str] = set()
        for step in case["steps"]:
            used = {name for text in expressions(step) for name in re.findall(r"\$(\w+)", text)}
            assert used <= made, f"{case['name']}: {used - made}"
            made |= {step["as"]} if "as" in step else set()
            made |= {one["save"] for one in step.get("results", ()) if "save" in one}


def test_the_page_has_every_step(cases: list[dict[str, Any]]) -> None:
    page = (CONFORMANCE / "README.md").read_text()
    handlers = (ROOT / "clients" / "python" / "steps.py").read_text()
    for name in {step["do"] for case in cases for step in case["steps"]}:
        known = f"def do_{name}(" in handlers or f" {name} " in handlers or f'"{name} ' in handlers
        assert known or re.search(rf"\b{name}\b", handlers), name
        call = "call of MemoryService" in page and re.search(rf"\b{name}\b", handlers)
        assert f"`{name}`" in page or call, name


def test_a_mistake_is_named(tmp_path: Path) -> None:
    sys.path.insert(0, str(CONFORMANCE))
    try:
        import reading

        (tmp_path / "x.toml").write_text('[[case]]\nname = "one"\nprofil = "lab"\nsteps = []\n')
        with pytest.raises(reading.CaseError, match="x/one: unknown profil"):
            reading.cases(tmp_path)
        twice = '[[case]]\nname = "one"\nsteps = []\n' * 2
        (tmp_path / "x.toml").write_text(twice)
        with pytest.raises(reading.CaseError, match="one name: x/one"):
            reading.cases(tmp_path)
    finally:
        sys.path.remove(str(CONFORMANCE))
        sys.modules.pop("reading", None)
