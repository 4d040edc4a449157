#include "origin/command/command_origin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/channel.h"
#include "system/clock.h"
#include "system/process.h"

namespace perdure::origin {
namespace {

constexpr std::size_t piece_bytes_max = 256 << 10, pieces_ahead = 8;
constexpr std::size_t error_tail_bytes = 2000;

Error failed_command(std::string const& program, system::Exit const& exit) {
    std::string text = exit.standard_error;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    if (text.size() > error_tail_bytes) text = "…" + text.substr(text.size() - error_tail_bytes);
    std::string const how = exit.status > 128
                                ? "was ended by signal " + std::to_string(exit.status - 128)
                                : "failed with status " + std::to_string(exit.status);
    return fail(Fault::unavailable,
                "the command " + program + " " + how + (text.empty() ? "" : ": " + text))
        .with_fix("run the command by hand; its output is only kept when it succeeds");
}

/// What became of the command, for the reader that offered its output.
/// Threads: any.
class Outcome {
public:
    void set(Error error) {
        std::lock_guard lock(mutex_);
        error_ = std::move(error);
    }
    std::optional<Error> get() const {
        std::lock_guard lock(mutex_);
        return error_;
    }

private:
    mutable std::mutex mutex_;
    std::optional<Error> error_;
};

/// The program runs on a thread of its own; its output comes through a channel, and its exit status
/// is known before the reader is told that the end has come.
class CommandOutput final : public data::ByteSource {
public:
    CommandOutput(system::Command command, data::Entry offered, std::shared_ptr<Outcome> outcome,
                  std::stop_token stop)
        : offered_(std::move(offered)), outcome_(std::move(outcome)), pieces_(pieces_ahead) {
        program_ = command.argv.front();
        thread_ = std::jthread([this, command = std::move(command)](std::stop_token own) mutable {
            run(std::move(command), own);
        });
        outer_.emplace(stop, [this] { thread_.request_stop(); });
    }
    ~CommandOutput() override {
        outer_.reset();
        thread_.request_stop();
    }

    Result<std::size_t> read(ByteSpan into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            if (at_ == piece_.size()) {
                auto piece = pieces_.receive();
                if (!piece) {
                    if (error_) return *error_;
                    break;
                }
                piece_ = std::move(*piece);
                at_ = 0;
            }
            std::size_t const count = std::min(into.size() - done, piece_.size() - at_);
            std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(at_), count,
                        into.begin() + static_cast<std::ptrdiff_t>(done));
            at_ += count;
            done += count;
        }
        return done;
    }

    Result<data::Entry> entry_after_reading() override;

private:
    void run(system::Command command, std::stop_token stop) {
        auto exit = system::run(
            std::move(command),
            [&](ByteView bytes) -> Result<void> {
                while (!bytes.empty()) {
                    ByteView const piece = bytes.first(std::min(bytes.size(), piece_bytes_max));
                    if (!pieces_.send(to_bytes(piece), stop))
                        return fail(Fault::cancelled, "stopped");
                    bytes = bytes.subspan(piece.size());
                }
                return {};
            },
            stop);
        if (!exit)
            error_ = exit.error();
        else if (exit->status != 0)
            error_ = failed_command(program_, *exit);
        if (error_) outcome_->set(*error_);
        pieces_.close();  // after error_: the channel's mutex orders the two
    }

    data::Entry offered_;
    std::string program_;
    std::shared_ptr<Outcome> outcome_;
    Channel<Bytes> pieces_;
    std::optional<Error> error_;
    Bytes piece_;
    std::size_t at_ = 0;
    std::jthread thread_;
    std::optional<std::stop_callback<std::function<void()>>> outer_;
};

data::Entry owned_by_us(std::string name, data::EntryKind kind, unsigned mode, Timestamp time) {
    data::Entry entry;
    entry.name = std::move(name);
    entry.kind = kind;
    entry.mode = mode;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    entry.modified = entry.changed = time;
    return entry;
}

/// What was offered: the output did not change while it was read, there was none before. (Another
/// size or time would make a backup run the command again.)
Result<data::Entry> CommandOutput::entry_after_reading() {
    return offered_;
}

class CommandContent final : public data::Content {
public:
    CommandContent(system::Command command, data::Entry offered, std::shared_ptr<Outcome> outcome)
        : command_(std::move(command)),
          offered_(std::move(offered)),
          outcome_(std::move(outcome)) {}
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token stop) override {
        return std::make_unique<CommandOutput>(command_, offered_, outcome_, stop);
    }

private:
    system::Command command_;
    data::Entry offered_;
    std::shared_ptr<Outcome> outcome_;
};

/// A folder with one file. Should the command have failed by the time the folder's end is asked
/// for, that fails too, whatever became of the content's own error.
class OutputReader final : public data::TreeReader {
public:
    OutputReader(system::Command command, std::string const& name) {
        Timestamp const now = system::real_clock().now();
        using Step = data::TreeItem::Step;
        items_.push_back({Step::enter, owned_by_us("", data::EntryKind::folder, 0700, now), {}});
        data::Entry const file = owned_by_us(name, data::EntryKind::file, 0600, now);
        items_.push_back({Step::leaf, file,
                          std::make_shared<CommandContent>(std::move(command), file, outcome_)});
        items_.push_back({Step::leave, owned_by_us("", data::EntryKind::folder, 0700, now), {}});
    }
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        if (at_ >= 2) {  // also asked after the end, see data/stream.h
            if (auto error = outcome_->get()) return *error;
        }
        if (at_ == items_.size()) return std::optional<data::TreeItem>();
        return std::optional(std::move(items_[at_++]));
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
    std::vector<data::TreeItem> items_;
    std::size_t at_ = 0;
};

class CommandOrigin final : public Origin {
public:
    explicit CommandOrigin(SourceOptions options) : options_(std::move(options)) {}
    Shape shape() const override { return Shape::tree; }
    Result<void> test(std::stop_token) override;
    Result<std::unique_ptr<data::TreeReader>> open_tree(std::stop_token) override {
        return std::make_unique<OutputReader>(command(), options_.output_name);
    }
    Result<std::unique_ptr<data::RowReader>> open_rows(std::stop_token) override {
        return fail(Fault::unsupported, "the output of a command has no rows");
    }
    Result<data::LogicalDigest> digest(std::stop_token) override {
        return fail(Fault::unsupported, "the output of a command is not there to be read again");
    }
    Result<std::vector<data::Problem>> check(std::stop_token stop) override {
        std::vector<data::Problem> problems;
        if (auto tested = test(stop); !tested)
            problems.push_back({options_.output_name, tested.error().message()});
        return problems;
    }

private:
    system::Command command() const {
        system::Command command;
        command.argv = options_.command;
        command.working_folder = options_.path.native();
        // run() waits on the thread that starts it, as this asks for.
        command.ends_with_us = true;
        return command;
    }
    SourceOptions options_;
};

/// Looks for the program without running it: a dump is no cheap check.
Result<void> CommandOrigin::test(std::stop_token) {
    std::string const& program = options_.command.front();
    if (program.find('/') != std::string::npos) {
        system::Path const path = system::Path(options_.path) / program;
        if (::access(path.c_str(), X_OK) == 0) return {};
        return system::error_from_errno(errno, "cannot run " + path.native());
    }
    char const* const places = ::getenv("PATH");
    std::string_view rest = places != nullptr ? places : "/usr/bin:/bin";
    for (;;) {
        std::size_t const cut = rest.find(':');
        system::Path const path = system::Path(rest.substr(0, cut)) / program;
        if (::access(path.c_str(), X_OK) == 0) return {};
        if (cut == std::string_view::npos) break;
        rest.remove_prefix(cut + 1);
    }
    return fail(Fault::not_found, "there is no program " + program + " in PATH");
}

}  // namespace

Result<std::unique_ptr<Origin>> open_command(SourceOptions const& options) {
    if (options.command.empty() || options.command.front().empty())
        return fail(Fault::invalid, "source " + options.name + " has no command")
            .with_fix("command = [\"pg_dump\", \"app\"]");
    SourceOptions complete = options;
    if (complete.output_name.empty()) complete.output_name = options.name + ".out";
    PD_CHECK(data::check_component(complete.output_name));
    return std::make_unique<CommandOrigin>(std::move(complete));
}

}  // namespace perdure::origin
