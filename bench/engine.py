"""Docker and buildah of a run's own: nothing of the machine's engines is used or stays behind."""
import os
import shutil
import subprocess
import tempfile
import time

from measure import Failed, Missing, run


def docker_client():
    """Debian's, of the daemon's version, before another that may lie in front of it."""
    return "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"


def end(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Engine:
    """containerd and dockerd with their own data and sockets."""

    def start(self):
        if os.geteuid():
            raise Missing("dockerd needs root")
        for tool in ("containerd", "dockerd", "runc", docker_client()):
            if not shutil.which(tool):
                raise Missing(f"no {tool} here")
        # A socket's path is limited to 107 bytes.
        self.top = tempfile.mkdtemp(prefix="bench-engine.", dir="/tmp")
        self.containerd = self.dockerd = None
        self.env = {"DOCKER_HOST": f"unix://{self.top}/docker.sock",
                    "DOCKER_CONFIG": f"{self.top}/config"}
        try:
            socket = f"{self.top}/c.sock"
            self.containerd = self.background(
                "containerd", "--root", f"{self.top}/containerd", "--state", f"{self.top}/state",
                "--address", socket)
            self.wait(self.containerd, lambda: os.path.exists(socket))
            for driver in ("overlay2", "vfs"):
                self.dockerd = self.background(
                    "dockerd", "--iptables=false", "--bridge=none", f"--storage-driver={driver}",
                    "--data-root", f"{self.top}/data", "--exec-root", f"{self.top}/exec",
                    "--pidfile", f"{self.top}/dockerd.pidfile", "-H", self.env["DOCKER_HOST"],
                    "--containerd", socket)
                if self.wait(self.dockerd, self.answers, may_end=driver != "vfs"):
                    self.driver = driver
                    return self
            raise Failed("dockerd did not start")
        except BaseException:
            self.stop()
            raise

    def background(self, name, *options):
        with open(f"{self.top}/{name}.log", "a") as log:
            return subprocess.Popen([name, *options], stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL, start_new_session=True)

    def answers(self):
        try:
            run(docker_client(), "version", env=self.env)
            return True
        except Failed:
            return False

    def wait(self, process, is_there, may_end=False):
        for _ in range(300):
            if is_there():
                return True
            if process.poll() is not None:
                break
            time.sleep(0.1)
        if may_end:
            end(process)
            return False
        raise Failed(f"{process.args[0]} did not start")

    def stop(self):
        end(self.dockerd)
        end(self.containerd)
        with open("/proc/mounts") as f:
            mounts = [line.split()[1] for line in f]
        for mount in sorted((m for m in mounts if m.startswith(self.top + "/")), reverse=True):
            subprocess.run(["umount", "-l", mount], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.top, ignore_errors=True)

    def docker(self, *argv):
        return run(docker_client(), *argv, env=self.env)

    @property
    def words(self):
        """The client's first word, for a shell; it needs the engine's env."""
        return docker_client()

    def forget(self):
        """argv that leaves the daemon without images and without what builds left."""
        docker = docker_client()
        return ["sh", "-c", f"{docker} image prune -af --filter label!=bench=base && {docker} builder prune -af"]


class Buildah:
    """A storage of its own, of the driver that a user would have; below folder."""

    def __init__(self, folder):
        if not shutil.which("buildah"):
            raise Missing("no buildah here")
        if os.geteuid():
            raise Missing("buildah's storage drivers need root here")
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        for self.driver in ("overlay", "vfs"):
            try:
                run("sh", "-c", f"c=$({self.words} from scratch) && {self.words} rm $c")
                return
            except Failed:
                if self.driver == "vfs":
                    raise

    @property
    def words(self):
        """The command's first words, for a shell."""
        top = self.folder
        return (f"buildah --storage-driver {self.driver} --root {top}/{self.driver} "
                f"--runroot {top}/{self.driver}.run")

    def forget(self, *also):
        """argv that leaves the storage empty, and removes these paths."""
        lines = [f"{self.words} rm -a", f"{self.words} rmi -a -f"]
        if also:
            lines.append("rm -rf " + " ".join(also))
        return ["sh", "-c", " && ".join(lines)]
