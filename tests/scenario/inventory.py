#!/usr/bin/env python3
"""Taking stock of a server before it is left: what a person and a migration rely on."""
import hashlib

import stage


def machine(place):
    """A small Debian in a folder, with one changed and one untouched configuration."""
    root = place.folder / "machine"
    untouched, changed = b"as shipped\n", b"as shipped, then edited\n"
    digest = hashlib.md5(untouched).hexdigest()
    files = {
        "var/lib/dpkg/status": "Package: nginx\nStatus: install ok installed\n"
                               "Architecture: amd64\nVersion: 1.22\nConffiles:\n"
                               f" /etc/nginx/nginx.conf {digest}\n"
                               f" /etc/nginx/mime.types {digest}\n",
        "var/lib/dpkg/info/nginx.list": "/.\n/etc/nginx\n",
        "etc/nginx/nginx.conf": changed, "etc/nginx/mime.types": untouched,
        "etc/nginx/sites-enabled/my\nshop": "server {}", "opt/shop/start": "#!/bin/sh\n",
        "etc/systemd/system/shop.service": "[Service]\n", "etc/cron.d/shop": "@daily root true\n",
        "proc/77/comm": "redis-server\n",
        "proc/77/cmdline": "redis-server\0--requirepass\0geheim\0",
        "proc/77/stat": "77 (redis-server) S 1 1 1\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (root / "proc/77/fd").mkdir()
    return root


def claim_a_server_is_taken_stock_of_and_nothing_of_it_changes(place):
    root = machine(place)
    before = stage.fingerprint(root)
    ran = place.good("source", "discover", "--server", "--root", root, "--json")
    found = {(event["kind"], event["path"]) for event in ran.events
             if event["type"] == "server_file"}
    assert found == {("changed config", "/etc/nginx/nginx.conf"),
                     ("in no package", "/etc/nginx/sites-enabled/my\nshop"),
                     ("in no package", "/opt/shop/start"),
                     ("systemd unit", "/etc/systemd/system/shop.service"),
                     ("crontab", "/etc/cron.d/shop")}, found
    servers = [event for event in ran.events if event["type"] == "server"]
    assert [server["engine"] for server in servers] == ["redis"], servers
    assert "geheim" not in ran.out + ran.err, "a password on a command line was repeated"
    assert ran.summary["packages"] == 1 and ran.summary["files"] == 5, ran.summary
    assert stage.fingerprint(root) == before, "looking changed something"


def claim_what_is_proposed_is_a_configuration_that_holds(place):
    root = machine(place)
    place.repository()
    ran = place.good("source", "discover", "--server", "--root", root)
    start = ran.out.index("proposed for perdure.toml")
    sections = "\n".join(line for line in ran.out[start:].splitlines()[1:]
                         if line.startswith(("#", "[")) or " = " in line)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + sections + "\n")
    place.good("config", "check", "--offline")
    listed = place.good("source", "list", "--json").out
    assert "redis" in listed and '"etc"' in listed and '"opt"' in listed, listed


def claim_a_machine_that_is_not_there_is_a_clear_error(place):
    ran = place.run("source", "discover", "--server", "--root", place.folder / "absent")
    assert ran.code not in (0, 3) and "absent" in ran.err and "error[" in ran.err, ran


stage.main(globals())
