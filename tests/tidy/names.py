"""Names: words that say nothing are banned from files, folders, types and namespaces.

Also the one door to the disk: outside src/system nothing may change a disk, or system::step()
would not see it and the crash tests would prove nothing. And no question to the disk may throw.
"""
import re

import source

BANNED = {"manager", "managers", "helper", "helpers", "util", "utils", "common", "misc"}
DECLARED = re.compile(
    r"\b(?:class|struct|union|enum(?:\s+class)?|namespace|concept|using)\s+"
    r"(?:\[\[\w+\]\]\s*)?((?:\w+::)*\w+)")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
DISK = re.compile(
    r"std::ofstream|std::fstream|\bfopen\s*\(|\bO_CREAT\b|\bO_WRONLY\b"
    r"|(?:std::filesystem|\bfs)::(?:remove|remove_all|rename|create_\w+|copy\w*|resize_file|"
    r"permissions|last_write_time\s*\([^()]*,)"
    r"|(?<![\w.>:])::(?:unlink|unlinkat|rename|renameat2?|mkdir|mkdirat|rmdir|link|linkat|symlink"
    r"|symlinkat|mknod|mknodat|mkfifo|chmod|fchmod|fchmodat|chown|fchown|lchown|fchownat|utimensat"
    r"|futimens|truncate|ftruncate|fallocate|setxattr|fsetxattr|lsetxattr|fsync|fdatasync|pwrite"
    r"|pwritev|copy_file_range)\s*\(")
# Sources that change a disk themselves, and why. Each must announce its steps by system::step().
DISK_EXCEPTIONS = {
    "src/origin/files/": "a restore works below folder descriptors, so that no link leads outside",
    "src/origin/merge/": "files are swapped below folder descriptors; each step is announced",
    "src/demo/": "samples have dates, a FIFO and attributes, which no other room makes",
}


# std::filesystem throws where it is given no error to fill in: for want of permission, for a name
# too long, from a disk that fails. Whether a status tells of something is no question to the disk.
THROWS = re.compile(
    r"for \([^;()]*:\s*std::filesystem::(?:recursive_)?directory_iterator\b"
    r"|std::filesystem::(?:exists|is_\w+|file_size|absolute|canonical|weakly_canonical|equivalent"
    r"|relative|space|status|symlink_status|read_symlink|last_write_time|current_path"
    r"|temp_directory_path)\((?![^;{}]*\b(?:error|ignored|unknown|unseen|failed|code)\b)"
    r"(?!\w*status\))")


def words(name):
    return {word.lower() for word in WORD.findall(name)}


def check_types(file, code):
    for match in DECLARED.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        for name in match.group(1).split("::"):
            if match.group().startswith("using") and not name[:1].isupper():
                continue
            bad = words(name) & BANNED
            if bad:
                yield f"{file}:{line}: {name} is named by the banned word {', '.join(bad)}"
            if re.match(r"I[A-Z][a-z]", name):
                yield f"{file}:{line}: {name} wears an I-prefix"


def check_disk(file, code):
    excepted = str(file).startswith(tuple(DISK_EXCEPTIONS)) and "system::step(" in code
    if file.parts[1] == "system" or excepted:
        return
    for match in DISK.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{file}:{line}: {match.group().strip('( ')} changes a disk outside src/system"


def check_throws(file, code):
    for match in THROWS.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{file}:{line}: {match.group().split('::')[-1]} throws without an error_code"


def check(root):
    for path in source.sources(root, ["src", "tests", "fuzz", "bench"], (".h", ".cpp", ".py")):
        file = path.relative_to(root)
        for part in file.parts:
            bad = words(part.rsplit(".", 1)[0]) & BANNED
            if bad:
                yield f"{file}: named by the banned word {', '.join(bad)}"
        if path.suffix == ".py":
            continue
        code = source.blank(path.read_text(errors="replace"))
        yield from check_types(file, code)
        if file.parts[0] == "src" and not source.is_test(file):
            yield from check_disk(file, code)
            yield from check_throws(file, code)
