# SPDX-License-Identifier: Apache-2.0
"""The C++ client beside its conformance cases: its code, its unit tests, its sample.

Goal: generated code is fresh, all of it compiles without a warning and everything public is
documented, the unit tests pass, what is installed is found by another program, and the sample
prints what the README shows. Method: CMake, in build/clients, which keeps what did not change. A
failure shows what it printed.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchains import ROOT, cpp, need, run
from vmalab_server.embedded import EmbeddedServer

CPP = ROOT / "clients" / "cpp"
INSTALLED = ROOT / "build" / "clients" / "cpp-installed"


@pytest.fixture(scope="module")
def built() -> Path:
    return cpp()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=2) as one:
        yield one


def test_messages_are_fresh() -> None:
    need("protoc", "protobuf-compiler 3.21")
    need("grpc_cpp_plugin", "protobuf-compiler-grpc 1.51")
    run(sys.executable, str(ROOT / "protos" / "generate_cpp.py"), "--check")


def test_another_protobuf_gets_code_of_its_own(tmp_path: Path) -> None:
    """VMALAB_GENERATE, with the protobuf that is here: it must give what is committed."""
    need("cmake", "CMake 3.25")
    run("cmake", "-S", str(CPP), "-B", str(tmp_path), "-G", "Ninja", "-DVMALAB_GENERATE=ON")
    names = [str(path.relative_to(CPP)) for path in sorted((CPP / "pb").rglob("*.pb.*"))]
    assert len(names) > 20
    run("cmake", "--build", str(tmp_path), "--target", *names)
    for name in names:
        _licence, _origin, *committed = (CPP / name).read_text().split("\n")
        generated = [line.rstrip() for line in (tmp_path / name).read_text().split("\n")]
        assert "\n".join(generated).rstrip() == "\n".join(committed).rstrip(), name


def test_unit_tests(built: Path) -> None:
    said = run("ctest", "--test-dir", str(built), "--output-on-failure")
    assert "100% tests passed" in said


def bare(text: str) -> list[str]:
    """Public classes and functions of a header without a comment above them."""
    found = []
    lines = text.split("\n")
    hidden = False
    for number, line in enumerate(lines):
        if re.match(r"(class|struct) \w+.*[^;]$|\};|namespace ", line):
            hidden = line == "namespace internal"
        if re.match(r"(private|protected|public):", line):
            hidden = not line.startswith("public")
        declared = re.match(
            r"\t?(?:(?:class|struct|enum class) (\w+)(?!.*;)|"
            r"(?!\t|return|using|friend|namespace)[\w:<>,&* ]*?\b(~?\w+)\()",
            line,
        )
        if not declared or hidden or "= default" in line or "&&other" in line:
            continue
        name = declared[1] or declared[2]
        special = name.startswith(("~", "static_assert")) or line.startswith("\t\t")
        if not special and not lines[number - 1].strip().endswith("*/"):
            found.append(f"{number + 1} {name}")
    return found


def test_everything_public_is_documented() -> None:
    headers = sorted((CPP / "include" / "vmalab").glob("*.hpp"))
    assert len(headers) > 10
    found = {path.name: bare(path.read_text()) for path in headers}
    assert {name: names for name, names in found.items() if names} == {}


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks of a kind below a heading of the README."""
    section = (CPP / "README.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", section, re.M | re.S)


def test_what_is_installed_is_found(built: Path, tmp_path: Path) -> None:
    """The commands of the README; then a program outside of the tree, with find_package."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    (commands,) = blocks("Install", "sh")
    for line in commands.strip().split("\n"):
        run("sh", "-c", line.replace("-S clients/cpp", "-S clients/cpp -DVMALAB_TESTS=ON"))
    for name in ("main.cpp", "CMakeLists.txt"):
        shutil.copy(CPP / "sample" / name, tmp_path)
    run(
        "cmake",
        "-S",
        ".",
        "-B",
        "b",
        "-G",
        "Ninja",
        f"-DCMAKE_PREFIX_PATH={INSTALLED}",
        cwd=tmp_path,
    )
    run("cmake", "--build", "b", cwd=tmp_path)
    assert (tmp_path / "b" / "sample").exists()


def test_the_sample_prints_what_the_page_shows(built: Path, server: EmbeddedServer) -> None:
    (command,), (shown,) = blocks("A first program", "sh"), blocks("A first program", "text")
    said = run("sh", "-c", command.replace("127.0.0.1:7420", server.target))
    assert said == shown
