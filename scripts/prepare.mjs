/**
 * Makes a fresh clone ready: native libraries, packages, build. What is already there and current is left alone, so that the
 * commands that call this first cost nothing the second time. Plain Node: it runs before anything is installed.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { ensureNativeLibs } from "./native-libs.mjs"

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."))

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : modified(path)

function run(title, command, args) {
  console.error(`> ${title}`)
  const result = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] })
  if (result.status === 0) return
  console.error(`${title} failed; the lines above say why.`)
  process.exit(1)
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 20 || (major === 20 && minor < 18)) {
  console.error(`Node ${process.versions.node} is too old: version 20.18.1 or later is needed.`)
  process.exit(1)
}

const native = ensureNativeLibs()
if (native.message !== "") console.error(native.message)

// npm writes this file last, so an interrupted installation is repeated. Not `npm ci`: it refuses a lockfile that lacks the
// packages of other platforms, and not every registry carries those.
if (modified("node_modules/.package-lock.json") < modified("package-lock.json")) {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  run("npm install", npm, ["install", "--no-save", "--no-fund", "--no-audit"])
}
const sources = Math.max(newest("src"), newest("scripts/build.mjs"), modified("package.json"))
if (modified("dist/THIRD_PARTY_LICENSES.txt") < sources) run("build", process.execPath, ["scripts/build.mjs"])
