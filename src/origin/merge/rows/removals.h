#pragma once

#include <set>
#include <string>
#include <vector>

#include "data/conflict.h"
#include "origin/merge/change.h"
#include "origin/merge/rows/references.h"
#include "origin/merge/scope.h"

namespace perdure::origin {

/// --delete against foreign keys: a row that the snapshot lacks can only go if no row that stays
/// refers to it, or the database would refuse everything.
///
/// A row stays when the snapshot has it (unless it is overwritten with one that refers to something
/// else), when it is out of reach of --delete, or because of a row that stays and refers to it.
/// That is found before anything is compared, since it decides what else can be written; so of a
/// row that a strategy may or may not replace it is taken that it stays. Threads: one.
class Removals {
public:
    struct Request {
        bool remove = false;
        data::Strategy strategy = data::Strategy::keep_newer;
        std::string source;  ///< name of it, for the names of records
    };
    static Result<Removals> find(Connection& connection, Pairing const& pairing, Scope const& scope,
                                 ChangeList const& changes, Request const& request);

    /// SQL over the target's row `l`: it would go, and has to stay.
    std::string stays(std::size_t pair) const;
    /// Which row it has to stay for, "app:notes/7"; `place`: the first column of `row` that locates
    /// it in the target.
    Result<std::string> stays_for(std::size_t pair, Statement const& row, int place);

private:
    friend class RemovalFinder;
    /// A foreign key to a table that may lose rows.
    struct Link {
        std::string table;                 ///< the child, in the target
        std::optional<std::size_t> child;  ///< its pair
        std::size_t parent = 0;
        TableReference reference;
        std::vector<std::string> place;  ///< of the child's row `l`
        std::vector<std::string> key;    ///< the same, for people
    };
    Connection* connection_ = nullptr;
    Pairing const* pairing_ = nullptr;
    std::string source_;
    std::vector<Link> links_;
    std::set<std::size_t> held_;             ///< pairs of which rows have to stay
    std::map<std::size_t, Statement> asks_;  ///< by pair: the held row of a place
};

}  // namespace perdure::origin
