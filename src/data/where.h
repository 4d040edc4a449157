#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/record.h"

namespace perdure::data {

/// A condition on records, as people write it:
///   category = 'travel' and (rating >= 4 or title like '%Alps%') and not tags contains 'draft'
///   created >= 2024-01-01 and email is not null and project in ('a', 'b')
/// Names are roles (title, body, project, category, collection, subject, created, updated, tags,
/// id, type) or columns; "in quotes" where they hold signs. Texts compare bytewise, numbers by
/// value, created and updated as instants. A comparison with NULL is false. Immutable. Threads:
/// any.
class Where {
public:
    /// Fails: invalid, telling where and what was expected; also past 64 levels or 64 KiB.
    static Result<Where> parse(std::string const& text);
    /// Fails: invalid, naming the unknown fields and the known ones.
    Result<void> check(std::vector<RecordType> const& types) const;
    bool matches(Record const& record) const;
    /// The names that the condition asks for, as they were written.
    std::vector<std::string> fields() const;

    struct Node;

private:
    explicit Where(std::shared_ptr<Node const> root) : root_(std::move(root)) {}
    std::shared_ptr<Node const> root_;
};

/// What to take of a source's records; everything that is set must hold.
struct RecordFilter {
    std::vector<std::string> types, projects, categories, collections, tags, subjects, ids;
    std::optional<Timestamp> since, until;  ///< of created; since ≤ created < until
    std::optional<Where> where;

    bool empty() const;
    bool matches(Record const& record) const;
    /// One condition a line, for people and manifests.
    std::vector<std::string> describe() const;
    std::string where_text;  ///< as it was written
};

}  // namespace perdure::data
