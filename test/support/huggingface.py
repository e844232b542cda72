"""What Python's huggingface_hub makes of a cache. Run by test/cache/Python.test.ts.

write HUB    downloads repos into HUB from a server of its own on loopback, by the library's own functions
scan HUB...  prints what scan_cache_dir finds in each HUB
load HUB X   loads every file of the JSON list X ([repo, revision, file]) without a network and prints their texts
"""

import json
import os
import sys
import threading
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = json.dumps({"model_type": "llama", "quantization": {"bits": 4}})
COMMITS = {"first": sha1(b"first").hexdigest(), "second": sha1(b"second").hexdigest()}
FILES = {
    "first": {"config.json": CONFIG, "model.safetensors": "old weights", "sub/notes.txt": "notes"},
    "second": {"config.json": CONFIG, "model.safetensors": "new weights"},
}


class Hub(BaseHTTPRequestHandler):
    """The part of the Hub that a download asks: one file of one commit."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        path = self.path.split("?")[0]
        _, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        key = next((key for key, commit in COMMITS.items() if revision in (key, commit)), "second")
        text = FILES[key].get(name)
        body = b"" if text is None else text.encode()
        large = name.endswith(".safetensors")
        etag = sha256(body).hexdigest() if large else sha1(b"blob %d\0" % len(body) + body).hexdigest()
        self.send_response(404 if text is None else 200)
        self.send_header("X-Repo-Commit", COMMITS[key])
        if text is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def write(hub):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    for repo in ("org/left", "org/gone"):
        for revision in ("first", "second"):
            for name in FILES[revision]:
                hf_hub_download(repo, name, revision=revision, cache_dir=hub, endpoint=endpoint)
        try:
            hf_hub_download(repo, "absent.json", revision="first", cache_dir=hub, endpoint=endpoint)
        except EntryNotFoundError:
            pass
    hf_hub_download("org/data", "config.json", repo_type="dataset", cache_dir=hub, endpoint=endpoint)


def scan(hubs):
    from huggingface_hub import scan_cache_dir

    answers = []
    for hub in hubs:
        info = scan_cache_dir(hub)
        answers.append(
            {
                "total": info.size_on_disk,
                "warnings": [str(warning) for warning in info.warnings],
                "repos": {
                    repo.repo_id: {"size": repo.size_on_disk, "revisions": len(repo.revisions)} for repo in info.repos
                },
            }
        )
    print(json.dumps(answers))


def load(hub, wanted):
    from huggingface_hub import hf_hub_download

    texts = []
    for repo, revision, name in json.loads(wanted):
        path = hf_hub_download(repo, name, revision=revision, cache_dir=hub, local_files_only=True)
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    print(json.dumps(texts))


os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
command, *arguments = sys.argv[1:]
{"write": lambda: write(*arguments), "scan": lambda: scan(arguments), "load": lambda: load(*arguments)}[command]()
