/**
 * Builds dist/: the command and the engine process as one minified bundle (everything inside but the native packages), and
 * the library entries (effect and @effect/platform stay imports, so that a program shares its own). Types by tsc.
 */
import { spawnSync } from "node:child_process"
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
process.chdir(root)
const { version } = JSON.parse(readFileSync("package.json", "utf8"))

/** Native packages: their binaries can't be bundled. */
const NATIVE = ["@frost-beta/mlx", "tokenizers"]

const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  outdir: "dist",
  splitting: true,
  chunkNames: "chunk-[name]-[hash]",
  define: { MLXK_VERSION: JSON.stringify(version) },
  legalComments: "none",
  metafile: true,
  logLevel: "warning"
}

rmSync("dist", { recursive: true, force: true })

const command = await build({
  ...common,
  entryPoints: { mlxk: "src/bin.ts", engine: "src/runner/process.ts" },
  minify: true,
  external: NATIVE,
  // Bundled CommonJS packages call require() for Node's own modules; ESM has none unless one is made.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" }
})

const library = await build({
  ...common,
  entryPoints: { index: "src/index.ts", testing: "src/testing.ts" },
  external: [...NATIVE, "effect", "effect/*", "@effect/platform", "@effect/platform/*"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" }
})

const types = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
if (types.status !== 0) process.exit(types.status ?? 1)

chmodSync("dist/mlxk.js", 0o755)
writeFileSync("dist/THIRD_PARTY_LICENSES.txt", notices([command, library]))

/** The licence texts of every bundled package, as their licences ask. */
function notices(results) {
  const inputs = results.flatMap((result) => Object.keys(result.metafile.inputs))
  const packages = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  )
  return [...packages].sort().map(notice).join("\n\n")
}

function notice(directory) {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt", "license"]) {
    try {
      return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), "utf8").trim()}`
    } catch {}
  }
  return `${name} ${version} (${license})`
}
