"""Reads documents of YAML and writes them as one array of JSON, the settings in a ConfigMap as what they say."""

import json
import sys

import yaml

documents = [document for document in yaml.safe_load_all(sys.stdin) if document is not None]
for document in documents:
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        data = document["data"]
        document["data"] = {
            key: yaml.safe_load(text) if key.endswith(".yaml") else text for key, text in data.items()
        }
json.dump(documents, sys.stdout)
