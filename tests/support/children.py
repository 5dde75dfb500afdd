# SPDX-License-Identifier: Apache-2.0
"""Processes for tests: they run Python code and talk line by line."""

import subprocess
import sys
from collections.abc import Sequence

from patience import HANG_S


class Child:
    """A process that runs Python code and talks line by line. Always gone when the test is over."""

    def __init__(self, code: str, *arguments: str, prefix: Sequence[str] = ()) -> None:
        """prefix: the words of a command that runs it, `unshare ...`."""
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def line(self) -> str:
        """The next line that it prints; a child that died prints none."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL, and wait until it is dead."""
        self.process.kill()
        self.process.wait(HANG_S)

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
