#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/config/edit.h"
#include "service/health/health.h"
#include "service/setup/discovery.h"

namespace perdure::face {
namespace {

system::Path absolute(std::string const& path) {
    if (path.empty()) return {};
    std::error_code error;
    auto out = std::filesystem::absolute(path, error).lexically_normal();
    return out.has_filename() ? out : out.parent_path();
}

Error needs(std::string const& option, std::string const& line) {
    return fail(Fault::invalid, "this needs " + option).with_code(2).with_fix(line);
}

}  // namespace

Result<int> run_source_add(Invocation& in) {
    auto const& arguments = in.arguments();
    origin::SourceOptions source;
    source.name = arguments.positional.front();
    source.type = arguments.value("--type");
    source.path = absolute(arguments.value("--path"));
    source.media = absolute(arguments.value("--media"));
    source.exclude = arguments.values("--exclude");
    source.one_file_system = arguments.has("--one-file-system");
    source.command = arguments.values("--command");
    source.output_name = arguments.value("--output-name");
    std::string const line =
        "perdure source add " + source.name + " --type sqlite|files|git|command --path …";
    if (source.type.empty()) return needs("--type", line);
    if (source.type != "command" && source.path.empty()) return needs("--path", line);
    if (source.type == "command" && source.command.empty()) {
        return needs("--command", "perdure source add " + source.name +
                                      " --type command --command PROGRAM --command ARGUMENT");
    }
    PD_TRY(auto workspace, open_workspace(in));
    service::SourceConfig config;
    config.options = source;
    auto const check = service::test_source(*workspace, config);
    if (check.verdict == service::Verdict::bad) {
        return fail(Fault::not_found,
                    "source \"" + source.name + "\" cannot be read\n" + check.detail)
            .with_fix(check.fix.empty() ? "correct --path; nothing was added" : check.fix);
    }
    PD_TRY(auto const text, service::propose_source(source, workspace->config().folder,
                                                    !arguments.has("--no-discover"), in.stop()));
    auto const& file = workspace->config().file;
    PD_CHECK(service::append_sections(file, "source." + source.name, text));
    in.out().line(fmt::format("added to {}:", file.filename().string()));
    in.out().line();
    in.out().line(text);
    in.summary().put("source", source.name).put_path("config", file.string());
    return service::exit_code::ok;
}

Result<int> run_source_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    Table table({"source", "type", "where", "last backup", "records"});
    auto const now = system::real_clock().now();
    for (auto const& source : workspace->config().sources) {
        std::string last = "never";
        JsonObject object;
        object.put("name", source.options.name).put("source_type", source.options.type);
        object.put_path("path", source.options.path.string());
        if (auto* log = workspace->runs()) {
            auto const run = log->last("backup", source.options.name,
                                       {catalog::Outcome::ok, catalog::Outcome::partial});
            if (run && *run) {
                last = spell_age((*run)->started, now);
                object.put("last_backup", to_rfc3339((*run)->started));
            }
        }
        std::vector<std::string> records;
        for (auto const& record : source.options.mapping.records) records.push_back(record.type);
        std::string const where = source.options.command.empty()
                                      ? source.options.path.string()
                                      : joined(source.options.command, " ");
        table.add(
            {source.options.name, source.options.type, printable(where), last, joined(records)});
        in.out().event("source", object);
    }
    if (table.empty()) {
        in.out().line("no source yet: perdure source discover PATH");
    } else {
        table.print(in.out());
    }
    in.summary().put("sources", workspace->config().sources.size());
    return service::exit_code::ok;
}

Result<int> run_source_test(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const sources, workspace->sources(in.arguments().positional));
    std::vector<service::Check> checks;
    for (auto const& source : sources) checks.push_back(service::test_source(*workspace, source));
    return in.checks(checks) ? service::exit_code::ok : service::exit_code::failure;
}

Result<int> run_destination_add(Invocation& in) {
    auto const& arguments = in.arguments();
    std::string const name = arguments.positional.front();
    std::string const path = arguments.value("--path");
    if (auto const type = arguments.value("--type", "local"); type != "local") {
        return fail(Fault::unsupported, "--type: \"" + type + "\" is not supported yet")
            .with_code(2)
            .with_fix("this version stores on local disks: --type local");
    }
    if (path.empty()) return needs("--path", "perdure destination add " + name + " --path DIR");
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const* repository, workspace->repository_config());
    auto const& file = workspace->config().file;
    auto const text = service::destination_section(name, absolute(path).string());
    PD_CHECK(system::make_folders(absolute(path)));
    PD_CHECK(service::add_destination(file, repository->name, name, text));
    in.out().line(fmt::format("added to {} and to repository \"{}\":", file.filename().string(),
                              repository->name));
    in.out().line();
    in.out().line(text);
    in.out().line("next: perdure backup sync, which copies what is there already");
    in.summary().put("destination", name);
    return service::exit_code::ok;
}

Result<int> run_destination_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    Table table({"destination", "type", "where", ">free", "of", "keys"});
    for (auto const& destination : workspace->config().destinations) {
        auto const free = system::free_bytes(destination.path);
        std::vector<std::string> of;
        for (auto const& repository : workspace->config().repositories) {
            for (auto const& each : repository.destinations) {
                if (each == destination.name) of.push_back(repository.name);
            }
        }
        table.add({destination.name, destination.type, printable(destination.path.string()),
                   free ? spell_bytes(*free) : "not reached", joined(of),
                   destination.keys ? "here" : "none"});
        JsonObject object;
        object.put("name", destination.name).put("destination_type", destination.type);
        object.put_path("path", destination.path.string()).put("reachable", free.has_value());
        object.put("keys", destination.keys);
        if (free) object.put("bytes_free", *free);
        in.out().event("destination", object);
    }
    table.print(in.out());
    in.summary().put("destinations", workspace->config().destinations.size());
    return service::exit_code::ok;
}

Result<int> run_destination_test(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    std::vector<service::DestinationConfig> chosen;
    for (auto const& name : in.arguments().positional) {
        auto const* destination = workspace->config().destination(name);
        if (!destination) {
            return fail(Fault::not_found, "there is no destination \"" + name + "\"")
                .with_code(2)
                .with_fix("perdure destination list");
        }
        chosen.push_back(*destination);
    }
    if (chosen.empty()) chosen = workspace->config().destinations;
    bool good = true;
    for (auto const& destination : chosen) {
        good = in.checks(service::test_destination(*workspace, destination)) && good;
    }
    return good ? service::exit_code::ok : service::exit_code::unreachable;
}

}  // namespace perdure::face
