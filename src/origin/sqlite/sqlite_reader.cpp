#include "origin/sqlite/sqlite_reader.h"

#include <algorithm>

#include "origin/damage.h"
#include "origin/files/content.h"
#include "origin/sqlite/digest.h"
#include "origin/sqlite/media.h"
#include "origin/sqlite/row_codec.h"
#include "origin/sqlite/selection.h"
#include "origin/sqlite/source.h"

namespace perdure::origin {

namespace {

/// What is no file has no bytes.
class NoContent final : public data::Content, public data::ByteSource {
public:
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        return std::make_unique<NoContent>();
    }
    Result<std::size_t> read(ByteSpan) override { return std::size_t{0}; }
    Result<data::Entry> entry_after_reading() override {
        return fail(Fault::unsupported, "no file, no content");
    }
};

/// By position: tables whose rows lie in an order that only their application knows: WITHOUT ROWID,
/// with a collation of its own in the key. A copy that is made here lies in byte order.
Result<std::vector<bool>> sorted_by_application(Connection& connection, Layout const& layout) {
    std::vector<bool> out;
    for (std::size_t table = 0; table < layout.tables.size(); ++table) {
        if (layout.tables[table].key != KeyKind::primary_key) {
            out.push_back(false);
            continue;
        }
        // The key of such a table is its first index, and is the table.
        PD_TRY(std::int64_t const own,
               connection.integer("SELECT count(*) FROM pragma_index_list(" +
                                  literal(layout.schema.tables[table].name) +
                                  ", 'main') l, pragma_index_xinfo(l.name, 'main') x "
                                  "WHERE l.origin = 'pk' AND x.key AND x.coll" +
                                  is_application_order));
        out.push_back(own > 0);
    }
    return out;
}

class SqliteReader final : public data::RowReader {
public:
    SqliteReader(SourceOptions const& source, Source database)
        : options_(source), source_(std::move(database)) {}

    Result<void> prepare(UnmadeObjects const& unmade, RowOrder order);
    data::DatabaseSchema const& schema() const override { return layout_.schema; }
    Result<std::optional<data::RowView>> next(std::stop_token stop) override;
    std::shared_ptr<data::Content> open_media(ByteView key) override;
    Result<data::LogicalDigest> digest() override;
    std::vector<data::Problem> take_problems() override { return std::move(problems_); }

private:
    Result<void> start_table();
    Result<std::optional<data::RowView>> next_row();
    Result<void> make_key();
    void tell_unclaimed();
    Result<void> guard(std::size_t row_bytes);
    Result<void> start_media();
    Result<void> collect_owners(MediaColumn const& column, bool must_exist);
    Result<std::optional<data::RowView>> next_media();
    std::string table_name() const { return layout_.schema.tables[table_].name; }

    SourceOptions options_;
    Source source_;
    Layout layout_;
    Selection selection_;
    DigestBuilder digest_;
    std::vector<bool> own_order_;  ///< by position: the digest leaves it out
    std::size_t table_ = 0;
    Statement rows_;
    Statement numbers_;  ///< of a table so wide that its rows' numbers would be a column too many
    Encoder key_, payload_, subject_;
    std::uint64_t row_ = 0;       ///< rows of this table so far
    std::int64_t unclaimed_ = 0;  ///< of them, see tell_unclaimed()
    std::int64_t rowid_ = 0;
    std::uint64_t allowance_bytes_ = 0;  ///< see guard()
    std::uint64_t slack_bytes_ = 0;
    std::optional<Walk> walk_;
    MediaOwners owners_;
    bool media_started_ = false, ended_ = false;
    std::vector<data::Problem> problems_;
};

Result<void> SqliteReader::prepare(UnmadeObjects const& unmade, RowOrder order) {
    auto& connection = source_.connection();
    PD_TRY(layout_, read_layout(connection, source_.is_wal()));
    PD_TRY(selection_, select_rows(connection, layout_, options_));
    PD_TRY(own_order_, sorted_by_application(connection, layout_));
    if (order == RowOrder::as_stored) own_order_.assign(own_order_.size(), false);
    problems_ = std::move(selection_.problems);
    auto schema = layout_.schema;
    for (auto const& [place, object] : unmade) {
        auto const at = std::min(place, schema.objects.size());
        schema.objects.insert(schema.objects.begin() + static_cast<std::ptrdiff_t>(at), object);
    }
    digest_.schema(schema);
    // An encoded value takes at most about thrice its bytes in the file.
    allowance_bytes_ = 4 * source_.size_bytes() + (std::uint64_t{1} << 20);
    return {};
}

void SqliteReader::tell_unclaimed() {
    auto const count = std::exchange(unclaimed_, 0);
    if (count == 0) return;
    auto const& [owner, others] = selection_.routing.choice(table_);
    std::string list;
    for (auto const& other : others) list += (list.empty() ? "" : " or ") + other.rule;
    problems_.push_back(
        {table_name(), std::to_string(count) + " of its rows name nobody in " + owner.column +
                           " and somebody in " + list +
                           ": they are kept as nobody's and survive an erasure; say whose they "
                           "are: subjects.owners." +
                           table_name() + " = \"" + others.front().rule + "\", or \"" + owner.rule +
                           "\" to leave it so"});
}

// Statement columns: rowid (where there is one), then the stored values, then the subject (where
// there can be one) and whether somebody else is named. A covering index would give the rows in
// another order: see Selection::from. Where that is more than SQLite takes, a second statement
// walks the same rows for the first and the last of these.
Result<void> SqliteReader::start_table() {
    auto const& layout = layout_.tables[table_];
    auto& connection = source_.connection();
    std::string number, subject = selection_.routing.expression(table_, "t");
    if (!subject.empty()) subject += ", " + selection_.routing.unclaimed(table_, "t");
    if (layout.key == KeyKind::rowid) number = "t." + identifier(layout.rowid_name);
    auto const columns =
        layout.stored.size() + (number.empty() ? 0 : 1) + (subject.empty() ? 0 : 2);
    auto const most = sqlite3_limit(connection.get(), SQLITE_LIMIT_COLUMN, -1);
    auto const prepare = [&](std::initializer_list<std::string_view> parts) -> Result<Statement> {
        std::string listed;
        for (auto const part : parts) {
            if (!part.empty()) listed += (listed.empty() ? "" : ", ") + std::string(part);
        }
        auto prepared = connection.prepare("SELECT " + listed + " FROM " + selection_.from[table_]);
        if (!prepared) return std::move(prepared.error()).within("reading table " + table_name());
        return prepared;
    };
    numbers_ = Statement();
    if (columns > static_cast<std::size_t>(most)) {
        PD_TRY(numbers_, prepare({number, subject}));
        number.clear();
        subject.clear();
    }
    PD_TRY(rows_, prepare({number, selection_.columns[table_], subject}));
    row_ = 0;
    slack_bytes_ = 0;
    for (auto const& object : layout_.schema.objects) {
        // Rows older than an added column read as its default, which the schema's text holds (as
        // UTF-8: in a database of UTF-16 it takes twice as much).
        if (object.name == table_name()) slack_bytes_ = 2 * object.sql.size();
    }
    using Order = DigestBuilder::Order;
    digest_.begin_table(table_name(), own_order_[table_] ? Order::does_not_count : Order::counts);
    return {};
}

Result<std::optional<data::RowView>> SqliteReader::next(std::stop_token stop) {
    // A look at the stop for each row would cost as much as a small row does.
    if (row_ % 1024 == 0 && stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    while (table_ < layout_.schema.tables.size()) {
        if (!rows_) {
            if (selection_.left_out[table_]) {
                ++table_;
                continue;
            }
            PD_CHECK(start_table());
        }
        auto row = next_row();
        if (!row)
            return with_advice(std::move(row.error()).within("reading table " + table_name()),
                               options_);
        if (*row) return row;
        tell_unclaimed();
        rows_ = Statement();
        ++table_;
    }
    if (!media_started_) PD_CHECK(start_media());
    return next_media();
}

Result<std::optional<data::RowView>> SqliteReader::next_row() {
    PD_TRY(bool const more, rows_.step());
    if (numbers_) {
        PD_TRY(bool const numbered, numbers_.step());
        if (numbered != more) return fail(Fault::corrupt, "its rows cannot be counted");
    }
    if (!more) return std::nullopt;
    auto const& layout = layout_.tables[table_];
    PD_CHECK(make_key());
    payload_.clear();
    int const first = layout.key == KeyKind::rowid ? 1 : 0;
    int column = numbers_ ? 0 : first;
    for (std::size_t at = 0; at < layout.stored.size(); ++at) {
        encode_column(payload_, rows_, column++);
    }
    PD_CHECK(guard(payload_.size()));
    subject_.clear();
    Statement const& whose = numbers_ ? numbers_ : rows_;
    if (numbers_) column = first;
    if (selection_.routing.leads_to_person(table_)) {
        if (!whose.is_null(column)) encode_column(subject_, whose, column);
        unclaimed_ += whose.integer(column + 1);
    }
    ++row_;
    digest_.row(key_.view(), payload_.view());
    return data::RowView{subject_.view(), static_cast<std::uint32_t>(table_), key_.view(),
                         payload_.view()};
}

Result<void> SqliteReader::make_key() {
    auto const& layout = layout_.tables[table_];
    key_.clear();
    switch (layout.key) {
        case KeyKind::rowid: {
            auto const rowid = (numbers_ ? numbers_ : rows_).integer(0);
            if (row_ > 0 && rowid <= rowid_) {
                return fail(Fault::corrupt, "rows out of order: the database is damaged");
            }
            rowid_ = rowid;
            encode_rowid(key_, rowid);
            return {};
        }
        case KeyKind::primary_key:
            for (auto const at : layout.key_values) {
                encode_key_column(key_, rows_, static_cast<int>(at));
            }
            return {};
        case KeyKind::ordinal:
            encode_rowid(key_, static_cast<std::int64_t>(row_));
            return {};
    }
    return {};
}

/// A damaged tree whose pages lead to each other again and again would never end: what comes out of
/// a file is bounded by what fits into it.
Result<void> SqliteReader::guard(std::size_t row_bytes) {
    std::uint64_t const used = row_bytes > slack_bytes_ ? row_bytes - slack_bytes_ : 1;
    if (used > allowance_bytes_) {
        return fail(Fault::corrupt, "more rows than the file can hold: the database is damaged");
    }
    allowance_bytes_ -= used;
    return {};
}

Result<void> SqliteReader::start_media() {
    media_started_ = true;
    if (options_.media.empty()) return {};
    PD_TRY(std::vector<MediaColumn> columns, mapped_media(options_.mapping, layout_));
    bool const mapped = !columns.empty();
    if (!mapped && options_.mapping.subjects) {
        PD_TRY(columns, probe_media(source_.connection(), layout_, options_.media));
    }
    for (auto const& column : columns) PD_CHECK(collect_owners(column, mapped));
    PD_TRY(walk_, Walk::open({.folder = options_.media,
                              .exclude = ExcludeRules(options_.exclude, options_.media.native()),
                              .exclude_caches = false}));
    return {};
}

Result<void> SqliteReader::collect_owners(MediaColumn const& column, bool must_exist) {
    auto const& table = layout_.schema.tables[column.table];
    std::string const path = "t." + identifier(table.columns[column.column].name);
    auto const subject = selection_.routing.expression(column.table, "t");
    PD_TRY(Statement rows,
           source_.connection().prepare(
               "SELECT " + path + (subject.empty() ? ", NULL" : ", " + subject) + " FROM main." +
               identifier(table.name) + " t WHERE typeof(" + path + ") = 'text'"));
    Encoder key;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return {};
        MediaOwners::Named named{"a row of " + table.name, rows.text(0), must_exist};
        std::string const below = below_media(named.written, options_.media);
        if (below.empty()) {
            bool const lost = must_exist && leads_out(named.written);
            if (lost) owners_.add_outside(std::move(named));
            continue;
        }
        key.clear();
        if (!rows.is_null(1)) encode_column(key, rows, 1);
        owners_.add(below, key.view(), std::move(named));
    }
}

Result<std::optional<data::RowView>> SqliteReader::next_media() {
    while (walk_) {
        PD_TRY(std::optional<data::TreeItem> item, walk_->next());
        if (!item) {
            for (auto& problem : walk_->take_problems()) problems_.push_back(std::move(problem));
            ExcludeRules const excluded(options_.exclude, options_.media.native());
            for (auto& problem : owners_.unmet(options_.media, excluded))
                problems_.push_back(std::move(problem));
            walk_.reset();
            break;
        }
        if (item->step == data::TreeItem::Step::leave) continue;
        // Each name travels with its own content: two people may own two names of one file.
        item->entry.same_as.clear();
        item->entry.sparse = false;
        item->entry.extents.clear();
        payload_.clear();
        data::encode_entry(payload_, item->entry);
        key_.clear();
        key_.raw(as_bytes(walk_->path()));
        // The folder itself is nobody's, and no part of what two databases are compared by.
        if (!walk_->path().empty()) digest_.media(walk_->path(), item->entry);
        auto const owner = owners_.owner(walk_->path(), item->entry.kind);
        return data::RowView{owner, data::media_table, key_.view(), payload_.view()};
    }
    if (!ended_) PD_CHECK(source_.still_unchanged());
    ended_ = true;
    return std::nullopt;
}

std::shared_ptr<data::Content> SqliteReader::open_media(ByteView key) {
    auto folder = system::File::open_to_read(options_.media);
    if (!folder) return std::make_shared<NoContent>();
    auto const root = std::make_shared<system::File const>(std::move(*folder));
    return file_content(root, to_string(key), {});
}

Result<data::LogicalDigest> SqliteReader::digest() {
    if (!ended_) return fail(Fault::invalid, "the digest is known once all rows were read");
    return digest_.finish();
}

}  // namespace

Error with_advice(Error error, SourceOptions const& source) {
    if (error.fault() != Fault::corrupt || !error.fix().empty()) return error;
    auto const path = source.path.string();
    return std::move(error)
        .within("database " + path)
        .with_fix("its last whole state, if there is a backup: perdure restore latest " +
                  source.name + " --to DIR; what the file still gives: sqlite3 " + path +
                  " .recover");
}

Result<std::vector<std::string>> compared_without_order(SourceOptions const& copy,
                                                        std::stop_token stop) {
    std::vector<std::string> names;
    if (copy.type != "sqlite") return names;
    PD_TRY(Source database, Source::open(copy.path, std::move(stop)));
    PD_TRY(auto const layout, read_layout(database.connection(), database.is_wal()));
    PD_TRY(auto const sorted, sorted_by_application(database.connection(), layout));
    for (std::size_t table = 0; table < sorted.size(); ++table) {
        if (sorted[table]) names.push_back(layout.schema.tables[table].name);
    }
    return names;
}

Result<std::unique_ptr<data::RowReader>> read_sqlite(SourceOptions const& source,
                                                     std::stop_token stop,
                                                     UnmadeObjects const& unmade, RowOrder order) {
    PD_TRY(Source database, Source::open(source.path, std::move(stop)));
    auto reader = std::make_unique<SqliteReader>(source, std::move(database));
    PD_CHECK(reader->prepare(unmade, order));
    return reader;
}

}  // namespace perdure::origin
