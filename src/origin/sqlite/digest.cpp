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

void DigestBuilder::begin_table(std::string_view name) {
    end_table();
    table_name_ = name;
    in_table_ = true;
}

void DigestBuilder::flush() {
    table_.update(rows_.view());
    rows_.clear();
}

void DigestBuilder::end_table() {
    if (!in_table_) return;
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
