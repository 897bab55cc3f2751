#!/usr/bin/env python3
"""Times `refuel train` on 10,000 rows: the texts of several sets of the evaluation data, put together.

    bench/training.py [--only few,many] [--rows N] [--refuel FILE]

`few` has eleven labels: tones, sorts of questions, addresses, goods. `many` has 153: intents of a bank, fine sorts of
questions, kinds and sections of goods, messages, tones. Of each, rows are drawn in a fixed order. The head goes into a home
of the scratch folder; what is told of it was measured on rows that it had not seen (`docs/training.md`).
"""

import csv
import json
import os
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

from common import ROOT, parser, parts, run, write

FEWEST = 6  # rows of a label


def rows(data, folder, text, label, file="all.csv"):
    """Texts of a set with what `label` makes of each row."""
    with open(Path(data) / folder / file, encoding="utf-8", newline="") as opened:
        return [(" ".join(row[text].split()), label(row)) for row in csv.DictReader(opened)]


def few(data):
    return [
        *rows(data, "cls_sst2", "text", lambda row: f"film {row['label']}"),
        *rows(data, "cls_trec_questions", "text", lambda row: f"question {row['label']}"),
        *rows(data, "qa_boolq", "question", lambda _: "yes or no"),
        *rows(data, "extract_address_us_usaddress", "address", lambda _: "address"),
        *rows(data, "cat_pricerunner_products", "title", lambda _: "goods"),
        *rows(data, "cat_hs_products", "description", lambda _: "goods"),
    ]


def many(data):
    return [
        *rows(data, "autolabel_banking", "example", lambda row: f"bank {row['label']}", "test.csv"),
        *rows(data, "cls_trec_questions", "text", lambda row: f"question {row['fine_label']}"),
        *rows(data, "cat_pricerunner_products", "title", lambda row: f"shop {row['category']}"),
        *rows(data, "cat_hs_products", "description", lambda row: f"goods {row['section_name']}"),
        *rows(data, "cls_sms_spam", "text", lambda row: f"message {row['label']}"),
        *rows(data, "cls_sst2", "text", lambda row: f"film {row['label']}"),
    ]


def trained(program, home, labelled, count):
    """What `train` says of a head on so many of the rows, and how long it took."""
    labelled = [(text, label.replace("_", " ").replace(":", " ")[:60].strip(" ,;-")) for text, label in labelled if text]
    labelled = list(dict(labelled).items())
    counts = Counter(label for _, label in labelled)
    labelled = [row for row in labelled if counts[row[1]] >= FEWEST]
    random.Random(3).shuffle(labelled)
    with tempfile.TemporaryDirectory(prefix="refuel-training-") as work:
        work = Path(work)
        for part in ("lib", "models"):
            (work / "home" / part).mkdir(parents=True)
            for file in (home / part).iterdir():
                if not file.name.startswith("."):
                    (work / "home" / part / file.name).symlink_to(file.resolve())
        with open(work / "rows.csv", "w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([("text", "label"), *labelled[:count]])
        labels = sorted({label for _, label in labelled})
        task = {"name": "timed", "kind": "label", "input": "text", "guidelines": "Which is it?", "labels": labels}
        task |= {"strategy": "head", "examples": {"from": "rows.csv", "count": 4}}
        (work / "timed.yml").write_text(json.dumps(task), encoding="utf-8")
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        said = run([program, "--home", work / "home", "--no-progress", "train", work / "timed.yml", "--format", "json"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    times = {"seconds": round(time.monotonic() - start, 1), "processor_seconds": round(processor, 1)}
    return times | {"load": os.getloadavg()[0], "labels": len(labels), "said": json.loads(said)}


def main():
    sets = {"few": few, "many": many}
    made = parser(__doc__, sets, "training")
    made.add_argument("--rows", type=int, default=10_000)
    made.add_argument("--refuel", type=Path, default=ROOT / "target" / "release" / "refuel")
    arguments = made.parse_args()
    only = parts(arguments.only, sets)
    program = run([arguments.refuel, "--version"]).strip()
    results = {
        name: trained(arguments.refuel, Path(arguments.home), of(arguments.data), arguments.rows)
        for name, of in sets.items()
        if name in only
    }
    write(arguments.name, {"program": program, "rows": arguments.rows, "results": results})


if __name__ == "__main__":
    main()
