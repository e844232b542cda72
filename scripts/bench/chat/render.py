"""Renders the chat on stdin as transformers does; milliseconds of processor time per rendering, best of five rounds."""

import json
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

from transformers.utils import chat_template_utils  # noqa: E402

work = json.load(sys.stdin)
results = {}
for name, source in work["templates"].items():
    template = chat_template_utils._compile_jinja_template(source)
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(work["repeats"]):
            text = template.render(**work["variables"][name])
        rounds.append((time.process_time() - start) * 1000 / work["repeats"])
    results[name] = {"millis": min(rounds), "text": text}
json.dump(results, sys.stdout)
