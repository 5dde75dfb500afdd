# SPDX-License-Identifier: Apache-2.0
"""docs/races.md: every mutant with its story, its picture, its command and its fix.

Everything in it comes from the scenarios and from runs made for it, so the same core gives the same
page; `make races` writes it, a test compares.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vmalab_loadgen.race import explore, scenario, survey
from vmalab_loadgen.race.explore import Finding, Plan
from vmalab_loadgen.race.picture import Picture, svg
from vmalab_loadgen.race.scenario import LETTERS, Scenario
from vmalab_native import lab

WIDTH: Final = 118
HEAD: Final = """\
# Races

Each chapter is a bug that was in a kernel, or was found in a review before it could be, and one
schedule that shows it: made by `make races` on the lab core, from the scenarios in
[loadgen/vmalab_loadgen/race/scenarios](../loadgen/vmalab_loadgen/race/scenarios). The actors are
real processes on real shared memory; between two sync points exactly one of them runs. Read a
picture from the top: an arrow is a hand-over, a stripe is a lock that is held, the words on the
right are the lock word at that step, `v1.2` is the second life of the first VMA object. Where the
line turns red an invariant breaks.

To see one for yourself, and to follow it again as often as you like:

```sh
vmalab race run cve-2025-38554 --mutant B2 -o b2.sched
vmalab race replay b2.sched --times 100
vmalab race show b2.sched -o b2.html
```

`vmalab race all` runs every scenario on the intact core of each lock model and every mutant on
every model that it applies to. What x86 cannot show, because it needs a machine that reorders
more, is checked on models instead.

## What is watched

| invariant | what it says |
|---|---|
| reader-writer-overlap | a granted VMA has no writer, a write-locked one no reader |
| grant-identity | a granted VMA is attached, of the right address space, covers the address |
| publish-complete | what can be found is complete |
| lifetime | after the last reference nothing of the object is touched |
| attach-state | attached and detached under the write lock; freed only when detached |
| write-lock-first | a VMA that can be found changes under its write lock only |
| lock-word | the lock word has a value that some state of the model has |
| rcu | nothing is used that was freed after a grace period |
| tree | changed under mmap_lock for writing; names each VMA for its own addresses |
| anon-vma | no anonymous page in a VMA without an anon_vma |
| outcome | results, words and maps are those of some order of whole operations |
| counters | faults, ways to end, reasons to give up add up |
| deadlock, livelock | somebody can go on; a run ends |
| assertion, crash, fsck | the core's own checks, a signal, the walker over everything at the end |
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
        mutant = next(one for one in lab.MUTANTS if one.name == self.mutant)
        models = ", ".join(name for name, letter in LETTERS.items() if letter in mutant.kind)
        one, found = self.scenario, self.finding
        switches = f"{found.preemptions} preemption{'s' * (found.preemptions != 1)}"
        story = _filled(f"{one.about} *({one.source})*")
        broken = found.violation
        seen = _filled(
            f"What is seen: {one.finds[self.mutant]}. The invariant is **{broken.invariant}**: "
            f"{' '.join(broken.text.split())} ({switches}, {len(found.trace)} steps)."
        )
        return f"""
## {self.mutant}: {mutant.text}

{story}

{seen}

![{one.title}](races/{self.file})

{_filled("The fix: " + one.fix[self.mutant])}

```sh
vmalab race run {one.name} --model {self.model} --mutant {self.mutant}
```

Applies to {models}.
"""


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False)


def _model_for(mutant: str, one: Scenario) -> str:
    """The default model where the mutant applies to it, else the newest that it applies to."""
    fit = [model for model in one.models if scenario.applies(mutant, model)]
    return "typesafe-rwsem" if "typesafe-rwsem" in fit else fit[-1]


def chapter(mutant: str) -> Chapter:
    """Shows a mutant.

    Raises:
        ScenarioError: no scenario shows it.
    """
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
    parts = [HEAD]
    for mutant in lab.MUTANTS:
        one = chapter(mutant.name)
        parts.append(one.text())
        (folder / one.file).write_text(one.picture(), encoding="utf-8")
    page.write_text("".join(parts), encoding="utf-8")
    return [mutant.name for mutant in lab.MUTANTS]
