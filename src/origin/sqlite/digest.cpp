#include "origin/sqlite/digest.h"

namespace perdure::origin {

void DigestBuilder::schema(data::DatabaseSchema const& schema) {
    Encoder out;
    out.text("perdure logical digest of rows 1");
    out.text(schema.engine);
    out.varint(schema.settings.size());
    for (auto const& [name, value] : schema.settings) {
        out.text(name);
        out.text(value);
    }
    out.varint(schema.objects.size());
    for (auto const& object : schema.objects) {
        out.text(object.type);
        out.text(object.name);
        out.text(object.table);
        out.text(object.sql);
    }
    whole_.update(out.view());
}

void DigestBuilder::begin_table(std::string_view name, Order order) {
    end_table();
    table_name_ = name;
    order_ = order;
    sum_ = {};
    in_table_ = true;
}

/// Sums do not ask for an order, and unlike exclusive ors they tell a row from the same row thrice.
void DigestBuilder::add_up(ByteView key, ByteView values) {
    rows_.clear();
    rows_.bytes(key);
    rows_.bytes(values);
    auto const row = crypto::sha256(rows_.view());
    rows_.clear();
    std::uint64_t carry = 0;
    for (std::size_t word = 0; word < sum_.size(); ++word) {
        std::uint64_t value = 0;
        for (std::size_t at = 0; at < 8; ++at)
            value |= static_cast<std::uint64_t>(row.view()[8 * word + at]) << (8 * at);
        std::uint64_t const with_carry = value + carry;
        carry = with_carry < value ? 1 : 0;
        sum_[word] += with_carry;
        carry += sum_[word] < with_carry ? 1 : 0;
    }
    ++table_rows_;
    result_.bytes += values.size();
}

void DigestBuilder::flush() {
    table_.update(rows_.view());
    rows_.clear();
}

void DigestBuilder::end_table() {
    if (!in_table_) return;
    if (order_ == Order::does_not_count) {
        for (auto const word : sum_) rows_.u64(word);
    }
    flush();
    Encoder out;
    out.text(table_name_);
    out.varint(table_rows_);
    out.raw(table_.finish().view());
    whole_.update(out.view());
    result_.items += table_rows_;
    table_rows_ = 0;
    in_table_ = false;
}

void DigestBuilder::media(std::string_view path, data::Entry const& entry) {
    end_table();
    Encoder out;
    out.text(path);
    out.u8(static_cast<std::uint8_t>(entry.kind));
    out.varint(entry.kind == data::EntryKind::file ? entry.size : 0);
    out.text(entry.link_target);
    whole_.update(out.view());
    ++result_.items;
}

data::LogicalDigest DigestBuilder::finish() {
    if (finished_) return result_;  // SHA-256 starts anew once it is finished: ask it once
    end_table();
    result_.hash = whole_.finish();
    finished_ = true;
    return result_;
}

}  // namespace perdure::origin
