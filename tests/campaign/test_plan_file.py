# SPDX-License-Identifier: Apache-2.0
"""Goal: a file says which runs there are; what it says wrong is named with its line and key; what
cannot be together is left out, and said.

Method: texts, each wrong in one way; the schema against the same texts; commands of runs are parsed
by the command line itself.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from schemas import fits
from vmalab_campaign import plan_file
from vmalab_campaign.kinds import KINDS
from vmalab_campaign.plan import Plan, differences
from vmalab_cli import app
from vmalab_drive.errors import UsageError

GOOD = """\
[global]
model = ["typesafe-rwsem", "refcount"]
seeds = 2
duration = "1s"
timeout = "5m"

[faults]
kind = "load"
workload = ["page_fault1", "mmap1", "pft"]
processes = [1, 2]
mode = "attach"
check = true

[order]
kind = "lin"
seed = 7
without = ["uffd", "move"]

[wake]
kind = "race"
scenario = "cve-2025-38554"
model = "refcount"
mutant = "foreign_wake_unpinned"
seconds = "90s"
"""


def parse(text: str, folder: Path = Path("/nowhere")) -> Plan:
    return plan_file.parse(text, where="c.toml", folder=folder)


def test_what_a_file_says() -> None:
    plan = parse(GOOD)
    assert len(plan.runs) == 2 * (2 * 3 * 2 + 2 + 1)
    assert [run.number for run in plan.runs] == [*range(1, 31)]
    assert len({run.key for run in plan.runs}) == 30
    first, wake = plan.runs[0], plan.runs[14]
    assert first.key == "faults model=typesafe-rwsem workload=page_fault1 processes=1 seed=1"
    assert first.command == (
        *("load", "--duration", "1s", "--mode", "attach", "--check"),
        *("--model", "typesafe-rwsem", "--workload", "page_fault1", "--processes", "1"),
        *("--seed", "1", "--json"),
    )
    assert wake.command == (
        *("race", "explore", "cve-2025-38554", "--model", "refcount"),
        *("--mutant", "foreign_wake_unpinned", "--seconds", "90", "--seed", "1", "--json"),
    )
    order = next(run for run in plan.runs if run.work == "order")
    assert (order.seed, order.timeout_s) == (7, 300)
    assert order.command == (
        *("lin", "--duration", "1", "--without", "uffd", "--without", "move"),
        *("--model", "typesafe-rwsem", "--seed", "7", "--json"),
    )
    assert plan.measures == ("faults",)


def test_seeds_are_outermost() -> None:
    """All settings have run once before one runs twice: what drifts does so for all alike."""
    plan = parse('[a]\nkind = "lin"\npages = [4, 8]\nseeds = [5, 9]\n[b]\nkind = "crash"\n')
    assert [run.key for run in plan.runs] == [
        "a pages=4 seed=5", "a pages=8 seed=5", "b seed=1", "a pages=4 seed=9", "a pages=8 seed=9"
    ]  # fmt: skip


def test_what_cannot_be_together_is_left_out() -> None:
    plan = parse(
        '[a]\nkind = "scale"\nmodel = ["mmap-lock", "refcount"]\nlayout = ["aligned", "packed"]\n'
    )
    assert [run.key.split(" seed")[0] for run in plan.runs] == [
        "a model=mmap-lock layout=aligned",
        "a model=refcount layout=aligned",
        "a model=refcount layout=packed",
    ]
    (left_out,) = plan.left_out
    assert left_out.startswith("a model=mmap-lock layout=packed: there is no layout 'packed'")


def test_files_beside_it(tmp_path: Path) -> None:
    """Their text is part of the plan: the worker has it, and another text is another plan."""
    job = tmp_path / "job.toml"
    job.write_text('[a]\nmode = "attach"\nops = 5\n')
    text = '[a]\nkind = "load"\njob = "job.toml"\n'
    (run,) = before = parse(text, tmp_path).runs
    assert run.files == {"job.toml": job.read_text()}
    assert run.command[:3] == ("load", "--job", "job.toml")
    known = {one.key: one.digest for one in before}
    assert differences(known, parse(text, tmp_path).runs) == []
    job.write_text('[a]\nmode = "attach"\nops = 6\n')
    assert differences(known, parse(text, tmp_path).runs) == ["a seed=1: has another command"]


def test_how_plans_differ() -> None:
    before = {run.key: run.digest for run in parse('[a]\nkind = "lin"\nseeds = 2\n').runs}
    after = parse('[a]\nkind = "lin"\nseeds = [2, 3]\nduration = 5\n').runs
    assert differences(before, after) == [
        "a seed=1: gone", "a seed=3: new", "a seed=2: has another command"
    ]  # fmt: skip
    many = {f"a seed={number}": "" for number in range(20)}
    assert differences(many, [])[-1] == "12 more: gone"


WRONG = [
    ('[a]\nkind = "loud"\n', 2, "[a], kind", "give load, lin, crash, scale, race"),
    ("[a]\nseeds = 2\n", 1, "[a]", "no kind"),
    ('[a]\nkind = "lin"\nspeed = 1\n', 3, "[a], speed", "there is no such key"),
    ('[a]\nkind = "lin"\nworkload = "pft"\n', 3, "[a], workload", "lin has no such key"),
    ('[a]\nkind = "lin"\npages = []\n', 3, "[a], pages", "an empty list"),
    ('[a]\nkind = "lin"\npages = [8, 1]\n', 3, "[a], pages", "from 2 to 128"),
    ('[a]\nkind = "lin"\npages = "8"\n', 3, "[a], pages", "from 2 to 128"),
    ('[a]\nkind = "lin"\nseeds = 0\n', 3, "[a], seeds", "from 1 to 10000"),
    ('[a]\nkind = "lin"\nseeds = [-1]\n', 3, "[a], seeds", "from 0 to"),
    ('[a]\nkind = "lin"\nprocessors = 2\n', 3, "[a], processors", "under [global]"),
    ('kind = "lin"\n[a]\n', 1, "kind", "under [global]"),
    ('["a b"]\nkind = "lin"\n', 1, "[a", "no name of a section"),
    ("[a b]\n", 0, "", "no TOML"),
]
LATER = [
    ("", 0, "", "no section"),
    ('[a]\nkind = "lin"\npages = [8, 8]\n', 3, "[a], pages", "stands there twice"),
    ('[a]\nkind = "lin"\nseed = 2\nseeds = [1, 2]\n', 4, "[a], seeds", "leave seed out"),
    ('[a]\nkind = "lin"\ntimeout = "soon"\n', 3, "[a], timeout", "is no time"),
    ('[a]\nkind = "lin"\nduration = "long"\n', 3, "[a], duration", "is no time"),
    ('[a]\nkind = "race"\n', 1, "[a]", "race needs scenario"),
    ('[a]\nkind = "race"\nscenario = "none"\n', 3, "[a], scenario", "none"),
    ('[global]\nmodel = ["refcnt", "refcount"]\n[a]\nkind = "lin"\n', 2, "[global], model",
     "no lock model 'refcnt'"),
    ('[a]\nkind = "lin"\nlayout = ["aligned", "odd"]\n', 3, "[a], layout", "no layout 'odd'"),
    ('[a]\nkind = "load"\nworkload = ["pft", "sleep"]\n', 3, "[a], workload", "give one of"),
    ('[a]\nkind = "load"\nrate = "fast"\n', 3, "[a], rate", "'fast' is no rate"),
    ('[a]\nkind = "load"\nthreshold = ["p99"]\n', 3, "[a], threshold", "no comparison"),
    ('[a]\nkind = "load"\njob = "none.toml"\n', 3, "[a], job", "No such file"),
    ('[a]\nkind = "load"\nvmas = 9\njob = "j.toml"\n', 3, "[a], vmas", "leave it out"),
    ('[a]\nkind = "lin"\nmutant = "nobody"\n', 3, "[a], mutant", "nobody"),
    ('[a]\nkind = "scale"\nworkload = "no"\n', 3, "[a], workload", "there are own-vma"),
    ('[a]\nkind = "crash"\nbursts = "9-2"\n', 3, "[a], bursts", "give a number, or two"),
    ('[a]\nkind = "crash"\nsizes = "64MiB"\n', 3, "[a], sizes", "numbers of MiB"),
    ('[a]\nkind = "crash"\npatience = 1\n', 3, "[a], patience", "give 5s to 1e+08s"),
    ('[a]\nkind = "lin"\nduration = 0\n', 3, "[a], duration", "give 0.1s to 1e+08s"),
    ('[a]\nkind = "race"\nscenario = "cve-2025-38554"\nseconds = 1e99\n', 4, "[a], seconds",
     "give 0.1s to"),
    ('[global]\nprocessors = 0\n[a]\nkind = "lin"\n', 2, "[global], processors", "from 1 to 4096"),
    ('[global]\nprocessors = "2"\n[a]\nkind = "lin"\n', 2, "[global], processors", "from 1 to"),
    ('[global]\nvcpus = 2\n[a]\nkind = "lin"\n', 2, "[global], vcpus", "no section is of a kind"),
    ('[a]\nkind = "lin"\nseeds = 9000\npages = [2, 4]\n', 1, "the file", "18000 runs"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "place", "says"), [*WRONG, *LATER])
def test_what_is_wrong(text: str, line: int, place: str, says: str) -> None:
    with pytest.raises(UsageError) as found:
        parse(text)
    message = str(found.value)
    assert says in message
    assert f"c.toml, line {line}, {place}" in message if line else message.startswith("c.toml")


def test_the_schema() -> None:
    """It takes what the reader takes; of the rest, what a schema can say."""
    schema = json.loads(CliRunner().invoke(app.app, ["campaign", "--schema"]).output)
    assert fits(tomllib.loads(GOOD), schema)
    for text, _, _, says in WRONG:
        if says not in ("no TOML", "no kind"):
            assert not fits(tomllib.loads(text), schema), text


def test_every_key_is_an_option() -> None:
    """Of the command that a run is; a key without one would fail each run."""
    root: Any = typer.main.get_command(app.app)
    for kind in KINDS.values():
        command = root
        for word in kind.words:
            command = command.get_command(None, word)
        options = {option for param in command.params for option in param.opts}
        wanted = {"--" + key.replace("_", "-") for key in kind.keys if key != kind.behind}
        assert {*wanted, "--seed", "--json"} <= options, kind.name
