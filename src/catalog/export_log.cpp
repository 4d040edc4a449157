#include "catalog/export_log.h"

#include "catalog/handle.h"

namespace perdure::catalog {
namespace {

constexpr char const* schema = R"(
CREATE TABLE IF NOT EXISTS export(
  id INTEGER PRIMARY KEY AUTOINCREMENT, written INTEGER NOT NULL, source TEXT NOT NULL,
  snapshot TEXT NOT NULL, format TEXT NOT NULL, output TEXT NOT NULL, sha256 TEXT NOT NULL,
  records INTEGER NOT NULL, media INTEGER NOT NULL, files INTEGER NOT NULL,
  bytes INTEGER NOT NULL, omissions INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS export_by_output ON export(output, id);
CREATE INDEX IF NOT EXISTS export_by_digest ON export(sha256, id);
CREATE TABLE IF NOT EXISTS share(
  id TEXT PRIMARY KEY, bundle TEXT NOT NULL, sha256 TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE,
  export INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  downloads INTEGER NOT NULL DEFAULT 0, downloads_max INTEGER NOT NULL,
  passphrase INTEGER NOT NULL, revoked INTEGER);
PRAGMA user_version = 1;
)";

constexpr std::string_view export_columns =
    "id, written, source, snapshot, format, output, sha256, records, media, files, bytes, "
    "omissions";
constexpr std::string_view share_columns =
    "id, bundle, sha256, token_hash, export, created, expires, downloads, downloads_max, "
    "passphrase, revoked";

ExportRecord read_export(Statement const& row) {
    auto const count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
    ExportRecord out;
    out.id = row.integer(0);
    out.written = {row.integer(1), 0};
    out.source = row.text(2);
    out.snapshot = row.text(3);
    out.format = row.text(4);
    out.output = row.text(5);
    out.sha256 = row.text(6);
    out.records = count(7);
    out.media = count(8);
    out.files = count(9);
    out.bytes = count(10);
    out.omissions = count(11);
    return out;
}

ShareRecord read_share(Statement const& row) {
    ShareRecord out;
    out.id = row.text(0);
    out.bundle = row.text(1);
    out.sha256 = row.text(2);
    out.token_hash = row.text(3);
    out.export_id = row.integer(4);
    out.created = {row.integer(5), 0};
    out.expires = {row.integer(6), 0};
    out.downloads = static_cast<std::uint64_t>(row.integer(7));
    out.downloads_max = static_cast<std::uint64_t>(row.integer(8));
    out.passphrase = row.integer(9) != 0;
    if (!row.is_null(10)) out.revoked = Timestamp{row.integer(10), 0};
    return out;
}

std::int64_t whole(std::uint64_t count) {
    return static_cast<std::int64_t>(count);
}

}  // namespace

struct ExportLog::State {
    DatabaseHandle database;

    Result<Statement> prepare(std::string const& sql) {
        return Statement::prepare(database.get(), sql);
    }
};

ExportLog::ExportLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExportLog::~ExportLog() = default;
ExportLog::ExportLog(ExportLog&&) noexcept = default;
ExportLog& ExportLog::operator=(ExportLog&&) noexcept = default;

Result<ExportLog> ExportLog::open(system::Path const& file) {
    auto state = std::make_unique<State>();
    PD_TRY(state->database, open_log(file, schema, "log of exports"));
    return ExportLog(std::move(state));
}

Result<std::int64_t> ExportLog::add(ExportRecord const& record) {
    PD_TRY(auto row,
           state_->prepare("INSERT INTO export(written, source, snapshot, format, output, "
                           "sha256, records, media, files, bytes, omissions) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    row.bind(record.written.seconds).bind(record.source).bind(record.snapshot);
    row.bind(record.format).bind(record.output).bind(record.sha256);
    for (auto const count :
         {record.records, record.media, record.files, record.bytes, record.omissions}) {
        row.bind(whole(count));
    }
    PD_CHECK(row.step());
    return sqlite3_last_insert_rowid(state_->database.get());
}

Result<std::vector<ExportRecord>> ExportLog::list(std::size_t max) {
    PD_TRY(auto rows, state_->prepare("SELECT " + std::string(export_columns) +
                                      " FROM export ORDER BY id DESC LIMIT ?"));
    rows.bind(whole(max));
    std::vector<ExportRecord> out;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        out.push_back(read_export(rows));
    }
}

Result<std::optional<ExportRecord>> ExportLog::find(std::string const& output,
                                                    std::string const& sha256) {
    for (auto const& [column, value] :
         {std::pair{"output", &output}, std::pair{"sha256", &sha256}}) {
        PD_TRY(auto rows,
               state_->prepare("SELECT " + std::string(export_columns) + " FROM export WHERE " +
                               column + " = ? ORDER BY id DESC LIMIT 1"));
        rows.bind(std::string_view(*value));
        PD_TRY(bool const found, rows.step());
        if (found) return std::optional<ExportRecord>(read_export(rows));
    }
    return std::optional<ExportRecord>();
}

Result<void> ExportLog::add_share(ShareRecord const& share) {
    PD_TRY(auto row, state_->prepare("INSERT INTO share(id, bundle, sha256, token_hash, export, "
                                     "created, expires, downloads_max, passphrase) "
                                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    row.bind(share.id).bind(share.bundle).bind(share.sha256).bind(share.token_hash);
    row.bind(share.export_id).bind(share.created.seconds).bind(share.expires.seconds);
    row.bind(whole(share.downloads_max)).bind(std::int64_t{share.passphrase ? 1 : 0});
    PD_CHECK(row.step());
    return {};
}

Result<std::vector<ShareRecord>> ExportLog::shares() {
    PD_TRY(auto rows, state_->prepare("SELECT " + std::string(share_columns) +
                                      " FROM share ORDER BY created DESC, id"));
    std::vector<ShareRecord> out;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        out.push_back(read_share(rows));
    }
}

Result<ShareRecord> ExportLog::revoke(std::string const& id, Timestamp now) {
    PD_TRY(auto update, state_->prepare("UPDATE share SET revoked = coalesce(revoked, ?) "
                                        "WHERE id = ?"));
    update.bind(now.seconds).bind(id);
    PD_CHECK(update.step());
    PD_TRY(auto rows,
           state_->prepare("SELECT " + std::string(share_columns) + " FROM share WHERE id = ?"));
    rows.bind(id);
    PD_TRY(bool const found, rows.step());
    if (!found) return fail(Fault::not_found, "there is no share " + id);
    return read_share(rows);
}

}  // namespace perdure::catalog
