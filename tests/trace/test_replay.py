# SPDX-License-Identifier: Apache-2.0
"""Goal: replays agree with the kernel, from several processes and in every mode, and a replay that
should fail does.

Method: random programs run for real under strace, and the recorded programs of the repository; then
traces with one thing falsified. A failure shows line, call, expected and got.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import programs
from comparing import KERNEL
from patience import HANG_S
from servers import vmalab
from vmalab_cli.demo import TRACES
from vmalab_native import machine
from vmalab_server.embedded import EmbeddedServer
from vmalab_trace import folder, reorder
from vmalab_trace.folder import Meta
from vmalab_trace.steps import Kind, Step

SOURCE = Path(__file__).resolve().parents[1] / "support" / "random_calls.c"
PROGRAM_TRACES = Path(__file__).resolve().parents[1] / "traces"
KEYS = {
    "ops",
    "agree",
    "disagree",
    "maps_checked",
    "maps_equal",
    "first_disagreements",
    "unsupported",
}


@pytest.fixture(scope="module")
def random_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("random") / "random_calls"
    command = ["gcc", "-O1", "-Wall", "-Wno-unused-result", "-o", str(target), str(SOURCE)]
    subprocess.run(command, check=True)
    return target


@pytest.fixture
def trace(random_calls: Path, tmp_path: Path) -> Path:
    return traced(random_calls, tmp_path / "trace", seed=1)


def traced(program: Path, root: Path, *, seed: int, calls: int = 600) -> Path:
    root.mkdir()
    subprocess.run(
        [
            *(
                "strace",
                "-s",
                "4096",
                "-e",
                "trace=memory,process_madvise",
                "-o",
                str(root / "trace"),
            ),
            *(str(program), str(seed), str(calls), str(root)),
        ],
        check=True,
        timeout=HANG_S,
    )
    meta = Meta(machine=dict(machine.facts()))
    (root / "meta.json").write_text(meta.to_json())
    return root


def run(root: Path, *options: str, code: int = 0) -> dict[str, Any]:
    done = vmalab("replay", str(root), "--json", *options)
    assert done.returncode == code, f"{done.stderr}\n{done.stdout[:3000]}"
    data: dict[str, Any] = json.loads(done.stdout)
    assert set(data) >= KEYS
    return data


@pytest.mark.needs(*KERNEL)
@pytest.mark.parametrize("seed", range(1, 6))
def test_random_calls(random_calls: Path, tmp_path: Path, seed: int) -> None:
    root = traced(random_calls, tmp_path / "trace", seed=seed)
    data = run(root, "--mode", "attach")
    assert data["ops"] == data["agree"] > 500
    assert data["maps_checked"] == data["maps_equal"] == 7
    assert data["mincore_compared"] > 10
    assert data["calls_before_start"] > 0


@pytest.mark.needs(*KERNEL)
@pytest.mark.usefixtures("each_model")
def test_random_calls_on_each_model(random_calls: Path, tmp_path: Path) -> None:
    data = run(traced(random_calls, tmp_path / "trace", seed=6), "--mode", "attach")
    assert data["ops"] == data["agree"] > 500
    assert data["maps_checked"] == data["maps_equal"] == 7


@pytest.mark.parametrize("mode", ["unary", "batch"])
def test_on_a_server(trace: Path, mode: str) -> None:
    data = run(trace, "--mode", mode, "--processes", "4")
    assert data["ops"] == data["agree"]
    assert data["maps_checked"] == data["maps_equal"]
    assert (data["processes"], data["deal"]) == (4, "round")


def test_many_copies_at_once(trace: Path) -> None:
    one = run(trace, "--mode", "attach")
    data = run(trace, "--mode", "batch", "--copies", "6", "--processes", "3")
    assert data["ops"] == data["agree"] == 6 * one["ops"]
    assert data["maps_equal"] == 6 * one["maps_equal"]


@pytest.mark.parametrize("mode", ["unary", "batch", "attach"])
def test_a_machine_with_keys_and_one_without(mode: str) -> None:
    """Goal: a trace says whether its machine had protection keys, and they are emulated then.
    Method: the trace of such a machine, as it is and with keys switched off, which must be seen."""
    root = PROGRAM_TRACES / "keys"
    data = run(root, "--mode", mode)
    assert data["ops"] == data["agree"] > 90
    assert data["maps_checked"] == data["maps_equal"] == 5
    assert data["faults_disagree"] == 0
    assert data["pkeys"]
    assert data["machine"]["cpu.pkeys"] is True
    assert data["machine"]["kernel"].startswith("6.18")
    without = run(root, "--mode", mode, "--pkeys", "off", "--orders", "0", code=1)
    assert not without["pkeys"]
    calls = {one["call"].partition("(")[0] for one in without["first_disagreements"]}
    assert {"pkey_alloc", "pkey_mprotect", "fault", "mlock"} <= calls


def test_what_a_program_writes_to_pkru_is_not_compared(tmp_path: Path) -> None:
    """Goal: a touch that the program allowed itself by PKRU is counted, not called wrong, and only
    where it has a key of its own. Method: the trace with keys, in which pages get the key that must
    not be written before they are touched: the touches that follow were allowed in truth."""
    root = tmp_path / "keys"
    shutil.copytree(PROGRAM_TRACES / "keys", root)
    lines = lzma.decompress((root / "trace.xz").read_bytes()).decode().splitlines(keepends=True)
    (root / "trace.xz").unlink()
    at = next(n for n, line in enumerate(lines) if "PKEY_DISABLE_WRITE) = 2 " in line)
    pid, seconds = lines[at].split()[:2]
    where = re.search(r"mmap\(NULL, 32768, .* = (0x[0-9a-f]+)", lines[at - 2])
    assert where is not None
    whole, fraction = seconds.split(".")
    call = f"pkey_mprotect({where[1]}, 32768, PROT_READ|PROT_WRITE, 2) = 0 <0.000001>"
    lines.insert(at + 1, f"{pid}   {whole}.{int(fraction) + 600000:09d} {call}\n")
    (root / "trace").write_text("".join(lines))
    done = vmalab("replay", str(root), "--json", "--mode", "attach", "--orders", "0")
    data = json.loads(done.stdout)
    notes = [n for note, n in data["not_compared"].items() if "PKRU" in note]
    assert len(notes) == 1
    assert notes[0] >= 6, "those that are touched"
    assert data["faults_disagree"] == 0


def test_threads_have_rights_of_their_own() -> None:
    """Goal: PKRU of each thread is followed as far as the trace shows it, and the rest is counted.
    Method: a trace of threads with other rights each. A new program has key 0 alone, pkey_alloc
    allows key 1 and then denies writes by key 2, threads and children begin with that, and after a
    signal that a key raised the handler's are left."""
    read, result = programs.play(PROGRAM_TRACES / "rights")
    assert result.good, result.first_disagreements
    assert result.keyed == 9
    seen: dict[int, list[int]] = {}
    for step in read.steps:
        if step.pkru is not None and step.pkru not in seen.setdefault(step.tid, [])[-1:]:
            seen[step.tid].append(step.pkru)
    start, one, two = 0x5555_5554, 0x5555_5550, 0x5555_5560
    main, translator, spy, child, spy_of_child = sorted(seen)
    assert seen[main] == [start, one, two, start]
    assert seen[translator] == seen[spy] == seen[spy_of_child] == [two, start]
    assert seen[child] == [two]


@pytest.mark.parametrize("mode", ["unary", "batch"])
def test_rights_travel_to_a_server(mode: str) -> None:
    data = run(PROGRAM_TRACES / "rights", "--mode", mode, "--processes", "2")
    assert data["ops"] == data["agree"] == 67
    assert (data["faults_checked"], data["faults_disagree"]) == (240, 0)


def test_a_trace_that_does_not_say_is_of_a_machine_without_keys(trace: Path) -> None:
    (trace / "meta.json").unlink()
    data = run(trace, "--mode", "attach", code=int(machine.has_pkeys()))
    assert not data["pkeys"]
    assert data["machine"] == {}


@pytest.mark.usefixtures("each_model")
@pytest.mark.parametrize("name", sorted(path.parent.name for path in TRACES.glob("*/meta.json")))
def test_recorded_programs(name: str) -> None:
    data = run(TRACES / name, "--mode", "batch")
    assert data["ops"] == data["agree"] > 50
    assert data["maps_checked"] == data["maps_equal"] > 0
    assert data["faults_checked"] > 100
    assert data["faults_disagree"] == 0
    assert data["unsupported"] == {}
    assert sum(path.stat().st_size for path in (TRACES / name).iterdir()) < 300_000


def test_twice_on_one_server(trace: Path, vmalab_server: EmbeddedServer) -> None:
    """What the first replay left in the page cache of its files is not seen by the second."""
    for _ in range(2):
        run(trace, "--mode", "batch", "--target", vmalab_server.target)


def altered(trace: Path, old: str, new: str) -> int:
    """Change the last line with `old`; return its number."""
    lines = (trace / "trace").read_text().splitlines()
    at = max(index for index, line in enumerate(lines) if old in line)
    lines[at] = lines[at].replace(old, new)
    (trace / "trace").write_text("\n".join(lines) + "\n")
    return at + 1


def insert(trace: Path, line: str) -> None:
    """Put a line before the program's end."""
    lines = (trace / "trace").read_text().splitlines()
    assert lines[-1].startswith("+++")
    (trace / "trace").write_text("\n".join([*lines[:-1], line, lines[-1]]) + "\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (" = -1 EEXIST (File exists)", " = 0x300000000000", "0x300000000000"),
        ("PROT_NONE) = 0", "PROT_NONE) = -1 EACCES (Permission denied)", "-1 EACCES"),
        ("0]) = 0", "1]) = 0", None),
    ],
)
def test_a_wrong_answer_is_found(trace: Path, old: str, new: str, expected: str | None) -> None:
    line = altered(trace, old, new)
    data = run(trace, "--mode", "attach", "--orders", "0", code=1)
    assert data["disagree"] >= 1
    first = data["first_disagreements"][0]
    assert first["line"] == line
    if expected is not None:
        assert first["expected"] == expected


def test_a_wrong_map_is_found(trace: Path) -> None:
    path = trace / "maps.3"
    lines = path.read_text().splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if line.startswith("3000"))
    del lines[at]
    path.write_text("".join(lines))
    data = run(trace, "--mode", "attach", "--orders", "0", code=1)
    assert (data["disagree"], data["maps_checked"] - data["maps_equal"]) == (0, 1)
    assert data["first_disagreements"][0]["call"] == "maps.3"


def test_a_line_that_cannot_be_read_fails(trace: Path) -> None:
    insert(trace, "mmap(NULL, 4096, PROT_READ, MAP_PRIV")
    data = run(trace, "--mode", "attach", "--orders", "0", code=1)
    assert data["lines_unread"] == 1


def test_an_unsupported_call_is_named(trace: Path) -> None:
    insert(trace, "mbind(0x300000000000, 4096) = 0")
    assert run(trace, "--mode", "attach")["unsupported"] == {"mbind": 1}


def test_a_fault_that_should_not_fail_is_found(tmp_path: Path) -> None:
    """A recorded fault is moved to an address where nothing is."""
    root = tmp_path / "trace"
    shutil.copytree(TRACES / "sqlite-pipeline", root)
    lines = gzip.decompress((root / "faults.gz").read_bytes()).decode().splitlines()
    at = len(lines) // 2
    lines[at] = f"{lines[at].partition('address=')[0]}address=0x123456789000 ip=0x1 error_code=0x6"
    (root / "faults.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    data = run(root, "--mode", "attach", "--orders", "0", code=1)
    assert data["faults_disagree"] == 1
    assert data["first_disagreements"][0]["got"] == "SIGSEGV si_code 1"


@pytest.mark.parametrize("broken", ["no folder", "no trace", "no marker", "no maps"])
def test_folders_that_cannot_be_read(trace: Path, broken: str) -> None:
    if broken == "no folder":
        trace = trace / "nowhere"
    elif broken == "no trace":
        (trace / "trace").unlink()
    elif broken == "no marker":
        (trace / "trace").write_text("brk(NULL) = 0x1000\n")
    else:
        (trace / "maps.2").unlink()
    done = vmalab("replay", str(trace), "--mode", "attach")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_other_orders_move_one_step_past_those_it_overlapped() -> None:
    """The last resort when an answer disagrees: each order differs by one step's place."""
    spans = [(1, 1, 1), (1, 2, 5), (2, 3, 6), (3, 4, 7), (1, 8, 8)]
    steps = [Step(Kind.EXIT, line, end, tid, 0) for tid, line, end in spans]
    found = [[steps.index(step) for step in order] for order in reorder.other_orders(steps, 2)]
    assert found == [[0, 2, 1, 3, 4], [0, 1, 3, 2, 4]]


def test_a_trace_of_the_package_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is at the path goes first; what is neither says which names there are."""
    monkeypatch.chdir(tmp_path)
    name = Path("python-threads")
    assert folder.named(name) == folder.SHIPPED / name
    assert folder.Folder(folder.named(name)).meta().calls > 0
    name.mkdir()
    assert folder.named(name) == name
    with pytest.raises(folder.FolderError, match="sqlite-pipeline"):
        folder.Folder(folder.named(Path("nothing")))
    said = vmalab("replay", "--help").stdout
    assert [one for one in folder.shipped() if one not in said] == []
