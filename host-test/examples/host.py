"""The component in a host of one's own: Python and `pip install wasmtime`, nothing else.
python host.py confluence_cloud.wasm config.json state.json >> rows.jsonl
Reads every stream. The next run reads what changed since."""

import json
import sys
from pathlib import Path

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant


class Connector:
    def __init__(self, file):
        self.engine = Engine()
        self.component = Component.from_file(self.engine, file)

    def call(self, function, *arguments, sink=None):
        """Each call has a store of its own. Functions that the sink does not have are ignored."""
        store, linker = Store(self.engine), Linker(self.engine)
        store.set_wasi(WasiConfig())
        store.set_wasi_http()
        linker.add_wasip2()
        linker.add_wasi_http()
        with linker.root() as root, root.add_instance("dx:connector/sink@0.2.0") as imports:
            for name in ("begin-snapshot", "emit", "checkpoint", "end-snapshot"):
                method = getattr(sink, name.replace("-", "_"), lambda *_: None)
                imports.add_func(name, lambda _, *values, method=method: method(*values) or Variant("ok"))
            imports.add_func("note", lambda _, note: None)
        instance = linker.instantiate(store, self.component)
        source = instance.get_export_index(store, "dx:connector/source@0.2.0")
        return instance.get_func(store, instance.get_export_index(store, function, source))(store, *arguments)

    def sync(self, config, state, sink, mode="incremental"):
        selections = []
        for stream in self.call("list-streams"):
            selections.append(Record())
            selections[-1].stream, selections[-1].mode = stream.name, mode if mode in stream.modes else "full"
        ended = self.call("sync", config, selections, state, sink=sink)
        if isinstance(ended, Record):
            raise SystemExit(f"{ended.kind}: {ended.message}")
        return json.loads(ended)


class JsonLines:
    def emit(self, batch):
        lines = [{"stream": batch.stream, "replaces": json.loads(key)} for key in batch.replaces]
        lines += [{"stream": batch.stream, "row": json.loads(row)} for row in batch.rows]
        sys.stdout.writelines(json.dumps(line) + "\n" for line in lines)

    def checkpoint(self, state):
        sys.stdout.flush()
        state_file.with_suffix(".new").write_text(state)
        state_file.with_suffix(".new").replace(state_file)


if __name__ == "__main__":
    config, state_file = Path(sys.argv[2]).read_text(), Path(sys.argv[3])
    state = state_file.read_text() if state_file.exists() else None
    print(Connector(sys.argv[1]).sync(config, state, JsonLines()), file=sys.stderr)
