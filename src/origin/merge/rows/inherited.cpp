#include "origin/merge/rows/inherited.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "origin/merge/rows/references.h"

namespace perdure::origin {

namespace {

struct ForeignKey {
    TableReference reference;
    std::vector<std::size_t> columns;  ///< of `from`, in the table as it is written
    Statement missing_here, missing_then, held_then;
};

/// "a = ?1 AND b = ?2": the column's own affinity and collation decide, as for the key itself.
std::string each_is(std::vector<std::string> const& columns, std::string_view compare) {
    std::string out;
    for (std::size_t at = 0; at < columns.size(); ++at) {
        out +=
            fmt::format("{}{} {} ?{}", at ? " AND " : "", identifier(columns[at]), compare, at + 1);
    }
    return out;
}

/// "?1 IS NOT NULL AND ?2 IS NOT NULL": a reference that is not whole refers to nothing.
std::string is_whole(std::size_t columns) {
    std::string out;
    for (std::size_t at = 1; at <= columns; ++at) {
        out += fmt::format("{}?{} IS NOT NULL", at > 1 ? " AND " : "", at);
    }
    return out;
}

Result<bool> prepare(Connection& connection, std::string const& table, ForeignKey& key) {
    for (auto const* schema : {"main", "snap"}) {
        PD_TRY(auto const there, connection.integer(fmt::format(
                                     "SELECT count(*) FROM {}.sqlite_schema WHERE type = 'table' "
                                     "AND lower(name) = lower({})",
                                     schema, literal(key.reference.parent))));
        auto& missing = schema == std::string_view("main") ? key.missing_here : key.missing_then;
        // All that refers to a table that is not there points to nothing.
        auto const held = there == 0 ? "0"
                                     : fmt::format("EXISTS (SELECT 1 FROM {}.{} WHERE {})", schema,
                                                   identifier(key.reference.parent),
                                                   each_is(key.reference.to, "="));
        auto made = connection.prepare(
            fmt::format("SELECT 1 WHERE {} AND NOT {}", is_whole(key.reference.from.size()), held));
        if (!made) return false;  // the snapshot's schema is another one
        missing = std::move(*made);
    }
    auto held =
        connection.prepare(fmt::format("SELECT 1 FROM snap.{} WHERE {} LIMIT 1", identifier(table),
                                       each_is(key.reference.from, "IS")));
    if (!held) return false;
    key.held_then = std::move(*held);
    return true;
}

Result<std::vector<ForeignKey>> keys_of(Connection& connection, WriteTable const& table) {
    PD_TRY(auto references, references_of(connection, "main", table.name));
    std::vector<ForeignKey> out;
    for (auto& reference : references) {
        ForeignKey key;
        key.reference = std::move(reference);
        for (auto const& name : key.reference.from) {
            auto const at = std::ranges::find_if(
                table.columns, [&](auto const& column) { return ascii_same(column, name); });
            if (at == table.columns.end()) break;
            key.columns.push_back(static_cast<std::size_t>(at - table.columns.begin()));
        }
        // One of them may be computed.
        if (key.columns.size() != key.reference.from.size()) continue;
        PD_TRY(bool const usable, prepare(connection, table.name, key));
        if (usable) out.push_back(std::move(key));
    }
    return out;
}

class Counting {
public:
    Counting(unsigned char encoding, std::size_t columns)
        : encoding_(encoding), columns_(columns) {}

    Result<bool> inherited(ForeignKey& key, Change const& change) {
        PD_TRY(bool const here, ask(key, key.missing_here, *change.after));
        if (!here) return false;
        if (change.before) {
            PD_TRY(bool const before, ask(key, key.missing_here, *change.before));
            if (before) return false;
        }
        PD_TRY(bool const then, ask(key, key.missing_then, *change.after));
        if (!then) return false;
        return ask(key, key.held_then, *change.after);
    }

private:
    Result<bool> ask(ForeignKey const& key, Statement& question, StoredImage const& image) {
        PD_TRY(auto const values, split_values(image.values, columns_));
        ValueBinder binder(encoding_);
        for (std::size_t at = 0; at < key.columns.size(); ++at) {
            Decoder in(values[key.columns[at]]);
            PD_CHECK(binder.bind(in, question.get(), static_cast<int>(at) + 1));
        }
        PD_TRY(bool const yes, question.step());
        question.reset();
        return yes;
    }

    unsigned char encoding_;
    std::size_t columns_;
};

}  // namespace

Result<std::uint64_t> count_inherited(Connection& connection, ChangeList& changes,
                                      std::string const& table, std::stop_token stop) {
    auto const at = std::ranges::find(changes.tables(), table, &WriteTable::name);
    if (at == changes.tables().end()) return 0;
    PD_TRY(auto keys, keys_of(connection, *at));
    if (keys.empty()) return 0;
    PD_TRY(auto const encoding, connection.text("PRAGMA main.encoding"));
    Counting counting(encoding_code(encoding), at->columns.size());
    auto const number = static_cast<std::size_t>(at - changes.tables().begin());
    std::uint64_t count = 0;
    PD_CHECK(changes.each(
        [&](Change const& change) -> Result<void> {
            if (change.table != number || !change.after) return {};
            for (auto& key : keys) {
                PD_TRY(bool const inherited, counting.inherited(key, change));
                count += inherited ? 1 : 0;
            }
            return {};
        },
        stop));
    return count;
}

}  // namespace perdure::origin
