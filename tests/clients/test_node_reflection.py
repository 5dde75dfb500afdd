# SPDX-License-Identifier: Apache-2.0
"""A client in another language that knows the service from reflection alone.

Goal: the first proof that other languages can. Method: a Node program without any proto of this
project asks the server for its descriptors, then calls Mmap, Fault and Munmap. Its packages are
installed once, as package-lock.json says, into the tree (node_modules is not committed).
"""

import node
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer


def test_a_generic_client_maps_touches_and_unmaps(
    vmalab_server: EmbeddedServer, vmalab_client: Client
) -> None:
    before = vmalab_client.inspect.vmstat()
    report = node.report(node.found(), "client.mjs", vmalab_server.target)
    assert "vmalab.v1.MemoryService" in report["services"]
    assert report["mapped"]["errno_code"] == 0
    assert int(report["mapped"]["addr"]) == 0x7FFF_F7FF_F000 - 8192
    assert report["written"]["signal"] == 0
    assert report["read"]["word"] == str(0xFEDC_BA98_7654_3210)
    assert report["unmapped"]["errno_code"] == 0
    assert report["refused"]["errno_name"] == "EINVAL"
    assert (report["lost"]["signal"], report["lost"]["si_code"]) == (11, 1)
    assert report["gone"]["code"] == "NOT_FOUND"
    assert "NO_SUCH_MM" in report["gone"]["details"]
    after = vmalab_client.inspect.vmstat()
    assert after["mmap"] > before["mmap"]
    assert after["munmap"] > before["munmap"]
