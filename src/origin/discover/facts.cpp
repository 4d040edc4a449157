#include "origin/discover/facts.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/time.h"
#include "origin/discover/names.h"
#include "origin/sqlite/routing.h"

namespace perdure::origin {

namespace {

constexpr int rows_sampled = 200;
constexpr std::size_t text_looked_at = 4096;
constexpr double contained_min = 0.9;

bool is_email(std::string_view text) {
    auto const at = text.find('@');
    return at != text.npos && at > 0 && text.find('.', at) != text.npos &&
           text.find_first_of(" \n/") == text.npos && text.size() < 255;
}

bool is_date(std::string_view text) {
    if (text.size() < 10 || text.size() > 40) return false;
    auto const digits = [&](std::size_t from, std::size_t count) {
        return std::ranges::all_of(text.substr(from, count), is_ascii_digit);
    };
    return digits(0, 4) && text[4] == '-' && digits(5, 2) && text[7] == '-' && digits(8, 2);
}

bool is_instant(std::int64_t number) {
    constexpr std::int64_t from = 315'532'800, to = 4'102'444'800;  // 1980 … 2100, in seconds
    for (std::int64_t const unit : {std::int64_t{1}, std::int64_t{1000}, std::int64_t{1'000'000}}) {
        if (number >= from * unit && number <= to * unit) return true;
    }
    return false;
}

bool is_path(std::string_view text) {
    if (text.size() < 3 || text.size() > 1024 || text.find('\n') != text.npos) return false;
    auto const dot = text.rfind('.');
    return dot != text.npos && text.size() - dot >= 2 && text.size() - dot <= 6 &&
           text.find(' ', dot) == text.npos && text.find('@') == text.npos && dot > 0;
}

bool is_html(std::string_view text) {
    return text.find("</") != text.npos || text.find("<br") != text.npos ||
           text.find("<p>") != text.npos;
}

bool is_markdown(std::string_view text) {
    for (std::string_view const mark :
         {"\n# ", "\n## ", "\n- ", "\n* ", "](", "**", "```", "- [ ]"}) {
        if (text.find(mark) != text.npos) return true;
    }
    return text.starts_with("# ") || text.starts_with("- ") || text.starts_with("## ");
}

struct Tally {
    ColumnFacts facts;
    std::set<std::string> distinct;
    std::size_t texts = 0, letters = 0, blobs = 0;

    void look(Statement const& row, int column) {
        if (row.is_null(column)) return;
        ++facts.sampled;
        auto const raw = row.bytes(column);
        distinct.insert(to_string(raw.first(std::min<std::size_t>(raw.size(), 64))));
        switch (sqlite3_column_type(row.get(), column)) {
            case SQLITE_INTEGER:
                facts.integer += 1;
                facts.dates += is_instant(row.integer(column)) ? 1 : 0;
                break;
            case SQLITE_TEXT:
                look_at_text(row.text(column));
                break;
            case SQLITE_BLOB:
                facts.blob += 1;
                if (blobs++ == 0) facts.blob_bytes = raw.size();
                if (facts.blob_bytes != raw.size()) facts.blob_bytes = 0;
                break;
            default:
                break;
        }
    }
    void look_at_text(std::string const& text) {
        facts.text += 1;
        ++texts;
        letters += text.size();
        std::string_view const begin = std::string_view(text).substr(0, text_looked_at);
        facts.dates += is_date(begin) ? 1 : 0;
        facts.emails += is_email(begin) ? 1 : 0;
        facts.paths += is_path(begin) ? 1 : 0;
        facts.html += is_html(begin) ? 1 : 0;
        facts.markdown += is_markdown(begin) ? 1 : 0;
        facts.json += begin.starts_with("{") || begin.starts_with("[") ? 1 : 0;
    }
    ColumnFacts finish() {
        facts.distinct = distinct.size();
        double const count = facts.sampled == 0 ? 1 : static_cast<double>(facts.sampled);
        for (double* share : {&facts.text, &facts.integer, &facts.blob, &facts.dates, &facts.emails,
                              &facts.paths, &facts.html, &facts.markdown, &facts.json}) {
            *share /= count;
        }
        facts.letters_mean =
            texts == 0 ? 0 : static_cast<double>(letters) / static_cast<double>(texts);
        return std::move(facts);
    }
};

Result<TableFacts> sample(Connection& connection, data::TableSchema const& schema,
                          TableLayout const& layout) {
    TableFacts table{.name = schema.name};
    table.skipped = schema.shadow || schema.name.starts_with("sqlite_");
    std::vector<std::string> names;
    for (auto const column : layout.stored) names.push_back(schema.columns[column].name);
    std::string const prefix = shared_prefix(names);
    std::vector<Tally> tallies(names.size());
    std::string list;
    for (std::size_t at = 0; at < names.size(); ++at) {
        tallies[at].facts.name = names[at];
        tallies[at].facts.bare = bare_column(names[at], schema.name, prefix);
        tallies[at].facts.type = ascii_lower(schema.columns[layout.stored[at]].declared_type);
        list += (at == 0 ? "" : ", ") + identifier(names[at]);
        if (schema.primary_key.size() == 1 && schema.primary_key[0] == names[at]) table.key = at;
    }
    std::string const from = " FROM main." + identifier(schema.name);
    PD_TRY(std::int64_t const rows, connection.integer("SELECT count(*)" + from));
    table.rows = static_cast<std::uint64_t>(rows);
    PD_TRY(Statement values,
           connection.prepare("SELECT " + list + from + " LIMIT " + std::to_string(rows_sampled)));
    for (;;) {
        PD_TRY(bool const more, values.step());
        if (!more) break;
        for (std::size_t at = 0; at < tallies.size(); ++at) {
            tallies[at].look(values, static_cast<int>(at));
        }
    }
    for (auto& tally : tallies) table.columns.push_back(tally.finish());
    return table;
}

std::optional<std::size_t> column_named(TableFacts const& table, std::string_view name) {
    for (std::size_t at = 0; at < table.columns.size(); ++at) {
        if (ascii_same(table.columns[at].name, name)) return at;
    }
    return std::nullopt;
}

Result<void> declared_references(Connection& connection, std::vector<TableFacts>& tables,
                                 std::size_t from) {
    auto& table = tables[from];
    PD_TRY(Statement keys,
           connection.prepare("PRAGMA main.foreign_key_list(" + identifier(table.name) + ")"));
    for (;;) {
        PD_TRY(bool const more, keys.step());
        if (!more) return {};
        auto const column = column_named(table, keys.text(3));
        for (std::size_t target = 0; column && target < tables.size(); ++target) {
            if (!ascii_same(tables[target].name, keys.text(2))) continue;
            auto const there =
                keys.is_null(4) ? tables[target].key : column_named(tables[target], keys.text(4));
            if (there) table.references.push_back({*column, target, *there, true, 1});
        }
    }
}

/// The share of a column's sampled values that are keys of another table; negative: nothing to
/// judge.
Result<double> share_contained(Connection& connection, TableFacts const& table, std::size_t column,
                               TableFacts const& target, std::size_t key) {
    std::string const value = identifier(table.columns[column].name);
    PD_TRY(Statement counts,
           connection.prepare("SELECT count(*), sum(EXISTS(SELECT 1 FROM main." +
                              identifier(target.name) + " k WHERE k." +
                              identifier(target.columns[key].name) +
                              " = v.x)) FROM (SELECT DISTINCT " + value + " AS x FROM main." +
                              identifier(table.name) + " WHERE " + value + " IS NOT NULL LIMIT " +
                              std::to_string(rows_sampled) + ") v"));
    PD_TRY(bool const found, counts.step());
    if (!found || counts.integer(0) == 0) return -1.0;
    return static_cast<double>(counts.integer(1)) / static_cast<double>(counts.integer(0));
}

/// "memo_id", "MemoID", "memoUuid", "memo" → "memo"; "related_memo_id" → "memo" by its last words.
std::vector<std::string> tables_meant_by(std::string_view column) {
    auto words = words_of(column);
    if (!words.empty() &&
        (words.back() == "id" || words.back() == "uuid" || words.back() == "key")) {
        words.pop_back();
    }
    std::vector<std::string> meant;
    for (std::size_t from = 0; from < words.size(); ++from) {
        std::string name;
        for (std::size_t at = from; at < words.size(); ++at) name += words[at];
        meant.push_back(name);
    }
    return meant;
}

Result<void> implied_references(Connection& connection, std::vector<TableFacts>& tables,
                                std::size_t from) {
    auto& table = tables[from];
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
        bool const known = std::ranges::any_of(
            table.references, [&](Reference const& known) { return known.column == column; });
        auto const bare = table.columns[column].bare;
        bool const named_like_key = bare.ends_with("id") || bare.ends_with("uuid");
        if (known || !named_like_key || table.key == column) continue;
        for (auto const& name : tables_meant_by(table.columns[column].name)) {
            auto const target = table_named(tables, name);
            if (!target || !tables[*target].key) continue;
            PD_TRY(
                bool const added,
                imply_reference(connection, tables, {column, *target, *tables[*target].key}, from));
            if (!added) continue;
            break;
        }
    }
    return {};
}

}  // namespace

std::optional<std::size_t> table_named(std::vector<TableFacts> const& tables,
                                       std::string_view name) {
    std::string const wanted = plain(record_type(name));
    for (std::size_t at = 0; at < tables.size(); ++at) {
        if (!tables[at].skipped && plain(record_type(tables[at].name)) == wanted) return at;
    }
    return std::nullopt;
}

Result<bool> imply_reference(Connection& connection, std::vector<TableFacts>& tables,
                             Reference const& candidate, std::size_t from) {
    PD_TRY(double const share, share_contained(connection, tables[from], candidate.column,
                                               tables[candidate.table], candidate.target));
    if (share >= 0 && share < contained_min) return false;
    Reference implied = candidate;
    implied.declared = false;
    implied.certainty = share < 0 ? 0.6 : 0.5 + share * 0.4;
    tables[from].references.push_back(implied);
    return true;
}

Result<std::vector<TableFacts>> read_facts(Connection& connection, Layout const& layout) {
    std::vector<TableFacts> tables;
    for (std::size_t at = 0; at < layout.schema.tables.size(); ++at) {
        PD_TRY(TableFacts table, sample(connection, layout.schema.tables[at], layout.tables[at]));
        tables.push_back(std::move(table));
    }
    for (std::size_t at = 0; at < tables.size(); ++at) {
        if (tables[at].skipped) continue;
        PD_CHECK(declared_references(connection, tables, at));
        PD_CHECK(implied_references(connection, tables, at));
    }
    return tables;
}

}  // namespace perdure::origin
