#!/usr/bin/python3
"""Reads the YAML of `imgmin k8s` from stdin and prints it as JSON, for jq; fails on a key that stands twice."""
import json
import sys

import yaml


class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k) for k, _ in node.value]
        if len(set(keys)) != len(keys):
            sys.exit(f"line {node.start_mark.line + 1}: a key stands twice in {keys}")
        return super().construct_mapping(node, deep)


json.dump(yaml.load(sys.stdin, Strict), sys.stdout)
