#!/usr/bin/env python3
"""Grades the verbs on the labelled sets, and writes the raw results and a table.

    bench/quality.py [--only SET,...] [--strategies head,similar,...] [--home DIR] [--refuel FILE] [--add]
    bench/quality.py --table

The rows and examples of a set are written into a scratch folder from the evaluation data, which is not part of this
repository; only its own examples are learned from, and only its first rows are graded (`bench/README.md`). A set that
isn't there is said and left out. Models come from the home; heads and kept answers go into one of the scratch folder.
Every result is kept as soon as it is there. With `--add` those of the newest file stay beside them, so that a run can be
cut into several, which may run at the same time.
"""

import argparse
import datetime
import os
import tempfile
from pathlib import Path

from common import BENCH, ROOT, parts, run, say
from quality import data, sets
from quality.kept import keep, newest
from quality.table import table
from quality.verbs import Failed, Verbs

SETS = [
    sets.Labels("autolabel_banking", ".78; AUROC .85", columns=["example"]),
    sets.Intents("cls_clinc150", ".85", examples=("each", 8), fallback="out of scope"),
    sets.Labels("cls_sms_spam", ".96", examples=("each", 32)),
    sets.Labels("cls_trec_questions", ".82", examples=("each", 32)),
    sets.Labels("cls_sst2", examples=("each", 32)),
    sets.Labels("cat_pricerunner_products", examples=("each", 32), label="category", columns=["title"]),
    sets.Labels("cat_hs_products", label="section", columns=["description"]),
    sets.Labels("norm_company_country", label="country", columns=["company"]),
    sets.Labels("qa_boolq", label="answer", columns=["title", "passage", "question"]),
    sets.Emotions("cls_goemotions"),
    sets.Pairs("autolabel_walmart_amazon", {"accuracy": ".95; AUROC .95"}),
    sets.Pairs("er_abt_buy", ".75"),
    sets.Pairs("er_dblp_acm", ".97"),
    sets.Pairs("er_walmart_amazon_dirty"),
    sets.Reading("autolabel_squad_v2", ".60; AUROC .75"),
    sets.Phones("norm_phone_numbers", ".95"),
    sets.Moments("norm_datetime_en", ".80"),
    sets.Organizations("norm_org_names_ror", ".90"),
    sets.Slots("extract_restaurant8k", ".80", columns=["requested_slots", "text"], text="text"),
    sets.Slots("extract_snips", ".75", columns=["tokens"], slots=data.tagged),
    sets.Slots("extract_ner_wnut17", columns=["tokens"], slots=data.tagged, lists=True),
    sets.Slots("extract_address_us_usaddress", columns=["address"], slots=data.address),
    sets.Spelling("clean_spelling_norvig"),
    sets.Repairs("clean_beers", ".80"),
    sets.Repairs("clean_hospital", ".75"),
    sets.Entities("dedup_febrl1"),
    sets.Entities("link_fodors_zagats"),
]
STRATEGIES = list(dict.fromkeys(strategy for of in SETS for strategy in of.strategies))


def options():
    home = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "refuel"
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--home", type=Path, default=os.environ.get("REFUEL_HOME", home), help="the home that has the models")
    made.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    made.add_argument("--refuel", type=Path, default=ROOT / "target" / "release" / "refuel", help="the program")
    made.add_argument("--only", default=",".join(of.name for of in SETS), help="sets")
    without = [strategy for strategy in STRATEGIES if not strategy.startswith("large")]
    made.add_argument("--strategies", default=",".join(without), help=f"of: {', '.join(STRATEGIES)}")
    made.add_argument("--rows", type=int, default=data.GRADED, help="rows that are graded, of sets without whole tables")
    made.add_argument("--limit", type=int, default=1200, help="seconds that a verb may take")
    made.add_argument("--dictionary", type=Path, default="/usr/share/dict/american-english")
    made.add_argument("--threads", type=int, help="threads of a model; all cores unless told")
    made.add_argument("--add", action="store_true", help="keep what the newest result file has, and add to it")
    made.add_argument("--table", action="store_true", help="run nothing: print the table of the newest result file")
    made.add_argument("--name", default="quality", help="the end of the result's file name")
    return made.parse_args()


def graded(chosen, strategy, verbs):
    path = BENCH / "quality" / "tasks" / f"{chosen.name}.yml"
    # One whose words are put in for each row is no task file by itself.
    template = (path if path.exists() else path.with_suffix(".yml.template")).read_text()
    try:
        return chosen.run(verbs, template, strategy)
    except Failed as failed:
        return {"not_run": str(failed)}


def main():
    arguments = options()
    if arguments.table:
        print(table(newest(arguments.name)))
        return
    only = parts(arguments.only, [of.name for of in SETS])
    strategies = parts(arguments.strategies, STRATEGIES)
    places = {(of.name, strategy): place for place, (of, strategy) in enumerate((of, s) for of in SETS for s in of.strategies)}
    program, results = run([arguments.refuel, "--version"]).strip(), None
    for chosen in (of for of in SETS if of.name in only):
        folder = arguments.data / chosen.name
        if not folder.is_dir():
            say(f"skipped: {chosen.name} is not in {arguments.data}")
            continue
        chosen.dictionary = arguments.dictionary
        for strategy in (strategy for strategy in chosen.strategies if strategy in strategies):
            # Each has a folder and a home of its own, so that nothing is answered from what another asked.
            with tempfile.TemporaryDirectory(prefix="refuel-quality-") as work:
                chosen.prepare(folder, Path(work), arguments.rows)
                verbs = Verbs(arguments.refuel, arguments.home, Path(work), arguments.limit, arguments.threads)
                result = {"set": chosen.name, "strategy": strategy} | graded(chosen, strategy, verbs)
            say(table([result]).splitlines()[-1])
            now = datetime.datetime.now(datetime.timezone.utc)
            result |= {"date": now.isoformat(timespec="seconds"), "program": program}
            result |= {"threads": arguments.threads or len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
            # What is measured is kept, whatever becomes of the next set.
            results = keep(arguments.name, result, places, anew=results is None and not arguments.add)
    print(table(results or []))


if __name__ == "__main__":
    main()
