#include <fmt/format.h>

#include <map>

#include "face/cli/commands/change_text.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/compare.h"

namespace perdure::face {
namespace {

constexpr std::uint64_t listed_by_default = 20;

/// Changes as they come, so many a table or folder; the counts come first when all are known.
class Listing {
public:
    Listing(Invocation& in, std::uint64_t max) : in_(in), max_(max) {}

    template <typename Change>
    void take(std::string const& source, std::string const& group, Change const& change) {
        if (in_.out().json()) {
            constexpr bool record = std::is_same_v<Change, job::RecordChange>;
            if (told_++ < max_ || max_ == 0) {
                in_.out().event(record ? "record_change" : "file_change", change_object(change));
            }
            return;
        }
        auto& lines = lines_[{source, group}];
        if (lines.told++ >= max_ && max_ != 0) return;
        for (auto& line : spell_change(change, in_.out().out_style())) {
            lines.text.push_back(std::move(line));
        }
    }
    void print(std::string const& source, std::string const& group, std::uint64_t count) {
        auto const at = lines_.find({source, group});
        if (at == lines_.end()) return;
        for (auto const& line : at->second.text) in_.out().line("    " + line);
        std::uint64_t const shown = max_ == 0 ? count : std::min(count, max_);
        if (count > shown) {
            in_.out().line(in_.out().out_style().dim(fmt::format(
                "    … and {} more (--limit 0 lists all)", spell_count(count - shown))));
        }
    }

private:
    struct Lines {
        std::vector<std::string> text;
        std::uint64_t told = 0;
    };
    Invocation& in_;
    std::uint64_t max_, told_ = 0;
    std::map<std::pair<std::string, std::string>, Lines> lines_;
};

std::string first_folder(job::FileChange const& change) {
    if (change.media) return "(media)";
    auto const slash = change.path.find('/');
    if (slash != std::string::npos) return change.path.substr(0, slash);
    auto const& entry = change.after ? change.after : change.before;
    bool const folder = entry->kind == data::EntryKind::folder && change.path != ".";
    return folder ? change.path : ".";
}

std::string signed_bytes(std::uint64_t before, std::uint64_t after) {
    return after >= before ? "+" + spell_bytes(after - before) : "-" + spell_bytes(before - after);
}

void tell_schema(Invocation& in, job::SourceDifference const& source) {
    for (auto const& each : source.schema) {
        auto const& style = in.out().out_style();
        std::string const sign = each.before.empty()  ? style.green("+")
                                 : each.after.empty() ? style.red("-")
                                                      : style.yellow("~");
        std::string line = fmt::format("    {} {} {}", sign, each.what, printable(each.name));
        bool const short_values = each.what == "column" || each.what == "setting";
        if (short_values && !each.before.empty() && !each.after.empty()) {
            line += fmt::format(": {} → {}", printable(each.before), printable(each.after));
        } else if (short_values) {
            line += " " + printable(each.before.empty() ? each.after : each.before);
        }
        in.out().line(line);
        JsonObject object;
        object.put("source", source.name).put("what", each.what).put("name", each.name);
        object.put("before", each.before).put("after", each.after);
        in.out().event("schema_change", object);
    }
}

void tell_source(Invocation& in, job::SourceDifference const& source, Listing& listing) {
    auto& out = in.out();
    out.line();
    std::string head =
        fmt::format("{} ({})", out.out_style().bold(printable(source.name)), source.type);
    if (!source.before) head += out.out_style().green("  new source");
    if (!source.after) head += out.out_style().red("  not there any more");
    if (source.groups.empty() && source.schema.empty()) head += "  no difference";
    out.line(head);
    if (source.erased_subjects > 0) {
        out.warn(fmt::format("  {} whose rows differ can be read no more",
                             plural(source.erased_subjects, "erased person", "erased people")));
    }
    tell_schema(in, source);
    Table table(
        {source.rows ? "  table" : "  folder", ">added", ">removed", ">changed", ">bytes", ""});
    for (auto const& group : source.groups) {
        table.add({"  " + printable(group.name), spell_count(group.added),
                   spell_count(group.removed), spell_count(group.changed),
                   signed_bytes(group.bytes_before, group.bytes_after),
                   group.shadow ? "(of a virtual table)" : ""});
        JsonObject object;
        object.put("source", source.name).put_path("name", group.name);
        object.put("added", group.added).put("removed", group.removed);
        object.put("changed", group.changed).put("bytes_before", group.bytes_before);
        object.put("bytes_after", group.bytes_after).put("shadow", group.shadow);
        out.event("group", object);
    }
    if (!table.empty()) table.print(out);
    for (auto const& group : source.groups) {
        if (group.shadow) continue;
        out.line("  " + out.out_style().bold(printable(group.name)));
        listing.print(source.name, group.name, group.added + group.removed + group.changed);
    }
}

JsonObject source_object(job::SourceDifference const& source) {
    JsonObject out;
    std::uint64_t added = 0, removed = 0, changed = 0;
    for (auto const& group : source.groups) {
        added += group.added;
        removed += group.removed;
        changed += group.changed;
    }
    out.put("name", source.name).put("type", source.type);
    out.put("items_before", source.items_before).put("items_after", source.items_after);
    out.put("added", added).put("removed", removed).put("changed", changed);
    out.put("schema_changes", source.schema.size());
    out.put("erased_subjects", source.erased_subjects);
    return out.put("blocks_read", source.blocks_read);
}

}  // namespace

Result<int> run_backup_diff(Invocation& in) {
    auto const& arguments = in.arguments();
    service::DiffCall call;
    call.before = arguments.positional[0];
    call.after = arguments.positional[1];
    call.select.assign(arguments.positional.begin() + 2, arguments.positional.end());
    call.text = arguments.has("--text");
    Listing listing(in, arguments.number("--limit", in.out().json() ? 0 : listed_by_default));
    call.each_record = [&](job::RecordChange const& change) -> Result<void> {
        listing.take(change.source, change.table, change);
        return {};
    };
    call.each_file = [&](job::FileChange const& change) -> Result<void> {
        listing.take(change.source, first_folder(change), change);
        return {};
    };
    PD_TRY(auto workspace, open_to_read(in));
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<service::DiffAnswer> answer;
    {
        ProgressView progress(in.out(), "compare", 0);
        if (call.after == "live") call.progress = progress.hook();
        PD_TRY(answer, service::diff(*workspace, call));
    }
    auto& out = in.out();
    auto const name = [&](repository::Snapshot const& snapshot) {
        return fmt::format("{} of {}", out.out_style().bold(service::short_id(snapshot.id())),
                           local_time(service::taken(snapshot)));
    };
    out.line(fmt::format("from {} to {}", name(answer->before),
                         answer->after ? name(*answer->after) : "what is live now"));
    JsonArray sources;
    for (auto const& source : answer->report.sources) {
        tell_source(in, source, listing);
        sources.add(source_object(source));
    }
    in.problems(answer->report.problems);
    in.summary().put("before", answer->before.id());
    in.summary().put("after", answer->after ? answer->after->id() : "live");
    in.summary().put("differences", answer->report.differences).put("sources", sources);
    return answer->report.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
