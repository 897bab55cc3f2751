"""The raw result file, to which partial runs add, also those that run beside each other."""

import fcntl
import json
import os
import tempfile
from pathlib import Path

from common import BENCH, write

RESULTS = BENCH / "results"


def newest(name):
    """The results of the newest file of that name, none without one."""
    files = sorted(RESULTS.glob(f"????-??-??-{name}.json"))
    return json.loads(files[-1].read_text())["results"] if files else []


def keep(name, result, places, anew=False):
    """Puts a result into today's file, in the place of an older one of the same set and strategy.

    `places` tells the order of `(set, strategy)`. `anew` begins the file again. Gives all results of the file.
    """
    lock = Path(tempfile.gettempdir()) / f"refuel-bench-{os.getuid()}-{name}.lock"
    with open(lock, "w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        key = lambda of: (of["set"], of["strategy"])
        results = [] if anew else [old for old in newest(name) if key(old) != key(result)]
        results.append(result)
        results.sort(key=lambda of: places.get(key(of), len(places)))
        write(name, {"results": results})
    return results
