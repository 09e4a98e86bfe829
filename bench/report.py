"""The report, as Markdown, as JSON and in short."""
import re

UNITS = {"s": (1, "s", 2), "ms": (1e3, "ms", 1), "B": (1e-6, "MB", 2), "MiB": (1 / 2**20, "MiB", 2),
         "requests": (1, "requests", 0), "": (1, "", 2)}


def shown(value, unit):
    if value is None:
        return "–"
    factor, word, digits = UNITS[unit]
    return f"{value * factor:,.{digits}f} {word}".strip()


def seconds(value):
    if value is None:
        return "–"
    return f"{value * 1e3:.1f} ms" if value < 0.1 else f"{value:.3g} s"


def count(value):
    return "–" if value is None else f"{value:,}"


def limit_text(row):
    if row["limit"] is None:
        return "–"
    if row["kind"] in ("ratio", "exponent"):
        return f"≤ {row['limit']:g}"
    return f"≤ {'+' if row['kind'] == 'difference' else ''}{shown(row['limit'], row['unit'])}"


def result_text(row):
    if row["result"] is None:
        return "not measured"
    if row["kind"] == "ratio":
        return f"{row['result']:.3f}"
    sign = "+" if row["kind"] == "difference" and row["result"] >= 0 else ""
    return sign + shown(row["result"], row["unit"])


def holds_text(row):
    return {True: "yes", False: "**no**", None: "–"}[row["holds"]]


def row_cells(row):
    return [row["title"], shown(row["ours"], row["unit"]), shown(row["peer"], row["unit"]),
            result_text(row), limit_text(row), holds_text(row)]


def line(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def machine_lines(report):
    m = report["machine"]
    return [f"{report['date']}, commit {m['commit']}. {m['cpus']} CPUs ({m['cpu']}), "
            f"{m['memory'] / 2**30:.0f} GiB, {m['system']}, {m['kernel']}, files on "
            f"{m['filesystem']} and in the page cache, for all sides. Load {m['load_before']:.2f} "
            f"before, {m['load_after']:.2f} after; it took {report['took'] / 60:.0f} minutes."]


HOW = """All sides of a table take turns in every round, in an order that changes with the rounds. A
time is the median of the rounds, with the quartiles in brackets; a ratio the median of the rounds'
ratios of imgmin to the other. Peak memory is the largest resident set of one process of all that a
command starts, so that a pipeline counts its largest alone. Requests are lines of the registry's access
log, system calls are strace's over all processes; both were counted in runs of their own. `†`: the
work happens in a daemon that neither memory nor system calls include."""


def table_lines(table):
    sides = table["sides"]
    with_bytes = any(s["bytes"] is not None for s in sides)
    with_requests = any(s["requests"] is not None for s in sides)
    head = ["", "time", "quartiles", "imgmin to it", "peak memory"]
    head += ["bytes"] * with_bytes + ["requests"] * with_requests + ["system calls"]
    out = [f"### {table['title']}", "", line(head), "|---" + "|--:" * (len(head) - 1) + "|"]
    for s in sides:
        if s["why"]:
            out.append(line([s["name"], "not measured", *[""] * (len(head) - 2)]))
            continue
        mark = " †" if s["work_in_daemon"] else ""
        low_high = "–".join(seconds(q) for q in s["quartiles"]) if s["quartiles"] else "–"
        ratio = "–" if s["ratio"] is None else f"{s['ratio']:.3f}"
        cells = [s["name"] + mark, seconds(s["median"]), low_high, ratio,
                 shown(s["peak_memory"], "MiB") + mark]
        cells += [count(s["bytes"])] * with_bytes + [count(s["requests"])] * with_requests
        out.append(line(cells + [count(s["syscalls"]) + mark]))
    rounds = len(sides[0]["times"])
    said = [f"{rounds} {'rounds' if rounds != 1 else 'round'}, load {table['load_before']:.2f} before."]
    if table["note"]:
        said.append(table["note"][0].upper() + table["note"][1:] + ".")
    said += [f"{s['name']}: {s['why']}." for s in sides if s["why"]]
    return [*out, "", " ".join(said), ""]


def exponent(k, half):
    return f"{k:.2f}" + ("" if half is None else f" ± {half:.2f}")


def growth_lines(growths):
    out = ["## Growth", "",
           "A power law is fitted to the medians by least squares of their logarithms: the exponent "
           "over all points, with half of its 95 % interval, and over the last three, where what does "
           "not grow (starting, a first connection) weighs least; and how far the farthest point "
           "lies from the line of all, as a factor. Peak memory is that of the first and the last point.",
           "", line(["", "points", "exponent", "of the last three", "farthest", "peak memory"]),
           "|---|---|--:|--:|--:|--:|"]
    for g in growths:
        points, f = g["points"], g["fit"]
        times = ", ".join(f"{p['n']:,}: {seconds(p['seconds'])}" for p in points)
        fitted = ["–"] * 3 if not f else [exponent(f["exponent"], f["interval"]),
                                          f"{f['last']:.2f}",
                                          f"{f['residual']:.2f}"]
        ends = " → ".join(shown(p["peak_memory"], "MiB") for p in (points[0], points[-1]))
        out.append(line([f"{g['title']}: {g['who']}, by {g['per']}", times, *fitted, ends]))
    return [*out, ""]


def command_lines(tables):
    out = ["## Commands", "", "Of each table, in its order; W is the folder of the run, E that of its "
           "dockerd.", ""]
    for table in tables:
        out.append(f"- {table['title']}")
        for s in table["sides"]:
            if not s["why"]:
                words = s["command"].replace("\n", " ")
                out.append(f"  - `{words if len(words) < 700 else words[:300] + ' …'}`")
    return out


def markdown(report):
    lines = ["# imgmin beside its peers", "", *machine_lines(report), "", HOW, "", "## Limits", "",
             line(["", "imgmin", "peer", "result", "limit", "holds"]),
             "|---|--:|--:|--:|--:|---|", *(line(row_cells(r)) for r in report["rows"]), "",
             *(f"- {r['title']}: {r['note']}" for r in report["rows"] if r["note"]), ""]
    of_growth = [t for t in report["tables"] if t["group"].startswith("growth-")]
    lines += ["## Side by side", ""]
    for table in report["tables"]:
        if table not in of_growth:
            lines += table_lines(table)
    if report["growth"]:
        lines += growth_lines(report["growth"])
        for table in of_growth:
            lines += table_lines(table)
    lines += command_lines(report["tables"])
    lines += ["", "## Versions", "", *("- " + v for v in report["machine"]["versions"])]
    return "\n".join(lines) + "\n"


def summary(report):
    """The rows as plain text, for the terminal."""
    cells = [["", "imgmin", "peer", "result", "limit", "holds"],
             *([*row_cells(r)[:5], {True: "yes", False: "NO", None: "–"}[r["holds"]]]
               for r in report["rows"])]
    widths = [max(len(c[i]) for c in cells) for i in range(6)]
    out = []
    for row in cells:
        words = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        out.append("  ".join(words).rstrip())
    out += ["", *(f"{r['title']}: {r['note']}" for r in report["rows"] if r["result"] is None and
                  r["note"])]
    return re.sub(r"\n+\Z", "\n", "\n".join(out) + "\n")
