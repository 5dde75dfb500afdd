# SPDX-License-Identifier: Apache-2.0
"""`vmalab protos`: what a stranger needs for a client is written, and is complete.

Goal: the folder has each proto that one of them imports, and the programs that its README names.
Method: the command as a user types it; imports are read from the protos. A failure names the file
that is missing. The commands of the README run in `make test-clients`.
"""

import json
import re
import subprocess
from pathlib import Path

from patience import HANG_S
from servers import VMALAB

ROOT = Path(__file__).resolve().parents[2]


def ended(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*VMALAB, "protos", "--out", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def written(folder: Path, *options: str) -> str:
    done = ended(folder, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_folder_is_complete(tmp_path: Path) -> None:
    listed = json.loads(written(tmp_path / "p", "--json"))["files"]
    names = {path.relative_to(tmp_path / "p").as_posix() for path in (tmp_path / "p").rglob("*.*")}
    assert set(listed) == names
    assert {f"vmalab/v1/{path.name}" for path in ROOT.glob("protos/vmalab/v1/*.proto")} <= names
    assert {f"google/rpc/{name}.proto" for name in ("status", "error_details", "code")} <= names
    for name in names:
        if not name.endswith(".proto"):
            continue
        text = (tmp_path / "p" / name).read_text()
        for imported in re.findall(r'^import (?:public )?"([^"]+)"', text, re.MULTILINE):
            assert imported in names or imported.startswith("google/protobuf/"), (
                f"{name}: {imported}"
            )


def test_the_page_names_what_is_there(tmp_path: Path) -> None:
    written(tmp_path / "p")
    page = (tmp_path / "p" / "README.md").read_text()
    for name in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE):
        assert (tmp_path / "p" / name).exists(), name


def test_every_proto_has_the_options_of_other_languages() -> None:
    for path in ROOT.glob("protos/vmalab/v1/*.proto"):
        text = path.read_text()
        for option in ("go_package", "java_package", "csharp_namespace", "java_multiple_files"):
            assert f"option {option} = " in text, f"{path.name}: {option}"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ended(tmp_path / "file")
    assert done.returncode == 2
    assert "--out" in done.stderr


def test_what_differs_is_overwritten_with_force_alone(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path)  # the same files are there
    page, mine = tmp_path / "README.md", tmp_path / "vmalab" / "v1" / "memory.proto"
    whole = mine.read_text()
    page.unlink()
    mine.write_text("mine\n")
    done = ended(tmp_path)
    assert done.returncode == 2
    assert "vmalab/v1/memory.proto" in done.stderr
    assert "--force" in done.stderr
    assert mine.read_text() == "mine\n"
    assert not page.exists(), "it has written a part"
    written(tmp_path, "--force")
    assert mine.read_text() == whole
    assert page.exists()


def test_the_protos_do_not_go_where_they_come_from() -> None:
    done = ended(ROOT / "protos", "--force")
    assert done.returncode == 2
    assert "come from" in done.stderr, done.stderr
    assert not (ROOT / "protos" / "google").exists()
