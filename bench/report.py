"""What was measured, as a table and as JSON, next to what the product aims at."""
import json
import statistics

# (data set, work) → (what is compared, aim as perdure / the better peer, at most)
AIMS = {
    ("text", "first"): (("wall_s", 1 / 2.7), ("size", 1.05)),
    ("random", "first"): (("wall_s", 1 / 2),),
    ("small", "first"): (("wall_s", 1 / 3), ("size", 0.5)),
    ("small", "unchanged"): (("wall_s", 1 / 8),),
    ("text", "restore"): (("wall_s", 1 / 2),),
    ("random", "restore"): (("wall_s", 1 / 2),),
    ("releases", "all"): (("size", 1.0),),
}
RSS_MB_MAX = 256
FIELDS = ("wall_s", "cpu_s", "rss_mb", "size")
PEERS = ("restic", "borg")


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
                           for field in FIELDS}
    return result


def better_peer(rows, work, cache, field):
    values = [rows[work, cache, peer][field] for peer in PEERS
              if field in rows.get((work, cache, peer), {})]
    return min(values) if values else None


def cell(value, field):
    return f"{value / 1e6:,.1f}" if field == "size" else f"{value:,.2f}" if field != "rss_mb" \
        else f"{value:,.0f}"


def verdicts(data_set, rows, work, cache):
    """Sentences about perdure against the better of its peers."""
    own = rows.get((work, cache, "perdure"), {})
    if "wall_s" not in own:
        return
    aims = dict(AIMS.get((data_set, work), ()))
    for field in FIELDS:
        best = better_peer(rows, work, cache, field)
        if best:
            ratio, aim = own[field] / best, aims.get(field)
            sentence = f"{field} {ratio:.2f}× the better peer"
            if aim:
                sentence += f" (aim ≤ {aim:.2f}×: {'met' if ratio <= aim else 'MISSED'})"
            yield sentence
    if work == "restore" and data_set == "small" and "wall_s" in rows.get((work, cache, "tar"), {}):
        ratio = own["wall_s"] / rows[work, cache, "tar"]["wall_s"]
        yield f"wall_s {ratio:.2f}× tar x (aim ≤ 1.20×: {'met' if ratio <= 1.2 else 'MISSED'})"
    if own["rss_mb"] > RSS_MB_MAX:
        yield f"peak memory {own['rss_mb']:.0f} MB (aim ≤ {RSS_MB_MAX} MB: MISSED)"


def fact_verdicts(data_set, rows, facts):
    """The aims that compare perdure with the data or with itself."""
    for (work, cache, tool), row in rows.items():
        if work == "changed" and tool == "perdure" and "added" in row and facts:
            ratio = row["added"] / facts["changed_bytes"]
            yield (f"changed/{cache}: {row['added'] / 1e6:.1f} MB new for "
                   f"{facts['changed_bytes'] / 1e6:.1f} MB of changed rows, {ratio:.2f}× "
                   f"(aim ≤ 1.50×: {'met' if ratio <= 1.5 else 'MISSED'})")
        one = rows.get((work, cache, "perdure-1-domain"), {})
        if tool == "perdure" and work == "first" and "size" in one and "size" in row:
            yield (f"domains/{cache}: time {row['wall_s'] / one['wall_s']:.3f}×, size "
                   f"{row['size'] / one['size']:.3f}× of one domain, "
                   f"{(row['size'] - one['size']) / 1e6:.1f} MB more")


def print_table(data_set, samples, facts):
    rows = medians(samples)
    for key, row in rows.items():
        added = [s["added"] for s in samples
                 if (s["work"], s["cache"], s["tool"]) == key and "added" in s]
        if added and "failed" not in row:
            row["added"] = statistics.median(added)
    print(f"\n== {data_set.name}: {data_set.bytes / 1e6:,.0f} MB, {len(data_set.states)} states")
    print(f"{'work':<11}{'cache':<6}{'tool':<17}{'wall s':>9}{'CPU s':>9}{'RSS MB':>8}"
          f"{'size MB':>11}")
    shown = None
    for (work, cache, tool), row in sorted(rows.items(), key=order):
        if shown not in (None, (work, cache)):
            for sentence in verdicts(data_set.name, rows, *shown):
                print(f"    {sentence}")
        shown = (work, cache)
        head = f"{work:<11}{cache:<6}{tool:<17}"
        if "failed" in row:
            print(f"{head}failed: {row['failed']}")
        else:
            widths = (9, 9, 8, 11)
            print(head + "".join(cell(row[field], field).rjust(width)
                                 for field, width in zip(FIELDS, widths)))
    if shown:
        for sentence in verdicts(data_set.name, rows, *shown):
            print(f"    {sentence}")
    for sentence in fact_verdicts(data_set.name, rows, facts):
        print(f"    {sentence}")
    return [{"data": data_set.name, "work": work, "cache": cache, "tool": tool, **row}
            for (work, cache, tool), row in rows.items()]


def order(item):
    (work, cache, tool), _ = item
    works = ("first", "unchanged", "changed", "all", "restore")
    tools = ("perdure", "perdure-1-domain", "restic", "borg", "tar")
    return works.index(work), cache, tools.index(tool)


def save(path, machine, results):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
