// keep-both: the snapshot's version comes back as a record of its own. Its key is derived (texts)
// or the next free number, so that running the same restore again finds it and adds nothing.
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "crypto/hash.h"
#include "crypto/uuid.h"
#include "data/mapping_path.h"
#include "origin/merge/compare.h"
#include "origin/merge/rows/cells.h"

namespace perdure::origin {

namespace {

constexpr std::string_view mark = " (imported)";

Result<std::vector<data::Value>> decode_row(ByteView values, std::size_t count) {
    std::vector<data::Value> out;
    Decoder in(values);
    for (std::size_t at = 0; at < count; ++at) {
        PD_TRY(auto value, data::decode_value(in));
        out.push_back(std::move(value));
    }
    return out;
}

Bytes encode_values(std::vector<data::Value> const& values) {
    Encoder out;
    for (auto const& value : values) data::encode_value(out, value);
    return out.take();
}

std::optional<std::size_t> position(std::vector<std::string> const& names, std::string_view name) {
    for (std::size_t at = 0; at < names.size(); ++at) {
        if (ascii_same(names[at], name)) return at;
    }
    return std::nullopt;
}

std::uint64_t hash_of(ByteView values) {
    auto const hash = crypto::sha256(values);
    Decoder in(hash.view());
    return *in.u64();
}

std::string name_of(data::Value const& value) {
    if (auto const* text = std::get_if<data::Text>(&value)) return text->bytes;
    if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    return to_hex(encode_values({value}));
}

}  // namespace

Duplicates::Duplicates(Stage const& stage, std::size_t pair)
    : stage_(stage),
      pair_(pair),
      utf8_(stage.connection.text("PRAGMA main.encoding").value_or("") == "UTF-8") {}

std::optional<std::size_t> Duplicates::key_column() const {
    auto const& pair = stage_.pairing.pairs[pair_];
    if (pair.key.size() != 1) return std::nullopt;
    return position(pair.target_columns, pair.key[0].target);
}

std::string Duplicates::refusal() const {
    auto const& pair = stage_.pairing.pairs[pair_];
    if (pair.type == pair.table || !key_column()) {
        return "keep-both needs a mapped record with a key of one column: the existing one stays";
    }
    if (!utf8_) return "keep-both needs a database whose texts are UTF-8: the existing one stays";
    auto const key = *key_column();
    for (auto const& unique : pair.uniques) {
        bool const by_key = position(unique.columns(), pair.target_columns[key]).has_value();
        if (!by_key && !unique.primary) {
            return fmt::format(
                "{} is unique and cannot stand twice: the existing one stays",
                unique.parts[0].column.empty() ? unique.parts[0].sql : unique.parts[0].column);
        }
    }
    return {};
}

Result<std::optional<StoredImage>> Duplicates::image(ByteView existing, Bytes incoming) {
    auto const& pair = stage_.pairing.pairs[pair_];
    auto const key = *key_column();
    PD_TRY(auto here, decode_row(existing, pair.target_columns.size()));
    PD_TRY(auto values, decode_row(incoming, pair.target_columns.size()));
    for (auto const& column : pair.columns) {
        if (pair.title.empty() || !ascii_same(column.snapshot, pair.title)) continue;
        auto const at = position(pair.target_columns, column.target);
        auto* const title = at ? std::get_if<data::Text>(&values[*at]) : nullptr;
        if (title && !title->bytes.ends_with(mark)) title->bytes += mark;
    }
    if (std::holds_alternative<std::int64_t>(here[key])) return numbered(std::move(values));
    auto const hash = to_hex(crypto::sha256(incoming).view());
    values[key] = data::Text{crypto::uuid_v5(name_of(here[key]), hash)};
    PD_TRY(Statement probe, stage_.connection.prepare(
                                fmt::format("SELECT 1 FROM {} WHERE {} = ?1", pair.target_name(),
                                            identifier(pair.target_columns[key]))));
    bind_value(probe.get(), 1, values[key]);
    PD_TRY(bool const there, probe.step());
    if (there) return std::optional<StoredImage>();
    return std::optional(StoredImage{0, false, encode_values(values)});
}

/// The next free number; or nothing, when a row with all the other values is there already.
Result<std::optional<StoredImage>> Duplicates::numbered(std::vector<data::Value> values) {
    auto const& pair = stage_.pairing.pairs[pair_];
    auto const key = *key_column();
    PD_TRY(bool const there, stands_already(values));
    if (there) return std::optional<StoredImage>();
    if (next_ == 0) {
        PD_TRY(auto const here,
               stage_.connection.integer(fmt::format(
                   "SELECT max({}) FROM {}", identifier(pair.key[0].target), pair.target_name())));
        PD_TRY(auto const snapshot, stage_.connection.integer(fmt::format(
                                        "SELECT max({}) FROM {}", identifier(pair.key[0].snapshot),
                                        pair.snapshot_name())));
        next_ = std::max({here, snapshot, std::int64_t{0}});
    }
    if (next_ == INT64_MAX) return fail(Fault::exhausted, "no number is free in " + pair.table);
    values[key] = ++next_;
    bool const is_rowid = ascii_same(pair.target_rowid, pair.target_columns[key]);
    return std::optional(StoredImage{is_rowid ? next_ : 0, is_rowid, encode_values(values)});
}

/// One pass over the target, so that asking for each of many conflicts does not read it each time.
Result<void> Duplicates::remember_rows(std::size_t key) {
    auto const& pair = stage_.pairing.pairs[pair_];
    std::string columns;
    for (std::size_t at = 0; at < pair.target_columns.size(); ++at) {
        if (at == key) continue;
        columns += (columns.empty() ? "" : ", ") + identifier(pair.target_columns[at]);
    }
    rows_.emplace();
    if (columns.empty()) return {};
    PD_TRY(Statement rows, stage_.connection.prepare(
                               fmt::format("SELECT {} FROM {}", columns, pair.target_name())));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        rows_->push_back(hash_of(encode_row(rows, 0, pair.target_columns.size() - 1)));
    }
    std::ranges::sort(*rows_);
    return {};
}

Result<bool> Duplicates::stands_already(std::vector<data::Value> const& values) {
    auto const& pair = stage_.pairing.pairs[pair_];
    auto const key = *key_column();
    if (!rows_) PD_CHECK(remember_rows(key));
    auto others = values;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(key));
    // Equal hashes ask the table itself; collations do not matter to IS on the same bytes.
    if (!std::ranges::binary_search(*rows_, hash_of(encode_values(others)))) return false;
    std::string where = "1";
    for (std::size_t at = 0; at < values.size(); ++at) {
        if (at == key) continue;
        where += fmt::format(" AND {} IS ?{}", identifier(pair.target_columns[at]), at + 1);
    }
    PD_TRY(Statement probe, stage_.connection.prepare(fmt::format(
                                "SELECT 1 FROM {} WHERE {} LIMIT 1", pair.target_name(), where)));
    for (std::size_t at = 0; at < values.size(); ++at) {
        if (at != key) bind_value(probe.get(), static_cast<int>(at) + 1, values[at]);
    }
    return probe.step();
}

Result<std::vector<Change>> Duplicates::belongings(ByteView old_key, ByteView new_key,
                                                   std::string const& record) {
    std::vector<Change> out;
    auto const& owner = stage_.pairing.pairs[pair_];
    Decoder old_in(old_key), new_in(new_key);
    PD_TRY(auto const old_value, data::decode_value(old_in));
    PD_TRY(auto const new_value, data::decode_value(new_in));
    for (auto const& mapped : stage_.request.snapshot.mapping.records) {
        if (mapped.type != owner.type) continue;
        for (auto const& [role, text] : mapped.fields) {
            auto const path = data::parse_mapping_path(text);
            if (!path || !path->many()) continue;
            bool const link = path->kind == data::MappingPath::Kind::link;
            auto const& table = link ? path->link_table : path->table;
            auto const& column = link ? path->link_here : path->children_key;
            PD_CHECK(copy_rows(table, column, old_value, new_value, record, out));
        }
    }
    return out;
}

Result<void> Duplicates::copy_rows(std::string const& table, std::string const& column,
                                   data::Value const& old_key, data::Value const& new_key,
                                   std::string const& record, std::vector<Change>& out) {
    TablePair const* pair = nullptr;
    for (auto const& each : stage_.pairing.pairs) {
        if (ascii_same(each.table, table)) pair = &each;
    }
    auto const at = write_table_of(stage_.changes, table);
    if (!pair || !at || !pair->refused.empty() || !pair->refused_inserts.empty()) return {};
    std::string select;
    std::optional<std::size_t> refers;
    for (std::size_t i = 0; i < pair->target_columns.size(); ++i) {
        std::string sql = "NULL";
        for (std::size_t c = 0; c < pair->added.size(); ++c) {
            if (pair->added[c] == pair->target_columns[i]) sql = "(" + pair->defaults[c] + ")";
        }
        for (auto const& carried : pair->columns) {
            if (!ascii_same(carried.target, pair->target_columns[i])) continue;
            sql = "s." + identifier(carried.snapshot);
            if (ascii_same(carried.snapshot, column)) refers = i;
        }
        select += (i ? ", " : "") + sql;
    }
    if (!refers) return {};
    PD_TRY(Statement rows,
           stage_.connection.prepare(fmt::format("SELECT {} FROM {} s WHERE s.{} = ?1", select,
                                                 pair->snapshot_name(), identifier(column))));
    bind_value(rows.get(), 1, old_key);
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) return {};
        auto const count = pair->target_columns.size();
        PD_TRY(auto values, decode_row(encode_row(rows, 0, count), count));
        auto const hash = to_hex(crypto::sha256(encode_values(values)).view());
        values[*refers] = new_key;
        bool known = false;
        std::int64_t rowid = 0;
        for (auto const& key : pair->key) {
            auto const own = position(pair->target_columns, key.target);
            if (!own || pair->key.size() != 1 || *own == *refers) continue;
            if (std::holds_alternative<std::int64_t>(values[*own])) {
                PD_TRY(rowid, next_number(*pair, *own));
                values[*own] = rowid;
                known = ascii_same(pair->target_rowid, key.target);
            } else {
                values[*own] = data::Text{crypto::uuid_v5(name_of(values[*own]), hash)};
            }
        }
        out.push_back({*at, record, std::nullopt,
                       StoredImage{known ? rowid : 0, known || pair->target_rowid.empty(),
                                   encode_values(values)}});
    }
}

Result<std::int64_t> Duplicates::next_number(TablePair const& pair, std::size_t column) {
    auto& next = numbers_[pair.table];
    if (next == 0) {
        PD_TRY(auto const here, stage_.connection.integer(fmt::format(
                                    "SELECT max({}) FROM {}",
                                    identifier(pair.target_columns[column]), pair.target_name())));
        PD_TRY(auto const snapshot, stage_.connection.integer(fmt::format(
                                        "SELECT max({}) FROM {}", identifier(pair.key[0].snapshot),
                                        pair.snapshot_name())));
        next = std::max({here, snapshot, std::int64_t{0}});
    }
    if (next == INT64_MAX) return fail(Fault::exhausted, "no number is free in " + pair.table);
    return ++next;
}

}  // namespace perdure::origin
