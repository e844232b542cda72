"""Checks the committed checkpoint with the programs it is made for: transformers' tokenizer and mlx-lm's generation.

    pip install "mlx[cpu]" mlx-lm==0.32.2
    python scripts/demo/verify.py [--slow]

Counts the questions answered word for word: greedily, and sampled as `mlxk run` does (0.7, 0.9, 1.1 over 20 tokens);
first the questions of the corpus, then forms that training never saw. --slow also runs every filled template, not one in ten.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
from mlx_lm import load
from mlx_lm.generate import BatchGenerator
from mlx_lm.sample_utils import make_logits_processors, make_sampler

HERE = Path(__file__).parent
CORPUS = json.loads((HERE / "corpus.json").read_text("utf-8"))
MAX_TOKENS = 80

# Wordings outside the corpus, with a piece of the answer that fits. Training was adjusted after seeing how some of them failed,
# so this is a check of robustness and no blind test.
UNSEEN = [
    ("What is a snapshot in the cache?", "A snapshot is a folder"),
    ("so what's a blob?", "A blob is one stored file"),
    ("Tell me what a KV cache does", "The KV cache keeps"),
    ("What does quantization do?", "Quantization stores"),
    ("explain to me what prefill is", "Prefill is the first phase"),
    ("How can I see which models are installed?", "mlxk list"),
    ("How would I run a model?", "mlxk run"),
    ("How do I start serving a model?", "mlxk serve"),
    ("Please write me a haiku", "Weights sleep"),
    ("Hi, who are you?", "I am the demo model"),
    ("Hello there", "Hello!"),
    ("Thanks for your help", "You are welcome"),
    ("What is the capital of Spain?", "I do not know that"),
    ("What is a helicopter?", "I do not know that"),
    ("How do I remove an old model?", "mlxk rm"),
    ("how do i get a model from the hub?", "mlxk pull"),
    ("Can I use this without internet?", "Once a model is in the cache"),
    ("Where do you store the models?", "huggingface/hub"),
    ("Which model is best for me?", "Choose a four-bit model"),
    ("What is the temperature for?", "Temperature controls"),
]


def main():
    mx.set_default_device(mx.cpu)
    mx.random.seed(7)
    folder = str(HERE / "checkpoint")
    model, tokenizer = load(folder)
    model.set_dtype(mx.float32)

    from transformers import AutoTokenizer

    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    rendered = AutoTokenizer.from_pretrained(folder).apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    expected = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert rendered == expected, rendered
    for text in ["", " leading", "naïve café — 東京 🎉", "tabs\tand\r\nlines\n\n", "<|im_end|>"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text, text

    def answers(questions, sampled):
        prompts = [
            tokenizer.apply_chat_template([{"role": "user", "content": q}], add_generation_prompt=True) for q in questions
        ]
        generator = BatchGenerator(
            model,
            max_tokens=MAX_TOKENS,
            stop_tokens=[[t] for t in tokenizer.eos_token_ids],
            sampler=make_sampler(temp=0.7, top_p=0.9) if sampled else None,
            logits_processors=make_logits_processors(repetition_penalty=1.1) if sampled else None,
            completion_batch_size=64,
            prefill_batch_size=64,
        )
        made = {uid: [] for uid in generator.insert(prompts)}
        while responses := generator.next_generated():
            for r in responses:
                if r.finish_reason != "stop":
                    made[r.uid].append(r.token)
        return [tokenizer.decode(tokens) for tokens in made.values()]

    def count(title, pairs):
        for sampled in (False, True):
            got = answers([q for q, _ in pairs], sampled)
            wrong = [(q, text) for (q, a), text in zip(pairs, got) if a not in text]
            print(f"{title}, {'sampled' if sampled else 'greedy'}: {len(pairs) - len(wrong)} of {len(pairs)}", flush=True)
            for q, text in wrong[:40]:
                print(f"  {q!r} -> {text!r}")

    templates, unknown = CORPUS["templates"], CORPUS["unknown"]
    chats = [(q, c["answer"]) for c in CORPUS["chats"] for q in c["questions"]]
    chats += [(q, unknown["answer"]) for q in unknown["questions"]]
    cases = lambda name: dict.fromkeys([name, name.lower()])
    filled = [
        (t.format(n), e["answer"])
        for e in [*CORPUS["terms"], unknown]
        for name in e["names"]
        for n in cases(name)
        for t in templates["train"]
    ]
    held_out = [(t.format(e["names"][0]), e["answer"]) for e in CORPUS["terms"] for t in templates["heldOut"]]
    count("corpus questions", chats)
    count("filled templates", filled if "--slow" in sys.argv else filled[::10])
    count("templates never trained", held_out)
    count("wordings never trained", UNSEEN)


if __name__ == "__main__":
    main()
