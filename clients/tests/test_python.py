# SPDX-License-Identifier: Apache-2.0
"""The Python client beside its conformance cases: its sample. Its own tests are in tests/client.

Goal: the sample prints what the page shows. Method: the command of the page, on a real server.
"""

from __future__ import annotations

import re
import sys

from toolchains import ROOT, run
from vmalab_server.embedded import EmbeddedServer

PYTHON = ROOT / "clients" / "python"


def test_the_sample_prints_what_the_page_shows() -> None:
    page = (PYTHON / "README.md").read_text()
    command, shown = re.findall(
        r"^```sh\npython (clients/python/.*?)\n```\n\n```text\n(.*?)^```$", page, re.M | re.S
    )[0]
    with EmbeddedServer(workers=2) as server:
        words = command.replace("127.0.0.1:7420", server.target).split()
        assert run(sys.executable, *words) == shown
