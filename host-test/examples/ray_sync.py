"""Many tenants on a Ray cluster, with the host of host.py: `pip install ray wasmtime pyarrow`.

    python ray_sync.py confluence_cloud.wasm OUT tenant-a.json tenant-b.json …

Each configuration is a task. Where its worker dies, Ray runs the task again, and the task goes on from its last
checkpoint. OUT/TENANT/STREAM-NUMBER.parquet holds the rows between two checkpoints, and OUT/TENANT/_commit.json the
state beside the number of files that belong to it: a file beyond that number is not there yet.
"""

import json
import os
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import ray
from host import Connector

TYPES = {"integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_()}


def arrow_schema(schema):
    """A stream's columns; before them what a line does (row, replaces, begin, spares, end) and its place in the log."""
    fields = [("_op", pyarrow.string()), ("_line", pyarrow.int64())]
    for name, column in json.loads(schema)["properties"].items():
        kinds = {column["type"]} if isinstance(column["type"], str) else {*column["type"]} - {"null"}
        fields.append((name, TYPES.get(kinds.pop(), pyarrow.string())))
    return pyarrow.schema(fields)


class ParquetFolder:
    """A sink. What comes between two checkpoints is kept in memory and committed by renaming one small file."""

    def __init__(self, folder, streams):
        self.folder, self.schemas, self.pending = folder, {s.name: arrow_schema(s.schema) for s in streams}, {}
        self.commit_file = folder / "_commit.json"
        committed = json.loads(self.commit_file.read_text()) if self.commit_file.exists() else {}
        self.state, self.files, self.lines = committed.get("state"), committed.get("files", 0), committed.get("lines", 0)

    def append(self, stream, operation, columns):
        self.pending.setdefault(stream, []).append({"_op": operation, "_line": self.lines, **columns})
        self.lines += 1

    def begin_snapshot(self, streams):
        for stream in streams:
            self.append(stream, "begin", {})

    def emit(self, batch):
        for key in batch.replaces:
            self.append(batch.stream, "replaces", json.loads(key))
        for row in batch.rows:
            self.append(batch.stream, "row", json.loads(row))

    def end_snapshot(self, stream, spared):
        for key in spared:
            self.append(stream, "spares", json.loads(key))
        self.append(stream, "end", {})

    def checkpoint(self, state):
        for stream, rows in self.pending.items():
            table = pyarrow.Table.from_pylist(rows, schema=self.schemas[stream])
            pyarrow.parquet.write_table(table, self.folder / f"{stream}-{self.files:06}.parquet")
        self.files, self.pending = self.files + 1, {}
        new = self.commit_file.with_suffix(".new")
        new.write_text(json.dumps({"state": state, "files": self.files, "lines": self.lines}))
        os.replace(new, self.commit_file)


@ray.remote(num_cpus=1, max_retries=3)
def sync(component, config, folder):
    folder.mkdir(parents=True, exist_ok=True)
    connector = Connector(component)
    sink = ParquetFolder(folder, connector.call("list-streams"))
    resumed = sink.state is not None
    try:
        summary = connector.sync(config.read_text(), sink.state, sink)
    except SystemExit as failure:  # The connector's own failure is the tenant's alone, and no reason to try again.
        return {"tenant": config.stem, "error": str(failure)}
    return {"tenant": config.stem, "resumed": resumed, "rows": summary["rows"], "requests": summary["requests"]}


if __name__ == "__main__":
    component, out, *configs = (str(Path(name).resolve()) for name in sys.argv[1:])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="warning", _node_ip_address="127.0.0.1",
             runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}})
    running = [sync.remote(component, Path(config), Path(out) / Path(config).stem) for config in configs]
    while running:
        done, running = ray.wait(running)
        print(json.dumps(ray.get(done[0])), flush=True)
