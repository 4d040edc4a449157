// Invariants:
// 1. Triggers and foreign key actions of the target do not fire: what they did is part of what is
//    restored already (open_to_write in merge.cpp switches them off for this connection alone).
// 2. A row is taken away only while it is exactly what `before` says.
// 3. Shadow tables are written by SQLite only, through their virtual table.
#include "origin/merge/change.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/value.h"
#include "origin/merge/rows/references.h"

namespace perdure::origin {

namespace {

std::string listed(std::vector<std::string> const& columns) {
    std::string out;
    for (auto const& column : columns) out += (out.empty() ? "" : ", ") + identifier(column);
    return out;
}

std::string marks(std::size_t count) {
    std::string out;
    for (std::size_t at = 0; at < count; ++at) out += at ? ", ?" : "?";
    return out;
}

std::string at_place(WriteTable const& table) {
    if (!table.rowid.empty()) return identifier(table.rowid) + " = ?1";
    std::string out;
    for (std::size_t at = 0; at < table.primary.size(); ++at) {
        out += fmt::format("{}{} = ?{}", at ? " AND " : "",
                           identifier(table.columns[table.primary[at]]), at + 1);
    }
    return out;
}

/// The stretch of encoded values that is value number `wanted`.
Result<ByteView> value_at(ByteView values, std::size_t wanted) {
    Decoder in(values);
    for (std::size_t at = 0;; ++at) {
        auto const from = values.size() - in.left();
        PD_TRY([[maybe_unused]] auto const value, data::decode_value(in));
        if (at == wanted) return values.subspan(from, values.size() - in.left() - from);
    }
}

}  // namespace

Bytes encode_row(Statement const& statement, int column, std::size_t count) {
    Encoder out;
    for (std::size_t at = 0; at < count; ++at) {
        encode_column(out, statement, column + static_cast<int>(at));
    }
    return out.take();
}

Result<std::vector<ByteView>> split_values(ByteView values, std::size_t count) {
    std::vector<ByteView> out;
    Decoder in(values);
    for (std::size_t at = 0; at < count; ++at) {
        auto const from = values.size() - in.left();
        PD_TRY([[maybe_unused]] auto const value, data::decode_value(in));
        out.push_back(values.subspan(from, values.size() - in.left() - from));
    }
    PD_CHECK(in.expect_end());
    return out;
}

Result<void> bind_row(ValueBinder& binder, Statement& statement, int index, ByteView values,
                      std::size_t count) {
    Decoder in(values);
    for (std::size_t at = 0; at < count; ++at) {
        PD_CHECK(binder.bind(in, statement.get(), index + static_cast<int>(at)));
    }
    return in.expect_end();
}

ChangeList::ChangeList(Connection& connection, std::vector<WriteTable> tables)
    : connection_(&connection),
      tables_(std::move(tables)),
      prepared_(tables_.size()),
      binder_(SQLITE_UTF8) {}

Result<ChangeList> ChangeList::create(Connection& connection, std::vector<WriteTable> tables) {
    ChangeList list(connection, std::move(tables));
    PD_TRY(auto const encoding, connection.text("PRAGMA main.encoding"));
    list.binder_ = ValueBinder(encoding_code(encoding));
    PD_CHECK(
        connection.run("CREATE TEMP TABLE change(number INTEGER PRIMARY KEY, t INTEGER, record "
                       "TEXT, "
                       "before_row INTEGER, before BLOB, after_row INTEGER, after BLOB)"));
    PD_TRY(list.insert_,
           connection.prepare("INSERT INTO temp.change VALUES(NULL, ?, ?, ?, ?, ?, ?)"));
    PD_TRY(list.update_, connection.prepare("UPDATE temp.change SET after_row = ?2, after = ?3 "
                                            "WHERE number = ?1"));
    PD_TRY(list.one_, connection.prepare("SELECT * FROM temp.change WHERE number = ?1"));
    return list;
}

Result<void> ChangeList::add(Change const& change) {
    if (counting_) {
        ++size_;
        return {};
    }
    auto* row = insert_.get();
    sqlite3_bind_int64(row, 1, static_cast<std::int64_t>(change.table));
    sqlite3_bind_text64(row, 2, change.record.data(), change.record.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
    auto const bind_image = [&](int at, std::optional<StoredImage> const& image) {
        if (!image) {
            sqlite3_bind_null(row, at);
            sqlite3_bind_null(row, at + 1);
            return;
        }
        if (image->rowid_known) {
            sqlite3_bind_int64(row, at, image->rowid);
        } else {
            sqlite3_bind_null(row, at);
        }
        sqlite3_bind_blob64(row, at + 1, image->values.data(), image->values.size(), SQLITE_STATIC);
    };
    bind_image(3, change.before);
    bind_image(5, change.after);
    ++size_;
    return insert_.run();
}

Result<Change> ChangeList::decode(Statement& row) const {
    Change change;
    change.table = static_cast<std::size_t>(row.integer(1));
    if (change.table >= tables_.size()) return fail(Fault::corrupt, "a change of no table");
    change.record = row.text(2);
    auto const image = [&](int at) -> std::optional<StoredImage> {
        if (row.is_null(at + 1)) return std::nullopt;
        return StoredImage{row.integer(at), !row.is_null(at), to_bytes(row.bytes(at + 1))};
    };
    change.before = image(3);
    change.after = image(5);
    return change;
}

Result<void> ChangeList::each(std::function<Result<void>(Change const&)> const& take,
                              std::stop_token stop) {
    PD_TRY(Statement rows,
           connection_->prepare("SELECT * FROM temp.change WHERE before NOT NULL OR after NOT NULL "
                                "ORDER BY after IS NULL, number"));
    for (std::uint64_t count = 0;; ++count) {
        if (count % 1024 == 0 && stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(bool const more, rows.step());
        if (!more) return {};
        PD_TRY(auto const change, decode(rows));
        PD_CHECK(take(change));
    }
}

Result<bool> ChangeList::takes(std::size_t table, std::int64_t rowid) {
    if (!takes_) {
        PD_CHECK(connection_->run(
            "CREATE INDEX IF NOT EXISTS temp.change_place ON change(t, before_row)"));
        PD_TRY(takes_,
               connection_->prepare("SELECT 1 FROM temp.change WHERE t = ?1 AND before_row = ?2"));
    }
    sqlite3_bind_int64(takes_.get(), 1, static_cast<std::int64_t>(table));
    sqlite3_bind_int64(takes_.get(), 2, rowid);
    PD_TRY(bool const found, takes_.step());
    takes_.reset();
    return found;
}

Result<std::vector<ChangeList::HeldBack>> ChangeList::hold_back(
    std::map<std::string, std::uint64_t> const& allowed) {
    PD_CHECK(
        connection_->run("CREATE INDEX IF NOT EXISTS temp.change_place ON change(t, before_row)"));
    std::vector<HeldBack> out;
    // One that stays may hold another one.
    for (bool again = true; again;) {
        again = false;
        for (std::size_t child = 0; child < tables_.size(); ++child) {
            auto const known = allowed.find(tables_[child].name);
            PD_TRY(auto const held, held_by(child, known == allowed.end() ? 0 : known->second));
            for (auto const& [record, by] : held) {
                PD_TRY(auto const dropped, drop(record));
                for (auto const table : dropped) out.push_back({table, record, by});
                again = again || !dropped.empty();
            }
        }
    }
    return out;
}

/// Records that would go and that rows of `child` refer to, each with one of those rows.
Result<std::map<std::string, std::string>> ChangeList::held_by(std::size_t child,
                                                               std::uint64_t allowed) {
    std::map<std::string, std::string> out;
    std::uint64_t count = 0;
    auto const& table = tables_[child];
    if (table.rowid.empty()) return out;
    PD_TRY(auto const references, references_of(*connection_, "main", table.name));
    for (auto const& reference : references) {
        auto const parent = std::ranges::find_if(
            tables_, [&](auto const& each) { return ascii_same(each.name, reference.parent); });
        bool const whole = reference.from.size() == reference.to.size();
        if (parent == tables_.end() || parent->rowid.empty() || !whole) continue;
        std::string refers;
        for (std::size_t i = 0; i < reference.from.size(); ++i) {
            refers += fmt::format("{}p.{} = l.{}", i ? " AND " : "", identifier(reference.to[i]),
                                  identifier(reference.from[i]));
        }
        auto rows = connection_->prepare(fmt::format(
            "SELECT c.record, l.{3} FROM temp.change c CROSS JOIN main.{0} p ON p.{1} = "
            "c.before_row CROSS JOIN main.{2} l ON {4} WHERE c.t = {5} AND c.before NOT NULL AND "
            "c.after IS NULL AND NOT EXISTS(SELECT 1 FROM temp.change o WHERE o.t = {6} AND "
            "o.before_row = l.{3} AND o.before NOT NULL)",
            identifier(parent->name), identifier(parent->rowid), identifier(table.name),
            identifier(table.rowid), refers, parent - tables_.begin(), child));
        if (!rows) continue;  // it names no key of its parent
        for (;; ++count) {
            PD_TRY(bool const more, rows->step());
            if (!more) break;
            out.emplace(rows->text(0), fmt::format("row {} of {}", rows->integer(1), table.name));
        }
    }
    if (count == 0) return out;
    auto const now = connection_->integer("SELECT count(*) FROM pragma_foreign_key_check(" +
                                          literal(table.name) + ", 'main')");
    // One key of it names no key of its parent: SQLite looks at none of its references.
    if (!now && now.error().fault() == Fault::invalid) return std::map<std::string, std::string>();
    // What pointed to nothing before may do so again.
    bool const as_before = now && static_cast<std::uint64_t>(*now) + count <= allowed;
    return as_before ? std::map<std::string, std::string>() : out;
}

/// Gives up all removals of a record; of which tables they were.
Result<std::vector<std::size_t>> ChangeList::drop(std::string const& record) {
    std::vector<std::size_t> out;
    auto const where = " WHERE before NOT NULL AND after IS NULL AND record = " + literal(record);
    PD_TRY(Statement rows, connection_->prepare("SELECT t FROM temp.change" + where));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        out.push_back(static_cast<std::size_t>(rows.integer(0)));
    }
    dropped_ += out.size();
    PD_CHECK(connection_->run("UPDATE temp.change SET before = NULL, before_row = NULL" + where));
    return out;
}

Result<ChangeList::Prepared> ChangeList::prepare(WriteTable const& table) {
    Prepared out;
    auto const name = "main." + identifier(table.name);
    bool const separate = !table.rowid.empty() && !table.rowid_is_column;
    PD_TRY(out.remove,
           connection_->prepare(fmt::format("DELETE FROM {} WHERE {}", name, at_place(table))));
    PD_TRY(out.insert, connection_->prepare(fmt::format(
                           "INSERT INTO {}({}{}) VALUES({})", name,
                           separate ? identifier(table.rowid) + ", " : "", listed(table.columns),
                           marks(table.columns.size() + (separate ? 1 : 0)))));
    PD_TRY(out.read,
           connection_->prepare(fmt::format("SELECT {}, {} FROM {} WHERE {}",
                                            table.rowid.empty() ? "0" : identifier(table.rowid),
                                            listed(table.columns), name, at_place(table))));
    for (auto const& text : table.followers) {
        auto const index = "main." + identifier(text.name);
        PD_TRY(auto remove,
               connection_->prepare(fmt::format("DELETE FROM {} WHERE rowid = ?1", index)));
        PD_TRY(auto insert, connection_->prepare(fmt::format(
                                "INSERT INTO {}(rowid, {}) SELECT {}, {} FROM {} WHERE {}", index,
                                listed(text.columns), identifier(text.rowid), listed(text.columns),
                                name, at_place(table))));
        Statement indexed;
        if (!text.indexed.empty()) {
            PD_TRY(indexed, connection_->prepare(text.indexed));
        }
        out.unindex.push_back(std::move(remove));
        out.index.push_back(std::move(insert));
        out.is_indexed.push_back(std::move(indexed));
    }
    return out;
}

Result<ChangeList::Prepared*> ChangeList::prepared(std::size_t table) {
    if (!prepared_[table]) {
        auto made = prepare(tables_[table]);
        if (!made) return std::move(made).error().within("table " + tables_[table].name);
        prepared_[table] = std::move(*made);
    }
    return &*prepared_[table];
}

Result<void> ChangeList::bind_place(Statement& statement, WriteTable const& table,
                                    StoredImage const& image) {
    if (!table.rowid.empty()) {
        sqlite3_bind_int64(statement.get(), 1, image.rowid);
        return {};
    }
    for (std::size_t at = 0; at < table.primary.size(); ++at) {
        PD_TRY(auto const value, value_at(image.values, table.primary[at]));
        Decoder in(value);
        PD_CHECK(binder_.bind(in, statement.get(), static_cast<int>(at) + 1));
    }
    return {};
}

Result<std::optional<StoredImage>> ChangeList::read_row(WriteTable const& table, Prepared& prepared,
                                                        StoredImage const& image) {
    PD_CHECK(bind_place(prepared.read, table, image));
    PD_TRY(bool const found, prepared.read.step());
    std::optional<StoredImage> out;
    if (found) {
        out = StoredImage{prepared.read.integer(0), true,
                          encode_row(prepared.read, 1, table.columns.size())};
    }
    prepared.read.reset();
    return out;
}

/// Must come before the row changes: an index of another table's texts reads
/// them there to know what to forget.
Result<void> ChangeList::unindex(WriteTable const& table, Prepared& prepared,
                                 StoredImage const& image, std::int64_t number) {
    for (std::size_t at = 0; at < table.followers.size(); ++at) {
        auto& indexed = prepared.is_indexed[at];
        bool there = true;
        if (indexed) {
            sqlite3_bind_int64(indexed.get(), 1, image.rowid);
            PD_TRY(there, indexed.step());
            indexed.reset();
        }
        if (!there) {
            unindexed_[static_cast<std::size_t>(number)] = true;
            continue;
        }
        sqlite3_bind_int64(prepared.unindex[at].get(), 1, image.rowid);
        PD_CHECK(prepared.unindex[at].run());
    }
    return {};
}

Result<void> ChangeList::take_away(std::int64_t number, Change const& change) {
    auto const& table = tables_[change.table];
    PD_TRY(auto* const statements, prepared(change.table));
    PD_TRY(auto const now, read_row(table, *statements, *change.before));
    if (!now || now->values != change.before->values) {
        return fail(Fault::conflict, change.record + " changed meanwhile").with_code(15);
    }
    PD_CHECK(unindex(table, *statements, *change.before, number));
    PD_CHECK(bind_place(statements->remove, table, *change.before));
    return statements->remove.run();
}

Result<void> ChangeList::put_there(std::int64_t number, Change const& change) {
    auto const& table = tables_[change.table];
    PD_TRY(auto* const statements, prepared(change.table));
    auto& insert = statements->insert;
    int index = 1;
    if (!table.rowid.empty() && !table.rowid_is_column) {
        if (change.after->rowid_known) {
            sqlite3_bind_int64(insert.get(), index++, change.after->rowid);
        } else {
            sqlite3_bind_null(insert.get(), index++);
        }
    }
    PD_CHECK(bind_row(binder_, insert, index, change.after->values, table.columns.size()));
    auto const inserted = insert.run();
    binder_.forget();
    if (!inserted) {
        bool const refused = inserted.error().fault() == Fault::conflict;
        if (refused) refused_ = change.record;
        auto error = Error(inserted.error()).within(change.record + " cannot be put back");
        return refused ? std::move(error).with_code(15) : std::move(error);
    }
    StoredImage place = *change.after;
    if (!table.rowid.empty()) place.rowid = sqlite3_last_insert_rowid(connection_->get());
    PD_TRY(auto const now, read_row(table, *statements, place));
    if (!now) return fail(Fault::internal, change.record + " is not there after writing it");
    if (!(*now == *change.after)) PD_CHECK(keep_after(number, *now));
    if (unindexed_[static_cast<std::size_t>(number)]) return {};
    for (auto& statement : statements->index) {
        PD_CHECK(bind_place(statement, table, *now));
        PD_CHECK(statement.run());
    }
    return {};
}

Result<void> ChangeList::keep_after(std::int64_t number, StoredImage const& after) {
    sqlite3_bind_int64(update_.get(), 1, number);
    sqlite3_bind_int64(update_.get(), 2, after.rowid);
    sqlite3_bind_blob64(update_.get(), 3, after.values.data(), after.values.size(), SQLITE_STATIC);
    return update_.run();
}

Result<void> ChangeList::write(std::stop_token stop) {
    PD_ASSERT(!counting_);
    enum class Pass { take, put, put_anywhere };
    unindexed_.assign(size_ + 1, false);
    // Rows that SQLite finds a rowid for come last, or they would take one that
    // another row has.
    for (auto const pass : {Pass::take, Pass::put, Pass::put_anywhere}) {
        // Numbers are walked, not a cursor kept: put_there updates the rows it
        // walks over.
        for (std::int64_t number = 1; number <= static_cast<std::int64_t>(size_); ++number) {
            if (number % 256 == 0 && stop.stop_requested()) {
                return fail(Fault::cancelled, "stopped; nothing was changed");
            }
            sqlite3_bind_int64(one_.get(), 1, number);
            PD_TRY(bool const found, one_.step());
            if (!found) return fail(Fault::internal, "a change is missing");
            PD_TRY(auto const change, decode(one_));
            one_.reset();
            if (pass == Pass::take) {
                if (change.before) PD_CHECK(take_away(number, change));
            } else if (change.after && change.after->rowid_known == (pass == Pass::put)) {
                PD_CHECK(put_there(number, change));
            }
        }
    }
    return {};
}

}  // namespace perdure::origin
