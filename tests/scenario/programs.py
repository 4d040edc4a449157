#!/usr/bin/env python3
"""Programs that perdure starts: they end when it does, and what they start keeps nobody waiting."""
import os
import signal
import time

import stage


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what, seconds=10):
    until = time.monotonic() + seconds * stage.PATIENCE
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return what()


def close(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


def claim_a_command_ends_with_a_backup_that_is_killed(place):
    pid = place.folder / "pid"
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[source.dump]\ntype = "command"\n'
                      f'command = ["sh", "-c", "echo $$ > {pid}; exec sleep 120"]\n')
    backup = place.start("backup")
    assert wait_for(lambda: pid.exists() and pid.read_text().endswith("\n"))
    child = int(pid.read_text())
    assert is_running(child)
    backup.send_signal(signal.SIGKILL)
    close(backup)
    try:
        assert wait_for(lambda: not is_running(child), 5), "the command runs on"
    finally:
        if is_running(child):
            os.kill(child, signal.SIGKILL)


def claim_a_command_is_told_all_that_it_was_told_before(place):
    """Its folder, its environment, signals as they are by default, and nothing of ours open."""
    script = place.write("tools/dump.sh", "#!/bin/sh\npwd\necho $HOME\nls /proc/self/fd | wc -l\n"
                         "grep -E 'Sig(Blk|Ign)' /proc/self/status\necho to-stderr >&2\n")
    script.chmod(0o755)
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[source.dump]\ntype = "command"\n'
                      f'path = "{place.work}/tools"\ncommand = ["./dump.sh"]\n')
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    out = next((place.folder / "back/dump").iterdir()).read_text().splitlines()
    assert out[:2] == [f"{place.work}/tools", str(place.folder)], out
    assert int(out[2]) == 4, "0, 1, 2 and the folder that ls reads"
    blocked, ignored = (int(line.split()[1], 16) for line in out[3:])
    assert blocked == 0 and not ignored & 1 << (signal.SIGPIPE - 1), out
    config.write_text(config.read_text().replace("./dump.sh", "./absent.sh"))
    ran = place.run("backup")
    assert ran.code == 1 and "absent.sh" in ran.err, ran


def claim_an_application_that_resume_starts_keeps_no_backup_waiting(place):
    pid, alive = place.folder / "pid", place.folder / "alive"
    # It goes on talking after the backup has ended, more than anybody keeps of it.
    app = place.write("app.sh", f"echo $$ > {pid}\necho started >&2\nsleep 2\ni=0\n"
                      "while [ $i -lt 5000 ]; do echo a line of its log >&2; echo another; "
                      f"i=$((i+1)); done\ntouch {alive}\nexec sleep 120\n")
    place.write("data/a", "x")
    place.repository(data="data")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + f'resume = ["sh", "-c", "sh {app} & exit 0"]\n')
    backup = place.start("backup")
    try:
        assert wait_for(lambda: backup.poll() is not None, 30), "the backup waits for it"
        assert backup.returncode == 0
        assert wait_for(alive.exists), "the application died of its own output"
    finally:
        close(backup)
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
    config.write_text(config.read_text().replace(f"sh {app} & exit 0", "echo why >&2; exit 3"))
    ran = place.good("backup", code=3)
    assert "why" in ran.err, ran


stage.main(globals())
