#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "origin/server/inventory.h"
#include "service/config/edit.h"

namespace perdure::face {
namespace {

constexpr std::size_t files_shown_max = 15;

void tell_servers(Invocation& in, origin::ServerInventory const& found) {
    Table table({"running", "listens on", "data", "how to back it up"});
    for (auto const& server : found.servers) {
        std::string listening, dump;
        JsonArray addresses, words;
        for (auto const& address : server.listening) {
            listening += (listening.empty() ? "" : ", ") + address;
            addresses.add(address);
        }
        for (auto const& word : server.dump) {
            dump += (dump.empty() ? "" : " ") + word;
            words.add(word);
        }
        table.add({server.engine, listening.empty() ? "a local socket" : listening,
                   printable(server.data.string()), dump.empty() ? server.advice : dump});
        JsonObject object;
        object.put("engine", server.engine).put("pid", server.pid);
        object.put("program", server.program).put("listening", addresses);
        object.put_path("data", server.data.string()).put("dump", words);
        object.put("advice", server.advice);
        in.out().event("server", object);
    }
    if (table.empty()) return;
    table.print(in.out());
    in.out().line();
}

void tell_server_files(Invocation& in, origin::ServerInventory const& found) {
    Table table({"found", "", ""});
    std::map<origin::ServerFile::What, std::size_t> counts;
    for (auto const& file : found.files) {
        if (counts[file.what]++ < files_shown_max || in.out().verbose()) {
            table.add({std::string(origin::server_file_name(file.what)),
                       printable(file.path.string()), printable(file.note)});
        }
        JsonObject object;
        object.put("kind", origin::server_file_name(file.what));
        object.put_path("path", file.path.string()).put("note", file.note);
        object.put("bytes", file.bytes);
        in.out().event("server_file", object);
    }
    if (!table.empty()) table.print(in.out());
    for (auto const& [what, count] : counts) {
        if (count <= files_shown_max || in.out().verbose()) continue;
        in.out().line(fmt::format("  … {} more of \"{}\" (-v names all)", count - files_shown_max,
                                  origin::server_file_name(what)));
    }
}

/// Sections for what was found: a dump for each server, and the folders that hold anything.
std::string proposed_for(origin::ServerInventory const& found, system::Path const& folder) {
    std::string out;
    std::map<std::string, int> names;
    for (auto const& server : found.servers) {
        if (server.dump.empty()) continue;
        origin::SourceOptions source{.name = server.engine, .type = "command"};
        if (int const more = ++names[source.name]; more > 1) {
            source.name += "_" + std::to_string(more);
        }
        source.command = server.dump;
        source.output_name = server.output_name;
        out += "# " + server.advice + "\n" + service::source_sections(source, folder) + "\n";
    }
    for (char const* place : {"/etc", "/opt", "/srv", "/usr/local", "/var/spool/cron/crontabs",
                              "/var/lib/docker/volumes", "/var/lib/containers/storage/volumes"}) {
        std::size_t count = 0;
        for (auto const& file : found.files) {
            count += file.path.string().starts_with(std::string(place) + "/") ? 1 : 0;
        }
        if (count == 0) continue;
        std::string name = std::string(place).substr(1);
        std::ranges::replace(name, '/', '_');
        out +=
            fmt::format("# {} that no package would bring back\n", plural(count, "file", "files"));
        out +=
            service::source_sections({.name = name, .type = "files", .path = place}, folder) + "\n";
    }
    return out;
}

}  // namespace

Result<int> discover_server(Invocation& in) {
    auto& out = in.out();
    system::Path const root = in.arguments().value("--root", "/");
    PD_TRY(auto const found, origin::inspect_server({.root = root}, in.stop()));
    tell_servers(in, found);
    tell_server_files(in, found);
    std::size_t chosen = 0;
    for (auto const& package : found.packages) {
        chosen += package.automatic ? 0 : 1;
        JsonObject object;
        object.put("name", package.name).put("version", package.version);
        object.put("architecture", package.architecture).put("automatic", package.automatic);
        out.event("package", object);
    }
    for (auto const& remark : found.remarks) {
        out.warn("  not seen: " + printable(remark));
        JsonObject object;
        object.put("what", remark);
        out.event("not_covered", object);
    }
    if (auto const sections = proposed_for(found, in.config_file().parent_path());
        !sections.empty()) {
        out.line();
        out.line(out.out_style().bold("proposed for perdure.toml"));
        out.line();
        out.line(sections);
    }
    out.line(fmt::format("{} running, {} of this machine's own, {} ({} chosen by people)",
                         plural(found.servers.size(), "database server", "database servers"),
                         plural(found.files.size() + found.files_left_out, "file", "files"),
                         plural(found.packages.size(), "package", "packages"), chosen));
    in.summary().put("servers", found.servers.size());
    in.summary().put("files", found.files.size() + found.files_left_out);
    in.summary().put("packages", found.packages.size()).put("packages_chosen", chosen);
    return service::exit_code::ok;
}

}  // namespace perdure::face
