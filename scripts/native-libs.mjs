/**
 * The native MLX engine's Linux build needs two system libraries, OpenBLAS and LAPACK. `ensureNativeLibs()` looks for them and,
 * where apt-get can be used without asking anybody (Debian or a relative, as root), installs what is missing.
 * As a script: prints the message, if there is one, and exits 1 while something is missing.
 */
import { spawnSync } from "node:child_process"
import { accessSync, constants, existsSync, readdirSync } from "node:fs"
import { delimiter, join, resolve } from "node:path"
import { argv, env, getuid, platform } from "node:process"
import { fileURLToPath } from "node:url"

/** Library -> Debian package. */
const NEEDED = new Map([
  ["libopenblas.so.0", "libopenblas0"],
  ["liblapack.so.3", "liblapack3"]
])
const APT_TIMEOUT_MS = 300_000
const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
const searchPath = [env.PATH, ...SBIN].filter(Boolean).join(delimiter)

const command = (name, args, options = {}) =>
  spawnSync(name, args, { encoding: "utf8", ...options, env: { ...env, ...options.env, PATH: searchPath } })

const executable = (name) =>
  searchPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** What is missing of what the loader knows, plus LD_LIBRARY_PATH. */
const missingLibraries = () => {
  if (platform !== "linux") return []
  const known = command("ldconfig", ["-p"]).stdout ?? ""
  const folders = (env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "" && existsSync(folder))
  const found = new Set([
    ...known.split("\n").map((line) => line.trim().split(" ", 1)[0]),
    ...folders.flatMap((folder) => readdirSync(folder))
  ])
  return [...NEEDED.keys()].filter((library) => !found.has(library))
}

const install = (packages) => {
  const apt = (...args) =>
    command("apt-get", args, {
      timeout: APT_TIMEOUT_MS,
      stdio: ["ignore", "pipe", "pipe"],
      env: { DEBIAN_FRONTEND: "noninteractive" }
    })
  const attempt = () => apt("install", "-y", "--no-install-recommends", ...packages)
  if (attempt().status !== 0) {
    apt("update")
    attempt()
  }
}

const CONSEQUENCE =
  "Until then running and serving models fails and the tests that need the engine are skipped; list, show and health work."

/**
 * Looks and installs nothing.
 * @returns {string | null} What is missing and what that means; null when nothing is.
 */
export const missingEngineLibraries = () => {
  const missing = missingLibraries()
  return missing.length === 0 ? null : `The native MLX engine cannot find ${missing.join(" and ")}. ${CONSEQUENCE}`
}

/**
 * @returns {{ ok: boolean, missing: string[], message: string }} `missing` names the Debian packages that are still needed;
 * `message` is empty when nothing was missing.
 */
export const ensureNativeLibs = () => {
  const before = missingLibraries()
  if (before.length === 0) return { ok: true, missing: [], message: "" }
  const packages = before.map((library) => NEEDED.get(library))
  const apt = executable("apt-get")
  const root = getuid?.() === 0
  if (apt && root) install(packages)
  const after = missingLibraries()
  const left = after.map((library) => NEEDED.get(library))
  if (left.length === 0) return { ok: true, missing: [], message: `Installed ${packages.join(" and ")}.` }
  const how = apt
    ? `Install them with: ${root ? "" : "sudo "}apt-get install -y ${left.join(" ")}`
    : `Install OpenBLAS and LAPACK (on Debian: ${left.join(" and ")}) with your system's package manager.`
  const tried = apt && root ? " Installing them with apt-get did not work." : ""
  return {
    ok: false,
    missing: left,
    message: `The native MLX engine cannot find ${after.join(" and ")}.${tried} ${how}\n${CONSEQUENCE}`
  }
}

if (argv[1] !== undefined && resolve(argv[1]) === fileURLToPath(import.meta.url)) {
  const { ok, message } = ensureNativeLibs()
  if (message !== "") console.log(message)
  if (!ok) process.exitCode = 1
}
