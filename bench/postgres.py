#!/usr/bin/env python3
"""Runs the benchmarks of the Postgres extension, and writes the raw results.

    bench/postgres.py [--rounds 3] [--only query,cached,sessions,memory] [--name NAME]

It needs `make extension`, a home with smollm2-135m-instruct (which `scripts/setup --models` fetches) and the evaluation
data. It starts a server of its own in a temporary folder, with a copy of PostgreSQL's programs into which it installs the
extension; as root it runs the server as the user `postgres`. Each round runs every contender once, in turn; medians are
compared, and of ratios the median of those within each round.

Parts:
  query     1,000 questions labelled: `refuel label`, one SELECT, the same SELECT with refuel.batching off
  cached    a SELECT over 100,000 rows that are all answered already
  sessions  queries of one row each, from 1 session and from 32
  memory    what a backend takes after such queries, against one that computed md5() instead
"""

import csv
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import BENCH, MODEL, ROOT, parser, parts, run, say, write

PARTS = ["query", "cached", "sessions", "memory"]
QUERY_ROWS = 1_000
ROW_PATH_ROWS = 200
CACHED_ROWS = 100_000
CLIENTS = 32
SECONDS = 15


def task(nonce):
    """The TREC task. Another nonce is another fingerprint, under which nothing is answered yet."""
    text = (BENCH / "tasks" / "trec.yml").read_text()
    end = "kind of answer a question asks for."
    assert end in text
    return text.replace(end, f"{end} ({nonce:03})")


class Server:
    """A server with the extension in a folder of its own, and its host."""

    def __init__(self, arguments):
        self.folder = Path(tempfile.mkdtemp(prefix="refuel-bench-", dir="/tmp"))
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        config = arguments.pg_config
        where = {name: Path(run([config, f"--{name}"]).strip()) for name in ("bindir", "pkglibdir", "sharedir")}
        self.system_programs = where["bindir"]
        self.programs = self.folder / where["bindir"].relative_to("/")
        self.programs.mkdir(parents=True)
        # Programs that find the server's files relative to their own path.
        for name in ("postgres", "initdb", "pg_ctl"):
            shutil.copy2(where["bindir"] / name, self.programs)
        for name in ("pkglibdir", "sharedir"):
            shutil.copytree(where[name], self.folder / where[name].relative_to("/"), dirs_exist_ok=True)
        run([ROOT / "scripts" / "install-extension"], env=os.environ | {"DESTDIR": str(self.folder), "PG_CONFIG": config})
        self.home = self.folder / "home"
        for name in ("lib", f"models/{MODEL}"):
            shutil.copytree(Path(arguments.home) / name, self.home / name)
        self.refuel = self.programs / "refuel"
        run([self.refuel, "--home", self.home, "model", "import", ROOT / "tests/fixtures/checkpoints/llama", "--as", "tiny"])
        data = self.folder / "data"
        if os.geteuid() == 0:
            run(["chown", "-R", self.user, self.folder])
        self.folder.chmod(0o755)
        self.as_user([self.programs / "initdb", "-D", data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--locale", "C"])
        with open(data / "postgresql.conf", "a") as file:
            file.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nfsync = off\n"
                f"max_connections = 100\nshared_preload_libraries = 'refuel'\nrefuel.home = '{self.home}'\n"
                f"refuel.host_path = '{self.refuel}'\n"
            )
        self.data = data
        self.as_user([self.programs / "pg_ctl", "-D", data, "-l", self.folder / "log", "-w", "start"])
        self.sql("CREATE EXTENSION refuel")

    def as_user(self, command):
        command = [str(part) for part in command]
        if os.geteuid() == 0:
            command = ["runuser", "-u", self.user, "--", *command]
        # Inherited pipes would keep pg_ctl's caller waiting for the server's end.
        with open(self.folder / "commands.log", "a") as log:
            done = subprocess.run(command, stdout=log, stderr=log, cwd="/")
        if done.returncode:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}; see {self.folder}")

    def connection(self):
        return ["-h", self.folder, "-U", self.user]

    def sql(self, statements):
        program = self.system_programs / "psql"
        return run([program, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *self.connection(), "-d", "postgres"], input=statements)

    def stop(self):
        self.as_user([self.programs / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop"])
        shutil.rmtree(self.folder)


class Bench:
    def __init__(self, arguments, server):
        self.arguments = arguments
        self.results = []
        self.nonce = 0
        self.server = server
        self.table = self.server.folder / "questions.csv"
        with open(Path(arguments.data) / "cls_trec_questions" / "all.csv", newline="") as file:
            self.texts = [row["text"] for row in csv.DictReader(file)][:QUERY_ROWS]
        with open(self.table, "w", newline="") as file:
            csv.writer(file).writerows([["text"], *([text] for text in self.texts)])
        self.server.sql(
            f"CREATE TABLE questions (id int GENERATED ALWAYS AS IDENTITY, text text);\n"
            f"\\copy questions (text) FROM '{self.table}' (FORMAT csv, HEADER)\nANALYZE questions"
        )
        # The model is loaded before anything is measured.
        self.server.sql(f"SELECT refuel_label('Where is it ?', '{self.fresh_task()}')")

    def fresh_file(self):
        """A task that nothing was asked of: its name, and its file."""
        self.nonce += 1
        name = f"trec_{self.nonce}"
        path = self.server.folder / f"{name}.yml"
        path.write_text(task(self.nonce))
        return name, path

    def fresh_task(self):
        """The same, in the catalog."""
        name, path = self.fresh_file()
        spec = json.dumps(as_catalog_takes_it(path))
        self.server.sql(f"SELECT refuel_create_task('{name}', $spec${spec}$spec$)")
        return name

    def keep(self, what, contender, round_, rows, seconds, **more):
        entry = {"what": what, "contender": contender, "round": round_, "rows": rows, "seconds": seconds}
        entry |= {"rows_per_second": rows / seconds, **more}
        say(f"  {what:10} {contender:34} round {round_}: {rows / seconds:10.1f} rows/s")
        self.results.append(entry)

    def timed(self, statements):
        start = time.perf_counter()
        output = self.server.sql(statements)
        return time.perf_counter() - start, output

    # The parts.

    def query(self, round_):
        _, path = self.fresh_file()
        command = [self.server.refuel, "--home", self.server.home, "label", self.table, "--task", path, "--model", MODEL]
        command += ["--no-cache", "--force", "-o", self.server.folder / "out.csv", "--format", "json", "--preview", "0", "--no-progress"]
        start = time.perf_counter()
        report = json.loads(run(command))
        total = time.perf_counter() - start
        self.keep("query", "refuel label", round_, QUERY_ROWS, report["seconds"], whole_process=total)

        name = self.fresh_task()
        seconds, _ = self.timed(f"SELECT id, refuel_label(text, '{name}') FROM questions")
        self.keep("query", "SELECT", round_, QUERY_ROWS, seconds)

        name = self.fresh_task()
        seconds, _ = self.timed(
            f"SET refuel.batching = off; SELECT id, refuel_label(text, '{name}') FROM questions WHERE id <= {ROW_PATH_ROWS}"
        )
        self.keep("query", "SELECT, batching off", round_, ROW_PATH_ROWS, seconds)

    def cached(self, round_):
        if round_ == 1:
            self.server.sql(
                """SELECT refuel_create_task('cached', '{"kind": "label", "input": "text", "labels": ["a", "b"], "model": "tiny"}');
                CREATE TABLE many AS SELECT q.text || ' (' || n || ')' AS text FROM generate_series(1, 100) n, questions q;
                ANALYZE many"""
            )
            say(f"  asking about {CACHED_ROWS} rows for the first time")
            self.server.sql("SELECT count(refuel_label(text, 'cached')) FROM many")
        # One backend: parallel workers would be sessions of their own at the host.
        alone = "SET max_parallel_workers_per_gather = 0;"
        plan = json.loads(self.server.sql(alone + "EXPLAIN (ANALYZE, FORMAT json) SELECT count(refuel_label(text, 'cached')) FROM many"))
        node = plan[0]["Plan"]["Plans"][0]
        assert node["Cache Hits"] == node["Distinct Inputs"], node
        seconds, output = self.timed(alone + "SELECT count(refuel_label(text, 'cached')) FROM many")
        assert int(output) == CACHED_ROWS, output
        self.keep("cached", "SELECT", round_, CACHED_ROWS, seconds, host_seconds=node["Host Time"] / 1000)

    def sessions(self, round_):
        name = self.fresh_task()
        script = self.server.folder / "one.sql"
        script.write_text(f"\\set n random(1, 1000000000)\nSELECT refuel_label('Where does number ' || :n || ' come from ?', '{name}');\n")
        program = self.server.system_programs / "pgbench"
        for clients in (1, CLIENTS):
            command = [program, "-n", "-f", script, "-T", SECONDS, "-c", clients, "-j", 1, *self.server.connection(), "postgres"]
            output = run(command)
            rate = float(next(line for line in output.splitlines() if line.startswith("tps")).split()[2])
            latency = next(line.split("=")[1].strip() for line in output.splitlines() if line.startswith("latency average"))
            self.keep("sessions", f"{clients} of them", round_, rate * SECONDS, SECONDS, latency=latency)

    def memory(self, round_):
        name = self.fresh_task()
        self.server.sql(f"SELECT count(refuel_label(text, '{name}')) FROM questions")
        kinds = {"md5": "md5(text)", "refuel": f"refuel_label(text, '{name}')"}
        taken = {}
        for kind, call in kinds.items():
            statement = f"SELECT count({call}) FROM questions;\n"
            row = statement.replace("FROM questions", "FROM (SELECT 'Where is it ?' AS text) q")
            script = statement * 20 + row * 200
            say_memory = "SELECT pg_backend_pid();\n\\! cat /proc/$(cat {pid})/status\n"
            pid = self.server.folder / "pid"
            script = f"\\o {pid}\nSELECT pg_backend_pid();\n\\o\n{script}" + say_memory.format(pid=pid)
            lines = dict(line.split(":", 1) for line in self.server.sql(script).splitlines() if line.startswith(("Rss", "Vm", "Threads")))
            taken[kind] = {name: int(lines[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem")}
        added = {name: taken["refuel"][name] - taken["md5"][name] for name in taken["md5"]}
        self.results.append({"what": "memory", "round": round_, "bytes": taken, "added_bytes": added})
        say(f"  memory     added to a backend: {added['RssAnon'] / 1e6:.1f} MB of its own, {added['RssFile'] / 1e6:.1f} MB of mapped files")

    def main(self):
        only = parts(self.arguments.only, PARTS)
        for round_ in range(1, self.arguments.rounds + 1):
            for part in PARTS:
                if part in only:
                    getattr(self, part)(round_)
            # What is measured is kept, whatever becomes of the next round.
            self.write()
        self.tell()

    def medians(self):
        rates = {}
        for entry in self.results:
            if "rows_per_second" in entry:
                rates.setdefault((entry["what"], entry["contender"]), []).append(entry["rows_per_second"])
        return {f"{what}: {name}": statistics.median(of) for (what, name), of in rates.items()}

    def ratios(self):
        """Of each pair, the ratio in each round."""
        rates = {(e["what"], e["contender"], e["round"]): e["rows_per_second"] for e in self.results if "rows_per_second" in e}
        pairs = (
            ("query", "SELECT", "refuel label"),
            ("query", "SELECT", "SELECT, batching off"),
            ("sessions", f"{CLIENTS} of them", "1 of them"),
        )
        return {
            f"{what}: {name} / {over}": [rate / rates[what, over, round_] for (w, n, round_), rate in rates.items() if (w, n) == (what, name)]
            for what, name, over in pairs
        }

    def write(self):
        write(self.arguments.name, {"medians": self.medians(), "ratios": self.ratios(), "runs": self.results})

    def tell(self):
        for name, rate in self.medians().items():
            print(f"{name:46} {rate:12.1f} rows/s")
        for name, of in self.ratios().items():
            if of:
                print(f"{name}: {statistics.median(of):.2f}, from {min(of):.2f} to {max(of):.2f}")
        added = [entry["added_bytes"]["RssAnon"] for entry in self.results if entry["what"] == "memory"]
        if added:
            print(f"memory added to a backend: {statistics.median(added) / 1e6:.1f} MB")


def as_catalog_takes_it(path):
    spec = json.loads(run([ROOT / "target" / "release" / "refuel", "task", "export", path, "--format", "json"]))
    del spec["name"]
    return spec


def main():
    options = parser(__doc__, PARTS, "postgres")
    options.add_argument("--pg-config", default=os.environ.get("PG_CONFIG", "/usr/lib/postgresql/15/bin/pg_config"))
    arguments = options.parse_args()
    server = Server(arguments)
    try:
        Bench(arguments, server).main()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
