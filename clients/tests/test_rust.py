# SPDX-License-Identifier: Apache-2.0
"""The Rust client beside its conformance cases: its form, its unit tests, its sample.

Goal: generated code is fresh, all code has the form of rustfmt and passes clippy, the least version
of Rust is true, the unit tests and the examples of the documentation pass, and the sample prints
what the README shows. Method: the tools of Rust, as a user runs them. A failure shows what they
printed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator

import pytest

from toolchains import ROOT, need, run
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

RUST = ROOT / "clients" / "rust"
VERSION = tomllib.loads((RUST / "Cargo.toml").read_text())["package"]["rust-version"]
ENVIRONMENT = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "build" / "clients" / "rust")}


def cargo(*arguments: str) -> str:
    return run("cargo", *arguments, cwd=RUST, environment=ENVIRONMENT)


@pytest.fixture(autouse=True)
def rust() -> None:
    need("cargo", f"Rust {VERSION}")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=2) as one:
        yield one


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_messages_are_fresh() -> None:
    run(sys.executable, str(ROOT / "protos" / "generate_rust.py"), "--check")


def test_form_and_clippy() -> None:
    """Clippy knows the least version of Cargo.toml, and what is newer in the standard library.
    Only what is wrong in each version of clippy counts: the rest is taste, and grows."""
    refused = [f"-Dclippy::{group}" for group in ("correctness", "suspicious", "perf")]
    cargo("fmt", "--all", "--check")
    cargo("clippy", "--locked", "--workspace", "--all-targets", "--", "-Dunused", *refused)


def test_the_least_version_is_enough_for_all_dependencies() -> None:
    """Cargo refuses an older compiler, if Cargo.toml says so: for dependencies it is the same."""
    found = json.loads(cargo("metadata", "--quiet", "--locked", "--format-version", "1"))
    packages = {one["id"]: one for one in found["packages"]}
    nodes = {one["id"]: one for one in found["resolve"]["nodes"]}
    waiting = [name for name, one in packages.items() if one["name"] == "vmalab-client"]
    seen = set(waiting)
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    assert len(seen) > 20
    newer = {
        packages[name]["name"]: packages[name]["rust_version"]
        for name in seen
        if numbers(packages[name]["rust_version"] or "1.0") > numbers(VERSION)
    }
    assert newer == {}


def test_unit_tests_and_the_examples_of_the_documentation() -> None:
    said = cargo("test", "--locked")
    assert len(re.findall(r"^test result: ok\. [1-9]", said, re.M)) == 2, said


def test_documentation() -> None:
    """That everything public has one is for the compiler to check: `deny(missing_docs)`."""
    assert "#![deny(missing_docs)]" in (RUST / "src" / "lib.rs").read_text()
    environment = {**ENVIRONMENT, "RUSTDOCFLAGS": "-D warnings"}
    run("cargo", "doc", "--locked", "--no-deps", cwd=RUST, environment=environment)


def test_the_pages_name_the_least_version() -> None:
    for page in (RUST / "README.md", ROOT / "clients" / "README.md"):
        assert f"Rust {VERSION}" in page.read_text(), page


def test_the_sample_prints_what_the_page_shows(server: EmbeddedServer) -> None:
    page = (RUST / "README.md").read_text()
    command, shown = re.findall(
        r"^```sh\n(cargo run .*?)\n```\n\n```text\n(.*?)^```$", page, re.M | re.S
    )[0]
    command = command.replace("127.0.0.1:7420", server.target)
    assert run("sh", "-c", command, environment=ENVIRONMENT) == shown
    with Client(server.target) as client:
        assert client.inspect.address_spaces() == [], "what was dropped has not ended"
