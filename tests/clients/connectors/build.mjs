// node build.mjs SOURCE WIT OUT: a connector in JavaScript as a component.
import { componentize } from "@bytecodealliance/componentize-js";
import { _setPreopens } from "@bytecodealliance/preview2-shim/filesystem";
import { writeFile } from "node:fs/promises";

// What reads the WIT is itself a component, and this version of the shim shows it no folders by default.
_setPreopens({ "/": "/" });
const [sourcePath, witPath, out] = process.argv.slice(2);
const { component } = await componentize({ sourcePath, witPath, worldName: "connector" });
await writeFile(out, component);
