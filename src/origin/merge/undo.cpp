// Problem: take back what a restore wrote into a database that its application used since, without
// losing what it wrote.
//
// 1. A record is judged by three images: before the run, after it, and now. What is as the run left
//    it goes back whole; where other fields changed since, only the run's own fields go back; where
//    one of those changed, the record stays and is named.
// 2. All are judged before anything is written, and again under the write lock.
// 3. A row whose number no column shows is known by its values: it may come back under any number,
//    unless another row holds by now what must be unique.
// 4. Rows that go but are referred to by now stay (hold_back), so no reference breaks.
//
// Rejected: putting the safety snapshot back (it would take later work with it); giving restored
// rows numbers above all deleted ones (an application that appends a row takes the number anyway).
#include "origin/merge/undo.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/value.h"
#include "origin/merge/rows/module_tables.h"
#include "origin/merge/rows/unique_index.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

constexpr std::size_t name_bytes_max = 1 << 20;
constexpr std::size_t row_bytes_max = std::size_t{1} << 31;
constexpr std::size_t columns_max = 100'000;

bool same(ByteView a, ByteView b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

class SqliteUndo final : public RowUndo {
public:
    SqliteUndo(system::Path database, Merge::Mode mode, Connection connection)
        : database_(std::move(database)), mode_(mode), connection_(std::move(connection)) {}
    ~SqliteUndo() override {
        readers_.clear();
        holders_.clear();
        changes_.reset();
        if (!committed_) static_cast<void>(connection_.run("ROLLBACK"));
    }

    Result<void> prepare(std::vector<WriteTable> const& tables) {
        PD_CHECK(connection_.run(mode_ == Merge::Mode::write ? "BEGIN IMMEDIATE" : "BEGIN"));
        PD_TRY(auto const encoding, connection_.text("PRAGMA main.encoding"));
        encoding_ = encoding_code(encoding);
        PD_TRY(auto const layout, read_layout(connection_, false));
        PD_TRY(auto now, write_tables(connection_, layout));
        for (auto const& table : tables) {
            auto const found = std::ranges::find(now, table);
            places_.push_back(found == now.end() ? -1 : static_cast<int>(found - now.begin()));
            bool follows = false, module = false;
            for (auto const& text : layout.virtual_tables) {
                if (!ascii_same(text.name, table.name)) continue;
                module = true;
                PD_TRY(auto const judged, judge_module(connection_, layout, text, "main"));
                follows = judged.kind == ModuleTable::Kind::followed;
            }
            texts_.push_back(follows);
            names_.push_back(table.name);
            bool const hidden =
                found != now.end() && !found->rowid.empty() && !found->rowid_is_column;
            movable_.push_back(hidden && !module);
        }
        readers_.resize(now.size());
        holders_.resize(now.size());
        PD_TRY(auto changes, ChangeList::create(connection_, std::move(now)));
        changes_.emplace(std::move(changes));
        return {};
    }

    ChangeList& changes() override { return *changes_; }

    Result<UndoItem> take(Change const& change) override {
        PD_TRY(auto const at, place_of(change));
        UndoItem item{
            .table = names_[change.table], .record = change.record, .text = texts_[change.table]};
        PD_TRY(auto current, read(at, change.after ? *change.after : *change.before));
        PD_TRY(auto wanted, judge(at, change, current, item));
        if (current && !change.after && item.verdict == UndoItem::Verdict::kept) {
            PD_TRY(bool const goes, changes_->takes(at, current->rowid));
            PD_TRY(bool const room, has_room(at, change, goes));
            if (room) {
                item = {.table = item.table, .record = item.record, .text = item.text};
                wanted = goes ? *change.before : StoredImage{0, false, change.before->values};
                current.reset();
            }
        }
        bool const writes =
            item.verdict == UndoItem::Verdict::back || item.verdict == UndoItem::Verdict::merged;
        if (writes) {
            PD_CHECK(changes_->add({at, change.record, std::move(current), wanted}));
        }
        return item;
    }

    Result<std::vector<UndoItem>> hold_back(DanglingCounts const& allowed) override {
        PD_TRY(auto const held, changes_->hold_back(allowed));
        std::vector<UndoItem> out;
        for (auto const& row : held) {
            auto const& name = changes_->tables()[row.table].name;
            auto const known = std::ranges::find(names_, name) - names_.begin();
            out.push_back({.verdict = UndoItem::Verdict::kept,
                           .table = name,
                           .record = row.record,
                           .reason = row.by + " refers to it since",
                           .text = texts_[static_cast<std::size_t>(known)]});
        }
        return out;
    }

    Result<int> shows(Change const& change) override {
        PD_TRY(auto const at, place_of(change));
        PD_TRY(auto const current, read(at, change.after ? *change.after : *change.before));
        bool const before = equal(current, change.before);
        // The number of a row that went may be another one's by now.
        bool const gone = !change.after && movable_[change.table] && !before;
        bool const after = gone || equal(current, change.after);
        return after == before ? 0 : (after ? 1 : -1);
    }

    DanglingCounts const& dangled() const override { return dangled_; }
    Result<void> write(DanglingCounts const& allowed, std::stop_token stop) override {
        PD_ASSERT(mode_ == Merge::Mode::write);
        readers_.clear();
        readers_.resize(changes_->tables().size());
        holders_.clear();
        holders_.resize(changes_->tables().size());
        PD_CHECK(system::step(system::Step::write, database_.string()));
        auto written = changes_->write(stop);
        if (!written && !changes_->refused().empty()) {
            return std::move(written).error().with_fix(
                "change or remove what holds that value by now, then undo again");
        }
        PD_CHECK(written);
        PD_CHECK(check_collations(connection_));
        PD_TRY(dangled_, check_references(connection_, database_, *changes_, allowed, false, stop));
        return {};
    }

    Result<void> commit() override {
        PD_CHECK(system::step(system::Step::sync, database_.string()));
        PD_CHECK(connection_.run("COMMIT"));
        committed_ = true;
        return {};
    }

private:
    Result<std::size_t> place_of(Change const& change) const {
        if (change.table >= places_.size()) return fail(Fault::corrupt, "a change of no table");
        if (places_[change.table] >= 0) return static_cast<std::size_t>(places_[change.table]);
        return fail(Fault::conflict, fmt::format("table {} is gone or has other columns since",
                                                 names_[change.table]))
            .with_code(15)
            .with_fix("the state from before is in the run's safety snapshot");
    }

    static bool equal(std::optional<StoredImage> const& a, std::optional<StoredImage> const& b) {
        if (!a || !b) return !a && !b;
        return same(a->values, b->values);
    }

    Result<std::optional<StoredImage>> read(std::size_t at, StoredImage const& image) {
        auto const& table = changes_->tables()[at];
        if (!readers_[at]) {
            std::string columns, where;
            for (auto const& column : table.columns)
                columns += (columns.empty() ? "" : ", ") + identifier(column);
            if (!table.rowid.empty()) where = identifier(table.rowid) + " = ?1";
            for (std::size_t i = 0; i < table.primary.size() && table.rowid.empty(); ++i) {
                where += fmt::format("{}{} = ?{}", i ? " AND " : "",
                                     identifier(table.columns[table.primary[i]]), i + 1);
            }
            PD_TRY(readers_[at], connection_.prepare(fmt::format(
                                     "SELECT {}, {} FROM main.{} WHERE {}",
                                     table.rowid.empty() ? "0" : identifier(table.rowid), columns,
                                     identifier(table.name), where)));
        }
        auto& statement = readers_[at];
        ValueBinder binder(encoding_);
        if (!table.rowid.empty()) {
            sqlite3_bind_int64(statement.get(), 1, image.rowid);
        } else {
            PD_TRY(auto const values, split_values(image.values, table.columns.size()));
            for (std::size_t i = 0; i < table.primary.size(); ++i) {
                Decoder in(values[table.primary[i]]);
                PD_CHECK(binder.bind(in, statement.get(), static_cast<int>(i) + 1));
            }
        }
        PD_TRY(bool const found, statement.step());
        std::optional<StoredImage> out;
        if (found) {
            out = StoredImage{statement.integer(0), true,
                              encode_row(statement, 1, table.columns.size())};
        }
        statement.reset();
        return out;
    }

    /// A number that no column shows says nothing about a row, and databases give it to the next
    /// one: a row that went can stand anywhere, unless another one holds what must be unique.
    /// `goes`: who stands in its place is a row of the run's own, which goes.
    Result<bool> has_room(std::size_t at, Change const& change, bool goes) {
        if (!movable_[change.table]) return false;
        if (!holders_[at]) PD_CHECK(find_uniques(at));
        auto const count = changes_->tables()[at].columns.size();
        ValueBinder binder(encoding_);
        for (auto& unique : *holders_[at]) {
            if (!unique.find) {  // only the database itself knows what it compares, and will tell
                if (goes) continue;
                return false;
            }
            unique.values.reset();
            PD_CHECK(bind_row(binder, unique.values, 1, change.before->values, count));
            PD_TRY(bool const counts, unique.values.step());
            if (!counts) continue;
            for (int i = 0; i < sqlite3_column_count(unique.values.get()); ++i) {
                sqlite3_bind_value(unique.find.get(), i + 1,
                                   sqlite3_column_value(unique.values.get(), i));
            }
            PD_TRY(bool const held, unique.find.step());
            auto const holder = held ? unique.find.integer(0) : 0;
            unique.find.reset();
            if (!held) continue;
            PD_TRY(bool const gives_way, changes_->takes(at, holder));
            if (!gives_way) return false;
        }
        return true;
    }

    Result<void> find_uniques(std::size_t at) {
        auto const& table = changes_->tables()[at];
        auto& uniques = holders_[at].emplace();
        PD_TRY(auto const indexes, unique_indexes(connection_, "main", table.name));
        for (auto const& index : indexes) {
            auto& unique = uniques.emplace_back();
            auto values = connection_.prepare(index.of_row(table.columns));
            if (!values) continue;
            unique.values = std::move(*values);
            PD_TRY(unique.find,
                   connection_.prepare(fmt::format("SELECT {} FROM main.{} l WHERE {} AND {}",
                                                   identifier(table.rowid), identifier(table.name),
                                                   index.equals("l"), index.applies())));
        }
        return {};
    }

    /// What the row shall be, where the verdict writes.
    Result<std::optional<StoredImage>> judge(std::size_t at, Change const& change,
                                             std::optional<StoredImage> const& current,
                                             UndoItem& item) const {
        using enum UndoItem::Verdict;
        item.verdict = kept;
        if (equal(current, change.before)) {
            item.verdict = already;
        } else if (equal(current, change.after)) {
            item.verdict = back;
            return change.before;
        } else if (!change.before) {
            item.reason = "it was changed after the restore brought it back";
        } else if (!change.after) {
            item.reason = "another record stands in its place since";
        } else if (!current) {
            item.reason = "it was deleted after the restore";
        } else {
            return merge(at, change, *current, item);
        }
        return std::optional<StoredImage>();
    }

    /// Fields that the run changed go back, unless somebody changed them since.
    Result<std::optional<StoredImage>> merge(std::size_t at, Change const& change,
                                             StoredImage const& current, UndoItem& item) const {
        auto const& columns = changes_->tables()[at].columns;
        PD_TRY(auto const before, split_values(change.before->values, columns.size()));
        PD_TRY(auto const after, split_values(change.after->values, columns.size()));
        PD_TRY(auto const now, split_values(current.values, columns.size()));
        StoredImage out{current.rowid, true, {}};
        for (std::size_t i = 0; i < columns.size(); ++i) {
            bool const ours = !same(before[i], after[i]);
            if (ours && !same(now[i], after[i]) && !same(now[i], before[i])) {
                item.reason = fmt::format("{} was changed after the restore", columns[i]);
                return std::optional<StoredImage>();
            }
            append(out.values, ours ? before[i] : now[i]);
        }
        item.verdict = UndoItem::Verdict::merged;
        item.reason = "later changes of other fields stay";
        return std::optional(std::move(out));
    }

    system::Path database_;
    Merge::Mode mode_;
    Connection connection_;
    unsigned char encoding_ = SQLITE_UTF8;
    std::optional<ChangeList> changes_;
    std::vector<int> places_;  ///< by the journal's number of the table; -1: other columns now
    std::vector<bool> texts_;
    std::vector<bool> movable_;  ///< its rows have numbers that nothing refers to
    std::vector<std::string> names_;
    std::vector<Statement> readers_;
    struct Unique {
        Statement values;  ///< what a row comes to, by all its values
        Statement find;    ///< who holds that; empty: it is about what only the database computes
    };
    std::vector<std::optional<std::vector<Unique>>> holders_;  ///< by table, once it was asked
    DanglingCounts dangled_;
    bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<RowUndo>> RowUndo::open(system::Path const& database,
                                               std::vector<WriteTable> const& tables,
                                               Merge::Mode mode, int busy_wait_ms,
                                               std::stop_token stop) {
    auto opened = mode == Merge::Mode::write ? open_to_write(database, busy_wait_ms, stop)
                                             : open_to_look(database, busy_wait_ms);
    if (!opened) return std::move(opened).error();
    auto undo = std::make_unique<SqliteUndo>(database, mode, std::move(*opened));
    PD_CHECK(undo->prepare(tables));
    return undo;
}

void encode_tables(Encoder& out, std::vector<WriteTable> const& tables) {
    out.varint(tables.size());
    for (auto const& table : tables) {
        out.text(table.name);
        out.varint(table.columns.size());
        for (auto const& column : table.columns) out.text(column);
    }
}

Result<std::vector<WriteTable>> decode_tables(Decoder& in) {
    std::vector<WriteTable> tables;
    PD_TRY(auto const count, in.varint());
    if (count > columns_max) return fail(Fault::corrupt, "too many tables");
    for (std::uint64_t at = 0; at < count; ++at) {
        WriteTable table;
        PD_TRY(table.name, in.text(name_bytes_max));
        PD_TRY(auto const columns, in.varint());
        if (columns > columns_max) return fail(Fault::corrupt, "too many columns");
        for (std::uint64_t c = 0; c < columns; ++c) {
            PD_TRY(auto column, in.text(name_bytes_max));
            table.columns.push_back(std::move(column));
        }
        tables.push_back(std::move(table));
    }
    return tables;
}

void encode_change(Encoder& out, Change const& change) {
    out.varint(change.table);
    out.text(change.record);
    for (auto const& image : {change.before, change.after}) {
        out.u8(image ? 1 : 0);
        if (!image) continue;
        out.svarint(image->rowid);
        out.bytes(image->values);
    }
}

Result<Change> decode_change(Decoder& in) {
    Change change;
    PD_TRY(change.table, in.varint());
    PD_TRY(change.record, in.text(name_bytes_max));
    for (auto* image : {&change.before, &change.after}) {
        PD_TRY(auto const there, in.u8());
        if (there > 1) return fail(Fault::corrupt, "a row image that is neither there nor not");
        if (there == 0) continue;
        image->emplace();
        PD_TRY((*image)->rowid, in.svarint());
        PD_TRY(auto const values, in.bytes(row_bytes_max));
        (*image)->values = to_bytes(values);
    }
    return change;
}

}  // namespace perdure::origin
