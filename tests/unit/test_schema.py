# SPDX-License-Identifier: GPL-2.0-or-later
"""conf/gwd.schema.json against gwd itself: every golden input through both.

What gwd takes, the schema takes. What gwd refuses, the schema refuses, each mistake at the very place that gwd names,
but for those that the case's `outside-schema` lists: FILE:LINE:COLUMN: why. It refuses nothing where gwd does not.
Runs in the root of the source; B is where the build is.
"""
import glob
import json
import os
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
    from yaml import CSafeLoader  # libyaml's, which is gwd's too
except ImportError as missing:
    print(f"1..0 # SKIP python3: {missing}: sh packaging/deps.sh")
    sys.exit()


class Loader(CSafeLoader):
    """Times and all numbers but plain ones stay texts, as for editors and gwd; on and off are booleans."""

    yaml_implicit_resolvers = {}


for tag, pattern, first in (
    ("null", r"|~|null|Null|NULL", [""] + list("~nN")),
    ("bool", r"(?i:yes|no|true|false|on|off)", list("yYnNtTfFoO")),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)


class Document:
    """A file as the schema sees it, and where in the text its parts are, as (start, end)."""

    def __init__(self, name):
        self.name = name
        self.keys = {}  # by path of the map, key
        self.values = {}  # by path
        self.scalars = []
        with open(name, "rb") as file:
            try:
                node = yaml.compose(file, Loader)
            except yaml.YAMLError:
                node = None  # gwd's mistakes are YAML's
        self.value = self.construct(node, ()) if node else None

    def construct(self, node, path):
        self.values[path] = self.extent(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.construct(item, path + (i,)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                self.keys[path, key.value] = self.extent(key)
            return {key.value: self.construct(value, path + (key.value,)) for key, value in node.value}
        self.scalars.append(self.values[path])
        return Loader("").construct_object(node)

    def extent(self, node):
        return tuple((self.name, m.line + 1, m.column + 1) for m in (node.start_mark, node.end_mark))

    def extents(self, error):
        """What gwd would point at the beginning of."""
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            return [self.keys[path, key] for key in error.instance if key not in error.schema["properties"]]
        return [self.values[path]]

    def start_of(self, place):
        """gwd also points into texts: at the port behind an address, say."""
        return next((start for start, end in self.scalars if start < place < end), place)


def place_of(line):
    name, row, column = line.split(":")[:3]
    return name, int(row), int(column)


def what_gwd_refuses():
    run = subprocess.run([os.path.join(os.environ["B"], "gwd"), "--check", "-c", "gwd.yaml"],
                         stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    return {place_of(at) for at in re.findall(r"^[^:\s]+:\d+:\d+: ", run.stderr, re.M)} if run.returncode else set()


def what_is_outside():
    if not os.path.exists("outside-schema"):
        return set()
    with open("outside-schema") as lines:
        return {place_of(line) for line in lines}


def differences(schema):
    """Of the case in the current directory, a sentence each."""
    refused, outside = what_gwd_refuses(), what_is_outside()
    for place in outside - refused:
        yield "%s:%d:%d is in outside-schema, but gwd refuses nothing there" % place
    for name in ["gwd.yaml"] + sorted(glob.glob("gwd.d/*.yaml")):
        document = Document(name)
        expected = {document.start_of(place) for place in refused - outside if place[0] == name}
        errors = [(extent, e.message) for e in schema.iter_errors(document.value) for extent in document.extents(e)]
        for place in expected - {start for (start, _), _ in errors}:
            yield "%s:%d:%d: gwd refuses it, the schema does not" % place
        for (start, end), message in errors:
            if not any(start <= place <= end for place in expected):
                yield "%s:%d:%d: the schema refuses it, and should not: " % start + message


def main():
    top = os.getcwd()
    with open("conf/gwd.schema.json") as file:
        schema = jsonschema.Draft7Validator(json.load(file))
    schema.check_schema(schema.schema)
    cases = sorted(glob.glob("tests/golden/*/gwd.yaml"))
    for n, case in enumerate(cases, 1):
        os.chdir(os.path.join(top, os.path.dirname(case)))
        wrong = sorted(differences(schema))
        print(f"{'not ok' if wrong else 'ok'} {n} - {case}")
        for sentence in wrong:
            print("#", sentence)
    print(f"1..{len(cases)}")


main()
