"""Cases beside those of models.py: odd widths, interleaved tables, mixed formats. `python models.py --held extra.py`"""

from engine import Case

CASES = []
LL3 = {"factor": 4.0, "high_freq_factor": 6.0, "low_freq_factor": 1.5, "original_max_position_embeddings": 32, "rope_type": "llama3"}


def case(name, config, **options):
    CASES.append(Case(name, config, "", **options))


case("extra-llama3-trad", cfg("llama", num_hidden_layers=2, head_dim=24, num_attention_heads=6, num_key_value_heads=3, rope_traditional=True, rope_scaling=LL3), quant=q(4,32), seed=901)
case("extra-odd-width", cfg("llama", num_hidden_layers=2, intermediate_size=96, head_dim=16, vocab_size=333), quant=q(4,64), seed=903)
case("extra-window-last", cfg("mistral", num_hidden_layers=3, sliding_window=5, layer_types=["full_attention","sliding_attention","sliding_attention"]), quant=q(2,32), seed=908, prompt=40, crossing=3)
case("extra-qwen3-yarn-params", cfg("qwen3", drop=("rope_theta",), head_dim=32, num_hidden_layers=2, rope_parameters={"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":16,"rope_theta":50000.0}), quant=q(4,32), seed=909, qk_gain=0.6, shards=3)
case("extra-bitnet-odd", cfg("llama", num_hidden_layers=2, hidden_size=80, intermediate_size=112, head_dim=20, num_key_value_heads=2, quantization_config={"quant_method": "bitnet", "linear_class": "bitlinear", "modules_to_not_convert": ["lm_head"]}), seed=913, init={r"(o_proj|down_proj)\.weight_scale$": lambda r, s: r.uniform(25.0, 50.0, s), r"weight_scale$": lambda r, s: r.uniform(5.0, 10.0, s)})
case("extra-mixed", cfg("qwen3", num_hidden_layers=3, head_dim=16, tie_word_embeddings=True), quant=q(4,32,"mxfp4",overrides=[(r"layers\.0\.mlp",{"group_size":16,"bits":4,"mode":"nvfp4"}),(r"layers\.1\.mlp",{"group_size":32,"bits":8,"mode":"mxfp8"}),(r"embed",{"group_size":64,"bits":5}),(r"layers\.2\.self_attn",{"bits":3,"group_size":64})]), seed=915, embed_std=0.12, qk_gain=0.6)
case("extra-longrope", cfg("llama", num_hidden_layers=2, head_dim=16, max_position_embeddings=128, rope_traditional=True, rope_scaling={"rope_type":"longrope","original_max_position_embeddings":32,"short_factor":[1.0]*8,"long_factor":[1.0,1.1,1.3,1.6,2.0,2.5,3.0,4.0]}), quant=q(4,64), seed=920)

# Numbers that only unusual weights or sizes bring into play: see scripts/check/mutate.ts.
NGRAM = dict(attention_method="MLA", zero_expert_type="identity", ffn_hidden_size=64, moe_topk=3, expert_ffn_hidden_size=32, n_routed_experts=6, zero_expert_num=2, num_layers=2, kv_lora_rank=32,
             q_lora_rank=64, qk_rope_head_dim=16, qk_nope_head_dim=32, v_head_dim=32, routed_scaling_factor=2.0, mla_scale_q_lora=True, mla_scale_kv_lora=True, attention_bias=False)
case("extra-longcat-ngram-vocabulary", cfg("longcat_flash_ngram", drop=("num_hidden_layers", "intermediate_size", "num_key_value_heads", "architectures"), vocab_size=700, ngram_vocab_size_ratio=1, emb_neighbor_num=3, emb_split_num=2, **NGRAM),
     quant=q(4, 32), seed=931, ignored=("tie_word_embeddings",), fixed=("ngram_vocab_size_ratio", "emb_neighbor_num", "emb_split_num"))
# Time steps from far below the lower limit to above the upper one, head by head.
STEPS = {r"dt_bias$": lambda r, s: r.permutation([-8.0, 115.0, -6.0, 1.0] * (s[0] // 4))}
case("extra-plamo2-steps", cfg("plamo2", "Plamo2ForCausalLM", drop=("rope_theta",), num_hidden_layers=2, hidden_size_per_head=32, attention_window_size=2048, full_attention_idx=[], mamba_d_state=16, mamba_d_conv=4, mamba_num_heads=4, mamba_step=2,
                               mamba_chunk_size=64, mamba_enabled=True, tie_word_embeddings=True), quant=q(4, 32), seed=932, embed_std=0.05, qk_gain=0.6, init=shared["plamo2-q4-g32"].init | STEPS,
     fixed=("mamba_step",), ignored=("mamba_chunk_size", "full_attention_idx", "attention_window_size"))
case("extra-granitehybrid-steps", cfg("granitemoehybrid", "GraniteMoeHybridForCausalLM", num_hidden_layers=2, layer_types=["mamba", "attention"], num_local_experts=4, num_experts_per_tok=2, intermediate_size=64, shared_intermediate_size=64,
                                      position_embedding_type="nope", tie_word_embeddings=True, logits_scaling=4.0, attention_multiplier=0.17, embedding_multiplier=3.0, residual_multiplier=0.6, attention_bias=False,
                                      mamba_n_heads=4, mamba_d_head=32, mamba_proj_bias=False, mamba_d_state=16, mamba_d_conv=4, mamba_n_groups=1, mamba_conv_bias=True),
     quant=q(4, 32), seed=933, embed_std=0.08, ignored=("rope_theta",), fixed=("layer_types",), init=STEPS)
case("extra-gpt-oss-clipped", cfg("gpt_oss", "GptOssForCausalLM", drop=("tie_word_embeddings",), head_dim=16, num_hidden_layers=2, intermediate_size=64, num_local_experts=4, num_experts_per_tok=2, sliding_window=12, rope_theta=150000,
                                  attention_bias=True, swiglu_limit=7.0, layer_types=["sliding_attention", "full_attention"]),
     quant=q(4, 32), seed=934, init={r"experts\.(gate|up)_proj\.bias$": lambda r, s: r.normal(0, 7.0, s), r"experts\.down_proj\.weight$": lambda r, s: r.normal(0, 0.03, s)}, ignored=("attention_bias", "swiglu_limit"))
case("extra-bailing-moe-negative", cfg("bailing_moe", "BailingMoeV2ForCausalLM", num_hidden_layers=2, head_dim=16, moe_intermediate_size=64, num_experts=8, num_shared_experts=1, norm_topk_prob=True, num_experts_per_tok=3,
                                       first_k_dense_replace=0, use_bias=False, use_qkv_bias=False, norm_head=False, norm_softmax=False, use_qk_norm=True, partial_rotary_factor=0.5,
                                       moe_router_enable_expert_bias=True, routed_scaling_factor=2.5, score_function="sigmoid", n_group=4, topk_group=2),
     quant=q(4), seed=935, qk_gain=0.6, ignored=("intermediate_size", "head_dim", "norm_softmax"), fixed=("first_k_dense_replace",), init={r"expert_bias$": lambda r, s: r.uniform(-1.4, -0.4, s)})
TEXT4 = cfg("llama4_text", drop=("architectures", "torch_dtype"), num_hidden_layers=4, head_dim=32, attention_bias=False, attention_chunk_size=16, interleave_moe_layer_step=2, intermediate_size=64, intermediate_size_mlp=128,
            num_experts_per_tok=1, num_local_experts=4, rope_theta=20.0, rope_scaling=None, use_qk_norm=False, attn_temperature_tuning=4, floor_scale=16, attn_scale=0.1)
case("extra-llama4-rope", {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "eos_token_id": [2, 3], "torch_dtype": "bfloat16", "text_config": TEXT4},
     quant=q(4), seed=936, qk_gain=0.8, prompt=30, fixed=("text_config.interleave_moe_layer_step",), ignored=("text_config.attn_temperature_tuning", "text_config.tie_word_embeddings"))
# Keys and values beyond what 8 bits hold at their learned scales.
case("extra-afm7-clipped", cfg("afm7", drop=("rope_theta", "rms_norm_eps", "num_attention_heads", "num_key_value_heads", "num_hidden_layers", "intermediate_size", "max_position_embeddings"), rms_norm_eps=0.01, rope_theta=50000.0, hidden_dim=64, num_layers=4, num_kv_reuse_layers=2,
                               num_heads=4, num_kv_heads=2, hidden_dim_scale_factor=2.0), seed=937, init={r"quant.*scale$|_scale$": lambda r, s: r.uniform(0.006, 0.01, s)})
