#include <fmt/format.h>

#include <ranges>

#include "data/selector.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/health/not_reached.h"
#include "service/listing.h"

namespace perdure::face {
namespace {

std::uint64_t bytes_total(repository::Snapshot const& snapshot) {
    std::uint64_t total = 0;
    for (auto const& source : snapshot.sources) total += source.bytes_total;
    return total;
}

/// How much the backup that made it could not read.
std::uint64_t skipped_in(repository::Snapshot const& snapshot) {
    std::uint64_t out = 0;
    for (auto const& source : snapshot.sources) out += source.problems_total;
    return out;
}

std::string source_names(repository::Snapshot const& snapshot) {
    std::vector<std::string> names;
    for (auto const& source : snapshot.sources) names.push_back(source.name);
    return some_of(names);
}

std::string_view word_of(data::EntryKind kind) {
    switch (kind) {
        case data::EntryKind::folder:
            return "folder";
        case data::EntryKind::file:
            return "file";
        case data::EntryKind::symlink:
            return "link";
        case data::EntryKind::fifo:
            return "fifo";
        case data::EntryKind::socket:
            return "socket";
        case data::EntryKind::char_device:
        case data::EntryKind::block_device:
            return "device";
    }
    return "";
}

void tell_contents(Output& out, service::SourceContents const& source) {
    Table table({source.rows ? "table" : "name", source.rows ? ">rows" : ">size", ""});
    for (auto const& line : source.lines) {
        bool const sized = !line.kind || *line.kind == data::EntryKind::file;
        std::string const count = source.rows ? spell_count(line.count)
                                  : sized     ? spell_bytes(line.count)
                                              : std::string(word_of(*line.kind));
        auto const name = source.rows ? line.name : data::spell_path(line.name);
        table.add({printable(name), count, printable(line.remark)});
        JsonObject object;
        object.put("source", source.name).put_path("path", line.name);
        if (line.kind) object.put("kind", word_of(*line.kind));
        object.put(source.rows ? "rows" : "bytes", line.count);
        out.event("content", object);
    }
    table.print(out);
    if (source.left_out > 0) out.line("… and " + spell_count(source.left_out) + " more");
}

/// What the backup could not read then is in no restore now.
void tell_skipped(Output& out, repository::Snapshot const& snapshot, std::string const& name) {
    constexpr std::size_t shown_max = 20;
    for (auto const& source : snapshot.sources) {
        if (source.name != name || source.problems_total == 0) continue;
        out.line(fmt::format("{} by the backup:", plural(source.problems_total, "thing was skipped",
                                                         "things were skipped")));
        for (auto const& problem : source.problems | std::views::take(shown_max)) {
            out.line("  " + printable(problem.path) + ": " + printable(problem.reason));
        }
        if (source.problems.empty()) out.line("  their names are not kept where people are mapped");
    }
}

}  // namespace

std::string joined(std::vector<std::string> const& words, std::string_view separator) {
    std::string out;
    for (auto const& word : words) {
        if (!out.empty()) out += separator;
        out += word;
    }
    return out;
}

std::string some_of(std::vector<std::string> names) {
    constexpr std::size_t shown = 5;
    if (names.size() <= shown + 1) return joined(names);
    auto const more = names.size() - shown;
    names.resize(shown);
    return joined(names) + " and " + spell_count(more) + " more";
}

JsonObject snapshot_object(repository::Snapshot const& snapshot) {
    JsonObject out;
    out.put("id", snapshot.id()).put("backup_type", service::type_name(snapshot.type));
    out.put("started", to_rfc3339(snapshot.started));
    out.put("finished", to_rfc3339(snapshot.finished));
    out.put("host", snapshot.host).put("user", snapshot.user);
    JsonArray tags, sources;
    for (auto const& tag : snapshot.tags) tags.add(tag);
    for (auto const& source : snapshot.sources) {
        JsonObject object;
        object.put("name", source.name).put("type", source.type);
        object.put_path("location", source.location);
        object.put("items", source.items).put("bytes_total", source.bytes_total);
        object.put("subjects", source.subjects).put("skipped", source.problems_total);
        if (source.rows) object.put("digest", to_hex(source.digest.hash));
        sources.add(object);
    }
    out.put("tags", tags).put("sources", sources);
    if (snapshot.parent) out.put("parent", to_hex(*snapshot.parent));
    out.put("bytes_new", snapshot.statistics.bytes_new);
    out.put("bytes_stored", snapshot.statistics.bytes_stored);
    return out;
}

Result<int> run_backup_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const list, service::list_snapshots(*workspace));
    Table table({"snapshot", "taken", "type", "sources", ">size", ">new", "tags"});
    for (auto const& snapshot : list.snapshots) {
        auto const pin = list.pins.find(snapshot.id());
        std::string tags = joined(snapshot.tags);
        if (pin != list.pins.end()) tags += tags.empty() ? "pinned" : ", pinned";
        if (auto const skipped = skipped_in(snapshot)) {
            tags += fmt::format("{}{} skipped", tags.empty() ? "" : ", ", skipped);
        }
        table.add({service::short_id(snapshot.id()), local_time(service::taken(snapshot)),
                   std::string(service::type_name(snapshot.type)), source_names(snapshot),
                   spell_bytes(bytes_total(snapshot)), spell_bytes(snapshot.statistics.bytes_new),
                   tags});
        JsonObject object = snapshot_object(snapshot);
        object.put("pinned", pin != list.pins.end());
        if (pin != list.pins.end()) object.put("pin_reason", pin->second);
        in.out().event("snapshot", object);
    }
    if (table.empty()) {
        in.out().line("no snapshot yet: perdure backup");
    } else {
        table.print(in.out());
    }
    in.summary().put("snapshots", list.snapshots.size());
    if (list.damaged.empty()) return service::exit_code::ok;
    in.problems(list.damaged);
    return service::exit_code::integrity;
}

Result<int> run_backup_show(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const snapshot,
           service::find_snapshot(*workspace, in.arguments().positional.front()));
    auto& out = in.out();
    out.line(fmt::format("snapshot {}  ({})", out.out_style().bold(snapshot.id()),
                         service::type_name(snapshot.type)));
    out.line(fmt::format("taken {} on {} by {}", local_time(service::taken(snapshot)),
                         snapshot.host, snapshot.user));
    if (!snapshot.tags.empty()) out.line("tags  " + joined(snapshot.tags));
    in.summary().put("snapshot", snapshot_object(snapshot));
    PD_TRY(auto const pin, service::pin_of(*workspace, snapshot));
    if (pin) {
        out.line("pinned: " + printable(*pin));
        in.summary().put("pin_reason", *pin);
    }
    bool const all = in.arguments().has("--files");
    PD_TRY(auto const contents, service::list_contents(*workspace, snapshot, all));
    for (auto const& source : contents) {
        out.line();
        out.line(fmt::format("{} ({}, {})", out.out_style().bold(source.name), source.type,
                             printable(source.location)));
        tell_contents(out, source);
        tell_skipped(out, snapshot, source.name);
    }
    return service::exit_code::ok;
}

Result<int> run_backup_pin(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const snapshot,
           service::pin_snapshot(*workspace, in.arguments().positional.front(),
                                 in.arguments().value("--reason", "pinned by hand")));
    in.out().line(fmt::format("snapshot {} is pinned: no rule and no delete removes it",
                              service::short_id(snapshot.id())));
    in.summary().put("snapshot", snapshot.id());
    return service::exit_code::ok;
}

Result<int> run_backup_unpin(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const snapshot,
           service::unpin_snapshot(*workspace, in.arguments().positional.front()));
    in.out().line(
        fmt::format("snapshot {} is not pinned any more", service::short_id(snapshot.id())));
    in.summary().put("snapshot", snapshot.id());
    return service::exit_code::ok;
}

Result<int> run_backup_delete(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    service::DeleteCall const call{in.arguments().positional.front(),
                                   in.arguments().value("--confirm")};
    PD_TRY(auto const snapshot, service::delete_snapshot(*workspace, call));
    in.out().line(fmt::format("deleted snapshot {} {}; perdure repo compact gives back its space",
                              service::short_id(snapshot.id()),
                              snapshot.started.seconds != 0
                                  ? "of " + local_time(service::taken(snapshot))
                                  : std::string("that could not be read")));
    in.summary().put("snapshot", snapshot.id());
    auto const places = service::not_reached(*workspace);
    in.problems(places);
    return places.empty() ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
