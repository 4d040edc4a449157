#pragma once

#include <map>
#include <memory>
#include <vector>

#include "origin/origin.h"

namespace perdure::origin {

/// Puts media files back through a TreeTarget, although they come in any order: folders are made
/// when a name below them comes, links and the folders' own metadata wait for finish().
class MediaTarget {
public:
    explicit MediaTarget(TargetOptions options) : options_(std::move(options)) {}
    Result<void> add(data::Entry const& entry, std::string const& path, data::ByteSource& content);
    Result<void> finish();
    std::vector<data::Problem> take_problems();

private:
    Result<void> make_folder(std::string const& path);

    TargetOptions options_;
    std::unique_ptr<data::TreeTarget> tree_;      ///< opened by the first file
    std::map<std::string, data::Entry> folders_;  ///< made so far
    std::vector<std::pair<std::string, data::Entry>> others_;
};

}  // namespace perdure::origin
