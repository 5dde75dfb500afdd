# SPDX-License-Identifier: Apache-2.0
"""Options of the server: what is refused, and in which words.

Goal: each wrong option is refused before anything is started, in one line that names it.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from vmalab_server.config import (
    ConfigError,
    is_loopback,
    join_address,
    load,
    parse_limits,
    parse_quotas,
    split_address,
)
from vmalab_server.limits import RULES, Limits

pytestmark = pytest.mark.usefixtures("default_model")


def test_defaults_are_good_and_local() -> None:
    config = load()
    assert config.workers == 2
    assert is_loopback(split_address(config.listen)[0])
    assert config.segment().mms_max == 1024


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"listen": "nonsense"}, "host:port"),
        ({"listen": "127.0.0.1:70000"}, "host:port"),
        ({"listen": "0.0.0.0:1"}, "tls_cert"),
        ({"listen": "[::]:1"}, "token_file"),
        ({"listen": "example.org:1"}, "tls_cert"),
        ({"workers": 0}, "workers = 0: allowed are 1 .. 64"),
        ({"workers": "many"}, "workers = many: a whole number is wanted; allowed are 1 .. 64"),
        ({"mms_max": "many"}, "mms_max = many: a whole number is wanted"),
        ({"account_mms_max": -1}, "account_mms_max = -1: allowed are 0 and more"),
        (
            {"stop_grace_s": "soon"},
            "stop_grace_s = soon: a number is wanted; allowed are 0 .. 3600",
        ),
        ({"start_timeout_s": 0}, "start_timeout_s = 0: allowed is more than 0, up to 3600"),
        ({"lab": "perhaps"}, "lab = perhaps: yes or no is wanted"),
        ({"pin": "maybe"}, "pin = maybe: give auto, on or off"),
        ({"instance": "A B"}, "a-z 0-9"),
        ({"instance": "../../x"}, "a-z 0-9"),
        ({"instance": "x" * 33}, "1 to 32"),
        ({"tls_cert": Path("c")}, "tls_key"),
        ({"tls_client_ca": Path("a")}, "tls_cert"),
        ({"listen": "0.0.0.0:1", "token_file": Path("t")}, "tls_cert"),
        ({"metrics_listen": "0.0.0.0:9"}, "loopback"),
        ({"unix_dir": Path("/" + "d" * 120)}, "at most 107"),
        ({"rcu": "none"}, "rcu"),
        ({"model": "futex"}, "there are mmap-lock, split-rwsem"),
        ({"layout": "wide"}, "of typesafe-rwsem; there are aligned"),
        ({"model": "mmap-lock", "layout": "pair"}, "of mmap-lock; there are aligned"),
        ({"layout": "random:-1"}, "random:SEED"),
        ({"layout": "random:4294967296"}, "random:SEED"),
        ({"front": "side"}, "front = side: give bounded, pool or cq"),
        ({"front": "cq", "lab": True}, "front cq: with the lab"),
        ({"front": "cq", "token_file": Path("t")}, "give bounded or pool"),
        ({"front": "cq", "share": "own"}, "give bounded or pool"),
        ({"colour": "red"}, "no such option"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(**options)
    text = str(refusal.value)
    assert words in text
    assert "\n" not in text


def test_an_address_that_others_reach_is_allowed_with_tls_and_token() -> None:
    config = load(listen="0.0.0.0:1", tls_cert=Path("c"), tls_key=Path("k"), token_file=Path("t"))
    assert config.secure


def test_the_environment_sets_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMALAB_WORKERS", "5")
    monkeypatch.setenv("VMALAB_LIMITS__BLOCK_BYTES_MAX", "4096")
    assert load().workers == 5
    assert load().limits.block_bytes_max == 4096
    assert load(workers=3).workers == 3


def test_the_environment_chooses_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMALAB_MODEL", "split-rwsem")
    monkeypatch.setenv("VMALAB_LAYOUT", "")
    assert (load().segment().model, load().segment().layout) == ("split-rwsem", "aligned")
    assert load(model="refcount").segment().model == "refcount"
    monkeypatch.setenv("VMALAB_MODEL", "futex")
    with pytest.raises(ConfigError, match="there are mmap-lock"):
        load()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:7", "127.0.0.1", 7), (":9", "127.0.0.1", 9), ("[::1]:8", "::1", 8)],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert split_address(text) == (host, port)
    assert split_address(join_address(host, port)) == (host, port)


def test_every_limit_has_bounds_and_a_message_with_its_value() -> None:
    limits = Limits()
    for name in limits.as_dict():
        text = limits.message(name, got=123456789)
        assert str(getattr(limits, name)) in text
        assert RULES[name].low <= getattr(limits, name) <= RULES[name].high


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["nonsense=1"], "not one of"),
        (["ttl_ms_max=soon"], "not a number"),
        (["ttl_ms_max=1"], "allowed are"),
        (["block_bytes_max=16777216"], "does not fit in a message"),
    ],
)
def test_a_wrong_limit_is_named(settings: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_limits(settings)


def test_limits_can_be_given_in_hex() -> None:
    assert parse_limits(["block_bytes_max=0x1000"]).block_bytes_max == 4096


def test_quotas_reach_the_segment() -> None:
    quotas = parse_quotas(["account_mms_max=7", "tables_per_mm_max=0x100", "frames_per_mm_max=512"])
    segment = load(**quotas).segment()
    assert segment.frames_per_mm_max == 512
    assert (segment.account_mms_max, segment.tables_per_mm_max) == (7, 256)
    assert segment.account_frames_max == 0
    with pytest.raises(ConfigError, match="quota 'mms_max' is not one of tables_per_mm_max, "):
        parse_quotas(["mms_max=7"])


def test_the_page_for_client_authors_has_the_limits() -> None:
    """docs/service.md names every limit of a request with its default; those of the lab apart."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text()
    shown = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"^\| `(\w+_max)` \| ([\d,]+) \|", page, re.MULTILINE)
    }
    there = {item.name: item.default for item in dataclasses.fields(Limits)}
    assert shown == {name: value for name, value in there.items() if not name.startswith("lab_")}
