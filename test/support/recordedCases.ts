/**
 * Runs the recorded cases of test/golden/cache and cache-more through the command line, in this process: a process per case
 * would take minutes.
 * `node recordedCases.ts <file for the results> unprivileged | rest`: what differs, by the name of the case.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { main } from "../../src/cli/Main.js"
import { Stdio } from "../../src/cli/Stdio.js"
import { VERSION } from "../../src/cli/Version.js"
import { layer } from "../../src/Live.js"
import { buildTree, listPaths, removeTree } from "../golden/cache/build.mjs"
import { compareCase, expectationOf } from "../golden/cache/compare.mjs"

interface Case {
  readonly name: string
  readonly tree: string
  readonly argv: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string | null>>
  readonly cwd?: string
  readonly root?: string
  /** Directories and files to list afterwards; true for everything. */
  readonly fs?: ReadonlyArray<string> | true
  readonly fsOnly?: string
}
interface Tree {
  readonly name: string
  readonly unprivileged?: boolean
}
interface Built {
  /** Seconds since 1970: what relative times of the tree count from. */
  readonly now: number
  readonly root: string
  readonly modes: Array<string>
}

const read = (file: string) =>
  ["cache", "cache-more"].map((folder) =>
    JSON.parse(readFileSync(join(import.meta.dirname, "../golden", folder, file), "utf8"))
  )
const [, , output = "", which = "rest"] = process.argv
const trees = new Map<string, Tree>(
  read("trees.json").flatMap(({ trees }) => trees.map((tree: Tree) => [tree.name, tree]))
)
const cases: ReadonlyArray<Case> = read("expected.json").flatMap(({ cases }) => cases)

const build = (tree: Tree, prefix: string): Built => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  const now = Math.floor(Date.now() / 1000)
  return { now, root, modes: buildTree(tree, root, now).modes }
}

const { PATH = "" } = process.env
const kept = new Map<string, Built>()

/** A tree of its own for what deletes, else one for all cases. */
const treeFor = ({ argv, fs, root = "mlxk-golden-", tree }: Case): Built => {
  const data = trees.get(tree)
  if (data === undefined) throw new Error(`no tree ${tree}`)
  if (fs !== undefined || argv.includes("rm")) return build(data, root)
  const known = kept.get(tree + root) ?? build(data, root)
  kept.set(tree + root, known)
  return known
}

/** The variables themselves: the home directory is asked of the system. */
const setEnvironment = (values: Readonly<Record<string, string | null>>) => {
  for (const name of Object.keys(process.env)) delete process.env[name]
  for (const [name, value] of Object.entries(values)) if (value !== null) process.env[name] = value
}

/** A model of the tree `times` is so old that its day is shown, and the recording has the day that it was then. */
const DATED = { tree: "times", ageSeconds: 31 * 86_400 + 5, recorded: "2026-10-21" }

const asRecorded = (tree: string, now: number, text: string): string =>
  tree === DATED.tree
    ? text.replaceAll(new Date((now - DATED.ageSeconds) * 1000).toISOString().slice(0, 10), DATED.recorded)
    : text

/** The answer of one command line, in the shape of the recordings. */
const answer = async (one: Case, { now, root }: Built) => {
  const here = (text: string) => text.replaceAll("{ROOT}", root)
  const base = { PATH, HOME: `${root}/home`, TZ: "UTC", NO_COLOR: "1", HF_HOME: root }
  const own = Object.entries(one.env ?? {}).map(([name, value]) => [name, value === null ? null : here(value)] as const)
  setEnvironment({ ...base, ...Object.fromEntries(own) })
  process.chdir(join(root, one.cwd ?? "work"))
  const said = { out: "", err: "" }
  const say = (stream: "out" | "err") => (text: string) =>
    Effect.sync(() => {
      said[stream] += text
    })
  const stdio = Layer.mock(Stdio, {
    out: say("out"),
    err: say("err"),
    log: () => {},
    outIsTerminal: false,
    errColumns: () => null,
    inIsTerminal: false,
    columns: null,
    readAll: Effect.succeed(""),
    signal: () => Effect.never
  })
  const exit = await Effect.runPromise(
    main(one.argv.map(here), { live: layer, program: "mlxk" }).pipe(Effect.provide(stdio))
  )
  const normal = (text: string) =>
    asRecorded(one.tree, now, text)
      .replaceAll(`${root}/hub`, "{HUB}")
      .replaceAll(root, "{ROOT}")
      .replace(`mlxk ${VERSION}`, "{PROG} {VERSION}")
      .replace(`"cli_version": "${VERSION}"`, '"cli_version": "{VERSION}"')
      .replace(/"json_api_spec_version": "[\d.]+"/, '"json_api_spec_version": "{API}"')
  const shape = (text: string) => {
    if (text === "") return {}
    return text.startsWith("{\n") ? { json: JSON.parse(text) } : { text }
  }
  return { exit, stdout: shape(normal(said.out)), stderr: shape(normal(said.err)) }
}

const files = ({ fs = [], fsOnly = "" }: Case, root: string): ReadonlyArray<string> => {
  const present = (fs === true ? ["."] : fs).filter((path) => existsSync(join(root, path)))
  const folders = present.filter((path) => statSync(join(root, path)).isDirectory())
  const all: ReadonlyArray<string> = [
    ...listPaths(root, fs === true ? [] : folders),
    ...present.filter((path) => !folders.includes(path))
  ]
  return all.filter((path) => new RegExp(fsOnly).test(path))
}

const results: Record<string, ReadonlyArray<string>> = {}
for (const one of cases) {
  const unprivileged = trees.get(one.tree)?.unprivileged === true
  if (unprivileged !== (which === "unprivileged")) continue
  const built = treeFor(one)
  const { modes, root } = built
  const got = await answer(one, built)
  const own = kept.get(one.tree + (one.root ?? "mlxk-golden-"))?.root !== root
  const left = one.fs === undefined ? {} : { files: files(one, root) }
  results[one.name] = compareCase(one, expectationOf(one, "ours"), { ...got, ...left })
  process.chdir("/")
  if (own) removeTree(root, modes)
}
for (const { modes, root } of kept.values()) removeTree(root, modes)
writeFileSync(output, JSON.stringify(results))
