#pragma once

#include <optional>

#include "data/mapping.h"
#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// Leads each row to the person it is about: through the owners that the mapping names, else along
/// the shortest path of declared foreign keys to the table of subjects. Of several equally short
/// ones the column that sounds like an owner wins, else the one declared first. A row whose path
/// ends in NULL is nobody's, and so is one whose path breaks off at a missing row, unless it names
/// the missing person itself.
class Routing {
public:
    /// Everything is nobody's.
    Routing() = default;
    /// May create temporary tables in `connection`, for parents that no index can look up.
    /// Fails: invalid (the mapping names a table or column that does not exist).
    static Result<Routing> build(Connection& connection, Layout const& layout,
                                 data::SubjectMapping const& mapping);

    /// SQL that yields the key of the subject of the row that `alias` stands for, or NULL;
    /// empty: all rows of the table are nobody's.
    std::string expression(std::size_t table, std::string const& alias) const;
    bool leads_to_person(std::size_t table) const {
        return table < routes_.size() && routes_[table].has_value();
    }
    /// How many foreign keys lie between the table and the person; 0 for the subjects themselves.
    std::size_t distance(std::size_t table) const { return routes_[table]->distance; }

    /// Where a table's rows lead to people by several columns, of themselves or over other tables,
    /// and nothing but names and distance said which of them owns the rows.
    struct Choice {
        /// A column, and how `subjects.owners` would name it: "user_id", "device_id -> devices".
        struct Way {
            std::string column, rule;
        };
        Way chosen;
        std::vector<Way> others;  ///< what it was chosen from; empty: no choice
    };
    Choice const& choice(std::size_t table) const { return choices_[table]; }
    /// SQL: 1 for a row of `alias` that names nobody in the chosen column and leads to somebody by
    /// another one; "0" where there is no choice.
    std::string unclaimed(std::size_t table, std::string const& alias) const;

private:
    struct Join {
        std::string column, parent_column;
    };
    struct Hop {
        std::size_t parent = 0;
        std::vector<Join> joins;
        std::string map;  ///< temporary table (k, s) instead of the parent itself
    };
    struct Route {
        std::size_t distance = 0;
        std::optional<Hop> hop;  ///< empty: the table of subjects
    };
    struct Graph;
    std::string walk(std::size_t table, std::string const& alias, int depth) const;
    std::string walk(Hop const& hop, std::string const& alias, int depth) const;
    Result<void> add_map(Connection& connection, Hop& hop, std::size_t number);

    Result<void> note_choice(Connection& connection, Layout const& layout,
                             std::vector<Hop> const& edges, std::size_t table);

    std::vector<std::optional<Route>> routes_;  ///< by position of the table
    std::vector<Choice> choices_;               ///< likewise
    std::vector<std::vector<Hop>> other_ways_;  ///< of the choices' others
    std::vector<std::string> names_;
    std::string key_;
};

/// How much a column's name sounds like "this row belongs to": 0 not at all, more is better.
int owner_likeness(std::string_view column);

/// The position of a table by its name in any case.
std::optional<std::size_t> find_table(Layout const& layout, std::string_view name);
std::optional<std::size_t> find_column(data::TableSchema const& table, std::string_view name);

}  // namespace perdure::origin
