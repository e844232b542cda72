/**
 * Puts the demo checkpoint into a Hugging Face cache, as a download would: blobs named by their hash, a snapshot of
 * relative links, refs/main. The commit id is a hash of the content, so the same files always give the same snapshot.
 * As a script: `node scripts/demo/install.mjs <hub cache directory>`.
 */
import { createHash, randomUUID } from "node:crypto"
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join, resolve } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"

export const DEMO_MODEL = "mlx-knife/demo-4bit"

const CHECKPOINT = fileURLToPath(new URL("checkpoint/", import.meta.url))
const hex = (algorithm, ...parts) =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest("hex")

/** The Hub's names: SHA-256 for what it keeps in LFS, git's blob hash for the rest. */
const blobName = (file, content) =>
  file.endsWith(".safetensors") ? hex("sha256", content) : hex("sha1", `blob ${content.length}\0`, content)

const exists = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

/** Makes `path` whole or not at all: `make` fills a neighbour, which is then renamed. */
const place = (path, make) => {
  if (exists(path)) return
  const unfinished = `${path}.${randomUUID()}.incomplete`
  try {
    make(unfinished)
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    if (!exists(path)) throw error
  }
}

/**
 * Installs the checkpoint below `hubCacheDir` (the directory of the `models--…` folders, made if missing); does nothing where
 * it is installed already. Returns the model's name, its commit and the snapshot's directory.
 */
export const installDemo = (hubCacheDir) => {
  const files = readdirSync(CHECKPOINT).sort()
  const blobs = files.map((file) => {
    const content = readFileSync(join(CHECKPOINT, file))
    return { file, content, name: blobName(file, content) }
  })
  const commit = hex("sha1", blobs.map(({ file, name }) => `${name} ${file}\n`).join(""))
  const repo = join(resolve(hubCacheDir), `models--${DEMO_MODEL.replaceAll("/", "--")}`)
  const snapshot = join(repo, "snapshots", commit)
  for (const folder of ["blobs", "snapshots", "refs"]) mkdirSync(join(repo, folder), { recursive: true })
  for (const { content, name } of blobs) place(join(repo, "blobs", name), (path) => writeFileSync(path, content))
  place(snapshot, (path) => {
    mkdirSync(path)
    for (const { file, name } of blobs) symlinkSync(join("..", "..", "blobs", name), join(path, file))
  })
  place(join(repo, "refs", "main"), (path) => writeFileSync(path, commit))
  return { model: DEMO_MODEL, commit, snapshot }
}

if (argv[1] !== undefined && resolve(argv[1]) === fileURLToPath(import.meta.url)) {
  if (argv[2] === undefined) {
    console.error("Usage: node scripts/demo/install.mjs <hub cache directory>")
    process.exitCode = 2
  } else console.log(installDemo(argv[2]).snapshot)
}
