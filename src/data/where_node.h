#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "data/where.h"

namespace perdure::data {

using WhereLiteral = std::variant<Null, std::int64_t, double, std::string>;

/// One node of a parsed condition.
struct Where::Node {
    enum class Kind { both, either, negation, comparison, is_null, like, one_of, contains } kind;
    std::shared_ptr<Node const> left, right;
    std::string field, sign;
    std::vector<WhereLiteral> values;
};

/// Fails: invalid, with the place in the text (also past 64 KiB, or 64 levels).
Result<std::shared_ptr<Where::Node const>> parse_where_tree(std::string const& text);

}  // namespace perdure::data
