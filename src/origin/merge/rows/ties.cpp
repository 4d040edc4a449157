#include "origin/merge/rows/ties.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/mapping_path.h"
#include "origin/merge/rows/references.h"

namespace perdure::origin {

std::optional<std::size_t> find_pair(Pairing const& pairing, std::string_view table) {
    for (std::size_t at = 0; at < pairing.pairs.size(); ++at) {
        if (ascii_same(pairing.pairs[at].table, table)) return at;
    }
    return std::nullopt;
}

std::string joined(std::string const& left, std::vector<std::string> const& left_columns,
                   std::string const& right, std::vector<std::string> const& right_columns) {
    std::string out;
    for (std::size_t at = 0; at < left_columns.size(); ++at) {
        out += fmt::format("{}{}.{} = {}.{}", at ? " AND " : "", left, identifier(left_columns[at]),
                           right, identifier(right_columns[at]));
    }
    return out;
}

std::string key_of(TablePair const& pair) {
    return pair.snapshot_primary.size() == 1 ? pair.snapshot_primary[0] : std::string("rowid");
}

class TieFinder {
public:
    TieFinder(Connection& connection, Pairing const& pairing, data::Mapping const& mapping)
        : connection_(connection),
          pairing_(pairing),
          mapping_(mapping),
          out_(connection, pairing) {}

    Result<Ties> run() {
        out_.identities_.resize(pairing_.pairs.size());
        for (std::size_t child = 0; child < pairing_.pairs.size(); ++child) {
            PD_CHECK(find_foreign_keys(child));
        }
        for (auto const& record : mapping_.records) {
            auto const at = find_pair(pairing_, record.table);
            if (!at) continue;
            for (auto const& [role, text] : record.fields) {
                auto const path = data::parse_mapping_path(text);
                if (path) add_mapped(*at, record.type, *path);
            }
        }
        if (mapping_.subjects) add_people(*mapping_.subjects);
        for (std::size_t at = 0; at < pairing_.pairs.size(); ++at) complete_identity(at);
        return std::move(out_);
    }

private:
    Result<void> find_foreign_keys(std::size_t child) {
        auto const& table = pairing_.pairs[child].table;
        PD_TRY(auto references, references_of(connection_, "snap", table));
        for (auto& reference : references) {
            auto const parent = find_pair(pairing_, reference.parent);
            if (!parent || reference.to.size() != reference.from.size()) continue;
            Tie tie;
            tie.child = child;
            tie.parent = *parent;
            tie.declared = true;
            tie.text = fmt::format("{}.{} refers to it", table, fmt::join(reference.from, "+"));
            tie.child_columns = std::move(reference.from);
            tie.parent_columns = std::move(reference.to);
            out_.ties_.push_back(std::move(tie));
        }
        return {};
    }

    void refer(std::size_t child, std::string const& column, std::size_t parent, bool decides) {
        out_.ties_.push_back(
            {.child = child,
             .parent = parent,
             .child_columns = {column},
             .parent_columns = {key_of(pairing_.pairs[parent])},
             .text = fmt::format("{}.{} refers to it", pairing_.pairs[child].table, column),
             .belongs = false,
             .decides = decides});
    }

    void belong(std::size_t child, std::string const& column, std::size_t record,
                std::string const& type) {
        out_.ties_.push_back({.child = child,
                              .parent = record,
                              .child_columns = {column},
                              .parent_columns = {key_of(pairing_.pairs[record])},
                              .text = fmt::format("belongs to a selected {}", type),
                              .belongs = true,
                              .decides = true});
    }

    void add_mapped(std::size_t record, std::string const& type, data::MappingPath const& path) {
        using Kind = data::MappingPath::Kind;
        auto const there = find_pair(pairing_, path.table);
        if (path.kind == Kind::lookup && there) {
            refer(record, path.column, *there, false);
            identify(*there, path.value);
        } else if (path.kind == Kind::children && there) {
            belong(*there, path.children_key, record, type);
        } else if (path.kind == Kind::link) {
            auto const link = find_pair(pairing_, path.link_table);
            if (!link) return;
            belong(*link, path.link_here, record, type);
            if (!there) return;
            refer(*link, path.link_there, *there, true);
            identify(*there, path.value);
        }
    }

    void add_people(data::SubjectMapping const& subjects) {
        auto const people = find_pair(pairing_, subjects.table);
        if (!people) return;
        for (auto const& [table, rule] : subjects.owners) {
            auto const child = find_pair(pairing_, table);
            bool const goes_on = rule.find("->") != rule.npos;
            if (child && !goes_on) refer(*child, rule, *people, true);
        }
        for (auto& tie : out_.ties_) {
            if (tie.parent == *people && !tie.belongs) tie.decides = true;
        }
        auto& identity = out_.identities_[*people];
        identity = {.person = true, .columns = {}};
        identify(*people, subjects.email);
        identify(*people, subjects.label);
    }

    void identify(std::size_t at, std::string const& column) {
        auto& known = out_.identities_[at].columns;
        for (auto const& pair : pairing_.pairs[at].columns) {
            bool const again = std::ranges::any_of(
                known, [&](auto const& each) { return ascii_same(each.snapshot, column); });
            if (ascii_same(pair.snapshot, column) && !again) known.push_back(pair);
        }
    }

    /// Without a word of the mapping: the title, what must be unique, or all there is.
    void complete_identity(std::size_t at) {
        auto const& pair = pairing_.pairs[at];
        auto& identity = out_.identities_[at];
        if (identity.columns.empty() && !identity.person && !pair.title.empty()) {
            identify(at, pair.title);
        }
        for (auto const& unique : pair.uniques) {
            if (!identity.columns.empty()) break;
            if (!unique.is_plain() || unique.primary) continue;
            for (auto const& name : unique.columns()) {
                for (auto const& column : pair.columns) {
                    if (ascii_same(column.target, name)) identity.columns.push_back(column);
                }
            }
        }
        if (identity.columns.empty()) {
            identity.person = false;  // all columns must agree then
            identity.columns = pair.columns;
        }
    }

    Connection& connection_;
    Pairing const& pairing_;
    data::Mapping const& mapping_;
    Ties out_;
};

Result<Ties> Ties::find(Connection& connection, Pairing const& pairing,
                        data::Mapping const& mapping) {
    return TieFinder(connection, pairing, mapping).run();
}

std::vector<std::size_t> Ties::order() const {
    auto const count = pairing_->pairs.size();
    std::vector<std::size_t> out;
    std::vector<bool> seen(count, false);
    // Depth first without recursion: how long a chain of tables is, is the application's affair.
    std::vector<std::pair<std::size_t, std::size_t>> path;
    for (std::size_t from = 0; from < count; ++from) {
        if (seen[from]) continue;
        seen[from] = true;
        path.emplace_back(from, 0);
        while (!path.empty()) {
            auto const at = path.back().first;
            auto& next = path.back().second;
            while (next < ties_.size() && (ties_[next].child != at || seen[ties_[next].parent])) {
                ++next;
            }
            if (next == ties_.size()) {
                out.push_back(at);
                path.pop_back();
                continue;
            }
            auto const parent = ties_[next].parent;
            seen[parent] = true;
            path.emplace_back(parent, 0);
        }
    }
    return out;
}

bool Ties::is_parent(std::size_t pair) const {
    return std::ranges::any_of(ties_, [&](auto const& tie) { return tie.parent == pair; });
}

std::string Ties::is_another(std::size_t at) const {
    auto const& identity = identities_[at];
    auto const same = [](std::vector<ColumnPair> const& columns) {
        std::vector<std::string> terms;
        for (auto const& column : columns) {
            terms.push_back(fmt::format("l.{} IS s.{}", identifier(column.target),
                                        identifier(column.snapshot)));
        }
        return all_of(terms);
    };
    if (identity.columns.empty()) return "0";
    if (!identity.person) return fmt::format("(NOT ({}))", same(identity.columns));
    std::vector<std::string> agree, silent;
    for (auto const& column : identity.columns) {
        agree.push_back(fmt::format("coalesce(l.{0} = s.{1} AND s.{1} <> '', 0)",
                                    identifier(column.target), identifier(column.snapshot)));
        silent.push_back(fmt::format("coalesce(s.{}, '') = ''", identifier(column.snapshot)));
    }
    return fmt::format("(CASE WHEN {} THEN NOT ({}) ELSE NOT ({}) END)", fmt::join(silent, " AND "),
                       same(pairing_->pairs[at].columns), fmt::join(agree, " OR "));
}

bool Ties::identifies(std::size_t pair, std::string_view target_column) const {
    return std::ranges::any_of(identities_[pair].columns, [&](auto const& column) {
        return ascii_same(column.target, target_column);
    });
}

Result<void> Ties::prepare() {
    for (std::size_t at = 0; at < pairing_->pairs.size(); ++at) {
        auto const count = pairing_->pairs[at].snapshot_place("s").size();
        if (!is_parent(at) || count == 0) continue;
        std::string columns, marks;
        for (std::size_t i = 0; i < count; ++i) {
            columns += fmt::format("{}k{}", i ? ", " : "", i);
            marks += "?, ";
        }
        PD_CHECK(connection_->run(
            fmt::format("CREATE TEMP TABLE IF NOT EXISTS stays_{}({}, standing INTEGER, PRIMARY "
                        "KEY({})) WITHOUT ROWID",
                        at, columns, columns)));
        PD_TRY(notes_[at], connection_->prepare(fmt::format(
                               "INSERT OR IGNORE INTO temp.stays_{} VALUES({}?)", at, marks)));
    }
    return {};
}

Result<void> Ties::note(std::size_t at, Statement const& row, int place, unsigned standing) {
    auto const known = notes_.find(at);
    if (known == notes_.end()) return {};
    auto* insert = known->second.get();
    int const count = sqlite3_bind_parameter_count(insert);
    for (int i = 1; i < count; ++i) {
        sqlite3_bind_value(insert, i, sqlite3_column_value(row.get(), place + i - 1));
    }
    sqlite3_bind_int64(insert, count, standing);
    noted_.insert(at);
    return known->second.run();
}

std::vector<Tie const*> Ties::noted(std::size_t child) const {
    std::vector<Tie const*> out;
    for (auto const& tie : ties_) {
        bool const here = tie.child == child && tie.parent != child;
        if (here && noted_.contains(tie.parent)) out.push_back(&tie);
    }
    return out;
}

std::string Ties::from_noted(Tie const& tie) const {
    auto const& parent = pairing_->pairs[tie.parent];
    auto const place = parent.snapshot_place("p");
    std::string join;
    for (std::size_t i = 0; i < place.size(); ++i) {
        join += fmt::format("{}{} = t.k{}", i ? " AND " : "", place[i], i);
    }
    return fmt::format("{} p CROSS JOIN temp.stays_{} t ON {}", parent.snapshot_name(), tie.parent,
                       join);
}

std::string Ties::standing(Tie const& tie) const {
    return fmt::format("(SELECT t.standing FROM {} WHERE {} LIMIT 1)", from_noted(tie),
                       joined("p", tie.parent_columns, "s", tie.child_columns));
}

std::string Ties::noted_keys(Tie const& tie) const {
    return fmt::format("SELECT p.{} FROM {} WHERE t.standing & 255",
                       identifier(tie.parent_columns[0]), from_noted(tie));
}

}  // namespace perdure::origin
