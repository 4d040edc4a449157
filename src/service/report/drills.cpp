#include "service/report/drills.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "service/report/custody.h"
#include "service/snapshots.h"
#include "system/folder/list_folder.h"
#include "system/random.h"

namespace perdure::service {
namespace {

constexpr std::size_t problems_told_max = 100;

std::int64_t milliseconds(double seconds) {
    return std::llround(seconds * 1000);
}

data::Json told(std::vector<data::Problem> const& problems) {
    data::Json all{data::Json::Array{}};
    for (auto const& problem : problems) {
        if (all.array()->size() == problems_told_max) break;
        data::Json one;
        one.put_path("path", problem.path).put("reason", problem.reason);
        all.add(std::move(one));
    }
    return all;
}

data::Json source_body(job::DrilledSource const& source) {
    data::Json out;
    out.put("name", source.name).put("type", source.type).put("passed", source.passed());
    out.put("equality", equality_name(source.equality));
    out.put("items", source.restored.items).put("bytes", source.restored.bytes);
    out.put("digest", to_hex(source.restored.hash)).put("expected", to_hex(source.expected.hash));
    out.put("restore_ms", milliseconds(source.restore_s));
    out.put("erased_subjects", source.erased_subjects);
    out.put("problems_total", static_cast<std::uint64_t>(source.problems.size()));
    if (!source.not_judged.empty()) out.put("not_judged", told(source.not_judged));
    return out.put("problems", told(source.problems));
}

/// An older snapshot that holds a source which the first drill tested.
Result<std::string> draw(Workspace& workspace, job::DrillReport const& first, std::uint64_t seed) {
    PD_TRY(auto const list, list_snapshots(workspace));
    std::vector<std::string> candidates;
    for (auto const& snapshot : list.snapshots) {
        bool const shares = std::ranges::any_of(snapshot.sources, [&](auto const& source) {
            return std::ranges::find(first.sources, source.name, &job::DrilledSource::name) !=
                   first.sources.end();
        });
        if (shares && snapshot.id() != first.snapshot_id) candidates.push_back(snapshot.id());
    }
    if (candidates.empty()) return std::string();
    std::mt19937_64 dice(seed);
    return candidates[dice() % candidates.size()];
}

void keep(Workspace& workspace, ReportKeys const& keys, data::Json body, SignedDrill& drill) {
    auto const state = workspace.state_folder();
    if (auto head = custody_head(state); !head.is_null()) body.put("custody", std::move(head));
    auto kept = keep_report(state / "reports", "drill", keys.sign("drill", std::move(body)));
    if (!kept) {
        drill.trouble = kept.error().message();
        return;
    }
    drill.file = *kept;
    CustodyEntry entry;
    entry.act = "drill";
    entry.snapshot = drill.report.snapshot_id;
    entry.outcome = drill.report.passed() ? "passed" : "failed";
    for (auto const& source : drill.report.sources) {
        bool const compared = source.equality != job::Equality::not_comparable;
        if (!compared)
            entry.sentence +=
                (entry.sentence.empty() ? "compared with nothing: " : ", ") + source.name;
        entry.sources.push_back(source.name);
        entry.hashes.emplace_back("source " + source.name, to_hex(source.restored.hash));
    }
    if (auto const hash = hash_of_file(*kept)) {
        entry.hashes.emplace_back(kept->filename().string(), *hash);
    }
    auto const noted = append_custody(state, std::move(entry));
    if (!noted) drill.trouble = "the custody log: " + noted.error().message();
}

}  // namespace

std::string_view equality_name(job::Equality equality) {
    switch (equality) {
        case job::Equality::equal_to_live:
            return "equal_to_live";
        case job::Equality::equal_to_recorded:
            return "equal_to_recorded";
        case job::Equality::changed_since:
            return "changed_since";
        case job::Equality::as_permitted:
            return "as_permitted";
        case job::Equality::not_comparable:
            return "not_comparable";
        case job::Equality::different:
            return "different";
    }
    return "";
}

data::Json drill_body(job::DrillReport const& report) {
    data::Json body;
    body.put("snapshot", report.snapshot_id).put("taken", to_rfc3339(report.taken));
    body.put("drilled", to_rfc3339(report.drilled)).put("passed", report.passed());
    body.put("rto_ms", milliseconds(report.rto_s));
    body.put("rpo_s", report.drilled.seconds - report.taken.seconds);
    data::Json sources{data::Json::Array{}};
    for (auto const& source : report.sources) sources.add(source_body(source));
    return body.put("sources", std::move(sources));
}

Result<std::vector<SignedDrill>> run_drills(Workspace& workspace, DrillsCall const& call) {
    std::vector<SignedDrill> out;
    PD_TRY(auto report, drill(workspace, call.drill));
    auto keys = ReportKeys::open(workspace.state_folder());
    auto const sign = [&](SignedDrill drill, data::Json body) {
        if (keys) {
            keep(workspace, *keys, std::move(body), drill);
        } else {
            drill.trouble = keys.error().message();
        }
        out.push_back(std::move(drill));
    };
    data::Json body = drill_body(report);
    sign({.report = std::move(report)}, std::move(body));
    if (!call.random) return out;
    auto const seed = call.seed.value_or([] {
        std::array<std::byte, 4> raw;
        system::real_random().fill(raw);
        std::uint32_t value = 0;
        std::memcpy(&value, raw.data(), sizeof value);
        return std::uint64_t{value};
    }());
    PD_TRY(std::string const drawn, draw(workspace, out.front().report, seed));
    if (drawn.empty()) return out;
    auto again = call.drill;
    again.snapshot = drawn;
    PD_TRY(auto second, drill(workspace, again));
    data::Json second_body = drill_body(second);
    second_body.put("drawn_by_seed", seed);
    sign({.report = std::move(second), .drawn = true}, std::move(second_body));
    return out;
}

Result<std::vector<PastDrill>> past_drills(system::Path const& state_folder) {
    std::vector<PastDrill> out;
    std::error_code error;
    std::vector<system::Path> files;
    for (auto const& file : system::list_folder(state_folder / "reports", error)) {
        if (file.filename().string().starts_with("drill-")) files.push_back(file);
    }
    // Of one second: without a number first.
    std::ranges::sort(files, {}, [](system::Path const& file) { return file.stem().string(); });
    PD_TRY(auto const known, ReportKeys::known(state_folder));
    for (auto const& file : files) {
        PD_TRY(auto const raw, system::read_file(file, 64u << 20));
        auto const report = verify_report(as_text(raw));
        bool const ours =
            report && std::ranges::find(known, report->key, &KnownReportKey::key) != known.end();
        if (!ours || report->kind != "drill") {
            out.push_back({.when = file.filename().string(), .intact = false, .file = file});
            continue;
        }
        auto const* body = report->report.find("body");
        auto const* sources = body ? body->find("sources") : nullptr;
        if (!sources || !sources->array()) continue;
        for (auto const& source : *sources->array()) {
            auto const* passed = source.find("passed");
            PastDrill one{.when = report->issued, .file = file};
            one.snapshot = body->text_of("snapshot");
            one.source = source.text_of("name");
            one.equality = source.text_of("equality");
            one.passed = passed && passed->boolean() && *passed->boolean();
            one.items = source.integer_of("items");
            one.problems = source.integer_of("problems_total");
            one.rto_ms = body->integer_of("rto_ms");
            one.rpo_s = body->integer_of("rpo_s");
            out.push_back(std::move(one));
        }
    }
    return out;
}

}  // namespace perdure::service
