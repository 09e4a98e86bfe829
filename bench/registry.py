"""A registry of its own for a row: Debian's docker-registry on a free port of loopback."""
import os
import shlex
import shutil
import socket
import subprocess
import time

from measure import Failed, Missing

CONFIG = """version: 0.1
storage:
  filesystem:
    rootdirectory: {root}
http:
  addr: {address}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """Runs while the `with` does. What it remembers is on the disk alone, so that it is empty once
    its folder is."""

    def __init__(self, folder):
        if not shutil.which("docker-registry"):
            raise Missing("no docker-registry here")
        self.folder, self.address = folder, f"127.0.0.1:{free_port()}"
        self.log = folder + ".log"
        self.emptied = ["rm", "-rf", os.path.join(folder, "docker")]  # by this command

    def __enter__(self):
        config = self.folder + ".yml"
        with open(config, "w") as f:
            f.write(CONFIG.format(root=self.folder, address=self.address))
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(self.address.split(":")).close()
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise Failed("docker-registry did not start: " + self.said()[-400:])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self):
        with open(self.log) as f:
            return f.read()

    def requests(self):
        """How many it has answered: a line of its access log each, soon after the answer."""
        time.sleep(0.3)
        return self.said().count(' HTTP/1.1" ')


PUT = """put() {
	to=$(curl -fsS -X POST -o /dev/null -w '%header{location}' "$1")
	curl -fsS -T "$2" -o /dev/null "$to&digest=$3"
}
"""


def puts(address, blobs):
    """A script's words: curl sends blobs, [(path, digest)], all at once."""
    url = f"http://{address}/v2/bench/blobs/uploads/"
    lines = [f"put {url} {shlex.quote(path)} {digest} & p{i}=$!"
             for i, (path, digest) in enumerate(blobs)]
    lines.append(" && ".join(f"wait $p{i}" for i in range(len(blobs))))
    return ["sh", "-c", PUT + "\n".join(lines)]
