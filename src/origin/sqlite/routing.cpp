// Problem: say of every row of any application whose it is, in SQL that runs once a row, so that
// this person's key seals it: a row that is taken for nobody's outlives every erasure.
//
// 1. A row is one person's or nobody's, never two people's.
// 2. The same row leads to the same person in every backup: ways depend on the schema and the
//    mapping alone, never on values but those of the row and its parents.
// 3. What the mapping says of a table stands in place of all its foreign keys.
// 4. No index is searched whose order only the application knows. What such an index, or none,
//    would have to find by one column is looked up in a temporary table.
//
// Chosen: breadth first from the people, so each table gets a shortest way, the best-sounding
// column of equals. Rejected: a second choice where the first is NULL (a row would change its
// domain with every update; it is counted and named instead, see note_choice); nobody's where the
// person's own row is gone (no erasure would reach it).
#include "origin/sqlite/routing.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/trim.h"

namespace perdure::origin {

namespace {

constexpr std::string_view blanks = " \t";

std::string qualified(std::string const& alias, std::string const& column) {
    return alias + "." + identifier(column);
}

Error no_such(std::string_view what, std::string_view name, std::string_view where) {
    return fail(Fault::invalid, "the mapping of subjects names the " + std::string(what) + " \"" +
                                    std::string(name) + "\", which " + std::string(where) +
                                    " does not have")
        .with_fix("correct [source.….subjects], or run source discover again");
}

}  // namespace

std::optional<std::size_t> find_table(Layout const& layout, std::string_view name) {
    auto const& tables = layout.schema.tables;
    auto const found = std::ranges::find_if(
        tables, [&](data::TableSchema const& table) { return ascii_same(table.name, name); });
    if (found == tables.end()) return std::nullopt;
    return static_cast<std::size_t>(found - tables.begin());
}

std::optional<std::size_t> find_column(data::TableSchema const& table, std::string_view name) {
    auto const found = std::ranges::find_if(
        table.columns, [&](data::Column const& column) { return ascii_same(column.name, name); });
    if (found == table.columns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - table.columns.begin());
}

int owner_likeness(std::string_view column) {
    std::string plain = ascii_lower(column);
    std::erase(plain, '_');
    constexpr std::string_view best_first[] = {
        "userid",   "ownerid",   "authorid",   "createdby", "user",     "owner",     "author",
        "creator",  "creatorid", "customerid", "personid",  "memberid", "accountid", "profileid",
        "customer", "person",    "member",     "account",   "userguid", "useruuid",  "postedby"};
    int score = static_cast<int>(std::size(best_first));
    for (auto const name : best_first) {
        if (plain == name) return score;
        --score;
    }
    return 0;
}

/// The foreign keys of every table, as edges to their parents.
struct Routing::Graph {
    std::vector<std::vector<Hop>> edges;  ///< by child, in order of declaration

    static Result<Graph> read(Connection& connection, Layout const& layout) {
        Graph graph;
        graph.edges.resize(layout.schema.tables.size());
        for (std::size_t child = 0; child < layout.schema.tables.size(); ++child) {
            PD_CHECK(graph.read_table(connection, layout, child));
        }
        return graph;
    }

    Result<void> read_table(Connection& connection, Layout const& layout, std::size_t child) {
        auto const& table = layout.schema.tables[child];
        PD_TRY(Statement keys,
               connection.prepare("PRAGMA main.foreign_key_list(" + identifier(table.name) + ")"));
        std::map<std::int64_t, std::optional<Hop>, std::greater<>>
            by_id;  // declared first: highest
        for (;;) {
            PD_TRY(bool const more, keys.step());
            if (!more) break;
            auto const id = keys.integer(0);
            auto const parent = find_table(layout, keys.text(2));
            if (!by_id.contains(id)) {
                by_id[id] = parent ? std::optional<Hop>(Hop{*parent, {}, {}}) : std::nullopt;
            }
            auto& hop = by_id[id];
            if (!hop) continue;
            auto const& target = layout.schema.tables[hop->parent];
            std::string to = keys.text(4);
            auto const position = static_cast<std::size_t>(keys.integer(1));
            if (keys.is_null(4) && position < target.primary_key.size()) {
                to = target.primary_key[position];
            }
            if (!find_column(target, to) || !find_column(table, keys.text(3))) {
                hop.reset();
            } else {
                hop->joins.push_back({keys.text(3), to});
            }
        }
        for (auto& [id, hop] : by_id) {
            if (hop) edges[child].push_back(std::move(*hop));
        }
        return {};
    }

    /// Replaces the edges of the tables that the mapping gives an owner.
    Result<void> override_with(Layout const& layout, data::SubjectMapping const& mapping,
                               std::size_t subjects) {
        for (auto const& [name, rule] : mapping.owners) {
            auto const child = find_table(layout, name);
            if (!child) return no_such("table", name, "the database");
            auto const arrow = rule.find("->");
            Join join{std::string(trimmed(std::string_view(rule).substr(0, arrow), blanks)),
                      mapping.key};
            Hop hop{subjects, {}, {}};
            if (arrow != rule.npos) {
                std::string_view target = trimmed(std::string_view(rule).substr(arrow + 2), blanks);
                auto const dot = target.find('.');
                auto const parent = find_table(layout, target.substr(0, dot));
                if (!parent) return no_such("table", target, "the database");
                auto const& table = layout.schema.tables[*parent];
                hop.parent = *parent;
                join.parent_column = dot != target.npos ? std::string(target.substr(dot + 1))
                                     : table.primary_key.size() == 1 ? table.primary_key[0]
                                                                     : "rowid";
            }
            auto const& table = layout.schema.tables[*child];
            if (!find_column(table, join.column) && ascii_lower(join.column) != "rowid") {
                return no_such("column", join.column, "table " + table.name);
            }
            hop.joins.push_back(std::move(join));
            edges[*child] = {std::move(hop)};
        }
        return {};
    }
};

Result<Routing> Routing::build(Connection& connection, Layout const& layout,
                               data::SubjectMapping const& mapping) {
    auto const subjects = find_table(layout, mapping.table);
    if (!subjects) return no_such("table", mapping.table, "the database");
    auto const key = find_column(layout.schema.tables[*subjects], mapping.key);
    if (!key) return no_such("column", mapping.key, "table " + mapping.table);

    PD_TRY(Graph graph, Graph::read(connection, layout));
    PD_CHECK(graph.override_with(layout, mapping, *subjects));
    Routing routing;
    routing.key_ = layout.schema.tables[*subjects].columns[*key].name;
    for (auto const& table : layout.schema.tables) routing.names_.push_back(table.name);
    routing.routes_.resize(routing.names_.size());
    routing.choices_.resize(routing.names_.size());
    routing.other_ways_.resize(routing.names_.size());
    routing.routes_[*subjects] = Route{};
    // Level by level, so that every table gets a shortest way; within a level the best column wins.
    for (std::size_t distance = 1, found = 1; found != 0; ++distance) {
        std::vector<std::pair<std::size_t, Hop>> level;
        for (std::size_t child = 0; child < routing.routes_.size(); ++child) {
            if (routing.routes_[child]) continue;
            Hop const* best = nullptr;
            int best_likeness = -1;
            for (auto const& edge : graph.edges[child]) {
                if (!routing.routes_[edge.parent]) continue;
                int const likeness = owner_likeness(edge.joins[0].column);
                if (likeness > best_likeness) {
                    best = &edge;
                    best_likeness = likeness;
                }
            }
            if (best != nullptr) level.emplace_back(child, *best);
        }
        for (auto& [child, hop] : level) {
            PD_CHECK(routing.add_map(connection, hop, child));
            routing.routes_[child] = Route{distance, std::move(hop)};
        }
        found = level.size();
    }
    for (std::size_t table = 0; table < routing.routes_.size(); ++table) {
        PD_CHECK(routing.note_choice(connection, layout, graph.edges[table], table));
    }
    return routing;
}

/// A row without the chosen one is nobody's, though another may lead to somebody. That a row refers
/// to another one of its own table (an answer to somebody's comment) says less than that.
Result<void> Routing::note_choice(Connection& connection, Layout const& layout,
                                  std::vector<Hop> const& edges, std::size_t table) {
    if (!routes_[table] || !routes_[table]->hop) return {};
    auto const way = [&](Hop const& hop) {
        auto const& [column, parent_column] = hop.joins[0];
        Choice::Way out{column, column};
        auto const& parent = layout.schema.tables[hop.parent];
        bool const person = !routes_[hop.parent]->hop && ascii_same(parent_column, key_);
        bool const by_key =
            parent.primary_key.size() == 1 && ascii_same(parent.primary_key[0], parent_column);
        if (!person) out.rule += " -> " + parent.name + (by_key ? "" : "." + parent_column);
        return out;
    };
    auto const& chosen = *routes_[table]->hop;
    if (chosen.joins.size() != 1) return {};
    auto& choice = choices_[table];
    choice.chosen = way(chosen);
    for (auto hop : edges) {
        bool const leads = hop.parent != table && hop.joins.size() == 1 && routes_[hop.parent];
        if (!leads || ascii_same(hop.joins[0].column, choice.chosen.column)) continue;
        choice.others.push_back(way(hop));
        PD_CHECK(add_map(connection, hop, routes_.size() * choice.others.size() + table));
        other_ways_[table].push_back(std::move(hop));
    }
    return {};
}

namespace {

/// Whether an index that a look-up of that column may use lies in an order that only the
/// application knows: our stand-in for it would search in the wrong places and find nobody.
Result<bool> sorted_by_application(Connection& connection, std::string const& table,
                                   std::string const& column) {
    PD_TRY(
        std::int64_t const found,
        connection.integer("SELECT count(*) FROM pragma_index_list(" + literal(table) +
                           ", 'main') l, pragma_index_xinfo(l.name, 'main') x WHERE x.key AND "
                           "x.seqno = 0 AND x.name = " +
                           literal(column) + " COLLATE NOCASE AND x.coll" + is_application_order));
    return found > 0;
}

}  // namespace

Result<void> Routing::add_map(Connection& connection, Hop& hop, std::size_t number) {
    std::string const& parent = names_[hop.parent];
    std::string condition;
    for (auto const& join : hop.joins) {
        condition += (condition.empty() ? "" : " AND ") + identifier(join.parent_column) + " = ?";
    }
    PD_TRY(Statement plan, connection.prepare("EXPLAIN QUERY PLAN SELECT 1 FROM main." +
                                              identifier(parent) + " WHERE " + condition));
    PD_TRY(bool const planned, plan.step());
    if (!planned || hop.joins.size() != 1) return {};
    bool const searches = plan.text(3).starts_with("SEARCH");
    plan = Statement();  // under way it would keep the table from being dropped
    PD_TRY(bool const own_order,
           sorted_by_application(connection, parent, hop.joins[0].parent_column));
    if (searches && !own_order) return {};
    // Without an index every child row would scan its parents.
    hop.map = "pd_hop_" + std::to_string(number);
    PD_CHECK(connection.run("DROP TABLE IF EXISTS temp." + hop.map));  // of a routing before
    PD_CHECK(connection.run("CREATE TEMP TABLE " + hop.map + " AS SELECT p." +
                            identifier(hop.joins[0].parent_column) + " AS k, " +
                            walk(hop.parent, "p", 0) + " AS s FROM main." + identifier(parent) +
                            " p NOT INDEXED"));
    return connection.run("CREATE INDEX temp." + hop.map + "_k ON " + hop.map + "(k)");
}

std::string Routing::walk(std::size_t table, std::string const& alias, int depth) const {
    auto const& hop = routes_[table]->hop;
    return hop ? walk(*hop, alias, depth) : qualified(alias, key_);
}

std::string Routing::walk(Hop const& hop, std::string const& alias, int depth) const {
    std::string const parent = "p" + std::to_string(depth);
    std::string sql;
    if (!hop.map.empty()) {
        sql = "(SELECT " + parent + ".s FROM temp." + hop.map + " " + parent + " WHERE " + parent +
              ".k = " + qualified(alias, hop.joins[0].column) + " LIMIT 1)";
    } else {
        sql = "(SELECT " + walk(hop.parent, parent, depth + 1) + " FROM main." +
              identifier(names_[hop.parent]) + " " + parent + " WHERE ";
        for (std::size_t at = 0; at < hop.joins.size(); ++at) {
            auto const& join = hop.joins[at];
            sql += (at == 0 ? "" : " AND ") + qualified(parent, join.parent_column) + " = " +
                   qualified(alias, join.column);
        }
        sql += " LIMIT 1)";
    }
    // A row may outlive its person's own row (SQLite checks foreign keys only when asked to). It
    // still says whose it is: among what is nobody's no erasure would ever reach it.
    bool const names_person = !routes_[hop.parent]->hop && hop.joins.size() == 1 &&
                              ascii_same(hop.joins[0].parent_column, key_);
    if (!names_person) return sql;
    return "coalesce(" + sql + ", " + qualified(alias, hop.joins[0].column) + ")";
}

std::string Routing::unclaimed(std::size_t table, std::string const& alias) const {
    std::string any;
    for (auto const& hop : other_ways_[table])
        any += (any.empty() ? "" : " OR ") + walk(hop, alias, 1) + " IS NOT NULL";
    if (any.empty()) return "0";
    return qualified(alias, choices_[table].chosen.column) + " IS NULL AND (" + any + ")";
}

std::string Routing::expression(std::size_t table, std::string const& alias) const {
    return leads_to_person(table) ? walk(table, alias, 1) : std::string();
}

}  // namespace perdure::origin
