// Of each table that rows refer to, temp.goes_N holds the rows that only the target has and
// --delete reaches; temp.held_N those among them that have to stay, each with the row that it stays
// for. They are found in rounds: first what rows refer to that stay anyway, then what the held ones
// refer to.
#include "origin/merge/rows/removals.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "origin/merge/clash.h"
#include "origin/merge/rows/ties.h"

namespace perdure::origin {

namespace {

/// "g.k0 = l.rowid AND …".
std::string at_place(std::string const& alias, std::vector<std::string> const& place) {
    std::string out;
    for (std::size_t i = 0; i < place.size(); ++i) {
        out += fmt::format("{}{}.k{} = {}", i ? " AND " : "", alias, i, place[i]);
    }
    return out;
}

std::string numbered(char const* prefix, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += fmt::format("{}{}{}", i ? ", " : "", prefix, i);
    return out;
}

}  // namespace

class RemovalFinder {
public:
    RemovalFinder(Connection& connection, Pairing const& pairing, Scope const& scope,
                  ChangeList const& changes, Removals::Request const& request)
        : connection_(connection),
          pairing_(pairing),
          scope_(scope),
          changes_(changes),
          request_(request) {
        out_.connection_ = &connection;
        out_.pairing_ = &pairing;
        out_.source_ = request.source;
    }

    Result<Removals> run() {
        if (!request_.remove) return std::move(out_);
        for (auto const& table : changes_.tables()) PD_CHECK(find_links(table));
        for (auto const& link : out_.links_) {
            PD_CHECK(match_values(connection_, pairing_.pairs[link.parent]));
            if (link.child) PD_CHECK(match_values(connection_, pairing_.pairs[*link.child]));
            if (!parents_.contains(link.parent)) PD_CHECK(list_what_goes(link.parent));
        }
        std::erase_if(out_.links_, [&](auto const& link) { return !parents_[link.parent]; });
        for (auto const& link : out_.links_) keys_max_ = std::max(keys_max_, link.key.size());
        for (auto const& [parent, rows] : parents_) {
            if (rows > 0) PD_CHECK(make_held(parent));
        }
        for (std::int64_t round = 0;; ++round) {
            std::int64_t added = 0;
            for (std::size_t at = 0; at < out_.links_.size(); ++at) {
                PD_TRY(auto const more, hold(at, round));
                added += more;
            }
            if (added == 0) return std::move(out_);
        }
    }

private:
    /// Whether --delete can take rows of it away.
    bool may_lose(std::size_t at) const {
        auto const& pair = pairing_.pairs[at];
        return scope_.selected(at) && pair.refused.empty() && pair.opaque.empty() &&
               !pair.key.empty() && scope_.removable(at) != "0";
    }

    Result<void> find_links(WriteTable const& table) {
        PD_TRY(auto references, references_of(connection_, "main", table.name));
        for (auto& reference : references) {
            auto const parent = find_pair(pairing_, reference.parent);
            if (!parent || !may_lose(*parent)) continue;
            if (reference.to.size() != reference.from.size()) continue;  // a mistake: it binds none
            Removals::Link link{.table = table.name,
                                .child = find_pair(pairing_, table.name),
                                .parent = *parent,
                                .reference = std::move(reference),
                                .place = {},
                                .key = {}};
            if (!table.rowid.empty()) link.place = {"l." + identifier(table.rowid)};
            for (auto const at : table.primary) {
                if (table.rowid.empty()) link.place.push_back("l." + identifier(table.columns[at]));
            }
            link.key = link.child ? pairing_.pairs[*link.child].target_key("l") : link.place;
            out_.links_.push_back(std::move(link));
        }
        return {};
    }

    std::string candidates(std::size_t at) const {
        return fmt::format("(({}) AND NOT ({}))", scope_.removable(at),
                           pairing_.pairs[at].in_snapshot("l"));
    }

    Result<void> make(std::string const& name, TablePair const& pair, std::string const& more) {
        bool const rowid = !pair.target_rowid.empty();
        auto const keys = numbered("k", pair.target_place("l").size());
        return connection_.run(fmt::format("CREATE TEMP TABLE {}({}{}, PRIMARY KEY({})){}", name,
                                           rowid ? "k0 INTEGER" : keys, more, keys,
                                           rowid ? "" : " WITHOUT ROWID"));
    }

    Result<void> list_what_goes(std::size_t at) {
        auto const& pair = pairing_.pairs[at];
        auto const name = fmt::format("goes_{}", at);
        PD_CHECK(make(name, pair, ""));
        PD_CHECK(connection_.run(fmt::format("INSERT INTO temp.{} SELECT {} FROM {} l WHERE {}",
                                             name, fmt::join(pair.target_place("l"), ", "),
                                             pair.target_name(), candidates(at))));
        parents_[at] = sqlite3_changes64(connection_.get());
        return {};
    }

    Result<void> make_held(std::size_t at) {
        PD_CHECK(make(fmt::format("held_{}", at), pairing_.pairs[at],
                      ", round INTEGER, link INTEGER, " + numbered("c", keys_max_)));
        return connection_.run(
            fmt::format("CREATE INDEX temp.held_round_{0} ON held_{0}(round)", at));
    }

    /// SQL over the child's row `l`, each: it goes itself, or is overwritten with one that refers
    /// to something else.
    std::vector<std::string> goes(Removals::Link const& link) const {
        if (!link.child) return {};
        auto const at = *link.child;
        auto const& pair = pairing_.pairs[at];
        std::vector<std::string> ways;
        if (auto const known = parents_.find(at); known != parents_.end()) {
            ways.push_back(fmt::format("EXISTS(SELECT 1 FROM temp.goes_{} g WHERE {})", at,
                                       at_place("g", link.place)));
        } else if (may_lose(at)) {
            ways.push_back(candidates(at));
        }
        bool const overwritten = request_.strategy == data::Strategy::overwrite &&
                                 pair.refused.empty() && pair.opaque.empty() && !pair.key.empty();
        std::vector<std::string> same;
        for (auto const& name : link.reference.from) {
            auto const column = std::ranges::find_if(
                pair.columns, [&](auto const& each) { return ascii_same(each.target, name); });
            if (column == pair.columns.end()) continue;
            same.push_back(fmt::format("s.{} IS l.{}", identifier(column->snapshot),
                                       identifier(column->target)));
        }
        if (overwritten && !same.empty()) {
            ways.push_back(fmt::format("(EXISTS(SELECT 1 FROM {} s WHERE {} AND NOT ({})) AND {})",
                                       pair.snapshot_name(), pair.same_row("s", "l"), all_of(same),
                                       scope_.chosen(at, pair)));
        }
        return ways;
    }

    /// How many rows more have to stay, for rows that were found to do so in the round before.
    Result<std::int64_t> hold(std::size_t number, std::int64_t round) {
        auto const& link = out_.links_[number];
        auto const& parent = pairing_.pairs[link.parent];
        std::string from, where;
        if (round == 0) {
            from = fmt::format("main.{} l", identifier(link.table));
            // Asked last: of the rows that refer to what goes, not of all.
            where = "CASE WHEN g.k0 IS NULL THEN 0";
            for (auto const& way : goes(link)) where += fmt::format(" WHEN {} THEN 0", way);
            where += " ELSE 1 END";
        } else {
            if (!link.child || !out_.held_.contains(*link.child)) return 0;
            from = fmt::format("temp.held_{} h CROSS JOIN main.{} l ON {}", *link.child,
                               identifier(link.table), at_place("h", link.place));
            where = fmt::format("h.round = {}", round - 1);
        }
        auto keys = link.key;
        keys.resize(keys_max_, "NULL");
        auto insert = connection_.prepare(fmt::format(
            "INSERT OR IGNORE INTO temp.held_{} SELECT {}, {}, {}, {} FROM {} CROSS JOIN {} p ON "
            "{} CROSS JOIN temp.goes_{} g ON {} WHERE {}",
            link.parent, fmt::join(parent.target_place("p"), ", "), round, number,
            fmt::join(keys, ", "), from, parent.target_name(),
            joined("p", link.reference.to, "l", link.reference.from), link.parent,
            at_place("g", parent.target_place("p")), where));
        if (!insert) return 0;  // it names no key of its parent: SQLite does not look at it either
        PD_CHECK(insert->run());
        auto const added = sqlite3_changes64(connection_.get());
        if (added > 0) out_.held_.insert(link.parent);
        return added;
    }

    Connection& connection_;
    Pairing const& pairing_;
    Scope const& scope_;
    ChangeList const& changes_;
    Removals::Request const& request_;
    Removals out_;
    std::map<std::size_t, std::int64_t> parents_;  ///< pairs, with how many rows may go
    std::size_t keys_max_ = 0;
};

Result<Removals> Removals::find(Connection& connection, Pairing const& pairing, Scope const& scope,
                                ChangeList const& changes, Request const& request) {
    return RemovalFinder(connection, pairing, scope, changes, request).run();
}

std::string Removals::stays(std::size_t pair) const {
    if (!held_.contains(pair)) return "0";
    return fmt::format("EXISTS(SELECT 1 FROM temp.held_{} h WHERE {})", pair,
                       at_place("h", pairing_->pairs[pair].target_place("l")));
}

Result<std::string> Removals::stays_for(std::size_t pair, Statement const& row, int place) {
    auto const count = pairing_->pairs[pair].target_place("l").size();
    auto& held = asks_[pair];
    if (!held) {
        std::vector<std::string> own;
        for (std::size_t i = 0; i < count; ++i) own.push_back(fmt::format("?{}", i + 1));
        PD_TRY(held, connection_->prepare(fmt::format("SELECT * FROM temp.held_{} h WHERE {}", pair,
                                                      at_place("h", own))));
    }
    for (std::size_t i = 0; i < count; ++i) {
        auto const column = place + static_cast<int>(i);
        sqlite3_bind_value(held.get(), static_cast<int>(i) + 1,
                           sqlite3_column_value(row.get(), column));
    }
    PD_TRY(bool const found, held.step());
    std::string out;
    if (found) {
        auto const at = static_cast<int>(count);
        auto const& link = links_[static_cast<std::size_t>(held.integer(at + 1))];
        std::vector<int> key;
        for (std::size_t i = 0; i < link.key.size(); ++i) {
            key.push_back(at + 2 + static_cast<int>(i));
        }
        auto const& type = link.child ? pairing_->pairs[*link.child].type : link.table;
        out = data::spell_record(source_, type, key_text(held, key));
    }
    held.reset();
    return out;
}

}  // namespace perdure::origin
