# SPDX-License-Identifier: Apache-2.0
"""Goal: the C core compiles without a warning, in every lock model, as release and as lab core; so
do front, benchmarks and C tests.

Method: the cores are compiled as they ship (-O3; lab cores -O1), and what the compiler said must be
nothing; the rest is looked at with -Werror and the flags of native/compile_flags.txt, which editors
use. What a failure prints is the compiler's word.
The C tests' own Makefile has -Werror too, at -O1 and with the sanitizers.

Seen to fail: a parameter that nobody uses in a function of the lab core alone (lab_gates.c), a
variable `index` inside another `index` in timed.c, a function without a prototype in bench/rcu.c, a
list without -Wundef in build_ffi.py.
"""

import re
import subprocess
from pathlib import Path

import pytest

import objects

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
WANTED = {
    *("-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef"),
}
OTHERS = sorted(
    path for folder in ("front", "bench", "tests") for path in (NATIVE / folder).glob("*.c")
)


def test_the_cores() -> None:
    done = objects.compiled()
    if done.returncode:
        pytest.fail(done.stdout[-6000:], pytrace=False)
    made = {path for core in objects.CORES for path in objects.of_core(core)}
    said = [path.with_name(f"{path.name}.said").read_text() for path in sorted(made)]
    assert "".join(said) == ""
    assert len(said) > 600


@pytest.mark.parametrize("source", OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_others(source: Path) -> None:
    flags = (NATIVE / "compile_flags.txt").read_text().splitlines()
    done = subprocess.run(
        ["gcc", *flags, "-Werror", "-fsyntax-only", str(source)],
        cwd=NATIVE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if re.search(r"fatal error: urcu\S*\.h: No such file", done.stdout):
        pytest.skip("liburcu is not here (Debian: liburcu-dev)")
    if done.returncode:
        pytest.fail(done.stdout[-6000:], pytrace=False)


@pytest.mark.parametrize(
    "name", ["Makefile", "tests/Makefile", "build_ffi.py", "compile_flags.txt"]
)
def test_everybody_has_the_same_warnings(name: str) -> None:
    text = (NATIVE / name).read_text()
    assert set(re.findall(r"(?<![\w-])-W(?!error|no-|l,|tsan)[\w-]+", text)) == WANTED
    assert "-Wno-unused" not in text
