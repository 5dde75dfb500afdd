# SPDX-License-Identifier: Apache-2.0
"""docs/races.md: every mutant with its story, its picture, its command and its fix.

Everything in it comes from the scenarios and from runs made for it, so the same core gives the same
page; `make races` writes it, a test compares.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vmalab_native import cores, lab
from vmalab_native.lab import TraceLine
from vmalab_native.race import explore, scenario
from vmalab_native.race.explore import Finding, Plan
from vmalab_native.race.scenario import LETTERS, Scenario
from vmalab_native.texts import lines_of
from vmalab_race import survey
from vmalab_race.picture import Picture, svg

WIDTH: Final = 118
TURNS_MAX: Final = 12
OPS_MAX: Final = 4
HEAD: Final = """\
# Races

This is the race catalogue. Each chapter is a bug that was in a kernel, or that a review found
before a release, and one schedule that shows it. `make races` writes the page on the lab core, from
the scenarios in
[native/vmalab_native/race/scenarios](../native/vmalab_native/race/scenarios). The
actors are real processes on real shared memory. Between two sync points exactly one of them runs. A
chapter has the source of the bug, the schedule, what breaks, and the fix.
[glossary.md](glossary.md) explains the terms.

Read a picture from the top: a lane is a process, an arrow is a switch to another one. A stripe is a
held lock, with the name of the locked object: `m0` is the first address space, `v1.2` the
first VMA object in its second life, after it was freed and used again. On the right is the lock
word at that step. An invariant breaks in the red row. Black steps are those where the schedule may
switch. Small text names the last step before a switch.

To see one for yourself, and to run its schedule again as often as you like:

```sh
vmalab race run cve-2025-38554 --mutant foreign_wake_unpinned -o wake.sched
vmalab race replay wake.sched --times 100
vmalab race show wake.sched -o wake.html
vmalab race show wake.sched --intact -o right.html
```

The last one draws what the intact core does at the same steps.

Which one to show first? In each of these two or three processes do one operation each:

| to show | scenario | mutant |
|---|---|---|
| a use after free | `late-unlock` | `mm_read_after_put` |
| an object that is freed and used again under a pointer | `reuse-before-lock` | `mm_not_compared` |
| a use after free that made the news: StackRot | `stackrot` | `stack_grows_read_locked` |
| a deadlock | `fault-lock-order` | `fault_blocks_holding_vma` |
| a copy that is of no one moment | `fork-under-faults` | `fork_parent_unlocked` |

`vmalab race all` runs every scenario on the intact core of each lock model and every mutant on
every model that it applies to: SCENARIOS scenarios, PAIRS pairs of mutant and model. It does
the same with each step of the history ([models.md](models.md)), STEPS pairs more, and compares
what a step breaks by itself with a table. That is about four minutes of one CPU, which
`--jobs 0` shares among all, and `--model` or `--scenario` makes less. Two actors make about
5,000 schedules a second, this mutant is found in one second, and 100 replays of its schedule
take three.

The name of a mutant says what breaks. Most mutants also have a number, such as B2. A command takes
the name or the number.

Some races need a machine that reorders more than x86 does. They are checked on models
([models-checked.md](models-checked.md)). To pause a call of a running server at a step of the
protocol, from a test of your own, read [lab.md](lab.md).

## What is watched

| invariant | what it says |
|---|---|
| reader-writer-overlap | a VMA whose read lock was granted has no writer and does not change |
| grant-identity | a VMA whose read lock was granted is attached, is of that mm, has that address |
| publish-complete | a VMA that a lookup can find has all its fields set |
| lifetime | after its last reference is given back, no part of an object is read or written |
| attach-state | a VMA is attached and detached under its write lock, and freed only when detached |
| write-lock-first | a VMA that can be found changes under its write lock only |
| lock-word | the lock word has a value that some state of the model has |
| rcu | nothing is used that was freed after a grace period |
| tree | it changes under mmap_lock for writing only, and names each VMA for its own addresses |
| anon-vma | no anonymous page in a VMA that has no anon_vma, or has lost it |
| outcome | results, words and maps are those of some order of whole operations |
| counters | each fault is counted once, and each lookup that gave up has a counted reason |
| deadlock, livelock | some actor can always continue; each run ends |
| assertion, crash, fsck | no check in the core fails, no actor crashes, the walker finds nothing |
"""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One mutant, shown."""

    mutant: str
    model: str
    scenario: Scenario
    finding: Finding

    @property
    def file(self) -> str:
        return f"{self.mutant}.svg"

    def picture(self) -> str:
        return svg(
            Picture(
                self.scenario,
                self.finding.schedule,
                self.finding.trace,
                self.finding.violation,
                self.finding.outcome,
            )
        )

    def text(self) -> str:
        mutant = lab.mutant(self.mutant)
        models = ", ".join(name for name, letter in LETTERS.items() if letter in mutant.kind)
        one, found = self.scenario, self.finding
        broken = found.violation
        seen = _filled(
            f"**What breaks.** {_sentence(one.finds[self.mutant])} The invariant is "
            f"**{broken.invariant}**: {'; '.join(lines_of(broken.text))}."
        )
        only = _sentence(one.only[self.mutant]) if self.mutant in one.only else ""
        return f"""
## {mutant.label}: {mutant.text}

*Source: {one.source}.*

{_filled(one.about)}

**The schedule**{_switches(found.preemptions)}:

{steps(one, found.trace)}

{seen}

![{one.title}](races/{self.file})

{_filled("**The fix.** " + one.fix[self.mutant])}

```sh
vmalab race run {one.name} --model {self.model} --mutant {self.mutant}
```

{_filled(f"Lock models that can have it: {models}. {only}")}
"""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _switches(preemptions: int) -> str:
    """How unlucky one must be."""
    if not preemptions:
        return ", in which no actor is interrupted: it is no race, every such order shows it"
    return f", with {preemptions} preemption{'s' * (preemptions != 1)}"


def steps(one: Scenario, trace: Sequence[TraceLine]) -> str:
    """A run as a numbered list: who goes on, what that one does, where it is interrupted."""
    turns: list[list[TraceLine]] = []
    for line in trace:
        if line.actor < len(one.actors):
            if not turns or turns[-1][0].actor != line.actor:
                turns.append([])
            turns[-1].append(line)
    items = []
    for number, turn in enumerate(turns, 1):
        name = one.actor_names[turn[0].actor]
        last = number == len(turns)
        mine = [before[-1] for before in turns[: number - 1] if before[0].actor == turn[0].actor]
        if last and len(turn) == 1 and mine and mine[-1].point == turn[0].point:
            items.append(f"{number}. **{name}** continues from there, and the invariant breaks")
        else:
            items.append(f"{number}. **{name}** {_turn(one, turn, last=last)}")
    if len(items) > TURNS_MAX:
        items[TURNS_MAX - 1 :] = [f"{TURNS_MAX}. and so on"]
    return "\n".join(_lines(item, "   ") for item in items)


def _turn(one: Scenario, turn: Sequence[TraceLine], *, last: bool) -> str:
    """What one actor does until another goes on."""
    ops = [*one.actors.values()][turn[0].actor]
    begun = [line.op for line in turn if line.point == "op_begin"]
    ended = [line.op for line in turn if line.point == "op_end"]
    stop = turn[-1]
    parts = [f"ends `{ops[op]}`" for op in ended if op not in begun]
    whole = [f"`{ops[op]}`" for op in begun if op in ended]
    if whole:
        parts.append(f"does {_listed(whole)}")
    parts += [f"begins `{ops[op]}`" for op in begun if op not in ended]
    text = ", ".join(parts)
    if stop.point not in ("op_begin", "op_end", "done"):
        point = next(point for point in lab.POINTS if point.name == stop.point)
        way = f"{text}, up to" if text else "continues to"
        text = f"{way} `{stop.point}`: {point.text}"
        if any(op.endswith(f" die {stop.point}") for op in ops):
            text += ", and is killed"
    return (text or "continues") + (", and the invariant breaks" if last else "")


def _listed(names: Sequence[str]) -> str:
    shown = [*names] if len(names) <= OPS_MAX else [*names[:OPS_MAX], "..."]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _filled(text: str) -> str:
    return _lines(" ".join(text.split()))


def _lines(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _model_for(mutant: str, one: Scenario) -> str:
    """The default model where the mutant applies to it, else the newest that it applies to."""
    fit = [model for model in one.models if scenario.applies(mutant, model)]
    return "typesafe-rwsem" if "typesafe-rwsem" in fit else fit[-1]


def chapter(mutant: str) -> Chapter:
    """Shows a mutant.

    Raises:
        ScenarioError: no scenario shows it.
    """
    mutant = scenario.mutant_of(mutant).name
    for model in reversed(LETTERS):
        for name in survey.shown_by(mutant, model) if scenario.applies(mutant, model) else []:
            one = scenario.load(name)
            chosen = _model_for(mutant, one)
            result = explore.explore(one, chosen, Plan(mutants=(mutant,)))
            if result.finding:
                return Chapter(mutant, chosen, one, result.finding)
    raise scenario.ScenarioError(f"no scenario shows {mutant}")


def write(page: Path) -> list[str]:
    """Writes the page, and a picture of each mutant into the folder `races` beside it.

    Returns:
        The mutants that are shown.
    """
    folder = page.parent / "races"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = sum(scenario.applies(one.name, model) for one in lab.MUTANTS for model in LETTERS)
    more = sum(scenario.applies(one.name, step) for one in lab.MUTANTS for step in cores.steps())
    numbers = {"SCENARIOS": len(scenario.names()), "PAIRS": pairs, "STEPS": more}
    head = HEAD
    for word, number in numbers.items():
        head = head.replace(word, str(number))
    parts = [head]
    for mutant in lab.MUTANTS:
        one = chapter(mutant.name)
        parts.append(one.text())
        (folder / one.file).write_text(one.picture(), encoding="utf-8")
    page.write_text("".join(parts), encoding="utf-8")
    return [mutant.name for mutant in lab.MUTANTS]
