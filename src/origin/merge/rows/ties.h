#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/mapping.h"
#include "origin/merge/pair.h"

namespace perdure::origin {

/// Rows of `child` whose columns name a row of `parent`; both are positions of pairs.
struct Tie {
    std::size_t child = 0, parent = 0;
    std::vector<std::string> child_columns, parent_columns;  ///< of the snapshot
    std::string text;      ///< "memories.owner refers to it", "belongs to a selected memory"
    bool belongs = false;  ///< the child is a part of the parent, by the mapping
    /// A row whose parent is another one by now would say something else: it is not written. So for
    /// rows of a person, and for rows that do nothing but link.
    bool decides = false;
    bool declared = false;  ///< a foreign key: the database refuses a child without its parent
};

/// How the rows of a database hang together, and what became of those that others hang on.
///
/// A number is no name: where a database gives the number of a deleted row to the next one, a row
/// that comes back would hang on a stranger. So rows that share a key are compared by what makes
/// them what they are: a person by email or label, what a mapping shows of another table by that
/// column, everything else by its title, its unique columns, or all of them.
/// Threads: one.
class Ties {
public:
    static Result<Ties> find(Connection& connection, Pairing const& pairing,
                             data::Mapping const& mapping);

    std::vector<Tie> const& all() const { return ties_; }
    /// All pairs, those that others hang on first, as far as there is such an order.
    std::vector<std::size_t> order() const;
    /// Whether rows of other tables refer to rows of this one, or belong to them.
    bool is_parent(std::size_t pair) const;
    bool is_person(std::size_t pair) const { return identities_[pair].person; }
    /// SQL over the snapshot's row `s` and the target's row `l` of one key: it is another one.
    std::string is_another(std::size_t pair) const;
    /// Columns of the target that is_another looks at.
    bool identifies(std::size_t pair, std::string_view target_column) const;

    /// What a row of the snapshot that is not written leaves to those that hang on it.
    enum Standing : unsigned {
        stays = 1,
        another = 2,  ///< what is there under its key is another one
        absent = 4,   ///< there is nothing under its key
        held = 8,     ///< and that because of what it hangs on itself
        barred = 16,  ///< there is nothing, and nothing may be put there
    };
    /// As the plan has it, and as it is done: a person may decide otherwise for single records.
    static unsigned both(unsigned planned, unsigned in_fact) { return planned | in_fact << 8u; }
    static unsigned planned(unsigned both) { return both & 0xffu; }
    static unsigned in_fact(unsigned both) { return both >> 8u; }
    /// Makes room for notes; before any row is read, since tables cannot be made meanwhile.
    Result<void> prepare();
    /// `place`: the first column of what locates the row (TablePair::snapshot_place).
    Result<void> note(std::size_t pair, Statement const& row, int place, unsigned standing);
    /// Ties of `child` to other tables of which rows were noted.
    std::vector<Tie const*> noted(std::size_t child) const;
    /// SQL: both() of what the snapshot's row `s` hangs on; NULL: nothing was noted of it.
    std::string standing(Tie const& tie) const;
    /// SQL: the keys of rows that stay by the plan, as the children name them.
    std::string noted_keys(Tie const& tie) const;

private:
    friend class TieFinder;
    struct Identity {
        bool person = false;
        std::vector<ColumnPair> columns;
    };
    Ties(Connection& connection, Pairing const& pairing)
        : connection_(&connection), pairing_(&pairing) {}
    std::string from_noted(Tie const& tie) const;

    Connection* connection_;
    Pairing const* pairing_;
    std::vector<Tie> ties_;
    std::vector<Identity> identities_;        ///< by pair
    std::set<std::size_t> noted_;             ///< pairs of which rows were noted
    std::map<std::size_t, Statement> notes_;  ///< by pair: inserts into temp.stays_N
};

/// The column of a table that others name its rows by.
std::string key_of(TablePair const& pair);
std::optional<std::size_t> find_pair(Pairing const& pairing, std::string_view table);
/// "left.a = right.x AND …".
std::string joined(std::string const& left, std::vector<std::string> const& left_columns,
                   std::string const& right, std::vector<std::string> const& right_columns);

}  // namespace perdure::origin
