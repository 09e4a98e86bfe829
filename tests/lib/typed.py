#!/usr/bin/python3
"""What an interactive bash makes of a line and the tab key:  tests/lib/typed.py LINE

Prints the line as it stands after one tab, with a bar where the cursor is.
"""
import os
import pty
import re
import select
import sys

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../completions/imgmin.bash")


def read_until(fd, pattern):
    seen = ""
    while not (found := re.search(pattern, seen, re.S)):
        if not select.select([fd], [], [], 20)[0]:
            sys.exit(f"no {pattern} in {seen!r}")
        seen += os.read(fd, 4096).decode(errors="replace").replace("\r", "")
    return found


def main():
    pid, fd = pty.fork()
    if not pid:
        os.environ.update(TERM="dumb", INPUTRC="/dev/null", HISTFILE="", COLUMNS="200")
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    show = r'''bind -x '"\C-g": printf "<<%s|%s>>" "${READLINE_LINE:0:READLINE_POINT}" ''' \
           r'''"${READLINE_LINE:READLINE_POINT}"' '''
    os.write(fd, f". '{SCRIPT}'; {show}; PS1=; stty -echo; echo rea''dy\n".encode())
    read_until(fd, r"ready\n")
    os.write(fd, sys.argv[1].encode() + b"\t\x07")
    print(read_until(fd, r"<<(.*)>>").group(1))
    os.write(fd, b"\x15exit\n")
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass
    os.waitpid(pid, 0)


main()
