# SPDX-License-Identifier: Apache-2.0
"""All benches in turn, and the page that shows them: docs/measurements.md with its pictures.

What a section says of its claim comes from the targets that the bench judged, never from this file;
the text here says where the claim is from and what was done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from rich.table import Table

from vmalab_bench import (
    base,
    events,
    fault,
    kernel,
    layouts,
    loadgen,
    machine,
    memory,
    models,
    path,
    rcu,
    rpc,
    scaling,
    size,
    slab,
    space,
)
from vmalab_drive import report

HEAD: Final = """\
# Measurements

Each section is a claim of the patch series "move per-vma lock into vm_area_struct" (v4, November
2024), of its review, or of this project, with the command that measures it. `make bench` runs all
of them one after the other and writes this page. The figures are those of the machine named here.
Each command measures them again on yours.

Absolute times mean little on a shared machine. What is compared was measured alternately within one
run, with pinned processes. Figures are medians over the rounds. Intervals hold 95 % of bootstrapped
medians. A target that was not passed is shown as it was measured.

`vmalab bench draw docs/measurements --out FOLDER --png` draws the charts of this page again, for a
talk.
"""


SENTENCE_END: Final = re.compile(r"(?<=[.?!:;]) (?=[A-Z`\[])|(?<=;) ")
"""A claim has one statement a line."""
WORDS: Final = 30
"""A column with longer cells is of words, not of figures."""


class Module(Protocol):
    """What a bench offers for its section."""

    def tables(self, data: dict[str, Any]) -> list[Table]: ...

    def plot(self, data: dict[str, Any], path: Path) -> None: ...


_Config = TypeVar("_Config")
_Made = TypeVar("_Made", covariant=True)
_Wanted = TypeVar("_Wanted", contravariant=True)


class Plain(Protocol[_Made]):
    """The settings of a bench of one lock model: a class."""

    def quick(self) -> _Made: ...

    def __call__(self) -> _Made: ...


class Compared(Protocol[_Made]):
    """The settings of a bench that compares lock models: a class."""

    def quick(self, models: Sequence[str]) -> _Made: ...

    def full(self, models: Sequence[str]) -> _Made: ...


class Bench(Protocol[_Wanted]):
    """A module that measures with settings of its own."""

    def run(self, config: _Wanted, *, seed: int) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Section:
    """One bench on the page. `measure` takes quick or not, and the seed."""

    name: str
    title: str
    claim: str
    module: Module
    measure: Callable[[bool, int], dict[str, Any]]


def _rpc(quick: bool, seed: int) -> dict[str, Any]:
    config = rpc.RpcBench.quick(2, "auto") if quick else rpc.RpcBench(workers=2, client="auto")
    return rpc.run_both(config, seed=seed)


def _plain(kind: Plain[_Config], module: Bench[_Config]) -> Callable[[bool, int], dict[str, Any]]:
    def measure(quick: bool, seed: int) -> dict[str, Any]:
        return module.run(kind.quick() if quick else kind(), seed=seed)

    return measure


def _compared(
    kind: Compared[_Config], module: Bench[_Config]
) -> Callable[[bool, int], dict[str, Any]]:
    def measure(quick: bool, seed: int) -> dict[str, Any]:
        made = (kind.quick if quick else kind.full)(space.models())
        return module.run(made, seed=seed)

    return measure


def _layouts(quick: bool, seed: int) -> dict[str, Any]:
    kind = layouts.LayoutsBench
    return layouts.run((kind.quick if quick else kind.full)(space.DEFAULT_MODEL), seed=seed)


SECTIONS: Final = (
    Section(
        "memory",
        "Memory",
        "The cover letter: the lock inside the VMA takes 64 pages for 1,000 VMAs where the "
        "split one took 50 (54 with a 176-byte VMA); the word that was merged later takes 48. "
        "The bench allocates real objects and counts slab pages: whole slabs for exactly 1,000 "
        "objects, and the pages for each 1,000 of a large number.",
        memory,
        _compared(memory.MemoryBench, memory),
    ),
    Section(
        "slab",
        "The slab",
        "The review of patch 4: is an object used again at once, and what becomes of call_rcu? "
        "When is it initialised, when reset, and where is its free pointer? [slab.md](slab.md) "
        "has the settings. An allocation and a free of a VMA are timed in each setting, in turn; "
        "which objects come again is counted from a seed.",
        slab,
        _compared(slab.SlabBench, slab),
    ),
    Section(
        "models",
        "Page faults in each lock model",
        "The cover letter: moving the lock costs nothing noticeable in page-fault benchmarks, "
        "and SLAB_TYPESAFE_BY_RCU makes call_rcu unnecessary. The purpose of it all: faults "
        "beside a process that maps and unmaps, against `mmap_lock` alone.",
        models,
        _compared(models.ModelsBench, models),
    ),
    Section(
        "layouts",
        "False sharing and layouts",
        "The review: Shakeel Butt asks whether the struct or the lock has to be aligned, and "
        "Suren Baghdasaryan wants both. The first table has what was said, in our words, and what "
        "was measured. A walker reads the ranges of VMAs whose read locks another process takes "
        "and drops. Faults run beside a writer that write-locks VMAs of another address space, "
        "whose objects are the neighbours on the slab page. The layouts whose names begin with "
        "`lock-` are the four answers to the question; models.md has all layouts.",
        layouts,
        _layouts,
    ),
    Section(
        "scaling",
        "Processes at the same time",
        "Faults in different VMAs of one address space do not slow each other down: two "
        "processes on two CPUs do at least 1.9 times the faults of one.",
        scaling,
        _plain(scaling.ScalingBench, scaling),
    ),
    Section(
        "size",
        "Address spaces from 10 to 1,000,000 VMAs",
        "The cost of a lookup as the tree grows, in address order and at random, with the "
        "loads that have to wait for each other; memory for each VMA; the rate of mapping and "
        "unmapping. native/DESIGN.md, section 9, has the bounds.",
        size,
        _plain(size.SizeBench, size),
    ),
    Section(
        "path",
        "What one fault executes",
        "The walk is the kernel's path, so its counts can be put beside the kernel's. At 1,000 "
        "VMAs it has at most 320 instructions. Loads that have to wait for each other are at "
        "most one for each level of the tree and of the page table, and three more. Counted by "
        "single steps through `op_fault`, so no other process can disturb it. `depend` is the "
        "longest chain of loads of which each needs the one before; `order` is the same if no "
        "load begins before the locked instructions in front of it are done; `lines` are "
        "distinct cache lines of the "
        "segment, `own` those of the process. native/DESIGN.md, section 9, has the same counts of "
        "the kernel's tree.",
        path,
        _compared(path.PathBench, path),
    ),
    Section(
        "fault",
        "One fault",
        "A read fault on a present page, 1,000 VMAs, in units of one uncontended locked add; "
        "two of these are the floor of the models with a semaphore or a count.",
        fault,
        _plain(fault.FaultBench, fault),
    ),
    Section(
        "kernel",
        "The running kernel beside this",
        "The same work done for real in the same run: first touch of a page, map and unmap.",
        kernel,
        _plain(kernel.KernelBench, kernel),
    ),
    Section(
        "rpc",
        "The service",
        "A unary fault against a bare echo through the same server; blocks of faults through "
        "one stream and two, against the same loop attached to the memory. A fault is 8 bytes in "
        "and 16 bytes out, which both ends copy, and a message costs some 0.2 ms. That bounds a "
        "stream, whatever the speed of the core. One stream has its client on one CPU and its "
        "worker on another; of two, each has a worker and its client on one CPU and an address "
        "space of its own. On one VMA two streams pass the cache line of its lock back and forth.",
        rpc,
        _rpc,
    ),
    Section(
        "loadgen",
        "Unary calls at the limit of the transport",
        "What an operation of a load costs beyond a bare loop of the same blocks. Unary calls of "
        "h2load go to workers of each front, with metrics and without tokens. They stand beside "
        "grpcio's own server, which only echoes, with the threads at which it is best. "
        "[service.md](service.md#what-answers-a-call) says what the fronts are.",
        loadgen,
        _plain(loadgen.LoadgenBench, loadgen),
    ),
    Section(
        "rcu",
        "RCU",
        "Read side and grace periods of both flavours between processes; liburcu between "
        "threads is the nearest existing library.",
        rcu,
        _plain(rcu.RcuBench, rcu),
    ),
    Section(
        "events",
        "Counters and events",
        "What it costs that each participant keeps its last events and counts its waits. The same "
        "work is done with and without them, in turn, in one slot of one instance. "
        "[looking-inside.md](looking-inside.md) says what an event is; the target is that of "
        "faults, which leave one event in 1,024. mmap and munmap leave nine.",
        events,
        _plain(events.EventsBench, events),
    ),
)


def measure(
    *, quick: bool, seed: int, said: Callable[[str], None]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Runs every bench; (name, data) one by one."""
    for section in SECTIONS:
        said(f"bench {section.name}")
        yield section.name, section.measure(quick, seed)


def write(results: Mapping[str, dict[str, Any]], page: Path) -> None:
    """The page, and beside it a folder of its name with a picture and the JSON of each bench."""
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    first = next(iter(results.values()))
    facts = machine.one_line(first["machine"])
    parts = [HEAD, f"Machine: {facts}. Date: {first['date']}. Seed: {first['seed']}.\n"]
    for section in SECTIONS:
        if section.name not in results:
            continue
        data = results[section.name]
        picture = folder / f"{section.name}.svg"
        section.module.plot(data, picture)
        (folder / f"{section.name}.json").write_text(json.dumps(data, indent=1) + "\n")
        own = machine.one_line(data["machine"])
        note = "" if own == facts else f"Measured in a run of its own: {own}."
        parts.append(_section(section, data, f"{folder.name}/{section.name}.svg", note))
    page.write_text("\n".join(parts), encoding="utf-8")


def redraw(folder: Path, out: Path, suffixes: Sequence[str]) -> list[Path]:
    """The charts again, of the JSON files that `write` left; nothing is measured.

    Args:
        folder: where the JSON files are.
        out: where the pictures go.
        suffixes: of the pictures: .svg, .png.

    Raises:
        BadRequest: there are no such files.
    """
    drawn = []
    for section in SECTIONS:
        source = folder / f"{section.name}.json"
        if source.is_file():
            data = json.loads(source.read_text())
            for suffix in suffixes:
                drawn.append(out / f"{section.name}{suffix}")
                section.module.plot(data, drawn[-1])
    if not drawn:
        raise base.BadRequest(f"{folder}: no JSON file of a bench is there")
    return drawn


def _section(section: Section, data: dict[str, Any], picture: str, note: str = "") -> str:
    lines = [f"## {section.title}", "", SENTENCE_END.sub("\n", section.claim), ""]
    lines += ["```sh", f"vmalab bench {section.name} --seed {data['seed']}", "```", ""]
    if note:
        lines += [note, ""]
    if data.get("aims"):
        lines += [*_aims(data["aims"]), ""]
    lines += [f"![{section.title}]({picture})", ""]
    for table in section.module.tables(data):
        lines += [*_markdown(table), ""]
    return "\n".join(lines)


def _aims(aims: list[dict[str, Any]]) -> list[str]:
    lines = ["| | measured | 95 % | target | passed |", "|---|---|---|---|---|"]
    for aim in aims:
        goal = " and ".join(
            f"{sign} {report.short(aim[name])}"
            for sign, name in (("at least", "at_least"), ("at most", "at_most"))
            if name in aim
        )
        measured, interval, met = "not measured", "", ""
        if aim["value"] is not None:
            measured = report.short(aim["value"])
            interval = " to ".join(report.short(end) for end in aim["interval"])
            met = base.verdict(aim)
            met = met if met == "yes" else f"**{met}**"
        name = aim["name"] + (f" ({aim['note']})" if aim["note"] else "")
        lines.append(f"| {name} | {measured} | {interval} | {goal} | {met} |")
    return lines


def _markdown(table: Table) -> list[str]:
    """A rich table as Markdown; the title in front."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    head = [str(column.header) for column in table.columns]
    lines = [f"{str(table.title)[:1].upper()}{str(table.title)[1:]}:", ""] if table.title else []
    lines.append(f"| {' | '.join(head)} |")
    words = [i == 0 or max(map(len, cells)) > WORDS for i, cells in enumerate(columns)]
    lines.append("|" + "|".join("---" if text else "--:" for text in words) + "|")
    lines += [f"| {' | '.join(row)} |" for row in zip(*columns, strict=True)]
    return lines
