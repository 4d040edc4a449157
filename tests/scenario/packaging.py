#!/usr/bin/env python3
"""What is shipped beside the program says the truth about it."""
import json
import re
import subprocess
import sys

import stage


def claim_the_bill_of_materials_names_every_library_that_is_linked(place):
    done = subprocess.run([sys.executable, str(stage.CHECKOUT / "packaging/sbom.py"),
                           stage.PROGRAM], capture_output=True, text=True, check=True)
    bill = json.loads(done.stdout)
    assert bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.5", bill
    listed = {part["name"]: part for part in bill["components"]}
    for name in ("libsodium23", "libssl3", "libsqlite3-0", "libzstd1"):
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name],
                                   capture_output=True, text=True, check=True).stdout
        assert listed[name]["version"] == installed, f"{name}: {listed.get(name)}"
        assert listed[name]["licenses"], f"{name} has no licence"
    linked = set(re.findall(r"=> (/\S+) ", subprocess.run(
        ["ldd", stage.PROGRAM], capture_output=True, text=True, check=True).stdout))
    assert len(linked) >= len(listed) - 1, "more packages than libraries"
    refs = {part["bom-ref"] for part in bill["components"]}
    assert set(bill["dependencies"][0]["dependsOn"]) == refs


stage.main(globals())
