# SPDX-License-Identifier: Apache-2.0
"""Goal: the benches run in their time and print what they promise.

Method: --quick and --json. The figures themselves are judged by `make bench`, on a quiet machine.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from servers import vmalab


def bench(*arguments: str) -> dict[str, Any]:
    begin = time.monotonic()
    done = vmalab("bench", *arguments, "--quick", "--json", timeout_s=90)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 80, "--quick is for less than 20 s on a quiet machine"
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.serial
def test_fault() -> None:
    data = bench("fault")
    assert data["vmas"] == 1000
    assert data["ratio"] == pytest.approx(data["fault_ns"] / data["rmw_ns"], rel=0.05)
    assert 0 < data["rmw_ns"] < data["fault_ns"]
    assert all(row["under_vma_lock"] > 0 for row in data["rows"])


@pytest.mark.serial
@pytest.mark.parametrize("client", ["auto", "python"])
def test_rpc(client: str) -> None:
    data = bench("rpc", "--client", client)
    assert data["unary_client"] in ("h2load", "python")
    assert 0.3 < data["unary_ratio"] < 3
    assert data["batch_faults_per_s"] > 10_000
    assert [row["block_ops"] for row in data["batch"]] == [1024, 8192]


def test_usage() -> None:
    assert vmalab("bench", "rpc", "--client", "pigeon").returncode == 2
    assert vmalab("bench", "nothing").returncode == 2
