// The built Worker as the runtimes want it: its configuration, its modules, and the runtime's own binary.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
export const cache = path.resolve(here, "../../.cache/worker");
const require = createRequire(import.meta.url);

/** wrangler.jsonc: JSON with comments on lines of their own. */
export function readConfig(app) {
  const text = fs.readFileSync(path.join(app, "wrangler.jsonc"), "utf8");
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
}

/** The entry first, then every file under the type that wrangler would upload it as. `main` replaces the entry. */
export function modulesOf(app, config, main) {
  const root = path.join(app, "src");
  const entry = path.join(app, config.main);
  const own = files(root)
    .filter((file) => file !== entry)
    .map((file) => ({ path: file, type: file.endsWith(".py") ? "PythonModule" : "Data" }));
  const vendored = files(path.join(app, "python_modules")).map((file) => {
    const name = path.relative(app, file).replaceAll(path.sep, "/");
    const type = /^python_modules\/workers\/.*\.m?js$/.test(name) ? "ESModule" : "Data";
    return { path: path.join(root, name), type, contents: fs.readFileSync(file) };
  });
  const contents = fs.readFileSync(main ?? entry, "utf8");
  return [{ path: entry, type: "PythonModule", contents }, ...own, ...vendored];
}

function files(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** The runtime's binary, through a script that names the folder of our Python runtime. */
export function workerdWrapper() {
  const binary = require("workerd").default;
  const script = path.join(cache, "workerd");
  const text = `#!/bin/sh\ncommand=$1\nshift\nexec '${binary}' "$command" --pyodide-bundle-disk-cache-dir '${path.join(cache, "pyodide")}' "$@"\n`;
  if (!fs.existsSync(script) || fs.readFileSync(script, "utf8") !== text) {
    fs.writeFileSync(`${script}.${process.pid}`, text, { mode: 0o755 });
    fs.renameSync(`${script}.${process.pid}`, script);
  }
  return script;
}
