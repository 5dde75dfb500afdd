# SPDX-License-Identifier: Apache-2.0
"""Goal: command lines that people have in their scripts go on to work.

Method: old_command_lines.txt has every option that a command ever had and every line that a
document ever showed. Each line is parsed by the command line as it is now, with its values; names
of scenarios, mutants, lock models and layouts in it are looked up. Nothing is run.
"""

import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from vmalab_cli import app, load
from vmalab_native import cores, lab
from vmalab_native.race import scenario

LINES = [
    line
    for line in (Path(__file__).parent / "old_command_lines.txt").read_text().splitlines()
    if not line.startswith("#")
]
OPTIONS = [line for line in LINES if not line.startswith("vmalab")]
COMMANDS = [line for line in LINES if line.startswith("vmalab")]


@cache
def root() -> Any:
    return typer.main.get_command(app.app)


def resolved(words: list[str]) -> Iterator[Any]:
    """The contexts of a command line, from the root to the command."""
    context = root().make_context("vmalab", words, resilient_parsing=False)
    yield context
    while hasattr(context.command, "commands"):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not rest and context.command.invoke_without_command:
            return
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        yield context


@pytest.mark.parametrize("line", OPTIONS)
def test_options_are_still_there(line: str) -> None:
    name, _, options = line.partition(":")
    command = root()
    for word in name.split():
        command = command.get_command(None, word)
        assert command is not None, f"vmalab {name} is gone"
    there = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    assert set(options.split()) <= there


@pytest.mark.parametrize("line", COMMANDS)
def test_lines_are_still_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    *_, context = resolved(words)
    given = context.params
    mutants = [given["mutant"]] if isinstance(given.get("mutant"), str) else given.get("mutant")
    lab.mutant_bits(list(mutants or []))
    model = given.get("model")
    if isinstance(model, str) and model not in ("", "all"):
        cores.check(model, cores.default_layout())
    if words[0] == "race" and str(given.get("name", ".toml"))[-5:] != ".toml":
        one = scenario.load(given["name"])
        if model:
            assert one.fits(model)
            scenario.check_applies(list(mutants or []), model)


def test_a_wrong_line_is_not_understood() -> None:
    """What the others rely on: parsing refuses what is not there."""
    with pytest.raises(Exception, match="No such option"):
        [*resolved(["ps", "--nonsense"])]
    with pytest.raises(Exception, match="No such command"):
        [*resolved(["race", "nonsense"])]


def test_the_load_generator_has_a_command_of_its_own() -> None:
    """`vmalab-loadgen` takes the options of `vmalab load`."""
    alone = typer.main.get_command(load.group())
    names = {option for param in alone.params for option in param.opts}
    whole = {option for param in root().get_command(None, "load").params for option in param.opts}
    assert whole - {"--help"} <= names
