#include "face/cli/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <system_error>

#include "face/cli/help.h"
#include "face/cli/invocation.h"
#include "face/cli/signals.h"
#include "service/config/units.h"

namespace perdure::face {
namespace {

/// Options that decide how even a usage error is told are looked up before argv is understood.
OutputOptions output_options(std::vector<std::string> const& argv) {
    OutputOptions options;
    for (auto const& word : argv) {
        if (word == "--") break;
        if (word == "--json") options.json = true;
        if (word == "--quiet" || word == "-q") options.quiet = true;
        if (word == "--no-color") options.no_color = true;
        if (word == "-v" || word == "--verbose") ++options.verbose;
    }
    return options;
}

/// What the machine refused to the language itself; empty: something else was thrown.
std::optional<Error> want_of(std::exception_ptr const& thrown) {
    auto const want = [](char const* what, char const* fix) {
        return fail(Fault::exhausted, std::string("the machine gave no more\n") + what)
            .with_fix(fix);
    };
    try {
        if (thrown) std::rethrow_exception(thrown);
    } catch (std::system_error const& error) {
        if (error.code() == std::errc::resource_unavailable_try_again)
            return want("a thread could not be started",
                        "raise the limit of processes or memory: ulimit -u, ulimit -v, TasksMax, "
                        "pids.max");
    } catch (std::bad_alloc const&) {
        return want("memory is used up",
                    "give it more: ulimit -v, MemoryMax; docs/LIMITS.md says how much");
    } catch (...) {  // a broken invariant
    }
    return std::nullopt;
}

/// In a thread that no command waits for nothing can be cleaned up any more, as after SIGKILL, but
/// it can be said what was missing. All else stays an abort.
[[noreturn]] void end_for_want() {
    if (auto const want = want_of(std::current_exception())) {
        auto const text = explain(*want);
        std::fprintf(stderr, "error[%s]: %s\n  why:  %s\n  fix:  %s\n", text.code.c_str(),
                     text.headline.c_str(), text.why.c_str(), text.fix.c_str());
        ::_exit(service::exit_code::failure);
    }
    std::abort();
}

void tell_error(Output& out, Error const& error) {
    auto const text = explain(error);
    auto const& style = out.talk_style();
    out.warn(fmt::format("{}: {}", style.red(style.bold("error[" + text.code + "]")),
                         printable(text.headline)));
    char const* label = "  why:  ";
    for (auto const& line : service::split_words(text.why, '\n')) {
        if (line.empty()) continue;
        out.warn(style.dim(label) + printable(line));
        label = "        ";
    }
    if (!text.fix.empty()) out.warn(style.dim("  fix:  ") + printable(text.fix));
}

/// What was asked for and did not arrive is no success: a printed key, a report, a list. Whoever
/// reads stdout cannot be told there.
int tell_lost_output(Output const& out, int code) {
    auto const lost =
        system::error_from_errno(out.lost(), "the output could not be written")
            .with_fix("make room where it goes, then repeat the command; what was done stays done");
    auto const text = explain(lost);
    auto const told = fmt::format("error[{}]: {}\n  why:  {}\n  fix:  {}\n", text.code,
                                  text.headline, text.why, text.fix);
    static_cast<void>(!::write(STDERR_FILENO, told.data(), told.size()));
    return code == service::exit_code::ok ? service::exit_code::failure : code;
}

int finish(Output& out, JsonObject const& fields, JsonArray const& errors, int code) {
    JsonObject summary = fields;
    summary.put("exit_code", code).put("errors", errors);
    out.event("summary", summary);
    return out.lost() == 0 ? code : tell_lost_output(out, code);
}

int usage_error(Output& out, Error const& error) {
    tell_error(out, error);
    JsonArray errors;
    errors.add(error_object(error));
    return finish(out, {}, errors, service::exit_code_of(error));
}

Error of_signal(Error const& error, Signals const& signals) {
    if (error.fault() != Fault::cancelled) return error;
    auto const again =
        error.fix().empty() ? "repeat it: what was done is not done again" : error.fix();
    if (signals.timed_out()) {
        return fail(Fault::unavailable, "stopped after --timeout\n" + error.message())
            .with_code(1)
            .with_fix(again);
    }
    int const exit = signals.received() == SIGINT ? 130 : 143;
    return fail(Fault::cancelled, "stopped as asked").with_code(exit).with_fix(again);
}

/// A value that a command cannot use is answered with the page of that command.
Error with_page_of_help(Error error, CommandRow const& row) {
    if (service::code_of(error) != service::exit_code::usage || !error.fix().empty()) return error;
    return std::move(error).with_fix("perdure help " + std::string(row.words));
}

/// Whose lines are what was asked for; of all others --quiet wants to hear of trouble only.
bool answers(std::string_view words) {
    constexpr std::array last_words{"list",     "show",    "schema",     "diff",        "find",
                                    "history",  "formats", "stats",      "preview",     "plan",
                                    "discover", "version", "completion", "recovery-kit"};
    auto const last = words.substr(words.rfind(' ') + 1);
    return std::ranges::find(last_words, last) != last_words.end() || words.starts_with("export") ||
           words.starts_with("report");
}

/// A command that the machine gave too little ends like any other that failed.
Result<int> run_guarded(CommandRow const& row, Invocation& invocation) {
    try {
        return row.run(invocation);
    } catch (...) {
        if (auto want = want_of(std::current_exception())) return *std::move(want);
        throw;
    }
}

int carry_out(Arguments arguments, Output& out, std::optional<std::chrono::milliseconds> timeout) {
    Signals signals(timeout);
    CommandRow const& row = *arguments.command;
    Invocation invocation(std::move(arguments), out, signals.stop_token());
    if (out.quiet() && !answers(row.words)) out.hold();
    auto result = run_guarded(row, invocation);
    out.clear();
    int code = 0;
    if (result) {
        code = *result;
        if (code == service::exit_code::ok && invocation.passed_over()) {
            code = service::exit_code::partial;
        }
    } else {
        Error const error = with_page_of_help(of_signal(result.error(), signals), row);
        tell_error(out, error);
        invocation.add_error(error);
        code = service::exit_code_of(error);
    }
    if (code != service::exit_code::ok) out.release();
    JsonObject fields;
    fields.put("command", row.words).merge(invocation.summary());
    return finish(out, fields, invocation.errors(), code);
}

}  // namespace

int run_cli(int argc, char** argv) {
    std::set_terminate(end_for_want);
    std::vector<std::string> const words(argv + std::min(argc, 1), argv + argc);
    Output out(output_options(words));
    auto arguments = parse_arguments(words);
    if (!arguments) return usage_error(out, arguments.error());
    if (arguments->help) {
        auto const text = arguments->has("--markdown")
                              ? Result<std::string>(cli_reference())
                              : help_text(arguments->topic, out.out_style(), out.out_width());
        if (!text) return usage_error(out, text.error());
        out.line(*text);
        JsonObject fields;
        fields.put("help", *text);
        return finish(out, fields, {}, service::exit_code::ok);
    }
    std::optional<std::chrono::milliseconds> timeout;
    if (auto const text = arguments->value("--timeout"); !text.empty()) {
        auto const parsed = service::parse_duration(text);
        if (!parsed) {
            return usage_error(out, Error(parsed.error()).within("--timeout").with_code(2));
        }
        timeout = *parsed;
    }
    return carry_out(std::move(*arguments), out, timeout);
}

}  // namespace perdure::face
