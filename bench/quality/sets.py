"""The sets, and how each is asked and graded. Nothing here looks at the right answers of graded rows but to grade them."""

import json
import re
import shutil
from collections import Counter, defaultdict

from . import data, grade

SMALL, LARGE, EMBEDDINGS = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct", "all-minilm-l6-v2"
MODELS = {"model": SMALL, "large model": LARGE}
JUDGED = {"model and head": SMALL, "large model and head": LARGE}
CASCADES = {"cascade": SMALL, "large cascade": LARGE}
TRAINED = ["head", "tuned head", *CASCADES]


class Set:
    """A set of the evaluation data: strategies that it can be asked with, and what is to be reached."""

    strategies = ["model", "large model"]

    def __init__(self, name, to_reach="", **settings):
        self.name, self.to_reach = name, to_reach
        self.__dict__.update(settings)

    def prepare(self, folder, work, limit):
        """Writes the set's rows and examples into a folder, and keeps what is needed to grade."""
        self.work, self.limit = work, limit
        self.rows(folder)

    def task(self, template, strategy="", changes=()):
        """Writes the task file with a strategy, and a model where one is asked."""
        text = template
        for old, new in changes:
            text = text.replace(old, new)
        if strategy in MODELS:
            text += f"model: {MODELS[strategy]}\n"
        path = self.work / f"{self.name}.yml"
        path.write_text(text)
        return path

    def ask(self, verbs, task, rows="rows.csv"):
        """Answers of `refuel label` beside the rows, none of them kept from before, and what it reports."""
        answers, before = self.work / "answers.jsonl", verbs.processor
        report, seconds = verbs.run("label", self.work / rows, "--task", task, "-o", answers, "--force", "--preview", 0)
        answered = data.lines(answers)
        kept = {"rows_per_second": report["rows_per_second"], "seconds": seconds, "answered_by": report["model"]}
        kept["processor_seconds"] = verbs.processor - before
        kept |= {key: report[key] for key in ("ok", "abstained", "failed", "cached", "peak_memory_bytes")}
        return [(row[self.name], row[f"{self.name}_confidence"], row) for row in answered], kept


class Labels(Set):
    """One label a row."""

    strategies = ["head", "tuned head", "cascade", "similar", "model", "large model", "large cascade"]
    examples, label, columns, kind = 500, "label", ["text"], "label"
    change = staticmethod(lambda row: row)

    def rows(self, folder):
        graded, examples = data.split(folder, self.examples, self.label, self.limit)
        self.graded = [self.change(row) for row in graded]
        self.taught = [self.change(row) for row in data.without(examples, graded, self.columns)]
        self.write("rows", self.graded)
        self.teach(self.taught)

    def write(self, name, rows):
        data.write(self.work / f"{name}.csv", [*self.columns, self.label], rows)

    def teach(self, examples):
        """Writes what is learned from."""
        self.write("examples", examples)

    def trained(self, verbs, template, strategy):
        """The text of a task that is answered by a strategy, and what training says where there is any."""
        way = {"tuned head": "head", "large model": "model", "large cascade": "cascade"}.get(strategy, strategy)
        text = f"{template}strategy: {way}\n" + (f"model: {CASCADES[strategy]}\n" if way == "cascade" else "")
        if strategy not in TRAINED:
            return text, {}
        more = ["--tune-encoder"] if strategy == "tuned head" else []
        report, seconds = verbs.run("train", self.task(text, strategy), *more)
        return text, {"train_seconds": seconds, "held_out": report["held_out"], "cascade": report["cascade"]}

    def run(self, verbs, template, strategy):
        text, kept = self.trained(verbs, template, strategy)
        task = self.task(text, strategy)
        answers, asked = self.ask(verbs, task)
        kept |= self.own_figures(verbs, task)
        return {"examples": len(self.taught)} | kept | asked | {"grades": self.grades(answers, self.names(task, template))}

    def own_figures(self, verbs, task):
        """Those of `refuel eval`: it may leave out rows, and counts abstentions as it does."""
        own, _ = verbs.run("eval", self.work / "rows.csv", "--task", task, "--expected", self.label)
        wanted = ("rows", "accuracy", "accuracy_ci95", "majority_rate", "auroc", "auroc_ci95", "f1_macro", "ece", "brier")
        return {"eval": {key: own.get(key) for key in wanted}}

    @staticmethod
    def names(_task, template):
        """What each spelling of a label is called in the task."""
        aliases = re.findall(r'- \{name: "([^"]+)", aliases: \["([^"]+)"\]', template)
        aliases += re.findall(r"- \{name: ([^\",]+), aliases: \[([^\"\]]+)\]", template)
        return {alias.strip(): name.strip().strip('"') for name, alias in aliases}

    def grades(self, answers, names):
        wanted = [names.get(row[self.label], row[self.label]) for row in self.graded]
        rights = [(sure, given == right) for (given, sure, _), right in zip(answers, wanted, strict=True)]
        errors = grade.confusions((right, given) for (given, _, _), right in zip(answers, wanted))
        return [grade.accuracy(rights, grade.majority(wanted)) | {"to_reach": self.to_reach, "errors": errors}]


class Intents(Labels):
    """One label a row, of which one stands for all that no other label fits: the task's `catch_all`, of which a head learns by
    itself. Neighbours don't. They are not shown that label: what they are not sure of gets it, as the task's `fallback`.

    How sure they have to be is chosen on examples: neighbours without a fifth of the labels, and without a fifth of the rows
    of the others, are asked about these. Nothing in examples tells how many rows no label fits; `share` is what is expected.
    """

    share, parts = 0.2, 5

    def run(self, verbs, template, strategy):
        if strategy != "similar":
            return super().run(verbs, template, strategy)
        names = self.names(None, template)
        self.names = lambda *_: names
        name = lambda row: names.get(row[self.label], row[self.label])
        inside = [row for row in self.taught if name(row) != self.fallback]
        left_out = sorted({name(row) for row in inside})[:: self.parts]
        known = [row for row in inside if name(row) not in left_out]
        held, outside = known[:: self.parts], [row for row in self.taught if name(row) in (*left_out, self.fallback)]
        self.teach([row for at, row in enumerate(known) if at % self.parts])
        self.write("rehearsed", [*held, *outside])
        text, _ = self.trained(verbs, self.without_labels(template, [*left_out, self.fallback]), strategy)
        answers, _ = self.ask(verbs, self.task(text, strategy), "rehearsed.csv")
        rehearsed = [(sure, name(row) == given) for (given, sure, _), row in zip(answers, [*held, *outside])]
        rights, wrongs = rehearsed[: len(held)], rehearsed[len(held) :]
        kept = lambda least: sum(right and sure >= least for sure, right in rights) / len(rights)
        sent = lambda least: sum(sure < least for sure, _ in wrongs) / len(wrongs)
        value = lambda least: (1 - self.share) * kept(least) + self.share * sent(least)
        least = max((round(sure, 4) for sure, _ in rehearsed), key=value)
        self.teach(inside)
        more = f"threshold: {least}\nfallback: {self.fallback}\n"
        found = super().run(verbs, self.without_labels(template, [self.fallback]) + more, strategy)
        return found | {"threshold": least, "chosen_on": {"rows": len(rehearsed), "accuracy": value(least)}}

    def own_figures(self, verbs, task):
        """None where there is a fallback: `eval` counts what has it as rows without an answer."""
        return {} if "\nfallback:" in task.read_text() else super().own_figures(verbs, task)

    @staticmethod
    def without_labels(template, labels):
        """The task without lines of labels."""
        is_of = lambda line: re.match(r'  - \{name: "?([^",}]+)', line)
        return "".join(line for line in template.splitlines(keepends=True) if not (is_of(line) and is_of(line)[1] in labels))


class Pairs(Labels):
    """Whether two records are the same."""

    strategies = ["head", "cascade", "model", "large model", "large cascade"]
    columns = None

    def rows(self, folder):
        with open(next(folder.glob("*.csv")), encoding="utf-8") as file:
            header = file.readline().strip().split(",")
        self.columns = [name for name in header if name.startswith(("left_", "right_")) or name.endswith(("_entity1", "_entity2"))]
        self.change = data.pair
        super().rows(folder)

    def grades(self, answers, _names):
        wanted = [row["label"] == "true" for row in self.graded]
        given = [answer is True for answer, _, _ in answers]
        counts = [(int(a and b), int(a), int(b)) for a, b in zip(given, wanted)]
        rights = [(sure, answer is not None and a == b) for (answer, sure, _), a, b in zip(answers, given, wanted)]
        always = grade.f1([(int(b), 1, int(b)) for b in wanted])
        reach = self.to_reach if isinstance(self.to_reach, dict) else {"F1": self.to_reach}
        return [
            grade.counted(counts, always, "F1 of the same", rights) | {"to_reach": reach.get("F1", "")},
            grade.accuracy(rights, grade.majority(wanted)) | {"to_reach": reach.get("accuracy", "")},
        ]


class Emotions(Labels):
    """Any number of labels a row: F1 over all of them."""

    strategies = ["model", "large model"]
    label, change = "labels", staticmethod(data.emotions)

    def run(self, verbs, template, strategy):
        answers, asked = self.ask(verbs, self.task(template, strategy))
        return asked | {"examples": len(self.taught), "grades": self.grades(answers, {})}

    def grades(self, answers, _names):
        wanted = [row["labels"].split(";") for row in self.graded]
        most = Counter(label for of in wanted for label in of).most_common(1)[0][0]
        count = lambda given, right: grade.slots([(one, "") for one in given], [(one, "") for one in right])
        counts = [count(given or [], right) for (given, _, _), right in zip(answers, wanted, strict=True)]
        null = grade.f1([count([most], right) for right in wanted])
        rights = [(sure, set(given or []) == set(right)) for (given, sure, _), right in zip(answers, wanted)]
        errors = grade.parts((given or [], right) for (given, _, _), right in zip(answers, wanted))
        return [grade.counted(counts, null, "F1 of labels", rights) | {"errors": errors}]


class Reading(Emotions):
    """A piece of a text that answers a question."""

    strategies = ["model", "model and head", "large model", "large model and head"]
    label, columns, change = "answer", ["context", "question"], staticmethod(data.reading)

    def rows(self, folder):
        """Examples without an answer and with one come in turn, so that a prompt that shows the first ones shows as many of each."""
        super().rows(folder)
        without, answered = ([row for row in self.taught if bool(row[self.label]) == is_there] for is_there in (False, True))
        in_turn = [row for pair in zip(without, answered) for row in pair]
        self.taught = in_turn + without[len(answered) :] + answered[len(without) :]
        self.teach(self.taught)

    def run(self, verbs, template, strategy):
        return self.judged(verbs, template, strategy) if strategy in JUDGED else self.by_model(verbs, template, strategy)

    def judged(self, verbs, template, strategy):
        """What a model says is judged by a head. With how sure that there is none an answer is none is chosen on the questions
        that are held out of its training."""
        text = f"{template}strategy: head\nmodel: {JUDGED[strategy]}\n"
        report, seconds = verbs.run("train", self.task(text))
        least = report["no_answer_threshold"]
        kept = super().run(verbs, f"{text}no_answer_threshold: {least}\n", strategy)
        return kept | {"train_seconds": seconds, "held_out": report["held_out"], "no_answer_threshold": least}

    def by_model(self, verbs, template, strategy):
        """With how sure that there is none an answer is none is chosen on the second half of the examples, of which the first is shown."""
        half = len(self.taught) // 2
        shown, asked = self.taught[:half], self.taught[half:]
        for name, of in (("examples", shown), ("asked", asked)):
            data.write(self.work / f"{name}.csv", [*self.columns, self.label], of)
        # Asked for nothing but that there is none, a model tells how likely that is; asked for a piece, it tells which.
        sides = [self.ask(verbs, self.task(template + f"no_answer_threshold: {of}\n", strategy), "asked.csv")[0] for of in (0, 1)]
        rows = [(sure, grade.squad(given or "", row["answer"]), float(not row["answer"])) for (_, sure, row), (given, _, _) in zip(*sides)]
        f1_at = lambda least: sum(none if sure >= least else piece for sure, piece, none in rows) / len(rows)
        least = max((round(sure, 6) for sure, _, _ in rows), key=f1_at)
        data.write(self.work / "examples.csv", [*self.columns, self.label], self.taught)
        kept = super().run(verbs, template + f"no_answer_threshold: {least}\n", strategy)
        return kept | {"no_answer_threshold": least, "chosen_on": {"rows": len(rows), "f1": f1_at(least)}}

    @staticmethod
    def kind(given, score):
        return "none" if not given else "all words" if score == 1.0 else "some of the words" if score else "another piece"

    def grades(self, answers, _names):
        scores = [grade.squad(given or "", row["answer"]) for (given, _, _), row in zip(answers, self.graded, strict=True)]
        mean = lambda of: sum(of) / len(of)
        null = mean([float(not row["answer"]) for row in self.graded])
        # Right is more than half of the words: a probability has to be that of something that is or isn't.
        sure = grade.confidence([(sure, score > 0.5) for (_, sure, _), score in zip(answers, scores)])
        found = {"metric": "F1 of words", "rows": len(scores), "value": mean(scores), "interval": grade.drawn_again(scores, mean)}
        errors = grade.confusions(("a piece" if row["answer"] else "none", self.kind(given, score)) for (given, _, _), score, row in zip(answers, scores, self.graded))
        return [found | {"null": null, "to_reach": self.to_reach, "errors": errors} | sure]


class Slots(Emotions):
    """Values of slots in a text. What else a row has may be read beside it; a row whose text is graded is no example."""

    strategies = ["head", "tuned head", "model", "large model"]
    label, slots, lists, text = "fields", staticmethod(data.spoken), False, None

    def rows(self, folder):
        self.change = self.slots
        graded, examples = data.split(folder, self.examples, limit=self.limit)
        self.graded = [self.slots(row) for row in graded]
        self.taught = [self.slots(row) for row in data.without(examples, graded, [self.text or self.columns[0]])]
        for row in self.taught:
            fields = defaultdict(list)
            for slot, value in row["slots"]:
                fields[slot].append(value)
            row["fields"] = json.dumps(fields if self.lists else {slot: values[0] for slot, values in fields.items()})
        data.write(self.work / "rows.csv", self.columns, self.graded)
        data.write(self.work / "examples.csv", [*self.columns, "fields"], self.taught)

    def run(self, verbs, template, strategy):
        if strategy not in TRAINED:
            return super().run(verbs, template, strategy)
        text, kept = self.trained(verbs, template, strategy)
        answers, asked = self.ask(verbs, self.task(text, strategy))
        return {"examples": len(self.taught)} | kept | asked | {"grades": self.grades(answers, {})}

    def grades(self, answers, _names):
        counts, rights, pairs = [], [], []
        for (given, sure, _), row in zip(answers, self.graded, strict=True):
            values = [(slot, one) for slot, of in (given or {}).items() for one in (of if isinstance(of, list) else [of]) if one]
            counts.append(grade.slots(values, row["slots"]))
            pairs.append((values, row["slots"]))
            rights.append((sure, counts[-1][0] == counts[-1][1] == counts[-1][2]))
        # The null model says of each row the one value that the examples have most.
        most = Counter(slot for row in self.taught for slot in row["slots"]).most_common(1)[0][0]
        null = grade.f1([grade.slots([most], row["slots"]) for row in self.graded])
        return [grade.counted(counts, null, "F1 of slots", rights) | {"to_reach": self.to_reach, "errors": grade.by_slot(pairs)}]


class Organizations(Set):
    """Names of organizations. The register isn't there: its entries are those of the rows that are not graded."""

    strategies = ["rules", "embeddings", "model", "large model"]

    def rows(self, folder):
        rows = [row for row in data.read(folder / "all.csv") if row["name"] and row["ror_id"]]
        self.graded, rest = rows[: self.limit], rows[data.GRADED :]
        self.listed = {row["ror_id"] for row in rest}
        data.write(self.work / "rows.csv", ["name", "ror_id"], self.graded)
        data.write(self.work / "entries.csv", ["name", "ror_id"], rest)

    def run(self, verbs, template, strategy):
        template += f"embeddings: {EMBEDDINGS}\n" if strategy == "embeddings" else ""
        answers, asked = self.ask(verbs, self.task(template, strategy))
        listed = [(given, sure, row) for given, sure, row in answers if row["ror_id"] in self.listed]
        known = [(sure, given == row["ror_id"]) for given, sure, row in listed]
        every = [(sure, given == (row["ror_id"] if row["ror_id"] in self.listed else None)) for given, sure, row in answers]
        none = sum(row["ror_id"] not in self.listed for _, _, row in answers) / len(answers)
        return asked | {"grades": [
            grade.accuracy(known, grade.majority([row["ror_id"] for _, _, row in listed]), "accuracy, entry is listed") | {"to_reach": self.to_reach},
            grade.accuracy(every, none, "accuracy, none for those that are not"),
        ]}


class Phones(Set):
    """Telephone numbers in sentences. Where a number says its country it has to come in E.164; where it doesn't, the answer
    has to be just that; and where there is none, that there is none."""

    strategies = ["rules"]
    COUNTRY = re.compile(r"\(?\s*(\+|00)")

    def rows(self, folder):
        self.graded = data.read(folder / "all.csv")[: self.limit]
        data.write(self.work / "rows.csv", ["input", "results"], self.graded)

    def right(self, given, reason, results):
        if not results:
            return given is None and "not found" in (reason or "")
        text = results[0]["Resolution"]["value"]
        if len(results) > 1 or not self.COUNTRY.match(text):
            return given is None and "ambiguous" in (reason or "")
        return given == "+" + re.sub(r"^00", "", re.sub(r"\D", "", text.replace("(0)", "")))

    def run(self, verbs, template, strategy):
        answers, asked = self.ask(verbs, self.task(template))
        rights, countries = [], []
        for given, sure, row in answers:
            results = json.loads(row["results"])
            right = self.right(given, row[f"{self.name}_reason"], results)
            rights.append((sure, right))
            if len(results) == 1 and self.COUNTRY.match(results[0]["Resolution"]["value"]):
                countries.append((sure, right))
        none = sum(row["n_results"] == "0" for row in self.graded) / len(self.graded)
        return asked | {"grades": [
            grade.accuracy(rights, none, "accuracy") | {"to_reach": self.to_reach},
            grade.accuracy(countries, 0.0, "accuracy, country is told"),
        ]}


class Moments(Set):
    """Dates, times and durations in sentences; ranges and repetitions, which are no values, are left out. Where the set has
    several readings, that the answer is ambiguous is right, too."""

    strategies = ["rules"]
    FORMS = {"datetimeV2.date": "date", "datetimeV2.time": "time", "datetimeV2.datetime": "datetime", "datetimeV2.duration": "duration"}

    def rows(self, folder):
        self.groups, self.total = defaultdict(list), 0
        for row in data.read(folder / "all.csv")[: self.limit]:
            results = json.loads(row["results"])
            self.total += 1
            if len(results) < 2 and (not results or results[0]["TypeName"] in self.FORMS):
                form = self.FORMS[results[0]["TypeName"]] if results else "datetime"
                self.groups[(form, row["reference_datetime"] or "2019-01-01T00:00:00")].append(row)

    @staticmethod
    def right(form, given, reason, results):
        if not results:
            return given is None and "not found" in (reason or "")
        values = results[0]["Resolution"].get("values", [])
        wanted = {value.get("timex" if form == "duration" else "value", "").replace(" ", "T") for value in values}
        return given in wanted or (given is None and len(wanted) > 1 and "ambiguous" in (reason or ""))

    def run(self, verbs, template, strategy):
        rights, seconds, asked = [], 0.0, {}
        for (form, now), rows in self.groups.items():
            data.write(self.work / "rows.csv", ["input", "results"], rows)
            # A duration is the same whenever and wherever it is said, and a time wherever: they take fewer options.
            shorter = {"duration": ("{FORM: {region: US, reference: NOW}}", "FORM"), "time": ("region: US, ", "")}
            changes = [shorter.get(form, ("", "")), ("FORM", form), ("NOW", now)]
            answers, asked = self.ask(verbs, self.task(template, changes=changes))
            seconds += len(rows) / asked["rows_per_second"]
            for given, sure, row in answers:
                results = json.loads(row["results"])
                rights.append((sure, self.right(form, given, row[f"{self.name}_reason"], results)))
        none = sum(row["n_results"] == "0" for rows in self.groups.values() for row in rows) / len(rights)
        graded = grade.accuracy(rights, none, f"accuracy, single values among {self.total} rows") | {"to_reach": self.to_reach}
        return {"answered_by": asked["answered_by"], "rows_per_second": len(rights) / seconds, "grades": [graded]}


class Spelling(Set):
    """Words with a slip, mended by a dictionary that has nothing to do with the set."""

    strategies = ["rules"]

    def rows(self, folder):
        self.graded = data.read(folder / "all.csv")[: self.limit]
        data.write(self.work / "rows.csv", ["misspelling", "correct"], self.graded)

    def run(self, verbs, template, strategy):
        if not self.dictionary.exists():
            return {"not_run": f"no {self.dictionary}"}
        shutil.copy(self.dictionary, self.work / "words.txt")
        answers, asked = self.ask(verbs, self.task(template))
        rights = [(sure, given == row["correct"]) for given, sure, row in answers]
        return asked | {"grades": [grade.accuracy(rights, 0.0)]}


class Repairs(Set):
    """Wrong cells of a table, with rows that are put right first where the verb asks for it."""

    strategies = ["nothing put right", "20 rows put right"]

    def rows(self, folder):
        rows = data.read(folder / "all.csv")
        self.columns = [name.removeprefix("dirty_") for name in rows[0] if name.startswith("dirty_")]
        self.sides = [[{name: row[side + name] for name in self.columns} for row in rows] for side in ("dirty_", "clean_")]
        for name, side in zip(("dirty", "clean"), self.sides):
            data.write(self.work / f"{name}.csv", self.columns, side)

    def run(self, verbs, template, strategy):
        task, kept, labelled = self.task(template), {}, set()
        dirty, proposals = self.work / "dirty.csv", self.work / "proposals.csv"
        if strategy != "nothing put right":
            chosen = self.work / "chosen.csv"
            verbs.run("repair", task, dirty, "--choose", 20, "-o", chosen, "--force")
            labelled = {row["index"] for row in data.read(chosen)}
            mended = [row for row in self.sides[1] if row["index"] in labelled]
            data.write(self.work / "mended.csv", self.columns, mended)
            task = self.task(template + "examples: {from: mended.csv}\n")
        report, seconds = verbs.run("repair", task, dirty, "--expected", self.work / "clean.csv", "-o", proposals, "--force")
        proposed = defaultdict(dict)
        for proposal in data.read(proposals):
            if proposal["remedy"] != "unknown":
                proposed[proposal["record_key"]][proposal["column_name"]] = proposal
        counts, rights = [], []
        for before, after in zip(*self.sides):
            if before["index"] in labelled:
                continue
            found = proposed[before["index"]]
            right = {name: (proposal["proposed"] or "") == after[name] for name, proposal in found.items()}
            rights += [(float(found[name]["confidence"]), is_right) for name, is_right in right.items()]
            counts.append((sum(right.values()), len(found), sum(before[name] != after[name] for name in self.columns)))
        graded = grade.counted(counts, 0.0, "F1 of repaired cells", rights)
        kept |= {"expected": report["expected"], "seconds": seconds, "rows_per_second": len(self.sides[0]) / report["seconds"]}
        return kept | {"grades": [graded | {"to_reach": self.to_reach if labelled else ""}]}


class Entities(Set):
    """Which records of whole tables are the same thing. F1 of pairs, its interval by the records drawn again."""

    strategies = ["unlabelled"]

    def rows(self, folder):
        rows = data.read(folder / "all.csv")
        if (folder / "matches.csv").exists():
            same = {f"zagats{row['zagats_id']}": f"fodors{row['fodors_id']}" for row in data.read(folder / "matches.csv")}
            for row in rows:
                row["id"] = row["source"] + row["id"]
                row["entity"] = same.get(row["id"], row["id"])
            self.key, self.entity, source = "id", "entity", "source"
            columns = ["id", "entity", "name", "addr", "city", "phone", "type"]
        else:
            self.key, self.entity, source, columns = "rec_id", "cluster", None, list(rows[0])
        self.entities = {row[self.key]: row[self.entity] for row in rows}
        self.tables = []
        for of in sorted({row[source] for row in rows}) if source else [None]:
            self.tables.append(self.work / f"{of or 'records'}.csv")
            data.write(self.tables[-1], columns, [row for row in rows if not source or row[source] == of])

    def run(self, verbs, template, strategy):
        found = self.work / "found.csv"
        report, seconds = verbs.run("resolve", self.task(template), *self.tables, "--expected", self.entity, "-o", found, "--force")
        given = {row[self.key]: row["entity_id"] for row in data.read(found)}
        sides = [Counter(given.values()), Counter(self.entities.values())]
        both = Counter((given[key], entity) for key, entity in self.entities.items())
        # Pairs that a record is in: each pair is counted at both of its ends, which leaves F1 as it is.
        counts = [(both[(given[key], entity)] - 1, sides[0][given[key]] - 1, sides[1][entity] - 1) for key, entity in self.entities.items()]
        kept = {"expected": report["expected"], "compared": report["report"]["compared"], "seconds": seconds}
        graded = grade.counted(counts, 0.0, "F1 of pairs") | {"to_reach": self.to_reach}
        return kept | {"rows_per_second": len(counts) / report["seconds"], "grades": [graded]}
