#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "origin/merge/merge.h"
#include "origin/merge/undo.h"
#include "origin/sqlite/testing.h"

// What the tests of this folder share: two databases, one merge, one undo.

namespace perdure::origin::testing {

/// Table → key → the whole row, as SQLite's own quote() writes it. Without a key: by its values.
using Dump = std::map<std::string, std::map<std::string, std::vector<std::string>>>;

inline Dump dump(system::Path const& path) {
    Dump out;
    auto database = Connection::open(path, {});
    auto const layout = read_layout(*database, false);
    for (std::size_t at = 0; at < layout->schema.tables.size(); ++at) {
        auto const& table = layout->schema.tables[at];
        if (table.shadow || table.name.starts_with("sqlite_")) continue;
        std::string columns;
        for (auto const column : layout->tables[at].stored)
            columns += ", quote(" + identifier(table.columns[column].name) + ")";
        std::string key = "''";
        for (auto const& name : table.primary_key) key += "||'/'||quote(" + identifier(name) + ")";
        for (auto const& column : table.columns) {
            if (!table.primary_key.empty()) break;
            key += "||'/'||quote(" + identifier(column.name) + ")";
        }
        auto rows =
            database->prepare("SELECT " + key + columns + " FROM " + identifier(table.name));
        auto& into = out[table.name];
        while (*rows->step()) {
            std::vector<std::string> cells;
            for (int i = 1; i < sqlite3_column_count(rows->get()); ++i)
                cells.push_back(rows->text(i));
            into[rows->text(0)] = std::move(cells);
        }
    }
    return out;
}

inline void run_sql(system::Path const& path, std::string const& sql) {
    auto database = open_for_writing(path);
    auto const done = database.run(sql);
    ASSERT_TRUE(done) << done.error().message() << "\n" << sql;
}

struct Done {
    std::vector<TableSummary> tables;
    std::vector<MergeItem> items;
    std::vector<WriteTable> written;
    std::vector<Change> changes;  ///< the journal, before → after as read back
    std::vector<SchemaDifference> differences;
    std::vector<std::string> media;

    TableSummary const& table(std::string_view name) const {
        for (auto const& each : tables) {
            if (each.table == name) return each;
        }
        static TableSummary const none;
        return none;
    }
};

inline Result<Done> merge(MergeRequest request, Merge::Mode mode) {
    Done done;
    PD_TRY(auto merge, Merge::open(std::move(request), mode, {}));
    PD_TRY(done.tables, merge->compare(
                            [&](MergeItem const& item) -> Result<void> {
                                done.items.push_back(item);
                                return {};
                            },
                            {}));
    done.differences = merge->differences();
    done.media = merge->media();
    if (mode == Merge::Mode::read) return done;
    PD_CHECK(merge->write({}));
    done.written = merge->changes().tables();
    PD_CHECK(merge->changes().each(
        [&](Change const& change) -> Result<void> {
            // Through the journal's own encoding, as a real run does it.
            Encoder out;
            encode_change(out, change);
            Decoder in(out.view());
            PD_TRY(auto again, decode_change(in));
            done.changes.push_back(std::move(again));
            return {};
        },
        {}));
    PD_CHECK(merge->commit());
    return done;
}

struct Undone {
    std::vector<UndoItem> items, held;
    std::vector<WriteTable> written;
    std::vector<Change> changes;
};

inline Result<Undone> undo(system::Path const& database, std::vector<WriteTable> const& tables,
                           std::vector<Change> const& changes) {
    Undone done;
    PD_TRY(auto undo, RowUndo::open(database, tables, Merge::Mode::write, 1000, {}));
    for (auto const& change : changes) {
        PD_TRY(auto item, undo->take(change));
        done.items.push_back(std::move(item));
    }
    PD_TRY(done.held, undo->hold_back({}));
    PD_CHECK(undo->write({}, {}));
    done.written = undo->changes().tables();
    PD_CHECK(undo->changes().each(
        [&](Change const& change) -> Result<void> {
            done.changes.push_back(change);
            return {};
        },
        {}));
    PD_CHECK(undo->commit());
    return done;
}

}  // namespace perdure::origin::testing
