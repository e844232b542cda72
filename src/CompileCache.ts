/**
 * Runs a bundled script with V8's compiled code from the last run, which halves the start of a command. Node has this built in
 * since 22.1 (`module.enableCompileCache`); for Node 20 no maintained, typed package does it, and the known ones keep their
 * files in a directory that other users can write to.
 */
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { basename, dirname, isAbsolute, join } from "node:path"
import { Script } from "node:vm"

const OWNER_ONLY = 0o700

/** Where programs keep what can be made again. A relative XDG_CACHE_HOME is to be ignored, says its specification. */
const userCaches = (): string => {
  const set = process.env["XDG_CACHE_HOME"] ?? ""
  return isAbsolute(set) ? set : join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache")
}

/** `build-vNode-architecture`, and the process id while it is being written. */
const CACHE_NAME = /^[0-9a-f]{16}-v\d+\.\d+\.\d+[^/]*$/

/** Whoever can write the file decides what this program does: a file of somebody else, or one that others may write, is ignored. */
const readOwn = (path: string): Buffer | undefined => {
  let file: number | undefined
  try {
    file = openSync(path, "r")
    const { mode, uid } = fstatSync(file)
    return uid === process.getuid?.() && (mode & 0o022) === 0 ? readFileSync(file) : undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Best effort: without a writable cache directory every start compiles, nothing else. Makes one directory, not its parents. */
const writeOwn = (path: string, content: Buffer): void => {
  const unfinished = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { mode: OWNER_ONLY })
  } catch {}
  try {
    writeFileSync(unfinished, content, { mode: OWNER_ONLY })
    chmodSync(unfinished, OWNER_ONLY)
    renameSync(unfinished, path)
    removeOthers(path)
  } catch {}
}

/** Those of other builds and other versions of Node would otherwise pile up with every update. */
const removeOthers = (path: string): void => {
  const own = basename(path)
  for (const name of readdirSync(dirname(path))) {
    if (CACHE_NAME.test(name) && !name.startsWith(own)) rmSync(join(dirname(path), name), { force: true })
  }
}

/**
 * Runs the script `path`: ASCII, one function expression that takes what a CommonJS module takes. `build`, 16 hexadecimal
 * digits, identifies its content. The cache is written when the process ends, with every function that was compiled by then.
 * V8 itself refuses a damaged cache and one of another version, and the script is compiled then.
 */
export const runCompiled = (path: string, build: string): void => {
  const cache = join(userCaches(), "mlx-knife", `${build}-${process.version}-${process.arch}`)
  const cachedData = readOwn(cache)
  const script = new Script(readFileSync(path, "latin1"), {
    filename: path,
    ...(cachedData === undefined ? {} : { cachedData })
  })
  if (cachedData === undefined || script.cachedDataRejected === true) {
    process.on("exit", () => writeOwn(cache, script.createCachedData()))
  }
  const module = { exports: {} }
  script.runInThisContext()(createRequire(path), module, module.exports, path, dirname(path))
}
