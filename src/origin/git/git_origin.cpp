#include "origin/git/git_origin.h"

#include "origin/files/digest.h"
#include "origin/git/git_reader.h"
#include "system/process.h"

namespace perdure::origin {
namespace {

constexpr std::size_t report_bytes_max = 64 << 10, problems_max = 100;

class GitOrigin final : public Origin {
public:
    explicit GitOrigin(SourceOptions options) : options_(std::move(options)) {}

    Shape shape() const override { return Shape::tree; }
    Result<void> test(std::stop_token) override {
        PD_CHECK(find_git_folder(options_.path));
        PD_CHECK(Walk::open(walk_options(options_)));
        return {};
    }
    Result<std::unique_ptr<data::TreeReader>> open_tree(std::stop_token) override {
        return read_git(walk_options(options_));
    }
    Result<std::unique_ptr<data::RowReader>> open_rows(std::stop_token) override {
        return fail(Fault::unsupported, "a git repository has no rows");
    }
    Result<data::LogicalDigest> digest(std::stop_token stop) override {
        PD_TRY(auto reader, open_tree(stop));
        return digest_tree(*reader, stop);
    }
    Result<std::vector<data::Problem>> check(std::stop_token stop) override;

private:
    SourceOptions options_;
};

std::vector<data::Problem> problems_from(std::string const& report, std::string const& path) {
    std::vector<data::Problem> problems;
    std::size_t start = 0;
    while (start < report.size() && problems.size() < problems_max) {
        std::size_t const end = std::min(report.find('\n', start), report.size());
        if (end > start) problems.push_back({path, report.substr(start, end - start)});
        start = end + 1;
    }
    if (problems.empty()) problems.push_back({path, "git fsck failed without saying why"});
    return problems;
}

Result<std::vector<data::Problem>> GitOrigin::check(std::stop_token stop) {
    PD_TRY(std::string const git_folder, find_git_folder(options_.path));
    std::string const folder = (options_.path / git_folder).native();
    // A repository that belongs to somebody else is read all the same: nothing of it is executed.
    // optionalLocks: a check must not write into what it checks.
    system::Command command;
    command.argv = {"git",
                    "-c",
                    "safe.directory=*",
                    "-c",
                    "core.hooksPath=/dev/null",
                    "--git-dir",
                    folder,
                    "fsck",
                    "--full",
                    "--strict",
                    "--no-dangling",
                    "--no-progress"};
    command.environment = {"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1"};
    std::string report;
    PD_TRY(system::Exit const exit, system::run(
                                        command,
                                        [&](ByteView bytes) -> Result<void> {
                                            if (report.size() < report_bytes_max)
                                                report += as_text(bytes);
                                            return {};
                                        },
                                        stop));
    if (exit.status == 0) return std::vector<data::Problem>();
    return problems_from(report + exit.standard_error, folder);
}

}  // namespace

Result<std::unique_ptr<Origin>> open_git(SourceOptions const& options) {
    if (options.path.empty())
        return fail(Fault::invalid, "source " + options.name + " has no path");
    return std::make_unique<GitOrigin>(options);
}

}  // namespace perdure::origin
