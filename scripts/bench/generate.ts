/**
 * Prefill and decode of the node-mlx engine on a 4-bit Llama of random weights, and of mlx-lm on the same files in the same
 * run: tokens per second, ratios, the process's memory and the machine's load; the last line is JSON.
 *
 * npm run bench:generate -- [--python PYTHON] [--hidden N] [--layers N] [--prompt N] [--tokens N]
 *
 * Without `--python` (an interpreter that has mlx-lm) only our own figures are printed.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { mlxEngine } from "../../src/engines/mlx/MlxEngine.js"

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    hidden: { type: "string", default: "512" },
    layers: { type: "string", default: "8" },
    prompt: { type: "string", default: "256" },
    tokens: { type: "string", default: "32" }
  }
})
const [hidden, layers, prompt, tokens] = [values.hidden, values.layers, values.prompt, values.tokens].map(Number) as [
  number,
  number,
  number,
  number
]

const GROUP = 64
const VOCABULARY = 32_000
const config = {
  model_type: "llama",
  hidden_size: hidden,
  intermediate_size: hidden * 3,
  num_hidden_layers: layers,
  num_attention_heads: hidden / 64,
  num_key_value_heads: Math.max(1, hidden / 256),
  vocab_size: VOCABULARY,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  quantization: { bits: 4, group_size: GROUP }
}

interface Tensor {
  readonly name: string
  readonly dtype: "U32" | "F32"
  readonly shape: ReadonlyArray<number>
  readonly bytes: Uint8Array
}

/** Random codes under scales that keep activations near 1: speed doesn't depend on the values. */
const matrix = (name: string, rows: number, columns: number): ReadonlyArray<Tensor> => {
  const words = Uint32Array.from({ length: (rows * columns) / 8 }, () => Math.floor(Math.random() * 2 ** 32))
  const groups = (rows * columns) / GROUP
  const scale = 0.2 / Math.sqrt(columns)
  const floats = (value: number) => new Uint8Array(new Float32Array(groups).fill(value).buffer)
  const perGroup = [rows, columns / GROUP]
  return [
    { name: `${name}.weight`, dtype: "U32", shape: [rows, columns / 8], bytes: new Uint8Array(words.buffer) },
    { name: `${name}.scales`, dtype: "F32", shape: perGroup, bytes: floats(scale) },
    { name: `${name}.biases`, dtype: "F32", shape: perGroup, bytes: floats(-7.5 * scale) }
  ]
}

const norm = (name: string): Tensor => ({
  name: `${name}.weight`,
  dtype: "F32",
  shape: [hidden],
  bytes: new Uint8Array(new Float32Array(hidden).fill(1).buffer)
})

const tensors = (): ReadonlyArray<Tensor> => {
  const kv = config.num_key_value_heads * 64
  const inner = config.intermediate_size
  const layer = (index: number) => {
    const at = `model.layers.${index}`
    return [
      ...matrix(`${at}.self_attn.q_proj`, hidden, hidden),
      ...matrix(`${at}.self_attn.k_proj`, kv, hidden),
      ...matrix(`${at}.self_attn.v_proj`, kv, hidden),
      ...matrix(`${at}.self_attn.o_proj`, hidden, hidden),
      ...matrix(`${at}.mlp.gate_proj`, inner, hidden),
      ...matrix(`${at}.mlp.up_proj`, inner, hidden),
      ...matrix(`${at}.mlp.down_proj`, hidden, inner),
      norm(`${at}.input_layernorm`),
      norm(`${at}.post_attention_layernorm`)
    ]
  }
  return [
    ...matrix("model.embed_tokens", VOCABULARY, hidden),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    norm("model.norm")
  ]
}

const safetensors = (all: ReadonlyArray<Tensor>): Buffer => {
  let offset = 0
  const entries = all.map(({ bytes, dtype, name, shape }) => {
    const start = offset
    offset += bytes.length
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const
  })
  const header = Buffer.from(JSON.stringify({ ...Object.fromEntries(entries), __metadata__: { format: "mlx" } }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, ...all.map(({ bytes }) => bytes)])
}

interface Speed {
  readonly prefill: number
  readonly decode: number
}

const ids = Array.from({ length: prompt }, (_, index) => 100 + (index % 1000))
const perSecond = (count: number, milliseconds: number) => (count * 1000) / milliseconds

const ours = (directory: string): Effect.Effect<Speed, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const model = yield* mlxEngine.load({ name: "bench", directory })
      const warm = model.start()
      yield* warm.forward(ids.slice(0, 8), "last")
      warm.close()
      const sequence = model.start()
      const start = performance.now()
      yield* sequence.forward(ids, "last")
      const prefilled = performance.now()
      for (let token = 0; token < tokens; token++) {
        yield* sequence.forward([100 + token], "last")
        // As the runner does: small objects of the binding are freed between turns of the event loop.
        yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      }
      const decoded = performance.now()
      sequence.close()
      return { prefill: perSecond(prompt, prefilled - start), decode: perSecond(tokens, decoded - prefilled) }
    })
  )

const MLX_LM = `
import json, sys, time
from pathlib import Path
import mlx.core as mx
from mlx_lm.utils import load_model
from mlx_lm.models.cache import make_prompt_cache
directory, prompt, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = load_model(Path(directory))[0]
ids = [100 + i % 1000 for i in range(prompt)]
mx.eval(model(mx.array([ids[:8]]), cache=make_prompt_cache(model)))
cache = make_prompt_cache(model)
start = time.perf_counter()
mx.eval(model(mx.array([ids]), cache=cache)[:, -1])
prefilled = time.perf_counter()
for i in range(tokens):
    mx.eval(model(mx.array([[100 + i]]), cache=cache))
decoded = time.perf_counter()
print(json.dumps({"prefill": prompt / (prefilled - start), "decode": tokens / (decoded - prefilled)}))
`

const theirs = (python: string, directory: string): Speed => {
  const { status, stderr, stdout } = spawnSync(python, ["-c", MLX_LM, directory, String(prompt), String(tokens)], {
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(`mlx-lm failed: ${stderr}`)
  return JSON.parse(stdout)
}

const directory = mkdtempSync(join(tmpdir(), "mlxk-bench-"))
try {
  writeFileSync(join(directory, "config.json"), JSON.stringify(config))
  const weights = safetensors(tensors())
  writeFileSync(join(directory, "model.safetensors"), weights)
  const mine = await Effect.runPromise(ours(directory))
  const reference = values.python === undefined ? null : theirs(values.python, directory)
  for (const phase of ["prefill", "decode"] as const) {
    const against =
      reference === null
        ? ""
        : `  mlx-lm ${reference[phase].toFixed(1)}  ratio ${(mine[phase] / reference[phase]).toFixed(2)}`
    console.log(`${phase.padEnd(8)} ${mine[phase].toFixed(1)} tokens/s${against}`)
  }
  const shape = { hidden, layers, prompt, tokens, weightBytes: weights.length }
  console.log(JSON.stringify({ shape, mine, reference, rss: process.memoryUsage.rss(), load1: loadavg()[0] }))
} finally {
  rmSync(directory, { recursive: true, force: true })
}
