# SPDX-License-Identifier: Apache-2.0
"""Goal: tests/external/vma says whether the VMA tests of a kernel tree compile and pass.

Method: trees of our own, with a program in the place of the kernel's tests, which are not ours to
have here: one that passes, one that fails a test, one that does not compile, one that ends by a
signal. A failure shows what the command printed.
"""

import json
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[1] / "external" / "vma"
SAYS = 'int puts(const char *);\nint main(void) {{ puts("{}"); return {}; }}\n'
TREES = {
    "passes": (SAYS.format("15 tests run, 15 passed, 0 failed.", 0), 0, "15 run, 15 passed"),
    "fails": (SAYS.format("test x failed\\n15 tests run, 14 passed, 1 failed.", 1), 1, "1 failed"),
    "crashes": ("int main(void) { __builtin_trap(); }\n", 1, "0 run"),
    "links not": ("void gone(void);\nint main(void) { gone(); }\n", 1, "reference to `gone'"),
    "compiles not": ("int main(void) { return nothing; }\n", 1, "error: "),
}


def tree(top: Path, source: str) -> Path:
    folder = top / "tools" / "testing" / "vma"
    folder.mkdir(parents=True)
    (top / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 99\nSUBLEVEL = 3\nEXTRAVERSION =\n")
    (folder / "Makefile").write_text("vma: vma.c ../../../mm/vma.c\n\t$(CC) -o $@ vma.c\n")
    (folder / "vma.c").write_text(source)
    (top / "mm").mkdir()
    (top / "mm" / "vma.c").touch()
    return folder


@pytest.mark.parametrize("name", TREES)
def test_says_what_came_out(name: str, tmp_path: Path) -> None:
    source, code, said = TREES[name]
    folder = tree(tmp_path / "linux", source)
    kept = tmp_path / "outcome.json"
    done = subprocess.run(
        [RUN, folder, "--json", kept], capture_output=True, text=True, check=False
    )
    shown = done.stdout.replace("VMA tests run", "run")
    assert (done.returncode, done.stderr) == (code, "")
    assert shown.startswith("Linux 6.99.3: ")
    assert said in shown
    assert json.loads(kept.read_text())["compiles"] == ("not" not in name)
    assert not (folder / "vma").exists(), "it was built in a copy"


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for folder, said in ((tmp_path, "not the folder tools/testing/vma"), (None, "no Makefile")):
        made = folder or tmp_path / "tools" / "testing" / "vma"
        made.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([RUN, made], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert said in done.stderr
