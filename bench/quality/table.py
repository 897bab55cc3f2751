"""The results as a table."""


def number(value):
    return "" if value is None else f"{value:.3f}".lstrip("0") if value < 1 else f"{value:.2f}"


def interval(of):
    return f" [{number(of[0])}, {number(of[1])}]" if of else ""


def rate(value):
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def table(results):
    lines = ["| set | rows | strategy | metric | | null model | AUROC | rows/s | to reach |", "|---|---|---|---|---|---|---|---|---|"]
    for result in results:
        if "not_run" in result:
            lines.append(f"| {result['set']} | | {result['strategy']} | not run: {result['not_run']} | | | | | |")
            continue
        for grade in result["grades"]:
            value = number(grade["value"]) + interval(grade["interval"])
            sure = number(grade.get("auroc")) + interval(grade.get("auroc_interval"))
            start = f"| {result['set']} | {grade['rows']:,} | {result['strategy']} | {grade['metric']} | {value} "
            lines.append(start + f"| {number(grade['null'])} | {sure} | {rate(result.get('rows_per_second'))} | {grade.get('to_reach', '')} |")
    return "\n".join(lines)
