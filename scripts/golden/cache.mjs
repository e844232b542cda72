/**
 * Further cache trees with the original's answers: `node cache.mjs --bin /path/to/mlxk2 --version 2.0.2` writes
 * test/golden/cache-more. The format is that of test/golden/cache/README.md. A decision of ours over the recorded answer is part
 * of its case.
 */
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runCase, sortUnordered } from "../../test/golden/cache/compare.mjs"

const commit = (text) => createHash("sha1").update(text).digest("hex")
const text = (content) => ({ text: content })
const json = (content) => ({ json: content })
const tensors = { st: { "model.norm.weight": ["F16", [8]] } }
const others = { st: { "model.embed_tokens.weight": ["F16", [16, 8]] } }
const llama = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  max_position_embeddings: 2048,
  vocab_size: 400
}
const config = { "config.json": json(llama) }
const whole = { ...config, "model.safetensors": tensors }
const index = (...files) =>
  json({ weight_map: Object.fromEntries(files.map((file, at) => [`model.layers.${at}.weight`, file])) })
const first = "model-00001-of-00002.safetensors"
const second = "model-00002-of-00002.safetensors"
const indexFile = "model.safetensors.index.json"

/** A repo with one snapshot, by the name of whose commit it can be asked for. */
const repo = (name, files, hash = commit(name)) => ({
  repo: name,
  refs: { main: hash },
  snapshots: { [hash]: { files } }
})
const named = (organisation, variants) =>
  Object.entries(variants).map(([name, files]) => repo(`${organisation}/${name}`, files))
const dated = (...files) =>
  Object.fromEntries(
    files.map((content, at) => [
      commit(JSON.stringify(content)),
      { mtime: `2024-0${at + 1}-01T00:00:00Z`, files: content }
    ])
  )

const card = (...lines) => ({ ...whole, "README.md": text(["---", ...lines, "---", ""].join("\n")) })

const trees = [
  {
    name: "dashes",
    about: "Names with two dashes, and names that a directory's could be mistaken for",
    repos: ["acme/team--x", "acme/x", "mlx-community/short--long", "twin", "mlx-community/twin"].map((name) =>
      repo(name, whole)
    )
  },
  {
    name: "cards",
    about: "Front matter that is hardly YAML",
    repos: named("acme", {
      "bracket-inside": card("tags: [a], mlx]"),
      "bracket-open": card("tags: [a,", "- mlx"),
      "brackets-reversed": card("tags: ]mlx["),
      "brackets-nested": card("tags: [a, [mlx], b]"),
      "quotes-twice": card("tags: [\"'mlx'\"]"),
      "line-separator": card("license: a\u2028library_name: mlx"),
      "vertical-tab": card("x\u000blibrary_name: mlx"),
      "last-library": card("library_name: transformers", "library_name: mlx"),
      "first-library": card("library_name: mlx", "library_name: transformers"),
      "library-comment": card("library_name: mlx # really"),
      "library-below": card("library_name:", "  mlx"),
      "item-dashes": card("tags:", "-- mlx"),
      "item-glued": card("tags:", "-mlx"),
      "item-tab": card("tags:", "\t- mlx"),
      "key-space": card("tags :", "- mlx"),
      "other-list": card("datasets: [mlx]", "language:", "- mlx"),
      "four-dashes": { ...whole, "README.md": text("----\nlibrary_name: mlx\n---\n") },
      "closed-before": { ...whole, "README.md": text("---\nlicense: mit\n---\ntags:\n- mlx\n") }
    })
  },
  {
    name: "revisions",
    about: "Repos whose files lie where no snapshot is, or in an older one",
    repos: [
      { repo: "acme/older-has-weights", snapshots: dated(whole, config) },
      { repo: "acme/newer-has-weights", snapshots: dated(config, whole) },
      { repo: "acme/empty-snapshot", snapshots: { [commit("empty")]: { files: {} } } },
      { repo: "acme/files-at-root", blobs: false, extra: whole },
      { repo: "acme/files-at-root-no-snapshot", blobs: false, snapshots: {}, extra: whole },
      { repo: "acme/blobs-only", extra: { "blobs/abc.incomplete": text("x"), "refs/main": text(commit("x")) } },
      {
        repo: "acme/link-among-snapshots",
        snapshots: dated(whole),
        extra: { [`snapshots/${commit("l")}`]: { link: "gone" } }
      },
      { repo: "acme/file-among-snapshots", snapshots: dated(whole), extra: { "snapshots/stray": text("x") } }
    ]
  },
  {
    name: "weights",
    about: "Weights and indices that are whole, and some that are nearly",
    repos: named("mlx-community", {
      "both-indices": {
        ...whole,
        [indexFile]: index("model.safetensors"),
        "pytorch_model.bin": text("x"),
        "pytorch_model.bin.index.json": index("gone.bin")
      },
      "duplicate-shard": { ...whole, [indexFile]: index("model.safetensors", "model.safetensors") },
      "extra-shard": {
        ...config,
        [first]: tensors,
        [second]: others,
        "more.safetensors": tensors,
        [indexFile]: index(first, second)
      },
      "index-beside-gguf": { ...config, "a.gguf": { gguf: 3 }, [indexFile]: index(first) },
      "index-beside-torch": { ...config, "pytorch_model.bin": text("x"), [indexFile]: index(first) },
      "index-map-text": { ...whole, [indexFile]: json({ weight_map: "x" }) },
      "index-map-null": { ...whole, [indexFile]: json({ weight_map: null }) },
      "index-zero-bytes": { ...whole, [indexFile]: text("") },
      "one-shard-no-index": { ...config, "model-00001-of-00001.safetensors": tensors },
      "prefixed-shards": { ...config, [`my-${first}`]: tensors, [`my-${second}`]: others },
      "short-numbers": { ...config, "model-0001-of-0002.safetensors": tensors },
      "training-leftover": { ...config, "sub/model.safetensors": tensors, "training_args.bin": text("x") },
      "truncated-header": { ...config, "model.safetensors": { ...tensors, keep: 12 } },
      "upper-case": { ...config, "MODEL.SAFETENSORS": tensors },
      "incomplete-name": { ...whole, "x.incomplete": text("x") },
      "marker-gone": { ...whole, "x.partial": { ...text("x"), gone: true } },
      "pointer-199": { ...whole, "n.md": text(`version https://git-lfs.github.com/spec/v1\n${"x".repeat(156)}`) },
      "pointer-201": { ...whole, "n.md": text(`version https://git-lfs.github.com/spec/v1\n${"x".repeat(158)}`) },
      "adapters-only": {
        ...config,
        "adapters.safetensors": tensors,
        "adapter_config.json": json({ fine_tune_type: "lora" })
      },
      "tokenizer-only": { "tokenizer.json": json({}), "tokenizer_config.json": json({}) }
    })
  },
  {
    name: "quantized",
    about: "What says how a model is quantized",
    repos: Object.entries({
      both: { quantization: { group_size: 64, bits: 4 }, quantization_config: { group_size: 64, bits: 4 } },
      "config-only": { quantization_config: { group_size: 64, bits: 6 } },
      "config-text": { quantization_config: "x" },
      "mxfp4-method": { quantization_config: { quant_method: "mxfp4" } },
      "bits-text": { quantization_config: { bits: "4" } }
    }).map(([name, section]) =>
      repo(`mlx-community/${name}`, { ...whole, "config.json": json({ ...llama, ...section }) })
    )
  },
  {
    name: "configs",
    about: "Configs as Python reads them",
    repos: Object.entries({
      empty: "{}",
      duplicate: '{"model_type": "bert", "model_type": "llama", "vocab_size": 1, "vocab_size": 2}',
      "trailing-comma": '{"model_type": "llama",}',
      comment: '// x\n{"model_type": "llama"}',
      "line-in-text": '{"model_type": "lla\nma"}',
      surrogate: '{"model_type": "llama", "s": "\\ud800"}',
      "type-null": '{"model_type": null, "vocab_size": 7}',
      "type-zero": '{"model_type": 0, "vocab_size": 7}'
    }).map(([name, content]) => repo(`mlx-community/${name}`, { ...whole, "config.json": text(content) }))
  }
]

const same = (tree, ...lines) => lines.map((argv) => ({ tree, argv }))
const lists = (tree) =>
  same(tree, ["list", "--json"], ["list", "--all", "--verbose", "--health"], ["health", "--json"], ["health"])
const decided = (tree, argv, reason, patch) => ({ tree, argv, reason, patch })
const asHub = "spec 01 §2.3: two dashes in a name are looked for in the name of the directory, with a hash too"

const cases = [
  ...lists("dashes"),
  ...same(
    "dashes",
    ["show", "acme/team--x", "--json"],
    ["show", "acme/team--x"],
    ["show", "acme/team/x", "--json"],
    ["health", "acme/team--x", "--json"],
    ["show", "short--long", "--json"],
    ["health", "short--long"],
    ["show", "acme--x", "--json"],
    ["show", "team--x", "--json"],
    ["show", "models--acme", "--json"],
    ["show", "twin", "--json"]
  ),
  decided(
    "dashes",
    ["show", "models--twin", "--json"],
    "spec 01 §2.3: a directory's name means that directory, and is shown as a name",
    [{ set: ["stdout", "json", "data", "model", "name"], value: "twin" }]
  ),
  {
    tree: "dashes",
    argv: ["show", `acme/team--x@${commit("acme/team--x").slice(0, 6)}`, "--json"],
    reason: asHub,
    ours: {
      exit: 0,
      stdout: { contains: ['"name":"acme/team--x"', commit("acme/team--x")] },
      stderr: {},
      reason: asHub
    }
  },
  ...lists("cards"),
  ...lists("revisions"),
  ...same("revisions", ["show", "older-has-weights", "--json"], ["show", "acme/files-at-root", "--files", "--json"]),
  ...lists("weights"),
  ...same("weights", ["show", "tokenizer-only", "--files", "--json"], ["show", "adapters-only"]),
  ...same(
    "quantized",
    ["health", "--json"],
    ["list", "--json"],
    ["show", "both", "--json"],
    ["show", "config-only", "--json"],
    ["show", "config-text", "--json"],
    ["show", "mxfp4-method", "--json"],
    ["show", "bits-text"]
  ),
  ...lists("configs"),
  ...same(
    "configs",
    ["show", "duplicate", "--json"],
    ["show", "empty", "--config"],
    ["show", "empty", "--config", "--json"],
    ["show", "trailing-comma", "--config"],
    ["show", "surrogate", "--config", "--json"],
    ["show", "type-zero"],
    ["list", "x", "y", "--frob", "z", "--json"],
    ["--frob", "list", "x", "--all", "y", "--json"],
    ["list", "-av", "--json"],
    ["list", "-json"],
    ["show", "--f", "empty"],
    ["show", "--c", "empty", "--json"],
    ["show", "--files=1", "empty", "--json"],
    ["list", "--", "--", "x"],
    ["health", "x", "y", "--json"],
    ["--version", "show", "--json"],
    ["--js", "--vers"]
  )
]

const { values } = parseArgs({ options: { bin: { type: "string" }, version: { type: "string" } } })
const recorded = []
for (const [at, { argv, ours, patch, reason, tree }] of cases.entries()) {
  const name = `${tree}/${at}`
  const answer = await runCase(
    { name, tree, argv },
    trees.find((one) => one.name === tree),
    [values.bin]
  )
  if (answer.stdout.json) sortUnordered(answer.stdout.json)
  const plain = `same-as-${values.version}`
  const decision = patch === undefined ? plain : { like: values.version, patch, reason }
  recorded.push({ name, tree, argv, ours: ours ?? decision, recorded: { [values.version]: answer } })
}
const directory = join(import.meta.dirname, "../../test/golden/cache-more")
mkdirSync(directory, { recursive: true })
writeFileSync(join(directory, "trees.json"), `${JSON.stringify({ trees })}\n`)
writeFileSync(join(directory, "expected.json"), `${JSON.stringify({ cases: recorded })}\n`)
