#!/usr/bin/python3
"""A small registry (distribution-spec 1.1), correct until a repository's name asks for a fault.

  faultserver.py --ports FILE --log FILE [--listen NAME=ADDRESS:PORT[,CERT,KEY[,CLIENTCA]]]...
                 [--image LAYOUT] [--rate BYTES] [--hub]

Words in a repository's path switch things on:
  fault/N[-VARIANT]  the fault of that number (the methods below say what each does)
  auth, basic        wants a Bearer token, or Basic credentials (tester, see SECRET)
  slow               bodies pass at --rate bytes a second
  seeded (the last)  what it lacks is looked up in the image given by --image

Ports go to --ports as shell assignments, each finished request to --log as a line of JSON. State
of the tests' own is under /_/: tags/REPOSITORY, blobs/REPOSITORY.
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import re
import secrets
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

USER = "tester"
SECRET = "s3cret-Pass"  # what no log may show; tokens begin with TOKEN
TOKEN = "t0ken-"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
HEX = re.compile(r"sha256:[0-9a-f]{64}\Z")
NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def document(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Gone(Exception):
    """The connection ends here, answered or not."""


class Repository:
    def __init__(self):
        self.blobs = set()
        self.manifests = {}  # digest → (media type, bytes)
        self.tags = {}


class Store:
    """What the registry holds; one for all listeners."""

    def __init__(self):
        self.lock = threading.RLock()
        self.data = {}
        self.repositories = {}
        self.uploads = {}  # id → [repository, bytes]
        self.tokens = {}   # token → (user, {(repository, action)}, expires)
        self.counts = {}
        self.number = 0

    def repository(self, name):
        with self.lock:
            return self.repositories.setdefault(name, Repository())

    def count(self, *key):
        """How often this was asked before."""
        with self.lock:
            n = self.counts.get(key, 0)
            self.counts[key] = n + 1
            return n

    def add(self, repository, data):
        digest = digest_of(data)
        with self.lock:
            self.data[digest] = data
            self.repository(repository).blobs.add(digest)
        return digest

    def load(self, repository, layout):
        """Every document and blob of a layout directory, under the tag latest."""
        with open(os.path.join(layout, "index.json"), "rb") as f:
            top = json.load(f)["manifests"][0]
        repo = self.repository(repository)

        def take(d):
            with open(os.path.join(layout, "blobs", *d["digest"].split(":")), "rb") as f:
                data = f.read()
            if d["mediaType"] in (MANIFEST, INDEX):
                repo.manifests[d["digest"]] = (d["mediaType"], data)
                m = json.loads(data)
                for child in m.get("manifests", []) + m.get("layers", []):
                    take(child)
                if "config" in m:
                    take(m["config"])
            else:
                self.add(repository, data)

        take(top)
        repo.tags["latest"] = top["digest"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "faults", ""
    timeout = 60
    wbufsize = 1 << 16

    def log_message(self, *args):
        pass

    # ---- bytes in and out -------------------------------------------------------------------

    def pause(self, n):
        if "slow" in self.words:
            self.wfile.flush()
            time.sleep(n / options.rate)

    def receive(self, limit=None):
        """The request's body, or its first `limit` bytes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.receive_chunked()
        left = int(self.headers.get("Content-Length") or 0) - self.got
        if limit is not None:
            left = min(left, limit)
        parts = []
        while left > 0:
            part = self.rfile.read1(min(left, 8192 if "slow" in self.words else 1 << 16))
            if not part:
                raise Gone
            self.got += len(part)
            left -= len(part)
            parts.append(part)
            if self.keep is not None:
                self.keep.extend(part)
            self.pause(len(part))
        return b"".join(parts)

    def receive_chunked(self):
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            part = self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return b"".join(parts)
            self.got += size
            parts.append(part)

    def half(self):
        return int(self.headers.get("Content-Length") or 0) // 2

    def answer(self, status, body=b"", headers=(), length=None):
        """A whole answer; length is what Content-Length claims."""
        self.status = status
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204 and not any(n == "Transfer-Encoding" for n, _ in headers):
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.send(body)
        if length is not None and length > len(body):
            raise Gone

    def send(self, body):
        step = 8192 if "slow" in self.words else 1 << 20
        for at in range(0, len(body), step):
            part = body[at:at + step]
            self.wfile.write(part)
            self.out += len(part)
            self.pause(len(part))

    def error(self, status, code, message="", headers=()):
        self.answer(status, document({"errors": [{"code": code, "message": message or code}]}),
                    [("Content-Type", "application/json"), *headers])

    def reset(self):
        """RST instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.aborted = True
        raise Gone

    # ---- one request ------------------------------------------------------------------------

    def serve(self):
        self.got = self.out = self.status = 0
        self.keep = None
        self.aborted = False
        self.began = time.time()
        self.words, self.repo, self.fault, self.variant = [], "", 0, ""
        target = urllib.parse.urlsplit(self.path)
        self.where, self.query = target.path, target.query
        self.asked = dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))
        try:
            self.route()
            if self.got < int(self.headers.get("Content-Length") or 0):
                self.close_connection = True
            self.wfile.flush()
        except Gone:
            self.close_connection = self.aborted = True
            try:
                self.wfile.flush()
            except OSError:
                pass
            if self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)[:1] == b"\1":
                self.connection.close()
        except OSError:
            self.close_connection = self.aborted = True
        finally:
            self.note()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def note(self):
        if self.where.startswith("/_/"):
            return
        auth = self.headers.get("Authorization")
        line = json.dumps({
            "began": self.began, "ended": time.time(), "listener": self.server.name,
            "host": self.headers.get("Host"), "method": self.command, "path": self.where,
            "query": self.query, "repo": self.repo, "auth": auth and auth.split()[0].lower(),
            "got": self.got, "out": self.out, "status": self.status, "aborted": self.aborted,
            "range": self.headers.get("Range"), "agent": self.headers.get("User-Agent")})
        with store.lock:
            log.write(line + "\n")
            log.flush()

    def route(self):
        if self.where.startswith("/_/"):
            return self.own(*self.where[3:].split("/", 1))
        if self.where.startswith("/token"):
            return self.token()
        if self.where.startswith("/cdn/"):
            return self.cdn(self.where[5:])
        if self.where.startswith("/urls/"):
            return self.urls(self.where[6:])
        if self.where.startswith("/loop/"):
            return self.answer(307, headers=[("Location", self.path)])
        path = self.where
        if path.startswith("/deep/er/"):  # where a redirect led to
            path = path[8:]
        if path in ("/v2", "/v2/"):
            return self.ping()
        m = re.match(rf"/v2/({NAME})/(blobs/uploads|blobs|manifests|tags|referrers)/(.*)\Z", path)
        if not m:
            self.receive()
            return self.error(404, "NAME_INVALID")
        self.repo, kind, rest = m.groups()
        self.words = self.repo.split("/")
        if "fault" in self.words:
            number, _, self.variant = self.words[self.words.index("fault") + 1].partition("-")
            self.fault = int(number)
        if not self.general(path):
            return None
        if not self.authorised():
            return None
        if kind == "blobs/uploads":
            return self.upload(rest)
        if kind == "manifests":
            return self.manifests(rest)
        return {"blobs": self.blob, "tags": self.tag_list, "referrers": self.referrers}[kind](rest)

    def once(self, *what):
        return store.count(self.repo, *what) == 0

    def general(self, path):
        """Faults of every kind of request; false where they answered it."""
        if self.fault == 25 and self.once(self.command, re.sub(r"uploads/.+", "uploads/x", path)):
            self.receive()
            self.error(503, "UNAVAILABLE")
            return False
        if self.fault == 24 and self.variant == "blobs":
            if self.command in ("GET", "PUT") and "/blobs/" in path and self.once(path):
                self.receive()
                self.error(429, "TOOMANYREQUESTS", headers=[("Retry-After", "1")])
                return False
            return True
        if self.fault == 24 and self.once():
            self.receive()
            value = {"seconds": "1", "date": self.date_time_string(time.time() + 1),
                     "past": self.date_time_string(0), "huge": "1000000000",
                     "garbage": "soon, I \"hope\""}[self.variant]
            self.error(429, "TOOMANYREQUESTS", headers=[("Retry-After", value)])
            return False
        if self.fault == 47:
            self.receive()
            text = "no\x1b[31m red\x07\r\nSet-Cookie: x\x9b2J\u202e\x00 end"
            if self.variant == "endless":
                self.endless(text.encode(), [], 403)
            elif self.variant == "raw":
                self.answer(403, text.encode(), [("Content-Type", "text/plain")])
            elif self.variant == "flood":
                self.answer(403, b"<html>" + text.encode() * 200000,
                            [("Content-Type", "text/html")])
            else:
                self.error(403, "DENIED\x1b[2J", text)
            return False
        if self.fault == 35 and self.variant == "headers":
            time.sleep(0.5)
        return True

    def own(self, what, repo):
        """What a test asks about the server's state."""
        with store.lock:
            r = store.repositories.get(repo, Repository())
            rows = sorted({"tags": r.tags, "blobs": r.blobs, "manifests": r.manifests}[what])
        self.answer(200, "".join(row + "\n" for row in rows).encode())

    def listener(self, name, path=""):
        """The URL of a listener."""
        return listeners[name].url(self.headers.get("Host")) + path

    # ---- who is asking ----------------------------------------------------------------------

    def ping(self):
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        with store.lock:
            known = kind.lower() == "bearer" and store.tokens.get(token)
        if options.hub and not (known and known[2] > time.time()):
            return self.challenge("")
        self.answer(200, b"{}", [("Docker-Distribution-Api-Version", "registry/2.0")])

    def basic(self):
        """The user of right Basic credentials, "" without any, None for wrong ones."""
        auth = self.headers.get("Authorization") or ""
        if auth.lower().startswith("basic "):
            try:
                pair = base64.b64decode(auth[6:]).decode()
            except ValueError:
                return None
            return USER if pair == f"{USER}:{SECRET}" else None
        return ""

    def realm(self):
        where = "auth" if "auth" in listeners else "other" if "other" in listeners else "main"
        if self.fault == 16:
            where = self.variant
        if self.fault == 17:
            return self.listener(where, "/token/" + self.variant)
        return self.listener(where, "/token")

    def challenge(self, action, error=None):
        self.receive()
        scope = f',scope="repository:{self.repo}:{action}"' if action else ""
        value = f'Bearer realm="{self.realm()}",service="faults.test"{scope}'
        if error:
            value += f',error="{error}"'
        body = document({"errors": [{
            "code": "UNAUTHORIZED", "message": "authentication required",
            "detail": [{"Type": "repository", "Class": "", "Name": self.repo,
                        "Action": action or "pull"}]}]})
        self.answer(401, body, [("WWW-Authenticate", value), ("Content-Type", "application/json")])
        return False

    def authorised(self):
        push = self.command not in ("GET", "HEAD")
        if "basic" in self.words:
            if self.basic() == USER:
                return True
            self.receive()
            self.error(401, "UNAUTHORIZED",
                       headers=[("WWW-Authenticate", 'Basic realm="a \\"quoted\\", realm"')])
            return False
        if "auth" not in self.words and not options.hub:
            return True
        action = "pull,push" if push else "pull"
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() != "bearer":
            return self.challenge(action)
        with store.lock:
            known = store.tokens.get(value)
        if not known or known[2] < time.time():
            return self.challenge(action, "invalid_token")
        if (self.repo, "push" if push else "pull") not in known[1]:
            return self.challenge(action, "insufficient_scope")
        return True

    def token(self):
        """The token service, Docker's and OAuth2's way."""
        body = self.receive()
        inward = self.where[7:]
        if inward:
            return self.answer(307, headers=[
                ("Location", self.listener(inward, "/token?" + self.query))])
        pairs = urllib.parse.parse_qsl(self.query or body.decode(), keep_blank_values=True)
        scopes = [v for k, v in pairs if k == "scope"]
        user = self.basic()
        if self.command == "POST":
            form = dict(pairs)
            right = (form.get("refresh_token") == "refresh-" + SECRET
                     or (form.get("username"), form.get("password")) == (USER, SECRET))
            user = USER if right else None
        if user is None:
            return self.error(401, "UNAUTHORIZED", "incorrect username or password")
        granted = set()
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            for action in actions.split(","):
                if kind == "repository" and self.may(user, name, action):
                    granted.add((name, action))
        name = scopes[0].split(":")[1] if scopes else ""
        variant = re.search(r"fault/15-(\w+)", name)
        variant = variant and variant.group(1)
        life = 1 if variant == "brief" else 300
        token = TOKEN + secrets.token_hex(12)
        with store.lock:
            store.tokens[token] = (user, granted, time.time() + life)
        reply = {"token": token, "expires_in": life,
                 "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if variant == "missing":
            reply = {"expires_in": 300}
        elif variant == "huge":
            reply["token"] = "x" * (4 << 20)
        elif variant == "flood":
            self.status = 200
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            for _ in range(2000):
                self.send(b'{"token":"' + b"x" * (1 << 16))
            return None
        elif variant == "access":
            reply = {"access_token": token}
        self.answer(200, document(reply), [("Content-Type", "application/json")])

    def may(self, user, name, action):
        if options.hub:
            known = name in store.repositories and bool(store.repositories[name].tags)
            if action == "pull":
                return known or (user == USER and name.startswith(USER + "/"))
            return user == USER and name.startswith(USER + "/")
        return user == USER or action == "pull" and "public" in name.split("/")

    # ---- blobs ------------------------------------------------------------------------------

    def find_blob(self, digest):
        with store.lock:
            if digest in store.repository(self.repo).blobs:
                return store.data[digest]
            if self.words[-1] == "seeded" and self.command == "GET":
                return store.data.get(digest)
        return None

    def blob(self, digest):
        self.receive()
        if self.command not in ("GET", "HEAD"):
            return self.error(405, "UNSUPPORTED")
        data = self.find_blob(digest)
        if data is None or self.fault == 46:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = [("Content-Type", "application/octet-stream"),
                   ("Docker-Content-Digest", digest), ("Accept-Ranges", "bytes")]
        if self.command == "HEAD":
            return self.head(data, headers)
        self.blob_fault(digest, data, headers)

    def head(self, data, headers):
        self.status = 200
        self.send_response(200)
        for name, value in [*headers, ("Content-Length", str(len(data)))]:
            self.send_header(name, value)
        self.end_headers()

    def start_of(self):
        m = re.match(r"bytes=(\d+)-(\d*)\Z", self.headers.get("Range") or "")
        return int(m.group(1)) if m else None

    def ranged(self, data, headers):
        """The answer of a correct registry."""
        start = self.start_of()
        if start is None:
            return self.answer(200, data, headers)
        if start >= len(data):
            return self.answer(416, headers=[("Content-Range", f"bytes */{len(data)}")])
        self.answer(206, data[start:], [
            *headers, ("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")])

    def blob_fault(self, digest, data, headers):
        start, half = self.start_of(), len(data) // 2
        if self.fault == 1 and self.variant == "once" and self.once(digest):
            return self.answer(200, data[:half], headers, len(data))
        if self.fault == 1 and self.variant == "always":
            if start is None:
                return self.answer(200, data[:half], headers, len(data))
            return self.answer(206, data[start:half], [
                *headers, ("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")],
                len(data) - start)
        if self.fault == 1 and self.variant == "short":
            return self.ranged(data[:half], headers)
        if self.fault == 2 and self.variant == "endless":
            return self.endless(data, headers)
        if self.fault == 2:
            return self.answer(200, data + b"more" * 1000, headers)
        if self.fault == 3:
            data = data[:half] + bytes([data[half] ^ 1]) + data[half + 1:]
        if self.fault == 4:
            headers[1] = ("Docker-Content-Digest", "sha256:" + "1" * 64)
        if self.fault == 18:
            return self.answer(307, headers=[("Location", "/loop/" + digest)])
        if self.fault in (19, 20, 21):
            where = {19: "other", 20: "port", 21: self.variant}[self.fault]
            return self.answer(307, headers=[("Location", self.listener(where, "/cdn/" + digest))])
        if self.fault in (32, 33) and start is None and self.once(digest):
            return self.answer(200, data[:half], headers, len(data))
        if self.fault == 32 and start is not None:
            wrong = {"early": start - 10, "late": start + 10, "zero": 0}[self.variant]
            return self.answer(206, data[wrong:], [
                *headers, ("Content-Range", f"bytes {wrong}-{len(data) - 1}/{len(data)}")])
        if self.fault == 33:
            return self.answer(200, data, headers)
        if self.fault == 34:
            headers.append(("Content-Encoding", "gzip"))
        if self.fault == 35 and self.variant == "body":
            return self.trickle(data, headers)
        if self.fault == 35 and self.variant == "stall":
            self.status = 200
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.send(data[:half])
            self.wfile.flush()
            time.sleep(30)
            raise Gone
        self.ranged(data, headers)

    def endless(self, data, headers, status=200):
        self.status = status
        self.send_response(status)
        for name, value in [*headers, ("Transfer-Encoding", "chunked")]:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.send(b"%x\r\n%s\r\n" % (len(data), data))
        for _ in range(3000):
            self.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        raise Gone

    def trickle(self, data, headers):
        self.status = 200
        self.send_response(200)
        for name, value in [*headers, ("Content-Length", str(len(data)))]:
            self.send_header(name, value)
        self.end_headers()
        for at in range(0, len(data), len(data) // 8 + 1):
            self.send(data[at:at + len(data) // 8 + 1])
            self.wfile.flush()
            time.sleep(0.1)

    def cdn(self, digest):
        """Another host that has the bytes and wants no credentials."""
        with store.lock:
            data = store.data.get(digest)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN")
        self.ranged(data, [("Content-Type", "application/octet-stream")])

    def urls(self, rest):
        """A descriptor's urls: they ask for credentials, which they must not get."""
        variant, _, digest = rest.partition("/")
        if variant == "free":
            return self.cdn(digest)
        realm = self.listener(self.server.name, "/token")
        self.error(401, "UNAUTHORIZED", headers=[
            ("WWW-Authenticate", 'Basic realm="give it to me"' if variant == "basic" else
             f'Bearer realm="{realm}",service="evil",scope="repository:x:pull"')])

    # ---- uploads ----------------------------------------------------------------------------

    def location(self, id):
        """With a query that must come back as it is."""
        path = f"/v2/{self.repo}/blobs/uploads/{id}?_state=a%2Fb%3D&x=%41%20+~"
        if self.fault == 23 and self.where.startswith("/deep/er/"):
            path = path.rsplit("/", 1)[1] if self.variant != "root" else "/deep/er" + path
        return path

    def progress(self, id, status, headers=()):
        n = len(store.uploads[id][1])
        told = 0 if self.fault == 29 else max(n - 1, 0)
        self.answer(status, headers=[("Location", self.location(id)), ("Range", f"0-{told}"),
                                     ("Docker-Upload-UUID", id), *headers])

    def upload(self, rest):
        if not rest:
            return self.upload_start()
        if self.fault and self.query.split("&digest=")[0] != "_state=a%2Fb%3D&x=%41%20+~":
            self.receive()
            return self.error(400, "BLOB_UPLOAD_INVALID", "the session's query came back changed")
        with store.lock:
            known = store.uploads.get(rest)
        gone = self.fault == 31 and self.command != "GET" and (
            self.variant == "always" or self.once("gone"))
        if not known or known[0] != self.repo or gone:
            self.receive()
            store.uploads.pop(rest, None)
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command == "PATCH":
            return self.upload_chunk(rest, known)
        if self.command == "PUT":
            return self.upload_whole(rest, known)
        self.receive()
        if self.command == "DELETE":
            store.uploads.pop(rest, None)
            return self.answer(204)
        if self.command == "GET":
            return self.progress(rest, 204)
        self.error(405, "UNSUPPORTED")

    def upload_start(self):
        body = self.receive()
        if self.command != "POST":
            return self.error(405, "UNSUPPORTED")
        if self.fault == 18:
            return self.answer(307, headers=[("Location", self.path)])
        if self.fault == 23 and not self.where.startswith("/deep/er/"):
            base = self.listener("other") if self.variant == "other" else ""
            return self.answer(307, headers=[("Location", f"{base}/deep/er{self.path}")])
        mount, source = self.asked.get("mount"), self.asked.get("from", "")
        with store.lock:
            if mount and mount in store.repository(source).blobs and self.fault != 31:
                store.repository(self.repo).blobs.add(mount)
                return self.answer(201, headers=[
                    ("Location", f"/v2/{self.repo}/blobs/{mount}"),
                    ("Docker-Content-Digest", mount)])
        if "digest" in self.asked and body:
            return self.commit(body, self.asked["digest"])
        id = secrets.token_hex(8)
        store.uploads[id] = [self.repo, bytearray()]
        if self.fault == 22:
            return self.answer(202)
        more = []
        if self.fault == 28 and self.variant == "minimum":
            more = [("OCI-Chunk-Min-Length", "65536")]
        self.progress(id, 202, more)

    def upload_whole(self, id, known):
        digest = self.asked.get("digest", "")
        size = int(self.headers.get("Content-Length") or 0)
        if self.fault in (28, 29, 30) and size and not known[1] and self.variant != "minimum":
            self.receive()
            return self.error(413, "SIZE_INVALID", "too large for one request")
        if self.fault == 14 and self.once("revoked"):
            self.receive(self.half() if self.variant == "early" else None)
            with store.lock:
                store.tokens.clear()
            if self.variant == "early":
                self.got = size  # the rest stays unread
                self.challenge("pull,push", "invalid_token")
                raise Gone
            return self.challenge("pull,push", "invalid_token")
        if self.fault == 26 and (self.variant == "always" or self.once("reset")):
            self.keep = known[1] if self.variant == "kept" else None
            self.receive(self.half())
            self.reset()
        body = bytes(known[1]) + self.receive()
        if self.fault == 27 and self.once("answer", digest):
            self.commit(body, digest, silent=True)
            store.uploads.pop(id, None)
            self.reset()
        store.uploads.pop(id, None)
        self.commit(body, digest)

    def commit(self, body, digest, silent=False):
        if not HEX.match(digest) or digest_of(body) != digest:
            return None if silent else self.error(
                400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        store.add(self.repo, body)
        if not silent:
            self.answer(201, headers=[("Location", f"/v2/{self.repo}/blobs/{digest}"),
                                      ("Docker-Content-Digest", digest)])
        return None

    def upload_chunk(self, id, known):
        m = re.match(r"(\d+)-(\d+)\Z", self.headers.get("Content-Range") or "")
        if m and int(m.group(1)) != len(known[1]):
            self.receive()
            return self.progress(id, 416)
        if self.fault == 28 and self.variant in ("range", "bare") and self.once("chunk"):
            known[1] += self.receive(self.half())
            self.receive()
            if self.variant == "range":
                return self.progress(id, 416)
            return self.answer(416)
        if self.fault == 28 and self.variant == "always":
            self.receive()
            return self.answer(416)
        known[1] += self.receive()
        self.progress(id, {"201": 201, "204": 204}.get(self.variant, 202))

    # ---- documents --------------------------------------------------------------------------

    def manifests(self, reference):
        body = self.receive()
        repo = store.repository(self.repo)
        if self.command == "PUT":
            return self.put_manifest(repo, reference, body)
        if options.hub and "limited" in self.words and self.command == "GET":
            return self.answer(429, document({"errors": [{
                "code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit. You "
                "may increase the limit by authenticating and upgrading: "
                "https://www.docker.com/increase-rate-limit"}]}), [
                    ("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600"),
                    ("docker-ratelimit-source", "10.0.0.1"), ("Content-Type", "application/json")])
        with store.lock:
            digest = repo.tags.get(reference, reference)
            found = repo.manifests.get(digest)
            is_seed = not found and self.words[-1] == "seeded"
            if is_seed:
                seed = store.repository("seed/image")
                digest = seed.tags.get("latest" if "c" * 64 in reference else reference, reference)
                found = seed.manifests.get(digest)
        if not found:
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = found
        if is_seed:
            media_type, data = self.manifest_fault(reference, media_type, data)
        told = "sha256:" + "1" * 64 if self.fault == 4 else digest_of(data)
        headers = [("Content-Type", media_type), ("Docker-Content-Digest", told)]
        if self.variant == "warns":
            headers.append(("Warning", '299 - "this registry closes in May"'))
        if self.command == "HEAD":
            return self.head(data, headers)
        if self.fault == 9:
            headers.append(("Content-Length", str(100 << 20)))
            self.status = 200
            self.send_response(200)
            for header in headers:
                self.send_header(*header)
            self.end_headers()
            for _ in range(100):
                self.send(b" " * (1 << 20))
            raise Gone
        self.answer(200, data, headers)

    def put_manifest(self, repo, reference, body):
        try:
            value = json.loads(body)
        except ValueError:
            return self.error(400, "MANIFEST_INVALID")
        media_type = self.headers.get("Content-Type")
        if value.get("mediaType", media_type) != media_type:
            return self.error(400, "MANIFEST_INVALID", "Content-Type is not the mediaType")
        with store.lock:
            for d in value.get("layers", []) + [value[k] for k in ("config",) if k in value]:
                if d["digest"] not in repo.blobs:
                    return self.error(400, "MANIFEST_BLOB_UNKNOWN", d["digest"])
            for d in value.get("manifests", []):
                if d["digest"] not in repo.manifests:
                    return self.error(400, "MANIFEST_UNKNOWN", d["digest"])
            digest = digest_of(body)
            if ":" in reference and reference != digest:
                return self.error(400, "DIGEST_INVALID")
            repo.manifests[digest] = (media_type, body)
            if ":" not in reference:
                repo.tags[reference] = digest
        self.answer(201, headers=[("Docker-Content-Digest", digest),
                                  ("Location", f"/v2/{self.repo}/manifests/{digest}")])

    def replaced(self, data, change):
        """The manifest with a change, as the registry's own: its digest is right."""
        value = json.loads(data)
        change(value)
        return document(value)

    def manifest_fault(self, reference, media_type, data):
        if self.fault == 5:
            return media_type, data.replace(b'"schemaVersion"', b' "schemaVersion"', 1)
        if self.fault == 6:
            return (INDEX if media_type == MANIFEST else MANIFEST), data
        if self.fault == 7:
            one = {"mediaType": MANIFEST, "digest": digest_of(data), "size": len(data)}
            return media_type, self.replaced(data, lambda m: m.update(manifests=[one]))
        if self.fault == 8:
            return media_type, data[:-1] + b',"layers":[]}'
        if self.fault == 10:
            return self.fault_nested(reference, media_type, data)
        value = {"11": "sha256:../../../../../../tmp/escape", "12": "sha256:" + "xyz1" * 16}
        if self.fault in (11, 12):
            wrong = value[str(self.fault)]
            if self.variant == "config":
                return media_type, self.replaced(data, lambda m: m["config"].update(digest=wrong))
            return media_type, self.replaced(data, lambda m: m["layers"][0].update(digest=wrong))
        if self.fault == 13:
            size = {"negative": -1, "huge": 1 << 62, "beyond": 10 ** 30, "float": 1e300,
                    "text": "12"}[self.variant]
            return media_type, self.replaced(data, lambda m: m["layers"][0].update(size=size))
        if self.fault == 42:
            return media_type, self.fault_config(data)
        if self.fault == 46:
            where = self.listener("other", f"/urls/{self.variant}/")

            def point(m):
                for layer in m["layers"]:
                    layer["urls"] = [where + layer["digest"]]
            return media_type, self.replaced(data, point)
        return media_type, data

    def fault_nested(self, reference, media_type, data):
        if self.variant == "deep":
            return media_type, data[:-1] + b',"annotations":' + b"[" * 200000 + b"]" * 200000 + b"}"

        def index_of(of, digest, size):
            return document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": of, "digest": digest, "size": size,
                 "platform": {"os": "linux", "architecture": "amd64"}}]})
        if self.variant == "cycle":  # it names itself, so its digest must be a lie
            lie = "sha256:" + "c" * 64
            return INDEX, index_of(INDEX, lie, len(index_of(INDEX, lie, 300)))
        with store.lock:
            repo = store.repository(self.repo)
            for _ in range(8):
                index = index_of(media_type, digest_of(data), len(data))
                repo.manifests[digest_of(index)] = (INDEX, index)
                media_type, data = INDEX, index
            repo.tags[reference] = digest_of(data)
        return media_type, data

    def fault_config(self, data):
        manifest = json.loads(data)
        config = json.loads(store.data[manifest["config"]["digest"]])
        ids = config["rootfs"]["diff_ids"]
        if self.variant == "count":
            ids.pop()
        else:
            ids[0] = "sha256:" + "2" * 64
        config = document(config)
        manifest["config"].update(digest=store.add(self.repo, config), size=len(config))
        return document(manifest)

    def tag_list(self, rest):
        self.receive()
        with store.lock:
            tags = sorted(store.repository(self.repo).tags)
        if not tags and self.repo not in store.repositories:
            return self.error(404, "NAME_UNKNOWN")
        headers = [("Content-Type", "application/json")]
        if self.fault == 44:
            headers.append(("Link", f'<{self.path}>; rel="next"'))
        self.answer(200, document({"name": self.repo, "tags": tags}), headers)

    def referrers(self, digest):
        self.receive()
        headers = [("Content-Type", INDEX)]
        if self.fault == 43:
            if self.variant == "html":
                return self.answer(200, b"<html>Welcome</html>", [("Content-Type", "text/html")])
            return self.error(int(self.variant), "UNSUPPORTED")
        if self.fault == 44:
            headers.append(("Link", f'<{self.path}>; rel="next"'))
        found = []
        with store.lock:
            for d, (media_type, data) in store.repository(self.repo).manifests.items():
                m = json.loads(data)
                if m.get("subject", {}).get("digest") == digest:
                    found.append({"mediaType": media_type, "digest": d, "size": len(data),
                                  "artifactType": m.get("artifactType", "")})
        self.answer(200, document({"schemaVersion": 2, "mediaType": INDEX, "manifests": found}),
                    headers)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, spec):
        self.name, _, rest = spec.partition("=")
        place, *files = rest.split(",")
        address, _, port = place.rpartition(":")
        self.tls = None
        if files:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(files[0], files[1])
            if len(files) > 2:
                self.tls.verify_mode = ssl.CERT_REQUIRED
                self.tls.load_verify_locations(files[2])
        super().__init__((address, int(port)), Handler)

    def url(self, host):
        """How others are sent here: by --name where there is one."""
        address, port = self.server_address[:2]
        scheme = "https" if self.tls else "http"
        known = {"http": 80, "https": 443}[scheme]
        address = options.name.get(self.name, address)
        return f"{scheme}://{address}" + ("" if port == known else f":{port}")

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


def parse_options():
    args = argparse.ArgumentParser()
    args.add_argument("--ports", required=True)
    args.add_argument("--log", required=True)
    args.add_argument("--listen", action="append")
    args.add_argument("--name", action="append", default=[], help="LISTENER=HOST in URLs given out")
    args.add_argument("--image", action="append", default=[], help="[REPOSITORY=]LAYOUT")
    args.add_argument("--rate", type=int, default=1000000)
    args.add_argument("--hub", action="store_true")
    o = args.parse_args()
    o.name = dict(pair.split("=", 1) for pair in o.name)
    return o


options = parse_options()
store = Store()
log = open(options.log, "a", encoding="utf-8")
listeners = {}


def main():
    for image in options.image:
        repo, _, layout = image.rpartition("=")
        store.load(repo or "seed/image", layout)
    for spec in options.listen or ["main=127.0.0.1:0"]:
        listener = Listener(spec)
        listeners[listener.name] = listener
    for listener in listeners.values():
        threading.Thread(target=listener.serve_forever, daemon=True).start()
    with open(options.ports + ".new", "w") as f:
        for name, listener in listeners.items():
            f.write("%s=%s:%d\n" % (name, *listener.server_address[:2]))
    os.rename(options.ports + ".new", options.ports)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
