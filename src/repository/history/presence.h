#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace perdure::repository {

/// Sets of snapshots, numbered from 0, oldest first. Most things share few sets, so each is kept
/// once and named by a number. Threads: one.
class PresenceSets {
public:
    using Id = std::uint32_t;
    explicit PresenceSets(std::size_t snapshots) : snapshots_(snapshots) {}

    std::size_t snapshots() const { return snapshots_; }
    Id only(std::size_t snapshot);
    Id of(std::vector<bool> const& members);
    Id unite(Id a, Id b);
    std::vector<bool> const& members(Id id) const { return sets_[id]; }
    std::size_t first(Id id) const;
    std::size_t last(Id id) const;
    std::size_t count(Id id) const;

private:
    std::size_t snapshots_;
    std::vector<std::vector<bool>> sets_;
    std::map<std::vector<bool>, Id> by_members_;
    std::map<std::pair<Id, Id>, Id> united_;
};

}  // namespace perdure::repository
