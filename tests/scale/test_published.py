# SPDX-License-Identifier: Apache-2.0
"""Goal: published figures stand beside ours, and per-VMA locks win where threads have VMAs.

Method: the command on small runs. How to read a failure: a claim came out with the other sign, or
the page fault test does not grow with CPUs.
"""

import json

import pytest

from servers import vmalab
from vmalab_scale import published
from vmalab_scale.workloads import WORKLOADS


def test_every_claim_has_a_workload_and_figures() -> None:
    for claim in published.CLAIMS:
        assert claim.workload in WORKLOADS
        assert claim.percent
    assert [one.name for one in published.chosen([])] == ["each", "one", "move"]
    assert [one.name for one in published.chosen(["one", "one"])] == ["one"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--claim", "no"), "--claim no: there are each, one, move"),
        (("--machine", "pdp11"), "there is no machine 'pdp11'"),
    ],
)
def test_what_cannot_be_run_says_why(options: tuple[str, str], says: str) -> None:
    done = vmalab("scale", "published", *options)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.long
def test_a_lock_for_each_vma_grows_where_one_lock_does_not() -> None:
    options = ("--claim", "each", "--threads", "12", "--operations", "600")
    done = vmalab("scale", "published", "--json", *options)
    assert done.returncode == 0, done.stderr
    four, twelve = json.loads(done.stdout)["figures"]
    assert (four["threads"], twelve["threads"]) == (4, 12)
    assert twelve["faults_per_s"][0] > 2 * four["faults_per_s"][0]
    assert twelve["ours"] > four["ours"] > 0
