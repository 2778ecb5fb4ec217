// The component in a host of one's own: Node and two packages of the Bytecode Alliance's.
//
//     npm install @bytecodealliance/jco @bytecodealliance/preview2-shim
//     npx jco transpile confluence_cloud.wasm --instantiation async -o connector
//     node host.mjs connector/confluence_cloud.js config.json state.json >> rows.jsonl
//
// Reads every stream. The next run reads what changed since.
import { existsSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";

const [script, configFile, stateFile] = process.argv.slice(2).map((name) => resolve(name));

const write = (line) => writeSync(1, JSON.stringify(line) + "\n");

const sink = {
  // This host does not remove what the service no longer has.
  beginSnapshot() {},
  endSnapshot() {},
  note() {},
  emit({ stream, replaces, rows }) {
    for (const key of replaces) write({ stream, replaces: JSON.parse(key) });
    for (const row of rows) write({ stream, row: JSON.parse(row) });
  },
  checkpoint(state) {
    writeFileSync(stateFile + ".new", state);
    renameSync(stateFile + ".new", stateFile);
  },
};

const { instantiate } = await import(pathToFileURL(script));
const compile = (name) => WebAssembly.compile(readFileSync(resolve(dirname(script), name)));
const { source } = await instantiate(compile, {
  ...new WASIShim().getImportObject(),
  "dx:connector/sink": sink,
});

const streams = source.listStreams().map(({ name, modes }) => ({ stream: name, mode: modes.at(-1) }));
const state = existsSync(stateFile) ? readFileSync(stateFile, "utf8") : undefined;
try {
  console.error(JSON.parse(source.sync(readFileSync(configFile, "utf8"), streams, state)));
} catch (error) {
  const { kind, message } = error.payload ?? { kind: "trap", message: error.stack };
  console.error(`${kind}: ${message}`);
  process.exitCode = 1;
}
