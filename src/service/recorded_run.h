#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "data/stream.h"
#include "service/workspace.h"

namespace perdure::service {

/// Writes one run into the log: its start now, its end by done() or failed(), and by the destructor
/// (as failed) where neither was called. Without a log it does nothing.
class RecordedRun {
public:
    RecordedRun(Workspace& workspace, std::string verb, std::vector<std::string> sources);
    ~RecordedRun();
    RecordedRun(RecordedRun const&) = delete;
    RecordedRun& operator=(RecordedRun const&) = delete;

    catalog::Run& run() { return run_; }
    /// What was handed on and its SHA-256, for the custody log: backups, restores and exports that
    /// ended well are entered there.
    void evidence(std::string what, std::string sha256) {
        evidence_.emplace_back(std::move(what), std::move(sha256));
    }
    /// Any problem makes it partial. Of those inside a source that has people only the number is
    /// kept: paths of media and keys of rows name them, and would outlive their erasure.
    /// `unnamed`: further problems, of which only the number is known.
    void done(std::vector<data::Problem> const& problems, std::string sentence,
              std::uint64_t unnamed = 0);
    /// It ended well, and nobody knows more for it: partial, without a problem.
    void proved_nothing(std::string sentence);
    /// Records the error and hands it back.
    Error failed(Error error);
    double elapsed_s() const;

private:
    void finish();
    void enter_custody();
    bool may_be_kept(data::Problem const& problem) const;
    Workspace& workspace_;
    catalog::Run run_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    bool finished_ = false;
    std::vector<std::pair<std::string, std::string>> evidence_;
};

}  // namespace perdure::service
