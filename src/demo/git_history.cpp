#include "demo/git_history.h"

#include <fmt/core.h>

#include "demo/dice.h"
#include "demo/language.h"
#include "system/process.h"

namespace perdure::demo {
namespace {

std::string data(std::string const& text) {
    return fmt::format("data {}\n{}\n", text.size(), text);
}

/// The stream that git fast-import reads: commits of changing files, a merge, a branch, tags.
std::string make_stream(HistoryOptions const& options) {
    Dice dice(options.seed, "git");
    std::string stream;
    for (unsigned i = 1; i <= options.commits; ++i) {
        Person const author = make_person(dice, i % 4);
        std::int64_t const when = options.now.seconds - (options.commits - i) * 86400;
        std::string_view const branch = i % 7 == 0 ? "refs/heads/feature" : "refs/heads/main";
        stream += fmt::format("commit {}\nmark :{}\ncommitter {} <{}> {} +0100\n", branch, i,
                              author.name, author.email, when);
        stream +=
            data(make_title(dice, author.language) + "\n\n" + make_remark(dice, author.language));
        if (i == 7) stream += "from :6\n";
        if (i == 20) stream += "merge :14\n";
        std::string const source = "def answer():\n    return " + std::to_string(i) + "\n\n# " +
                                   make_markdown(dice, Language::english);
        stream += fmt::format("M 100644 inline src/part{}.py\n{}", i % 9, data(source));
        if (i == 1)
            stream += "M 100755 inline run.sh\n" + data("#!/bin/sh\nexec python3 src/part1.py\n");
        if (i == 3) stream += "M 120000 inline latest\n" + data("src/part3.py");
        if (i == 5) stream += "M 100644 inline \"gr\\303\\274\\303\\237e.txt\"\n" + data("Grüße\n");
        stream += "\n";
    }
    stream += fmt::format("tag v1.0\nfrom :{}\ntagger Release <release@example.org> {} +0000\n{}",
                          options.commits / 2, options.now.seconds - 86400, data("first release"));
    return stream + "reset refs/tags/light\nfrom :3\n\ndone\n";
}

Result<void> git(std::vector<std::string> arguments, Bytes input, std::stop_token const& stop) {
    system::Command command;
    command.argv = {"git"};
    for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
    // Nothing of this machine's configuration may show in a sample.
    command.environment = {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
                           "GIT_DEFAULT_HASH=sha1"};
    command.standard_input = std::move(input);
    auto const ignore = [](ByteView) -> Result<void> { return {}; };
    PD_TRY(system::Exit const exit, system::run(std::move(command), ignore, stop));
    if (exit.status == 0) return {};
    return fail(Fault::internal, "git failed on the sample repository: " + exit.standard_error);
}

}  // namespace

Result<void> make_git_repository(system::Path const& folder, HistoryOptions const& options,
                                 std::stop_token stop) {
    PD_CHECK(system::make_folders(folder.parent_path(), 0755));
    auto made =
        git({"init", "-q", "--bare", "--template=", "-b", "main", folder.native()}, {}, stop);
    if (!made && made.error().fault() == Fault::not_found) return {};
    PD_CHECK(made);
    std::string const where = "--git-dir=" + folder.native();
    PD_CHECK(git({where, "-c", "pack.threads=1", "fast-import", "--quiet", "--done"},
                 to_bytes(make_stream(options)), stop));
    return git({where, "pack-refs", "--no-all"}, {}, stop);
}

}  // namespace perdure::demo
