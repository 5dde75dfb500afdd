# SPDX-License-Identifier: Apache-2.0
"""What the running kernel's answers depend on: the one place that asks.

Everything here is of the machine, and of the process that asks. A call is made where one can
answer; names and files are read where none can. What a machine does not show is None. The facts
stand in the meta.json of a trace, and `vmalab diff` and `vmalab replay` print them; what of them an
instance's answers depend on (protection keys, overcommit) is set in its configuration.

`NEEDS` has what a comparison with the running kernel may require of the machine, by name. What a
machine lacks is not compared, and `lacks` says so in words that do not change, to be counted.

No probe changes anything, but that a process without protection keys, asked by `pkey_alloc`, would
remember it: so keys are asked for by `pkey_mprotect`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gzip
import mmap
import os
import platform
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from vmalab_native.texts import lines_of

Fact = bool | int | str | None
Facts = Mapping[str, Fact]
Switch = Literal["machine", "on", "off"]
"""How a feature of the emulated machine is chosen."""

KERNEL: Final = (6, 18)
"""The kernel whose answers the core gives."""
PAGE: Final = mmap.PAGESIZE
_PROT_RW, _PRIVATE_ANON, _DROPPABLE = 3, 0x22, 0x28
_MMAP, _MUNMAP, _MADVISE, _PRCTL = 9, 11, 28, 157
_USERFAULTFD, _PKEY_MPROTECT, _MAP_SHADOW_STACK, _MSEAL = 323, 329, 453, 462
_CAPABILITIES: Final = {"ipc_lock": 14, "sys_rawio": 17, "sys_admin": 21, "sys_resource": 24}
_CONFIGS: Final = (
    *("ANON_VMA_NAME", "KSM", "MEMORY_FAILURE", "PER_VMA_LOCK", "READ_ONLY_THP_FOR_FS"),
    *("TRANSPARENT_HUGEPAGE", "USERFAULTFD", "X86_USER_SHADOW_STACK", "LSM_MMAP_MIN_ADDR"),
)
_SYSCTLS: Final = (
    *("vm.overcommit_memory", "vm.overcommit_ratio", "vm.overcommit_kbytes", "vm.max_map_count"),
    *("vm.mmap_min_addr", "vm.legacy_va_layout", "vm.unprivileged_userfaultfd"),
    *("vm.nr_hugepages", "vm.nr_overcommit_hugepages", "kernel.randomize_va_space"),
)


class Libc:
    """System calls by number. -errno when one fails."""

    def __init__(self) -> None:
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long

    def __call__(self, number: int, *args: int) -> int:
        words = [ctypes.c_ulong(word & (1 << 64) - 1) for word in args]
        done: int = self._syscall(ctypes.c_long(number), *words)
        return -ctypes.get_errno() if done == -1 else done


class _Page:
    """A private page to try things on."""

    def __init__(self, call: Libc, *, hint: int = 0, flags: int = _PRIVATE_ANON) -> None:
        self._call = call
        self.at = call(_MMAP, hint, PAGE, _PROT_RW, flags, -1, 0)

    def __enter__(self) -> int:
        return self.at

    def __exit__(self, *exception: object) -> None:
        if self.at >= 0:
            self._call(_MUNMAP, self.at, PAGE)


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _chosen(path: str) -> str | None:
    """The word in brackets of a setting under /sys."""
    try:
        words = Path(path).read_text().split()
    except OSError:
        return None
    return next((word.strip("[]") for word in words if word.startswith("[")), None)


@cache
def has_pkeys() -> bool:
    """Whether the processor has protection keys and the kernel uses them."""
    call = Libc()
    with _Page(call) as page:
        return page > 0 and call(_PKEY_MPROTECT, page, PAGE, _PROT_RW, 0) == 0


@cache
def anon_names() -> bool:
    """Whether this kernel can give anonymous memory a name (CONFIG_ANON_VMA_NAME)."""
    set_vma, set_vma_anon_name = 0x53564D41, 0
    name = ctypes.create_string_buffer(b"vmalab")
    call = Libc()
    with _Page(call) as page:
        where = ctypes.addressof(name)
        return call(_PRCTL, set_vma, set_vma_anon_name, page, PAGE, where) == 0


def overcommit() -> int:
    """vm.overcommit_memory."""
    return _number("/proc/sys/vm/overcommit_memory") or 0


def choose_overcommit(setting: str) -> int:
    """The vm.overcommit_memory of an instance: "machine", or a number."""
    return overcommit() if setting == "machine" else int(setting)


def commit_limit_pages(setting: str = "machine") -> int:
    """What may be promised: with overcommit "never" CommitLimit, else all memory and swap; 0: the
    machine does not say."""
    kib = _meminfo()
    if choose_overcommit(setting) == 2:
        return kib.get("CommitLimit", 0) * 1024 // PAGE
    return (kib.get("MemTotal", 0) + kib.get("SwapTotal", 0)) * 1024 // PAGE


def mmap_min_addr() -> int:
    """vm.mmap_min_addr: below it only who has CAP_SYS_RAWIO may map."""
    found = _number("/proc/sys/vm/mmap_min_addr")
    return 4096 if found is None else found


def max_map_count() -> int:
    """vm.max_map_count: areas of one address space."""
    return _number("/proc/sys/vm/max_map_count") or 65530


def choose_pkeys(switch: Switch) -> bool:
    """Whether an instance has protection keys."""
    return has_pkeys() if switch == "machine" else switch == "on"


def _meminfo() -> dict[str, int]:
    try:
        lines = lines_of(Path("/proc/meminfo").read_text())
    except OSError:
        return {}
    words = (line.split() for line in lines)
    return {one[0].rstrip(":"): int(one[1]) for one in words if len(one) > 1}


def _cpu() -> dict[str, Fact]:
    """la57: a hint above 47 bits is taken. shadow_stack: one can be mapped."""
    call = Libc()
    with _Page(call, hint=1 << 48) as page:
        la57 = page >= 1 << 47
    stack = call(_MAP_SHADOW_STACK, 0, PAGE, 0)
    if stack > 0:
        call(_MUNMAP, stack, PAGE)
    return {"cpu.pkeys": has_pkeys(), "cpu.la57": la57, "cpu.shadow_stack": stack > 0}


def _calls() -> dict[str, Fact]:
    """Calls and advice that a kernel may not have."""
    call = Libc()
    with _Page(call) as page:
        guards = call(_MADVISE, page, PAGE, 102) == 0
        soft_dirty = "sd" in vm_flags(page)
        guard_flag = guards and "gu" in vm_flags(page)
        mseal = call(_MSEAL, page, 0, 0) == 0
    with _Page(call, flags=_DROPPABLE) as page:
        droppable = page > 0
    return {
        "call.anon_names": anon_names(),
        "call.guards": guards,
        "call.guard_flag": guard_flag,
        "call.mseal": mseal,
        "call.droppable": droppable,
        "call.droppable_unlocked": droppable and _droppable_unlocked(),
        "call.uffd_low_source": _uffd_low_source(),
        "call.soft_dirty": soft_dirty,
        "call.memory_failure": Path("/proc/sys/vm/memory_failure_recovery").exists(),
        "call.userfaultfd": userfaultfd_features(),
    }


def vm_flags(address: int) -> list[str]:
    """VmFlags of the area of this process that an address is in."""
    inside = False
    try:
        lines = lines_of(Path("/proc/self/smaps").read_text(errors="replace"))
    except OSError:
        return []
    for line in lines:
        words = line.split()
        if words and "-" in words[0] and not words[0].endswith(":"):
            start, end = (int(word, 16) for word in words[0].split("-"))
            inside = start <= address < end
        elif inside and line.startswith("VmFlags:"):
            return words[1:]
    return []


def _droppable_unlocked() -> bool:
    """Whether droppable memory is not locked by mlockall(MCL_FUTURE | MCL_ONFAULT) either: tried in
    a process of its own, which has such memory and nothing else to lock."""
    code = (
        "from vmalab_native import machine as m; call = m.Libc(); call(151, 6);"
        "at = call(9, 0, m.PAGE, 3, 0x28, -1, 0); print('lo' in m.vm_flags(at))"
    )
    tried = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    return tried.stdout.strip() == "False"


def _uffd_low_source() -> bool | None:
    """Whether UFFDIO_COPY takes a source below mmap_min_addr; None: no userfaultfd."""
    fd = _uffd()
    if fd < 0:
        return None
    call = Libc()
    try:
        with _Page(call) as page:
            fcntl.ioctl(fd, 0xC028AA03, bytearray(struct.pack("<QQQQq", page, 0, PAGE, 0, 0)))
    except OSError as error:
        return error.errno != errno.EINVAL
    finally:
        os.close(fd)
    return True


def _uffd() -> int:
    """A userfaultfd after its handshake; -1: this process may not use it."""
    fd = Libc()(_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK | 1)
    if fd < 0:
        return -1
    try:
        fcntl.ioctl(fd, 0xC018AA3F, bytearray(struct.pack("<QQQ", 0xAA, 0, 0)))
    except OSError:
        os.close(fd)
        return -1
    return fd


@cache
def userfaultfd_features() -> int | None:
    """The features that userfaultfd offers; None: this process may not use it."""
    fd = Libc()(_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK | 1)
    if fd < 0:
        return None
    try:
        api = bytearray(struct.pack("<QQQ", 0xAA, 0, 0))
        fcntl.ioctl(fd, 0xC018AA3F, api)
    except OSError:
        return None
    finally:
        os.close(fd)
    features: int = struct.unpack("<QQQ", api)[1]
    return features


def _config() -> dict[str, Fact]:
    """Of /proc/config.gz, or of the file beside the kernel, the options that matter."""
    text = ""
    for path in (Path("/proc/config.gz"), Path(f"/boot/config-{platform.release()}")):
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
            break
        except OSError:
            continue
    if not text:
        return {}
    pairs = (line.partition("=") for line in lines_of(text) if line.startswith("CONFIG_"))
    values = {name: value for name, _, value in pairs}
    return {f"config.{name}": values.get(f"CONFIG_{name}", "n") for name in _CONFIGS}


def _sysctls() -> dict[str, Fact]:
    return {f"sysctl.{name}": _number(f"/proc/sys/{name.replace('.', '/')}") for name in _SYSCTLS}


def _settings() -> dict[str, Fact]:
    huge = "/sys/kernel/mm/transparent_hugepage"
    memory = _meminfo()
    return {
        "thp.enabled": _chosen(f"{huge}/enabled"),
        "thp.shmem_enabled": _chosen(f"{huge}/shmem_enabled"),
        "thp.defrag": _chosen(f"{huge}/defrag"),
        "ksm.run": _number("/sys/kernel/mm/ksm/run"),
        "memory.total_kib": memory.get("MemTotal"),
        "memory.swap_kib": memory.get("SwapTotal"),
        "memory.commit_limit_kib": memory.get("CommitLimit"),
    }


def filesystem(path: str) -> str | None:
    """The type of the file system that a path is on."""
    try:
        lines = lines_of(Path("/proc/self/mountinfo").read_text())
        device = os.stat(path).st_dev
    except OSError:
        return None
    wanted, found = f"{os.major(device)}:{os.minor(device)}", None
    for line in lines:
        words = line.split()
        if words[2] == wanted:
            found = words[words.index("-") + 1]
    return found


def _process() -> dict[str, Fact]:
    """Who asks: user, capabilities, limits, file systems."""
    held = 0
    try:
        for line in lines_of(Path("/proc/self/status").read_text()):
            if line.startswith("CapEff:"):
                held = int(line.split()[1], 16)
    except OSError:
        pass
    limits = {
        "as": resource.RLIMIT_AS,
        "data": resource.RLIMIT_DATA,
        "memlock": resource.RLIMIT_MEMLOCK,
        "stack": resource.RLIMIT_STACK,
    }
    return {
        "user.uid": os.geteuid(),
        **{f"user.cap_{name}": bool(held >> bit & 1) for name, bit in _CAPABILITIES.items()},
        **{f"user.rlimit_{name}": resource.getrlimit(one)[0] for name, one in limits.items()},
        "fs.tmp": filesystem(tempfile.gettempdir()),
        "fs.shm": filesystem("/dev/shm"),
    }


@cache
def facts() -> Facts:
    """All of it, asked once. The names are those of a trace's meta.json."""
    return MappingProxyType(
        {
            "kernel": platform.release(),
            "arch": platform.machine(),
            "page_size": PAGE,
            **_cpu(),
            **_calls(),
            **_config(),
            **_sysctls(),
            **_settings(),
            **_process(),
        }
    )


def changeable() -> Facts:
    """Those facts that somebody may change while a program runs, as they are now."""
    return MappingProxyType({**_sysctls(), **_settings()})


def kernel_version(release: Fact) -> tuple[int, int]:
    """(6, 18) of "6.18.4-x"; (0, 0) of what is no release."""
    words = str(release).split("-")[0].split(".")
    try:
        return int(words[0]), int(words[1])
    except (ValueError, IndexError):
        return 0, 0


Need = tuple[str, Callable[[Facts], bool]]


def _has(name: str) -> Callable[[Facts], bool]:
    return lambda known: bool(known.get(name))


NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        "kernel": (
            f"the kernel is older than {KERNEL[0]}.{KERNEL[1]}, whose answers are compared",
            lambda known: kernel_version(known.get("kernel")) >= KERNEL,
        ),
        "x86-64": ("the machine is no x86-64", lambda known: known.get("arch") == "x86_64"),
        "pkeys": ("the processor has no protection keys", _has("cpu.pkeys")),
        "no-la57": (
            "addresses have more than 47 bits here",
            lambda known: not known.get("cpu.la57"),
        ),
        "no-memory-failure": (
            "this kernel has CONFIG_MEMORY_FAILURE",
            lambda known: not known.get("call.memory_failure"),
        ),
        "guards": ("the kernel has no MADV_GUARD_INSTALL", _has("call.guards")),
        "guard-flag": (
            "the kernel does not say where guards may be (VmFlags gu)",
            _has("call.guard_flag"),
        ),
        "uffd-low-source": (
            "UFFDIO_COPY takes no source below mmap_min_addr here",
            lambda known: known.get("call.uffd_low_source") is not False,
        ),
        "mseal": ("the kernel has no mseal", _has("call.mseal")),
        "droppable": (
            "the kernel has no MAP_DROPPABLE, or locks such memory",
            _has("call.droppable_unlocked"),
        ),
        "userfaultfd": (
            "this process may not use userfaultfd",
            lambda known: known.get("call.userfaultfd") is not None,
        ),
        "uffd-move": (
            "the kernel has no UFFDIO_MOVE",
            lambda known: bool(int(known.get("call.userfaultfd") or 0) >> 16 & 1),
        ),
        "thp": (
            "the kernel has no transparent huge pages",
            lambda known: known.get("thp.enabled") is not None,
        ),
        "thp-not-always": (
            "huge pages come unasked (thp.enabled always)",
            lambda known: known.get("thp.enabled") != "always",
        ),
        "no-hugetlb": (
            "huge pages are reserved (vm.nr_hugepages)",
            lambda known: (
                not known.get("sysctl.vm.nr_hugepages")
                and not known.get("sysctl.vm.nr_overcommit_hugepages")
            ),
        ),
        "top-down": (
            "vm.legacy_va_layout is set",
            lambda known: not known.get("sysctl.vm.legacy_va_layout"),
        ),
        "overcommit-heuristic": (
            "vm.overcommit_memory is not 0",
            lambda known: not known.get("sysctl.vm.overcommit_memory"),
        ),
        "capabilities": (
            "this process lacks CAP_IPC_LOCK, CAP_SYS_RAWIO or CAP_SYS_ADMIN",
            lambda known: all(
                known.get(f"user.cap_{name}") for name in ("ipc_lock", "sys_rawio", "sys_admin")
            ),
        ),
        "memlock": (
            "RLIMIT_MEMLOCK is less than 8 MiB",
            lambda known: (
                int(known.get("user.rlimit_memlock") or 0) == -1
                or int(known.get("user.rlimit_memlock") or 0) >= 8 << 20
            ),
        ),
    }
)
"""Name: what is said of a machine that lacks it, and whether facts have it."""


def lacks(needs: Iterable[str], known: Facts | None = None) -> list[str]:
    """What of `needs` (names of NEEDS) a machine lacks, in words.

    Args:
        known: the machine's facts; None: of this one.

    Raises:
        KeyError: a name that NEEDS has not.
    """
    here = facts() if known is None else known
    return [reason for reason, present in (NEEDS[name] for name in needs) if not present(here)]


def one_line(known: Facts) -> str:
    """The facts that decide most, for a table; "" if there are none."""
    if not known:
        return ""
    yes = [
        word
        for name, word in (
            ("cpu.pkeys", "protection keys"),
            ("cpu.la57", "57-bit addresses"),
            ("cpu.shadow_stack", "shadow stacks"),
            ("call.anon_names", "names of anonymous memory"),
            ("call.memory_failure", "memory failure"),
            ("call.soft_dirty", "soft-dirty"),
        )
        if known.get(name)
    ]
    settings = [
        f"{name.rpartition('.')[2]} {known.get(name)}"
        for name in (
            *("sysctl.vm.overcommit_memory", "sysctl.vm.max_map_count", "sysctl.vm.mmap_min_addr"),
            *("sysctl.vm.nr_hugepages", "sysctl.kernel.randomize_va_space"),
        )
    ]
    lacking = [
        name.rpartition("_cap_")[2] or name
        for name in known
        if name.startswith("user.cap_") and not known[name]
    ]
    return "; ".join(
        (
            f"Linux {known.get('kernel')} {known.get('arch')}",
            f"has {', '.join(yes)}" if yes else "has no protection keys",
            ", ".join(settings),
            f"huge pages {known.get('thp.enabled')}, of shared memory"
            f" {known.get('thp.shmem_enabled')}, ksm {known.get('ksm.run')}",
            f"uid {known.get('user.uid')}"
            + (f" without {', '.join(lacking)}" if lacking else " with all capabilities asked for"),
            f"{known.get('fs.tmp')}",
        )
    )


def differences(recorded: Facts, known: Facts | None = None) -> dict[str, tuple[Fact, Fact]]:
    """Facts of a recording that are others here: name, there, here."""
    here = facts() if known is None else known
    return {
        name: (value, here.get(name))
        for name, value in sorted(recorded.items())
        if value != here.get(name)
    }
