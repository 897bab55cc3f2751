#!/usr/bin/env python3
"""Measures projects: compiling ten thousand models, building, and building again, and writes the raw results.

    bench/project.py [--dbt VENV/bin/dbt] [--rounds 3] [--models 10000] [--rows 1000000] [--only compile,...] [--name NAME]

Parts: compile (cold, the same again, after a change of one file), dbt (`dbt parse` of the same models; needs --dbt), start
(`refuel --version`), build (10,000 rows, each text twice, against `refuel label` on the 5,000 texts), again (a second build
of a project with a million rows, and one after a change of one row). `build` and `again` need a home with
smollm2-135m-instruct, which `scripts/setup --models` fetches, and `build` the evaluation data. Each round runs every
contender once, in turn, so that a machine that gets slower or faster does so for all of them; the medians are compared.
"""

import csv
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import BENCH, MODEL, ROOT, parser, parts, run, say, write

PARTS = ["compile", "dbt", "start", "build", "again"]
# Columns of texts, of which the build takes the first that are all different.
TEXTS = [
    ("cls_trec_questions/all.csv", "text"),
    ("cls_clinc150/all.csv", "text"),
    ("autolabel_banking/test.csv", "example"),
]
DISTINCT = 5_000
STARTS = 50

LABELLED = """\
{{{{ config(materialized='{materialized}'{more}) }}}}
SELECT id, body, refuel_label(body, 'trec') AS topic{columns}
FROM {{{{ source('raw', 'messages') }}}}
{where}"""

REPORT = """\
{{ config(materialized='table') }}
SELECT topic, count(*) AS messages FROM {{ ref('labelled') }} GROUP BY topic
"""

NEW_ROWS = "{% if is_incremental() %}WHERE updated_at > (SELECT max(updated_at) FROM {{ this }}){% endif %}\n"


def measured(command, **options):
    """Runs a program that has to succeed: standard output, and what it took.

    That is seconds, seconds of processors (which tell what a machine that does other things too makes of the seconds), and
    the most memory that it had at once, in bytes.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, **options)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            say(output[-2000:] + errors.read()[-2000:])
            sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    took = {"seconds": seconds, "processor_seconds": usage.ru_utime + usage.ru_stime, "peak_memory_bytes": usage.ru_maxrss * 1024}
    return output, took


def remove(*paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = ROOT / "target" / "bench" / "project"
        self.work.mkdir(parents=True, exist_ok=True)
        self.refuel = arguments.refuel and Path(arguments.refuel).resolve()
        if not self.refuel:
            run(["cargo", "build", "--release", "-q", "-p", "refuel", "--manifest-path", ROOT / "Cargo.toml"])
            self.refuel = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "refuel"
        self.results = []
        self.trash = self.work / "trash"
        self.trash.mkdir(exist_ok=True)

    def keep(self, what, contender, round_, **result):
        self.results.append({"what": what, "contender": contender, "round": round_, **result})
        shown = ", ".join(f"{name} {value:,.3f}" if isinstance(value, float) else f"{name} {value:,}" for name, value in result.items())
        say(f"  {what:16} {contender:28} round {round_}: {shown}")

    def time(self, what, contender, round_, command, **options):
        _, took = measured(command, **options)
        self.keep(what, contender, round_, **took)

    # Ten thousand models.

    def models(self):
        folder = self.work / f"models-{self.arguments.models}"
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            remove(partial)
            run([sys.executable, BENCH / "project_generator.py", partial, self.arguments.models])
            partial.rename(folder)
        return folder

    def away(self, *paths):
        """Takes folders away without removing their files yet: for minutes after that, ext4 makes new files many times as
        slowly, while it looks for places that were not in use a moment ago (`recently_deleted` in fs/ext4/ialloc.c)."""
        for path in paths:
            if path.exists():
                path.rename(Path(tempfile.mkdtemp(dir=self.trash)) / path.name)

    def compile(self, round_):
        folder = self.models()
        command = [self.refuel, "compile", "--quiet"]
        self.away(folder / "target", folder / ".refuel")
        self.time("compile", "refuel, cold", round_, command, cwd=folder)
        self.time("compile", "refuel, the same again", round_, command, cwd=folder)
        # One in the middle of the graph, that others are made of; it gets a column, which is there no longer afterwards.
        model = sorted((folder / "models" / "intermediate").rglob("*.sql"))[7]
        text = model.read_text()
        changed = text.replace("        base.amount * 0 as times_0,\n", f"        base.amount * {round_} + 0.5 as times_0,\n")
        if changed == text:
            sys.exit(f"{model}: there is nothing to change")
        model.write_text(changed)
        try:
            self.time("compile", "refuel, one file changed", round_, command, cwd=folder)
        finally:
            model.write_text(text)

    def dbt(self, round_):
        folder = self.models()
        target = self.work / "dbt-target"
        self.away(target)
        environment = os.environ | {
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(self.work / "dbt-logs"),
        }
        command = [self.arguments.dbt, "--quiet", "parse", "--no-partial-parse", "--profiles-dir", "dbt"]
        self.time("compile", "dbt parse, cold", round_, command, cwd=folder, env=environment)

    def start(self, round_):
        times = [measured([self.refuel, "--version"])[1]["seconds"] for _ in range(STARTS)]
        self.keep("start", "refuel --version", round_, seconds=statistics.median(times), slowest=max(times))

    # Builds.

    def home(self):
        """The home folder without the answers that it keeps: links to what is in it."""
        home = self.work / "home"
        remove(home)
        home.mkdir()
        for entry in Path(self.arguments.home).iterdir():
            if entry.name not in ("cache", "usage") and not entry.name.startswith("schedule"):
                (home / entry.name).symlink_to(entry)
        return home

    def project(self, name, table, labelled):
        folder = self.work / name
        remove(folder)
        for below in ("models", "tasks"):
            (folder / below).mkdir(parents=True)
        (folder / "refuel_project.yml").write_text("name: bench\n")
        (folder / "models" / "sources.yml").write_text(f"sources:\n  - name: raw\n    tables:\n      - {table}\n")
        (folder / "models" / "labelled.sql").write_text(labelled)
        (folder / "models" / "report.sql").write_text(REPORT)
        task = (BENCH / "tasks" / "trec.yml").read_text()
        (folder / "tasks" / "trec.yml").write_text(f"{task}model: {MODEL}\n")
        return folder

    def texts(self):
        texts = {}
        for file, column in TEXTS:
            with open(Path(self.arguments.data) / file, newline="") as rows:
                texts |= dict.fromkeys(row[column] for row in csv.DictReader(rows) if row[column].strip())
        if len(texts) < DISTINCT:
            sys.exit(f"the evaluation data has {len(texts)} texts, not {DISTINCT}")
        return list(texts)[:DISTINCT]

    def build_project(self, folder, home):
        """Builds a project: the report by model, and what it took."""
        command = [self.refuel, "--home", home, "build", "--format", "json", "--no-progress"]
        command += ["--model-threads", self.arguments.threads]
        output, took = measured(command, cwd=folder)
        return {node["name"]: node for node in json.loads(output)["nodes"]}, took

    def build(self, round_):
        """Ten thousand rows, every text twice, against the engine alone on the texts. Neither knows an answer."""
        texts = self.texts()
        labelled = LABELLED.format(materialized="table", more="", columns="", where="")
        folder = self.project("build", "{name: messages, path: messages.csv}", labelled)
        with open(folder / "messages.csv", "w", newline="") as file:
            csv.writer(file).writerows([("id", "body"), *enumerate(texts + texts)])
        with open(self.work / "texts.csv", "w", newline="") as file:
            csv.writer(file).writerows([("text",), *((text,) for text in texts)])
        command = [self.refuel, "--home", self.home(), "label", self.work / "texts.csv", "--task", folder / "tasks" / "trec.yml"]
        command += ["-o", self.work / "out.csv", "--force", "--no-cache", "--threads", self.arguments.threads]
        self.time("build", "refuel label, distinct rows", round_, [*command, "--preview", 0, "--no-progress", "--quiet"])
        nodes, took = self.build_project(folder, self.home())
        if nodes["labelled"]["asked"] != DISTINCT:
            sys.exit(f"{nodes['labelled']['asked']} rows were asked, not {DISTINCT}")
        self.keep("build", "refuel build, each twice", round_, **took)

    def again(self, round_):
        """A million rows of a thousand texts. The first build is not what is measured; the second finds nothing to do."""
        texts = self.texts()[:1000]
        more = ", unique_key='id', incremental_strategy='merge'"
        labelled = LABELLED.format(materialized="incremental", more=more, columns=", updated_at", where=NEW_ROWS)
        folder = self.project("again", "{name: messages}", labelled)
        warehouse = sqlite3.connect(folder / "warehouse.sqlite3")
        with warehouse:
            warehouse.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT, updated_at TEXT)")
            rows = ((id_, texts[id_ * 7919 % 1000], "2026-01-01 00:00:00") for id_ in range(self.arguments.rows))
            warehouse.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
        warehouse.close()
        home = self.home()
        _, took = self.build_project(folder, home)
        self.keep("again", "refuel build, first", round_, **took)
        nodes, took = self.build_project(folder, home)
        asked = sum(node["asked"] for node in nodes.values())
        reused = sum(node["status"] == "reused" for node in nodes.values())
        self.keep("again", "refuel build, nothing changed", round_, **took, asked=asked, reused=reused)
        warehouse = sqlite3.connect(folder / "warehouse.sqlite3")
        with warehouse:
            change = "UPDATE messages SET body = ?, updated_at = '2026-01-02 00:00:00' WHERE id = ?"
            warehouse.execute(change, (f"Who counted to {round_} million ?", self.arguments.rows // 2))
        warehouse.close()
        nodes, took = self.build_project(folder, home)
        asked = sum(node["asked"] for node in nodes.values())
        self.keep("again", "refuel build, one row changed", round_, **took, asked=asked)

    def main(self):
        only = parts(self.arguments.only, PARTS)
        if "dbt" in only and not self.arguments.dbt:
            say("without --dbt there is no rival")
            only.discard("dbt")
        for round_ in range(1, self.arguments.rounds + 1):
            for part in PARTS:
                if part in only:
                    getattr(self, part)(round_)
            # What is measured is kept, whatever becomes of the next round.
            self.write()
        self.tell()
        remove(self.trash)

    def medians(self, key):
        values = {}
        for entry in self.results:
            if key in entry:
                values.setdefault(f"{entry['what']}: {entry['contender']}", []).append(entry[key])
        return {name: statistics.median(of) for name, of in values.items()}

    def write(self):
        fixed = {"models": self.arguments.models, "rows": self.arguments.rows, "threads": self.arguments.threads}
        if self.arguments.dbt:
            versions = run([self.arguments.dbt, "--version"]).split()
            fixed["dbt"] = " ".join(word for word in versions if word[0].isdigit())
        medians = {key: self.medians(key) for key in ("seconds", "processor_seconds", "peak_memory_bytes")}
        write(self.arguments.name, fixed | {"medians": medians, "runs": self.results})

    def tell(self):
        seconds, memory = self.medians("seconds"), self.medians("peak_memory_bytes")
        for name, value in seconds.items():
            peak = f"{memory[name] / 1e6:8.0f} MB" if name in memory else ""
            print(f"{name:50} {value:10.3f} s{peak}")

        def ratio(words, above, below):
            if above in seconds and below in seconds:
                print(f"{words}: {seconds[above] / seconds[below]:.2f} times")

        ratio("dbt parse over refuel compile", "compile: dbt parse, cold", "compile: refuel, cold")
        ratio("build over refuel label", "build: refuel build, each twice", "build: refuel label, distinct rows")


def main():
    options = parser(__doc__, PARTS, "project")
    options.add_argument("--dbt", help="a dbt with dbt-core and dbt-postgres; without one there is no rival")
    options.add_argument("--refuel", help="a program that is built already [default: it is built]")
    options.add_argument("--models", type=int, default=10_000)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--threads", type=int, default=2)
    Bench(options.parse_args()).main()


if __name__ == "__main__":
    main()
