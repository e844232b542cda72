"""Writes test/golden/sampling.json: what mlx-lm's samplers and logits processors do.

    python sampling.py

Each case holds raw logits, the token history and the parameters. The results
are, in the order mlx-lm computes them: "processed" (logits after the logits
processors), "logprobs" (log-softmax of those), "filtered" (after top_p, min_p,
xtc, top_k) and "final" (log-probabilities the token is drawn from, after the
temperature). Minus infinity is written as null.
"""

import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != HERE]

import mlx.core as mx
import mlx_lm
import numpy as np
from mlx_lm import sample_utils as su

mx.set_default_device(mx.cpu)
mx.disable_compile()
V = 32
RNG = np.random.default_rng(7)
LOGITS = {
    "plain": RNG.normal(0, 2.0, V),
    "flat": RNG.normal(0, 0.05, V),
    "peaked": np.where(np.arange(V) == 5, 12.0, RNG.normal(0, 1.0, V)),
    "ties": np.repeat([3.0, 3.0, 1.0, 1.0, 1.0, 0.0, -1.0, -2.0], 4),
    "masked": np.where(np.arange(V) % 5 == 0, -np.inf, RNG.normal(0, 2.0, V)),
}
LOGITS = {k: v.astype(np.float32) for k, v in LOGITS.items()}
HISTORY = [3, 7, 7, 1, 30, 7, 3, 0, 12, 12, 12, 25, 31, 5, 9, 9, 4, 7, 2, 18, 6, 6, 11, 5]

SAMPLERS = [
    ("plain", {}), ("plain", {"temp": 0.0}), ("plain", {"temp": 1.0}), ("plain", {"temp": 0.7}), ("plain", {"temp": 1.8}), ("plain", {"temp": 0.05}),
    ("plain", {"temp": 1.0, "top_p": 0.0}), ("plain", {"temp": 1.0, "top_p": 1.0}), ("plain", {"temp": 1.0, "top_p": 0.9}), ("plain", {"temp": 0.6, "top_p": 0.5}),
    ("plain", {"temp": 1.0, "top_p": 1e-6}), ("plain", {"temp": 1.0, "top_p": 0.999999}), ("ties", {"temp": 1.0, "top_p": 0.3}), ("ties", {"temp": 1.0, "top_p": 0.95}),
    ("flat", {"temp": 1.0, "top_p": 0.5}), ("peaked", {"temp": 1.0, "top_p": 0.9}), ("masked", {"temp": 1.0, "top_p": 0.8}),
    ("plain", {"temp": 1.0, "top_k": 1}), ("plain", {"temp": 1.0, "top_k": 5}), ("plain", {"temp": 0.5, "top_k": 31}), ("plain", {"temp": 1.0, "top_k": 32}), ("plain", {"temp": 1.0, "top_k": 50}),
    ("plain", {"temp": 1.0, "top_k": -1}), ("ties", {"temp": 1.0, "top_k": 8}),
    ("plain", {"temp": 1.0, "min_p": 0.1}), ("plain", {"temp": 0.7, "min_p": 0.02}), ("plain", {"temp": 1.0, "min_p": 1.0}), ("ties", {"temp": 1.0, "min_p": 1.0}),
    ("peaked", {"temp": 1.0, "min_p": 0.5, "min_tokens_to_keep": 4}), ("flat", {"temp": 1.0, "min_p": 0.97}), ("plain", {"temp": 1.0, "min_p": 1.5}), ("plain", {"temp": 1.0, "min_p": 0.3, "min_tokens_to_keep": 0}),
    ("plain", {"temp": 1.0, "top_p": 0.95, "min_p": 0.05, "top_k": 6}), ("plain", {"temp": 0.8, "top_p": 0.4, "top_k": 20}), ("plain", {"temp": 2.0, "top_p": 0.9, "min_p": 0.1}),
    ("plain", {"temp": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.1}), ("plain", {"temp": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.05, "xtc_special_tokens": [0, 3, 8]}),
    ("plain", {"temp": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.5}), ("plain", {"temp": 1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1}), ("plain", {"temp": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.6}),
    ("ties", {"temp": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.05}), ("plain", {"temp": 1.0, "top_p": 0.9, "xtc_probability": 1.0, "xtc_threshold": 0.08, "top_k": 4}),
    ("plain", {"temp": -1.0}),
]
PROCESSORS = [
    ("plain", HISTORY, {"logit_bias": {"0": 5.0, "31": -100.0, "4": 0.5}}),
    ("plain", HISTORY, {"repetition_penalty": 1.3}), ("plain", HISTORY, {"repetition_penalty": 0.8}), ("plain", HISTORY, {"repetition_penalty": 1.0}), ("plain", HISTORY, {"repetition_penalty": 0.0}),
    ("plain", HISTORY, {"repetition_penalty": 1.3, "repetition_context_size": 4}), ("plain", HISTORY, {"repetition_penalty": 1.3, "repetition_context_size": 0}),
    ("plain", HISTORY, {"repetition_penalty": 1.3, "repetition_context_size": 100}), ("plain", [], {"repetition_penalty": 1.3}), ("plain", HISTORY, {"repetition_penalty": -1.0}),
    ("plain", HISTORY, {"presence_penalty": 0.7}), ("plain", HISTORY, {"presence_penalty": -0.7}), ("plain", HISTORY, {"presence_penalty": 0.7, "presence_context_size": 3}),
    ("plain", HISTORY, {"frequency_penalty": 0.4}), ("plain", HISTORY, {"frequency_penalty": -0.4}), ("plain", HISTORY, {"frequency_penalty": 0.4, "frequency_context_size": 3}),
    ("ties", HISTORY, {"logit_bias": {"7": 2.0}, "repetition_penalty": 1.2, "presence_penalty": 0.3, "frequency_penalty": 0.2}),
    ("masked", HISTORY, {"repetition_penalty": 1.5, "presence_penalty": 0.5}),
    ("plain", HISTORY, {"repetition_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": 0.25, "temp": 0.9, "top_p": 0.9, "min_p": 0.02, "top_k": 10}),
]


def listed(values):
    return [None if math.isinf(v) else float(np.float32(v)) for v in np.asarray(values, np.float32).reshape(-1).tolist()]


def filters(sampler_args, logprobs):
    """Runs make_sampler's own chain, catching what it hands to the final draw."""
    seen = {}

    def catch(values, temp):
        seen["filtered"], seen["temp"] = values, temp
        return mx.argmax(values, axis=-1)

    original, su.categorical_sampling = su.categorical_sampling, catch
    try:
        token = su.make_sampler(**sampler_args)(logprobs)
        mx.eval(token)
    finally:
        su.categorical_sampling = original
    return int(token.item()), seen


def run(name, history, params):
    sampler_names = {"temp", "top_p", "min_p", "min_tokens_to_keep", "top_k", "xtc_probability", "xtc_threshold", "xtc_special_tokens"}
    sampler = {k: v for k, v in params.items() if k in sampler_names}
    process = {k: v for k, v in params.items() if k not in sampler_names}
    if "logit_bias" in process:
        process["logit_bias"] = {int(k): v for k, v in process["logit_bias"].items()}
    out = {"logits": name, "history": history, "params": params}
    try:
        logits = mx.array(LOGITS[name])[None]
        for processor in su.make_logits_processors(**process):
            logits = processor(mx.array(history, dtype=mx.int32), logits)
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        out |= {"processed": listed(logits), "logprobs": listed(logprobs)}
        token, seen = filters(sampler, logprobs)
        if seen:
            scaled = seen["filtered"] * (1.0 / seen["temp"])
            out["filtered"] = listed(seen["filtered"])
            out["final"] = listed(scaled - mx.logsumexp(scaled, axis=-1, keepdims=True))
            kept = [v for v in out["filtered"] if v is not None]
            dropped = [l for l, v in zip(out["logprobs"], out["filtered"]) if v is None and l is not None]
            if "top_k" in params and dropped and min(kept) in dropped:
                out["ambiguous"] = "equal values on both sides of the cut; any choice among them is right"
        else:
            out["token"] = token
    except ValueError as error:
        out["error"] = str(error)
    return out


def main():
    cases = [run(name, [], params) for name, params in SAMPLERS] + [run(*row) for row in PROCESSORS]
    out = {
        "mlx_lm_version": mlx_lm.__version__,
        "vocab_size": V,
        "order": ["logit_bias", "repetition_penalty", "presence_penalty", "frequency_penalty", "log-softmax",
                  "top_p (only if 0 < top_p < 1)", "min_p (if not 0)", "xtc (if probability > 0)", "top_k (if > 0)",
                  "temperature", "draw; temp 0 skips every filter and takes the argmax of the log-softmax"],
        "logits": {k: listed(v) for k, v in LOGITS.items()},
        "cases": cases,
    }
    text = json.dumps(out, indent=None, separators=(",", ":")).replace('{"logits":"', '\n{"logits":"')
    (HERE.parents[1] / "test/golden/sampling.json").write_text(text + "\n")
    print(len(cases), "cases;", sum("error" in c for c in cases), "errors;", sum("ambiguous" in c for c in cases), "ambiguous")
    for c in cases:
        if "error" in c:
            print("  error", c["params"], c["error"])


if __name__ == "__main__":
    main()
