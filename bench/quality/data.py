"""Rows of the sets: which are graded, which are examples. What is graded is never an example."""

import csv
import json
from collections import Counter

GRADED = 200
NONE = "unanswerable"


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def split(folder, examples, label="label", limit=GRADED):
    """The first rows to grade, and examples: those of `seed.csv`, or from the end of `all.csv`.

    `examples` is how many, or how many a label: `("each", 32)`.
    """
    if (folder / "seed.csv").exists():
        return read(folder / "test.csv")[:limit], read(folder / "seed.csv")
    rows = read(folder / "all.csv")
    graded, rest = rows[:limit], rows[GRADED:]
    if isinstance(examples, int):
        return graded, rest[-examples:]
    seen, taken = Counter(), []
    for row in reversed(rest):
        if seen[row[label]] < examples[1]:
            seen[row[label]] += 1
            taken.append(row)
    return graded, taken


def without(examples, graded, columns):
    """Examples whose inputs are not graded. A text that a set has twice could be in both."""
    key = lambda row: tuple(row[column] for column in columns)
    asked = {key(row) for row in graded}
    return [row for row in examples if key(row) not in asked]


# What the rows of a set say, in the columns that its task reads.


def pair(row):
    return row | {"label": "true" if row["label"] in ("1", "duplicate") else "false"}


def reading(row):
    """Some questions of the set have blanks at their ends."""
    return {name: text.strip() for name, text in row.items()} | {"answer": "" if row["answer"] == NONE else row["answer"]}


def emotions(row):
    return row | {"labels": row["labels"].replace("|", ";")}


def spoken(row):
    """Slots of a turn of a guest, each with its value."""
    return row | {"slots": [(span["slot"], span["value"]) for span in json.loads(row["spans"])]}


def tagged(row):
    """Slots out of tokens with BIO tags."""
    found = []
    for token, tag in zip(row["tokens"].split(" "), row["tags"].split(" ")):
        if tag.startswith("B-") or (tag.startswith("I-") and not found):
            found.append([tag[2:], token])
        elif tag.startswith("I-"):
            found[-1][1] += " " + token
    return row | {"slots": [tuple(slot) for slot in found]}


def address(row):
    """Parts of an address, each the tokens beside each other that have one label."""
    found, before = [], None
    for token, label in json.loads(row["labels"]):
        if label == before:
            found[-1][1] += " " + token
        else:
            found.append([label, token])
        before = label
    return row | {"slots": [(label, text.strip(" ,;")) for label, text in found]}
