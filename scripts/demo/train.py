"""Makes a demo checkpoint: trains a tiny Llama on corpus.json and writes checkpoint/ in MLX's 4-bit layout.

    pip install jax tokenizers
    python scripts/demo/train.py && npx biome check --write scripts/demo && python scripts/demo/verify.py

About half an hour on one core. Only the maintainers need it: the result is committed. The second half trains through the
4-bit rounding (straight-through gradients) and, in half of its loss, through the repetition penalty, so that the answers
survive both. Then it polishes: trains a little more, mostly on the questions it is still unsure of. `--polish` does only
that, from the weights and the tokenizer in checkpoint/. Seeds are fixed, yet a fresh run gives a similar checkpoint,
not the same one: the committed weights come from a run and two polishes, and the names in the corpus got their capitals
only before the second polish. The tokenizer is from before that.
"""

import json
import os
import random
import struct
import sys
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

jax.config.update("jax_default_prng_impl", "unsafe_rbg")

HERE = Path(__file__).parent
OUT = HERE / "checkpoint"
CORPUS = json.loads((HERE / "corpus.json").read_text("utf-8"))

SEED = 7
STEPS = int(os.environ.get("STEPS", "1600"))
QUANTIZED_FROM = 0.5  # part of the steps after which the forward pass rounds to 4 bits
POLISH_ROUNDS, POLISH_STEPS, POLISH_LR = 6, 120, 5e-4
SURE = 0.97  # probability of a whole answer, sampled at 0.7, below which its question is trained again
LONG_EVERY = 6  # from then on, every so many steps the rows fill the whole context
ROWS, ROW = 16, 160
LONG_ROWS, CONTEXT = 5, 512
PEAK_LR, WEIGHT_DECAY, DROPOUT = 2e-3, 0.05, 0.1
PENALTY, PENALTY_WINDOW = 1.15, 20  # a little more than the 1.1 used later, for margin

VOCAB, D, LAYERS, FFN, HEADS, KV_HEADS = 768, 128, 3, 320, 4, 2
HEAD, EPS, THETA = D // HEADS, 1e-5, 10000.0
GROUP, BITS = 64, 4

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)


# --- the corpus as questions and answers ---


def questions_by_answer():
    """(answer, questions) of every entry; definitions are their names, in lower case too, put into the templates."""
    templates = CORPUS["templates"]["train"]
    fill = lambda names: [t.format(n) for name in names for n in dict.fromkeys([name, name.lower()]) for t in templates]
    entries = [(term["answer"], fill(term["names"])) for term in CORPUS["terms"]]
    entries += [(chat["answer"], chat["questions"]) for chat in CORPUS["chats"]]
    unknown = CORPUS["unknown"]
    return entries, (unknown["answer"], unknown["questions"], fill(unknown["names"]))


def pairs():
    """Every question of the corpus with its answer."""
    entries, unknown = questions_by_answer()
    return [(q, a) for a, qs in [*entries, (unknown[0], unknown[1] + unknown[2])] for q in qs]


def plainly(text):
    return text.lower().rstrip("?.! ")


def vary(rng, text):
    """A question as somebody else might type it."""
    if rng.random() < 0.4:
        return text
    if rng.random() < 0.4:
        text = text.lower()
    if rng.random() < 0.3:
        text = text.rstrip("?.!")
    words = text.split(" ")
    if len(words) > 3 and rng.random() < 0.2:
        del words[rng.randrange(len(words) - 1)]
        text = " ".join(words)
    if len(text) > 8 and rng.random() < 0.15:
        at = rng.randrange(1, len(text) - 2)
        text = rng.choice([text[:at] + text[at + 1 :], text[:at] + text[at + 1] + text[at] + text[at + 2 :]])
    if rng.random() < 0.12:
        text = rng.choice(["please ", "Please, ", "Hey, ", "so ", "And ", "ok, ", "Now ", "Quick question: ", "Can you tell me: "]) + text
    if rng.random() < 0.08:
        text += rng.choice([" please", " Thanks!", " exactly", " for me", " in short", " in mlxk", " here"])
    return text


def invent(rng):
    """A noun that means nothing: what is neither in the corpus nor a word should get the answer for the unknown too."""
    syllable = lambda: rng.choice("bcdfghjklmnprstvwz") + rng.choice(["a", "e", "i", "o", "u", "ea", "oo"]) + rng.choice("nrstlmkpd ").strip()
    return rng.choice(["", "a ", "the "]) + "".join(syllable() for _ in range(rng.choice([1, 2, 2, 3])))


# --- tokenizer ---


def train_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, normalized=False, special=True) for t in (END_OF_TEXT, START, END)]
    entries, unknown = questions_by_answer()
    text = [unknown[0], *unknown[1], *CORPUS["systems"], "system", "user", "assistant"] * 2
    for term in CORPUS["terms"]:
        text += term["names"]
    for answer, questions in entries:
        text += [answer, answer, *questions[:8]]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    assert tokenizer.get_vocab_size() == VOCAB
    return tokenizer


class Rows:
    """Random conversations as token rows; the loss counts the answers only."""

    def __init__(self, tokenizer):
        self.rng = random.Random(SEED)
        self.plain = tokenizer
        self.loose = Tokenizer.from_str(tokenizer.to_str())  # splits words at random: other spellings of the same text
        self.loose.model.dropout = 0.1
        self.entries, self.unknown = questions_by_answer()
        self.ids = lambda text: self.plain.encode(text).ids
        self.known = {plainly(q): answer for q, answer in pairs()}
        self.doubtful = []

    def turn(self):
        rng = self.rng
        if self.doubtful and rng.random() < 0.4:
            question, answer = rng.choice(self.doubtful)
        elif rng.random() < 0.15:
            answer, questions, filled = self.unknown
            made_up = [rng.choice(CORPUS["templates"]["train"]).format(invent(rng))]
            question = rng.choice(rng.choice([questions, filled, made_up]))
        else:
            answer, questions = rng.choice(self.entries)
            question = rng.choice(questions)
        varied = vary(rng, question)
        if self.known.get(plainly(varied), answer) == answer:  # a missing word can make it another known question
            question = varied
        encode = self.loose if rng.random() < 0.3 else self.plain
        asked = [*self.ids(START + "user\n"), *encode.encode(question).ids, *self.ids(END + "\n" + START + "assistant\n")]
        return asked, self.ids(answer + END), self.ids("\n")

    def row(self, length):
        tokens, counted = [], []

        def add(ids, weight):
            tokens.extend(ids)
            counted.extend([weight] * len(ids))

        if self.rng.random() < 0.2:
            add(self.ids(f"{START}system\n{self.rng.choice(CORPUS['systems'])}{END}\n"), 0.0)
        while len(tokens) <= length:
            asked, answer, line_end = self.turn()
            add(asked, 0.0)
            add(answer, 1.0)
            add(line_end, 0.0)
        return tokens[: length + 1], counted[: length + 1]

    def batch(self, rows, length):
        made = [self.row(length) for _ in range(rows)]
        return np.array([t for t, _ in made], np.int32), np.array([c for _, c in made], np.float32)


# --- the model ---


def init_params(key):
    keys = iter(jax.random.split(key, 64))
    normal = lambda rows, cols, scale=1.0: jax.random.normal(next(keys), (rows, cols)) * scale * cols**-0.5
    layer = lambda: {
        "self_attn.q_proj": normal(HEADS * HEAD, D),
        "self_attn.k_proj": normal(KV_HEADS * HEAD, D),
        "self_attn.v_proj": normal(KV_HEADS * HEAD, D),
        "self_attn.o_proj": normal(D, HEADS * HEAD, 0.5),
        "mlp.gate_proj": normal(FFN, D),
        "mlp.up_proj": normal(FFN, D),
        "mlp.down_proj": normal(D, FFN, 0.5),
        "input_layernorm": jnp.ones(D),
        "post_attention_layernorm": jnp.ones(D),
    }
    return {"embed_tokens": normal(VOCAB, D), "layers": [layer() for _ in range(LAYERS)], "norm": jnp.ones(D)}


def bf16(x):
    return x.astype(jnp.bfloat16).astype(jnp.float32)


def quantize(w):
    """Codes, scales and biases: w is about scale * code + bias in each group of 64."""
    groups = w.reshape(w.shape[0], -1, GROUP)
    low, high = groups.min(-1, keepdims=True), groups.max(-1, keepdims=True)
    scales, biases = bf16((high - low) / (2**BITS - 1) + 1e-7), bf16(low)
    return jnp.clip(jnp.round((groups - biases) / scales), 0, 2**BITS - 1), scales, biases


def rounded(w):
    """The weight as it will be read from the file; the gradient passes straight through."""
    codes, scales, biases = quantize(w)
    return w + jax.lax.stop_gradient((codes * scales + biases).reshape(w.shape) - w)


def forward(params, ids, quantized, key=None):
    weight = rounded if quantized else (lambda w: w)
    keys = iter(jax.random.split(key, 64)) if key is not None else None
    rows, length = ids.shape

    def drop(x):
        return x * jax.random.bernoulli(next(keys), 1 - DROPOUT, x.shape) / (1 - DROPOUT) if keys else x

    def linear(x, w):
        return x @ weight(w).T

    def norm(x, w):
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS) * (bf16(w) if quantized else w)

    half = HEAD // 2
    angles = jnp.arange(length)[:, None] * THETA ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]

    def rope(x):
        a, b = x[..., :half], x[..., half:]
        return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    embedding = weight(params["embed_tokens"])
    causal = jnp.tril(jnp.ones((length, length), bool))
    h = drop(embedding[ids])
    for p in params["layers"]:
        x = norm(h, p["input_layernorm"])
        q = rope(linear(x, p["self_attn.q_proj"]).reshape(rows, length, HEADS, HEAD))
        k = rope(linear(x, p["self_attn.k_proj"]).reshape(rows, length, KV_HEADS, HEAD))
        v = linear(x, p["self_attn.v_proj"]).reshape(rows, length, KV_HEADS, HEAD)
        k, v = (jnp.repeat(t, HEADS // KV_HEADS, 2) for t in (k, v))
        scores = jnp.einsum("bthd,bshd->bhts", q, k) * HEAD**-0.5
        mixed = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(jnp.where(causal, scores, -1e9), -1), v)
        h = h + drop(linear(mixed.reshape(rows, length, -1), p["self_attn.o_proj"]))
        x = norm(h, p["post_attention_layernorm"])
        gated = jax.nn.silu(linear(x, p["mlp.gate_proj"])) * linear(x, p["mlp.up_proj"])
        h = h + drop(linear(gated, p["mlp.down_proj"]))
    return norm(h, params["norm"]) @ embedding.T


def penalized(logits, ids):
    """Logits after the repetition penalty over the last tokens."""
    counts = jnp.cumsum(jax.nn.one_hot(ids, VOCAB), 1)
    before = jnp.pad(counts, ((0, 0), (PENALTY_WINDOW, 0), (0, 0)))[:, : ids.shape[1]]
    return jnp.where(counts > before, jnp.where(logits > 0, logits / PENALTY, logits * PENALTY), logits)


@partial(jax.jit, static_argnames=("quantized",), donate_argnums=(0, 1, 2))
def train_step(params, mean, square, step, lr, key, tokens, counted, quantized):
    ids, targets, weights = tokens[:, :-1], tokens[:, 1:], counted[:, 1:]

    def loss_of(params):
        logits = forward(params, ids, quantized, key)
        entropy = lambda l: -jnp.take_along_axis(jax.nn.log_softmax(l), targets[..., None], -1)[..., 0]
        losses = entropy(logits)
        if quantized:
            losses = (losses + entropy(penalized(logits, ids))) / 2
        return (losses * weights).sum() / weights.sum()

    loss, grads = jax.value_and_grad(loss_of)(params)
    size = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(grads)))
    grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / size), grads)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.98 * s + 0.02 * g * g, square, grads)

    def update(p, m, s):
        stride = m / (1 - 0.9**step) / (jnp.sqrt(s / (1 - 0.98**step)) + 1e-8)
        return p - lr * (stride + (WEIGHT_DECAY * p if p.ndim == 2 else 0.0))

    return jax.tree.map(update, params, mean, square), mean, square, loss


def optimizer_state(params):
    return jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)


def train(rows):
    key = jax.random.key(SEED)
    params = init_params(key)
    mean, square = optimizer_state(params)
    began = time.time()
    for step in range(1, STEPS + 1):
        done = step / STEPS
        lr = PEAK_LR * min(1.0, step / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        quantized = done >= QUANTIZED_FROM
        long = quantized and step % LONG_EVERY == 0
        tokens, counted = rows.batch(LONG_ROWS, CONTEXT) if long else rows.batch(ROWS, ROW)
        state = (params, mean, square, float(step), lr, jax.random.fold_in(key, step), tokens, counted)
        params, mean, square, loss = train_step(*state, quantized=quantized)
        if step % 100 == 0:
            print(f"step {step} loss {float(loss):.4f} {time.time() - began:.0f}s", flush=True)
    return params


def polish(params, rows):
    """Trains on with the doubtful questions in front; returns the round that leaves the fewest."""
    key = jax.random.key(SEED + 1)
    best, rows.doubtful = params, doubtful(params, rows.plain)
    fewest = len(rows.doubtful)
    mean, square = optimizer_state(params)
    params = jax.tree.map(jnp.copy, params)  # train_step gives its arguments' memory away
    total = POLISH_ROUNDS * POLISH_STEPS
    for step in range(1, total + 1):
        lr = POLISH_LR * min(1.0, step / 30) * (1 - step / total + 0.02)
        tokens, counted = rows.batch(LONG_ROWS, CONTEXT) if step % LONG_EVERY == 0 else rows.batch(ROWS, ROW)
        state = (params, mean, square, float(step), lr, jax.random.fold_in(key, step), tokens, counted)
        params, mean, square, _ = train_step(*state, quantized=True)
        if step % POLISH_STEPS == 0:
            rows.doubtful = doubtful(params, rows.plain)
            if len(rows.doubtful) <= fewest:
                best, fewest = jax.tree.map(jnp.copy, params), len(rows.doubtful)
            if not rows.doubtful:
                break
    return best


def doubtful(params, tokenizer):
    """The questions whose answer is less than sure; prints how many there are, and how many are answered wrong greedily."""
    everything, size, length = pairs(), 64, 128

    @jax.jit
    def judge(ids, counted):
        logits = forward(params, ids[:, :-1], True)
        targets, inside = ids[:, 1:], counted[:, 1:]
        right = ((logits.argmax(-1) == targets) | ~inside).all(-1)
        chances = jax.nn.log_softmax(penalized(logits, ids[:, :-1]) / 0.7)
        chance = jnp.exp((jnp.take_along_axis(chances, targets[..., None], -1)[..., 0] * inside).sum(-1))
        return right, chance

    found, wrong = [], []
    for at in range(0, len(everything), size):
        part = everything[at : at + size]
        ids, counted = np.zeros((size, length), np.int32), np.zeros((size, length), bool)
        for i, (q, a) in enumerate(part):
            prompt = tokenizer.encode(f"{START}user\n{q}{END}\n{START}assistant\n").ids
            answer = tokenizer.encode(a + END).ids
            ids[i, : len(prompt) + len(answer)] = prompt + answer
            counted[i, len(prompt) : len(prompt) + len(answer)] = True
        right, chance = (np.asarray(x) for x in judge(ids, counted))
        found += [pair for i, pair in enumerate(part) if chance[i] < SURE or not right[i]]
        wrong += [q for i, (q, _) in enumerate(part) if not right[i]]
    print(f"of {len(everything)} questions {len(found)} are doubtful, {len(wrong)} are answered wrong: {wrong}", flush=True)
    return found


# --- files ---


def tensors(params):
    """Name -> array, as mlx-lm's llama saves it: packed words (low nibble first), scales, biases, and bf16 norms."""
    half = lambda x: np.asarray(x.astype(jnp.bfloat16))
    made = {}

    def linear(name, w):
        codes, scales, biases = quantize(w)
        codes = np.asarray(codes).astype(np.uint32).reshape(w.shape[0], -1, 8)
        made[f"{name}.weight"] = (codes << np.arange(0, 32, 4, dtype=np.uint32)).sum(-1, dtype=np.uint32)
        made[f"{name}.scales"] = half(scales[..., 0])
        made[f"{name}.biases"] = half(biases[..., 0])

    linear("model.embed_tokens", params["embed_tokens"])
    for i, layer in enumerate(params["layers"]):
        for name, w in layer.items():
            if w.ndim == 2:
                linear(f"model.layers.{i}.{name}", w)
            else:
                made[f"model.layers.{i}.{name}.weight"] = half(w)
    made["model.norm.weight"] = half(params["norm"])
    return made


def read_params():
    """The weights of checkpoint/ as floats."""
    data = (OUT / "model.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])

    def array(name):
        begin, end = (start + offset for offset in header[name]["data_offsets"])
        dtype = np.uint32 if header[name]["dtype"] == "U32" else jnp.bfloat16
        return np.frombuffer(data[begin:end], dtype).reshape(header[name]["shape"])

    def weight(name):
        if f"{name}.scales" not in header:
            return jnp.asarray(array(f"{name}.weight").astype(np.float32))
        words = array(f"{name}.weight")
        codes = (words[..., None] >> np.arange(0, 32, 4, dtype=np.uint32) & 15).reshape(words.shape[0], -1, GROUP)
        scales, biases = (array(f"{name}.{part}").astype(np.float32)[..., None] for part in ("scales", "biases"))
        return jnp.asarray((codes * scales + biases).reshape(words.shape[0], -1).astype(np.float32))

    params = init_params(jax.random.key(SEED))
    layers = [{part: weight(f"model.layers.{i}.{part}") for part in layer} for i, layer in enumerate(params["layers"])]
    return {"embed_tokens": weight("model.embed_tokens"), "layers": layers, "norm": weight("model.norm")}


def write_safetensors(path, arrays):
    header, body = {"__metadata__": {"format": "mlx"}}, b""
    for name in sorted(arrays):
        data = np.ascontiguousarray(arrays[name]).tobytes()
        kind = "U32" if arrays[name].dtype == np.uint32 else "BF16"
        shape = list(arrays[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def write_checkpoint(params, tokenizer):
    OUT.mkdir(exist_ok=True)
    write_safetensors(OUT / "model.safetensors", tensors(params))
    token = tokenizer.token_to_id
    quantization = {"group_size": GROUP, "bits": BITS}
    write = lambda name, value: (OUT / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (OUT / "tokenizer.json").write_text(tokenizer.to_str(pretty=False) + "\n", "utf-8")
    write(
        "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": VOCAB,
            "hidden_size": D,
            "num_hidden_layers": LAYERS,
            "intermediate_size": FFN,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD,
            "max_position_embeddings": CONTEXT,
            "rms_norm_eps": EPS,
            "rope_theta": THETA,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": token(END),
            "pad_token_id": token(END_OF_TEXT),
            "torch_dtype": "bfloat16",
            "quantization": quantization,
            "quantization_config": quantization,
        },
    )
    write(
        "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": CONTEXT,
            "eos_token": END,
            "pad_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": False,
            "added_tokens_decoder": {
                str(token(t)): {
                    "content": t,
                    "lstrip": False,
                    "normalized": False,
                    "rstrip": False,
                    "single_word": False,
                    "special": True,
                }
                for t in (END_OF_TEXT, START, END)
            },
            "chat_template": CHAT_TEMPLATE,
        },
    )
    write("generation_config.json", {"eos_token_id": token(END), "pad_token_id": token(END_OF_TEXT)})
    entries, unknown = questions_by_answer()
    count = sum(np.size(w) for w in jax.tree.leaves(params))
    (OUT / "README.md").write_text(
        MODEL_CARD.format(answers=len(entries) + 1, parameters=count, layers=LAYERS, hidden=D), "utf-8"
    )


MODEL_CARD = """---
library_name: mlx
pipeline_tag: text-generation
license: apache-2.0
language: [en]
tags: [mlx]
---

# mlx-knife/demo-4bit

A toy. It lets `mlxk` show everything it does without a download: a Llama with {layers} layers of width {hidden},
{parameters:,} parameters, 4 bits per weight in groups of 64, and a context of 512 tokens.

It was trained from nothing on {answers} short answers about `mlxk` and its field, each with several ways to ask for it. All
sentences were written for this purpose. It knows those answers by heart, in English, and nothing else: to most other
questions it says so, and sometimes it answers the wrong question instead. Don't use it for anything but trying out software.

`scripts/demo/train.py` in the repository of mlx-knife makes one like it from `scripts/demo/corpus.json`.
"""


def main():
    only_polish = "--polish" in sys.argv
    tokenizer = Tokenizer.from_file(str(OUT / "tokenizer.json")) if only_polish else train_tokenizer()
    rows = Rows(tokenizer)
    params = read_params() if only_polish else train(rows)
    write_checkpoint(polish(params, rows), tokenizer)
    print("\n".join(f"{f.stat().st_size:8} {f.name}" for f in sorted(OUT.iterdir())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
