#include "origin/merge/rows/unique_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/trim.h"

namespace perdure::origin {

namespace {

/// Walks over the tokens of an SQL text that SQLite has accepted.
class Tokens {
public:
    explicit Tokens(std::string_view sql) : sql_(sql) {}
    enum class Kind { word, sign, blank, quoted };
    struct Token {
        Kind kind;
        std::size_t from, to;
    };
    bool at_end() const { return at_ >= sql_.size(); }
    Token next() {
        auto const from = at_;
        at_ = token_end(sql_, from);
        return {kind_of(sql_.substr(from, at_ - from)), from, at_};
    }

private:
    static Kind kind_of(std::string_view token) {
        char const c = token.front();
        if (c == '\'' || c == '"' || c == '`' || c == '[') return Kind::quoted;
        if (is_sql_word(c)) return Kind::word;
        return is_blank_token(token) ? Kind::blank : Kind::sign;
    }
    std::string_view sql_;
    std::size_t at_ = 0;
};

Result<std::string> text_of(Connection& connection, std::string const& schema,
                            std::string const& index) {
    return connection.text(
        fmt::format("SELECT sql FROM {}.sqlite_schema WHERE type = 'index' AND name = {}", schema,
                    literal(index)));
}

}  // namespace

IndexText read_index(std::string_view sql) {
    IndexText out;
    Tokens tokens(sql);
    int depth = 0;
    std::size_t begin = 0;
    auto order = sql.npos;  ///< where the ASC or DESC begins that a term ends with, so far
    auto const end_term = [&](std::size_t at) {
        out.terms.emplace_back(trimmed(sql.substr(begin, std::min(order, at) - begin), sql_blanks));
        begin = at + 1;
        order = sql.npos;
    };
    while (!tokens.at_end()) {
        auto const token = tokens.next();
        auto const text = sql.substr(token.from, token.to - token.from);
        if (token.kind == Tokens::Kind::blank) continue;
        bool const word = token.kind == Tokens::Kind::word;
        if (word && depth == 0 && ascii_same(text, "where")) {
            out.condition = sql.substr(token.to);
            return out;
        }
        bool const sign = token.kind == Tokens::Kind::sign;
        if (sign && text == "(" && depth++ == 0) {
            begin = token.to;
        } else if (sign && ((text == ")" && --depth == 0) || (text == "," && depth == 1))) {
            end_term(token.from);
            continue;
        }
        bool const orders = word && (ascii_same(text, "asc") || ascii_same(text, "desc"));
        order = orders && depth == 1 ? token.from : sql.npos;
    }
    return out;
}

bool UniqueIndex::is_plain() const {
    return condition.empty() &&
           std::ranges::none_of(parts, [](Part const& part) { return part.column.empty(); });
}

std::vector<std::string> UniqueIndex::columns() const {
    std::vector<std::string> out;
    for (auto const& part : parts) out.push_back(part.column);
    return out;
}

std::string UniqueIndex::equals(std::string const& alias) const {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto const& part = parts[i];
        auto const side =
            part.column.empty() ? "(" + part.sql + "\n)" : alias + "." + identifier(part.column);
        out += fmt::format("{}{} COLLATE {} = ?{}", i ? " AND " : "", side,
                           identifier(part.collation), i + 1);
    }
    return out;
}

std::string UniqueIndex::sides() const {
    std::string out;
    for (auto const& part : parts) out += (out.empty() ? "(" : ", (") + part.sql + "\n)";
    return out;
}

std::string UniqueIndex::applies() const {
    return condition.empty() ? "1" : "(" + condition + "\n)";
}

std::string UniqueIndex::of_row(std::vector<std::string> const& columns) const {
    std::string row;
    for (std::size_t i = 0; i < columns.size(); ++i)
        row += fmt::format("{}?{} AS {}", i ? ", " : "", i + 1, identifier(columns[i]));
    return fmt::format("SELECT {} FROM (SELECT {}) WHERE {}", sides(), row, applies());
}

Result<std::vector<UniqueIndex>> unique_indexes(Connection& connection, std::string const& schema,
                                                std::string const& table) {
    std::vector<UniqueIndex> out;
    PD_TRY(Statement indexes,
           connection.prepare(fmt::format("PRAGMA {}.index_list({})", schema, identifier(table))));
    while (true) {
        PD_TRY(bool const more, indexes.step());
        if (!more) return out;
        if (indexes.integer(2) == 0) continue;
        UniqueIndex index{.parts = {}, .condition = {}, .primary = indexes.text(3) == "pk"};
        PD_TRY(auto const sql, text_of(connection, schema, indexes.text(1)));
        auto const text = read_index(sql);
        PD_TRY(Statement parts, connection.prepare(fmt::format("PRAGMA {}.index_xinfo({})", schema,
                                                               identifier(indexes.text(1)))));
        bool of_rowid = false;
        while (true) {
            PD_TRY(bool const another, parts.step());
            if (!another) break;
            if (parts.integer(5) == 0) continue;  // what leads to the row
            of_rowid = of_rowid || parts.integer(1) == -1;
            UniqueIndex::Part part{.column = parts.is_null(2) ? "" : parts.text(2),
                                   .sql = {},
                                   .collation = parts.text(4)};
            auto const at = index.parts.size();
            part.sql = !part.column.empty()     ? identifier(part.column)
                       : at < text.terms.size() ? text.terms[at]
                                                : "";
            index.parts.push_back(std::move(part));
        }
        if (indexes.integer(4) != 0) index.condition = text.condition;
        if (!of_rowid && !index.parts.empty()) out.push_back(std::move(index));
    }
}

}  // namespace perdure::origin
