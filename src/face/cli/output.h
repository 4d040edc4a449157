#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "data/stream.h"
#include "face/cli/json.h"
#include "face/cli/terminal.h"

namespace perdure::face {

struct OutputOptions {
    bool json = false, quiet = false, no_color = false;
    unsigned verbose = 0;
};

/// Where a command's words go: data to stdout, talk to stderr, or all of it as JSON Lines to
/// stdout. Threads: any.
class Output {
public:
    explicit Output(OutputOptions options);

    bool json() const { return options_.json; }
    bool quiet() const { return options_.quiet; }
    bool verbose() const { return options_.verbose > 0; }
    Style const& out_style() const { return out_style_; }
    Style const& talk_style() const { return talk_style_; }
    /// Columns of the stderr terminal; 0: none.
    unsigned talk_width() const { return talk_width_; }
    /// Of the stdout terminal.
    unsigned out_width() const { return out_width_; }

    /// A line of data on stdout (nothing with --json: the summary and events carry it).
    void line(std::string_view text = {});
    /// From now on lines wait until release(), for commands that did not end well: with --quiet
    /// nobody wants to read, every night, that all is well.
    void hold() { held_.emplace(); }
    void release();
    /// A line for the person watching, on stderr; nothing with --json or --quiet.
    void talk(std::string_view text = {});
    /// A line on stderr that --quiet does not hide; nothing with --json.
    void warn(std::string_view text);
    /// {"type": type, …} on stdout, with --json only.
    void event(std::string_view type, JsonObject const& fields);
    /// The progress line: drawn over itself on a terminal, taken away by clear().
    void draw(std::string_view text);
    void clear();
    /// The error number of what stdout did not take; 0: it took all, or nobody listens (a pipe
    /// that its reader closed, no stdout at all).
    int lost() const { return lost_; }

private:
    void write(int descriptor, std::string_view text);

    OutputOptions options_;
    Style out_style_, talk_style_;
    unsigned talk_width_ = 0, out_width_ = 0;
    std::mutex mutex_;
    std::optional<std::string> held_;
    bool drawn_ = false;
    std::atomic<int> lost_ = 0;
};

}  // namespace perdure::face
