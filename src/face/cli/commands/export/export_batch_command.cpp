#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/export/export_words.h"
#include "face/cli/commands/handlers.h"
#include "service/config/config.h"

namespace perdure::face {
namespace {

constexpr std::size_t batch_bytes_max = 1 << 20;

Result<service::Node> read_batch(system::Path const& file) {
    PD_TRY(auto const raw, system::read_file(file, batch_bytes_max));
    std::vector<service::ConfigFault> faults;
    auto root = service::parse_toml(to_string(raw), faults);
    if (!faults.empty()) {
        return fail(Fault::invalid,
                    "the list has faults\n" + service::describe_faults(file, faults))
            .with_code(2)
            .with_fix("correct " + file.string());
    }
    auto const* list = root.find("export");
    if (!list || list->members.empty()) {
        return fail(Fault::invalid, file.string() + " lists no export")
            .with_code(2)
            .with_fix("write a section [export.NAME] with format and output for each");
    }
    return *list;
}

/// One of the list; its exit code.
int run_one(Invocation& in, service::Member const& one, system::Path const& folder) {
    JsonObject event;
    event.put("name", one.key);
    auto const carry_out = [&]() -> Result<int> {
        std::vector<std::string> words = {"export", "--config=" + in.config_file().string()};
        if (in.arguments().has("--replace")) words.emplace_back("--replace");
        auto const own = option_words(one.value, folder);
        words.insert(words.end(), own.begin(), own.end());
        PD_TRY(auto arguments, parse_arguments(words));
        Invocation again(std::move(arguments), in.out(), in.stop());
        auto code = run_export(again);
        event.merge(again.summary());
        return code;
    };
    in.out().line(in.out().out_style().bold(printable(one.key)));
    auto const done = carry_out();
    int const code = done ? *done : service::exit_code_of(done.error());
    if (!done) {
        in.add_error(Error(done.error()).within(one.key));
        in.out().warn(
            fmt::format("  {}: {}", printable(one.key), printable(done.error().message())));
    }
    event.put("exit_code", code);
    in.out().event("export", event);
    in.out().line();
    return code;
}

}  // namespace

Result<int> run_export_batch(Invocation& in) {
    std::error_code ignored;
    auto const file = std::filesystem::absolute(in.arguments().positional.front(), ignored);
    PD_TRY(auto const list, read_batch(file));
    std::size_t failed = 0;
    int worst = service::exit_code::ok;
    for (auto const& one : list.members) {
        if (in.stop().stop_requested()) return fail(Fault::cancelled, "stopped");
        int const code = run_one(in, one, file.parent_path());
        bool const bad = code != service::exit_code::ok && code != service::exit_code::partial;
        failed += bad ? 1 : 0;
        // A failure outweighs what was only passed over.
        if (bad || worst == service::exit_code::ok) worst = code;
    }
    in.summary().put("exports", list.members.size()).put("failed", failed);
    in.out().line(fmt::format("{} of {} done", list.members.size() - failed, list.members.size()));
    return worst;
}

}  // namespace perdure::face
