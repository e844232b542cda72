/**
 * The main job from end to end, offline: installs a tiny checkpoint into a cache of its own, then lists, shows, checks, runs
 * and serves it with the built program. The cache is temporary; the user's own is never touched.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ensureNativeLibs } from "../native-libs.mjs"
import { DEMO_MODEL, installDemo } from "./install.mjs"

const PROGRAM = process.env.MLXK_DEMO_PROGRAM ?? fileURLToPath(new URL("../../dist/mlxk.cjs", import.meta.url))
const QUESTION = "What is a snapshot?"
const FOLLOW_UP = "What is a KV cache?"
const COMMAND_TIMEOUT_MS = 120_000
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000

/** A step that did not do what it should; its message is all the user needs. */
class DemoFailure extends Error {}

const shown = (args) => args.map((arg) => (/^[\w@./:=-]+$/.test(arg) ? arg : `"${arg}"`)).join(" ")

const running = new Set()

const start = (args, environment) => {
  console.log(`\n$ mlxk ${shown(args)}`)
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: environment, stdio: ["ignore", "pipe", "inherit"] })
  running.add(child)
  child.once("exit", () => running.delete(child))
  return child
}

const within = async (milliseconds, what, promise) => {
  const timer = new AbortController()
  const late = new Promise((_, reject) => {
    const id = setTimeout(
      () => reject(new DemoFailure(`${what} took longer than ${milliseconds / 1000} s.`)),
      milliseconds
    )
    timer.signal.addEventListener("abort", () => clearTimeout(id))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.abort()
  }
}

/** Runs one command to its end, shows its output and holds it against `expected`. */
const step = async (args, environment, expected) => {
  const child = start(args, environment)
  let output = ""
  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (chunk) => {
    output += chunk
    process.stdout.write(chunk)
  })
  const [code, signal] = await within(COMMAND_TIMEOUT_MS, `mlxk ${args[0]}`, once(child, "close"))
  if (code !== 0) throw new DemoFailure(`mlxk ${args[0]} ended with ${signal ?? `exit code ${code}`}.`)
  if (!expected.test(output)) throw new DemoFailure(`mlxk ${args[0]} printed something else than expected.`)
}

/** The first JSON document on the server's stdout; what follows is read and dropped. */
const startupDocument = (child) =>
  new Promise((resolve, reject) => {
    let text = ""
    child.stdout.setEncoding("utf8")
    child.stdout.on("data", (chunk) => {
      text += chunk
      try {
        resolve(JSON.parse(text))
      } catch {
        // not complete yet
      }
    })
    child.once("exit", (code, signal) =>
      reject(new DemoFailure(`mlxk serve ended with ${signal ?? `exit code ${code}`} before it was ready.`))
    )
  })

const ask = async (base, question, expected) => {
  const body = { model: DEMO_MODEL, messages: [{ role: "user", content: question }], temperature: 0 }
  console.log(`\n$ curl ${base}/v1/chat/completions -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`)
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS)
  })
  const text = await response.text()
  if (!response.ok) throw new DemoFailure(`The server answered ${response.status}: ${text}`)
  let answer
  try {
    answer = JSON.parse(text).choices[0].message.content
  } catch {
    answer = undefined
  }
  if (typeof answer !== "string") throw new DemoFailure(`The server's answer holds no message: ${text}`)
  console.log(answer)
  if (!expected.test(answer)) throw new DemoFailure("The server's answer isn't the one the demo model gives.")
}

/** The socket may open a moment after the startup document is printed. */
const ready = async (base) => {
  const end = Date.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      const response = await fetch(`${base}/health`, { signal: AbortSignal.timeout(2_000) })
      await response.body?.cancel()
      return
    } catch (error) {
      if (Date.now() > end) throw new DemoFailure(`The server at ${base} can't be reached: ${error.cause ?? error}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

const serve = async (environment) => {
  const child = start(["serve", "--port", "0", "--json"], environment)
  const document = await within(START_TIMEOUT_MS, "Starting the server", startupDocument(child))
  console.log(JSON.stringify(document, null, 2))
  const { host, port } = document.data ?? {}
  if (!Number.isInteger(port) || port === 0) throw new DemoFailure("The startup document doesn't name the port.")
  const base = `http://${host ?? "127.0.0.1"}:${port}`
  await ready(base)
  await ask(base, FOLLOW_UP, /keys and values/)
  const exited = once(child, "exit")
  child.kill("SIGTERM")
  const [code, signal] = await within(STOP_TIMEOUT_MS, "Stopping the server", exited)
  // 143 is 128 + SIGTERM: ended as asked.
  if (![0, 143].includes(code) && signal !== "SIGTERM")
    throw new DemoFailure(`mlxk serve ended with ${signal ?? `exit code ${code}`}.`)
}

const demo = async (home) => {
  if (!existsSync(PROGRAM)) throw new DemoFailure("The program isn't built yet. Run: npm install && npm run build")
  const native = ensureNativeLibs()
  if (!native.ok) console.error(native.message)
  installDemo(join(home, "hub"))
  // The variable that wins over all others: the demo never looks at the cache of whoever runs it.
  const environment = { ...process.env, HF_HUB_CACHE: join(home, "hub") }
  await step(["list"], environment, /demo-4bit/)
  await step(["show", DEMO_MODEL], environment, /demo-4bit/)
  await step(["health", DEMO_MODEL], environment, /\bhealthy\b.*demo-4bit/)
  await step(["run", DEMO_MODEL, QUESTION], environment, /snapshot/i)
  await serve(environment)
  console.log("\nThe demo is complete: listed, shown, checked, run and served.")
}

const home = mkdtempSync(join(tmpdir(), "mlxk-demo-"))
const cleanUp = () => {
  for (const child of running) child.kill("SIGKILL")
  rmSync(home, { recursive: true, force: true, maxRetries: 3 })
}
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143]
])
  process.once(signal, () => {
    cleanUp()
    process.exit(code)
  })

try {
  await demo(home)
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof DemoFailure ? error.message : (error?.stack ?? error)}`)
  process.exitCode = 1
} finally {
  cleanUp()
}
