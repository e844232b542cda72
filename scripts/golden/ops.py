"""Writes test/golden/ops/*.safetensors: single operations with float32 inputs and outputs.

    python ops.py

Tensor names are "<case>.<role>"; each file's metadata entry "cases" is a JSON
object giving the parameters of every case in it.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != HERE]

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.models import base, gated_delta, rope_utils, ssm
from mlx_lm.models.activations import swiglu_oai, xielu
from mlx_lm.models.cache import RotatingKVCache
from mlx_lm.models.deepseek_v3 import group_expert_select

mx.set_default_device(mx.cpu)
mx.disable_compile()
OUT = HERE.parents[1] / "test/golden/ops"


class File:
    def __init__(self, name, about):
        self.name, self.about, self.tensors, self.cases = name, about, {}, {}
        self.rng = np.random.default_rng(sum(map(ord, name)))

    def normal(self, *shape, scale=1.0):
        return mx.array((self.rng.normal(size=shape) * scale).astype(np.float32))

    def uniform(self, low, high, *shape):
        return mx.array(self.rng.uniform(low, high, shape).astype(np.float32))

    def add(self, case, params, **tensors):
        self.cases[case] = params
        for role, value in tensors.items():
            if value is not None:
                self.tensors[f"{case}.{role}"] = mx.contiguous(value)

    def write(self):
        OUT.mkdir(exist_ok=True)
        mx.save_safetensors(str(OUT / f"{self.name}.safetensors"), self.tensors,
                            {"format": "mlx", "about": self.about, "cases": json.dumps(self.cases)})
        print(self.name, len(self.cases), "cases")


def quantization():
    f = File("quantization", "quantize and dequantize; x [n, k] f32, packed words u32, scales, biases, dequantized f32; "
             "y = matmul of v with the transposed weights, z = matmul with them untransposed")

    def one(case, x, group, bits, mode, scale_dtype=None, global_scale=None):
        extra = {"global_scale": global_scale} if global_scale is not None else {}
        words, scales, *rest = mx.quantize(x, group, bits, mode=mode, **extra)
        biases = rest[0] if rest else None
        if scale_dtype:
            scales, biases = scales.astype(scale_dtype), biases.astype(scale_dtype)
        wide = (lambda a: a.astype(mx.float32) if a is not None and mx.issubdtype(a.dtype, mx.floating) else a)
        s32, b32 = wide(scales), wide(biases)
        full = mx.dequantize(words, s32, b32, group, bits, mode=mode, dtype=mx.float32, **extra)
        v, u = f.normal(3, x.shape[-1]), f.normal(3, x.shape[0])
        f.add(case, {"group_size": group, "bits": bits, "mode": mode, "scale_dtype": str(scales.dtype).split(".")[-1]},
              x=x, words=words, scales=scales, biases=biases, dequantized=full, global_scale=global_scale,
              v=v, y=v @ full.T, u=u, z=u @ full)

    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            one(f"affine-{bits}-{group}", f.normal(8, 256), group, bits, "affine")
    for bits in (2, 3, 4, 5, 6, 8):
        for dtype in (mx.bfloat16, mx.float16):
            one(f"affine-{bits}-64-{str(dtype).split('.')[-1]}", f.normal(4, 128).astype(dtype).astype(mx.float32), 64, bits, "affine", dtype)
    for mode, group, bits in (("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)):
        one(mode, f.normal(8, 256), group, bits, mode)
        one(f"{mode}-wide", f.normal(8, 256) * mx.exp(f.normal(8, 1, scale=4.0)), group, bits, mode)
    edge = mx.zeros((4, 64))
    edge[1] = 3.5
    edge[2] = mx.arange(64) / 8 - 4
    edge[3] = -edge[2] * 1e-3
    for bits in (2, 3, 4, 5, 6, 8):
        one(f"affine-{bits}-64-edge", edge, 64, bits, "affine")
    for mode, group, bits in (("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)):
        one(f"{mode}-edge", edge, group, bits, mode)
    # every code of the small formats: words that count upwards
    for mode, group, bits in (("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)):
        per = 32 // bits
        codes = np.arange(256, dtype=np.uint64) % (1 << bits)
        words = mx.array(sum((codes.reshape(-1, per)[:, i] << np.uint64(bits * i)) for i in range(per)).astype(np.uint32)).reshape(1, -1)
        low, high = (0x30, 0x40) if mode == "nvfp4" else (120, 134)
        scales = mx.array(np.linspace(low, high, 256 // group).astype(np.uint8)).reshape(1, -1)
        f.add(f"{mode}-codes", {"group_size": group, "bits": bits, "mode": mode}, words=words, scales=scales,
              dequantized=mx.dequantize(words, scales, None, group, bits, mode=mode, dtype=mx.float32))
    for mode, group, bits in (("mxfp4", 32, 4), ("nvfp4", 16, 4)):
        keep = np.arange(255 if mode == "mxfp4" else 127, dtype=np.uint8)  # without the not-a-number codes
        keep = np.concatenate([keep, keep[-1:]])  # an even count
        s = mx.array(keep).reshape(-1, 1)
        words = mx.full((len(keep), group // 8), 0x22222222, dtype=mx.uint32)  # every element is 1.0
        full = mx.dequantize(words, s, None, group, bits, mode=mode, dtype=mx.float32)
        f.add(f"{mode}-scales", {"group_size": group, "bits": bits, "mode": mode, "note": "value of each scale byte"},
              words=words, scales=s, dequantized=full)
    f.write()


def rope():
    f = File("rope", "x [batch, heads, length, head_dim] -> y; the parameters name mlx-lm's rope constructor arguments")
    x = f.normal(1, 2, 7, 16)
    for traditional in (False, True):
        for dims in (16, 8):
            for offset in (0, 37):
                for scale in (1.0, 0.4):
                    name = f"{'interleaved' if traditional else 'halves'}-{dims}-{offset}-{scale}"
                    f.add(name, {"dims": dims, "traditional": traditional, "base": 10000.0, "scale": scale, "offset": offset},
                          x=x, y=mx.fast.rope(x, dims, traditional=traditional, base=10000.0, scale=scale, offset=offset))
    freqs = f.uniform(1.0, 50.0, 8)
    for traditional in (False, True):
        f.add(f"freqs-{traditional}", {"dims": 16, "traditional": traditional, "base": None, "scale": 1.0, "offset": 5}, x=x, freqs=freqs,
              y=mx.fast.rope(x, 16, traditional=traditional, base=None, scale=1.0, offset=5, freqs=freqs))
    wide = f.normal(1, 2, 7, 32)
    variants = {
        "linear": {"rope_type": "linear", "factor": 2.5},
        "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        "yarn": {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1},
        "yarn-mscale": {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
                        "mscale": 1.0, "mscale_all_dim": 0.5},
        "longrope": {"rope_type": "longrope", "original_max_position_embeddings": 4096, "short_factor": [1.0] * 16,
                     "long_factor": [1.0 + 0.3 * i * i for i in range(16)]},
        "proportional": {"rope_type": "proportional", "partial_rotary_factor": 0.5},
        "proportional-factor": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "factor": 4.0},
        "dynamic": {"rope_type": "dynamic", "factor": 3.0},
    }
    for name, scaling in variants.items():
        for traditional in (False, True):
            for offset in (0, 90):
                limit = 64 if name == "dynamic" else 131072
                module = rope_utils.initialize_rope(32, 10000.0, traditional, scaling, limit)
                f.add(f"{name}-{'interleaved' if traditional else 'halves'}-{offset}",
                      {"dims": 32, "base": 10000.0, "traditional": traditional, "scaling_config": scaling, "max_position_embeddings": limit, "offset": offset},
                      x=wide, y=module(wide, offset=offset), freqs=getattr(module, "_freqs", None))
    f.write()


def norms():
    f = File("norms", "x -> y along the last axis")
    x = f.normal(3, 5, 48) * 2 + 0.5
    w, b = f.uniform(0.5, 1.5, 48), f.normal(48)
    for eps in (1e-6, 1e-5, 1e-2):
        f.add(f"rms-{eps}", {"kind": "rms", "eps": eps}, x=x, weight=w, y=mx.fast.rms_norm(x, w, eps))
        f.add(f"layer-{eps}", {"kind": "layer", "eps": eps}, x=x, weight=w, bias=b, y=mx.fast.layer_norm(x, w, b, eps))
    f.add("rms-plain", {"kind": "rms", "eps": 1e-5}, x=x, y=mx.fast.rms_norm(x, None, 1e-5))
    f.add("rms-plus-one", {"kind": "rms, weight used as 1 + weight", "eps": 1e-6}, x=x, weight=w - 1, y=mx.fast.rms_norm(x, w, 1e-6))
    f.add("layer-no-bias", {"kind": "layer", "eps": 1e-5}, x=x, weight=w, y=mx.fast.layer_norm(x, w, None, 1e-5))
    f.add("layer-plain", {"kind": "layer", "eps": 1e-5}, x=x, y=mx.fast.layer_norm(x, None, None, 1e-5))
    tiny = x * 1e-4
    f.add("rms-tiny", {"kind": "rms", "eps": 1e-6}, x=tiny, weight=w, y=mx.fast.rms_norm(tiny, w, 1e-6))
    q, k = f.normal(1, 4, 2, 16), f.normal(1, 4, 2, 16)
    qn, kn = gated_delta.normalize_qk(q, k, inv_scale=16 ** -0.5, eps=1e-6)
    f.add("delta-qk", {"kind": "query and key normalisation of gated delta layers", "eps": 1e-6}, q=q, k=k, q_out=qn, k_out=kn)
    f.write()


def attention():
    f = File("attention", "scaled dot-product attention, q [1, heads, Lq, d], k and v [1, kv_heads, Lk, d]; mask 1 = visible")

    def mask_of(length, offset, window):
        return base.create_causal_mask(length, offset, window_size=window)

    for name, (heads, kv, length, past, window, sink, v_dim) in {
        "causal": (4, 2, 9, 0, None, False, 16), "causal-mqa": (4, 1, 9, 0, None, False, 16), "causal-past": (4, 2, 5, 11, None, False, 16),
        "window": (4, 2, 12, 0, 5, False, 16), "window-past": (4, 2, 6, 9, 4, False, 16), "sinks": (4, 2, 9, 0, None, True, 16),
        "sinks-window": (4, 2, 12, 0, 5, True, 16), "decode": (4, 2, 1, 13, None, False, 16), "decode-sinks": (4, 2, 1, 13, None, True, 16),
        "wide-values": (4, 2, 7, 0, None, False, 24), "one-key": (4, 4, 1, 0, None, False, 16),
    }.items():
        q, k, v = f.normal(1, heads, length, 16, scale=1.5), f.normal(1, kv, length + past, 16, scale=1.5), f.normal(1, kv, length + past, v_dim)
        sinks = f.uniform(-1, 2, heads) if sink else None
        mask = mask_of(length, past, window)
        y = mx.fast.scaled_dot_product_attention(q, k, v, scale=0.3, mask=mask, sinks=sinks)
        f.add(name, {"scale": 0.3, "window": window, "past": past}, q=q, k=k, v=v, mask=mask.astype(mx.uint8), sinks=sinks, y=y)
    q, k, v = f.normal(1, 4, 6, 16), f.normal(1, 2, 6, 16), f.normal(1, 2, 6, 16)
    add = mx.where(mask_of(6, 0, None), f.normal(6, 6), -mx.inf)
    f.add("additive", {"scale": 0.25}, q=q, k=k, v=v, additive_mask=add, y=mx.fast.scaled_dot_product_attention(q, k, v, scale=0.25, mask=add))
    cap = 4.0
    scores = mx.tanh((q * 0.5).reshape(1, 2, 2, 6, 16) @ mx.expand_dims(k, 2).swapaxes(-1, -2) / cap) * cap
    scores = mx.where(mask_of(6, 0, None), scores, mx.finfo(mx.float32).min)
    y = (mx.softmax(scores, axis=-1) @ mx.expand_dims(v, 2)).reshape(1, 4, 6, 16)
    f.add("softcap", {"scale": 0.5, "softcap": cap}, q=q, k=k, v=v, y=y)
    f.write()


def rotating():
    f = File("rotating_cache", "a rotating cache fed in steps; after each step the keys returned, the offset and the mask for that step (1 = visible)")
    for name, (size, keep, window, steps) in {
        "prompt-shorter": (8, 0, 8, [5, 1, 1, 1, 1, 1, 1, 1, 1]), "prompt-longer": (8, 0, 8, [13, 1, 1, 1, 1]),
        "chunks": (8, 0, 8, [5, 6, 7, 1, 1, 3, 1]), "keep-4": (8, 4, 8, [6, 1, 1, 1, 1, 1, 1, 1]), "exact": (8, 0, 8, [8, 1, 1]),
        "ones": (4, 0, 4, [1] * 9), "smaller-window": (8, 0, 4, [6, 1, 1, 1, 1]),
    }.items():
        cache = RotatingKVCache(max_size=size, keep=keep)
        position, log = 0, []
        for i, n in enumerate(steps):
            mask = cache.make_mask(n, window_size=window, return_array=True)
            k = mx.arange(position, position + n, dtype=mx.float32).reshape(1, 1, n, 1)
            keys, _ = cache.update_and_fetch(k, k)
            f.add(f"{name}.{i}", {"max_size": size, "keep": keep, "window": window, "length": n, "offset_after": int(cache.offset)},
                  keys=keys.reshape(-1), mask=None if mask is None else mask.astype(mx.uint8))
            position += n
    f.write()


def routing():
    f = File("routing", "router logits [tokens, experts] -> dense weights [tokens, experts] (0 = not selected)")

    def dense(indices, weights, experts):
        return mx.put_along_axis(mx.zeros((indices.shape[0], experts)), indices, weights, axis=-1)

    g = f.normal(12, 8, scale=1.5)
    bias = f.uniform(-0.3, 0.3, 8)
    for k in (1, 2, 3):
        inds = mx.argpartition(-g, kth=k - 1, axis=-1)[..., :k]
        f.add(f"softmax-of-selected-{k}", {"top_k": k}, logits=g, weights=dense(inds, mx.softmax(mx.take_along_axis(g, inds, -1), axis=-1), 8))
        p = mx.softmax(g, axis=-1)
        inds = mx.argpartition(p, kth=-k, axis=-1)[..., -k:]
        chosen = mx.take_along_axis(p, inds, -1)
        f.add(f"softmax-of-all-{k}", {"top_k": k, "normalised": False}, logits=g, weights=dense(inds, chosen, 8))
        f.add(f"softmax-of-all-normalised-{k}", {"top_k": k, "normalised": True}, logits=g, weights=dense(inds, chosen / chosen.sum(-1, keepdims=True), 8))
    for n_group, topk_group in ((1, 1), (2, 1), (4, 2), (4, 3)):
        for norm in (True, False):
            for k in (1, 2, 3):
                if n_group > 1 and k > 8 // n_group * topk_group:
                    continue
                inds, w = group_expert_select(g, bias, k, n_group, topk_group, 2.5, norm)
                f.add(f"sigmoid-groups-{n_group}-{topk_group}-{k}-{norm}",
                      {"top_k": k, "n_group": n_group, "topk_group": topk_group, "routed_scaling_factor": 2.5, "norm_topk_prob": norm,
                       "note": "groups ranked by the sum of their two best biased scores; biased scores of dropped groups become 0; no normalisation when top_k is 1"},
                      logits=g, correction_bias=bias, weights=dense(inds, w, 8))
    f.write()


def recurrences():
    f = File("recurrences", "gated delta rule, mamba2 (ssd) scan and depthwise causal convolution; each with and without a starting state, and run in two parts")
    B, T, Hk, Hv, Dk, Dv = 1, 9, 2, 4, 8, 6
    q, k = gated_delta.normalize_qk(f.normal(B, T, Hk, Dk), f.normal(B, T, Hk, Dk), inv_scale=Dk ** -0.5, eps=1e-6)
    v, a, b = f.normal(B, T, Hv, Dv), f.normal(B, T, Hv), f.normal(B, T, Hv)
    A_log, dt = mx.log(f.uniform(0.3, 3.0, Hv)), f.uniform(-2, 1, Hv)
    state = f.normal(B, Hv, Dv, Dk)
    for name, start in (("fresh", None), ("resumed", state)):
        y, end = gated_delta.gated_delta_update(q, k, v, a, b, A_log, dt, start, None)
        f.add(f"delta-{name}", {"layout": "q, k [1, T, Hk, Dk]; v [1, T, Hv, Dv]; a, b [1, T, Hv]; state [1, Hv, Dv, Dk]"},
              q=q, k=k, v=v, a=a, b=b, A_log=A_log, dt_bias=dt, state=start, y=y, state_out=end)
    y, end = gated_delta.gated_delta_update(q, k, v, a, b, A_log, dt, None, None, allow_neg_eigval=True)
    f.add("delta-negative", {"allow_neg_eigval": True}, q=q, k=k, v=v, a=a, b=b, A_log=A_log, dt_bias=dt, y=y, state_out=end)
    av, dtv = f.normal(B, T, Hv, Dk), f.uniform(-2, 1, Hv, Dk)
    qv, kv = gated_delta.normalize_qk(f.normal(B, T, Hv, Dk), f.normal(B, T, Hv, Dk), inv_scale=Dk ** -0.5, eps=1e-6)
    y, end = gated_delta.gated_delta_update(qv, kv, v, av, b, A_log.reshape(Hv, 1), dtv, None, None)
    f.add("delta-vector-gate", {"layout": "a [1, T, Hv, Dk], one decay per key channel"}, q=qv, k=kv, v=v, a=av, b=b, A_log=A_log, dt_bias=dtv, y=y, state_out=end)
    H, G, D, N = 4, 2, 6, 8
    x, dts, Bm, Cm = f.normal(B, T, H, D), f.normal(B, T, H), f.normal(B, T, G, N), f.normal(B, T, G, N)
    Ds, dtb, st = f.uniform(0.5, 1.5, H), f.uniform(-2, 1, H), f.normal(B, H, D, N)
    for name, start, limit in (("fresh", None, (0.001, 100.0)), ("resumed", st, (0.001, 100.0)), ("limited", st, (0.05, 0.6))):
        y, end = ssm.ssm_update(x, A_log, Bm, Cm, Ds, dts, dtb, start, limit)
        f.add(f"ssd-{name}", {"time_step_limit": limit, "layout": "x [1, T, H, D]; B, C [1, T, G, N]; dt [1, T, H]; state [1, H, D, N]"},
              x=x, A_log=A_log, B=Bm, C=Cm, D=Ds, dt=dts, dt_bias=dtb, state=start, y=y, state_out=end)
    for kernel in (2, 3, 4):
        xc, w, bias = f.normal(1, T, 10), f.normal(10, kernel, 1), f.normal(10)
        past = f.normal(1, kernel - 1, 10)
        for name, start in (("fresh", mx.zeros((1, kernel - 1, 10))), ("resumed", past)):
            full = mx.concatenate([start, xc], axis=1)
            f.add(f"conv-{kernel}-{name}", {"kernel": kernel, "layout": "x [1, T, C], weight [C, kernel, 1], oldest tap first"},
                  x=xc, weight=w, bias=bias, state=start, y=mx.conv1d(full, w, groups=10) + bias, state_out=full[:, -(kernel - 1):])
    f.write()


def activations():
    f = File("activations", "elementwise x (and gate) -> y")
    x, g = f.normal(64, scale=3.0), f.normal(64, scale=3.0)
    for name, fn in {"silu": nn.silu, "gelu": nn.gelu, "gelu_approx": nn.gelu_approx, "gelu_fast": nn.gelu_fast_approx, "relu2": nn.relu2,
                     "softplus": nn.softplus, "sigmoid": mx.sigmoid}.items():
        f.add(name, {}, x=x, y=fn(x))
    f.add("swiglu", {}, x=x, gate=g, y=nn.silu(g) * x)
    f.add("swiglu-oai", {"alpha": 1.702, "limit": 7.0}, x=x * 3, gate=g * 3, y=swiglu_oai(g * 3, x * 3))
    f.add("xielu", {"beta": 0.5, "eps": -1e-6}, x=x, alpha_p=mx.array([0.3]), alpha_n=mx.array([-0.4]),
          y=xielu(x, mx.array([0.3]), mx.array([-0.4]), mx.array(0.5), mx.array(-1e-6)))
    f.write()


if __name__ == "__main__":
    for part in (quantization, rope, norms, attention, rotating, routing, recurrences, activations):
        part()
