"""Pushes a directory with Python's huggingface_hub and downloads it again: argv is repo, directory, cache. Prints the snapshot."""

import sys

from huggingface_hub import HfApi, snapshot_download

repo, directory, cache = sys.argv[1:]
api = HfApi()
api.create_repo(repo, private=True, exist_ok=True)
api.upload_folder(repo_id=repo, folder_path=directory, commit_message="from Python")
print(snapshot_download(repo, cache_dir=cache))
