#!/usr/bin/python3
"""Runs a command on a terminal of its own and looks at what it drew there.

  terminal.py COLUMNS LINES COMMAND...

Prints the final screen, scrolled lines included. Ends 1 where the command used other escape codes
than cursor up, erase and wrap or not; where it wrote on or erased a line that was no live one; where a
live line is as wide as the terminal; or where it drew more than a dozen frames a second. Else
the command's own status. The last line of stderr says how many frames there were.
"""
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import time

LIVE = re.compile(r" / |^and \d+ more$")


def fail(text):
    sys.exit(f"terminal.py: {text}")


def check_live(lines):
    for line in lines:
        if line.strip() and not LIVE.search(line):
            fail(f"it touched «{line}»")


def run(columns, lines, command):
    pid, fd = pty.fork()
    if not pid:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.execvp(command[0], command)
    out = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    return out.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def draw(stream, columns):
    screen, row, frames, is_written, wraps = [""], 0, 0, False, True
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b.|\r|\n|[^\x1b\r\n]+", stream):
        if token == "\n":
            row += 1
            if row == len(screen):
                screen.append("")
        elif token == "\x1b[K":
            if not is_written:
                check_live(screen[row:row + 1])
                screen[row] = ""
        elif token == "\x1b[J":
            check_live(screen[row + 1:])
            del screen[row + 1:]
        elif token in ("\x1b[?7l", "\x1b[?7h"):
            wraps = token[-1] == "h"
            frames += not wraps
        elif re.fullmatch(r"\x1b\[\d+A", token):
            if int(token[2:-1]) > row:
                fail("it went up beyond its first line")
            check_live(screen[row - int(token[2:-1]):row])
            row -= int(token[2:-1])
        elif token[0] == "\x1b":
            fail(f"it wrote {token!r}")
        elif token != "\r":
            if LIVE.search(token) and len(token) >= columns:
                fail(f"{len(token)} columns: «{token}»")
            check_live(screen[row:row + 1])
            screen[row] = token
        is_written = token[0] not in "\r\n\x1b" or (is_written and token[0] == "\x1b")
    if not wraps:
        fail("lines wrap no more")
    return screen, frames


def main():
    columns, lines = int(sys.argv[1]), int(sys.argv[2])
    began = time.time()
    stream, status = run(columns, lines, sys.argv[3:])
    seconds = time.time() - began
    screen, frames = draw(stream, columns)
    screen = [line for line in screen if line.strip()]
    print("\n".join(screen))
    events = len(screen)
    print(f"{frames} frames in {seconds:.1f} s", file=sys.stderr)
    if frames > seconds * 12 + events:
        fail(f"{frames} frames in {seconds:.1f} s")
    sys.exit(status)


main()
