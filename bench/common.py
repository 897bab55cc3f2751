"""What the benchmarks share: where things are, running programs, writing raw results."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
MODEL = "smollm2-135m-instruct"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Standard output of a program that has to succeed. Options are those of `subprocess.run`."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        say(done.stdout[-2000:] + done.stderr[-2000:])
        sys.exit(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": platform.platform()}


def parts(chosen, known):
    """The parts that a list names, which must all be known."""
    only = set(chosen.split(","))
    if unknown := only - set(known):
        sys.exit(f"no such part: {', '.join(unknown)}; the parts are {', '.join(known)}")
    return only


def parser(description, known, name):
    """Options that every benchmark has."""
    data_home = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "refuel"
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--home", default=os.environ.get("REFUEL_HOME", data_home))
    made.add_argument("--data", default=ROOT.parent / "shared" / "data")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--only", default=",".join(known))
    made.add_argument("--name", default=name, help="the end of the result's file name")
    return made


def write(name, results):
    """Writes raw results under today's date."""
    now = datetime.datetime.now(datetime.timezone.utc)
    report = {"date": now.isoformat(timespec="seconds"), "machine": machine()} | results
    path = BENCH / "results" / f"{now:%Y-%m-%d}-{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    say(f"raw results: {path.relative_to(ROOT)}")
