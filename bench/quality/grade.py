"""Measures of answers: shares with Wilson's interval, F1 with one by rows drawn again, and AUROC of the confidence.

A row counts as three numbers, `(right, given, wanted)`, whose sums make precision, recall and F1.
"""

import math
import random
import re
import string
from collections import Counter, defaultdict
from itertools import groupby
from operator import itemgetter

DRAWS = 1000


def wilson(right, rows):
    """The 95 % interval of a share (Wilson 1927)."""
    if not rows:
        return None
    z, share = 1.959964, right / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return [middle - half, middle + half]


def f1(counts):
    right, given, wanted = (sum(count[place] for count in counts) for place in range(3))
    return 2 * right / (given + wanted) if given + wanted else 1.0


def drawn_again(of, measure):
    """The 95 % interval of a measure, by the rows drawn again with replacement (Efron 1979)."""
    drawn = random.Random(17)
    found = [measure(drawn.choices(of, k=len(of))) for _ in range(DRAWS)] if of else []
    found = sorted(value for value in found if value is not None)
    return [found[int(0.025 * len(found))], found[int(0.975 * len(found))]] if found else None


def auroc(answers):
    """How often a right answer has more confidence than a wrong one, ties half. Answers are `(confidence, is right)`."""
    answers = [(confidence, right) for confidence, right in answers if confidence is not None]
    rights = sum(right for _, right in answers)
    wrongs = len(answers) - rights
    if not rights or not wrongs:
        return None
    below, won = 0, 0.0
    first = itemgetter(0)
    for _, tied in groupby(sorted(answers, key=first), key=first):
        tied = [right for _, right in tied]
        wrong_here = len(tied) - sum(tied)
        won += sum(tied) * (below + wrong_here / 2)
        below += wrong_here
    return won / (rights * wrongs)


def confidence(answers):
    """AUROC and its interval, where there is a confidence at all."""
    value = auroc(answers)
    return {} if value is None else {"auroc": value, "auroc_interval": drawn_again(answers, auroc)}


def accuracy(answers, null, metric="accuracy"):
    """Of `(confidence, is right)`. `null` is the share that the null model has right."""
    right = sum(right for _, right in answers)
    shares = {"metric": metric, "rows": len(answers), "value": right / len(answers), "interval": wilson(right, len(answers))}
    return shares | {"null": null} | confidence(answers)


def counted(counts, null, metric, answers=()):
    """F1 of counts of rows."""
    return {"metric": metric, "rows": len(counts), "value": f1(counts), "interval": drawn_again(counts, f1), "null": null} | confidence(answers)


def majority(values):
    """The share of the most frequent value."""
    return max(Counter(values).values()) / len(values)


def words(text):
    """The words of an answer as SQuAD compares them: without case, punctuation and articles."""
    plain = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def squad(given, wanted):
    """The F1 of one answer (Rajpurkar et al. 2018). An empty text says that there is none."""
    if not given or not wanted:
        return float(given == wanted)
    given, wanted = words(given), words(wanted)
    same = sum((Counter(given) & Counter(wanted)).values())
    return 2 * same / (len(given) + len(wanted)) if same else 0.0


def slots(given, wanted):
    """Counts of a row: slots with their values, of which each is right as a whole, without case."""
    given = Counter((slot, value.strip().lower()) for slot, value in given)
    wanted = Counter((slot, value.strip().lower()) for slot, value in wanted)
    return sum((given & wanted).values()), sum(given.values()), sum(wanted.values())


# Where the errors lie: names of labels and slots with counts, never the texts of rows.

MOST_NAMED = 20


def confusions(pairs, most=MOST_NAMED):
    """What was wanted, what was given, and how often, the most frequent first."""
    counts = Counter((str(wanted), "" if given is None else str(given)) for wanted, given in pairs if wanted != given)
    return [[*pair, count] for pair, count in sorted(counts.items(), key=lambda of: (-of[1], of[0]))[:most]]


def parts(pairs, most=MOST_NAMED):
    """For each label how often it was given rightly, given, and wanted, the most wanted first."""
    counts = defaultdict(lambda: [0, 0, 0])
    for given, wanted in pairs:
        for label in {*given, *wanted}:
            is_given, is_wanted = label in given, label in wanted
            for place, is_true in enumerate((is_given and is_wanted, is_given, is_wanted)):
                counts[label][place] += is_true
    return [[label, *of] for label, of in sorted(counts.items(), key=lambda of: (-of[1][2], of[0]))[:most]]


def by_slot(pairs, most=MOST_NAMED):
    """For each slot how many values were given rightly, given, and wanted, the most wanted first."""
    counts = defaultdict(lambda: [0, 0, 0])
    for given, wanted in pairs:
        for slot in {slot for slot, _ in [*given, *wanted]}:
            found = slots(*([pair for pair in of if pair[0] == slot] for of in (given, wanted)))
            counts[slot] = [sum(of) for of in zip(counts[slot], found)]
    return [[slot, *of] for slot, of in sorted(counts.items(), key=lambda of: (-of[1][2], of[0]))[:most]]
