#pragma once

#include <vector>

#include "data/stream.h"

namespace perdure::repository {

/// What a source could not give. All are counted; by name go no more into a snapshot than whoever
/// lists snapshots can bear to read.
class Problems {
public:
    void add(data::Problem problem) {
        std::size_t const bytes = problem.path.size() + problem.reason.size();
        ++total_;
        if (named_.size() == named_max || bytes > bytes_max - bytes_) return;
        bytes_ += bytes;
        named_.push_back(std::move(problem));
    }
    void add(Problems more) {
        total_ += more.total_ - more.named_.size();
        for (data::Problem& problem : more.named_) add(std::move(problem));
    }
    std::uint64_t total() const { return total_; }
    std::vector<data::Problem> take_named() { return std::move(named_); }

private:
    static constexpr std::size_t named_max = 1000, bytes_max = 1u << 20;

    std::vector<data::Problem> named_;
    std::uint64_t total_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace perdure::repository
