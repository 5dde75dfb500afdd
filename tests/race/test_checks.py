# SPDX-License-Identifier: Apache-2.0
"""Goal: each check of the look-up is needed, and docs/series.md says what for.

Method: vmalab_race.checks leaves out one check at a time and searches, on the lab core; its table
must be the one of the page. A cell that differs names the check, and `vmalab race run SCENARIO
--model MODEL --mutant MUTANT` shows it. The sources of the models in Rust must have the orders that
the page names.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vmalab_native.race import explore, scenario
from vmalab_native.race.explore import Plan
from vmalab_race import checks

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "series.md"
QUICK = ("typesafe-rwsem", "refcount")


def rows_of_the_page() -> dict[str, list[str]]:
    """The cells of each mutant's line."""
    text = PAGE.read_text(encoding="utf-8").partition(checks.BEGIN)[2]
    lines = [line for line in text.splitlines() if re.match(r"\|[^|]*\| `\w+` \|", line)]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cells[1].strip("`"): cells for cells in split}


@pytest.mark.parametrize(
    "model",
    [pytest.param(one, marks=() if one in QUICK else pytest.mark.long) for one in checks.MODELS],
)
def test_the_table_is_what_the_lab_finds(model: str) -> None:
    page = rows_of_the_page()
    assert list(page) == [check.mutant for check in checks.CHECKS]
    at = 3 + checks.MODELS.index(model)
    for check in checks.CHECKS:
        cell = checks.look(check, model)
        assert cell.absent or cell.invariant, f"{check.mutant} shows nothing on {model}"
        assert page[check.mutant][at] == cell.text(), check.mutant


def test_the_rest_of_the_section_is_current() -> None:
    """Notes, orders, scenarios: what no search decides."""
    text = PAGE.read_text(encoding="utf-8")
    page = rows_of_the_page()
    found = [checks.Cell(check, model) for check in checks.CHECKS for model in checks.MODELS]
    made = checks.section(found)
    for check in checks.CHECKS:
        line = checks.row([cell for cell in found if cell.check is check])
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        assert (page[check.mutant][:3], page[check.mutant][7]) == (cells[:3], cells[7])
    notes = made[made.index("\n- [a]") :]
    assert notes in text
    assert made.splitlines()[2] in text


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.mutant)
def test_a_check_is_absent_only_where_its_mutant_does_not_apply(check: checks.Check) -> None:
    """So a model that gets the mutant gets a cell, and a note does not hide a finding."""
    for model in checks.MODELS:
        has = scenario.applies(check.mutant, model)
        assert has == (model not in check.absent)
        if has:
            assert check.mutant in scenario.load(check.scenario_for(model)).finds


def test_what_is_behind_is_found_by_a_pair_alone() -> None:
    """Of detached_read_last: each mutant alone, searched to the end, shows nothing."""
    one = scenario.load("attached-elsewhere")
    pair = one.switched("detached_read_last", "typesafe-rwsem")
    assert pair == ("detached_read_last", "maker_ignores_readers")
    assert not scenario.alone("detached_read_last", "typesafe-rwsem")
    assert explore.explore(one, "typesafe-rwsem", Plan(mutants=pair)).finding is not None
    other = scenario.load("stamp-after-the-look")
    with pytest.raises(checks.NotBehind, match="late_stamp_ignored alone in stamp-after-the-look"):
        checks.shows_nothing(other, "typesafe-rwsem", "late_stamp_ignored")


@pytest.mark.parametrize(("letter", "model", "variant"), [row[2:] for row in checks.ORDERS])
def test_loom_shows_the_orders(letter: str, model: str, variant: str) -> None:
    """The model has that variant, of that letter, and wants it found (`make models` runs it)."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "native" / "models" / "loom" / "src" / "models").glob("*.rs"))
    )
    _, _, body = text.partition(f'name: "{model}",')
    body = body.partition("pub const ")[0]
    found = re.search(rf'found\(\s*"{re.escape(variant)}",\s*"([^"]*)"', body)
    assert found is not None, f"{model} has no {variant} that is to be found"
    assert set(letter.replace(",", "").split()) - {"and"} <= set(re.split(r"[ ,]+", found[1]))
