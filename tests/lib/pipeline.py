#!/usr/bin/python3
"""Runs the scripts of a pipeline as its CI would, one job after the other, in the current directory.

    tests/lib/pipeline.py github WORKFLOW.yml [CONTEXT=VALUE]...     github.actor=tester
    tests/lib/pipeline.py gitlab PIPELINE.yml [VARIABLE=VALUE]...

Of both only what examples/ci uses, and what it does not know is an error: GitHub's matrix, env,
local composite actions, and the actions for artifacts; GitLab's stages, matrix and artifacts. Each
job gets a copy of the directory as it was, and artifacts are all that goes from one to the next.
"""
import os
import re
import shutil
import subprocess
import sys

import yaml


def fail(text):
    sys.exit(f"pipeline: {text}")


def only(mapping, known, what):
    for key in mapping:
        if key not in known:
            fail(f"{what}: {key}: not known here")


def run(script, shell, where, env):
    print(f"+ in {where}:\n{script}", file=sys.stderr, flush=True)
    done = subprocess.run(shell + [script], cwd=where, env=env, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.returncode)


def workspace(top, name):
    path = f"{top}.jobs/{name}"
    shutil.copytree(top, path, symlinks=True)
    return path


class Github:
    SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]

    def __init__(self, path, given):
        self.workflow = yaml.safe_load(open(path, encoding="utf-8"))
        self.top = os.getcwd()
        self.artifacts = f"{self.top}.artifacts"
        self.contexts = {"github": {}, "secrets": {}}
        for word in given:
            name, value = word.split("=", 1)
            context, key = name.split(".")
            self.contexts[context][key] = value

    def value(self, text, contexts):
        def expression(match):
            at = contexts
            for key in match.group(1).split("."):
                if key not in at:
                    fail(f"${{{{ {match.group(1)} }}}} is not known here")
                at = at[key]
            return at
        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", expression, str(text))

    def values(self, mapping, contexts):
        return {k: self.value(v, contexts) for k, v in (mapping or {}).items()}

    def run(self):
        only(self.workflow, ("name", True, "env", "jobs"), "workflow")
        done = set()
        for name, job in self.workflow["jobs"].items():
            only(job, ("runs-on", "permissions", "strategy", "steps", "needs"), name)
            if job.get("needs", name) not in done | {name}:
                fail(f"{name} needs {job['needs']}")
            matrix = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
            for i, row in enumerate(matrix):
                contexts = {**self.contexts, "matrix": row}
                contexts["env"] = self.values(self.workflow.get("env"), contexts)
                self.steps(job["steps"], contexts, workspace(self.top, f"{name}{i}"))
            done.add(name)

    def steps(self, steps, contexts, where):
        contexts = {**contexts, "steps": {}}
        for step in steps:
            only(step, ("name", "id", "run", "uses", "with", "env", "shell"), "step")
            if "uses" in step:
                self.use(step["uses"], self.values(step.get("with"), contexts), contexts, where)
                continue
            output = f"{self.top}.output"
            open(output, "w", encoding="utf-8").close()
            env = {**os.environ, "CI": "true", "GITHUB_OUTPUT": output, **contexts["env"],
                   **self.values(step.get("env"), contexts)}
            run(self.value(step["run"], contexts), self.SHELL, where, env)
            if "id" in step:
                lines = open(output, encoding="utf-8").read().splitlines()
                contexts["steps"][step["id"]] = {"outputs": dict(l.split("=", 1) for l in lines)}
        return contexts

    def use(self, action, given, contexts, where):
        if action.startswith("./"):
            self.composite(os.path.join(where, action), given, contexts, where)
        elif action.startswith("actions/upload-artifact@"):
            shutil.copytree(f"{where}/{given['path']}", f"{self.artifacts}/{given['name']}")
        elif action.startswith("actions/download-artifact@"):
            prefix = given["pattern"].rstrip("*")
            for name in sorted(os.listdir(self.artifacts)):
                if name.startswith(prefix):
                    shutil.copytree(f"{self.artifacts}/{name}", f"{where}/{given['path']}",
                                    dirs_exist_ok=True)
        elif not action.startswith("actions/checkout@"):
            fail(f"{action}: not known here")

    def composite(self, path, given, contexts, where):
        action = yaml.safe_load(open(f"{path}/action.yml", encoding="utf-8"))
        inputs = {}
        only(given, action["inputs"], path)
        for name, about in action["inputs"].items():
            if name not in given and about.get("required"):
                fail(f"{path}: {name} is required")
            inputs[name] = given.get(name, about.get("default"))
        for step in action["runs"]["steps"]:
            if "run" in step and "shell" not in step:
                fail(f"{path}: a step of a composite action names its shell")
        inner = self.steps(action["runs"]["steps"], {
            **contexts, "inputs": inputs,
            "github": {**contexts["github"], "action_path": path}}, where)
        for name, about in action["outputs"].items():
            print(f"output {name}={self.value(about['value'], inner)}")


class Gitlab:
    # GitLab joins the lines of a job, which end it where one fails.
    SHELL = ["bash", "-eo", "pipefail", "-c"]

    def __init__(self, path, given):
        self.pipeline = yaml.safe_load(open(path, encoding="utf-8"))
        self.given = dict(word.split("=", 1) for word in given)
        self.top = os.getcwd()

    def run(self):
        jobs = {k: v for k, v in self.pipeline.items()
                if k not in ("stages", "default", "variables")}
        only(self.pipeline["default"], ("before_script",), "default")
        for stage in self.pipeline["stages"]:
            made = []
            for name, job in jobs.items():
                only(job, ("stage", "parallel", "script", "artifacts", "rules"), name)
                if job["stage"] == stage:
                    made += self.job(name, job)
            for path, kept in made:
                shutil.copytree(path, f"{self.top}/{kept}", dirs_exist_ok=True)

    def job(self, name, job):
        made = []
        for i, row in enumerate(job.get("parallel", {}).get("matrix", [{}])):
            where = workspace(self.top, f"{name}{i}")
            env = {**os.environ, "CI": "true", **self.pipeline["variables"], **row, **self.given}
            lines = self.pipeline["default"]["before_script"] + job["script"]
            run("\n".join(lines), self.SHELL, where, env)
            made += [(f"{where}/{path}", path) for path in job.get("artifacts", {}).get("paths", [])]
        return made


def main():
    kinds = {"github": Github, "gitlab": Gitlab}
    if len(sys.argv) < 3 or sys.argv[1] not in kinds:
        sys.exit("usage: pipeline.py github|gitlab FILE [NAME=VALUE]...")
    for leftover in (".jobs", ".artifacts"):
        shutil.rmtree(os.getcwd() + leftover, ignore_errors=True)
    kinds[sys.argv[1]](sys.argv[2], sys.argv[3:]).run()


main()
