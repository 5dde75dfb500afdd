# SPDX-License-Identifier: Apache-2.0
"""The process of an embedded instance: configuration in on standard input, JSON out.

``python -m vmalab_server.host`` reads one line of JSON, serves, and writes one line of JSON when it
is ready (or why it cannot be). It stops when its standard input ends, so it never outlives the
program that started it.
"""

from __future__ import annotations

import dataclasses
import json
import sys

from vmalab_server import logs
from vmalab_server.config import ConfigError, load
from vmalab_server.limits import Limits
from vmalab_server.supervisor import (
    EXIT_BROKEN,
    InstanceBrokenError,
    Ready,
    StartError,
    Supervisor,
)


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _ready(ready: Ready) -> None:
    _say({"ready": dataclasses.asdict(ready)})


def main() -> int:
    """Serve one instance for the parent."""
    # os.read level: what follows the first line must stay in the pipe for the life line.
    line = sys.stdin.buffer.raw.readline() if hasattr(sys.stdin.buffer, "raw") else b"{}"
    try:
        options = json.loads(line)
        if "limits" in options:
            options["limits"] = Limits(**options["limits"])
        config = load(**options)
        logs.configure(level=config.log_level, form=config.log_format, instance=config.instance)
        Supervisor(config, on_ready=_ready, life_line_fd=sys.stdin.fileno()).run()
    except InstanceBrokenError as error:
        _say({"error": str(error)})
        return EXIT_BROKEN
    except (ConfigError, StartError, ValueError, TypeError) as error:
        _say({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
