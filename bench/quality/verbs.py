"""Runs the verbs, in a home of its own, and tells how long they took."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path


class Failed(Exception):
    """A verb that failed, or took too long."""


def processor_seconds():
    """Of all programs that were run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Verbs:
    """The program with a home for heads and answers beside the models of another home."""

    def __init__(self, program, home, work, limit, threads=None):
        self.program, self.work, self.limit = program, work, limit
        self.environment = os.environ | ({"REFUEL_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)} if threads else {})
        self.home = work / "home"
        self.processor = processor_seconds()
        (self.home / "models").mkdir(parents=True, exist_ok=True)
        home = Path(home)
        for name in ("lib", "downloads"):
            self.link(home / name, self.home / name)
        for model in (home / "models").iterdir() if (home / "models").is_dir() else []:
            if not model.name.startswith("."):
                self.link(model, self.home / "models" / model.name)

    @staticmethod
    def link(source, link):
        if source.exists() and not link.exists():
            link.symlink_to(source)

    def run(self, *arguments):
        """What the verb reports, and its seconds. `processor` has those of all processors together, of all verbs so far."""
        command = [str(part) for part in (self.program, "--home", self.home, "--no-progress", *arguments, "--format", "json")]
        start = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.limit, env=self.environment)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{arguments[0]}` took more than {self.limit} s") from None
        self.processor = processor_seconds()
        if done.returncode:
            raise Failed(f"`{arguments[0]}`: {' '.join(done.stderr.strip().splitlines()[-2:])}")
        return json.loads(done.stdout or "null"), time.perf_counter() - start
