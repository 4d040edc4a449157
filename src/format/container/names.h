#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "format/disk_tree.h"

namespace perdure::format {

/// The names given so far: 64 bits a name in memory, the rest in a spool, from which a resume reads
/// them again.
class GivenNames {
public:
    explicit GivenNames(std::unique_ptr<Spool> spool) : spool_(std::move(spool)) {}
    /// Takes up what the spool holds.
    Result<void> recall();
    /// False: it was given before.
    Result<bool> give(std::string const& name);
    std::uint64_t count() const { return seen_.size(); }

private:
    std::unique_ptr<Spool> spool_;
    std::unordered_set<std::uint64_t> seen_;
};

}  // namespace perdure::format
