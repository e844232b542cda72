"""Reads every written case back and recomputes it.

    python verify.py [FOLDER ...]       default test/golden/models

Checks, for each case: the checkpoint loads with mlx-lm, every layer is fed
float32, the logits and both greedy continuations repeat exactly, and the last
logits row of each decode step agrees with the stored margins.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE / "checkpoints")] + [p for p in sys.path if Path(p or ".").resolve() != HERE]

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from engine import GREEDY_STEPS, greedy, in_float32, load_model
from mlx_lm.models.mla import MultiLinear, QuantizedMultiLinear
from mlx_lm.models.switch_layers import QuantizedSwitchLinear, SwitchLinear

narrow = set()


def watch(cls):
    inner = cls.__call__

    def call(self, x, *rest, **named):
        if isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating) and x.dtype != mx.float32:
            narrow.add((cls.__name__, str(x.dtype)))
        out = inner(self, x, *rest, **named)
        if isinstance(out, mx.array) and out.dtype != mx.float32:
            narrow.add((cls.__name__ + " output", str(out.dtype)))
        return out

    cls.__call__ = call


for layer in (nn.Linear, nn.QuantizedLinear, nn.RMSNorm, nn.LayerNorm, nn.Conv1d, nn.Embedding, nn.QuantizedEmbedding,
              SwitchLinear, QuantizedSwitchLinear, MultiLinear, QuantizedMultiLinear):
    watch(layer)


def check(folder):
    narrow.clear()
    model, _ = load_model(folder)
    in_float32(model)
    golden = {k: np.array(v) for k, v in mx.load(str(folder / "golden.safetensors")).items()}
    wrong = []
    for prefix in ("", "cross_"):
        if prefix + "prompt_ids" not in golden:
            continue
        logits, tokens, margins, _ = greedy(model, golden[prefix + "prompt_ids"], GREEDY_STEPS)
        same = (np.abs(logits - golden[prefix + "logits"]).max(), np.abs(margins - golden[prefix + "greedy_margins"]).max())
        if max(same) > 1e-5 * logits.std():
            wrong.append(f"{prefix}logits or margins differ by {max(same):.2g}")
        if not np.array_equal(tokens, golden[prefix + "greedy_ids"]):
            wrong.append(prefix + "greedy ids differ")
    if narrow:
        wrong.append(f"not float32: {sorted(narrow)}")
    report = json.loads((folder / "golden.json").read_text())
    if report["greedy"]["min_margin_over_std"] < 2 * report["tolerance"]["max_abs_err_over_logits_std"]:
        wrong.append(f"greedy margin {report['greedy']['min_margin_over_std']}")
    return wrong


def main():
    failures = total = 0
    for root in [Path(p) for p in sys.argv[1:]] or [HERE.parents[1] / "test/golden/models"]:
        for folder in sorted(root.iterdir()):
            total += 1
            wrong = check(folder)
            if wrong:
                failures += 1
                print(folder.name, "; ".join(wrong), flush=True)
    print(f"{total - failures} of {total} cases repeat")


if __name__ == "__main__":
    main()
