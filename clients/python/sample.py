# SPDX-License-Identifier: Apache-2.0
"""A whole small program: it maps memory, shares it with a child by fork, fills it with a block of a
thousand stores, and reads the errors that an emulated program would get.

usage: sample.py HOST:PORT
"""

import errno
import signal
import sys

from vmalab_client import (
    PAGE_BYTES,
    Access,
    AddressSpace,
    BlockBuilder,
    Client,
    FaultSignal,
    MemoryCallError,
    NoSuchAddressSpace,
    parse_results,
)

PAGES = 1000


def fill(client: Client, space: AddressSpace, addr: int) -> None:
    """Stores a word in each page, with one block."""
    block = BlockBuilder()
    for page in range(PAGES):
        block.fault(space.mm, addr + page * PAGE_BYTES, access=Access.WRITE, word=100 + page)
    results = parse_results(client.apply(block))
    print(f"block: {sum(result.ok for result in results)} of {len(results)} stores")


def refused(space: AddressSpace, addr: int) -> None:
    """Shows the three kinds of errors."""
    try:
        space.munmap(addr + 1, PAGE_BYTES)
    except MemoryCallError as error:
        print(f"munmap at an odd address: EINVAL {error.errno == errno.EINVAL}")
    space.munmap(addr, PAGES * PAGE_BYTES)
    try:
        space.read(addr)
    except FaultSignal as fault:
        print(f"load of what is gone: SIGSEGV {fault.signal == signal.SIGSEGV}")
    space.exit()
    try:
        space.read(addr)
    except NoSuchAddressSpace:
        print("after exit: no such address space True")


def main() -> None:
    """Each `with` block ends what it opened."""
    if len(sys.argv) != 2:
        sys.exit("usage: sample.py HOST:PORT")
    with Client(sys.argv[1]) as client, client.address_space() as space:
        addr = space.mmap(PAGES * PAGE_BYTES)
        fill(client, space, addr)
        with space.fork() as child:
            child.write(addr, 1)
            print(f"after fork: parent {space.read(addr)}, child {child.read(addr)}")
        refused(space, addr)


if __name__ == "__main__":
    main()
