/** The package as a user gets it: packed, installed into an empty folder, used through its command, its server and its imports. */

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import OpenAI from "openai"
import { noEngine } from "../support/Native.js"
import { installPacked, type Packed, version } from "../support/Packed.js"
import { run, start } from "../support/Program.js"

const MODEL = "mlx-knife/demo-4bit"
let packed: Packed
const mlxk = (...args: ReadonlyArray<string>) => run(packed.command, args, { env: { HF_HOME: packed.home } })
const json = async (...args: ReadonlyArray<string>) => JSON.parse((await mlxk(...args, "--json")).stdout)

beforeAll(async () => {
  packed = await installPacked()
}, 300_000)
afterAll(() => packed?.remove())

describe("the tarball", () => {
  it("holds the program and its documents, no source, no tests, no reference data", () => {
    assert.includeMembers([...packed.files], ["dist/mlxk.cjs", "dist/engine.js", "dist/index.js", "dist/testing.js"])
    for (const path of packed.files)
      assert.match(path, /^(dist\/|docs\/|package\.json$|README\.md$|CHANGELOG\.md$|LICENSE$)/)
  })

  it("answers under its three names", async () => {
    for (const name of ["mlxk", "mlxk2", "mlxk-json"]) {
      const { code, stdout } = await run(join(packed.folder, "node_modules/.bin", name), ["--version"])
      assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: `${name} ${version}\n` })
    }
  })
})

describe("the installed command", () => {
  it("lists, shows and checks a checkpoint in the cache", async () => {
    const listed = await json("list")
    assert.strictEqual(listed.data.count, 1)
    assert.include(listed.data.models[0], {
      name: MODEL,
      framework: "MLX",
      health: "healthy",
      runtime_compatible: true
    })
    assert.strictEqual((await json("show", "demo")).data.model.name, MODEL)
    assert.strictEqual((await json("health")).data.summary.healthy_count, 1)
  })

  it.skipIf(noEngine)("runs it, streamed and as JSON, with the same text", async () => {
    const question = ["run", MODEL, "What is a snapshot?", "--temperature", "0"]
    const streamed = await mlxk(...question)
    const answer = await json(...question)
    assert.strictEqual(streamed.code, 0, streamed.stderr)
    assert.strictEqual(streamed.stdout, `${answer.data.response}\n`)
    assert.match(answer.data.response, /snapshot/i)
  })

  it.skipIf(noEngine)("cuts the answer at --max-tokens and says so", async () => {
    const answer = await json("run", MODEL, "What is a snapshot?", "--temperature", "0", "--max-tokens", "3")
    assert.strictEqual(answer.data.finish_reason, "length")
  })

  it.skipIf(noEngine)("repeats a seed and varies without one", async () => {
    const ask = async (...extra: ReadonlyArray<string>) =>
      (await json("run", MODEL, "Tell me something.", "--temperature", "1.9", "--top-p", "1", ...extra)).data.response
    assert.strictEqual(await ask("--seed", "7"), await ask("--seed", "7"))
    assert.notStrictEqual(await ask("--seed", "7"), await ask("--seed", "8"))
  })
})

describe.skipIf(noEngine)("the installed server", () => {
  it("streams to the official client and stops cleanly", async () => {
    const server = start(packed.command, ["serve", "--port", "0", "--json", "--model", MODEL], {
      env: { HF_HOME: packed.home }
    })
    const { data } = JSON.parse(await server.said(/^\}$/m))
    const client = new OpenAI({ baseURL: `http://127.0.0.1:${data.port}/v1`, apiKey: "any", maxRetries: 0 })
    const models = await client.models.list()
    assert.deepStrictEqual(
      models.data.map(({ id }) => id),
      [MODEL]
    )
    const request = {
      model: MODEL,
      temperature: 0,
      messages: [{ role: "user" as const, content: "What is a snapshot?" }]
    }
    const whole = await client.chat.completions.create(request)
    let text = ""
    const reasons = new Set<string>()
    for await (const { choices } of await client.chat.completions.create({ ...request, stream: true })) {
      text += choices[0]?.delta.content ?? ""
      if (choices[0]?.finish_reason) reasons.add(choices[0].finish_reason)
    }
    assert.strictEqual(text, whole.choices[0]?.message.content)
    assert.deepStrictEqual([...reasons], ["stop"])
    assert.isAbove(whole.usage?.completion_tokens ?? 0, 3)
    server.process.kill("SIGTERM")
    assert.strictEqual((await server.ended).code, 0)
  })
})

describe("the installed library", () => {
  const program = async (code: string) => {
    const file = join(packed.folder, "program.mjs")
    writeFileSync(file, code)
    const ended = await run(process.execPath, [file], { cwd: packed.folder, env: { HF_HOME: packed.home } })
    assert.strictEqual(ended.code, 0, ended.stderr)
    return ended.stdout.trim()
  }

  it("gives the operations as Effects", async () => {
    const names = await program(`
      import { Effect } from "effect"
      import { layer, list } from "mlx-knife"
      const { models } = await Effect.runPromise(Effect.provide(list(null), layer))
      console.log(models.map((model) => model.name).join())`)
    assert.strictEqual(names, MODEL)
  })

  it.skipIf(noEngine)("gives them as promises, and leaving a stream early ends the engine", async () => {
    const said = await program(`
      import { createKnife } from "mlx-knife"
      const knife = createKnife()
      for await (const event of knife.generate("${MODEL}", { prompt: "What is a snapshot?" })) {
        if (event._tag === "Delta") { console.log("delta"); break }
      }
      try { await knife.show("nope") } catch (error) { console.log(error._tag) }
      await knife.close()`)
    assert.strictEqual(said, "delta\nModelNotFound")
  })

  it("gives a test kit whose layers fit the operations", async () => {
    const said = await program(`
      import { Effect } from "effect"
      import { list } from "mlx-knife"
      import { IsolatedCache, layerIsolatedCache } from "mlx-knife/testing"
      const program = Effect.gen(function* () {
        const cache = yield* IsolatedCache
        yield* cache.addModel("org/empty", { "config.json": "{}" })
        const { models } = yield* list(null)
        return models.map(({ name, health }) => name + " " + health).join()
      })
      console.log(await Effect.runPromise(Effect.provide(program, layerIsolatedCache)))`)
    assert.strictEqual(said, "org/empty unhealthy")
  })
})
