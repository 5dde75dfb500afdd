// SPDX-License-Identifier: Apache-2.0
// Makes the client ready: checks the version of Node, installs what package-lock.json has, compiles.
// What is done already is not done again. If this Node is too old, one from the registry of npm is
// installed, and compiles.
//
// usage: node ready.mjs [--tools] [--which]
//   --tools: install alone; --which: print the path of the Node that programs are to run with
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEWER = "20.19.5";
const folder = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(folder, name), "utf8");

function fail(text) {
  console.error(text);
  process.exit(1);
}

function run(command, ...words) {
  const done = spawnSync(command, words, { cwd: folder, encoding: "utf8" });
  if (done.status !== 0) {
    const said = done.error ? String(done.error) : `${done.stdout}${done.stderr}`;
    fail(`node: ${command} ${words.join(" ")}:\n${said}`);
  }
  return done.stdout;
}

function older(one, other) {
  const [first, second] = [one, other].map((text) => text.split(".").map(Number));
  const place = first.findIndex((part, i) => part !== second[i]);
  return place >= 0 && first[place] < second[place];
}

/** A newer Node from the registry, beside what else is built; nothing if it has none for here. */
function newerNode(floor) {
  const needed = `node: Node ${floor} or newer is needed, and this is ${process.versions.node}`;
  const name = `node-${process.platform}-${process.arch}`;
  const place = join(folder, "build", "runtime");
  const program = join(place, "node_modules", name, "bin", "node");
  if (older(NEWER, floor)) {
    fail(needed);
  }
  if (!existsSync(program)) {
    console.error(`${needed}: installing ${NEWER}`);
    run("npm", "install", "--no-audit", "--no-fund", "--prefix", place, `${name}@${NEWER}`);
  }
  return program;
}

function install() {
  const lock = read("package-lock.json");
  const stamp = join(folder, "node_modules", ".installed");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts");
    writeFileSync(stamp, lock);
  }
}

const floor = JSON.parse(read("package.json")).engines.node.replace(">=", "");
const old = older(process.versions.node, floor);
const node = old ? newerNode(floor) : process.execPath;
install();
if (!process.argv.includes("--tools")) {
  run(node, join("node_modules", "typescript", "bin", "tsc"));
}
if (process.argv.includes("--which")) {
  console.log(node);
}
