"""What was measured, as a table and as JSON, next to what the product aims at."""
import dataclasses
import json
import statistics

# (data set, work) → fields with the aim as perdure / the better peer, at most
AIMS = {
    ("text", "first"): {"wall_s": 1 / 2.7, "size": 1.05},
    ("random", "first"): {"wall_s": 1 / 2},
    ("small", "first"): {"wall_s": 1 / 3, "size": 0.5},
    ("small", "unchanged"): {"wall_s": 1 / 8},
    ("headers", "first"): {"wall_s": 1 / 3, "size": 0.5},
    ("text", "restore"): {"wall_s": 1 / 2},
    ("random", "restore"): {"wall_s": 1 / 2},
    ("releases", "all"): {"size": 1.0},
}
RSS_MB_MAX = 256
FIELDS = ("wall_s", "cpu_s", "rss_mb", "size")
# Peers return from a restore that is still in the page cache; what a power cut leaves counts, too.
ALL_FIELDS = (*FIELDS, "on_disk_s")
NAMES = {"wall_s": "time", "cpu_s": "CPU", "rss_mb": "memory", "size": "size",
         "on_disk_s": "time until on disk"}
PEERS = ("restic", "borg")


@dataclasses.dataclass
class Verdict:
    """One number beside its aim: a line of the table in the end."""
    work: str
    cache: str
    what: str
    measured: float
    unit: str          # "×", "s" or another unit
    aim: float | None = None

    @property
    def met(self):
        return self.aim is None or self.measured <= self.aim

    def cells(self):
        digits = 2 if self.unit in ("×", "s") else 0
        aim = "" if self.aim is None else f"≤ {self.aim:,.{digits}f} {self.unit}"
        verdict = "" if self.aim is None else "met" if self.met else "MISSED"
        return (self.work, self.cache, self.what,
                f"{self.measured:,.{digits}f} {self.unit}", aim, verdict)


def medians(samples):
    """(work, cache, tool) → medians of its fields, or the first failure."""
    grouped = {}
    for sample in samples:
        grouped.setdefault((sample["work"], sample["cache"], sample["tool"]), []).append(sample)
    result = {}
    for key, group in grouped.items():
        failed = [sample["failed"] for sample in group if "failed" in sample]
        if failed:
            result[key] = {"failed": failed[0]}
        else:
            result[key] = {field: statistics.median(sample[field] for sample in group)
                           for field in ALL_FIELDS if all(field in sample for sample in group)}
    return result


def better_peer(rows, work, cache, field):
    values = [rows[work, cache, peer][field] for peer in PEERS
              if field in rows.get((work, cache, peer), {})]
    return min(values) if values else None


def cell(value, field):
    return f"{value / 1e6:,.1f}" if field == "size" else f"{value:,.2f}" if field != "rss_mb" \
        else f"{value:,.0f}"


def verdicts(data_set, rows, work, cache):
    """perdure against the better of its peers, of tar, and of its own limits."""
    own = rows.get((work, cache, "perdure"), {})
    if "wall_s" not in own:
        return
    name, aims = f"{data_set}, {work}", AIMS.get((data_set, work), {})
    for field in ALL_FIELDS:
        best = better_peer(rows, work, cache, field)
        if best and field in own:
            yield Verdict(name, cache, f"{NAMES[field]} / better peer", own[field] / best, "×",
                          aims.get(field))
    tar = rows.get((work, cache, "tar"), {})
    if work == "restore" and data_set == "small" and "wall_s" in tar:
        yield Verdict(name, cache, "time / tar x", own["wall_s"] / tar["wall_s"], "×", 1.2)
    yield Verdict(name, cache, "peak memory", own["rss_mb"], "MB", RSS_MB_MAX)


def fact_verdicts(data_set, rows, work, cache, facts):
    """The aims that compare perdure with the data or with itself."""
    own = rows.get((work, cache, "perdure"), {})
    one = rows.get((work, cache, "perdure-1-domain"), {})
    name = f"{data_set}, {work}"
    if work == "changed" and "added" in own and "changed_bytes" in facts:
        yield Verdict(name, cache, "new bytes / changed rows",
                      own["added"] / facts["changed_bytes"], "×", 1.5)
    if work != "first" or "size" not in own or "size" not in one:
        return
    if data_set == "tiny":
        yield Verdict(name, cache, "bytes a person", own["size"] / facts["people"], "B",
                      one["size"] / facts["people"] * 1.45 + 320)
        yield Verdict(name, cache, "bytes a person, one domain",
                      one["size"] / facts["people"], "B")
    else:
        yield Verdict(name, cache, "size / one domain", own["size"] / one["size"], "×", 1.05)
    aim = 1.1 if data_set == "subjects" else None
    yield Verdict(name, cache, "time / one domain", own["wall_s"] / one["wall_s"], "×", aim)
    yield Verdict(name, cache, "CPU / one domain", own["cpu_s"] / one["cpu_s"], "×", aim)


def print_table(data_set, samples, facts):
    rows = medians(samples)
    for key, row in rows.items():
        added = [s["added"] for s in samples
                 if (s["work"], s["cache"], s["tool"]) == key and "added" in s]
        if added and "failed" not in row:
            row["added"] = statistics.median(added)
    print(f"\n== {data_set.name}: {data_set.bytes / 1e6:,.0f} MB, {len(data_set.states)} states")
    print(f"{'work':<11}{'cache':<6}{'tool':<17}{'wall s':>9}{'CPU s':>9}{'RSS MB':>8}"
          f"{'size MB':>11}{'on disk s':>11}")
    for (work, cache, tool), row in sorted(rows.items(), key=order):
        head = f"{work:<11}{cache:<6}{tool:<17}"
        if "failed" in row:
            print(f"{head}failed: {row['failed']}")
        else:
            widths = (9, 9, 8, 11, 11)
            print(head + "".join(cell(row[field], field).rjust(width)
                                 for field, width in zip(ALL_FIELDS, widths) if field in row))
    found = []
    for work, cache in dict.fromkeys((key[0], key[1]) for key in sorted(rows, key=lambda key:
                                                                        order((key, None)))):
        found += verdicts(data_set.name, rows, work, cache)
        found += fact_verdicts(data_set.name, rows, work, cache, facts)
    return [{"data": data_set.name, "work": work, "cache": cache, "tool": tool, **row}
            for (work, cache, tool), row in rows.items()], found


def print_verdicts(found):
    """All ratios with their aims beside them, as a table that Markdown reads too."""
    if not found:
        return
    rows = [("work", "cache", "what", "measured", "aim", ""),
            *(verdict.cells() for verdict in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    print("\nperdure beside its aims:\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def order(item):
    (work, cache, tool), _ = item
    works = ("first", "unchanged", "changed", "all", "restore")
    tools = ("perdure", "perdure-1-domain", "restic", "borg", "tar")
    return works.index(work), cache, tools.index(tool)


def save(path, machine, results):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
