#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/entry.h"

namespace perdure::job {

/// How owners of one machine become owners of another. A user or group is found by its rule, else
/// by its name when the snapshot knows the name and this machine has it too (root stays 0), else
/// its number stays. Threads: apply from any.
class OwnerMap {
public:
    struct Options {
        /// "OLD=NEW", names or numbers: a user; ":OLD=:NEW": a group; "OLD:GROUP=NEW:GROUP": both.
        std::vector<std::string> rules;
        bool by_name = true;  ///< false: without a rule, numbers stay
    };
    /// Fails: invalid (PD-0002: a rule that cannot be read, or a NEW that this machine lacks).
    static Result<OwnerMap> create(Options const& options);
    OwnerMap() : OwnerMap(Options{}) {}
    OwnerMap(OwnerMap&& other) noexcept;

    /// Sets the numbers that the entry gets here, and the names that belong to them.
    void apply(data::Entry& entry) const;

private:
    explicit OwnerMap(Options const& options) : by_name_(options.by_name) {}
    struct Rule {
        std::string old_name;
        std::uint32_t number = 0;
        std::string name;
    };
    bool by_name_ = true;
    std::vector<Rule> users_, groups_;
    mutable std::mutex mutex_;
    /// Answers of the name service: name → number here.
    mutable std::map<std::string, std::optional<std::uint32_t>> known_users_, known_groups_;
};

}  // namespace perdure::job
