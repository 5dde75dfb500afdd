# SPDX-License-Identifier: Apache-2.0
"""The cases as a client's program gets them: read from cases/*.toml, and written out.

README.md, beside this file, has the format. What is written out here, so that no client needs to
know it: the profile of a file, the address space of a case, the steps `map`, `store` and `load`,
and the abbreviations RW, ANON and FIXED.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
PROFILES: Final = ("plain", "secure", "mutual", "small", "lab")
NAMES: Final = {
    "RW": "PROT_READ | PROT_WRITE",
    "ANON": "MAP_PRIVATE | MAP_ANONYMOUS",
    "FIXED": "MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED",
}
TEXTS: Final = {"do", "as", "mm", "client", "name", "maps", "point", "service", "text", "target"}
"""Keys whose values are texts or names of variables, and no numbers."""
_OF_A_SPACE: Final = (
    "mmap munmap mprotect mremap madvise mincore brk fault uffd_move set_vma_name mlock "
    "munlock mlockall munlockall msync mseal remap_file_pages pkey_mprotect pkey_alloc "
    "pkey_free set_rlimit set_thp_disable process_madvise open_userfaultfd close_userfaultfd "
    "uffd_register uffd_unregister uffd_copy uffd_zeropage uffd_continue uffd_writeprotect "
    "uffd_wake fork exec exit detach share maps query_vma address_space wait_lease wait_field "
    "wait_gone wait_lost"
)
OF_A_SPACE: Final = frozenset(_OF_A_SPACE.split())
"""Steps that are about an address space: `a`, if they name none."""
Step = dict[str, Any]
Case = dict[str, Any]


class CaseError(ValueError):
    """A file of cases says something that cannot be; names file and case."""


def _written_out(value: Any, key: str = "") -> Any:
    """With the abbreviations replaced, wherever a number may stand."""
    if isinstance(value, str) and key not in TEXTS:
        return re.sub(r"\b(RW|ANON|FIXED)\b", lambda found: NAMES[found[0]], value)
    if isinstance(value, list):
        return [_written_out(one, key) for one in value]
    if isinstance(value, dict):
        return {name: _written_out(one, name) for name, one in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        raise CaseError(f"{value}: a number of more than 53 bits is written as a text")
    return value


def _step(given: Mapping[str, Any]) -> Step:
    step: Step = _written_out(dict(given))
    if step["do"] == "map":
        step |= {"do": "mmap", "prot": NAMES["RW"], "flags": NAMES["FIXED"]}
    elif step["do"] in ("store", "load"):
        step["access"] = "FAULT_WRITE" if step["do"] == "store" else "FAULT_READ"
        step["do"] = "fault"
    if step["do"] in OF_A_SPACE:
        step.setdefault("mm", "a")
    if "repeat_maps" in step:
        step["maps"] *= step.pop("repeat_maps")
    return step


def _case(given: Mapping[str, Any], profile: str, topic: str) -> Case:
    name = f"{topic}/{given['name']}"
    unknown = set(given) - {"name", "profile", "bare", "steps"}
    if unknown:
        raise CaseError(f"{name}: unknown {', '.join(sorted(unknown))}")
    steps = [_step(one) for one in given["steps"]]
    if not given.get("bare", False):
        steps.insert(0, {"do": "create", "as": "a"})
    chosen = given.get("profile", profile)
    if chosen not in PROFILES:
        raise CaseError(f"{name}: profile {chosen}: one of {', '.join(PROFILES)}")
    return {"name": name, "profile": chosen, "steps": steps}


def _read(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*.toml")):
        try:
            rows = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise CaseError(f"{path.name}: {error}") from None
        for given in rows["case"]:
            yield _case(given, rows.get("profile", "plain"), path.stem)


def cases(folder: Path = FOLDER / "cases") -> list[Case]:
    """All of them, in the order of files and cases. Raises CaseError."""
    found = list(_read(folder))
    names = [one["name"] for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CaseError(f"two cases have one name: {', '.join(twice)}")
    return found
