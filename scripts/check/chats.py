"""Renders conversations with transformers' apply_chat_template: a chats.json without cases on stdin, one with cases on stdout."""

import datetime
import json
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from transformers.utils import chat_template_utils  # noqa: E402

KINDS = [(TemplateSyntaxError, "syntax"), (UndefinedError, "undefined"), (SecurityError, "security")]


def kind_of(error):
    if type(error) is TemplateError:
        return "raise"
    return next((kind for cls, kind in KINDS if isinstance(error, cls)), "runtime")


def line_of(error):
    line, frame = None, error.__traceback__
    while frame:
        if frame.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def freeze(moment):
    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromisoformat(moment)

    chat_template_utils.datetime = Clock


def rendered(tokenizer, row):
    names = ("tools", "documents", "add_generation_prompt", "continue_final_message")
    arguments = {name: row[name] for name in names if name in row}
    try:
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False, **arguments, **row.get("kwargs", {}))
        return {"expected": text}
    except Exception as error:  # every failure is a result
        return {"error": {"kind": kind_of(error), "message": str(error), "line": line_of(error)}}


def main():
    data = json.load(sys.stdin)
    freeze(data["now"])
    for template in data["templates"]:
        backend = Tokenizer(models.WordLevel({"x": 0}, "x"))
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **template["special_tokens"])
        tokenizer.chat_template = template["template"]
        for row in data["conversations"]:
            names = {"template": template["name"], "conversation": row["name"]}
            data["cases"].append({**names, **rendered(tokenizer, row)})
    json.dump(data, sys.stdout)


main()
