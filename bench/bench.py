"""What the rows share: where things lie, how a row and a comparison come into the report."""
import functools
import os
import shutil

import inputs
import measure
from engine import Engine
from measure import Failed, Missing

MB, MIB = 1_000_000, 1 << 20


class Bench:
    def __init__(self, imgmin, work, quick):
        self.imgmin, self.work, self.quick = imgmin, work, quick
        self.timer = measure.Timer(work)
        self.tables = []  # every comparison, in order
        self.growths = []
        self.name = None  # of the group that runs
        self.running = None  # the engine

    def path(self, name):
        return os.path.join(self.work, name)

    def rounds(self, n):
        return 3 if self.quick else n

    def build(self, program, *options, out="out.tar"):
        return [self.imgmin, "build", "-q", program, "-o", self.path(out), *options]

    @functools.cached_property
    def sensor(self):
        return inputs.sensor(self.path("sensor"))

    @functools.cached_property
    def tiny(self):
        return inputs.tiny(self.path("tiny"))

    @functools.cached_property
    def tree(self):
        return inputs.tree(self.path("tree"))

    def engine(self):
        """The dockerd of this run; it starts when it is first asked for and stays warm."""
        if self.running is None:
            try:
                self.running = Engine().start()
            except (Failed, Missing) as e:
                self.running = e
        if isinstance(self.running, Exception):
            raise Missing(str(self.running))
        return self.running

    @property
    def engine_folder(self):
        return self.running.top if isinstance(self.running, Engine) else None

    def end(self):
        if isinstance(self.running, Engine):
            self.running.stop()

    def compare(self, title, sides, rounds, runs=1, note="", ours_first=True, **more):
        """Measures the sides into a table of the report. Each of them may be a function that makes
        it or raises Missing, with its name: (name, function). The first is ours, beside all others,
        unless each side knows beside whom it stands."""
        made = []
        for side in sides:
            if isinstance(side, tuple):
                name, make = side
                try:
                    side = make()
                except (Missing, Failed) as e:
                    side = measure.missing(name, e)
            side.beside = side.beside or (made[0] if made and ours_first else None)
            made.append(side)
        load = os.getloadavg()[0]
        self.timer.compare(made, self.rounds(rounds), runs, **more)
        table = Comparison(self.name, title, made, note, load)
        self.tables.append(table)
        return table


class Comparison:
    def __init__(self, group_name, title, sides, note, load):
        self.group, self.title, self.sides = group_name, title, sides
        self.note, self.load = note, load

    def side(self, name):
        return next(s for s in self.sides if s.name == name)

    def ratio(self, *peers, ours=None, note=""):
        """The fields of a row: our time beside the quickest of these peers."""
        us = self.side(ours) if ours else self.sides[0]
        there = [s for s in map(self.side, peers) if s.times]
        if not there:
            return {"note": "; ".join(f"{p}: {self.side(p).why}" for p in peers)}
        them = min(there, key=lambda s: s.median)
        said = f"peer: {them.name}" + (f"; {note}" if note else "")
        return {"ours": us.median, "peer": them.median, "result": measure.ratio(us, them),
                "note": said, "load": self.load}

    def bytes(self, *peers, ours=None, note=""):
        us = self.side(ours) if ours else self.sides[0]
        there = [s for s in map(self.side, peers) if s.bytes]
        if not there:
            return {"note": "no peer here"}
        them = min(there, key=lambda s: s.bytes)
        return {"ours": us.bytes, "peer": them.bytes, "result": us.bytes / them.bytes,
                "note": f"peer: {them.name}" + (f"; {note}" if note else ""), "load": self.load}

    def facts(self):
        def beside(side):
            us = side.beside
            return measure.ratio(us, side) if us and us.times and side.times else None

        return {"group": self.group, "title": self.title, "note": self.note,
                "load_before": self.load,
                "sides": [{**s.facts(), "ratio": beside(s)} for s in self.sides]}


class Growth:
    """One side's points (n, seconds, memory), and the power law through the times."""

    def __init__(self, group_name, title, who, what, points):
        self.group, self.title, self.who, self.what = group_name, title, who, what
        self.points = points
        self.fit = measure.fit([(n, t) for n, t, _ in points]) if len(points) > 2 else None

    def facts(self):
        return {"group": self.group, "title": self.title, "who": self.who, "per": self.what,
                "points": [{"n": n, "seconds": t, "peak_memory": m} for n, t, m in self.points],
                "fit": self.fit}

    def row(self, note=""):
        """Held where both exponents are within the limit: the one of all, and of the end."""
        if not self.fit:
            return {"note": "too few points"}
        k, last = self.fit["exponent"], self.fit["last"]
        said = f"{k:.2f} over all points, {last:.2f} over the last three"
        return {"result": max(k, last), "note": f"{said}; {note}" if note else said}


def row(title, limit, unit="s", kind="ratio", ours=None, peer=None, result=None, note="",
        failed=False, load=None):
    return {"title": title, "unit": unit, "kind": kind, "ours": ours, "peer": peer,
            "result": result, "limit": limit,
            "holds": None if None in (result, limit) else result <= limit,
            "note": note, "failed": failed, "load_before": load}


def group(*heads):
    """A group of rows, given by (title, limit, further fields of row); the function yields what
    else is known of each."""
    def wrap(fn):
        def measured(bench):
            done, load = [], os.getloadavg()[0]
            try:
                for fields in fn(bench):
                    title, limit, more = heads[len(done)]
                    done.append(row(title, limit, **{"load": load, **more, **fields}))
                why, failed = "", False
            except (Failed, Missing) as e:
                why, failed = str(e), isinstance(e, Failed)
            for title, limit, more in heads[len(done):]:
                done.append(row(title, limit, **more, note=why, failed=failed))
            return done
        return measured
    return wrap


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Missing(f"no {tool} here")


MEMORY = {"unit": "MiB", "kind": "value"}
EXPONENT = {"unit": "", "kind": "exponent"}
