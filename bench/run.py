#!/usr/bin/env python3
"""Runs the benchmarks side by side and writes the raw results.

    bench/run.py [--home HOME] [--data ../shared/data] [--rounds 3] [--rows 256] [--only label,prefill,...]

It needs `cargo`, a home with the model compiled (`scripts/setup` does that) and, for the rival, a Python with
llama-cpp-python 0.3.36 (`bench/README.md` says how). Each round runs every contender once, in turn, so that a machine
that gets slower or faster does so for all of them; the medians are compared.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
MODEL = "smollm2-135m-instruct"
TASKS = {"trec": ("cls_trec_questions/all.csv", "text"), "banking": ("autolabel_banking/test.csv", "example")}
RIVALS = ["Q4_0", "Q8_0", "Q4_1"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        say(done.stderr[-2000:])
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}")
    return done.stdout


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": platform.platform()}


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = ROOT / "build" / "bench"
        self.work.mkdir(parents=True, exist_ok=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        run(["cargo", "build", "--release", "-q", "-p", "refuel-engine", "--example", "measure", "--manifest-path", ROOT / "Cargo.toml"])
        self.binary = target / "release" / "examples" / "measure"
        self.results = []

    def ours(self, mode, task, model=MODEL, rows=None, **extra):
        command = [self.binary, mode, "--home", self.arguments.home, "--model", model, "--threads", self.arguments.threads]
        command += ["--task", BENCH / "tasks" / f"{task}.yml", "--input", Path(self.arguments.data) / TASKS[task][0]]
        command += ["--rows", rows or self.arguments.rows]
        for key, value in extra.items():
            command += [f"--{key.replace('_', '-')}", value]
        return json.loads(run([str(part) for part in command]))

    def tokens(self, task):
        path = self.work / f"{task}.tokens.json"
        path.write_text(json.dumps(self.ours("export", task)))
        return path

    def gguf(self, kind):
        source = Path(self.arguments.gguf)
        if kind == "Q4_1":
            return source
        path = self.work / f"smollm2-{kind}.gguf"
        if not path.exists():
            partial = path.with_suffix(".partial")
            run([self.arguments.python, BENCH / "llama.py", "quantize", "--gguf", source, "--to", partial, "--type", kind])
            partial.rename(path)
        return path

    def rival(self, mode, task, kind, batch):
        command = [self.arguments.python, BENCH / "llama.py", mode, "--gguf", self.gguf(kind), "--tokens", self.tokens_of[task]]
        command += ["--threads", self.arguments.threads, "--batch", batch]
        return json.loads(run([str(part) for part in command]))

    def keep(self, what, contender, round_, result):
        chosen = result.pop("chosen", None)
        result.pop("prefix", None)
        entry = {"what": what, "contender": contender, "round": round_, **result}
        rate = entry.get("rows_per_second", entry.get("tokens_per_second"))
        say(f"  {what:22} {contender:24} round {round_}: {rate:10.1f}")
        self.results.append(entry)
        return chosen

    def main(self):
        arguments = self.arguments
        only = set(arguments.only.split(","))
        self.tokens_of = {task: self.tokens(task) for task in TASKS}
        for round_ in range(1, arguments.rounds + 1):
            for task in TASKS:
                if "label" in only:
                    packed = self.keep(f"label {task}", "refuel", round_, self.ours("label", task))
                    for kind in RIVALS:
                        self.keep(f"label {task}", f"llama.cpp {kind}", round_, self.rival("label-tree", task, kind, 512))
                        self.keep(f"label {task}", f"llama.cpp {kind}, first token only", round_, self.rival("label", task, kind, 512))
                if "naive" in only:
                    alone = self.keep(f"label {task}", "refuel, naive", round_, self.ours("naive", task, rows=64))
                    if "label" in only:
                        flips = sum(a != b for a, b in zip(packed, alone))
                        self.results.append({"what": f"flips {task}", "round": round_, "rows": len(alone), "flips": flips})
                        say(f"  {task}: {flips} of {len(alone)} labels differ between packed and alone")
            for mode in ("prefill", "decode"):
                if mode in only:
                    self.keep(mode, "refuel", round_, self.ours(mode, "trec"))
                    for kind in RIVALS:
                        self.keep(mode, f"llama.cpp {kind}", round_, self.rival(mode, "trec", kind, 512))
        self.write()

    def write(self):
        rates = {}
        for entry in self.results:
            rate = entry.get("rows_per_second", entry.get("tokens_per_second"))
            if rate:
                rates.setdefault(entry["what"], {}).setdefault(entry["contender"], []).append(rate)
        medians = {what: {name: statistics.median(of) for name, of in each.items()} for what, each in rates.items()}
        now = datetime.datetime.now(datetime.timezone.utc)
        report = {"date": now.isoformat(timespec="seconds"), "machine": machine(), "rows": self.arguments.rows}
        report |= {"threads": self.arguments.threads, "medians": medians, "runs": self.results}
        path = BENCH / "results" / f"{now:%Y-%m-%d}-{self.arguments.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(report, indent=1) + "\n")
        say(f"raw results: {path.relative_to(ROOT)}")
        for what, each in medians.items():
            ours = each.get("refuel")
            for name, rate in each.items():
                ratio = f"  {ours / rate:6.2f} times" if ours and name != "refuel" else ""
                print(f"{what:16} {name:36} {rate:10.1f} a second{ratio}")


def main():
    data_home = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "refuel"
    home = os.environ.get("REFUEL_HOME", data_home)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", default=home)
    parser.add_argument("--data", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--gguf", default=os.environ.get("REFUEL_TEST_SMOLLM2_GGUF"), help="the GGUF that the model was made of")
    parser.add_argument("--python", default=sys.executable, help="a Python that has llama-cpp-python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="label,naive,prefill,decode")
    parser.add_argument("--name", default="run", help="the end of the result's file name")
    arguments = parser.parse_args()
    if not arguments.gguf:
        parser.error("--gguf is missing: the file that the model was made of")
    Bench(arguments).main()


if __name__ == "__main__":
    main()
