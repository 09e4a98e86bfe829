#!/usr/bin/env python3
"""The JSON schema of imgmin.yaml out of the option table.

  imgmin help --table | schema.py write          prints it
  imgmin help --table | schema.py check FILE     1 where FILE is another; a diff tells how
  schema.py valid FILE PROJECT...                1 where FILE is no schema, or does not allow one
"""

import difflib
import json
import sys

# What is no key: registry options, and --file itself.
REFUSED = "file authfile creds cert-dir tls-verify retry retry-delay".split()
PAIRS = ["env", "label", "annotation"]
WORDS = ["entrypoint", "cmd"]

TEXT = {"type": ["string", "number"]}
VALUE = {"type": ["string", "number", "boolean"]}
PATH = {"type": "string", "minLength": 1}
PLATFORM = {"pattern": "^[a-z0-9_]+(/[a-z0-9_]+){0,2}$"}


def one_or_list(what):
    return {"anyOf": [what, {"type": "array", "items": what}]}


def by_platform(what):
    return {"type": "object", "propertyNames": PLATFORM, "additionalProperties": what}


def value_of(name, value, choices, text):
    """The schema of an option's value; its kind stands in the table's own words."""
    if name == "strip":
        return {"enum": [True, False] + choices}
    if not value:
        return {"type": "boolean"}
    if choices and name != "compression-level":
        return {"enum": choices}
    if name in PAIRS:
        values = VALUE if name != "env" else {"type": VALUE["type"] + ["null"]}
        pairs = {"type": "object", "additionalProperties": values}
        return {"anyOf": one_or_list({"type": "string"})["anyOf"] + [pairs]}
    if name == "sysroot":
        return {"anyOf": one_or_list(PATH)["anyOf"] + [by_platform(PATH)]}
    if name in WORDS:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT}]}
    if "repeatable" in text or name == "sysroot":
        return one_or_list(TEXT)
    return TEXT


def schema(table):
    paths = one_or_list(PATH)
    keys = {
        "name": {"type": "string", "description": "first name of the image; --tag replaces it"},
        "programs": {
            "description": "what to build: paths, by platform or not",
            "anyOf": paths["anyOf"] + [by_platform(paths)],
        },
    }
    for line in table:
        command, option, _, value, choices, text = line.rstrip("\n").split("\t")
        name = option[2:]
        if command != "build" or name in REFUSED:
            continue
        row = value_of(name, value, choices.split("|") if choices else [], text)
        keys[name] = {"description": text.replace(" (repeatable)", "")} | row
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "imgmin.yaml",
        "description": "what imgmin build makes of a project; imgmin.yaml(5)",
        "type": "object",
        "additionalProperties": False,
        "properties": keys,
    }


def valid(file, projects):
    import jsonschema
    import yaml

    with open(file, encoding="utf-8") as f:
        rules = json.load(f)
    jsonschema.Draft7Validator.check_schema(rules)
    wrong = 0
    for project in projects:
        with open(project, encoding="utf-8") as f:
            document = yaml.safe_load(f)
        for error in jsonschema.Draft7Validator(rules).iter_errors(document):
            print(f"{project}: {'/'.join(map(str, error.path))}: {error.message}")
            wrong = 1
    return wrong


def main():
    if sys.argv[1] == "valid":
        return valid(sys.argv[2], sys.argv[3:])
    text = json.dumps(schema(sys.stdin), indent=2, ensure_ascii=False) + "\n"
    if sys.argv[1] == "write":
        sys.stdout.write(text)
        return 0
    with open(sys.argv[2], encoding="utf-8") as f:
        have = f.read()
    sys.stdout.writelines(
        difflib.unified_diff(have.splitlines(True), text.splitlines(True), "there", "wanted")
    )
    return have != text


sys.exit(main())
