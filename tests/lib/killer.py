#!/usr/bin/python3
"""Kills pushes and pulls at random points and looks whether the next run makes it right.

  killer.py push|pull IMGMIN SERVER LOG LAYOUT DIR [--rounds N] [--seed N]

Each round has a repository of its own: one run that is killed, one that must succeed, sending only
what had not been finished. Prints what it saw; ends 1 at the first thing that is wrong.
"""
import argparse
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

SETTLE = 0.05  # seconds that a client may need to notice and keep what came whole


def fail(text):
    sys.exit(f"round {current}: {text}")


def run(args, env, kill_after=None):
    began = time.time()
    process = subprocess.Popen(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        process.communicate(timeout=kill_after if kill_after is not None else 60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        out = process.communicate()[0]
        if kill_after is None:
            fail(f"{args} hangs: {out.decode()}")
        return None, began, time.time()
    out = b""
    return process.returncode, began, time.time()


def requests(log, repo, since=0):
    found = []
    with open(log, encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            if r["repo"] == repo and r["began"] >= since:
                found.append(r)
    return found


def server(o, what, repo):
    with urllib.request.urlopen(f"http://{o.server}/_/{what}/{repo}") as answer:
        return answer.read().decode().split()


def blobs(layout):
    return sorted(os.listdir(os.path.join(layout, "blobs", "sha256")))


def digest_in(request):
    text = request["query"] if request["method"] == "PUT" else request["path"]
    at = text.find("sha256")
    return text[at:].replace("%3A", ":").replace("%3a", ":")[7:71]


def push(o, n, delay, env):
    repo = f"slow/push/r{n}"
    name = f"{o.server}/{repo}:v1"
    args = [o.imgmin, "push", "-q", "--retry-delay", "0.05", "oci:" + o.layout, name]
    status, _, killed = run(args, env, delay)
    time.sleep(0.03)  # the server notices that nobody is there
    if status is None and server(o, "tags", repo):
        # The answer was on its way: then all of it is there.
        have = {d.split(":")[1] for d in server(o, "blobs", repo) + server(o, "manifests", repo)}
        if have != set(blobs(o.layout)):
            fail("the push that was killed left a tag, and not all that it means")
    done = {digest_in(r) for r in requests(o.log, repo)
            if r["method"] == "PUT" and "/blobs/" in r["path"] and r["status"] == 201}
    status, began, _ = run(args, env)
    if status != 0:
        fail(f"the push after the kill ended with {status}")
    again = {digest_in(r) for r in requests(o.log, repo, began)
             if r["method"] in ("PUT", "PATCH") and "/blobs/" in r["path"]}
    if done & again:
        fail(f"sent again: {done & again}")
    if server(o, "tags", repo) != ["v1"]:
        fail("no tag")
    have = {d.split(":")[1] for d in server(o, "blobs", repo) + server(o, "manifests", repo)}
    if have != set(blobs(o.layout)):
        fail("not all blobs are there")
    return len(done)


def pull(o, n, delay, env):
    repo = f"slow/pull/r{n}/seeded"
    name = f"{o.server}/{repo}:latest"
    place = os.path.join(o.dir, f"r{n}")
    os.mkdir(place)
    target = f"oci:{place}/layout" if n % 2 else f"{place}/image.tar"
    env = dict(env, XDG_CACHE_HOME=os.path.join(place, "cache"))
    args = [o.imgmin, "pull", "-q", "--retry-delay", "0.05", name, target]
    status, _, killed = run(args, env, delay)
    if status is None and n % 2 == 0 and os.path.exists(f"{place}/image.tar"):
        # Whole or not there: it was killed after the rename.
        subprocess.run(["tar", "-tf", f"{place}/image.tar"], check=True, stdout=subprocess.DEVNULL)
    time.sleep(0.03)
    done = {digest_in(r): r for r in requests(o.log, repo)
            if "/blobs/" in r["path"] and r["status"] in (200, 206) and not r["aborted"]
            and r["ended"] < killed - SETTLE}
    status, began, _ = run(args, env)
    if status != 0:
        fail(f"the pull after the kill ended with {status}")
    for r in requests(o.log, repo, began):
        if "/blobs/" in r["path"] and digest_in(r) in done and r["out"]:
            fail(f"sent again: {digest_in(r)}")
    resumed = sum(1 for r in requests(o.log, repo, began) if r["status"] == 206)
    layout = f"{place}/layout"
    if n % 2 == 0:
        os.mkdir(layout)
        subprocess.run(["tar", "-xf", f"{place}/image.tar", "-C", layout], check=True)
    same(o, layout)
    left = set(os.listdir(place)) - {"layout", "image.tar", "cache"}
    if left:
        fail(f"left behind: {left}")
    shutil.rmtree(place)
    return len(done) + resumed


def same(o, layout):
    names = blobs(o.layout)
    if blobs(layout) != names:
        fail(f"blobs differ: {blobs(layout)}")
    _, differ, errors = filecmp.cmpfiles(
        f"{o.layout}/blobs/sha256", f"{layout}/blobs/sha256", names, shallow=False)
    if differ or errors:
        fail(f"blobs differ: {differ + errors}")


def main():
    global current
    args = argparse.ArgumentParser()
    args.add_argument("what", choices=["push", "pull"])
    for name in ("imgmin", "server", "log", "layout", "dir"):
        args.add_argument(name)
    args.add_argument("--rounds", type=int, default=50)
    args.add_argument("--seed", type=int, default=int(time.time()))
    o = args.parse_args()
    chance = random.Random(o.seed)
    print("seed", o.seed)
    work = {"push": push, "pull": pull}[o.what]
    env = dict(os.environ)
    # How long does one take that nobody kills?
    began = time.time()
    current = "first"
    work(o, -1, 60, env)
    whole = (time.time() - began) * 0.9
    saved = 0
    for current in range(o.rounds):
        saved += work(o, current, chance.uniform(0, whole), env)
    print(f"{o.rounds} rounds, one takes {whole:.2f} s, {saved} blobs were not sent again")
    if not saved:
        sys.exit("no round ever finished a blob: nothing was tested")


main()
