"""The same as encode.ts with Python's tokenizers; the ids as a list each."""

import json
import sys
import time

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
with open(sys.argv[2], encoding="utf-8") as file:
    texts = json.load(file)
for _ in sys.stdin:
    start = time.process_time()
    for text in texts:
        tokenizer.encode(text, add_special_tokens=False).ids
    print(time.process_time() - start, flush=True)
