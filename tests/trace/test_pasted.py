# SPDX-License-Identifier: Apache-2.0
"""Goal: strace output as people paste it into a report, and maps text from elsewhere, are replayed
as far as they go; what does not belong there is counted or refused in words.

Method: short texts, and the output of a real strace with a quotation mark before each line. A
failure shows the count or the message that differs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import programs
from servers import vmalab
from vmalab_trace import pasted, plan
from vmalab_trace.folder import Folder, FolderError

REPORT = """\
Hi, this fails since 6.18 (dmesg is empty):
$ strace -f ./prog
> mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000010000
> mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000ab0000
> write(1, "mmap(NULL, 1) = 0", 17) = 17
12: mprotect(0x7f0000011000, 4096, PROT_READ) = 0
13: mprotect(0x555500000000, 4096, PROT_READ) = 0
host kernel: mremap(0x7f0000010000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000200000
| munmap(0x7f0000ab0000, 8192)            = 0
| munmap(0x7f0000ab0000, 4096)            = 0
fstat(3, {st_mode=S_IFREG|0644, st_size=4}) = 0
mprotect(0x7f0000012000, 4096, PROT_READ) = -1 EACCES (Permission denied)
Any idea?
"""


def replayed(trace: Path) -> dict[str, Any]:
    return programs.play(trace)[1].as_dict()


def test_a_report(tmp_path: Path) -> None:
    """Addresses are the report's; the call that the kernel never answers so is the one that
    disagrees; what is about other memory, or is no memory call, is counted."""
    trace = tmp_path / "report.txt"
    trace.write_text(REPORT)
    done = vmalab("replay", str(trace), "--mode", "attach", "--processes", "1", "--json")
    assert done.returncode == 1, done.stderr
    data = json.loads(done.stdout)
    assert (data["ops"], data["disagree"], data["disagreements"]) == (6, 1, 1)
    assert data["first_disagreements"][0]["line"] == 12
    assert data["not_compared"] == {
        pasted.FOREIGN: 3,
        pasted.OTHERS: 1,
        pasted.BEFORE: 2,
    }


def test_the_output_of_a_real_strace(tmp_path: Path) -> None:
    """A folder with nothing but `trace` is read in the same way."""
    (tmp_path / "trace").mkdir()
    command = ["strace", "-f", "-o", "raw", "sh", "-c", "ls / | cat; true"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    lines = (tmp_path / "raw").read_text().splitlines()
    (tmp_path / "trace" / "trace").write_text("".join(f"> {line}\n" for line in lines))
    data = replayed(tmp_path / "trace")
    assert data["disagree"] == 0
    assert data["ops"] > 60
    assert plan.load(Folder(tmp_path / "trace")).slots >= 4, "fork and execve begin new ones"


def test_first_disagreements_are_few_and_counted(tmp_path: Path) -> None:
    trace = tmp_path / "wrong"
    trace.write_text("".join(f"munmap({page:#x}, 4096) = -1 EPERM (x)\n" for page in range(1, 60)))
    data = replayed(trace)
    assert data["disagreements"] == data["disagree"] == 59
    assert len(data["first_disagreements"]) == 20


MARK = "7 madvise(0x0, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)\n"
AREA = "10000-20000 rw-p 00000000 00:00 0 \n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AREA.replace("\n", "\r\n"), "maps.0: line 1 ends with CR LF"),
        (AREA.replace("rw-p", "rwxq"), "maps.0: line 1 is not one of /proc/PID/maps"),
        (AREA + "Size:   64 kB\n", "maps.0: line 2 is not one of /proc/PID/maps"),
        (AREA + AREA, "maps.0: line 2 begins below the end of the line before"),
    ],
)
def test_maps_text_that_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "trace").write_text(MARK)
    (tmp_path / "maps.0").write_text(text, newline="")
    with pytest.raises(FolderError, match=message):
        plan.load(Folder(tmp_path))


def test_maps_text_from_elsewhere(tmp_path: Path) -> None:
    """Files on device 00:00, as a sandbox shows them, and labels of other kernels."""
    text = AREA + (
        "400000-401000 r--p 00000000 00:00 12 /lib/x\n"
        "7f0000000000-7f0000001000 ---p 00000000 00:00 0 [page size compat]\n"
    )
    (tmp_path / "trace").write_text(MARK + "7 mprotect(0x10000, 4096, PROT_READ) = 0\n" + MARK)
    (tmp_path / "maps.0").write_text(text)
    split = text.replace("10000-20000 rw-p", "10000-11000 r--p").replace(
        "400000", "11000-20000 rw-p 00000000 00:00 0 \n400000", 1
    )
    (tmp_path / "maps.1").write_text(split)
    data = replayed(tmp_path)
    assert data["maps_equal"] == 1
    assert data["not_compared"] == {"labels in maps that the emulator does not have": 1}
