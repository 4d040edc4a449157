#include "service/config/crontab.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/ascii.h"

namespace perdure::service {

namespace {

/// As cron finds it: its PATH is /usr/bin:/bin, whatever ours is.
std::string this_program() {
    std::error_code error;
    auto const path = std::filesystem::read_symlink("/proc/self/exe", error);
    bool const found_by_cron = path == "/usr/bin/perdure" || path == "/bin/perdure";
    return error || found_by_cron ? "perdure" : crontab_word(path.string());
}

/// The command of a job, without the program; empty: it needs what the section does not say.
std::string command_of(Settings const& settings, std::string const& section) {
    auto const word = [&](char const* key, char const* option = "") {
        auto const value = settings.text(section + "." + key).value_or("");
        return value.empty() ? std::string() : std::string(" ") + option + crontab_word(value);
    };
    auto const job = settings.text(section + ".job").value_or("");
    auto const where = word("destination", "--destination ");
    if (job == "backup") return "backup" + word("source") + where;
    if (job == "verify") return "repo check --sample 5\\%" + where;
    if (job == "drill") return "restore drill" + word("source") + where;
    if (job == "sync") return "backup sync";
    if (job == "retention") return "backup cleanup";
    // Which one is meant is known only where there is one, and without its output it ends at once.
    auto const profiles = settings.sections_like("export.*");
    if (job != "export" || profiles.size() != 1) return {};
    if (settings.text(profiles.front().path + ".output").value_or("").empty()) return {};
    return "export --replace --profile " + crontab_word(profiles.front().name) +
           word("source", "--source ");
}

}  // namespace

std::string crontab_word(std::string_view word) {
    constexpr std::string_view plain = "-_./=:@+,";
    bool const bare = !word.empty() && std::ranges::all_of(word, [&](char c) {
        return is_ascii_alphanumeric(c) || plain.find(c) != plain.npos;
    });
    if (bare) return std::string(word);
    std::string out = "'";
    for (char const c : word) {
        if (c == '\'') out += "'\\'";
        if (c == '%') out += '\\';
        out += c;
    }
    return out + "'";
}

void name_crontab_lines(Settings& settings, system::Path const& file) {
    for (auto const& section : settings.sections_like("schedule.*")) {
        auto const cron = settings.text(section.path + ".cron").value_or("");
        auto const command = command_of(settings, section.path);
        auto const begins = "[" + section.path + "] ";
        auto const warning = std::ranges::find_if(
            settings.warnings, [&](auto const& one) { return one.message.starts_with(begins); });
        bool const wanted = settings.boolean(section.path + ".enabled");
        bool const known = warning != settings.warnings.end() && !cron.empty() && !command.empty();
        if (!wanted || !known) continue;
        warning->fix =
            fmt::format("give this line to crontab -e: {} {} --config {} {} --quiet --no-input",
                        cron, this_program(), crontab_word(file.string()), command);
        warning->fix += fmt::format(" (cron counts in this machine's time zone, the file in {})",
                                    settings.text(section.path + ".timezone").value_or("UTC"));
    }
}

}  // namespace perdure::service
