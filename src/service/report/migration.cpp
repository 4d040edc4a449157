#include "service/report/migration.h"

#include <fmt/format.h>

#include <algorithm>

#include "job/report/item_hashes.h"
#include "job/report/verify_restored.h"
#include "service/report/custody.h"
#include "service/report/drills.h"
#include "service/report/inventory.h"
#include "service/snapshots.h"
#include "system/clock.h"

namespace perdure::service {
namespace {

constexpr std::size_t lines_max = 1000;

/// Names a report's files and writes them, the JSON last: it vouches for the others.
class ReportFiles {
public:
    static Result<ReportFiles> create(Workspace& workspace, ReportCall const& call,
                                      std::string kind) {
        PD_TRY(auto keys, ReportKeys::open(workspace.state_folder()));
        PD_CHECK(system::make_folders(call.folder, 0755));
        ReportFiles out(workspace.state_folder(), std::move(keys), std::move(kind));
        auto const stem = out.kind_ + "-" + to_compact(system::real_clock().now());
        for (int n = 1;; ++n) {
            out.stem_ = call.folder / (n == 1 ? stem : fmt::format("{}-{}", stem, n));
            if (!system::exists(out.named(".json"))) return out;
        }
    }
    system::Path named(char const* ending) const { return stem_.string() + ending; }

    Result<WrittenReport> finish(data::Json body, std::vector<std::string> lines, bool passed,
                                 bool has_items = false) {
        WrittenReport out{.file = named(".json"), .text = named(".txt"), .passed = passed};
        data::Json attachments{data::Json::Array{}};
        if (has_items) {
            out.attachment = named(".items.ndjson");
            PD_TRY(std::string const hash, hash_of_file(*out.attachment));
            attachments.add(
                data::Json().put("name", out.attachment->filename().string()).put("sha256", hash));
        }
        std::string text = fmt::format(
            "perdure {} report, {}\nsigned by key {}: perdure "
            "verify-report {}\n\n",
            kind_, to_rfc3339(system::real_clock().now()), keys_.current().id,
            out.file.filename().string());
        for (auto const& line : lines) text += line + "\n";
        PD_CHECK(system::write_file(out.text, as_bytes(text), {.replace = false, .mode = 0644}));
        attachments.add(data::Json()
                            .put("name", out.text.filename().string())
                            .put("sha256", to_hex(crypto::sha256(as_bytes(text)))));
        body.put("passed", passed).put("attachments", std::move(attachments));
        auto const signed_text = keys_.sign(kind_, std::move(body));
        PD_CHECK(
            system::write_file(out.file, as_bytes(signed_text), {.replace = false, .mode = 0644}));
        out.lines = std::move(lines);
        PD_CHECK(enter(out));
        return out;
    }

private:
    ReportFiles(system::Path state, ReportKeys keys, std::string kind)
        : state_(std::move(state)), keys_(std::move(keys)), kind_(std::move(kind)) {}

    Result<void> enter(WrittenReport const& report) {
        if (kind_ == "custody") return {};  // it would never describe its own state
        CustodyEntry entry;
        entry.act = "report " + kind_;
        entry.outcome = report.passed ? "passed" : "failed";
        PD_TRY(std::string const hash, hash_of_file(report.file));
        entry.hashes.emplace_back(report.file.filename().string(), hash);
        PD_CHECK(append_custody(state_, std::move(entry)));
        return {};
    }

    system::Path state_, stem_;
    ReportKeys keys_;
    std::string kind_;
};

data::Json snapshot_body(repository::Snapshot const& snapshot) {
    data::Json body, sources{data::Json::Array{}};
    body.put("snapshot", snapshot.id()).put("taken", to_rfc3339(snapshot.started));
    body.put("taken_on", snapshot.host).put("snapshot_sha256", to_hex(snapshot.object_hash));
    for (auto const& source : snapshot.sources) {
        data::Json one;
        one.put("name", source.name).put("type", source.type);
        one.put_path("location", source.location).put("items", source.items);
        one.put("skipped", source.problems_total);
        sources.add(one.put("bytes", source.bytes_total));
    }
    return body.put("sources", std::move(sources));
}

data::Json problems_json(std::vector<data::Problem> const& problems) {
    data::Json out{data::Json::Array{}};
    for (auto const& problem : problems) {
        if (out.array()->size() == lines_max) break;
        data::Json one;
        one.put_path("path", problem.path).put("reason", problem.reason);
        out.add(std::move(one));
    }
    return out;
}

void add_problems(std::vector<std::string>& lines, std::vector<data::Problem> const& problems) {
    for (auto const& problem : problems) {
        if (lines.size() > lines_max) break;
        lines.push_back("  " + problem.path + ": " + problem.reason);
    }
}

data::Json item_json(job::ItemHash const& item) {
    data::Json out;
    out.put("source", item.source).put("kind", job::item_kind_name(item.kind));
    out.put_path("path", item.path).put("bytes", item.bytes).put("sha256", item.sha256);
    if (item.kind == job::ItemHash::Kind::table) return out.put("rows", item.rows);
    out.put("mode", fmt::format("{:04o}", item.mode)).put("uid", std::int64_t{item.uid});
    return out.put("gid", std::int64_t{item.gid});
}

/// What a snapshot lacks it cannot name with a hash: whoever reads the report must know of it.
void tell_skipped(std::vector<std::string>& lines, repository::Snapshot const& snapshot) {
    for (auto const& source : snapshot.sources) {
        if (source.problems_total == 0) continue;
        lines.push_back(fmt::format("{}: {} skipped when it was backed up: perdure backup show {}",
                                    source.name, source.problems_total, short_id(snapshot.id())));
    }
}

Result<job::Remap> remap_of(ReportCall const& call) {
    job::Remap out;
    PD_TRY(job::OwnerMap owners,
           job::OwnerMap::create({.rules = call.map_owner, .by_name = !call.numeric_owners}));
    PD_TRY(out.paths, job::PathMap::create(call.map_path));
    return job::Remap{std::move(owners), std::move(out.paths)};
}

}  // namespace

Result<WrittenReport> report_inventory(Workspace& workspace, ReportCall const& call) {
    PD_TRY(auto files, ReportFiles::create(workspace, call, "inventory"));
    std::vector<std::string> lines;
    PD_TRY(data::Json body, inventory_body(workspace, call.place, lines));
    return files.finish(std::move(body), std::move(lines), true);
}

Result<WrittenReport> report_integrity(Workspace& workspace, ReportCall const& call) {
    PD_TRY(auto const snapshot, find_snapshot(workspace, call.snapshot));
    PD_TRY(auto* repository, workspace.repository());
    PD_TRY(auto files, ReportFiles::create(workspace, call, "integrity"));
    PD_TRY(auto out, system::File::create(files.named(".items.ndjson"), 0644));
    std::string buffer;
    auto const flush = [&]() -> Result<void> {
        PD_CHECK(out.write(as_bytes(buffer)));
        buffer.clear();
        return {};
    };
    auto const each = [&](job::ItemHash const& item) -> Result<void> {
        buffer += item_json(item).canonical() + "\n";
        return buffer.size() > (1u << 20) ? flush() : Result<void>();
    };
    PD_TRY(auto const report, job::hash_items(*repository, snapshot, each, workspace.stop()));
    PD_CHECK(flush());
    PD_CHECK(out.sync());
    PD_CHECK(out.close());
    auto body = snapshot_body(snapshot);
    body.put("items", report.items).put("bytes", report.bytes);
    body.put("erased_subjects", report.erased_subjects);
    body.put("problems_total", static_cast<std::uint64_t>(report.problems.size()));
    body.put("problems", problems_json(report.problems));
    std::vector<std::string> lines{
        fmt::format("snapshot {} of {}", snapshot.id(), to_rfc3339(snapshot.started)),
        fmt::format("{} items, {} bytes, each with its SHA-256 in {}", report.items, report.bytes,
                    files.named(".items.ndjson").filename().string()),
        fmt::format("{} could not be read", report.problems.size())};
    tell_skipped(lines, snapshot);
    add_problems(lines, report.problems);
    return files.finish(std::move(body), std::move(lines), report.problems.empty(), true);
}

Result<WrittenReport> report_permissions(Workspace& workspace, ReportCall const& call) {
    PD_TRY(auto const remap, remap_of(call));
    PD_TRY(auto const snapshot, find_snapshot(workspace, call.snapshot));
    PD_TRY(auto* repository, workspace.repository());
    PD_TRY(auto const check,
           job::verify_restored(*repository, snapshot, call.restored, remap, workspace.stop()));
    if (check.checked == 0) {
        return fail(Fault::invalid,
                    fmt::format("snapshot {} holds nothing that has owners and modes of its own",
                                short_id(snapshot.id())))
            .with_code(2)
            .with_fix("name a snapshot with files in it: perdure backup list");
    }
    PD_TRY(auto files, ReportFiles::create(workspace, call, "permissions"));
    auto body = snapshot_body(snapshot);
    body.put_path("restored_into", call.restored.string()).put("checked", check.checked);
    body.put("faults_total", check.faults_total);
    data::Json faults{data::Json::Array{}}, rules{data::Json::Array{}},
        without{data::Json::Array{}};
    std::vector<std::string> lines{
        fmt::format("snapshot {} of {}", snapshot.id(), to_rfc3339(snapshot.started)),
        fmt::format("restored into {}", call.restored.string()),
        fmt::format("{} entries checked, {} differ", check.checked, check.faults_total)};
    for (auto const& fault : check.faults) {
        data::Json one;
        one.put("source", fault.source).put_path("path", fault.path);
        one.put("property", fault.property).put("expected", fault.expected);
        faults.add(one.put("found", fault.found));
        if (lines.size() > lines_max) continue;
        lines.push_back(fmt::format("  {}/{}: {} is {}, not {}", fault.source, fault.path,
                                    fault.property, fault.found, fault.expected));
    }
    for (auto const& rule : call.map_owner) rules.add("owner " + rule);
    for (auto const& rule : call.map_path) rules.add("path " + rule);
    for (auto const& name : check.passed_over) without.add(name);
    body.put("faults", std::move(faults)).put("rules", std::move(rules));
    body.put("numeric_owners", call.numeric_owners).put("without_permissions", std::move(without));
    return files.finish(std::move(body), std::move(lines), check.faults_total == 0);
}

Result<WrittenReport> report_restore(Workspace& workspace, ReportCall const& call) {
    DrillCall const drill_call{.snapshot = call.snapshot,
                               .sources = call.sources,
                               .scratch = call.scratch,
                               .progress = call.progress};
    PD_TRY(auto const drill, service::drill(workspace, drill_call));
    PD_TRY(auto files, ReportFiles::create(workspace, call, "restore"));
    std::vector<std::string> lines{
        fmt::format("snapshot {} of {}, restored on {}", drill.snapshot_id, to_rfc3339(drill.taken),
                    to_rfc3339(drill.drilled)),
        fmt::format("recovery time {:.3f} s, recovery point {} s old", drill.rto_s,
                    drill.drilled.seconds - drill.taken.seconds)};
    for (auto const& source : drill.sources) {
        lines.push_back(fmt::format("  {} ({}): {}, {} items, {}", source.name, source.type,
                                    source.passed() ? "passed" : "FAILED", source.restored.items,
                                    equality_name(source.equality)));
        add_problems(lines, source.problems);
        for (auto const& [path, reason] : source.not_judged)
            lines.push_back("  not judged: " + path + ": " + reason);
    }
    return files.finish(drill_body(drill), std::move(lines), drill.passed());
}

Result<WrittenReport> report_custody(Workspace& workspace, ReportCall const& call) {
    PD_TRY(auto const chain, read_custody(workspace.state_folder()));
    PD_TRY(auto files, ReportFiles::create(workspace, call, "custody"));
    data::Json body, entries{data::Json::Array{}};
    std::vector<std::string> lines{
        fmt::format("{} entries, newest has SHA-256 {}", chain.entries.size(), chain.head),
        fmt::format("{} faults in the chain", chain.faults.size())};
    add_problems(lines, chain.faults);
    for (auto const& entry : chain.entries) {
        entries.add(custody_json(entry));
        lines.push_back(fmt::format("{:>6}  {}  {}@{}  {} {}  {}  {}", entry.sequence, entry.when,
                                    entry.who, entry.host, entry.act, fmt::join(entry.sources, ","),
                                    entry.snapshot.substr(0, 12), entry.outcome));
        for (auto const& [what, hash] : entry.hashes) {
            lines.push_back(fmt::format("        {}  {}", hash, what));
        }
    }
    body.put("head", chain.head).put("entries", std::move(entries));
    body.put("faults", problems_json(chain.faults));
    return files.finish(std::move(body), std::move(lines), chain.faults.empty());
}

}  // namespace perdure::service
