/**
 * Listing a large cache, alternating with other programs in one run: medians, ratios and the machine's load.
 * `node scripts/bench/cache.mjs [--runs N] [--command dist/mlxk.cjs] [--original mlxk] [--hf hf]`; the last line is JSON.
 *
 * list: the recorded tree of 200 repos. scan: what five revisions per repo take above the start with an empty cache.
 * memory: a repo of 10,000 blobs.
 */
import { spawnSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { buildTree } from "../../test/golden/cache/build.mjs"

const here = dirname(fileURLToPath(import.meta.url))
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : process.argv[at + 1]
}
const runs = Number(option("runs", "15"))
const command = resolve(option("command", join(here, "../../dist/mlxk.cjs")))
const original = option("original", null)
const hf = option("hf", null)

const base = mkdtempSync(join(tmpdir(), "mlxk-bench-"))
const trees = JSON.parse(readFileSync(join(here, "../../test/golden/cache/trees.json"), "utf8")).trees
const gen200 = trees.find(({ name }) => name === "gen200")

/** A home with a hub cache in it. */
const home = (name) => {
  const path = join(base, name)
  mkdirSync(join(path, "hub"), { recursive: true })
  return path
}

const recorded = () => {
  const path = home("recorded")
  buildTree(gen200, path)
  return path
}

/** Four older revisions beside each one: the same links under other names. */
const revisions = () => {
  const path = home("revisions")
  buildTree(gen200, path)
  for (const repo of readdirSync(join(path, "hub"))) {
    const snapshots = join(path, "hub", repo, "snapshots")
    const [newest] = readdirSync(snapshots)
    for (const digit of "1234") {
      const older = join(snapshots, digit.repeat(40))
      mkdirSync(older)
      for (const file of readdirSync(join(snapshots, newest))) symlinkSync(join("..", newest, file), join(older, file))
      utimesSync(older, 0, 0)
    }
  }
  return path
}

const manyBlobs = () => {
  const path = home("blobs")
  const repo = join(path, "hub", "models--org--many")
  const snapshot = join(repo, "snapshots", "a".repeat(40))
  mkdirSync(join(repo, "blobs"), { recursive: true })
  mkdirSync(snapshot, { recursive: true })
  for (let index = 0; index < 10_000; index++) {
    const blob = index.toString(16).padStart(40, "0")
    writeFileSync(join(repo, "blobs", blob), "x")
    symlinkSync(`../../blobs/${blob}`, join(snapshot, `file-${index}.txt`))
  }
  return path
}

const run = (program, args, path, extra = {}) => {
  const start = process.hrtime.bigint()
  const ended = spawnSync(program, args, {
    env: { ...process.env, HF_HOME: path, HF_HUB_CACHE: join(path, "hub"), HF_HUB_OFFLINE: "1", ...extra },
    encoding: "utf8",
    maxBuffer: 2 ** 28
  })
  if (ended.status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${ended.status}: ${ended.stderr}`)
  return { milliseconds: Number(process.hrtime.bigint() - start) / 1e6, stderr: ended.stderr }
}

const LIST = ["list", "--json"]
const tree = recorded()
const cases = {
  "mlxk list": () => run(process.execPath, [command, ...LIST], tree),
  ...(original === null ? {} : { original: () => run(original, LIST, tree) }),
  ...(hf === null ? {} : { "hf cache ls": () => run(hf, ["cache", "ls"], tree) }),
  "empty cache": (
    (path) => () =>
      run(process.execPath, [command, ...LIST], path)
  )(home("empty")),
  "five revisions": (
    (path) => () =>
      run(process.execPath, [command, ...LIST], path)
  )(revisions())
}

const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
for (const once of Object.values(cases)) once()
for (let round = 0; round < runs; round++) {
  for (const [name, once] of Object.entries(cases)) times[name].push(once().milliseconds)
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const medians = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))
for (const [name, value] of Object.entries(medians)) {
  console.log(`${name.padEnd(16)} ${value.toFixed(1).padStart(7)} ms  ${(value / medians["mlxk list"]).toFixed(2)}x`)
}
const scan = medians["five revisions"] - medians["empty cache"]

const blobs = manyBlobs()
/** Prints what the process took: memory in KiB, processor time in milliseconds, which a busy machine stretches less. */
const preload = join(base, "usage.cjs")
writeFileSync(
  preload,
  `process.on("exit",()=>{const u=process.resourceUsage();require("fs").writeSync(2,"USED "+u.maxRSS+" "+(u.userCPUTime+u.systemCPUTime)/1000+"\\n")})`
)
const used = (args, path) => {
  const { stderr } = run(process.execPath, ["--require", preload, command, ...args], path)
  const [, memory, processor] = /USED (\d+) ([\d.]+)/.exec(stderr) ?? []
  return { mebibytes: Math.round(Number(memory) / 1024), processor: Number(processor) }
}
const processor = (path) => median(Array.from({ length: runs }, () => used(LIST, path).processor))
const scanProcessor = processor(join(base, "revisions")) - processor(join(base, "empty"))
console.log(`scan of 200 repos with 5 revisions: ${scan.toFixed(1)} ms, processor ${scanProcessor.toFixed(1)} ms`)
const memory = Object.fromEntries(
  [LIST, ["health"], ["du"], ["gc"], ["health", "--verify"]].map((args) => [
    args.join(" "),
    used(args, blobs).mebibytes
  ])
)
for (const [name, mebibytes] of Object.entries(memory))
  console.log(`${name.padEnd(16)} ${mebibytes} MiB with 10,000 blobs`)
rmSync(base, { recursive: true, force: true })
console.log(
  JSON.stringify({
    runs,
    cores: cpus().length,
    load1: loadavg()[0],
    node: process.version,
    medians,
    scan,
    scanProcessor,
    memory
  })
)
