#!/usr/bin/python3
"""bench/run.py [-q] [ROW...]: imgmin beside its peers, in one run.

Writes $B/bench/report.md and $B/bench/report.json ($B: build) and prints the rows with a limit.
The sides of a row take turns in every round, so that what else the machine does meets all of them;
a figure is the median of the rounds, a ratio the median of the rounds' ratios. -q measures fewer
rounds and smaller trees. The exit status says whether everything could be measured, not whether the
limits hold."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import measure
import report as reports
import rows
from bench import Bench
from engine import docker_client

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def measure_rows(names, build, work, quick):
    start = time.monotonic()
    bench = Bench(os.path.join(build, "imgmin"), work, quick)
    report = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "quick": quick,
              "machine": measure.machine(work, docker_client()), "rows": []}
    try:
        for name in names:
            begun, bench.name = time.monotonic(), name
            print(f"{name} …", end="", file=sys.stderr, flush=True)
            report["rows"] += [{"group": name, **row} for row in rows.GROUPS[name](bench)]
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    finally:
        bench.end()
    report["tables"] = [table.facts() for table in bench.tables]
    report["growth"] = [growth.facts() for growth in bench.growths]
    report["machine"]["load_after"] = os.getloadavg()[0]
    report["took"] = time.monotonic() - start
    # Where the run's files lay says nothing to a reader.
    text = json.dumps(report, ensure_ascii=False).replace(work, "W").replace(TOP + "/", "")
    if bench.engine_folder:
        text = text.replace(bench.engine_folder, "E")
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-q", "--quick", action="store_true", help="fewer rounds, smaller trees")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(rows.GROUPS))
    args = parser.parse_args()
    for name in args.rows:
        if name not in rows.GROUPS:
            parser.error(f"no such row: {name}")
    os.chdir(TOP)
    build = os.path.abspath(os.environ.get("B", "build"))
    os.environ["LC_ALL"] = "C.UTF-8"
    # Daemons of a run end with it, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = os.path.join(build, "bench")
    os.makedirs(folder, exist_ok=True)
    work = tempfile.mkdtemp(prefix="bench.", dir=build)
    try:
        report = measure_rows(args.rows or rows.GROUPS, build, work, args.quick)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        shutil.rmtree(work, ignore_errors=True)
    with open(os.path.join(folder, "report.md"), "w") as f:
        f.write(reports.markdown(report))
    with open(os.path.join(folder, "report.json"), "w") as f:
        json.dump(report, f, indent=1, ensure_ascii=False)
        f.write("\n")
    print(reports.summary(report), end="")
    print(f"\nThe whole report: {os.path.relpath(folder)}/report.md and report.json")
    return 1 if any(row["failed"] for row in report["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
