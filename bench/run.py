#!/usr/bin/python3
"""bench/run.py [-q] [ROW...]: imgmin beside its peers, as ratios of one run.

Prints a report in Markdown and writes it to $B/bench.md and $B/bench.json ($B: build). The two
sides of a row take turns in every round, so that what else the machine does meets both; a figure is
the median of the rounds, a ratio the median of the rounds' ratios. -q measures fewer rounds.
The exit status says whether everything could be measured, not whether the limits hold."""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import measure
import rows

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNITS = {"s": (1, "s", 2), "ms": (1e3, "ms", 1), "B": (1e-6, "MB", 2), "MiB": (1 / 2**20, "MiB", 2),
         "requests": (1, "requests", 0)}


def shown(value, unit):
    if value is None:
        return "–"
    factor, word, digits = UNITS[unit]
    return f"{value * factor:,.{digits}f} {word}"


def limit_text(row):
    if row["limit"] is None:
        return "–"
    if row["kind"] == "ratio":
        return f"≤ {row['limit']:g}"
    return f"≤ {'+' if row['kind'] == 'difference' else ''}{shown(row['limit'], row['unit'])}"


def result_text(row):
    if row["result"] is None:
        return "not measured"
    if row["kind"] == "ratio":
        return f"{row['result']:.3f}"
    sign = "+" if row["kind"] == "difference" and row["result"] >= 0 else ""
    return sign + shown(row["result"], row["unit"])


def markdown(report):
    m = report["machine"]
    lines = ["# imgmin beside its peers", "",
             f"{report['date']}, {m['cpus']} CPUs ({m['cpu']}), {m['kernel']}; load "
             f"{m['load_before']:.2f} before, {m['load_after']:.2f} after. Files are in the page "
             "cache, on both sides.", "",
             "| | imgmin | peer | result | limit | holds |", "|---|--:|--:|--:|--:|---|"]
    for row in report["rows"]:
        holds = {True: "yes", False: "**no**", None: "–"}[row["holds"]]
        lines.append(f"| {row['title']} | {shown(row['ours'], row['unit'])} | "
                     f"{shown(row['peer'], row['unit'])} | {result_text(row)} | "
                     f"{limit_text(row)} | {holds} |")
    lines += ["", *(f"- {row['title']}: {row['note']}" for row in report["rows"] if row["note"]),
              "", "Versions: " + "; ".join(m["versions"]) + "."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-q", "--quick", action="store_true", help="fewer rounds")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(rows.GROUPS))
    args = parser.parse_args()
    for name in args.rows:
        if name not in rows.GROUPS:
            parser.error(f"no such row: {name}")
    os.chdir(TOP)
    build = os.path.abspath(os.environ.get("B", "build"))
    os.environ["LC_ALL"] = "C.UTF-8"
    work = tempfile.mkdtemp(prefix="bench.", dir=build)
    bench = rows.Bench(os.path.join(build, "imgmin"), work, args.quick)
    report = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
              "machine": measure.machine(), "rows": []}
    try:
        for name in args.rows or rows.GROUPS:
            print(f"{name} …", file=sys.stderr, flush=True)
            report["rows"] += rows.GROUPS[name](bench)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report["machine"]["load_after"] = os.getloadavg()[0]
    text = markdown(report)
    with open(os.path.join(build, "bench.md"), "w") as f:
        f.write(text)
    with open(os.path.join(build, "bench.json"), "w") as f:
        json.dump(report, f, indent=1, ensure_ascii=False)
        f.write("\n")
    print(text, end="")
    return 1 if any(row["failed"] for row in report["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
