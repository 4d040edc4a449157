#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::system {

struct Command {
    std::vector<std::string> argv;         ///< argv[0] is looked up in PATH; no shell
    std::vector<std::string> environment;  ///< NAME=value, added to ours
    std::string working_folder;
    Bytes standard_input;
    /// It is ended when we are, even by SIGKILL (see start_bound).
    bool ends_with_us = false;
    /// It may start programs that go on after it with its output: they keep nobody waiting. Nobody
    /// gets its output then, and of its errors the first 64 KiB are kept.
    bool leaves_others = false;
};

struct Exit {
    int status = 0;              ///< exit status, or 128 + signal
    std::string standard_error;  ///< its last 64 KiB
};

/// Runs a program in its own process group and streams its output to `on_output`.
/// A stop kills the group. A non-zero status is not an error here: the caller reads Exit.
/// Fails: not_found (no such program), cancelled, or what on_output returned.
Result<Exit> run(Command command, std::function<Result<void>(ByteView)> on_output,
                 std::stop_token stop);

}  // namespace perdure::system
