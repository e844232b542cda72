import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { headerLength, LENGTH_BYTES, parseHeader } from "../../src/inference/Safetensors.js"
import { safetensors } from "../support/SafetensorsFile.js"

/** Reads a whole file from memory, as an engine reads it from disk. */
const read = (bytes: Uint8Array, size = bytes.length) =>
  Either.flatMap(headerLength(bytes.subarray(0, LENGTH_BYTES), size), (length) =>
    parseHeader(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)), length, size)
  )

const tensor = (shape: ReadonlyArray<unknown>, begin: number, end: number, dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end]
})

const problem = (header: unknown, dataBytes: number) =>
  Either.flip(read(safetensors(header, new Uint8Array(dataBytes))))

describe("parseHeader", () => {
  it("finds tensors of every size, in any order, with gaps and metadata", () => {
    const header = {
      b: tensor([2, 3], 8, 20, "BF16"),
      __metadata__: { format: "mlx" },
      a: tensor([], 0, 4),
      none: tensor([0, 7], 4, 4)
    }
    const file = safetensors(header, new Uint8Array(24))
    const start = file.length - 24
    assert.deepStrictEqual(Object.fromEntries(Either.getOrThrow(read(file))), {
      b: { dtype: "BF16", shape: [2, 3], begin: start + 8, end: start + 20 },
      a: { dtype: "F32", shape: [], begin: start, end: start + 4 },
      none: { dtype: "F32", shape: [0, 7], begin: start + 4, end: start + 4 }
    })
  })

  it("says how much of a file is missing", () => {
    const file = safetensors({ a: tensor([4], 0, 16) }, new Uint8Array(16))
    const total = file.length
    for (const there of [total - 1, total - 16, 20]) {
      assert.deepStrictEqual(
        read(file, there),
        Either.left(`truncated: ${there < 30 ? total - 16 : total} bytes expected, ${there} there`)
      )
    }
    assert.deepStrictEqual(read(file.subarray(0, 5)), Either.left("truncated: 8 bytes expected, 5 there"))
    assert.deepStrictEqual(read(new Uint8Array(0)), Either.left("truncated: 8 bytes expected, 0 there"))
  })

  it("refuses a header longer than any real one", () => {
    const huge = new Uint8Array(LENGTH_BYTES).fill(255)
    assert.deepStrictEqual(read(huge, 2 ** 40), Either.left("not a safetensors file: its header is too long"))
  })

  it.each([
    ["text", "not json", "header: not valid JSON"],
    ["list", [], "header: not an object"],
    ["deep", `{"a":${"[".repeat(5000)}`, "header: nested deeper than 8 levels"],
    ["entry", { a: 1 }, "tensor a: its entry is not an object"],
    ["dtype", { a: tensor([1], 0, 4, "F31") }, "tensor a: unknown dtype"],
    ["inherited dtype", { a: tensor([1], 0, 4, "toString") }, "tensor a: unknown dtype"],
    ["negative size", { a: tensor([-1, -4], 0, 16) }, "tensor a: bad shape"],
    ["fraction", { a: tensor([0.5, 8], 0, 16) }, "tensor a: bad shape"],
    ["string size", { a: tensor(["4"], 0, 16) }, "tensor a: bad shape"],
    [
      "too many sizes",
      {
        a: tensor(
          Array.from({ length: 33 }, () => 1),
          0,
          4
        )
      },
      "tensor a: bad shape"
    ],
    ["overflowing size", { a: tensor([2 ** 53 - 1, 2 ** 53 - 1], 0, 16) }, /needs \d.* bytes, its offsets hold 16/],
    ["negative offset", { a: tensor([1], -4, 0) }, "tensor a: bad offsets"],
    ["three offsets", { a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, "tensor a: bad offsets"],
    ["reversed offsets", { a: tensor([1], 4, 0) }, "tensor a: its shape needs 4 bytes, its offsets hold -4"],
    ["wrong length", { a: tensor([3], 0, 16) }, "tensor a: its shape needs 12 bytes, its offsets hold 16"],
    ["overlap", { a: tensor([2], 0, 8), b: tensor([2], 4, 12) }, "tensor b: shares bytes with another tensor"],
    ["same bytes", { a: tensor([2], 0, 8), b: tensor([2], 0, 8) }, "tensor b: shares bytes with another tensor"]
  ])("refuses: %s", (_, header, expected) => {
    const found = Either.getOrThrow(problem(header, 16))
    if (typeof expected === "string") assert.strictEqual(found, expected)
    else assert.match(found, expected)
  })

  it("takes a tensor's name for what it is", () => {
    const file = safetensors('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4))
    assert.deepStrictEqual(
      Either.map(read(file), (tensors) => [...tensors.keys()]),
      Either.right(["__proto__"])
    )
  })
})
