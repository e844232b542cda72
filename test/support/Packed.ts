/** The packed tarball, installed into an empty folder as a user would. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { installDemo } from "../../scripts/demo/install.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Packed {
  /** The folder it was installed into. */
  readonly folder: string
  /** The `mlxk` that npm linked there. */
  readonly command: string
  /** Paths inside the tarball. */
  readonly files: ReadonlyArray<string>
  readonly tarballBytes: number
  /** An HF_HOME with the demo checkpoint in it. */
  readonly home: string
  readonly remove: () => void
}

/** `npm pack`, then `npm install` of the tarball; packages come from npm's own cache where it has them. */
export const installPacked = async (): Promise<Packed> => {
  const folder = mkdtempSync(join(tmpdir(), "mlxk-packed-"))
  const npm = (args: ReadonlyArray<string>, cwd: string) =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  const [packed] = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root))
  const tarball = join(folder, packed.filename)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  npm(["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", tarball], folder)
  const home = join(folder, "hf")
  await installDemo(join(home, "hub"))
  return {
    folder,
    command: join(folder, "node_modules/.bin/mlxk"),
    files: packed.files.map((file: { path: string }) => file.path),
    tarballBytes: statSync(tarball).size,
    home,
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}

/** Version of the package under test. */
export const version: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version
