#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/change_text.h"
#include "face/cli/commands/filter_options.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/search.h"

namespace perdure::face {
namespace {

constexpr std::size_t shown_by_default = 100, referrers_shown = 20, excerpt_columns = 100;

JsonObject stretch(std::vector<repository::Snapshot> const& snapshots, std::size_t first,
                   std::size_t last) {
    JsonObject out;
    out.put("first_snapshot", snapshots[first].id());
    out.put("first_seen", to_rfc3339(snapshots[first].started));
    out.put("last_snapshot", snapshots[last].id());
    return out.put("last_seen", to_rfc3339(snapshots[last].started));
}

std::string spell_stretch(std::vector<repository::Snapshot> const& snapshots, std::size_t first,
                          std::size_t last) {
    auto const one = [&](std::size_t i) {
        return local_time(service::taken(snapshots[i])) + " " +
               service::short_id(snapshots[i].id()).substr(0, 8);
    };
    return first == last ? one(first) : one(first) + " – " + one(last);
}

void tell_found(Invocation& in, service::FindAnswer const& answer, std::size_t shown_max) {
    auto& out = in.out();
    std::size_t shown = 0;
    for (auto const& found : answer.report.found) {
        JsonObject object;
        object.put("source", found.source);
        if (found.file) {
            object.put_path("path", found.path);
        } else {
            object.put("table", found.table).put("id", found.id);
            if (!found.type.empty()) object.put("record_type", found.type);
            if (!found.title.empty()) object.put("title", found.title);
        }
        if (!found.field.empty()) object.put("field", found.field).put("excerpt", found.excerpt);
        object.put("snapshots", found.snapshots);
        object.merge(stretch(answer.snapshots, found.first, found.last));
        out.event("found", object);
        if (shown++ >= shown_max && shown_max != 0) continue;
        auto const name =
            found.file ? found.source + "/" + data::spell_path(found.path)
                       : data::spell_record(
                             found.source, found.type.empty() ? found.table : found.type, found.id);
        std::string head = out.out_style().bold(printable(name));
        if (!found.title.empty()) head += "  " + shorten(printable(found.title), 60);
        out.line(head);
        if (!found.field.empty()) {
            out.line(fmt::format("    {}: {}", printable(found.field),
                                 shorten(printable(found.excerpt), excerpt_columns)));
        }
        out.line(out.out_style().dim(
            fmt::format("    {} ({})", spell_stretch(answer.snapshots, found.first, found.last),
                        plural(found.snapshots, "snapshot"))));
    }
    if (shown_max != 0 && shown > shown_max) {
        out.line(out.out_style().dim(
            fmt::format("… and {} more (--limit 0 lists all)", spell_count(shown - shown_max))));
    }
}

void tell_erased(Invocation& in, std::uint64_t erased) {
    in.summary().put("erased_subjects", erased);
    if (erased == 0) return;
    in.out().warn(fmt::format("  not looked at: rows of {}, whose keys are destroyed",
                              plural(erased, "erased person", "erased people")));
}

// ---- history ------------------------------------------------------------------------------------

JsonArray fields_array(std::vector<repository::FieldDifference> const& fields) {
    JsonArray out;
    for (auto const& field : fields) {
        JsonObject object;
        object.put("field", field.column);
        if (field.before) object.raw("before", value_json(*field.before));
        if (field.after) object.raw("after", value_json(*field.after));
        out.add(object);
    }
    return out;
}

void tell_version(Invocation& in, service::HistoryAnswer const& answer,
                  job::Version const& version) {
    auto& out = in.out();
    JsonObject object = stretch(answer.snapshots, version.first, version.last);
    object.put("version", version.number).put("absent", version.absent);
    if (version.before) {
        object.put("changed_after", to_rfc3339(answer.snapshots[*version.before].started));
    }
    object.put("person_changed", version.owner_changed);
    if (version.entry) {
        object.put("size", version.entry->size).put("content_changed", version.content_changed);
        object.put("mode", fmt::format("{:04o}", version.entry->mode));
        object.put("modified", to_rfc3339(version.entry->modified));
        JsonArray properties;
        for (auto const& property : version.properties) properties.add(property);
        object.put("properties", properties);
    } else {
        object.put("fields", fields_array(version.fields));
    }
    out.event("version", object);

    std::string what = version.absent ? out.out_style().red("not there")
                                      : out.out_style().bold(fmt::format("v{}", version.number));
    if (version.entry) {
        what += fmt::format("  {}, {:04o}, of {}", spell_bytes(version.entry->size),
                            version.entry->mode, local_time(version.entry->modified));
        if (version.content_changed) what += "  content changed";
    }
    if (version.owner_changed) what += "  (now another person's)";
    out.line();
    out.line(fmt::format(
        "{}  {}", what,
        out.out_style().dim(spell_stretch(answer.snapshots, version.first, version.last))));
    if (version.before) {
        out.line(out.out_style().dim(
            fmt::format("    changed between {} and {}",
                        local_time(service::taken(answer.snapshots[*version.before])),
                        local_time(service::taken(answer.snapshots[version.first])))));
    }
    for (auto const& field : version.fields) {
        bool const first = !field.before && version.number == 1;
        std::string const value = field.after ? spell_value(*field.after) : "(no such column)";
        std::string const before = field.before ? spell_value(*field.before) : "(no such column)";
        out.line(fmt::format("    {}: {}", printable(field.column),
                             first ? value : before + " → " + value));
    }
}

void tell_referrers(Invocation& in, service::HistoryAnswer const& answer) {
    auto const& report = answer.report;
    auto& out = in.out();
    if (report.referrers.empty()) return;
    out.line();
    out.line(fmt::format("referred to by {}", plural(report.referrers_total, "row")));
    std::size_t shown = 0;
    for (auto const& referrer : report.referrers) {
        JsonObject object;
        object.put("table", referrer.table).put("column", referrer.column).put("id", referrer.id);
        object.merge(stretch(answer.snapshots, referrer.first, referrer.last));
        out.event("referrer", object);
        if (shown++ >= referrers_shown) continue;
        out.line(fmt::format("    {} {} ({})", printable(referrer.table), printable(referrer.id),
                             printable(referrer.column)));
    }
    if (report.referrers_total > referrers_shown) {
        out.line(out.out_style().dim(fmt::format(
            "    … and {} more", spell_count(report.referrers_total - referrers_shown))));
    }
}

}  // namespace

Result<int> run_backup_find(Invocation& in) {
    auto const& arguments = in.arguments();
    service::FindCall call;
    call.where = arguments.value("--where");
    call.select = arguments.positional;
    if (call.where.empty()) {
        if (call.select.empty()) {
            return fail(Fault::invalid, "find needs a text, or a condition with --where")
                .with_code(2)
                .with_fix("perdure backup find \"old address\"");
        }
        call.text = call.select.front();
        call.select.erase(call.select.begin());
    }
    call.exact_case = arguments.has("--exact");
    PD_TRY(call.since, snapshot_time_option(in.arguments(), "--since"));
    PD_TRY(call.until, snapshot_time_option(in.arguments(), "--until"));
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const answer, service::find(*workspace, call));
    auto const& report = answer.report;
    tell_found(in, answer, arguments.number("--limit", shown_by_default));
    tell_erased(in, report.erased_subjects);
    in.problems(report.problems);
    in.out().line();
    in.out().line(fmt::format("{} in {}; read {} of {} row blocks that they name",
                              plural(report.found.size() + report.left_out, "finding"),
                              plural(answer.snapshots.size(), "snapshot"),
                              spell_count(report.blocks_read), spell_count(report.blocks_named)));
    in.summary().put("found", report.found.size()).put("left_out", report.left_out);
    in.summary().put("snapshots", answer.snapshots.size());
    in.summary().put("blocks_read", report.blocks_read).put("blocks_named", report.blocks_named);
    in.summary().put("contents_read", report.contents_read);
    return report.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> run_backup_history(Invocation& in) {
    auto const& arguments = in.arguments();
    service::HistoryCall call;
    call.what = arguments.positional.front();
    call.restore = arguments.number("--restore", 0);
    call.folder = arguments.value("--to");
    if ((call.restore != 0) != !call.folder.empty()) {
        return fail(Fault::invalid, "--restore N and --to DIR belong together")
            .with_code(2)
            .with_fix("perdure backup history SELECTOR --restore 2 --to DIR");
    }
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const answer, service::history(*workspace, call));
    auto const& report = answer.report;
    auto& out = in.out();
    std::string head = out.out_style().bold(printable(answer.what.text));
    if (!report.title.empty()) head += "  " + printable(report.title);
    out.line(head);
    for (auto const& version : report.versions) tell_version(in, answer, version);
    tell_referrers(in, answer);
    tell_erased(in, report.erased_subjects);
    in.problems(report.problems);
    out.line();
    JsonArray restored;
    for (auto const& file : report.restored) {
        out.line("wrote " + printable(file.string()));
        restored.add(JsonObject().put_path("path", file.string()));
    }
    auto const last = std::ranges::find_if(report.versions.rbegin(), report.versions.rend(),
                                           [](auto const& each) { return !each.absent; });
    if (report.restored.empty() && last != report.versions.rend()) {
        out.line(fmt::format("bring one back: perdure backup history {} --restore {} --to DIR",
                             printable(answer.what.text), last->number));
    }
    in.summary().put("versions", report.versions.size());
    in.summary().put("referrers", report.referrers_total).put("restored", restored);
    return report.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
