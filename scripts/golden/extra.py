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
