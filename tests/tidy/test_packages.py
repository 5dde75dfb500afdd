# SPDX-License-Identifier: Apache-2.0
"""Goal: what the code opens is in the packages: data beside modules, sources of cores, protos.

Method: the lists that packages are made by (packages and package data of pyproject.toml, COPIED of
setup.py, MANIFEST.in) are compared with the files of the repository. Nothing is built; that is what
release/tests does. A failure names the files that an installed package, or a source distribution,
would not have.

Seen to fail: a scenario with another ending, `bench/*.[ch]` left out of COPIED, `graft
native/front` left out of MANIFEST.in.
"""

import ast
import fnmatch
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (name for name in listed.stdout.split("\0") if name)
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def project(folder: str = "") -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())
    return found


def matches(name: str, pattern: str) -> bool:
    """As setuptools does: `*` is any text of a name, `**` any folders."""
    parts = re.split(r"(\*\*|\*|\[[^\]]*\])", pattern)
    made = {"**": ".*", "*": "[^/]*"}
    text = "".join(
        made.get(part, part if part.startswith("[") else re.escape(part)) for part in parts
    )
    return re.fullmatch(text, name) is not None


def copied() -> dict[tuple[str, str], tuple[str, ...]]:
    """COPIED of setup.py."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COPIED":
            found: dict[tuple[str, str], tuple[str, ...]] = ast.literal_eval(node.value)
            return found
    raise AssertionError("setup.py has no COPIED")


def test_data_beside_modules() -> None:
    """Every file of a Python package is a module, or is named as data."""
    setuptools = project()["tool"]["setuptools"]
    data = setuptools["package-data"]
    seen, missing = 0, []
    for where in setuptools["packages"]["find"]["where"]:
        for name in tracked():
            path = PurePosixPath(name)
            if not path.is_relative_to(where) or path.relative_to(where).parts[0][:6] != "vmalab":
                continue
            package, _, inside = path.relative_to(where).as_posix().partition("/")
            patterns = [*data["*"], *data.get(package, [])]
            seen += 1
            if path.suffix != ".py" and not any(
                matches(inside, one) or matches(path.name, one) for one in patterns
            ):
                missing.append(name)
    assert missing == []
    assert seen > 300, "the search finds too little"


def test_what_is_copied_is_all_that_is_opened() -> None:
    """The sources of cores and of programs of benches, and the folder that `protos` writes."""
    (protos, sources) = (
        {name for name in tracked() if any(matches(name, f"{source}/{one}") for one in patterns)}
        for (source, _), patterns in copied().items()
    )
    wanted = {
        name
        for name in tracked()
        if re.fullmatch(r"native/(src/\w+|include/vmalab|bench)/\w+\.[ch]", name)
    }
    wanted |= {"native/Makefile", "native/random_layout.py", "native/tests/testseg.h"}
    assert wanted - sources == set()
    assert len(wanted) > 120, "the search finds too little"
    assert {name for name in tracked() if name.startswith("protos/vmalab/v1/")} - protos == set()
    assert {"protos/README.md", "protos/buf.yaml", "protos/first.mjs"} <= protos


def in_the_source_distribution(name: str) -> bool:
    """By MANIFEST.in; what is a module or package data is there anyway."""
    for line in (ROOT / "MANIFEST.in").read_text().split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        command, *rest = words
        if command == "graft" and PurePosixPath(name).is_relative_to(rest[0]):
            return True
        if command == "include" and any(matches(name, one) for one in rest):
            return True
        below = command == "recursive-include" and PurePosixPath(name).is_relative_to(rest[0])
        if below and any(fnmatch.fnmatch(PurePosixPath(name).name, one) for one in rest[1:]):
            return True
    return False


def test_a_source_distribution_has_what_a_wheel_is_built_from() -> None:
    copies = [f"{source}/{one}" for (source, _), found in copied().items() for one in found]
    wanted = [name for name in tracked() if any(matches(name, one) for one in copies)]
    wanted += [name for name in tracked() if re.fullmatch(r"native/(front/.*|\w+\.cdef)", name)]
    wanted += [name for name in tracked() if name.startswith("tests/")]
    wanted += ["native/build_ffi.py", "conftest.py", "README.md", "LICENSE"]
    assert [name for name in wanted if not in_the_source_distribution(name)] == []


def test_the_client_says_the_same_as_the_tree() -> None:
    """Both packages have the same links, the same Python and the same least versions."""
    mine, client = project(), project("clients/python")
    for key in ("urls", "requires-python", "license"):
        assert mine["project"][key] == client["project"][key], key
    needed = client["project"]["dependencies"]
    assert [one for one in needed if one not in mine["tool"]["vmalab"]["dependencies"]] == []
    assert (ROOT / "clients/python/LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_client_has_all_of_its_modules() -> None:
    """setup.py of the client names its packages."""
    text = (ROOT / "clients" / "python" / "setup.py").read_text()
    (line,) = re.findall(r"^    packages=(\[.*\]),$", text, re.MULTILINE)
    folders = {
        PurePosixPath(name).parent.relative_to(where).as_posix().replace("/", ".")
        for where, top in (("protos/python", "vmalab"), ("clients/python", "vmalab_client"))
        for name in tracked()
        if PurePosixPath(name).is_relative_to(f"{where}/{top}")
    }
    assert set(ast.literal_eval(line)) == folders


def test_a_release_has_one_version() -> None:
    """It stands in one pyproject.toml; the other one, and no setup.py, has a number of its own."""
    assert "version" in project()["project"]
    assert "version" in project("clients/python")["project"]["dynamic"]
    version = re.escape(project()["project"]["version"])
    for name in ("setup.py", "clients/python/setup.py", "clients/python/pyproject.toml"):
        assert not re.search(rf"\b{version}\b", (ROOT / name).read_text()), name


VERSIONS = {
    "clients/cpp/CMakeLists.txt": r"project\(vmalab_client VERSION ([\d.]+) ",
    "clients/go/internal/version/version.go": r'var Client = "([\d.]+)"',
    "clients/java/pom.xml": r"^  <version>([\d.]+)</version>",
    "clients/java/src/main/java/dev/vmalab/client/Handshake.java": r'CLIENT = "([\d.]+)"',
    "clients/node/src/version.ts": r'client: "([\d.]+)"',
    "clients/node/package.json": r'^  "version": "([\d.]+)"',
    "clients/rust/Cargo.toml": r'^version = "([\d.]+)"',
}
"""Where the tools of other languages want the version, and how it stands there."""


@pytest.mark.parametrize("name", VERSIONS)
def test_the_clients_of_other_languages_have_it_too(name: str) -> None:
    found = re.findall(VERSIONS[name], (ROOT / name).read_text(), re.MULTILINE)
    assert found == [project()["project"]["version"]]
