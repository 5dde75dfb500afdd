# SPDX-License-Identifier: Apache-2.0
"""Goal: lines that strace writes in odd moments are read, and descriptors lead to the right file.

Method: lines as strace 6.1 wrote them, and what the reader makes of them. A failure shows both.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import programs
from vmalab_native import flags
from vmalab_trace import calls, opens, plan, steps, strace, words
from vmalab_trace.calls import Mmap, Mremap, Plain, Unsupported
from vmalab_trace.folder import Folder

MARK = "1 madvise(0x0, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)"
HUGE = flags.MAP["MAP_PRIVATE"] | flags.MAP_ANONYMOUS | flags.MAP["MAP_HUGETLB"] | 21 << 26


def decoded(line: str) -> calls.Operation:
    [event] = strace.parse([line])
    assert isinstance(event, strace.Call), event
    return calls.decode(event)


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        (
            "mmap(NULL, 4096, 0, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0)"
            " = -1 ENOMEM (Cannot allocate memory) <0.000040560>",
            Mmap(0, 4096, 0, HUGE, -1, 0),
        ),
        (
            "ioctl(3<anon_inode:[userfaultfd]>, UFFDIO_REGISTER, {range={start=0x7f21a2fb0000}, "
            "ioctls=1<<_UFFDIO_WAKE|1<<_UFFDIO_COPY|0x120}) = 0",
            Unsupported("ioctl(UFFDIO_REGISTER)"),
        ),
        (
            "mremap(0x7f60487b5000, 0x1000, 0x1000, 0x5, 0x7f604858a000) = 0x7f604858a000",
            Mremap(0x7F60487B5000, 4096, 4096, 5, 0x7F604858A000),
        ),
        (
            "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, 0x8) = -1 EFAULT (Bad address)",
            Unsupported(calls.NAME_UNREAD),
        ),
        ("prctl(0x41 /* PR_??? */, 0x1, 0, 0, 0) = 0", Plain("prctl(PR_SET_MDWE)", (1,))),
        (
            "fcntl(6</memfd:x>(deleted), F_ADD_SEALS, F_SEAL_GROW|F_SEAL_WRITE) = 0",
            opens.Seal("/memfd:x (deleted)", 6, 12),
        ),
        ("pwrite64(0x3, 0x563bb076f026, 0x1, 0x64) = 0x1", opens.Write(3, 1, 100)),
        ("lseek(0x3, 0, 0x2) = 0x400", opens.Move(3, to=1024)),
        ("fcntl(3</tmp/f>, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)", calls.Other()),
        (
            'openat(AT_FDCWD</tmp>, "f", O_RDWR|O_CREAT|O_TRUNC, 0600) = 3</tmp/f>',
            opens.Opens("/tmp/f", opens.READ_WRITE, empty=True),
        ),
    ],
)
def test_lines(line: str, operation: calls.Operation) -> None:
    assert decoded(line) == operation


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        (r"3</tmp/new\nline>", "/tmp/new\\012line"),
        (r"3</tmp/q\"b\\s>", '/tmp/q"b\\s'),
        ("3</tmp/x (deleted)>", "/tmp/x (deleted)"),
        ("3</tmp/x (deleted)>(deleted)", "/tmp/x (deleted) (deleted)"),
        (r"3</tmp/a\74b\76c>", "/tmp/a<b>c"),
        (r"3</tmp/uml\303\244>", "/tmp/umlä"),
    ],
)
def test_paths_are_those_of_maps(shown: str, path: str) -> None:
    assert words.descriptor(shown) == (3, path)


@pytest.mark.parametrize(
    ("made", "changed", "seals"),
    [
        ("MFD_ALLOW_SEALING", "", "F_SEAL_EXEC"),
        ("MFD_ALLOW_SEALING|MFD_NOEXEC_SEAL", "", "0"),
        ("MFD_CLOEXEC|0x8 /* MFD_??? */", "", "0"),
        ("MFD_ALLOW_SEALING", "1 fchmod(3</memfd:x>(deleted), 0644) = 0", "0"),
        ("0x8", "1 fchmod(3</memfd:x>(deleted), 0755) = 0", "F_SEAL_EXEC"),
        ("0x8", "1 fchmod(3</memfd:x>(deleted), 0755) = -1 EPERM (Operation not permitted)", "0"),
    ],
)
def test_the_seal_of_a_file_that_is_not_executable_says_nothing(
    made: str, changed: str, seals: str
) -> None:
    """F_SEAL_EXEC of an executable file forbids writes too; the core takes each for one."""
    compiled = steps.compile_trace(
        [
            MARK,
            f'1 memfd_create("x", {made}) = 3</memfd:x>(deleted)',
            *filter(None, [changed]),
            "1 fcntl(3</memfd:x>(deleted), F_ADD_SEALS, F_SEAL_EXEC) = 0",
        ]
    )
    shown = [
        calls.render(step.operation)
        for step in compiled.steps
        if isinstance(step.operation, opens.Seal)
    ]
    assert shown == [f"fcntl(3</memfd:x (deleted)>, F_ADD_SEALS, {seals})"]


def test_a_secret_file_is_no_other_file_of_its_number() -> None:
    """The number was that of a file that was opened to be read alone."""
    compiled = steps.compile_trace(
        [
            MARK,
            '1 openat(AT_FDCWD</>, "/etc/ld.so.cache", O_RDONLY) = 3</etc/ld.so.cache>',
            "1 memfd_secret(0) = 3</secretmem>(deleted)",
            "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</secretmem>(deleted), 0) = "
            "0x7f0000000000",
        ]
    )
    (mapping,) = [step for step in compiled.steps if isinstance(step.operation, Mmap)]
    assert mapping.opened is not None
    assert mapping.opened.mode == opens.READ_WRITE


def test_a_thread_that_was_killed_in_a_call() -> None:
    """Neither what strace then finds in the register is an answer, nor a call without a name."""
    compiled = steps.compile_trace(
        [
            MARK,
            "1 munmap(0x7f2b96796000, 4096) = -1 (errno 18446744073709551554) <0.000034872>",
            "1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 11",
            "1 ???()        = ?",
            "1 ???( <unfinished ...>",
            "1 <... ??? resumed>) = ?",
            "1 +++ killed by SIGKILL +++",
        ]
    )
    assert compiled.unread == []
    assert compiled.unanswered == {"munmap": 1, "mmap": 1}


def test_descriptors_are_followed() -> None:
    """A copy is the same open, a child has its own table, a number used again is another open."""
    table = opens.Descriptors()
    first = table.act(1, opens.Opens("/f", opens.READ_ONLY, empty=False), 3)
    assert first is not None
    table.act(1, opens.Duplicate(3), 9)
    table.spawned(1, 2, shared=False)
    second = table.act(1, opens.Opens("/f", opens.READ_WRITE, empty=False), 3)
    assert second is not None
    assert (table.find(1, 9, "/f"), table.find(2, 3, "/f")) == (first, first)
    assert table.find(1, 3, "/f (deleted)") is second
    assert table.find(1, 3, "pipe:[77]") is None, "the trace does not show how that came"
    assert table.find(1, 4, "/f") is None
    assert table.move(1, opens.Write(3, 100)) == 100
    table.move(1, opens.Move(3, to=50))
    assert table.move(1, opens.Write(3, 10)) == 60
    assert table.move(1, opens.Write(3, 10, offset=500)) == 510


def test_a_program_known_from_a_later_snapshot_only() -> None:
    """It begins there, and not at its execve."""
    lines = [
        MARK,
        '1 execve("/bin/true", ["true"], 0x1) = 0',
        "1 munmap(0x1000, 4096) = 0",
        MARK,
        "1 munmap(0x1000, 4096) = 0",
    ]
    compiled = steps.compile_trace(lines)
    kinds = [step.kind.value for step in compiled.steps]
    assert kinds == ["import", "exit", "import", "call"]
    assert (compiled.before_start, compiled.late) == (1, {1})


def test_a_setting_that_was_changed_is_named(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text(f"{MARK}\n")
    (tmp_path / "maps.0").write_text("10000-20000 rw-p 00000000 00:00 0 \n")
    changed = {"changed": {"sysctl.vm.overcommit_memory": [0, 2]}}
    (tmp_path / "meta.json").write_text(json.dumps(changed))
    [note] = plan.load(Folder(tmp_path)).notes
    assert "sysctl.vm.overcommit_memory" in note
    assert "from 0 to 2" in note


def test_memory_of_drivers_keeps_its_place(tmp_path: Path) -> None:
    """What follows is placed as the kernel placed it, and calls inside are counted, not judged."""
    maps = "7f0000100000-7f0000200000 rw-p 00000000 00:00 0 \n"
    (tmp_path / "maps.0").write_text(maps)
    (tmp_path / "trace").write_text(
        f"{MARK}\n"
        "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3</dev/dri/card0>, 0)"
        " = 0x7f00000fe000\n"
        "1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f00000fd000\n"
        "1 mprotect(0x7f00000fe000, 4096, PROT_NONE) = -1 EACCES (x)\n"
        f"{MARK}\n"
    )
    (tmp_path / "maps.1").write_text(
        "7f00000fd000-7f00000fe000 r--p 00000000 00:00 0 \n"
        "7f00000fe000-7f0000100000 rw-s 00000000 00:06 99 /dev/dri/card0\n" + maps
    )
    _, result = programs.play(tmp_path)
    assert result.good, result.first_disagreements
    assert result.unsupported == {"mmap(/dev/dri/card0)": 1}
    assert result.ops == 1
    assert sum(result.not_compared.values()) == 2


def test_a_signal_of_no_page_is_counted_and_not_judged(tmp_path: Path) -> None:
    """SI_KERNEL: strace shows no address, so there is nothing that could be touched again."""
    (tmp_path / "maps.0").write_text("7f0000100000-7f0000200000 rw-p 00000000 00:00 0 \n")
    (tmp_path / "trace").write_text(
        f"{MARK}\n"
        "1 --- SIGSEGV {si_signo=SIGSEGV, si_code=SI_KERNEL, si_addr=NULL} ---\n"
        "1 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---\n"
    )
    _, result = programs.play(tmp_path)
    assert result.good, result.first_disagreements
    assert result.faults_checked == 1
    assert result.not_compared[plan.NO_ADDRESS] == 1
