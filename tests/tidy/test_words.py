# SPDX-License-Identifier: Apache-2.0
"""Goal: the documents and messages use the words of the glossary and of the dictionary, and only
those; the glossary has nothing that the tree does not have.

Method: tests/support/words.py, which `make lint` runs, on the tree and on texts with one mistake
each. How to read a failure: each line has the place, the word, and what is right.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import words

ROOT = Path(__file__).resolve().parents[2]
TERMS = "| term | what it is | nearest in the kernel or the field | where |"


def terms() -> list[tuple[str, str]]:
    """(term, where) of each row of the tables of terms in the glossary."""
    lines = words.GLOSSARY.read_text().splitlines()
    rows = []
    for begin in [number for number, line in enumerate(lines) if line == TERMS]:
        for line in lines[begin + 2 :]:
            if not line.startswith("|"):
                break
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 4, line
            assert all(cells), f"an empty cell: {line}"
            rows.append((cells[0], cells[3]))
    return rows


def tree() -> str:
    """All sources and documents but the glossary, as one text."""
    paths = words.tracked(".c", ".h", ".py", ".md", ".proto", ".toml")
    return "\n".join(path.read_text() for path in paths if path != words.GLOSSARY)


def test_the_tree_has_the_right_words() -> None:
    assert words.main([]) == 0


def test_the_glossary_has_the_terms_of_the_tree() -> None:
    """Each term is used outside the glossary, and what its last column names is there."""
    text = re.sub(r"\s+", " ", tree())
    names = {path.name for path in words.tracked("")}
    found = terms()
    assert len(found) > 40, "the pattern found almost nothing: is it still right?"
    bad = []
    for term, where in found:
        for word in term.split(", "):
            if not re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE):
                bad.append(f"{word}: only the glossary has it")
        for name in re.findall(r"`([^`]+)`", where):
            path = name.split()[0]
            if Path(path).name not in names and name not in text:
                bad.append(f"{term}: there is no {name}")
    assert bad == []


def test_no_term_is_a_replaced_word() -> None:
    for term, _ in terms():
        for one in words.replaced():
            assert not one.pattern.search(term), f"{term}: {one.instead}"


def test_every_replaced_word_is_found(tmp_path: Path) -> None:
    """In a paragraph, over a line's end, and in the help text of a command; not inside code."""
    page, module, proto = (tmp_path / name for name in ("page.md", "command.py", "one.proto"))
    assert len(words.replaced()) > 30
    for one in words.replaced():
        phrase = one.phrase.replace("*", "")
        broken = phrase.replace(" ", "\n", 1)
        page.write_text(f"# A page\n\nThen {broken} follows.\n")
        module.write_text(f'"""A module."""\n\nHELP = "Then {phrase} follows."\n')
        (first,) = {line.split('"')[1] for line in words.wrong_terms(words.texts([page]))}
        assert first.lower().startswith(phrase)
        proto.write_text(
            f'syntax = "proto3";\n// Then {broken.replace(chr(10), chr(10) + "// ")}.\n'
        )
        for path in (module, proto):
            assert [*words.wrong_terms(words.texts([path]))], one
        page.write_text(f"# A page\n\nThen `{phrase}` follows.\n\n```text\n{phrase}\n```\n")
        assert [*words.wrong_terms(words.texts([page]))] == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("The segement is mapped.", "segement"),
        ("Recovery recieves it.", "recieves"),
        ("A **reeader** waits.", "reeader"),
        ("See [the protocl](protocol.md).", "protocl"),
        ("| a | tabel |", "tabel"),
    ],
)
def test_a_misspelled_word_is_found(tmp_path: Path, line: str, word: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\nOne line.\n{line}\n")
    (found,) = words.misspelled(words.document(page))
    assert found.startswith(f'{page}:4: "{word}"')


def test_code_and_names_are_no_words(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\nCall `frobnicte()` of pgtbl.c with --tmout, VM_FOO, B12 and vm_area_struct.\n"
        "\n```sh\nvmalab xyzzy\n```\n"
    )
    assert [*words.misspelled(words.document(page))] == []


def test_the_list_of_words_is_sorted_and_used() -> None:
    lines = words.WORDS.read_text().splitlines()
    assert lines == sorted({line.lower() for line in lines})
    assert words.unused_words() == []


def test_the_command_fails_on_a_mistake(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\nWhoever maps it is told the adress.\n")
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "support" / "words.py", page],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert [line.split('"')[1] for line in done.stdout.splitlines()] == [
        "adress",
        "told",
        "Whoever",
    ]
