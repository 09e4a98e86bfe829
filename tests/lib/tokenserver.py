#!/usr/bin/python3
"""A token service for the real docker-registry: JWTs signed by openssl.

  tokenserver.py --port FILE --log FILE --key KEY --cert CERT [--life SECONDS]

The key may be RSA (RS256) or P-256 (ES256). The registry adds a minute to every expiry, so that is
taken off: a token of two seconds is refused after two. Anybody may pull from public/, only the user
elsewhere.
"""
import argparse
import base64
import http.server
import json
import os
import secrets
import signal
import subprocess
import threading
import time
import urllib.parse

USER, SECRET = "tester", "s3cret-Pass"
LEEWAY = 60


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def signature(data):
    """As JWS wants it: RSA's as it is, of ECDSA's two integers 32 bytes each."""
    der = openssl("dgst", "-sha256", "-sign", options.key, data=data)
    if algorithm == "RS256":
        return der
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


def jwt(user, access):
    now = int(time.time())
    head = {"typ": "JWT", "alg": algorithm, "x5c": [certificate]}
    claims = {"iss": "tests", "sub": user, "aud": "registry.tests", "nbf": now - 120, "iat": now,
              "exp": now + options.life - LEEWAY, "jti": secrets.token_hex(8), "access": access}
    text = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
    return text + "." + encode(signature(text.encode()))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        user = ""
        if kind.lower() == "basic":
            user = USER if base64.b64decode(value).decode() == f"{USER}:{SECRET}" else None
        with lock:
            log.write(json.dumps({"user": user, "scope": asked.get("scope", []),
                                  "time": time.time()}) + "\n")
            log.flush()
        if user is None:
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED",
                                                 "message": "incorrect username or password"}]})
        access = []
        for scope in " ".join(asked.get("scope", [])).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [a for a in actions.split(",")
                       if user or (a == "pull" and name.startswith("public/"))]
            access.append({"type": kind, "name": name, "actions": allowed})
        self.answer(200, {"token": jwt(user, access), "expires_in": options.life,
                          "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})

    def do_POST(self):  # as older services do; clients fall back to GET
        self.close_connection = True
        self.answer(405, {"errors": [{"code": "UNSUPPORTED", "message": "use GET"}]})


def parse_options():
    args = argparse.ArgumentParser()
    for name in ("port", "log", "key", "cert"):
        args.add_argument("--" + name, required=True)
    args.add_argument("--life", type=int, default=60)
    return args.parse_args()


if __name__ == "__main__":
    options = parse_options()
    lock = threading.Lock()
    log = open(options.log, "a", encoding="utf-8")
    certificate = base64.b64encode(openssl("x509", "-in", options.cert, "-outform", "der")).decode()
    public = openssl("pkey", "-in", options.key, "-noout", "-text")
    algorithm = "RS256" if b"modulus" in public else "ES256"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(options.port + ".new", "w") as f:
        f.write("%d\n" % server.server_address[1])
    os.rename(options.port + ".new", options.port)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)
