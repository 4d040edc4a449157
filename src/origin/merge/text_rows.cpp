#include "origin/merge/text_rows.h"

#include <fmt/format.h>

#include "origin/merge/rows/module_tables.h"

namespace perdure::origin {

Result<std::optional<StoredImage>> TextRows::read(Statement& statement, std::int64_t rowid,
                                                  std::size_t columns) {
    sqlite3_bind_int64(statement.get(), 1, rowid);
    PD_TRY(bool const found, statement.step());
    std::optional<StoredImage> out;
    if (found) out = StoredImage{rowid, true, encode_row(statement, 0, columns)};
    statement.reset();
    return out;
}

Result<void> TextRows::follow(Change const& change, std::int64_t snapshot_rowid) {
    if (!tables_) PD_CHECK(find());
    for (auto& text : *tables_) {
        Change follow{.table = text.table, .record = change.record, .before = {}, .after = {}};
        auto const columns = stage_.changes.tables()[text.table].columns.size();
        if (change.before) {
            PD_TRY(follow.before, read(text.target, change.before->rowid, columns));
        }
        if (change.after && change.after->rowid_known) {
            PD_TRY(follow.after, read(text.snapshot, snapshot_rowid, columns));
            if (follow.after) follow.after->rowid = change.after->rowid;
        }
        if (follow.before || follow.after) PD_CHECK(stage_.changes.add(follow));
    }
    return {};
}

Result<void> TextRows::find() {
    tables_.emplace();
    auto const& pair = stage_.pairing.pairs[pair_];
    if (pair.snapshot_rowid.empty() || pair.target_rowid.empty()) return {};
    for (std::size_t at = 0; at < stage_.changes.tables().size(); ++at) {
        auto const& table = stage_.changes.tables()[at];
        PD_TRY(auto const is_virtual,
               stage_.connection.integer("SELECT count(*) FROM main.sqlite_schema WHERE "
                                         "rootpage = 0 AND type = 'table' AND name = " +
                                         literal(table.name)));
        if (is_virtual == 0) continue;
        PD_TRY(bool const fed, is_fed_by(stage_.connection, table.name, pair.table));
        if (!fed) continue;
        std::string columns;
        for (auto const& name : table.columns)
            columns += (columns.empty() ? "" : ", ") + identifier(name);
        auto const sql = [&](char const* schema) {
            return fmt::format("SELECT {} FROM {}.{} WHERE rowid = ?1", columns, schema,
                               identifier(table.name));
        };
        Table text{.table = at, .snapshot = {}, .target = {}};
        PD_TRY(text.target, stage_.connection.prepare(sql("main")));
        auto there = stage_.connection.prepare(sql("snap"));
        if (!there) continue;  // the snapshot's application had no such index yet
        text.snapshot = std::move(*there);
        tables_->push_back(std::move(text));
    }
    return {};
}

}  // namespace perdure::origin
