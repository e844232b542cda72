/**
 * Builds dist/: the command and the engine process, minified and with everything inside but the native packages, and the
 * library entries, where effect and @effect/platform stay imports so that a program shares its own. Types by tsc.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
process.chdir(root)
const { version } = JSON.parse(readFileSync("package.json", "utf8"))

/** Native packages: their binaries can't be bundled. */
const NATIVE = ["@frost-beta/mlx", "tokenizers"]

/** Schema imports the generator of random test values, which no command ever uses, and evaluates it at every start. */
const withoutFastCheck = {
  name: "without-fast-check",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^fast-check$/ }, ({ path }) => ({ path, namespace: "nothing" }))
    onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export {}" }))
  }
}

/** undici's index evaluates all that undici is at every start; its dispatchers and `request` are used, and lead to none of these. */
const UNUSED = /^\.\/lib\/(cache|interceptor|mock|web)\//
const NOTHING = "module.exports = new Proxy({}, { get: () => class {} })"
const withoutWebApis = {
  name: "without-web-apis",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: UNUSED }, ({ importer, path }) =>
      /[/\\]undici[/\\]index\.js$/.test(importer) ? { path, namespace: "unused" } : undefined
    )
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: NOTHING }))
  }
}

const BARREL = /^import (type )?\{([^}]*)\} from "effect"$/gm

/** Functions that the barrel takes out of a module; everything else it exports is a module. */
const FUNCTION_MODULES = ["pipe", "flow", "identity", "absurd", "hole", "unsafeCoerce"]

/** `import { Effect } from "effect"` keeps all of `effect/Effect` and what it leads to; importing the module keeps what is used. */
const withoutBarrel = {
  name: "without-barrel",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => ({
      loader: "ts",
      contents: readFileSync(path, "utf8").replace(BARREL, (_, type, names) => (type ? "" : deepImports(names)))
    }))
  }
}

const deepImports = (names) =>
  names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => {
      const [exported, local = exported] = name.split(" as ")
      return FUNCTION_MODULES.includes(exported)
        ? `import { ${name} } from "effect/Function"`
        : `import * as ${local} from "effect/${exported}"`
    })
    .join(";")

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  outdir: "dist",
  define: { MLXK_VERSION: JSON.stringify(version) },
  legalComments: "none",
  metafile: true,
  logLevel: "warning"
}

/** CommonJS in one file: compiled once and kept (src/CompileCache.ts). What is imported lazily is evaluated lazily. */
const script = {
  ...common,
  format: "cjs",
  minify: true,
  external: NATIVE,
  outExtension: { ".js": ".cjs" },
  define: { ...common.define, "import.meta.url": "__script" },
  banner: { js: 'const __script=require("node:url").pathToFileURL(__filename).href;' },
  plugins: [withoutBarrel, withoutFastCheck, withoutWebApis]
}

/** Bundled CommonJS packages call require() for Node's own modules; ESM has none unless one is made. */
const REQUIRE = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);"
const modules = { ...common, format: "esm", banner: { js: REQUIRE } }

rmSync("dist", { recursive: true, force: true })

// One function expression: joining it at run time would copy the whole text.
const program = await build({
  ...script,
  entryPoints: { main: "src/main.ts" },
  banner: { js: `(function(require,module,exports,__filename,__dirname){${script.banner.js}` },
  footer: { js: "})" }
})
const content = createHash("sha256").update(readFileSync("dist/main.cjs")).digest("hex").slice(0, 16)
const command = await build({
  ...script,
  entryPoints: { mlxk: "src/bin.ts" },
  external: ["./main.js"],
  define: { ...script.define, MLXK_BUILD: JSON.stringify(content) }
})
const engine = await build({
  ...modules,
  entryPoints: { engine: "src/runner/process.ts" },
  minify: true,
  splitting: true,
  chunkNames: "engine-[name]-[hash]",
  external: NATIVE,
  plugins: [withoutBarrel, withoutFastCheck]
})
/** The engine's grammar thread. The UMD file inside looks for names that an ES module lacks, so it finds a global. */
const grammar = await build({
  ...modules,
  entryPoints: { grammar: "src/runner/GrammarWorker.ts" },
  outExtension: { ".js": ".mjs" },
  minify: true
})
const library = await build({
  ...modules,
  entryPoints: { index: "src/index.ts", testing: "src/testing.ts" },
  splitting: true,
  chunkNames: "library-[name]-[hash]",
  external: [...NATIVE, "effect", "effect/*", "@effect/platform", "@effect/platform/*"],
  plugins: [withoutWebApis]
})

const types = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
if (types.status !== 0) process.exit(types.status ?? 1)

chmodSync("dist/mlxk.cjs", 0o755)
writeFileSync("dist/THIRD_PARTY_LICENSES.txt", notices([program, command, engine, grammar, library]))

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
