# SPDX-License-Identifier: Apache-2.0
"""The words of the project: spelling of the documents, and terms that have a standard one.

docs/glossary.md has the terms of the project, and a table of words that are replaced: "not | but".
This module reads both, and the texts that people read: Markdown without its code, the comments of
the protos, and the strings of Python (help texts, docstrings, messages). `make lint` runs it;
tests/tidy has its tests.

usage: words.py [FILE ...]    without files: all documents, protos and Python of the packages

Exit code 0 when all words are right; 1 with a line for each that is not.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from spellchecker import SpellChecker

ROOT: Final = Path(__file__).resolve().parents[2]
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
WORDS: Final = ROOT / "docs" / "words.txt"
NOT_READ: Final = ("tests/", "protos/python/", "build/")
"""Python whose strings are not for the users of the project."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text that somebody reads, and where it is."""

    path: Path
    line: int
    text: str

    @property
    def place(self) -> str:
        inside = self.path.is_relative_to(ROOT)
        return f"{self.path.relative_to(ROOT) if inside else self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Replaced:
    """A word or phrase that is not used, and what stands in its place. "*": any more letters."""

    phrase: str
    instead: str

    @property
    def pattern(self) -> re.Pattern[str]:
        words = [re.escape(word).replace(r"\*", r"\w*") for word in self.phrase.split()]
        return re.compile(r"\b" + r"\s+".join(words) + r"\b", re.IGNORECASE)


def tracked(*suffixes: str) -> list[Path]:
    """The files of the repository with these suffixes; without git those that lie here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = [name for name in listed.stdout.split("\0") if name]
    if listed.returncode:
        hidden = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [str(path) for path in hidden if not any(p.startswith(".") for p in path.parts)]
    return sorted(
        ROOT / name for name in names if name.endswith(suffixes) and (ROOT / name).is_file()
    )


def without_code(text: str) -> str:
    """Markdown or a docstring with code, links and addresses taken out; lines stay lines."""
    text = re.sub(r"^[ \t]*```.*?^[ \t]*```$", _blank, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"``?[^`]*``?", _blank, text)
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    return re.sub(r"https?://\S+|<!--.*?-->", "", text)


def _blank(found: re.Match[str]) -> str:
    return " _ " + "\n" * found[0].count("\n")


def document(path: Path) -> Iterator[Text]:
    """The prose of a Markdown file: paragraphs, so that a phrase may go over a line's end."""
    line = 1
    for block in re.split(r"(\n(?:[ \t]*\n)+)", without_code(path.read_text(encoding="utf-8"))):
        if block.strip():
            yield Text(path, line, block)
        line += block.count("\n")


def python(path: Path) -> Iterator[Text]:
    """The strings of a module that are sentences, and not a name or a key: they have a space."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield Text(path, node.lineno, without_code(node.value))


def proto(path: Path) -> Iterator[Text]:
    """The comments of a .proto, each run of lines as one text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.partition("//")[2] for line in lines]
    number = 0
    while number < len(lines):
        end = number
        while end < len(lines) and comments[end]:
            end += 1
        if end > number:
            yield Text(path, number + 1, without_code("\n".join(comments[number:end])))
        number = end + 1


READERS = {".md": document, ".proto": proto, ".py": python}


def texts(paths: Iterable[Path]) -> Iterator[Text]:
    for path in paths:
        yield from READERS[path.suffix](path)


# --- words that are replaced ---


def table(head: str) -> list[list[str]]:
    """The rows of the table of the glossary that has this head, as cells."""
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    begin = lines.index(head) + 2
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@cache
def replaced() -> tuple[Replaced, ...]:
    """The words that are not used: the table of the glossary, one or more phrases in a row."""
    return tuple(
        Replaced(phrase, instead)
        for phrases, instead in table("| not | but |")
        for phrase in re.findall(r"`([^`]+)`", phrases)
    )


@cache
def any_replaced() -> re.Pattern[str]:
    """One pattern of all: most texts have none of them."""
    return re.compile("|".join(one.pattern.pattern for one in replaced()), re.IGNORECASE)


def wrong_terms(pieces: Iterable[Text]) -> Iterator[str]:
    for piece in pieces:
        for one in replaced() if any_replaced().search(piece.text) else ():
            for found in one.pattern.finditer(piece.text):
                line = piece.line + piece.text.count("\n", 0, found.start())
                place = Text(piece.path, line, "").place
                shown = " ".join(found[0].split())
                yield f'{place}: "{shown}": {one.instead} (docs/glossary.md)'


# --- spelling ---


@cache
def dictionary() -> SpellChecker:
    """English, and the words of docs/words.txt."""
    checker = SpellChecker(language="en", distance=1)
    checker.word_frequency.load_words(WORDS.read_text(encoding="utf-8").split())
    return checker


def plain_words(text: str) -> Iterator[re.Match[str]]:
    """Words in lower case or with a capital; not VMA, vm_area_struct, page.c, --option or B12."""
    return re.finditer(r"(?<![\w./:$@-])[A-Za-z]?[a-z]+(?:'[a-z]+)?(?![\w/:(]|\.\w)", text)


def misspelled(pieces: Iterable[Text]) -> Iterator[str]:
    for piece in pieces:
        for found in plain_words(piece.text):
            word = found[0].removesuffix("'s").lower()
            if len(word) > 1 and word not in dictionary():
                line = piece.line + piece.text.count("\n", 0, found.start())
                place = Text(piece.path, line, "").place
                yield f'{place}: "{found[0]}" is in no dictionary (docs/words.txt has our words)'


def unused_words() -> list[str]:
    """What docs/words.txt has and no document: the list does not grow for nothing."""
    used = {
        found[0].removesuffix("'s").lower()
        for piece in texts(tracked(".md"))
        for found in plain_words(piece.text)
    }
    return [word for word in WORDS.read_text(encoding="utf-8").split() if word not in used]


def main(arguments: list[str]) -> int:
    paths = [Path(name).resolve() for name in arguments]
    if not paths:
        ours = [
            path
            for path in tracked(".py")
            if not path.relative_to(ROOT).as_posix().startswith(NOT_READ)
        ]
        paths = [*tracked(".md", ".proto"), *ours]
    pieces = [*texts(paths)]
    prose = [piece for piece in pieces if piece.path.suffix == ".md"]
    found = [*misspelled(prose), *wrong_terms(pieces)]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
