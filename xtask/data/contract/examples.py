"""Checks that the description is well-formed, in both forms, and that all it shows is valid under it: the examples of its
schemas, parameters, bodies, answers and requests, and what the messages of a running service show."""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import jsonschema_rs
from openapi_spec_validator import validate

# What is asked for to see the message of its refusal.
NONSENSE = "?"
# How a message lists the words of a closed set.
ONE_OF = re.compile(r"must be one of (.*)$")
# What a message shows of times and durations begins with a digit.
SHOWN = re.compile(r"(?<![\w.])\d[\w:.+-]*\w")


class Checks:
    """Counts what was held against the description, and keeps what does not fit."""

    def __init__(self, document):
        self.document, self.counts, self.faults = document, {}, []

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            target = self.document
            for token in value["$ref"].removeprefix("#/").split("/"):
                target = target[token.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def check(self, kind, place, schema, value):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        whole = {"components": self.document["components"], "allOf": [schema]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        self.faults += [f"{place}: {value!r}: {error.message}" for error in validator.iter_errors(value)]


def examples_of(item):
    """The examples of a parameter, a header or a content."""
    found = [item["example"]] if "example" in item else []
    return found + [example["value"] for example in item.get("examples", {}).values() if "value" in example]


def schemas(checks, schema, place):
    """The examples that stand in a schema and in those within it."""
    for example in schema.get("examples", []):
        bare = {name: member for name, member in schema.items() if name != "examples"}
        checks.check("schemas", place, bare, example)
    for name, inner in schema.get("properties", {}).items():
        schemas(checks, inner, f"{place}/{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            schemas(checks, schema[name], f"{place}/{name}")
    for name in ("oneOf", "anyOf", "allOf"):
        for inner in schema.get(name, []):
            schemas(checks, inner, f"{place}/{name}")


def contents(checks, kind, place, content):
    for media_type, of_type in content.items():
        resolved = {**of_type, "examples": {k: checks.resolve(v) for k, v in of_type.get("examples", {}).items()}}
        for example in examples_of(resolved):
            checks.check(kind, f"{place} {media_type}", of_type["schema"], example)


def as_sent(schema, text):
    """A value of the query string or the path, as its schema has it."""
    if schema.get("type") in ("integer", "number"):
        return json.loads(text)
    return {"true": True, "false": False}.get(text, text) if schema.get("type") == "boolean" else text


def requests(checks, path, operation, parameters):
    """The requests that are shown, of those that succeed."""
    pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "$")
    for request in operation.get("x-requests", []):
        if request["status"] >= 400:
            continue
        asked = urllib.parse.urlsplit(request["path"])
        place = f"{path}: {request['path']}"
        given = [("path", name, value) for name, value in (pattern.match(asked.path) or {}).groupdict().items()]
        given += [("query", name, value) for name, value in urllib.parse.parse_qsl(asked.query)]
        given += [("header", name, value) for name, value in request["headers"].items()]
        for where, name, value in given:
            parameter = parameters.get((where, name.lower()))
            if parameter is None:
                assert where == "header" or name.startswith("metadata."), f"{place}: {name} is not described"
                continue
            schema = checks.resolve(parameter["schema"])
            if schema.get("type") == "array":
                item = checks.resolve(schema["items"])
                for one in value.split(","):
                    checks.check("requests", place, schema["items"], as_sent(item, one))
            else:
                checks.check("requests", place, parameter["schema"], as_sent(schema, value))
        if "body" in request:
            content = operation["requestBody"]["content"][request["headers"]["Content-Type"]]
            checks.check("requests", place, content["schema"], request["body"])


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def messages(checks, url, path, parameters):
    """What the service shows when it refuses a value of a parameter."""
    for (where, _), parameter in parameters.items():
        schema = checks.resolve(parameter["schema"])
        item = schema["items"] if schema.get("type") == "array" else parameter["schema"]
        words = checks.resolve(item).get("enum")
        if where != "query" or "{" in path or not (words or "pattern" in schema):
            continue
        refused = ask(f"{url}{path}?{urllib.parse.urlencode({parameter['name']: NONSENSE})}")
        for error in refused.get("errors", []):
            if error.get("parameter") != parameter["name"]:
                continue
            listed = ONE_OF.search(error["message"])
            shown = listed.group(1).split(", ") if listed else SHOWN.findall(error["message"])
            if words and listed and set(shown) != set(words):
                checks.faults.append(f"{path} {parameter['name']}: the message lists {shown}, the description {words}")
            # An upper bound stands behind the forms.
            for form in shown if listed else [form for form in shown if form != "36500d"]:
                if re.search(r"[A-Za-z-]", form) or listed:
                    checks.check("messages", f"{path} {parameter['name']}: {error['message']}", item, form)


def main(path, url):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    older = ask(f"{url}/openapi-3.0.json")
    assert ask(f"{url}/openapi.json") == document, "the service gives another description than docs/openapi.json"
    assert older["openapi"] == "3.0.3", older["openapi"]
    validate(document)
    validate(older)
    checks = Checks(document)
    for name, schema in document["components"]["schemas"].items():
        schemas(checks, schema, name)
    for route, item in document["paths"].items():
        for method, operation in item.items():
            place = f"{method} {route}"
            described = [checks.resolve(parameter) for parameter in operation["parameters"]]
            parameters = {(parameter["in"], parameter["name"].lower()): parameter for parameter in described}
            for parameter in described:
                for example in examples_of(parameter):
                    checks.check("parameters", f"{place} {parameter['name']}", parameter["schema"], example)
                schemas(checks, parameter["schema"], f"{place} {parameter['name']}")
            contents(checks, "bodies", place, operation.get("requestBody", {}).get("content", {}))
            for status, response in operation["responses"].items():
                contents(checks, "answers", f"{place} {status}", checks.resolve(response).get("content", {}))
                for name, header in checks.resolve(response).get("headers", {}).items():
                    header = checks.resolve(header)
                    for example in examples_of(header):
                        checks.check("headers", f"{place} {status} {name}", header["schema"], example)
            requests(checks, route, operation, parameters)
            if method == "get":
                messages(checks, url, route, parameters)
    for fault in checks.faults:
        print(fault, file=sys.stderr)
    counted = ", ".join(f"{count} of {kind}" for kind, count in checks.counts.items())
    print(f"description: both forms are well-formed; examples held against it: {counted}; {len(checks.faults)} do not fit")
    return 1 if checks.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
