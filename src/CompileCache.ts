/**
 * Runs a bundled script with V8's compiled code from the last run, which halves the start of a command. Node has this built in
 * since 22.1 (`module.enableCompileCache`); for Node 20 no maintained, typed package does it, and the known ones keep their
 * files in a directory that other users can write to.
 */
import { createHash, randomUUID } from "node:crypto"
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, isAbsolute, join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { Script } from "node:vm"

const OWNER_ONLY = 0o700

/**
 * Where programs keep what can be made again, null for a user without a home. A relative XDG_CACHE_HOME is to be ignored,
 * says its specification.
 */
const userCaches = (): string | null => {
  const set = process.env["XDG_CACHE_HOME"] ?? ""
  if (isAbsolute(set)) return set
  try {
    return join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache")
  } catch {
    return null
  }
}

/** `build-vNode-architecture-part`, and a random suffix while it is being written. */
const CACHE_NAME = /^[0-9a-f]{16}-v\d+\.\d+\.\d+[^/]*$/

/** Whoever can write a file decides what this program does: somebody else's, or one that others may write, is not believed. */
const isOwn = ({ mode, uid }: Stats): boolean => uid === process.getuid?.() && (mode & 0o022) === 0

const isOwnDirectory = (path: string): boolean => {
  const status = lstatSync(path)
  return status.isDirectory() && isOwn(status)
}

const digest = (content: Buffer): Buffer => createHash("sha256").update(content).digest()
const DIGEST_BYTES = 32

/** V8 runs damaged code without noticing, so the file begins with the digest of the rest. */
const readOwn = (path: string): Buffer | undefined => {
  let file: number | undefined
  try {
    if (!isOwnDirectory(dirname(path))) return undefined
    // Neither a link nor a named pipe, which would be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const status = fstatSync(file)
    if (!status.isFile() || !isOwn(status)) return undefined
    const content = readFileSync(file)
    const code = content.subarray(DIGEST_BYTES)
    return digest(code).equals(content.subarray(0, DIGEST_BYTES)) ? code : undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

const makeDirectory = (path: string): void => {
  try {
    mkdirSync(path, { mode: OWNER_ONLY })
  } catch {}
}

/**
 * Best effort: without a writable cache directory every start compiles, nothing else. Makes the user's cache directory as the
 * XDG specification asks, but never the home above it.
 */
const writeOwn = (path: string, own: string, code: Buffer): void => {
  const unfinished = `${path}.${randomUUID()}`
  makeDirectory(dirname(dirname(path)))
  makeDirectory(dirname(path))
  try {
    if (!isOwnDirectory(dirname(path))) return
    writeFileSync(unfinished, Buffer.concat([digest(code), code]), { mode: OWNER_ONLY, flag: "wx" })
    renameSync(unfinished, path)
    removeOthers(dirname(path), own)
  } catch {
    removeQuietly(unfinished)
  }
}

const removeQuietly = (path: string): void => {
  try {
    rmSync(path, { force: true })
  } catch {}
}

/** Those of other builds and other versions of Node would otherwise pile up with every update. */
const removeOthers = (directory: string, own: string): void => {
  for (const name of readdirSync(directory)) {
    if (CACHE_NAME.test(name) && !name.startsWith(own)) rmSync(join(directory, name), { force: true })
  }
}

/**
 * Runs the script `path`: ASCII, one function expression that takes what a CommonJS module takes. `build`, 16 hexadecimal
 * digits, identifies its content. The cache is written when the process ends, with every function that was compiled by then;
 * each `part` of the program, a word, has one of its own, as it needs other functions. A damaged cache and one of another version
 * are refused, and the script is compiled then.
 */
export const runCompiled = (path: string, build: string, part: string): void => {
  const caches = userCaches()
  const own = `${build}-${process.version}-${process.arch}-`
  const cache = caches === null ? null : join(caches, "mlx-knife", own + part)
  const cachedData = cache === null ? undefined : readOwn(cache)
  const script = new Script(readFileSync(path, "latin1"), {
    filename: path,
    ...(cachedData === undefined ? {} : { cachedData })
  })
  if (cache !== null && (cachedData === undefined || script.cachedDataRejected === true)) {
    // V8 forgets code that it hasn't run for a while: after a long first run just what every start needs would be missing.
    setFlagsFromString("--no-flush-bytecode")
    process.on("exit", () => {
      // Code made under other flags than the next start's would be refused.
      setFlagsFromString("--flush-bytecode")
      writeOwn(cache, own, script.createCachedData())
    })
  }
  const module = { exports: {} }
  script.runInThisContext()(createRequire(path), module, module.exports, path, dirname(path))
}
