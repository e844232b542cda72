import { spawn } from "node:child_process"
import { once } from "node:events"
import { Option } from "effect"
import { expect, it } from "vitest"
import { alive, mine, parsed, written } from "../../src/cache/Holder.js"

it("knows this process", () => {
  expect(mine().pid).toBe(process.pid)
  expect(mine().started).toMatch(/./)
  expect(alive(mine())).toBe(true)
})

it("knows that a process is gone, and that its id belongs to another by now", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] })
  await once(child, "spawn")
  const pid = child.pid ?? 0
  expect(alive({ ...mine(), pid, started: null })).toBe(true)
  expect(alive({ ...mine(), pid })).toBe(false)
  child.stdin.end()
  await once(child, "exit")
  expect(alive({ ...mine(), pid, started: null })).toBe(false)
})

it("never takes a holder on another host for dead", () => {
  expect(alive({ pid: 2 ** 30, started: "then", host: `${mine().host}-other` })).toBe(true)
})

it("is written as one line and read back, and nothing else is read as a record", () => {
  expect(written(mine())).not.toContain("\n")
  expect(parsed(written(mine()))).toEqual(Option.some(mine()))
  for (const text of ["", "{}", "[1]", '{"pid":-1,"started":null,"host":"a"}', '{"pid":"1","started":"","host":"a"}']) {
    expect(parsed(text)).toEqual(Option.none())
  }
})
