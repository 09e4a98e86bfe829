#!/usr/bin/python3
"""A server over TLS that keeps the last POST as JSON: receiver.py CERT KEY RECEIVED PORT

RECEIVED gets {"path", "type", "body"}, PORT the number of the port on loopback.
"""
import http.server
import json
import os
import ssl
import sys

cert, key, received, port = sys.argv[1:]


def write(path, text):
    with open(path + ".part", "w") as f:
        f.write(text)
    os.rename(path + ".part", path)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        write(received, json.dumps({
            "path": self.path,
            "type": self.headers.get("Content-Type"),
            "body": body.decode(),
        }))
        self.send_response(204)
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
write(port, str(server.server_port))
server.serve_forever()
