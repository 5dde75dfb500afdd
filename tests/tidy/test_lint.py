# SPDX-License-Identifier: Apache-2.0
"""Goal: `make lint` and the hooks of pre-commit run the same checks, and each finds its mistakes.

Method: the recipe of `make lint` and .pre-commit-config.yaml are read as text; each tool then gets
a file with one mistake and its own configuration. `ruff`, `mypy` and `clang-format` are left to
their own tests.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
AS_THEY_CAME = ("tests/traces/", "clients/java/src/generated/java/")
SPACES_AT_ENDS = (".svg", "/test_maps.py")
"""Drawn by matplotlib; lines of /proc/PID/maps."""


def lint_commands() -> list[str]:
    """The lines of its recipes, without what make adds."""
    text = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"^lint[\w-]*:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert len(recipes) == 4, "lint, and what it runs at a time"
    lines = re.sub(r"\\\n\s*", "", "".join(recipes)).splitlines()
    return [line.strip().lstrip("@") for line in lines if "$(BIN)/" in line]


def hook_entries() -> list[str]:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    return re.findall(r"^ +entry: (.*)$", text, re.MULTILINE)


def tool(command: str) -> str:
    """What a command runs: "ruff check", "words.py", ..."""
    words = re.sub(r"\$\(BIN\)/|\.venv/bin/", "", command).split()
    if words[0] == "python":
        return Path(words[1]).name
    return " ".join(words[:2]) if words[0] == "ruff" else words[0]


def test_hooks_are_the_checks_of_make_lint() -> None:
    lint = {tool(line) for line in lint_commands()}
    hooks = {tool(entry) for entry in hook_entries()}
    assert lint == hooks
    assert len(lint) >= 8


def test_hooks_need_no_network() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"repo: (\S+)", text)) == {"local"}
    assert set(re.findall(r"language: (\S+)", text)) == {"system"}


MARKDOWN = {
    "a heading without a blank line": ("# A page\ntext\n", "MD022"),
    "a level that is left out": ("# A page\n\n### Deep\n", "MD001"),
    "a fence without a language": ("# A page\n\n```\nx\n```\n", "MD040"),
    "a cell too many": ("# A page\n\n| a | b |\n|---|---|\n| 1 | 2 | 3 |\n", "MD056"),
    "text that sticks to a table": ("# A page\n\n| a | b |\n|---|---|\n| 1 | 2 |\ntext\n", "MD055"),
    "a heading that is not there": ("# A page\n\n[there](#nowhere)\n", "MD051"),
    "a list without a blank line": ("# A page\n\ntext\n1. one\n2. two\n\ntext\n- one\n", "MD032"),
    "two headings of one name": ("# A page\n\n## One\n\n## One\n", "MD024"),
}


@pytest.mark.parametrize("what", MARKDOWN)
def test_the_markdown_linter_finds(tmp_path: Path, what: str) -> None:
    text, rule = MARKDOWN[what]
    page = tmp_path / "page.md"
    page.write_text(text)
    done = subprocess.run(
        [BIN / "pymarkdown", "--strict-config", "scan", page],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert rule in done.stdout


def test_codespell_finds(tmp_path: Path) -> None:
    source = tmp_path / "source.c"
    source.write_text("/* the reciever waits */\n")
    done = subprocess.run(
        [BIN / "codespell", source], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "reciever" in done.stdout


def test_files_keep_the_editor_configuration() -> None:
    """Every text file ends with one line end and has none of these at the end of a line: " "."""
    bad = []
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git here")
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or name.endswith(SPACES_AT_ENDS) or name.startswith(AS_THEY_CAME):
            continue
        if not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" in data or not data:
            continue
        if not data.endswith(b"\n") or data.endswith(b"\n\n"):
            bad.append(f"{name}: its end")
        bad += [
            f"{name}:{number}: spaces at the end"
            for number, line in enumerate(data.split(b"\n"), 1)
            if line.endswith((b" ", b"\t", b"\r"))
        ]
    assert bad == []
