#include "job/recovery/run_folder.h"

#include <algorithm>

#include "job/recovery/journal.h"
#include "system/folder/list_folder.h"

namespace perdure::job {

namespace {

constexpr std::uint64_t run_bytes_max = 16 << 20;

/// Ends a reading early; never seen by a caller.
constexpr char const* enough = "enough";

}  // namespace

std::vector<std::string> RecoveryRun::names() const {
    std::vector<std::string> out;
    for (auto const& source : sources) {
        if (std::ranges::find(out, source.name) == out.end()) out.push_back(source.name);
    }
    return out;
}

data::Json RecoveryRun::to_json() const {
    data::Json json;
    json.put("format", 1).put("run", id).put("verb", verb).put("state", state);
    json.put("snapshot", snapshot).put("safety", safety).put("plan", plan);
    json.put("undone_by", undone_by).put("undoes", undoes);
    json.put("started", to_rfc3339(started));
    data::Json list{data::Json::Array{}};
    for (auto const& source : sources) {
        data::Json dangled{data::Json::Object{}};
        for (auto const& [table, rows] : source.dangled) dangled.put(table, rows);
        list.add(data::Json{}
                     .put("name", source.name)
                     .put("kind", source.kind)
                     .put("changes", source.changes)
                     .put("dangled", std::move(dangled))
                     .put("before", source.before)
                     .put("after", source.after)
                     .put("unsaved", source.unsaved)
                     .put("target_hex", to_hex(as_bytes(source.target.string())))
                     .put_path("target", source.target.string()));
    }
    return json.put("sources", std::move(list));
}

Result<RecoveryRun> RecoveryRun::from_json(data::Json const& json) {
    if (json.integer_of("format") != 1) {
        return fail(Fault::unsupported, "a run of another version of perdure");
    }
    RecoveryRun run;
    run.id = json.text_of("run");
    run.verb = json.text_of("verb");
    run.state = json.text_of("state");
    run.snapshot = json.text_of("snapshot");
    run.safety = json.text_of("safety");
    run.plan = json.text_of("plan");
    run.undone_by = json.text_of("undone_by");
    run.undoes = json.text_of("undoes");
    PD_TRY(run.started, parse_time(json.text_of("started")));
    auto const* list = json.find("sources");
    if (!list || !list->array()) return fail(Fault::corrupt, "a run without sources");
    for (auto const& each : *list->array()) {
        auto const path = from_hex(each.text_of("target_hex"));
        if (!path) return fail(Fault::corrupt, "a run whose target cannot be read");
        Source source{.name = each.text_of("name"), .kind = each.text_of("kind")};
        source.target = to_string(*path);
        source.before = each.text_of("before");
        source.after = each.text_of("after");
        auto const* unsaved = each.find("unsaved");
        source.unsaved = unsaved && unsaved->boolean() && *unsaved->boolean();
        source.changes = static_cast<std::uint64_t>(each.integer_of("changes"));
        if (auto const* dangled = each.find("dangled"); dangled && dangled->object()) {
            for (auto const& [table, rows] : *dangled->object()) {
                if (rows.integer()) {
                    source.dangled[table] = static_cast<std::uint64_t>(*rows.integer());
                }
            }
        }
        run.sources.push_back(std::move(source));
    }
    return run;
}

system::Path RecoveryRun::Source::folder() const {
    if (kind == "rows") return {};
    return kind == "swap" ? target.parent_path() : target;
}

Result<RunFolder> RunFolder::create(system::Path const& recovery, RecoveryRun run) {
    auto const path = recovery / run.id;
    if (system::exists(path)) return fail(Fault::conflict, "run " + run.id + " exists already");
    PD_CHECK(system::make_folders(path));
    RunFolder folder(path, std::move(run));
    PD_CHECK(folder.keep());
    return folder;
}

Result<RunFolder> RunFolder::open(system::Path const& recovery, std::string const& id) {
    bool const plain = !id.empty() && std::ranges::all_of(id, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
    });
    if (!plain || !system::exists(recovery / id / "run.json")) {
        return fail(Fault::not_found, "there is no restore run \"" + id + "\" to undo")
            .with_code(2)
            .with_fix("perdure restore undo, without a run, lists them");
    }
    PD_TRY(auto const text, system::read_file(recovery / id / "run.json", run_bytes_max));
    PD_TRY(auto const json, data::Json::parse(as_text(text)));
    PD_TRY(auto run, RecoveryRun::from_json(json));
    return RunFolder(recovery / id, std::move(run));
}

std::vector<RunFolder> RunFolder::list(system::Path const& recovery) {
    std::vector<RunFolder> out;
    std::error_code error;
    for (auto const& each : system::list_folder(recovery, error)) {
        auto folder = open(recovery, each.filename().string());
        if (folder) out.push_back(std::move(*folder));
    }
    std::ranges::sort(out, [](RunFolder const& a, RunFolder const& b) {
        return std::pair(b.run().started, b.run().id) < std::pair(a.run().started, a.run().id);
    });
    return out;
}

Result<void> RunFolder::keep() {
    return system::write_file(folder_ / "run.json", as_bytes(run_.to_json().pretty()));
}

Result<void> RunFolder::set_state(std::string state) {
    run_.state = std::move(state);
    return keep();
}

system::Path RunFolder::journal(std::size_t source) const {
    return folder_ / (std::to_string(source) + ".journal");
}

Result<std::uint64_t> write_row_journal(system::Path const& path,
                                        repository::DomainPtr const& domain,
                                        origin::ChangeList& changes, std::stop_token stop) {
    PD_TRY(auto writer, JournalWriter::create(path, domain));
    Encoder tables;
    origin::encode_tables(tables, changes.tables());
    PD_CHECK(writer->add(tables.view()));
    Encoder entry;
    PD_CHECK(changes.each(
        [&](origin::Change const& change) -> Result<void> {
            entry.clear();
            origin::encode_change(entry, change);
            return writer->add(entry.view());
        },
        std::move(stop)));
    PD_CHECK(writer->finish());
    return changes.size();
}

Result<void> read_row_journal(system::Path const& path, repository::DomainPtr const& domain,
                              RowJournalReader const& reader) {
    bool first = true;
    return read_journal(path, domain, [&](ByteView entry) -> Result<void> {
        Decoder in(entry);
        if (std::exchange(first, false)) {
            PD_TRY(auto const tables, origin::decode_tables(in));
            return reader.tables ? reader.tables(tables) : Result<void>{};
        }
        PD_TRY(auto const change, origin::decode_change(in));
        PD_CHECK(in.expect_end());
        return reader.change ? reader.change(change) : Result<void>{};
    });
}

Result<std::vector<origin::WriteTable>> journal_tables(system::Path const& path,
                                                       repository::DomainPtr const& domain) {
    std::vector<origin::WriteTable> out;
    auto const read = read_row_journal(
        path, domain,
        {.tables = [&](std::vector<origin::WriteTable> const& tables) -> Result<void> {
             out = tables;
             return fail(Fault::cancelled, enough);
         },
         .change = {}});
    if (!read && read.error().message() != enough) return read.error();
    return out;
}

}  // namespace perdure::job
