"""The table of reference cases, and the command that writes them.

    python models.py                       all cases into test/golden/models
    python models.py --only 'qwen3'        those whose name matches
    python models.py --held TABLE.py       the cases of another table, into
                                           models/ beside that table
    python models.py --check               only list, run nothing
"""

import argparse
import importlib.util
import json
import re
import sys
import time
import traceback
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
# mlx-lm's olmo asks for this package but only checks that it is there
sys.modules.setdefault("hf_olmo", types.ModuleType("hf_olmo"))
# a neighbouring script is called tokenizers.py and must not hide that package
sys.path[:] = [str(HERE / "checkpoints")] + [p for p in sys.path if Path(p or ".").resolve() != HERE]

from engine import Case, judge, produce  # noqa: E402


def q(bits, group_size=64, mode="affine", overrides=(), **extra):
    return {"bits": bits, "group_size": group_size, "mode": mode, "overrides": list(overrides), **extra}


MXFP4 = {"group_size": 32, "bits": 4, "mode": "mxfp4"}
EIGHT = {"group_size": 64, "bits": 8}
SIX = {"group_size": 64, "bits": 6}


# norms that close a branch, kept small so that the residual stream stays near 1
POST_NORMS = {r"post_(attention|feedforward)_layernorm\.weight$": lambda r, s: r.uniform(-0.8, -0.3, s)}
GLM_POST = {r"post_(self_attn|mlp)_layernorm\.weight$": lambda r, s: r.uniform(0.2, 0.7, s)}
# plamo norms add a constant to their weight (1, 1/5 or 1/sqrt(125))
PLAMO = {r"(pre|post)_(mixer|mlp)_norm\.weight$|model\.norm\.weight$|mixer\.[qk]_norm\.weight$": lambda r, s: r.uniform(-0.15, 0.25, s)}
# a large final norm, so that softcaps on the head matter with small tied embeddings
FINAL_NORM = {r"model\.norm\.weight$": lambda r, s: r.uniform(6.0, 12.0, s)}


def cfg(model_type, architecture=None, drop=(), **fields):
    """The fields most decoder configs share, with overrides."""
    base = {
        "architectures": [architecture or "".join(p.capitalize() for p in model_type.split("_")) + "ForCausalLM"],
        "model_type": model_type,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 320,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 0.01,
        "rope_theta": 30000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    return {k: v for k, v in base.items() if k not in drop} | fields


CASES = []


# fields that real configs carry for these types and mlx-lm does not read
UNREAD = {
    "kimi_linear": ("num_key_value_heads", "rope_theta", "head_dim", "mla_use_nope", "use_grouped_topk", "topk_group"),
    "falcon_h1": ("attention_in_multiplier", "attention_out_multiplier", "embedding_multiplier", "key_multiplier", "lm_head_multiplier",
                  "mlp_multipliers", "ssm_in_multiplier", "ssm_multipliers", "ssm_out_multiplier"),
    "recurrent_gemma": ("intermediate_size", "num_key_value_heads", "rope_theta", "attention_bias", "conv1d_width"),
    "nemotron_h": ("tie_word_embeddings", "n_shared_experts", "use_bias", "rms_norm_eps"),
    "glm4_moe": ("tie_word_embeddings",),
    "deepseek_v2": ("rope_scaling.beta_slow", "rope_scaling.type", "tie_word_embeddings", "num_key_value_heads"),
    "minicpm3": ("num_key_value_heads", "rope_scaling.type", "rope_scaling.short_factor"),
    "stablelm": ("tie_word_embeddings",),
    "mamba2": ("intermediate_size",),
    "olmo_hybrid": ("rope_parameters.rope_type",),
    "gpt_neox": ("intermediate_size",),
    "helium": ("head_dim",),
    "apertus": ("attention_bias", "post_norm", "qk_norm", "mlp_bias", "model.layers.*.mlp.act_fn.eps"),
    "ernie4_5_moe": ("moe_use_aux_free",),
    "hunyuan": ("tie_word_embeddings", "rope_scaling.factor", "rope_scaling.type"),
    "hunyuan_v1_dense": ("rope_scaling.beta_fast", "rope_scaling.beta_slow", "rope_scaling.factor", "rope_scaling.mscale", "rope_scaling.type"),
    "bailing_moe": ("head_dim", "norm_softmax"),
    "dots1": ("scoring_func",),
    "minimax_m2": ("scoring_func",),
    "Klear": ("tie_word_embeddings",),
    "afm7": ("tie_word_embeddings", "model.kv_reuse_layers.*.input_layernorm:eps"),
    "lille-130m": ("tie_word_embeddings", "block_size"),
    "llama4_text": ("intermediate_size",),
    "afmoe": ("topk_group",),
    "dbrx": ("max_seq_len", "ffn_config.moe_jitter_eps", "ffn_config.moe_loss_weight"),
    "laguna": ("num_attention_heads", "rope_theta"),
    "llama4": ("text_config.tie_word_embeddings",),
    "longcat_flash": ("tie_word_embeddings",),
    "longcat_flash_ngram": ("tie_word_embeddings",),
    "mellum": ("intermediate_size", "rope_parameters.full_attention.rope_type", "rope_parameters.sliding_attention.rope_type"),
    "mistral4": ("intermediate_size", "num_key_value_heads", "topk_group", "rope_parameters.rope_type"),
    "openelm": ("ffn_with_glu",),
    "plamo3": ("window_size", "sliding_window"),
    "qwen": ("intermediate_size",),
    "pixtral": ("text_config.tie_word_embeddings",),
    "spark2_5": ("rope_parameters.full_attention.rope_type", "rope_parameters.sliding_attention.rope_type"),
    "step3p5": ("tie_word_embeddings",),
    "talkie": ("tie_word_embeddings",),
    "youtu_llm": ("num_key_value_heads", "rope_interleave"),
    "bailing_hybrid": ("num_key_value_heads",),
    "mimo_v2_flash": ("tie_word_embeddings", "scoring_func", "topk_group"),
}


def case(name, config, exercises, **options):
    options["ignored"] = tuple(options.get("ignored", ())) + UNREAD.get(config["model_type"], ())
    CASES.append(Case(name=name, config=config, exercises=exercises, **options))


# ---------------------------------------------------------------- llama family

case("llama-plain-q4-g64", cfg("llama"), "grouped-query attention, untied head", quant=q(4), seed=11)
case("llama-bf16-sharded", cfg("llama", head_dim=32, num_key_value_heads=1, num_hidden_layers=2),
     "unquantised bf16, head_dim not hidden/heads, one kv head, three shards", shards=3, seed=12)
case("llama3-rope-q4-g32", cfg(
    "llama", rope_theta=500000.0, num_hidden_layers=2, eos_token_id=[2, 5, 9], head_dim=32,
    rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                  "original_max_position_embeddings": 64, "rope_type": "llama3"}),
     "llama3 rope scaling, several eos ids in both configs", quant=q(4, 32), seed=13,
     generation_config={"eos_token_id": [2, 5, 9], "temperature": 0.6, "top_p": 0.9})
case("llama-linear-rope-q8-g64", cfg("llama", num_hidden_layers=2,
                                     rope_scaling={"factor": 2.5, "type": "linear"}),
     "linear rope scaling (old key 'type')", quant=q(8), seed=14)
case("llama-dynamic-rope-q4-g64", cfg("llama", num_hidden_layers=2, max_position_embeddings=24,
                                      rope_scaling={"factor": 3.0, "type": "dynamic"}),
     "dynamic NTK rope: base depends on the length of each call", quant=q(4), seed=15, inconsistent=True,
     notes="each call rotates with a base computed from the total length so far; cached keys keep their old base, so splitting the prompt changes the result")
case("llama-tied-q4-g64", cfg("llama", tie_word_embeddings=True), "quantised tied embedding as head",
     quant=q(4), seed=16, embed_std=0.15)
case("llama-biases-q4-g64", cfg("llama", num_hidden_layers=2, attention_bias=True, mlp_bias=True,
                                rope_traditional=True),
     "biases on attention and mlp, interleaved rope", quant=q(4), seed=17)
case("llama-sliding-q4-g32", cfg("llama", "MistralForCausalLM", num_hidden_layers=4, sliding_window=12,
                                 layer_types=["sliding_attention", "full_attention"] * 2),
     "layer_types with a 12 token window on half the layers", quant=q(4, 32), seed=18, prompt=40, crossing=7)
case("mistral-q4-g64-long", cfg("mistral", head_dim=32, sliding_window=16),
     "model type mistral; sliding_window without layer_types", quant=q(4), seed=21, prompt=40,
     ignored=("sliding_window",), notes="sliding_window has no effect: without layer_types every layer is full attention")
case("mistral-f16", cfg("mistral", num_hidden_layers=2, torch_dtype="float16"), "unquantised float16", seed=22,
     storage="float16")
case("mixtral-q4-g64", cfg("mixtral", num_local_experts=6, num_experts_per_tok=2, rope_theta=1000000.0,
                           num_hidden_layers=2, intermediate_size=64),
     "softmax over the selected two experts only", quant=q(4), seed=23)

# ---------------------------------------------------------------- qwen

case("qwen2-q4-g64", cfg("qwen2", rope_theta=1000000.0, use_sliding_window=False, sliding_window=8),
     "bias on q, k, v only", quant=q(4), seed=31, ignored=("sliding_window",))
case("qwen2-tied-q6-g64", cfg("qwen2", tie_word_embeddings=True, num_hidden_layers=2), "6 bit tied embedding",
     quant=q(6), seed=32, embed_std=0.12)
case("qwen2-yarn-q4-g32", cfg("qwen2", num_hidden_layers=2, hidden_size=128, rope_theta=1000000.0,
                              rope_scaling={"factor": 4.0, "original_max_position_embeddings": 1024, "type": "yarn"}),
     "yarn rope with default betas", quant=q(4, 32), seed=33)
case("qwen3-q4-g64", cfg("qwen3", head_dim=32, tie_word_embeddings=False), "per-head q and k norm, head_dim 32",
     quant=q(4), seed=34, qk_gain=0.6)
case("qwen3-tied-q8-g32", cfg("qwen3", head_dim=32, tie_word_embeddings=True, num_hidden_layers=2),
     "tied, 8 bit group 32", quant=q(8, 32), seed=35, embed_std=0.12, qk_gain=0.6)
case("qwen3-moe-q4-g64", cfg("qwen3_moe", "Qwen3MoeForCausalLM", head_dim=32, num_experts=8, num_experts_per_tok=3, moe_intermediate_size=64,
                             decoder_sparse_step=1, mlp_only_layers=[1], norm_topk_prob=True),
     "softmax over all experts, top 3 renormalised; 8 bit router; one dense layer", quant=q(4), seed=36, qk_gain=0.6,
     fixed=("decoder_sparse_step", "mlp_only_layers"))

# ---------------------------------------------------------------- gemma

case("gemma2-q4-g64", cfg("gemma2", head_dim=32, query_pre_attn_scalar=24.0, attn_logit_softcapping=5.0,
                          final_logit_softcapping=8.0, sliding_window=8, num_hidden_layers=2,
                          hidden_activation="gelu_pytorch_tanh"),
     "softcaps on attention and head, four norms with 1+w, tied", quant=q(4), seed=41, embed_std=0.02,
     norm_spread=0.4, init=FINAL_NORM | POST_NORMS, ignored=("sliding_window", "tie_word_embeddings"),
     notes="sliding_window is not applied by mlx-lm for gemma2")
case("gemma3-text-q4-g32-long", cfg("gemma3_text", hidden_size=96, head_dim=32, num_hidden_layers=7, num_key_value_heads=1,
                               intermediate_size=96, query_pre_attn_scalar=24, rope_local_base_freq=1000.0,
                               rope_theta=100000.0, sliding_window=12, sliding_window_pattern=6, eos_token_id=[1, 106]),
     "5:1 sliding pattern, two rope bases, q/k norm with 1+w, tied, window crossed in prompt and decode",
     quant=q(4, 32), seed=42, embed_std=0.03, qk_gain=0.6, drop_weights="^lm_head", init=FINAL_NORM | POST_NORMS, prompt=40, crossing=7, ignored=("tie_word_embeddings",))

# ---------------------------------------------------------------- phi

case("phi3-q4-g64", cfg("phi3", partial_rotary_factor=0.75, num_hidden_layers=2, original_max_position_embeddings=4096, sliding_window=2047),
     "fused qkv and gate_up, partial rotary", quant=q(4), seed=51,
     ignored=("original_max_position_embeddings", "sliding_window"))
case("phi3-longrope-q4-g32", cfg("phi3", num_hidden_layers=2, max_position_embeddings=131072,
                                 original_max_position_embeddings=4096, rope_scaling={
                                     "type": "longrope",
                                     "long_factor": [1.0, 1.3, 1.9, 2.7, 4.1, 6.0, 9.0, 12.0],
                                     "short_factor": [1.0, 1.02, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5]}),
     "su/longrope: long factors at every length, input scale from the context ratio", quant=q(4, 32), seed=52,
     ignored=("rope_scaling.short_factor",), notes="short_factor is never used")

# ---------------------------------------------------------------- gpt-oss, deepseek, glm

case("gpt-oss-mxfp4-long", cfg("gpt_oss", "GptOssForCausalLM", drop=("tie_word_embeddings",), head_dim=32, num_hidden_layers=4, intermediate_size=64,
                          num_local_experts=6, num_experts_per_tok=2, sliding_window=12, rope_theta=150000,
                          attention_bias=True, swiglu_limit=7.0,
                          layer_types=["sliding_attention", "full_attention"] * 2,
                          rope_scaling={"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0,
                                        "original_max_position_embeddings": 4096, "rope_type": "yarn", "truncate": False}),
     "mxfp4 experts with biases, attention sinks, clipped swiglu, alternating window, yarn",
     quant=q(4, 32, "mxfp4", overrides=[(r"embed_tokens|lm_head|_proj$(?<!experts\.gate_proj)(?<!experts\.up_proj)(?<!experts\.down_proj)", EIGHT), (r"router", EIGHT)]),
     seed=61, prompt=40, crossing=7, ignored=("attention_bias", "swiglu_limit", "rope_scaling.truncate"))
case("deepseek-v3-q4-g32", cfg("deepseek_v3", "DeepseekV3ForCausalLM", num_hidden_layers=3, num_key_value_heads=4,
                               moe_intermediate_size=64, n_shared_experts=1, n_routed_experts=8,
                               routed_scaling_factor=2.5, kv_lora_rank=32, q_lora_rank=64, qk_rope_head_dim=16,
                               v_head_dim=32, qk_nope_head_dim=32, topk_method="noaux_tc", scoring_func="sigmoid",
                               norm_topk_prob=True, n_group=4, topk_group=2, num_experts_per_tok=3, moe_layer_freq=1,
                               first_k_dense_replace=1, attention_bias=False,
                               rope_scaling={"beta_fast": 32, "beta_slow": 1, "factor": 40.0, "mscale": 1.0,
                                             "mscale_all_dim": 0.7, "original_max_position_embeddings": 1024, "type": "yarn"}),
     "latent attention stored as embed_q/unembed_out, sigmoid group routing with correction bias, yarn with mscale",
     quant=q(4, 32), seed=62, ignored=("scoring_func", "tie_word_embeddings", "num_key_value_heads", "rope_scaling.beta_slow"), fixed=("moe_layer_freq", "first_k_dense_replace"))
case("glm4-q4-g64", cfg("glm4", head_dim=32, attention_bias=True, partial_rotary_factor=0.5, num_hidden_layers=2, eos_token_id=[2, 7]),
     "post-norms around both branches, interleaved half rotary, qkv bias", quant=q(4), seed=63, init=GLM_POST, ignored=("tie_word_embeddings",))
case("lfm2-q4-g64", cfg("lfm2", drop=("rms_norm_eps", "intermediate_size"), num_hidden_layers=4, norm_eps=0.01, conv_bias=False, conv_L_cache=3, block_dim=64,
                        block_multiple_of=32, block_ffn_dim_multiplier=1.0, block_auto_adjust_ff_dim=True, block_ff_dim=144,
                        layer_types=["conv", "conv", "full_attention", "conv"], rope_theta=1000000.0),
     "gated short convolution layers, adjusted ff width (128 here)", quant=q(4), seed=64, embed_std=0.15, qk_gain=0.5, ignored=("tie_word_embeddings",),
     fixed=("block_multiple_of", "block_ff_dim"))
case("granite-q4-g64", cfg("granite", logits_scaling=4.0, attention_multiplier=0.17, embedding_multiplier=3.0,
                           residual_multiplier=0.6, attention_bias=True, mlp_bias=True),
     "embedding, attention, residual and logits multipliers; 8 bit o_proj and down_proj", quant=q(4), seed=65)
case("cohere2-q4-g64-long", cfg("cohere2", drop=("rms_norm_eps",), head_dim=16, num_hidden_layers=5, layer_norm_eps=0.01, logit_scale=0.25,
                           sliding_window=12, sliding_window_pattern=4, intermediate_size=64, attention_bias=False),
     "parallel block, LayerNorm without bias, rope only on sliding layers, tied", quant=q(4), seed=66, embed_std=0.15,
     prompt=40, crossing=7, ignored=("tie_word_embeddings",))


# ---------------------------------------------------------------- more gemma

case("gemma-q4-g64", cfg("gemma", head_dim=32, num_key_value_heads=1, num_hidden_layers=2, intermediate_size=256),
     "embedding times sqrt(hidden), norms with 1+w, gelu (tanh form), tied", quant=q(4), seed=43, embed_std=0.02,
     ignored=("tie_word_embeddings",))
GEMMA3 = cfg("gemma3_text", drop=("architectures", "vocab_size", "torch_dtype"), hidden_size=96, head_dim=32, num_hidden_layers=4, num_key_value_heads=2,
             intermediate_size=96, query_pre_attn_scalar=24, rope_local_base_freq=1000.0, rope_theta=100000.0,
             rope_scaling={"factor": 8.0, "rope_type": "linear"}, sliding_window=12, sliding_window_pattern=2)
case("gemma3-wrapper-q4-g32-long", {
    "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "vocab_size": 320, "eos_token_id": [1, 106],
    "mm_tokens_per_image": 256, "torch_dtype": "bfloat16", "text_config": GEMMA3,
    "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 64}},
     "language_model. prefix, text_config, linear rope scaling on the global layers only, untied head",
     quant=q(4, 32, overrides=[(r"lm_head|embed_tokens", {"group_size": 32, "bits": 6})]), seed=44, embed_std=0.03, qk_gain=0.6,
     init=POST_NORMS, prompt=40, crossing=7, ignored=("text_config.tie_word_embeddings",))
GEMMA3N = cfg("gemma3n_text", drop=("architectures", "torch_dtype"), hidden_size=64, head_dim=16, num_hidden_layers=6, intermediate_size=[96] * 6,
              num_kv_shared_layers=2, vocab_size_per_layer_input=256, sliding_window=12, rope_local_base_freq=1000.0,
              rope_theta=100000.0, final_logit_softcapping=6.0,
              layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2,
              activation_sparsity_pattern=[0.9, 0.9, 0.0, 0.0, 0.0, 0.0], hidden_size_per_layer_input=32,
              altup_num_inputs=3, altup_coef_clip=0.8, altup_correct_scale=True, altup_active_idx=0, laurel_rank=16)
case("gemma3n-q4-g32-long", {
    "architectures": ["Gemma3nForConditionalGeneration"], "model_type": "gemma3n", "eos_token_id": [1, 106], "torch_dtype": "bfloat16",
    "text_config": GEMMA3N},
     "altup streams, laurel, per-layer embeddings (ids above their vocabulary read row 0), kv sharing, sparse gelu",
     quant=q(4, 32), seed=45, embed_std=0.03, qk_gain=0.5, prompt=40, crossing=7,
     init={r"correct_output_scale": lambda r, s: r.uniform(0.5, 1.5, s), r"(prediction|correction)_coefs": lambda r, s: r.normal(0, 0.6, s),
           r"modality_router": lambda r, s: r.normal(0, 3.0, s), r"embed_tokens_per_layer": lambda r, s: r.normal(0, 0.2, s),
           r"language_model\.norm": lambda r, s: r.uniform(4.0, 8.0, s), r"post_(attention|feedforward|laurel|per_layer_input)\w*norm": lambda r, s: r.uniform(0.2, 0.7, s)},
     ignored=("text_config.tie_word_embeddings",),
     fixed=("text_config.altup_active_idx", "text_config.intermediate_size"))
GEMMA4_ROPE = {"full_attention": {"partial_rotary_factor": 0.5, "rope_theta": 100000.0, "rope_type": "proportional"},
               "sliding_attention": {"rope_theta": 1000.0, "rope_type": "default"}}
GEMMA4_INIT = {r"post_\w*norm(_1|_2)?\.weight$": lambda r, s: r.uniform(0.1, 0.4, s), r"model\.norm\.weight": lambda r, s: r.uniform(4.0, 8.0, s),
                       r"embed_tokens_per_layer": lambda r, s: r.normal(0, 0.2, s), r"router\.scale|per_expert_scale|layer_scalar": lambda r, s: r.uniform(0.6, 1.4, s),
                       r"router\.proj": lambda r, s: r.normal(0, 2.0, s)}
case("gemma4-text-q4-g32-long", cfg("gemma4_text", head_dim=16, global_head_dim=32, num_hidden_layers=6, intermediate_size=64,
                               num_kv_shared_layers=2, vocab_size_per_layer_input=320, hidden_size_per_layer_input=32,
                               rope_parameters=GEMMA4_ROPE, sliding_window=12, final_logit_softcapping=6.0,
                               use_double_wide_mlp=True, layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2,
                               tie_word_embeddings=True),
     "per-layer inputs, kv sharing with double-wide mlp, larger global head_dim, proportional rope, layer scalar",
     quant=q(4, 32), seed=46, embed_std=0.03, qk_gain=0.5, init=GEMMA4_INIT, prompt=40, crossing=7, ignored=("rope_theta", "vocab_size_per_layer_input"))
GEMMA4_MOE = cfg("gemma4_text", drop=("architectures", "torch_dtype"), head_dim=16, global_head_dim=32, num_hidden_layers=3, intermediate_size=64, num_kv_shared_layers=0,
                 hidden_size_per_layer_input=0, rope_parameters=GEMMA4_ROPE, sliding_window=12, final_logit_softcapping=6.0,
                 attention_k_eq_v=True, num_global_key_value_heads=1, enable_moe_block=True, num_experts=6, top_k_experts=2,
                 moe_intermediate_size=32, use_double_wide_mlp=False, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
                 tie_word_embeddings=True)
case("gemma4-moe-wrapper-q4-g32-long", {
    "architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4", "vocab_size": 320, "eos_token_id": [1, 106], "torch_dtype": "bfloat16",
    "text_config": GEMMA4_MOE},
     "dense and expert branches side by side, values from keys on global layers, wrapper", quant=q(4, 32), seed=47, embed_std=0.03,
     qk_gain=0.5, init=GEMMA4_INIT, prompt=40, crossing=7, ignored=("text_config.rope_theta",), fixed=("text_config.use_double_wide_mlp", "text_config.num_kv_shared_layers",
            "text_config.hidden_size_per_layer_input"))

# ---------------------------------------------------------------- more qwen

case("qwen2-moe-q4-g64", cfg("qwen2_moe", "Qwen2MoeForCausalLM", num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64,
                             shared_expert_intermediate_size=64, num_hidden_layers=2, decoder_sparse_step=1, norm_topk_prob=False),
     "softmax over all experts without renormalising, sigmoid-gated shared expert", quant=q(4), seed=37,
     ignored=("intermediate_size", "decoder_sparse_step", "norm_topk_prob", "tie_word_embeddings"))
LINEAR = dict(linear_num_value_heads=4, linear_num_key_heads=2, linear_key_head_dim=16, linear_value_head_dim=32, linear_conv_kernel_dim=4)
case("qwen3-next-q4-g32", cfg("qwen3_next", num_hidden_layers=4, head_dim=32, num_experts=6, num_experts_per_tok=2, decoder_sparse_step=1,
                              shared_expert_intermediate_size=32, mlp_only_layers=[], moe_intermediate_size=32, partial_rotary_factor=0.5,
                              norm_topk_prob=True, full_attention_interval=4, attention_bias=False, intermediate_size=64, **LINEAR),
     "gated delta net with conv, gated attention output, partial rotary, shared expert", quant=q(4, 32), seed=38, qk_gain=0.8,
     ignored=("intermediate_size",))
QWEN35 = cfg("qwen3_5_text", drop=("architectures", "rope_theta", "torch_dtype"), num_hidden_layers=4, head_dim=32, full_attention_interval=4, attention_bias=False,
             attn_output_gate=True, rope_parameters={"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True,
                                                     "rope_theta": 100000.0, "partial_rotary_factor": 0.25},
             layer_types=["linear_attention"] * 3 + ["full_attention"], tie_word_embeddings=True, **LINEAR)
case("qwen3-5-q4-g64", {"architectures": ["Qwen3_5ForConditionalGeneration"], "model_type": "qwen3_5", "eos_token_id": [2, 3],
                        "torch_dtype": "bfloat16", "text_config": QWEN35},
     "wrapper, gated delta net with split projections, quarter rotary, tied", quant=q(4), seed=39, embed_std=0.15, qk_gain=0.8,
     ignored=("text_config.attn_output_gate", "text_config.layer_types", "text_config.rope_parameters.mrope_section",
              "text_config.rope_parameters.mrope_interleaved"))
QWEN35MOE = {k: v for k, v in QWEN35.items() if k != "intermediate_size"} | {
    "model_type": "qwen3_5_moe_text", "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32, "tie_word_embeddings": False}
case("qwen3-5-moe-q4-g32", {"architectures": ["Qwen3_5MoeForConditionalGeneration"], "model_type": "qwen3_5_moe", "eos_token_id": [2, 3],
                            "torch_dtype": "bfloat16", "text_config": QWEN35MOE},
     "as qwen3_5 with experts, shared expert and untied head", quant=q(4, 32), seed=40, qk_gain=0.8,
     ignored=("text_config.attn_output_gate", "text_config.layer_types", "text_config.rope_parameters.mrope_section",
              "text_config.rope_parameters.mrope_interleaved"))

# ---------------------------------------------------------------- more phi, mistral

case("phi-q4-g32", cfg("phi", drop=("rms_norm_eps",), layer_norm_eps=0.01, partial_rotary_factor=0.5, num_key_value_heads=4, num_hidden_layers=2),
     "parallel attention and mlp from one LayerNorm, biases everywhere, half rotary", quant=q(4, 32), seed=53, ignored=("tie_word_embeddings",))
case("phimoe-q4-g32", cfg("phimoe", "PhiMoEForCausalLM", router_jitter_noise=0.15, num_local_experts=4, num_experts_per_tok=2, num_hidden_layers=2, intermediate_size=64,
                          max_position_embeddings=16384, original_max_position_embeddings=4096, rope_scaling={
                              "type": "longrope", "long_factor": [1.0, 1.3, 1.9, 2.7, 4.1, 6.0, 9.0, 12.0],
                              "short_factor": [1.0] * 8, "long_mscale": 1.24, "short_mscale": 1.1,
                              "original_max_position_embeddings": 4096}),
     "longrope with mscale, LayerNorm with bias, biased head", quant=q(4, 32), seed=54,
     ignored=("rope_scaling.type", "rope_scaling.short_factor", "rope_scaling.short_mscale", "tie_word_embeddings", "rope_scaling.original_max_position_embeddings",
              "original_max_position_embeddings"))
case("ministral3-q4-g64-long", cfg("ministral3", drop=("rope_theta",), head_dim=32, num_hidden_layers=2, tie_word_embeddings=True,
                                   rope_parameters={"beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.3,
                                                    "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 16,
                                                    "rope_theta": 10000.0, "rope_type": "yarn", "type": "yarn"}),
     "yarn and a query scale that grows with position / original length", quant=q(4), seed=24, embed_std=0.15, prompt=40,
     ignored=("rope_parameters.beta_fast", "rope_parameters.rope_type"))
case("mistral3-wrapper-q4-g64", {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3", "eos_token_id": 2, "torch_dtype": "bfloat16",
                                 "text_config": cfg("mistral", drop=("architectures", "tie_word_embeddings"), head_dim=32, num_hidden_layers=2)},
     "wrapper around a mistral text config; tie_word_embeddings defaults to false here", quant=q(4), seed=25)

# ---------------------------------------------------------------- olmo, starcoder, cohere, granite, smollm

case("olmo2-q4-g64", cfg("olmo2", num_hidden_layers=2, rope_theta=500000.0), "norm after each branch, q/k norm over the whole projection",
     quant=q(4), seed=71, qk_gain=0.6, init={r"post_(attention|feedforward)_layernorm": lambda r, s: r.uniform(0.2, 0.7, s)})
case("olmo3-q4-g64-long", cfg("olmo3", num_hidden_layers=4, sliding_window=12, rope_theta=100000.0, attention_bias=False,
                              rope_scaling={"factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 1024,
                                            "rope_type": "yarn", "attention_factor": 1.2},
                              layer_types=["sliding_attention"] * 3 + ["full_attention"]),
     "olmo2 block with windowed layers; yarn only on full layers", quant=q(4), seed=72, qk_gain=0.6, prompt=40, crossing=7,
     init={r"post_(attention|feedforward)_layernorm": lambda r, s: r.uniform(0.2, 0.7, s)}, ignored=("rope_scaling.attention_factor",))
case("olmoe-q4-g64", cfg("olmoe", num_hidden_layers=2, num_experts=8, num_experts_per_tok=3, intermediate_size=64, norm_topk_prob=False),
     "q/k norm over the whole projection, top 3 of 8 without renormalising", quant=q(4), seed=73, qk_gain=0.6)
case("starcoder2-q4-g32", cfg("starcoder2", drop=("rms_norm_eps",), norm_epsilon=0.01, tie_word_embeddings=True, num_hidden_layers=2, use_bias=True),
     "LayerNorm, biases, plain gelu mlp, tied", quant=q(4, 32), seed=75, embed_std=0.08, out_gain=1.0, ignored=("use_bias",))
case("cohere-q4-g32", cfg("cohere", drop=("rms_norm_eps",), layer_norm_eps=0.01, logit_scale=0.25, num_hidden_layers=2, use_qk_norm=True,
                          tie_word_embeddings=True), "parallel block, interleaved rope, per-head LayerNorm on q and k, logit scale", quant=q(4, 32), seed=76,
     embed_std=0.15, qk_gain=0.6, ignored=("tie_word_embeddings",))
case("granitemoe-q4-g64", cfg("granitemoe", "GraniteMoeForCausalLM", num_hidden_layers=2, intermediate_size=64, num_local_experts=6, num_experts_per_tok=2, logits_scaling=4.0,
                              attention_multiplier=0.17, embedding_multiplier=3.0, residual_multiplier=0.6, attention_bias=False,
                              tie_word_embeddings=True),
     "granite multipliers with experts, softmax over the selected logits", quant=q(4), seed=77, embed_std=0.06, out_gain=1.0)
GRANITE_H = dict(logits_scaling=4.0, attention_multiplier=0.17, embedding_multiplier=3.0, residual_multiplier=0.6, attention_bias=False,
                 mamba_n_heads=4, mamba_d_head=32, mamba_proj_bias=False, mamba_d_state=16, mamba_d_conv=4, mamba_n_groups=1, mamba_conv_bias=True)
case("granitemoehybrid-q4-g32", cfg("granitemoehybrid", "GraniteMoeHybridForCausalLM", num_hidden_layers=3, layer_types=["mamba", "attention", "mamba"],
                                    num_local_experts=4, num_experts_per_tok=2, intermediate_size=64, shared_intermediate_size=64,
                                    position_embedding_type="nope", tie_word_embeddings=True, **GRANITE_H),
     "mamba2 layers and attention without rope, experts plus shared mlp", quant=q(4, 32), seed=78, embed_std=0.08,
     ignored=("rope_theta",), fixed=("layer_types",))
case("granitehybrid-dense-q4-g64", cfg("granitemoehybrid", "GraniteMoeHybridForCausalLM", num_hidden_layers=3, layer_types=["mamba", "attention", "mamba"],
                                       position_embedding_type="rope", tie_word_embeddings=False, num_local_experts=0, num_experts_per_tok=0,
                                       shared_intermediate_size=128, mlp_bias=False, **(GRANITE_H | {"mamba_n_groups": 2})),
     "dense hybrid with rope and two state groups", quant=q(4), seed=79, fixed=("layer_types", "num_experts_per_tok"), ignored=("num_local_experts", "shared_intermediate_size"))
case("smollm3-q4-g64", cfg("smollm3", "SmolLM3ForCausalLM", num_hidden_layers=4, no_rope_layers=[1, 1, 0, 1], no_rope_layer_interval=4, tie_word_embeddings=True,
                           rope_theta=5000000.0), "one layer without rope", quant=q(4), seed=80, embed_std=0.15, ignored=("no_rope_layer_interval",))

# ---------------------------------------------------------------- glm, deepseek relatives

case("glm-q4-g64", cfg("glm", head_dim=32, attention_bias=True, num_hidden_layers=2, partial_rotary_factor=0.5), "fused gate_up, interleaved rope over the whole head",
     quant=q(4), seed=81, ignored=("partial_rotary_factor",))
MOE = dict(moe_intermediate_size=64, n_shared_experts=1, n_routed_experts=8, routed_scaling_factor=1.8, topk_method="noaux_tc", norm_topk_prob=True,
           n_group=2, topk_group=1, num_experts_per_tok=2, first_k_dense_replace=1, num_hidden_layers=2)
case("glm4-moe-q4-g64", cfg("glm4_moe", head_dim=32, use_qk_norm=True, attention_bias=True, partial_rotary_factor=0.5, rope_scaling=None,
                            scoring_func="sigmoid", **MOE), "sigmoid group routing, q/k norm, half rotary", quant=q(4), seed=82, qk_gain=0.6,
     ignored=("scoring_func",), fixed=("first_k_dense_replace",))
MLA = dict(kv_lora_rank=32, qk_rope_head_dim=16, v_head_dim=32, qk_nope_head_dim=32, num_key_value_heads=4, moe_layer_freq=1)
case("glm4-moe-lite-q4-g32", cfg("glm4_moe_lite", q_lora_rank=64, attention_bias=False, **(MOE | MLA)),
     "latent attention with sigmoid group routing", quant=q(4, 32), seed=83, ignored=("tie_word_embeddings", "num_key_value_heads"),
     fixed=("first_k_dense_replace", "moe_layer_freq"))
case("deepseek-v2-q4-g32", cfg("deepseek_v2", q_lora_rank=64, attention_bias=False, scoring_func="softmax",
                               rope_scaling={"beta_fast": 32, "beta_slow": 1, "factor": 40.0, "mscale": 0.707, "mscale_all_dim": 0.707,
                                             "original_max_position_embeddings": 1024, "type": "yarn"},
                               **(MOE | MLA | {"topk_method": "group_limited_greedy", "norm_topk_prob": False})),
     "softmax group-limited greedy routing", quant=q(4, 32), seed=84, ignored=("scoring_func", "norm_topk_prob", "tie_word_embeddings", "num_key_value_heads"),
     fixed=("first_k_dense_replace", "moe_layer_freq"))
case("deepseek-v2-lite-q4-g64", cfg("deepseek_v2", q_lora_rank=None, attention_bias=False,
     rope_scaling={"beta_fast": 32, "beta_slow": 1, "factor": 40.0, "mscale": 0.707, "mscale_all_dim": 0.5, "original_max_position_embeddings": 1024, "type": "yarn"}, **(MOE | MLA | {
    "topk_method": "greedy", "n_group": 1, "topk_group": 1, "kv_lora_rank": 64, "norm_topk_prob": False})),
     "no query compression, greedy routing", quant=q(4), seed=85, ignored=("norm_topk_prob", "tie_word_embeddings", "num_key_value_heads", "n_group", "topk_group", "topk_method"),
     fixed=("first_k_dense_replace", "moe_layer_freq"))
case("kimi-k2-q4-g32", cfg("kimi_k2", "DeepseekV3ForCausalLM", q_lora_rank=64, attention_bias=False, scoring_func="sigmoid",
                           **(MOE | MLA | {"n_group": 1, "topk_group": 1, "routed_scaling_factor": 2.8, "num_experts_per_tok": 3})),
     "model type kimi_k2 is deepseek_v3 with one group", quant=q(4, 32), seed=86,
     ignored=("scoring_func", "tie_word_embeddings", "num_key_value_heads", "topk_group", "n_group"), fixed=("first_k_dense_replace", "moe_layer_freq"))
case("deepseek-moe-q4-g64", cfg("deepseek", num_key_value_heads=4, attention_bias=False, **{k: v for k, v in MOE.items() if k in (
    "moe_intermediate_size", "n_shared_experts", "n_routed_experts", "num_experts_per_tok", "first_k_dense_replace", "num_hidden_layers")}, moe_layer_freq=1),
     "first-generation deepseek experts", quant=q(4), seed=87, ignored=("tie_word_embeddings",), fixed=("first_k_dense_replace", "moe_layer_freq"))

# ---------------------------------------------------------------- minicpm, stablelm, internlm, exaone, nemotron

case("minicpm-q4-g64", cfg("minicpm", "MiniCPMForCausalLM", num_hidden_layers=2, dim_model_base=16, scale_depth=1.4, scale_emb=6.0, tie_word_embeddings=False),
     "embedding, depth and width scales", quant=q(4), seed=91, embed_std=0.1)
case("minicpm3-q4-g32", cfg("minicpm3", "MiniCPM3ForCausalLM", num_hidden_layers=2, dim_model_base=16, scale_depth=1.4, scale_emb=6.0, q_lora_rank=64,
                            qk_nope_head_dim=32, qk_rope_head_dim=16, kv_lora_rank=32, num_key_value_heads=4, max_position_embeddings=32768, rope_scaling={
                                "type": "longrope", "long_factor": [1.0, 1.3, 1.9, 2.7, 4.1, 6.0, 9.0, 12.0],
                                "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7], "original_max_position_embeddings": 8192}),
     "latent attention with longrope and the minicpm scales", quant=q(4, 32), seed=92, embed_std=0.1)
case("stablelm-q4-g32", cfg("stablelm", "StableLmForCausalLM", drop=("rms_norm_eps",), num_key_value_heads=4, layer_norm_eps=0.01, use_qkv_bias=True, partial_rotary_factor=0.25,
                            use_parallel_residual=False, qk_layernorm=False, num_hidden_layers=2), "LayerNorm, qkv bias, quarter rotary", quant=q(4, 32), seed=93)
case("stablelm-parallel-q4-g32", cfg("stablelm", "StableLmForCausalLM", drop=("rms_norm_eps",), layer_norm_eps=0.01, use_qkv_bias=False, partial_rotary_factor=0.5,
                                     use_parallel_residual=True, qk_layernorm=True, num_hidden_layers=2),
     "parallel residual, one LayerNorm per head on q and k", quant=q(4, 32), seed=94, qk_gain=0.6)
case("internlm2-q4-g64", cfg("internlm2", "InternLM2ForCausalLM", num_hidden_layers=2, bias=False, rope_scaling={"type": "linear", "factor": 2.0}),
     "fused wqkv interleaved by kv group, linear rope", quant=q(4), seed=95)
case("internlm3-q4-g64", cfg("internlm3", "InternLM3ForCausalLM", num_hidden_layers=2, bias=False, qkv_bias=True, max_position_embeddings=16,
                             rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
     "qkv bias, dynamic NTK rope", quant=q(4), seed=96, inconsistent=True)
case("exaone-q4-g64", cfg("exaone", drop=("rms_norm_eps", "num_hidden_layers"), num_layers=2, layer_norm_epsilon=0.01, tie_word_embeddings=False,
                          rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}),
     "transformer.h naming, c_fc_0/c_fc_1 mlp, llama3 rope", quant=q(4), seed=97)
case("exaone4-q4-g64-long", cfg("exaone4", num_hidden_layers=4, head_dim=32, sliding_window=12, sliding_window_pattern="LLG", tie_word_embeddings=True,
                                rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}),
     "windowed layers by letter pattern, no rope on global layers, q/k norm, post-norms", quant=q(4), seed=98, qk_gain=0.6, embed_std=0.1,
     init={r"post_(attention|feedforward)_layernorm": lambda r, s: r.uniform(0.2, 0.7, s)}, prompt=40, crossing=7)
case("nemotron-q4-g32", cfg("nemotron", drop=("rms_norm_eps",), norm_eps=0.01, hidden_act="relu2", partial_rotary_factor=0.5, num_hidden_layers=2),
     "LayerNorm with 1+w, squared relu, half rotary", quant=q(4, 32), seed=99)

# ---------------------------------------------------------------- state space and hybrids

RWKV = {r"\.x_[a-z]$": lambda r, s: r.uniform(0, 1, s), r"k_k$": lambda r, s: r.uniform(0.5, 1.2, s), r"k_a$": lambda r, s: r.uniform(0.3, 1.0, s),
        r"r_k$": lambda r, s: r.normal(0, 0.4, s), r"w_lora\.lora\.2\.bias": lambda r, s: r.uniform(-3.0, 0.5, s),
        r"ffn\.value\.weight": lambda r, s: r.normal(0, 0.3 / s[-1] ** 0.5, s), r"o_proj\.weight": lambda r, s: r.normal(0, 0.3 / s[-1] ** 0.5, s)}
NEMOTRON_H = dict(mamba_num_heads=4, mamba_head_dim=32, mamba_proj_bias=False, ssm_state_size=16, conv_kernel=4, n_groups=2,
                  attention_bias=False, mlp_bias=False, use_bias=False, use_conv_bias=True, layer_norm_epsilon=0.01)
case("nemotron-h-q4-g32", cfg("nemotron_h", drop=("rms_norm_eps", "rope_theta"), num_hidden_layers=4, head_dim=32, hybrid_override_pattern="M-*M", mlp_hidden_act="relu2",
                              time_step_limit=[0.0, 2.0], **NEMOTRON_H),
     "mamba2, squared relu mlp and attention without rope, one kind per layer", quant=q(4, 32), seed=111, fixed=("hybrid_override_pattern",))
case("nemotron-h-moe-q4-g32", cfg("nemotron_h", drop=("rms_norm_eps", "rope_theta"), num_hidden_layers=4, head_dim=32, hybrid_override_pattern="ME*E", mlp_hidden_act="relu2",
                                  moe_intermediate_size=64, moe_shared_expert_intermediate_size=64, n_group=2, n_routed_experts=8, n_shared_experts=1,
                                  topk_group=1, num_experts_per_tok=2, norm_topk_prob=True, routed_scaling_factor=2.0, **NEMOTRON_H),
     "expert layers with squared relu, sigmoid group routing", quant=q(4, 32), seed=112, fixed=("hybrid_override_pattern",), ignored=("intermediate_size",))
case("mamba-q4-g32", cfg("mamba", drop=("num_attention_heads", "num_key_value_heads", "rope_theta", "rms_norm_eps"), intermediate_size=128, state_size=16, conv_kernel=4,
                         use_bias=False, use_conv_bias=True, time_step_rank=8, tie_word_embeddings=True, num_hidden_layers=3),
     "selective scan, tied", quant=q(4, 32), seed=113, embed_std=0.15)
case("falcon-mamba-q4-g64", cfg("falcon_mamba", drop=("num_attention_heads", "num_key_value_heads", "rope_theta", "rms_norm_eps"), intermediate_size=128, state_size=16,
                                conv_kernel=4, use_bias=False, use_conv_bias=True, time_step_rank="auto", mixer_rms_eps=0.01, tie_word_embeddings=False),
     "mamba with rms norm on B, C and dt, automatic time step rank", quant=q(4), seed=114)
case("mamba2-q4-g32", cfg("mamba2", drop=("num_attention_heads", "num_key_value_heads", "rope_theta", "rms_norm_eps"), num_heads=4, head_dim=32, intermediate_size=128,
                          state_size=16, layer_norm_epsilon=0.01, conv_kernel=4, n_groups=2, use_bias=False, use_conv_bias=True, tie_word_embeddings=False,
                          time_step_limit=[0.01, 1.5], time_step_rank="auto"), "state space duality scan, two groups, gated norm, time step limits", quant=q(4, 32), seed=115)
case("falcon-h1-q4-g32", cfg("falcon_h1", "FalconH1ForCausalLM", num_hidden_layers=2, head_dim=32, attention_in_multiplier=0.8, attention_out_multiplier=0.9375, embedding_multiplier=3.0,
                             key_multiplier=0.6, lm_head_multiplier=0.3, mamba_conv_bias=True, mamba_d_conv=4, mamba_d_head=32, mamba_d_ssm=128, mamba_d_state=16,
                             mamba_n_groups=2, mamba_n_heads=4, mamba_norm_before_gate=False, mamba_rms_norm=True, mamba_proj_bias=False, mlp_bias=False, projectors_bias=False,
                             attention_bias=False, mlp_multipliers=[0.88, 0.58], ssm_in_multiplier=1.25, ssm_multipliers=[0.9, 0.8, 0.7, 1.2, 1.1], ssm_out_multiplier=0.6,
                             rope_theta=100000.0, tie_word_embeddings=False), "attention and mamba2 side by side in each layer, many multipliers", quant=q(4, 32), seed=116)
case("jamba-q4-g32", cfg("jamba", drop=("rope_theta",), num_hidden_layers=4, attn_layer_offset=1, attn_layer_period=4, expert_layer_offset=1, expert_layer_period=2, mamba_d_conv=4,
                         mamba_d_state=16, mamba_expand=2, num_experts=4, num_experts_per_tok=2, mamba_dt_rank="auto", mamba_proj_bias=False, mamba_conv_bias=True,
                         tie_word_embeddings=False, intermediate_size=64), "mamba with normed dt, B, C; attention without rope; experts on odd layers", quant=q(4, 32), seed=117,
     fixed=("attn_layer_offset", "attn_layer_period", "expert_layer_offset", "expert_layer_period"))
case("recurrent-gemma-q4-g32-long", cfg("recurrent_gemma", attention_bias=False, conv1d_width=4, logits_soft_cap=6.0, num_key_value_heads=1, num_hidden_layers=3, attention_window_size=12,
                                        lru_width=64, block_types=["recurrent", "recurrent", "attention"], intermediate_size=256, tie_word_embeddings=True),
     "gated linear recurrence, windowed attention with half rotary, soft cap", quant=q(4, 32), seed=118, embed_std=0.02, init=FINAL_NORM | {
         r"final_norm\.weight": lambda r, s: r.uniform(0.5, 2.0, s)}, prompt=40, crossing=7, ignored=("tie_word_embeddings", "lru_width"), fixed=("block_types",))
case("rwkv7-q4-g64", cfg("rwkv7", drop=("num_attention_heads", "num_key_value_heads", "rope_theta", "rms_norm_eps"), norm_eps=0.01, head_dim=32, intermediate_size=128, a_low_rank_dim=64,
                         v_low_rank_dim=64, gate_low_rank_dim=64, decay_low_rank_dim=64, num_hidden_layers=2, hidden_size=128), "linear attention with token shift and value residual; overrides without group_size (64 is meant)", quant=q(4), seed=119, init=RWKV)
case("lfm2-moe-q4-g32", cfg("lfm2_moe", "Lfm2MoeForCausalLM", drop=("rms_norm_eps",), norm_eps=0.01, moe_intermediate_size=64, num_experts=6, num_experts_per_tok=2, norm_topk_prob=True,
                            use_expert_bias=True, num_dense_layers=1, conv_bias=False, conv_L_cache=3, routed_scaling_factor=1.5, num_hidden_layers=4,
                            layer_types=["conv", "full_attention", "conv", "full_attention"], tie_word_embeddings=True),
     "short convolution with experts, routing bias", quant=q(4, 32), seed=120, embed_std=0.15, qk_gain=0.5, ignored=("tie_word_embeddings",), fixed=("num_dense_layers", "layer_types"))
case("olmo-hybrid-q4-g32", cfg("olmo_hybrid", "OlmoHybridForCausalLM", num_hidden_layers=4, linear_num_key_heads=4, linear_num_value_heads=4, linear_key_head_dim=16,
                               linear_value_head_dim=32, linear_conv_kernel_dim=4, linear_allow_neg_eigval=True, attention_bias=False,
                               layer_types=["linear_attention"] * 3 + ["full_attention"], rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
     "gated delta net with negative eigenvalues and full attention", quant=q(4, 32), seed=121, qk_gain=0.8, ignored=("rope_theta",), fixed=("layer_types",))
case("kimi-linear-q4-g32", cfg("kimi_linear", num_hidden_layers=4, head_dim=16, num_key_value_heads=4, linear_attn_config={
    "kda_layers": [1, 2, 4], "full_attn_layers": [3], "num_heads": 2, "head_dim": 32, "short_conv_kernel_size": 4}, model_max_length=4096, num_experts=6,
    moe_intermediate_size=64, kv_lora_rank=32, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32, mla_use_nope=True, num_experts_per_token=2, num_shared_experts=1,
    moe_renormalize=True, routed_scaling_factor=1.5, first_k_dense_replace=1, moe_layer_freq=1, use_grouped_topk=True, num_expert_group=1, topk_group=1,
    moe_router_activation_func="sigmoid", q_lora_rank=None),
     "vector-gated delta attention with convolutions, latent attention without rope", quant=q(4, 32), seed=122, qk_gain=0.8,
     fixed=("linear_attn_config.kda_layers", "linear_attn_config.full_attn_layers", "first_k_dense_replace", "moe_layer_freq"))

# ---------------------------------------------------------------- gpt style and other decoders

case("gpt2-q4-g32", cfg("gpt2", "GPT2LMHeadModel", drop=("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
                                                         "rope_theta", "tie_word_embeddings", "max_position_embeddings"), n_ctx=96, n_embd=64, n_head=4, n_layer=2, n_positions=96, layer_norm_epsilon=0.01),
     "learned positions, fused qkv, tied", quant=q(4, 32), seed=131, embed_std=0.15, ignored=("n_ctx",))
case("gpt-neox-q4-g32", cfg("gpt_neox", "GPTNeoXForCausalLM", drop=("rms_norm_eps", "rope_theta", "num_key_value_heads"), layer_norm_eps=0.01, rotary_emb_base=10000, rotary_pct=0.25,
                            use_parallel_residual=True, num_hidden_layers=2), "parallel residual, quarter rotary, fused qkv by head", quant=q(4, 32), seed=132, ignored=("tie_word_embeddings",))
case("gpt-neox-sequential-q8-g32", cfg("gpt_neox", "GPTNeoXForCausalLM", drop=("rms_norm_eps", "rope_theta", "num_key_value_heads"), layer_norm_eps=0.01, rotary_emb_base=1000, rotary_pct=0.5,
                                       use_parallel_residual=False, num_hidden_layers=2), "sequential residual", quant=q(8, 32), seed=133, ignored=("tie_word_embeddings",))
GPT_DROP = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps", "rope_theta", "max_position_embeddings")
case("gpt-bigcode-q4-g32", cfg("gpt_bigcode", "GPTBigCodeForCausalLM", drop=GPT_DROP, n_embd=64, n_layer=2, n_inner=128, n_head=4, n_positions=96, layer_norm_epsilon=0.01, multi_query=True,
                               tie_word_embeddings=True), "multi-query attention, learned positions", quant=q(4, 32), seed=134, embed_std=0.15)
case("gptj-q4-g32", cfg("gptj", "GPTJForCausalLM", drop=GPT_DROP, n_embd=64, n_layer=2, n_head=4, n_positions=96, rotary_dim=8, layer_norm_epsilon=0.01),
     "parallel block, interleaved rope on half of each head, biased head", quant=q(4, 32), seed=135, ignored=("tie_word_embeddings", "n_positions"))
case("helium-q4-g64", cfg("helium", num_hidden_layers=2, attention_bias=False, mlp_bias=False, head_dim=16), "interleaved rope", quant=q(4), seed=136)
case("seed-oss-q4-g64", cfg("seed_oss", num_hidden_layers=2, head_dim=32, attention_bias=True, attention_out_bias=True, mlp_bias=False, rope_scaling={"rope_type": "default"}),
     "bias on q, k, v and separately on o", quant=q(4), seed=137)
case("apertus-q4-g64", cfg("apertus", num_hidden_layers=2, mlp_bias=False, attention_bias=False, post_norm=False, qk_norm=True, rope_theta=500000.0, rope_scaling={
    "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}),
     "xIELU mlp with learned alphas, q/k norm, llama3 rope", quant=q(4), seed=138, qk_gain=0.6)
case("bitnet-ternary", cfg("bitnet", "BitNetForCausalLM", num_hidden_layers=2, tie_word_embeddings=True, num_key_value_heads=4, quantization_config={
    "quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline", "modules_to_not_convert": ["lm_head"]}),
     "packed ternary weights with a scale per tensor, squared relu, extra norms", seed=139, embed_std=0.15,
     init={r"(o_proj|down_proj)\.weight_scale$": lambda r, s: r.uniform(0.02, 0.04, s), r"weight_scale$": lambda r, s: r.uniform(0.1, 0.2, s)})
case("llama-bitlinear-inverted", cfg("llama", num_hidden_layers=2, quantization_config={"quant_method": "bitnet", "linear_class": "bitlinear", "quantization_mode": "offline",
                                                                                        "modules_to_not_convert": ["lm_head"]}),
     "ternary weights in a llama, tensor scales that divide", seed=153,
     init={r"(o_proj|down_proj)\.weight_scale$": lambda r, s: r.uniform(25.0, 50.0, s), r"weight_scale$": lambda r, s: r.uniform(5.0, 10.0, s)})
case("ernie4-5-q4-g64", cfg("ernie4_5", "Ernie4_5ForCausalLM", num_hidden_layers=2, head_dim=32, use_bias=True, tie_word_embeddings=True), "interleaved rope, biases by one switch", quant=q(4), seed=140, embed_std=0.15)
case("ernie4-5-moe-q4-g64", cfg("ernie4_5_moe", "Ernie4_5_MoeForCausalLM", num_hidden_layers=3, head_dim=32, use_bias=False, moe_num_experts=6, moe_layer_start_index=1, moe_layer_end_index=2,
                                moe_intermediate_size=64, moe_k=2, moe_layer_interval=1, moe_use_aux_free=True, moe_num_shared_experts=1, moe_gate_act="softmax"),
     "softmax routing renormalised over the selected, shared experts", quant=q(4), seed=141, fixed=("moe_layer_start_index", "moe_layer_end_index", "moe_layer_interval"))
case("hunyuan-q4-g64", cfg("hunyuan", "HunYuanMoEV1ForCausalLM", num_hidden_layers=4, attention_bias=False, moe_topk=2, num_experts=4, num_shared_expert=1, use_mixed_mlp_moe=True, use_qk_norm=True,
                           use_cla=True, cla_share_factor=2, moe_intermediate_size=64, rope_scaling={"alpha": 20.0, "factor": 1.0, "type": "dynamic"}, tie_word_embeddings=True),
     "keys and values shared by pairs of layers, alpha-scaled rope base, shared expert", quant=q(4), seed=142, embed_std=0.15, qk_gain=0.6)
case("hunyuan-dense-q4-g64", cfg("hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM", num_hidden_layers=2, head_dim=32, attention_bias=False, use_qk_norm=True,
                                 rope_scaling={"alpha": 20.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "type": "dynamic"}, tie_word_embeddings=True),
     "alpha-scaled rope base, norm after rope on q and k", quant=q(4), seed=143, embed_std=0.15, qk_gain=0.6)
case("bailing-moe-q4-g64", cfg("bailing_moe", "BailingMoeV2ForCausalLM", num_hidden_layers=3, head_dim=16, moe_intermediate_size=64, num_experts=8, num_shared_experts=1, norm_topk_prob=True, num_experts_per_tok=2,
                               first_k_dense_replace=1, use_bias=False, use_qkv_bias=False, norm_head=False, norm_softmax=False, use_qk_norm=True, partial_rotary_factor=0.5,
                               moe_router_enable_expert_bias=True, routed_scaling_factor=2.5, score_function="sigmoid", n_group=4, topk_group=2),
     "fused qkv with q/k norm, half rotary, sigmoid group routing", quant=q(4), seed=144, qk_gain=0.6, fixed=("first_k_dense_replace",))
case("bailing-moe-v1-q4-g64", cfg("bailing_moe", "BailingMoeForCausalLM", num_hidden_layers=2, moe_intermediate_size=64, num_experts=6, num_shared_experts=2, norm_topk_prob=True, num_experts_per_tok=2,
                                  first_k_dense_replace=0, use_bias=False, use_qkv_bias=False, norm_head=True, norm_softmax=False),
     "softmax routing, head normalised at load, head kept bf16", quant=q(4, overrides=[("lm_head", False)]), seed=145, fixed=("first_k_dense_replace", "intermediate_size", "norm_head"))
case("dots1-q4-g64", cfg("dots1", num_hidden_layers=3, head_dim=32, first_k_dense_replace=1, moe_intermediate_size=64, n_routed_experts=6, n_shared_experts=1, norm_topk_prob=True,
                         num_experts_per_tok=2, routed_scaling_factor=2.5, scoring_func="noaux_tc", n_group=1, topk_group=1), "q/k norm, sigmoid routing with bias", quant=q(4), seed=146,
     qk_gain=0.6, fixed=("first_k_dense_replace",))
case("minimax-q4-g64", cfg("minimax_m2", "MiniMaxM2ForCausalLM", num_hidden_layers=2, head_dim=32, num_experts_per_tok=2, num_local_experts=6, shared_intermediate_size=0, rotary_dim=16,
                           scoring_func="sigmoid", use_qk_norm=True, intermediate_size=64), "norm over the whole q and k, half rotary, sigmoid routing with bias", quant=q(4), seed=147, qk_gain=0.6,
     ignored=("shared_intermediate_size",))
case("mimo-q4-g64", cfg("mimo", "MiMoForCausalLM", num_hidden_layers=2, num_nextn_predict_layers=1), "qkv bias; extra prediction layers are dropped", quant=q(4), seed=148, ignored=("num_nextn_predict_layers",))
case("baichuan-m1-q4-g64-long", cfg("baichuan_m1", "BaichuanM1ForCausalLM", num_hidden_layers=3, sliding_window=12, sliding_window_layers=[1], conv_window=2, num_swa_attention_heads=4,
                                    num_swa_key_value_heads=2), "two-tap convolution on keys and values, windowed layers, head normalised", quant=q(4, overrides=[("lm_head", False)]), seed=149, prompt=40, crossing=7, fixed=("sliding_window_layers",))
case("telechat3-q4-g64", cfg("telechat3", "TeleChat3ForCausalLM", num_hidden_layers=2, head_dim=32, rope_scaling={"type": "telechat3-yarn", "factor": 4.0, "original_max_position_embeddings": 1024,
                                                                                              "beta_fast": 32, "beta_slow": 1, "mscale": 1.0}), "yarn variant", quant=q(4), seed=150)
case("iquestloopcoder-q4-g64-long", cfg("iquestloopcoder", "IQuestLoopCoderForCausalLM", num_hidden_layers=2, head_dim=16, loop_num=2, loop_window_size=12),
     "layers run twice; second pass mixes global and windowed attention", quant=q(4), seed=151, prompt=40, crossing=7)
case("mimo-v2-flash-q4-g32-long", cfg("mimo_v2_flash", "MiMoV2FlashForCausalLM", drop=("rms_norm_eps",), num_hidden_layers=3, layernorm_epsilon=0.01, hybrid_layer_pattern=[0, 1, 1], moe_layer_freq=[0, 1, 1],
                                 add_swa_attention_sink_bias=True, add_full_attention_sink_bias=False, sliding_window_size=12, moe_intermediate_size=64, n_shared_experts=None,
                                 n_routed_experts=6, routed_scaling_factor=None, topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, n_group=1, topk_group=1,
                                 num_experts_per_tok=2, swa_rope_theta=1000.0, swa_num_attention_heads=4, swa_num_key_value_heads=2, head_dim=48, v_head_dim=32, swa_head_dim=48, swa_v_head_dim=32,
                                 partial_rotary_factor=0.334, num_key_value_heads=1, attention_value_scale=0.7),
     "window layers with sinks, different key and value widths, third rotary", quant=q(4, 32), seed=152, prompt=40, crossing=7, fixed=("hybrid_layer_pattern", "moe_layer_freq"))

# ---------------------------------------------------------------- less common types

case("Klear-q4-g64", cfg("Klear", "KlearMoeForCausalLM", num_hidden_layers=3, attention_bias=False, mlp_only_layers=[0], num_experts=6, num_experts_per_tok=2, decoder_sparse_step=1, n_shared_experts=1,
                         moe_intermediate_size=64, norm_topk_prob=True), "sigmoid routing with bias, learned mix of shared and routed output", quant=q(4), seed=161, qk_gain=0.6,
     fixed=("mlp_only_layers", "decoder_sparse_step"))
case("afm7-bf16", cfg("afm7", drop=GPT_DROP, rms_norm_eps=0.01, rope_theta=50000.0, hidden_dim=64, num_layers=4, num_kv_reuse_layers=2, num_heads=4, num_kv_heads=2, hidden_dim_scale_factor=2.0),
     "later layers reuse the keys and values of the last computing layer; unquantised", seed=162)
case("afmoe-q4-g64-long", cfg("afmoe", "AfmoeForCausalLM", num_hidden_layers=4, head_dim=32, layer_types=["sliding_attention"] * 3 + ["full_attention"], moe_intermediate_size=64, num_experts=6,
                              num_experts_per_tok=2, num_shared_experts=1, num_dense_layers=1, route_norm=True, route_scale=2.0, score_func="sigmoid", n_group=1, topk_group=1, sliding_window=12,
                              mup_enabled=True), "gated attention, four norms, rope on windowed layers only, embedding scale", quant=q(4), seed=163, qk_gain=0.6, embed_std=0.05, prompt=40, crossing=7,
     init={r"post_(attention|mlp)_layernorm": lambda r, s: r.uniform(0.2, 0.7, s)}, fixed=("num_dense_layers",))
case("dbrx-q4-g64", cfg("dbrx", drop=GPT_DROP + ("tie_word_embeddings",), d_model=64, n_layers=2, n_heads=4, max_seq_len=4096, ffn_config={"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2,
                        "moe_jitter_eps": 0.01, "moe_loss_weight": 0.05}, attn_config={"clip_qkv": 1.5, "kv_n_heads": 2, "rope_theta": 10000.0}), "clipped qkv, LayerNorm without bias, experts", quant=q(4, 32), seed=164)
case("gear-q4-g64-long", cfg("gear", num_hidden_layers=4, head_dim=32, layer_types=["conv_mixer", "sliding_attention", "full_attention", "sliding_attention"], query_pre_attn_scalar=24, sliding_window=12,
                             conv_L_cache=3, rope_local_base_freq=1000.0, tie_word_embeddings=True, final_logit_softcapping=6.0, attn_logit_softcapping=None),
     "convolution, windowed and full layers with gemma-like norms", quant=q(4), seed=165, qk_gain=0.6, embed_std=0.05, prompt=40, crossing=7, init=POST_NORMS, fixed=("layer_types",))
case("laguna-q4-g64-long", cfg("laguna", num_hidden_layers=3, head_dim=32, sliding_window=12, layer_types=["full_attention", "sliding_attention", "sliding_attention"],
                               num_attention_heads_per_layer=[4, 6, 6], mlp_layer_types=["dense", "sparse", "sparse"], num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64,
                               shared_expert_intermediate_size=64, moe_routed_scaling_factor=1.5, moe_router_logit_softcapping=3.0, gating=True, rope_parameters={
                                   "full_attention": {"rope_theta": 100000.0, "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 1024, "beta_fast": 32, "beta_slow": 1, "partial_rotary_factor": 0.5},
                                   "sliding_attention": {"rope_theta": 1000.0, "rope_type": "default", "partial_rotary_factor": 1.0}}),
     "head count per layer, gated attention, router softcap, two ropes", quant=q(4), seed=166, qk_gain=0.6, prompt=40, crossing=7, fixed=("layer_types", "num_attention_heads_per_layer", "mlp_layer_types"),
     ignored=("rope_parameters.full_attention.beta_slow",))
case("lille-q4-g64", cfg("lille-130m", "LilleForCausalLM", drop=GPT_DROP, block_size=512, layer_norm_eps=0.01, n_embd=64, n_head=4, n_kv_heads=2, n_layer=2, rope_theta=10000.0, tie_word_embeddings=True),
     "interleaved rope, fused qkv, norms inside the branches", quant=q(4), seed=167, embed_std=0.15)
LLAMA4 = cfg("llama4_text", drop=("architectures", "torch_dtype"), num_hidden_layers=4, head_dim=32, attention_bias=False, attention_chunk_size=16, interleave_moe_layer_step=2, intermediate_size=64,
             intermediate_size_mlp=128, num_experts_per_tok=1, num_local_experts=4, rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64,
                                                                                           "rope_type": "llama3"}, use_qk_norm=True, attn_temperature_tuning=4, floor_scale=16, attn_scale=0.1)
case("llama4-q4-g64-long", {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "eos_token_id": [2, 3], "torch_dtype": "bfloat16", "text_config": LLAMA4},
     "chunked attention, every fourth layer without rope and with temperature by position, sigmoid top-1 experts", quant=q(4), seed=168, prompt=40, crossing=7, fixed=("text_config.interleave_moe_layer_step",),
     ignored=("text_config.attn_temperature_tuning",))
case("llama4-text-q4-g64", cfg("llama4_text", num_hidden_layers=4, head_dim=32, intermediate_size_mlp=128, no_rope_layers=[1, 1, 0, 1], use_qk_norm=True, tie_word_embeddings=False),
     "dense llama4 text model", quant=q(4), seed=169)
LONGCAT = dict(attention_method="MLA", zero_expert_type="identity", ffn_hidden_size=64, moe_topk=3, expert_ffn_hidden_size=32, n_routed_experts=6, zero_expert_num=2, num_layers=2, kv_lora_rank=32,
               q_lora_rank=64, qk_rope_head_dim=16, qk_nope_head_dim=32, v_head_dim=32, routed_scaling_factor=2.0, mla_scale_q_lora=True, mla_scale_kv_lora=True, attention_bias=False)
case("longcat-flash-q4-g32", cfg("longcat_flash", drop=("num_hidden_layers", "intermediate_size", "num_key_value_heads"), norm_topk_prob=False, router_bias=False, **LONGCAT),
     "two attention blocks per layer, experts with identity experts on a shortcut", quant=q(4, 32), seed=170)
case("longcat-ngram-q4-g32", cfg("longcat_flash_ngram", drop=("num_hidden_layers", "intermediate_size", "num_key_value_heads", "architectures"), vocab_size=96, ngram_vocab_size_ratio=3, emb_neighbor_num=3, emb_split_num=2, **LONGCAT),
     "as longcat_flash with hashed n-gram embeddings", quant=q(4, 32), seed=171, fixed=("ngram_vocab_size_ratio", "emb_neighbor_num", "emb_split_num"))
case("mellum-q4-g64-long", cfg("mellum", drop=("rope_theta",), num_hidden_layers=4, head_dim=32, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64, norm_topk_prob=True, sliding_window=12,
                               layer_types=["sliding_attention", "full_attention"] * 2, rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 100000.0},
                                                                                                        "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}),
     "windowed experts model with a rope per layer type", quant=q(4), seed=172, qk_gain=0.6, prompt=40, crossing=7)
case("mistral4-q4-g32", cfg("mistral4", "Mistral4ForCausalLM", drop=("rope_theta",), num_hidden_layers=2, num_key_value_heads=4, moe_intermediate_size=64, n_shared_experts=1, n_routed_experts=6, routed_scaling_factor=1.5, kv_lora_rank=32,
                            q_lora_rank=64, norm_topk_prob=True, topk_group=1, num_experts_per_tok=2, first_k_dense_replace=0, n_group=1, qk_rope_head_dim=16, qk_nope_head_dim=32, v_head_dim=32, rope_interleave=True,
                            rope_parameters={"rope_theta": 10000.0, "rope_type": "yarn", "type": "yarn", "factor": 16.0, "original_max_position_embeddings": 16, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                                             "llama_4_scaling_beta": 0.3}), "latent attention, softmax routing, query scale by position", quant=q(4, 32), seed=173, prompt=40,
     ignored=("rope_parameters.beta_fast", "rope_parameters.beta_slow"))
case("nanbeige-q4-g64", cfg("nanbeige", num_hidden_layers=2, num_loops=2, skip_loop_final_norm=False), "layers run twice with a norm between", quant=q(4), seed=174)
case("nanochat-q4-g64", cfg("nanochat", "NanoChatForCausalLM", drop=("rms_norm_eps",), num_hidden_layers=2, num_key_value_heads=4, intermediate_size=256), "norms without weights, squared relu, softcap 15, reversed rope",
     quant=q(4), seed=175, gain=1.4, qk_gain=0.8, ignored=("tie_word_embeddings",), init={r"lm_head": lambda r, s: r.normal(0, 0.5, s)})
case("openelm-q4-g32", cfg("openelm", "OpenELMForCausalLM", drop=GPT_DROP + ("tie_word_embeddings",), rms_norm_eps=0.01, head_dim=16, num_transformer_layers=3, model_dim=64, ffn_dim_divisor=32, num_query_heads=[4, 4, 6], num_kv_heads=[2, 2, 3],
                           ffn_multipliers=[1.0, 2.0, 3.0], ffn_with_glu=True, normalize_qk_projections=True, share_input_output_layers=True, rope_freq_constant=10000),
     "head counts and widths per layer, q/k norm, tied", quant=q(4, 32), seed=176, embed_std=0.15, qk_gain=0.6, fixed=("num_query_heads", "num_kv_heads", "ffn_multipliers", "ffn_dim_divisor"))
case("phixtral-q4-g32", cfg("phi-msft", "PhiForCausalLM", drop=GPT_DROP + ("tie_word_embeddings", "vocab_size"), num_vocab=320, model_dim=64, num_heads=4, num_layers=2, rotary_dim=8, num_experts_per_tok=2, num_local_experts=4),
     "phi blocks with experts, type phi-msft", quant=q(4, 32), seed=178)
case("plamo-q4-g64", cfg("plamo", num_hidden_layers=2, n_shared_head=2, num_key_value_heads=2), "parallel block, kv heads tiled rather than repeated", quant=q(4), seed=179, ignored=("tie_word_embeddings", "num_key_value_heads"))
case("plamo2-q4-g32", cfg("plamo2", "Plamo2ForCausalLM", drop=("rope_theta",), num_hidden_layers=4, hidden_size_per_head=32, attention_window_size=2048, full_attention_idx=[], mamba_d_state=16, mamba_d_conv=4, mamba_num_heads=4, mamba_step=2,
                          mamba_chunk_size=64, mamba_enabled=True, tie_word_embeddings=True), "mamba and attention alternating, norms before and after", quant=q(4, 32), seed=180, embed_std=0.05, qk_gain=0.6, init=PLAMO,
     fixed=("mamba_step",), ignored=("mamba_chunk_size", "full_attention_idx", "attention_window_size"))
case("plamo3-q4-g64", cfg("plamo3", "Plamo3ForCausalLM", num_hidden_layers=4, head_dim=32, window_size=12, sliding_window_pattern=4, rope_local_theta=1000, rope_theta=100000, tie_word_embeddings=True, sliding_window=128,
                               image_token_id=None), "layers with their own rope base, offset norms; the window is not reached", quant=q(4), seed=181, embed_std=0.05, qk_gain=0.6, init=PLAMO)
case("qwen-q4-g64", cfg("qwen", "QWenLMHeadModel", drop=("rms_norm_eps", "num_key_value_heads"), num_hidden_layers=2, kv_channels=16, layer_norm_epsilon=0.01, no_bias=True, intermediate_size=256), "first qwen: fused c_attn with bias, w1/w2 halves",
     quant=q(4), seed=182, ignored=("tie_word_embeddings", "kv_channels", "rope_theta"))
case("qwen2-vl-q4-g64", {"architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl", "torch_dtype": "bfloat16"} | cfg("qwen2_vl", "Qwen2VLForConditionalGeneration", num_hidden_layers=2, rope_scaling={
    "type": "mrope", "mrope_section": [2, 3, 3]}), "flat text fields, mrope equals plain rope for text", quant=q(4), seed=183, ignored=("rope_scaling.mrope_section", "rope_scaling.type"))
case("qwen3-vl-q4-g64", {"architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("qwen3_vl_text", drop=("architectures", "torch_dtype"),
    num_hidden_layers=2, head_dim=32, tie_word_embeddings=True, rope_scaling={"mrope_interleaved": True, "mrope_section": [6, 5, 5], "rope_type": "default"})}, "wrapper around qwen3", quant=q(4), seed=184, embed_std=0.12, qk_gain=0.6,
     ignored=("text_config.rope_scaling.mrope_section", "text_config.rope_scaling.mrope_interleaved"))
case("qwen3-vl-moe-q4-g64", {"architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("qwen3_vl_moe_text", drop=("architectures", "torch_dtype"),
    num_hidden_layers=2, head_dim=32, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64, decoder_sparse_step=1, mlp_only_layers=[], norm_topk_prob=True)}, "wrapper around qwen3_moe", quant=q(4), seed=185, qk_gain=0.6,
     ignored=("text_config.intermediate_size",), fixed=("text_config.decoder_sparse_step",))
case("pixtral-q4-g64", {"architectures": ["LlavaForConditionalGeneration"], "model_type": "pixtral", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("mistral", drop=("architectures", "torch_dtype"), head_dim=32, num_hidden_layers=2)},
     "wrapper around llama", quant=q(4), seed=186)
case("lfm2-vl-q4-g64", {"architectures": ["Lfm2VlForConditionalGeneration"], "model_type": "lfm2-vl", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("lfm2", drop=("rms_norm_eps", "architectures", "torch_dtype", "tie_word_embeddings"),
    num_hidden_layers=3, norm_eps=0.01, conv_bias=True, conv_L_cache=3, block_dim=64, block_multiple_of=32, block_ffn_dim_multiplier=1.0, block_auto_adjust_ff_dim=False, full_attn_idxs=[1], intermediate_size=128)},
     "wrapper around lfm2, biased convolution, layer indexes", quant=q(4), seed=187, embed_std=0.15, qk_gain=0.5, fixed=("text_config.full_attn_idxs",),
     ignored=("text_config.block_multiple_of", "text_config.block_ffn_dim_multiplier"))
DEEP = dict(q_lora_rank=64, attention_bias=False, scoring_func="sigmoid", **(MOE | MLA))
case("kimi-vl-q4-g32", {"architectures": ["KimiVLForConditionalGeneration"], "model_type": "kimi_vl", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("deepseek_v3", drop=("architectures", "torch_dtype"), **DEEP)},
     "wrapper around deepseek_v3", quant=q(4, 32), seed=188, fixed=("text_config.first_k_dense_replace", "text_config.moe_layer_freq"),
     ignored=("text_config.scoring_func", "text_config.tie_word_embeddings", "text_config.num_key_value_heads"))
case("kimi-k25-q4-g32", {"architectures": ["KimiK25ForConditionalGeneration"], "model_type": "kimi_k25", "torch_dtype": "bfloat16", "eos_token_id": 2, "text_config": cfg("kimi_k2", drop=("architectures", "torch_dtype"), **DEEP)},
     "wrapper around deepseek_v3", quant=q(4, 32), seed=189, fixed=("text_config.first_k_dense_replace", "text_config.moe_layer_freq"),
     ignored=("text_config.scoring_func", "text_config.tie_word_embeddings", "text_config.num_key_value_heads"))
case("solar-open-q4-g64", cfg("solar_open", head_dim=32, scoring_func="sigmoid", use_qk_norm=False, partial_rotary_factor=1.0, **(MOE | {"n_group": 1, "topk_group": 1})), "sigmoid routing", quant=q(4), seed=190, fixed=("first_k_dense_replace",),
     ignored=("scoring_func", "use_qk_norm", "tie_word_embeddings", "topk_group"))
case("spark2-5-q4-g64-long", cfg("spark2_5", drop=("rope_theta",), num_hidden_layers=4, head_dim=32, sliding_window=12, tie_word_embeddings=True, rope_parameters={
    "full_attention": {"rope_theta": 100000.0, "rope_type": "default", "partial_rotary_factor": 0.5}, "sliding_attention": {"rope_theta": 1000.0, "rope_type": "default", "partial_rotary_factor": 1.0}},
    layer_types=["sliding_attention"] * 3 + ["full_attention"], hidden_act="gelu", gate_attn_act_mode="sigmoid", headwise_attn_output_gate=True), "gate per head on attention output, two ropes", quant=q(4), seed=191, embed_std=0.1, qk_gain=0.6, prompt=40, crossing=7,
     init={r"post_\w*norm": lambda r, s: r.uniform(0.2, 0.7, s)})
case("step3p5-q4-g64-long", cfg("step3p5", drop=("num_key_value_heads",), num_hidden_layers=4, num_attention_groups=2, head_dim=32, sliding_window=12, layer_types=["full_attention", "sliding_attention", "sliding_attention", "sliding_attention"],
                                partial_rotary_factors=[0.5, 1.0, 1.0, 1.0], rope_theta=[100000.0, 1000.0, 1000.0, 1000.0], attention_other_setting={"num_attention_heads": 6, "num_attention_groups": 3},
                                use_head_wise_attn_gate=True, moe_num_experts=6, moe_top_k=2, moe_intermediate_size=64, share_expert_dim=64, moe_layers_enum="1,2,3", moe_router_scaling_factor=2.0, norm_expert_weight=True,
                                swiglu_limits=[0.0, 0.0, 1.5, 1.5], swiglu_limits_shared=[0.0, 0.0, 0.0, 1.5]), "head counts and rope per layer type, head gates, clipped swiglu on some layers", quant=q(4), seed=192, qk_gain=0.6, prompt=40, crossing=7,
     fixed=("layer_types", "partial_rotary_factors", "attention_other_setting.num_attention_heads", "attention_other_setting.num_attention_groups"))
case("talkie-q4-g64", cfg("talkie", drop=("num_key_value_heads",), num_hidden_layers=2, head_dim=16), "norms without weights, learned gains", quant=q(4), seed=193)
case("youtu-llm-q4-g32", cfg("youtu_llm", num_hidden_layers=2, kv_lora_rank=32, q_lora_rank=64, qk_rope_head_dim=16, v_head_dim=32, qk_nope_head_dim=32, num_key_value_heads=4, rope_interleave=True, attention_bias=False, mlp_bias=False, tie_word_embeddings=True),
     "latent attention in a dense model, tied", quant=q(4, 32), seed=194, embed_std=0.12)
DSA = dict(index_head_dim=32, index_n_heads=2, index_topk=8)
case("deepseek-v32-q4-g32-long", cfg("deepseek_v32", "DeepseekV32ForCausalLM", **(DEEP | DSA)), "sparse attention: an indexer keeps the 8 best keys", quant=q(4, 32), seed=195, prompt=40, fixed=("first_k_dense_replace", "moe_layer_freq"),
     ignored=("scoring_func", "tie_word_embeddings", "num_key_value_heads"))
case("glm-moe-dsa-q4-g32-long", cfg("glm_moe_dsa", "GlmMoeDsaForCausalLM", drop=("rope_theta",), rope_parameters={"rope_theta": 10000.0, "rope_type": "default"}, **(DEEP | DSA)), "as deepseek_v32 with interleaved indexer rope", quant=q(4, 32), seed=196, prompt=40,
     fixed=("first_k_dense_replace", "moe_layer_freq"), ignored=("scoring_func", "tie_word_embeddings", "num_key_value_heads", "rope_parameters.rope_type"))
case("exaone-moe-q4-g64-long", cfg("exaone_moe", "ExaoneMoEForCausalLM", num_hidden_layers=4, head_dim=32, moe_intermediate_size=64, num_experts=6, num_experts_per_tok=2, num_shared_experts=1, sliding_window=12,
                              layer_types=["sliding_attention"] * 3 + ["full_attention"], is_moe_layer=[False, True, True, True], n_group=1, topk_group=1, routed_scaling_factor=2.5, norm_topk_prob=True, scoring_func="sigmoid"),
     "windowed layers with rope, global without, sigmoid routing", quant=q(4), seed=197, qk_gain=0.6, prompt=40, crossing=7, fixed=("layer_types", "is_moe_layer"), ignored=("scoring_func", "topk_group"))
NAS_ATT = {"n_heads_in_group": 2, "no_op": False, "num_sink_tokens": None, "replace_with_linear": False, "sparsify": None, "unshifted_sink": False, "use_prefill_window_in_sink_attention": False, "window_length": None}
NAS_FFN = {"ffn_mult": 1.5, "no_op": False, "replace_with_linear": False, "sparsify": None}
case("nemotron-nas-q4-g64", cfg("nemotron-nas", "DeciLMForCausalLM", drop=("intermediate_size", "num_key_value_heads"), num_hidden_layers=4, rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
     "original_max_position_embeddings": 64, "rope_type": "llama3"}, block_configs=[
    {"attention": NAS_ATT, "ffn": NAS_FFN}, {"attention": NAS_ATT | {"n_heads_in_group": None, "no_op": True}, "ffn": NAS_FFN}, {"attention": NAS_ATT | {"n_heads_in_group": 4}, "ffn": NAS_FFN | {"ffn_mult": None, "no_op": True}},
    {"attention": NAS_ATT | {"n_heads_in_group": None, "replace_with_linear": True}, "ffn": NAS_FFN | {"ffn_mult": 0.75}}]), "layers without attention or without mlp, attention replaced by a linear map, widths per layer", quant=q(4), seed=198)
case("bailing-moe-linear-q4-g64", cfg("bailing_moe_linear", "BailingMoeLinearV2ForCausalLM", num_hidden_layers=4, head_dim=16, moe_intermediate_size=64, num_experts=8, num_shared_experts=1, norm_topk_prob=True, num_experts_per_tok=2, first_k_dense_replace=1,
     layer_group_size=4, group_norm_size=2, use_bias=False, use_qkv_bias=False, use_qk_norm=True, partial_rotary_factor=0.5, moe_router_enable_expert_bias=True, routed_scaling_factor=2.5, score_function="sigmoid", n_group=2, topk_group=1),
     "linear attention with fixed decay slopes, full attention every fourth layer", quant=q(4), seed=199, qk_gain=0.6, fixed=("first_k_dense_replace", "layer_group_size"))
case("bailing-hybrid-q4-g32", cfg("bailing_hybrid", "BailingMoeV2_5ForCausalLM", num_hidden_layers=4, head_dim=32, moe_intermediate_size=32, num_experts=6, num_shared_experts=1, num_experts_per_tok=2, n_group=2, topk_group=1, first_k_dense_replace=1, layer_group_size=4,
     group_norm_size=2, routed_scaling_factor=2.5, kv_lora_rank=32, qk_rope_head_dim=16, qk_nope_head_dim=32, v_head_dim=32, q_lora_rank=64, num_key_value_heads=4, partial_rotary_factor=0.5, use_qk_norm=True, score_function="sigmoid", norm_topk_prob=True),
     "linear attention and latent attention layers", quant=q(4, 32), seed=200, qk_gain=0.6, gain=0.9, fixed=("first_k_dense_replace", "layer_group_size"))
case("bailing-moe-v3-q4-g32", cfg("bailing_hybrid", "BailingMoeV3ForCausalLM", drop=("num_key_value_heads",), num_hidden_layers=4, head_dim=32, moe_intermediate_size=32, moe_shared_expert_intermediate_size=32, num_experts=6, num_experts_per_tok=2, num_shared_experts=1,
     first_k_dense_replace=1, n_group=2, topk_group=1, routed_scaling_factor=2.5, layer_group_size=4, q_lora_rank=64, kv_lora_rank=32, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32, short_conv_kernel_size=4, kda_lower_bound=-5.0,
     kda_safe_gate=True, no_kda_lora=True, rope_interleave=True, rms_norm_eps=0.02), "chosen by the architectures entry; vector-gated delta attention with a lower bound", quant=q(4, 32), seed=201, qk_gain=1.4, gain=0.8, init={r"(q_a|kv_a)_proj\w*\.weight": lambda r, s: r.normal(0, 0.4 / s[-1] ** 0.5, s)}, fixed=("first_k_dense_replace", "layer_group_size"))
case("muse-glimmer-q4-g64-long", cfg("muse_glimmer", num_hidden_layers=4, head_dim=32, post_norm_eps=1e-3, sliding_window=12, qk_scale_factor=3.87, layer_types=["sliding_attention"] * 3 + ["full_attention"], final_logit_softcapping=6.0,
     output_multiplier=0.8, hidden_activation="silu"), "windowed layers with rope, global without, post-norms, softcap", quant=q(4), seed=202, qk_gain=0.6, embed_std=0.1, prompt=40, crossing=7, init=POST_NORMS, fixed=("layer_types",))

# ---------------------------------------------------------------- storage and quantisation

SMALL = cfg("llama", num_hidden_layers=2)
WIDE = cfg("llama", num_hidden_layers=2, hidden_size=128, intermediate_size=128, num_attention_heads=4, num_key_value_heads=1)
case("quant-affine-2-g32", SMALL, "2 bit, group 32", quant=q(2, 32), seed=301)
case("quant-affine-2-g128", WIDE, "2 bit, group 128", quant=q(2, 128), seed=302)
case("quant-affine-3-g32", SMALL, "3 bit (codes cross word boundaries), group 32", quant=q(3, 32), seed=303)
case("quant-affine-3-g64-tied", SMALL | {"tie_word_embeddings": True}, "3 bit tied embedding", quant=q(3), seed=304, embed_std=0.15)
case("quant-affine-4-g128", WIDE, "4 bit, group 128", quant=q(4, 128), seed=305)
case("quant-affine-5-g32", SMALL, "5 bit, group 32", quant=q(5, 32), seed=306)
case("quant-affine-5-g128", WIDE, "5 bit, group 128", quant=q(5, 128), seed=307)
case("quant-affine-6-g32", SMALL, "6 bit, group 32", quant=q(6, 32), seed=308)
case("quant-affine-6-g128-tied", WIDE | {"tie_word_embeddings": True}, "6 bit tied embedding, group 128", quant=q(6, 128), seed=309, embed_std=0.15)
case("quant-affine-8-g128", WIDE, "8 bit, group 128", quant=q(8, 128), seed=310)
case("quant-affine-4-f16-scales", SMALL, "scales and biases in float16", quant=q(4), storage="float16", seed=311)
case("quant-affine-4-f32-scales", SMALL, "scales and biases in float32", quant=q(4), storage="float32", seed=312)
case("quant-mixed-4-6", cfg("llama", num_hidden_layers=4), "4 bit with 6 bit head, embedding and some v and down projections", quant=q(4, overrides=[
    (r"lm_head|embed_tokens", SIX), (r"layers\.[03]\.(self_attn\.v_proj|mlp\.down_proj)", SIX)]), seed=313)
case("quant-mixed-groups", cfg("qwen3", head_dim=32, num_hidden_layers=2), "different bits and group sizes per layer, 8 bit embedding", quant=q(4, overrides=[
    (r"embed_tokens", {"group_size": 32, "bits": 8}), (r"lm_head", {"group_size": 64, "bits": 5}), (r"layers\.0\.mlp", {"group_size": 32, "bits": 3})]), seed=314, qk_gain=0.6)
case("quant-partial", cfg("llama", num_hidden_layers=3), "some layers marked false and left in bf16", quant=q(4, overrides=[
    (r"lm_head", False), (r"layers\.1\.", False), (r"layers\.2\.self_attn\.o_proj", False)]), seed=315)
case("quant-sharded-two", cfg("qwen2", num_hidden_layers=3, tie_word_embeddings=True), "two shards, quantised tied embedding", quant=q(4, 32), seed=316, embed_std=0.15, shards=2)
case("quant-mxfp4", SMALL, "mxfp4 throughout, byte scales, no biases", quant=q(4, 32, "mxfp4"), seed=317)
case("quant-mxfp8", SMALL, "mxfp8 throughout", quant=q(8, 32, "mxfp8"), seed=318)
case("quant-nvfp4", SMALL, "nvfp4 throughout", quant=q(4, 16, "nvfp4"), seed=319)
case("quant-mxfp4-tied", SMALL | {"tie_word_embeddings": True}, "mxfp4 tied embedding", quant=q(4, 32, "mxfp4"), seed=320, embed_std=0.15)
case("quant-mxfp8-tied", SMALL | {"tie_word_embeddings": True}, "mxfp8 tied embedding", quant=q(8, 32, "mxfp8"), seed=321, embed_std=0.15)
case("quant-nvfp4-tied", SMALL | {"tie_word_embeddings": True}, "nvfp4 tied embedding", quant=q(4, 16, "nvfp4"), seed=322, embed_std=0.15)
case("quant-mxfp4-affine-mix", SMALL, "mxfp4 with affine embedding and head", quant=q(4, 32, "mxfp4", overrides=[(r"lm_head|embed_tokens", EIGHT)]), seed=323)
EXPERTS = cfg("qwen3_moe", "Qwen3MoeForCausalLM", head_dim=32, num_hidden_layers=2, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64,
              decoder_sparse_step=1, mlp_only_layers=[], norm_topk_prob=True)
for _bits, _group, _mode in ((2, 32, "affine"), (3, 64, "affine"), (5, 64, "affine"), (6, 32, "affine"), (8, 64, "affine"), (4, 32, "mxfp4"), (8, 32, "mxfp8"), (4, 16, "nvfp4")):
    case(f"quant-experts-{_mode}-{_bits}-g{_group}", EXPERTS, "quantised experts and router", quant=q(_bits, _group, _mode), seed=330 + _bits + _group,
         qk_gain=0.6, fixed=("decoder_sparse_step",), ignored=("intermediate_size",))
case("store-f32", cfg("qwen3", head_dim=32, num_hidden_layers=1, intermediate_size=64, torch_dtype="float32"), "unquantised float32", storage="float32", seed=341, qk_gain=0.6)
case("store-experts-bf16-sharded", EXPERTS | {"num_experts": 4, "num_hidden_layers": 1}, "unquantised experts, two shards", shards=2, seed=342, qk_gain=0.6,
     fixed=("decoder_sparse_step",), ignored=("intermediate_size",))
case("store-hybrid-bf16", cfg("lfm2", drop=("rms_norm_eps", "intermediate_size", "tie_word_embeddings"), num_hidden_layers=2, norm_eps=0.01, conv_bias=False, conv_L_cache=3, block_dim=64,
                              block_multiple_of=32, block_ffn_dim_multiplier=1.0, block_auto_adjust_ff_dim=False, block_ff_dim=96, layer_types=["conv", "full_attention"]),
     "unquantised convolution layers", seed=343, embed_std=0.15, qk_gain=0.5, fixed=("block_multiple_of", "block_ff_dim", "layer_types"), ignored=("block_ffn_dim_multiplier",))

# ---------------------------------------------------------------- newest types

case("minimax-m3-q4-g32", {"architectures": ["MiniMaxM3ForConditionalGeneration"], "model_type": "minimax_m3_vl", "eos_token_id": 2, "torch_dtype": "bfloat16", "text_config": cfg(
    "minimax_m3", drop=("architectures", "torch_dtype"), num_hidden_layers=3, intermediate_size=64, dense_intermediate_size=128, shared_intermediate_size=64, num_local_experts=6, num_experts_per_tok=2, head_dim=32,
    rotary_dim=16, routed_scaling_factor=2.0, use_qk_norm=True, use_gemma_norm=True, swiglu_alpha=1.702, swiglu_limit=1.0, moe_layer_freq=[0, 1, 1], sparse_attention_config={
        "sparse_num_index_heads": 2, "sparse_index_dim": 16, "sparse_block_size": 8, "sparse_topk_blocks": 2, "sparse_local_block": 1, "sparse_attention_freq": [0, 1, 1]})},
     "block-sparse attention chosen by an indexer, clipped swiglu, 1+w norms", quant=q(4, 32), seed=351, qk_gain=0.6, prompt=40, fixed=("text_config.moe_layer_freq", "text_config.sparse_attention_config.sparse_attention_freq"),
     ignored=("text_config.tie_word_embeddings", "text_config.use_gemma_norm", "text_config.use_qk_norm"))
case("kimi-k3-q4-g32", {"architectures": ["KimiK3ForConditionalGeneration"], "model_type": "kimi_k3", "eos_token_id": 2, "torch_dtype": "bfloat16", "text_config": cfg(
    "kimi_linear", drop=("architectures", "torch_dtype", "rope_theta"), num_hidden_layers=4, num_key_value_heads=4, linear_attn_config={"kda_layers": [1, 2, 4], "full_attn_layers": [3], "num_heads": 2, "head_dim": 32,
    "short_conv_kernel_size": 4, "gate_lower_bound": -5.0}, hidden_act="situ", activation_situ_beta=4.0, activation_situ_linear_beta=25.0, attn_res_block_size=2, q_lora_rank=64, kv_lora_rank=32, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32,
    mla_use_nope=True, mla_use_output_gate=True, num_experts=6, num_experts_per_token=2, num_shared_experts=1, moe_intermediate_size=64, moe_router_activation_func="sigmoid", moe_renormalize=True, routed_scaling_factor=1.5,
    first_k_dense_replace=1, moe_layer_freq=1, use_grouped_topk=True, num_expert_group=1, topk_group=1, routed_expert_hidden_size=32, latent_moe_use_norm=True)},
     "residual over blocks of layers, latent experts, vector-gated delta attention", quant=q(4, 32), seed=352, qk_gain=0.8,
     fixed=("text_config.linear_attn_config.kda_layers", "text_config.linear_attn_config.full_attn_layers"),
     ignored=("text_config.num_key_value_heads", "text_config.use_grouped_topk", "text_config.topk_group"))


# ---------------------------------------------------------------- command

def load_table(path):
    spec = importlib.util.spec_from_file_location("held_table", path)
    module = importlib.util.module_from_spec(spec)
    module.shared = {c.name: c for c in CASES}
    module.q, module.cfg, module.UNREAD = q, cfg, UNREAD
    spec.loader.exec_module(module)
    return module.CASES


def fit(path, one):
    return path.exists() and not judge(json.loads(path.read_text()), one)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--held", type=Path, help="another table; its output goes beside it")
    parser.add_argument("--only", default="", help="regular expression on case names")
    parser.add_argument("--missing", action="store_true", help="skip cases already written and fit for use")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    cases = load_table(options.held) if options.held else CASES
    root = options.held.resolve().parent / "models" if options.held else HERE.parents[1] / "test/golden/models"
    names = [c.name for c in cases]
    assert len(set(names)) == len(names), "duplicate case names"
    for one in cases:
        if not re.search(options.only, one.name):
            continue
        if options.missing and fit(root / one.name / "golden.json", one):
            continue
        if options.check:
            print(one.name)
            continue
        start = time.time()
        try:
            report, problems, size = produce(one, root)
        except Exception as error:
            traceback.print_exc()
            print(f"FAIL {one.name}: {type(error).__name__}: {error}", flush=True)
            continue
        least = min(report["sensitivity"].values())
        noise = max(report["self_consistency"].values())
        print(f"{'ok  ' if not problems else 'LOOK'} {one.name} {size // 1024}K {time.time() - start:.1f}s "
              f"least {least:.3g} noise {noise:.1g}/{report['effect_of_2e-5_weight_noise']:.1g} "
              f"std {report['logits_std']:.2f}", flush=True)
        for p in problems:
            print("      ", p, flush=True)


if __name__ == "__main__":
    main()
