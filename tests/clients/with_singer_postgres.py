"""Two stock Singer targets for PostgreSQL: exact rows, after a first run, after an increment, and after a full run."""

import csv
import glob
import io
import json
import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path

from site_to_read import KEYS, Mock, compare, edited, load, program, rows, write

ENVIRONMENTS = Path(__file__).parent / "../../target/clients"
PASSWORD = "for-this-test"
# Whether a target honours ACTIVATE_VERSION, which says that a snapshot is complete: what is gone is then deleted.
TARGETS = {"singer-postgres": True, "pipelinewise": False}


class Server:
    """Debian's PostgreSQL on loopback, with a folder of its own. It refuses to run as root."""

    def __init__(self, folder):
        self.folder = Path(folder, "server")
        self.folder.mkdir()
        self.binaries = Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
        self.prefix = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self.prefix = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
            os.chmod(folder, 0o711)
            os.chmod(Path(folder).parent, 0o711)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        data = str(self.folder / "data")
        initdb = [str(self.binaries / "initdb"), "--no-sync", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(password), "-D", data]
        subprocess.run([*self.prefix, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [str(self.binaries / "postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"]

    def __enter__(self):
        self.process = subprocess.Popen([*self.prefix, *self.command], stderr=subprocess.DEVNULL, cwd=self.folder)
        deadline = time.monotonic() + 60
        while self.query("SELECT 1", check=False) is None:
            if time.monotonic() > deadline:
                raise SystemExit("PostgreSQL does not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def query(self, sql, check=True):
        psql = ["psql", "-X", "--csv", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", sql]
        ended = subprocess.run(psql, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": PASSWORD})
        if ended.returncode != 0:
            if check:
                raise SystemExit(f"{sql}: {ended.stderr}")
            return None
        return [tuple(row) for row in csv.reader(io.StringIO(ended.stdout))]


def pipe(server, folder, target, config, state):
    """Runs the tap into the target. The state that the target passes on."""
    tap = [program("tap-confluence-cloud"), "--config", write(folder, "config.json", config)]
    if state:
        tap += ["--state", write(folder, "state.json", state)]
    settings = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "password": PASSWORD,
                "database": "postgres", "dbname": "postgres", "default_target_schema": target.replace("-", "_"),
                "hard_delete": True}
    command = [str(ENVIRONMENTS / target / "bin" / "target-postgres"), "--config", write(folder, "target.json", settings)]
    output = Path(folder, f"{target}.singer")
    with output.open("wb") as file:
        subprocess.run(tap, stdout=file, stderr=subprocess.DEVNULL, check=True)
    with output.open("rb") as file:
        ended = subprocess.run(command, stdin=file, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"{target}: exit status {ended.returncode}: {ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def tables(server, target):
    """The keys of all tables."""
    found = {}
    for stream, columns in KEYS.items():
        keys = server.query(f'SELECT {", ".join(columns)} FROM {target.replace("-", "_")}.{stream}')
        if stream == "page_versions":
            keys = [(page, int(number)) for page, number in keys]
        if len(keys) != len(set(keys)):
            raise SystemExit(f"{target}: {stream} has rows twice")
        found[stream] = set(keys)
    return found


def check(server, folder, target, honours_versions):
    corpus = load()
    with Mock(folder, corpus) as mock:
        state = pipe(server, folder, target, mock.config, None)
        compare(f"{target}, first run", tables(server, target), rows(corpus))
    later, _ = edited(corpus)
    with Mock(folder, later, mock.address):
        pipe(server, folder, target, mock.config, state)
        # A page in the trash keeps its details until the next snapshot.
        kept = {stream: keys | rows(corpus)[stream] for stream, keys in rows(later).items()}
        compare(f"{target}, an increment", tables(server, target), kept)
        pipe(server, folder, target, mock.config, None)
        compare(f"{target}, a full run", tables(server, target), rows(later) if honours_versions else kept)


def main(folder):
    with Server(folder) as server:
        for target, honours_versions in TARGETS.items():
            check(server, folder, target, honours_versions)


if __name__ == "__main__":
    if not glob.glob("/usr/lib/postgresql/*/bin/postgres"):
        print("PostgreSQL is not installed")
        sys.exit(3)
    main(sys.argv[1])
