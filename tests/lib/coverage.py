#!/usr/bin/python3
"""How many lines of each folder the tests have run, of what a build with --coverage left behind.

    coverage.py BUILD [FOLDER=PERCENT...]

Writes BUILD/coverage.md, with the lines that no test reached, and prints its table. Ends with 1
when a named folder has less than that percentage.
"""
import json
import pathlib
import subprocess
import sys

FOLDERS = ["base", "ldd", "oci", "registry", "builder", "cli"]


def lines_of(notes):
    """{number: runs} of one source file."""
    said = subprocess.run(
        ["gcov", "--json-format", "--stdout", str(notes)], check=True, capture_output=True
    ).stdout
    source = str(notes.relative_to(build).with_suffix(".c"))
    lines = {}
    for file in json.loads(said)["files"]:
        if file["file"].removeprefix("./") == source:
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = max(lines.get(number, 0), line["count"])
    return source, lines


def ranges(numbers):
    """[1, 2, 3, 7] → «1-3, 7»"""
    out = []
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in out)


def percent(run, all_lines):
    return 100 * run / all_lines if all_lines else 0


build = pathlib.Path(sys.argv[1])
least = {word.split("=")[0]: float(word.split("=")[1]) for word in sys.argv[2:]}
table = ["| folder | lines | run | |", "|---|--:|--:|--:|"]
rest = []
short = []
for folder in FOLDERS:
    total = reached = 0
    for notes in sorted((build / folder).glob("*.gcno")):
        source, lines = lines_of(notes)
        missed = sorted(n for n in lines if not lines[n])
        total += len(lines)
        reached += len(lines) - len(missed)
        rest.append(
            f"| {source} | {len(lines)} | {percent(len(lines) - len(missed), len(lines)):.1f} % "
            f"| {ranges(missed)} |"
        )
    is_short = percent(reached, total) < least.get(folder, 0)
    bound = f"less than {least[folder]:g} %" if is_short else ""
    table.append(f"| {folder} | {total} | {percent(reached, total):.1f} % | {bound} |")
    if is_short:
        short.append(folder)
(build / "coverage.md").write_text(
    "\n".join(["# Lines that the tests run", ""] + table)
    + "\n\n| file | lines | run | not run |\n|---|--:|--:|---|\n"
    + "\n".join(rest)
    + "\n"
)
print("\n".join(table))
print(f"{build}/coverage.md names the lines.")
sys.exit(1 if short else 0)
