#include "face/cli/invocation.h"

#include <fmt/format.h>

#include <cstdlib>

namespace perdure::face {
namespace {

constexpr std::size_t problems_listed_max = 1000;
constexpr std::size_t problems_shown_max = 20;

}  // namespace

Invocation::Invocation(Arguments arguments, Output& out, std::stop_token stop)
    : arguments_(std::move(arguments)), out_(out), stop_(std::move(stop)) {}

system::Path Invocation::config_file() const {
    if (auto const given = arguments_.value("--config"); !given.empty()) return given;
    if (char const* named = std::getenv("PERDURE_CONFIG"); named && *named) return named;
    std::error_code error;
    auto folder = std::filesystem::current_path(error);
    while (!error && !folder.empty()) {
        if (system::exists(folder / "perdure.toml")) return folder / "perdure.toml";
        if (folder == folder.parent_path()) break;
        folder = folder.parent_path();
    }
    system::Path const everywhere = "/etc/perdure/perdure.toml";
    return system::exists(everywhere) ? everywhere : system::Path("perdure.toml");
}

service::AskSecret Invocation::ask_secret(std::string without) const {
    bool const allowed = !arguments_.has("--no-input");
    return [allowed, without = std::move(without),
            stop = stop_](std::string const& question) -> Result<crypto::SecretBytes> {
        auto answer =
            allowed ? face::ask_secret(question, stop)
                    : Result<crypto::SecretBytes>(fail(Fault::denied,
                                                       "a passphrase is needed and --no-input "
                                                       "forbids to ask")
                                                      .with_code(no_terminal_code));
        bool const asked = answer || answer.error().code() != no_terminal_code;
        return asked ? std::move(answer) : Error(std::move(answer).error()).with_fix(without);
    };
}

void Invocation::problems(std::vector<data::Problem> const& problems, std::string_view word) {
    std::size_t shown = 0;
    for (auto const& problem : problems) {
        if (shown++ < problems_shown_max || out_.verbose()) {
            // What concerns a whole source has no path.
            std::string const path = problem.path.empty() ? "" : printable(problem.path) + ": ";
            out_.warn(fmt::format("  {} {}{}", out_.talk_style().yellow(word), path,
                                  printable(problem.reason)));
        }
        if (problems_listed_++ >= problems_listed_max) continue;
        JsonObject object;
        object.put("code", "PD-0003").put_path("path", problem.path);
        object.put("message", problem.reason);
        out_.event("problem", object);
        errors_.add(object);
    }
    if (shown > problems_shown_max && !out_.verbose()) {
        out_.warn(fmt::format("  … and {} more (-v names all)", shown - problems_shown_max));
    }
}

bool Invocation::checks(std::vector<service::Check> const& checks) {
    auto const& style = out_.out_style();
    bool good = true;
    for (auto const& check : checks) {
        bool const bad = check.verdict == service::Verdict::bad;
        std::string const mark = bad                                       ? style.red("✗")
                                 : check.verdict == service::Verdict::good ? style.green("✓")
                                                                           : style.yellow("!");
        out_.line(fmt::format("  {} {}{}", mark, check.what,
                              check.detail.empty() ? "" : ": " + printable(check.detail)));
        if (!check.fix.empty()) out_.line(style.dim("      fix: " + printable(check.fix)));
        JsonObject object;
        object.put("what", check.what).put("verdict", service::verdict_name(check.verdict));
        object.put("detail", check.detail);
        if (!check.fix.empty()) object.put("fix", check.fix);
        out_.event("check", object);
        if (!bad) continue;
        good = false;
        add_error(fail(Fault::invalid, check.what + ": " + check.detail)
                      .with_code(service::exit_code::failure)
                      .with_fix(check.fix));
    }
    return good;
}

void Invocation::add_error(Error const& error) {
    errors_.add(error_object(error));
}

}  // namespace perdure::face
