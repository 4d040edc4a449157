#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/setup/discovery.h"

namespace perdure::face {
namespace {

JsonObject proposed_object(origin::ProposedSource const& proposed) {
    JsonObject object;
    object.put("name", proposed.options.name).put("source_type", proposed.options.type);
    object.put_path("path", proposed.options.path.string());
    if (!proposed.options.media.empty()) {
        object.put_path("media", proposed.options.media.string());
    }
    object.put("confidence", proposed.confidence).put("reason", proposed.reason);
    return object;
}

void tell_databases(Invocation& in, origin::Inventory const& found) {
    Table table({"database", ">tables", ">rows", ">size", ""});
    for (auto const& database : found.databases) {
        std::string remark = printable(database.trouble);
        if (remark.empty() && database.live_log) remark = "in use (write-ahead log)";
        table.add({printable(database.path.string()), spell_count(database.tables),
                   spell_count(database.rows), spell_bytes(database.size_bytes), remark});
        JsonObject object;
        object.put_path("path", database.path.string()).put("engine", database.engine);
        object.put("tables", database.tables).put("rows", database.rows);
        object.put("bytes", database.size_bytes).put("trouble", database.trouble);
        JsonArray guesses;
        for (auto const& guess : database.guesses) {
            JsonObject one;
            one.put("where", guess.where).put("field", guess.field).put("value", guess.value);
            one.put("confidence", guess.confidence).put("reason", guess.reason);
            guesses.add(one);
        }
        object.put("guesses", guesses);
        in.out().event("database", object);
    }
    if (!table.empty()) table.print(in.out());
}

void tell_files(Invocation& in, origin::Inventory const& found) {
    auto const now = system::real_clock().now();
    Table table({"found", "", ""});
    auto const add = [&](std::string_view kind, system::Path const& path, std::string const& remark,
                         bool shown = true) {
        if (shown) table.add({std::string(kind), printable(path.string()), printable(remark)});
        JsonObject object;
        object.put("kind", kind).put_path("path", path.string()).put("remark", remark);
        in.out().event("found", object);
    };
    for (auto const& one : found.media) {
        add("media", one.path, plural(one.files, "file") + ", " + spell_bytes(one.bytes));
    }
    for (auto const& one : found.repositories) {
        std::string remark = one.bare ? "bare" : "";
        if (one.bytes > 0) remark += (one.bare ? ", " : "") + spell_bytes(one.bytes);
        add("git", one.path, remark);
    }
    for (auto const& one : found.certificates) {
        std::string remark = one.subject + ", until " + to_rfc3339(one.not_after).substr(0, 10);
        if (one.not_after < now && one.trouble.empty()) remark += ", expired";
        bool const said = one.trouble.ends_with(to_rfc3339(one.not_after).substr(0, 10));
        if (said) remark = one.subject;
        if (!one.trouble.empty()) remark += ", " + one.trouble;
        add("certificate", one.path, remark);
    }
    for (auto const& one : found.configs) add("config", one.path, one.note);
    for (auto const& one : found.logs) add("log", one.path, one.note);
    // Of what is nothing in particular a few are enough: the last source proposed takes them all.
    constexpr std::size_t others_shown = 10;
    std::size_t others = 0;
    for (auto const& one : found.others) {
        bool const shown = others++ < others_shown || in.out().verbose();
        add("other", one.path, one.note, shown);
    }
    if (!table.empty()) {
        in.out().line();
        table.print(in.out());
    }
    if (others > others_shown && !in.out().verbose()) {
        in.out().line(fmt::format("… and {} others (-v names all)", others - others_shown));
    }
}

}  // namespace

Result<int> run_source_discover(Invocation& in) {
    if (in.arguments().has("--server")) return discover_server(in);
    auto places = in.arguments().positional;
    if (places.empty()) places.emplace_back(".");
    auto& out = in.out();
    std::size_t proposed = 0, not_covered = 0;
    for (auto const& place : places) {
        std::error_code error;
        auto const path = std::filesystem::absolute(place, error).lexically_normal();
        PD_TRY(auto const found, origin::discover(path, in.stop()));
        tell_databases(in, found);
        tell_files(in, found);
        for (auto const& one : found.proposed) {
            out.event("proposed", proposed_object(one));
        }
        if (!found.proposed.empty()) {
            out.line();
            out.line(out.out_style().bold("proposed for perdure.toml"));
            out.line();
            out.line(service::proposed_sections(found, in.config_file().parent_path()));
        }
        if (!found.not_covered.empty()) {
            out.line(out.out_style().bold("not covered"));
        }
        for (auto const& one : found.not_covered) {
            out.line(fmt::format("  {}: {}", printable(one.path.string()), printable(one.why)));
            JsonObject object;
            object.put_path("path", one.path.string()).put("why", one.why);
            out.event("not_covered", object);
        }
        proposed += found.proposed.size();
        not_covered += found.not_covered.size();
        out.line(fmt::format("{}, {}: {} proposed, {} not covered", plural(found.files, "file"),
                             spell_bytes(found.bytes), plural(found.proposed.size(), "source"),
                             found.not_covered.size()));
    }
    in.summary().put("proposed", proposed).put("not_covered", not_covered);
    return service::exit_code::ok;
}

}  // namespace perdure::face
