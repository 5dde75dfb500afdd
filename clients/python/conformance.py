# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases with the Python client, and prints TAP.

usage: conformance.py ORDERS

clients/conformance/runner.py starts it. The names of steps and expectations are those of
clients/conformance/README.md; steps.py, beside this file, has what each step does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from expected import Mismatch
from steps import Case


def run(case: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """What went wrong in a case; "": nothing."""
    at = 0
    try:
        with Case(profile, case["profile"]) as running:
            for step in case["steps"]:
                at += 1
                running.step(step)
    except Mismatch as error:
        return f"step {at} ({case['steps'][at - 1]['do']}): {error}"
    except Exception as error:
        return f"step {at}: {type(error).__name__}: {error}"
    return ""


def main() -> int:
    """Run all cases."""
    with open(sys.argv[1], encoding="utf-8") as orders_file:
        orders = json.load(orders_file)
    failed = 0
    print(f"1..{len(orders['cases'])}", flush=True)
    for number, case in enumerate(orders["cases"], 1):
        text = run(case, orders["profiles"][case["profile"]])
        print(f"{'not ok' if text else 'ok'} {number} - {case['name']}", flush=True)
        if text:
            failed += 1
            print(f"# {case['name']}: {' '.join(text.split())}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
