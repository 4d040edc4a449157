#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/handlers.h"
#include "face/cli/help.h"
#include "face/cli/table.h"
#include "service/health/health.h"
#include "service/setup/init.h"

namespace perdure::face {
namespace {

JsonObject fault_object(service::LoadedConfig const& loaded, service::ConfigFault const& fault) {
    JsonObject object;
    object.put_path("file", loaded.file.string());
    object.put("line", fault.place.line).put("column", fault.place.column);
    object.put("message", fault.message);
    if (!fault.fix.empty()) object.put("fix", fault.fix);
    return object;
}

Result<std::unique_ptr<service::Workspace>> open(Invocation& in,
                                                 service::WorkspaceOptions options = {}) {
    options.read_only = options.read_only || in.arguments().has("--dry-run");
    options.config_file = in.config_file();
    options.destination = in.arguments().value("--destination");
    options.ask_secret = in.ask_secret();
    if (!options.passed_over) {
        options.passed_over = [&in](data::Problem const& problem) { in.pass_over(problem); };
    }
    options.stop = in.stop();
    return service::Workspace::open(std::move(options));
}

/// What came of looking.
struct Look {
    bool good = true;        ///< nothing is bad
    std::size_t doubts = 0;  ///< and so much is not quite as it should be
};
/// Asks, and changes nothing: what could be mended on the way is told, with the command that does.
Result<Look> look(Invocation& in, std::vector<service::Check> (*examine)(service::Workspace&)) {
    std::vector<service::Check> told;
    service::WorkspaceOptions options;
    options.read_only = true;
    options.passed_over = [&](data::Problem const& problem) {
        told.push_back({problem.path, service::Verdict::bad, problem.reason, ""});
    };
    PD_TRY(auto workspace, open(in, std::move(options)));
    auto checks = examine(*workspace);
    std::ranges::move(told, std::back_inserter(checks));
    auto const doubts =
        std::ranges::count(checks, service::Verdict::doubtful, &service::Check::verdict);
    return Look{in.checks(checks), static_cast<std::size_t>(doubts)};
}

}  // namespace

Result<std::unique_ptr<service::Workspace>> open_workspace(Invocation& in) {
    return open(in);
}

Result<std::unique_ptr<service::Workspace>> open_to_fill(Invocation& in) {
    service::WorkspaceOptions options;
    options.fill_empty = in.arguments().value("--confirm");
    return open(in, std::move(options));
}

Result<std::unique_ptr<service::Workspace>> open_to_read(Invocation& in) {
    service::WorkspaceOptions options;
    options.read_only = true;
    return open(in, std::move(options));
}

Result<int> run_init(Invocation& in) {
    auto const file = in.config_file();
    auto& out = in.out();
    if (system::exists(file) && in.arguments().has("--path")) {
        return fail(Fault::invalid,
                    "--path is for a new configuration, and there is " + file.string())
            .with_code(2)
            .with_fix("perdure destination add NAME --path DIR, or perdure init --destination DIR");
    }
    bool const begins = !system::exists(file);
    if (begins) {
        system::Path const destination = in.arguments().value("--path", "backups");
        PD_CHECK(service::write_starter(file, destination));
        out.line(fmt::format("wrote {}", file.string()));
        in.summary().put_path("config", file.string());
    }
    PD_TRY(auto workspace, open_workspace(in));
    service::InitCall call;
    call.create_key = !in.arguments().has("--no-key");
    call.new_config = begins;
    call.confirm = in.arguments().value("--confirm");
    PD_TRY(auto const answer, service::init(*workspace, call));
    if (answer.key_file) {
        out.line(fmt::format("made the key {}", answer.key_file->string()));
        in.summary().put_path("key_file", answer.key_file->string());
    }
    for (auto const& destination : answer.destinations) {
        out.line(
            answer.joined.empty()
                ? fmt::format("made the repository \"{}\" in {}", answer.repository, destination)
                : fmt::format("{} joined the repository \"{}\", which \"{}\" holds", destination,
                              answer.repository, answer.joined));
    }
    out.line();
    if (!answer.joined.empty()) {
        in.summary().put("joined", answer.joined);
        out.line("next: perdure backup sync, which copies what is there already");
        return service::exit_code::ok;
    }
    out.line("next: perdure source discover PATH, perdure source add NAME …, perdure backup");
    out.line("and: perdure key recovery-kit -o perdure-recovery.txt, to print and lock away");
    return service::exit_code::ok;
}

Result<int> run_config_check(Invocation& in) {
    PD_TRY(auto const loaded, service::read_config(in.config_file()));
    for (auto const& warning : loaded.warnings) {
        in.out().warn("warning: " + service::describe_faults(loaded.file, {warning}));
        in.out().event("warning", fault_object(loaded, warning));
    }
    in.summary().put("faults", loaded.faults.size()).put("warnings", loaded.warnings.size());
    if (!loaded.config) {
        for (auto const& fault : loaded.faults) {
            in.out().event("fault", fault_object(loaded, fault));
        }
        return service::load_config(in.config_file()).error();
    }
    in.out().line(fmt::format("{} has no fault", loaded.file.string()));
    if (in.arguments().has("--offline")) return service::exit_code::ok;
    PD_TRY(auto const found, look(in, service::probe));
    return found.good ? service::exit_code::ok : service::exit_code::failure;
}

Result<int> run_config_show(Invocation& in) {
    PD_TRY(auto const config, service::load_config(in.config_file()));
    bool const resolved = in.arguments().has("--resolved");
    Table table({"setting", "value", "from"});
    for (auto const& shown : service::show_config(config, resolved)) {
        table.add({shown.path, printable(shown.value), in.out().out_style().dim(shown.origin)});
        JsonObject object;
        object.put("path", shown.path).put("value", shown.value).put("origin", shown.origin);
        in.out().event("setting", object);
    }
    table.print(in.out());
    return service::exit_code::ok;
}

Result<int> run_config_schema(Invocation& in) {
    bool const markdown = in.arguments().has("--markdown");
    auto const text = markdown ? service::config_reference() : service::json_schema();
    in.out().line(text);
    if (markdown) {
        in.summary().put("reference", text);
    } else {
        in.summary().raw("schema", text);
    }
    return service::exit_code::ok;
}

Result<int> run_doctor(Invocation& in) {
    PD_TRY(auto const found, look(in, service::examine));
    in.out().line();
    std::string words = found.good ? "nothing stands in the way" : "something needs attention";
    if (found.good && found.doubts > 0)
        words += "; " + plural(found.doubts, "thing is", "things are") + " worth a look (!)";
    in.out().line(words);
    in.summary().put("healthy", found.good).put("doubtful", found.doubts);
    return found.good ? service::exit_code::ok : service::exit_code::failure;
}

Result<int> run_completion(Invocation& in) {
    PD_TRY(auto const script, completion_script(in.arguments().positional.front()));
    in.out().line(script);
    in.summary().put("script", script);
    return service::exit_code::ok;
}

Result<int> run_version(Invocation& in) {
    in.out().line("perdure " PERDURE_VERSION);
    in.summary().put("version", PERDURE_VERSION);
    return service::exit_code::ok;
}

}  // namespace perdure::face
