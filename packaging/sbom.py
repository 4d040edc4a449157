#!/usr/bin/env python3
"""The software bill of materials of a built perdure: CycloneDX 1.5 as JSON on standard output.

usage: packaging/sbom.py [PROGRAM]          (build/release/perdure by default)
Every shared library that the program is linked with, as the Debian package it comes from, with its
version, source package and, where the package states it in machine-readable form, its licence.
"""
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def libraries(program):
    """Paths of the shared libraries that the loader would map."""
    paths = re.findall(r"(?:=> )?(/\S+) \(0x", run("ldd", str(program)))
    return sorted({os.path.realpath(path) for path in paths})


def package_of(path):
    """The Debian package that owns a library; /lib and /usr/lib are the same folder."""
    for name in (path, path.removeprefix("/usr"), "/usr" + path):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(": ")[0].split(",")[0]
    return None


def licences(package):
    """The licence names that debian/copyright gives (DEP-5); empty where it is prose."""
    path = pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright")
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    if not text.startswith("Format:"):
        return []
    return sorted(set(re.findall(r"^License: *(\S[^\n]*)", text, re.M)))


def component(package):
    fields = run("dpkg-query", "-W", "-f", "${Version}\t${source:Package}\t${Architecture}",
                 package).split("\t")
    version, source, architecture = fields
    name = package.split(":")[0]
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            "licenses": [{"license": {"name": one}} for one in licences(package)],
            "properties": [{"name": "debian:source", "value": source}]}


def main(program):
    packages = {}
    for path in libraries(program):
        owner = package_of(path)
        if owner is None:
            print(f"no package owns {path}", file=sys.stderr)
            return 1
        packages.setdefault(owner, []).append(path)
    parts = [component(package) for package in sorted(packages)]
    version = run(str(program), "version").split()[-1]
    stamp = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", 0)) or
                                            pathlib.Path(program).stat().st_mtime,
                                            datetime.timezone.utc)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(parts, sort_keys=True))
    me = f"perdure@{version}"
    json.dump({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
               "serialNumber": f"urn:uuid:{serial}",
               "metadata": {"timestamp": stamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
                            "component": {"type": "application", "bom-ref": me, "name": "perdure",
                                          "version": version}},
               "components": parts,
               "dependencies": [{"ref": me, "dependsOn": [part["bom-ref"] for part in parts]}]},
              sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/perdure"))
