"""What README.md shows: its session, its commands, its options.

readme.py session README COPY ROOM exact|near|any   runs the session in COPY and compares
readme.py commands README        every imgmin command line outside of the session
readme.py options README         every option beside the words that come before it
readme.py yaml README            the block that is an imgmin.yaml

Of the session's output, «…» stands for anything in a line, and alone for any lines; digests are any.
Sizes are compared exactly, within 3 %, or not at all.
"""
import pathlib
import re
import subprocess
import sys

PLACE = "/home/you/imgmin"  # where the README's reader has the repository
SIZE = re.compile(r"(\d+(?:\.\d+)?)( [kMG]?B)\b")


def blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def session(text):
    steps = []
    for _, block in blocks(text):
        if not block.startswith("$ "):
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    return steps


def line_fits(want, got, how):
    want = re.sub(r"sha256:[0-9a-f]+…", "sha256:…", want)
    if how == "exact":
        return re.fullmatch(".*".join(map(re.escape, want.split("…"))), got)
    pattern, at = "", 0
    for size in SIZE.finditer(want):
        pattern += ".*".join(map(re.escape, want[at:size.start()].split("…")))
        pattern += r"(\d+(?:\.\d+)?)" + re.escape(size[2])
        at = size.end()
    pattern += ".*".join(map(re.escape, want[at:].split("…")))
    found = re.fullmatch(pattern, got)
    return found and (how == "any" or all(
        abs(float(is_) - float(said[1])) <= 0.03 * float(said[1])
        for said, is_ in zip(SIZE.finditer(want), found.groups())))


def fits(want, got, how):
    if not want:
        return not got
    if want[0].strip() == "…":
        return any(fits(want[1:], got[i:], how) for i in range(len(got) + 1))
    return bool(got) and bool(line_fits(want[0], got[0], how)) and fits(want[1:], got[1:], how)


def run_session(text, copy, room, how):
    steps = session(text)
    room = pathlib.Path(room).resolve()
    script = "".join(f"{{ {command}\n}} >{room}/{i} 2>&1\n" for i, (command, _) in enumerate(steps))
    subprocess.run(["bash", "-c", script], cwd=copy, stdin=subprocess.DEVNULL, check=False)
    wrong = 0
    for i, (command, want) in enumerate(steps):
        got = (room / str(i)).read_text().replace(str(pathlib.Path(copy).resolve()), PLACE).splitlines()
        if not fits(want, got, how):
            wrong += 1
            print(f"$ {command}\n-- the README shows\n" + "\n".join(want) + "\n-- it prints\n" + "\n".join(got))
    print(f"{len(steps)} commands of the session, {wrong} print something else; sizes: {how}")
    return wrong or not steps


def outside_of_session(text):
    """Code spans, and the lines of blocks that are neither session nor YAML."""
    lines = []
    for language, block in blocks(text):
        if not block.startswith("$ ") and language != "yaml":
            lines += [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    lines += [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose)]
    return [line.strip() for line in lines if line.strip()]


def commands(text):
    seen = [re.sub(r"^build/imgmin ", "imgmin ", line) for line in outside_of_session(text)]
    return [line for line in seen if line.startswith("imgmin ")]


def options(text):
    lines = outside_of_session(text) + [command for command, _ in session(text)]
    lines += [line for _, want in session(text) for line in want if line.startswith("hint: ")]
    for line in lines:
        for found in re.finditer(r"(?<![\w-])--[a-z][a-z-]+", line):
            yield found[0] + "\t" + line[:found.start()].strip()


def main():
    what, readme = sys.argv[1:3]
    text = pathlib.Path(readme).read_text()
    if what == "session":
        return run_session(text, *sys.argv[3:6])
    if what == "yaml":
        print("".join(block for language, block in blocks(text) if language == "yaml"), end="")
    else:
        print("\n".join({"commands": commands, "options": options}[what](text)))
    return 0


sys.exit(main())
