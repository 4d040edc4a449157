#include "demo/database.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <bit>
#include <cmath>

#include "demo/dice.h"
#include "system/step.h"

namespace perdure::demo {
namespace {

Error failed(sqlite3* database) {
    int const code = sqlite3_errcode(database) & 0xff;
    Fault fault = Fault::internal;
    if (code == SQLITE_FULL) fault = Fault::exhausted;
    if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) fault = Fault::unavailable;
    return fail(fault, fmt::format("making a sample database: {}", sqlite3_errmsg(database)));
}

}  // namespace

void Close::operator()(sqlite3* database) const {
    sqlite3_close(database);
}
void Close::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Insert& Insert::add(std::int64_t value) {
    PD_ASSERT(sqlite3_bind_int64(statement_.get(), next_++, value) == SQLITE_OK);
    return *this;
}
Insert& Insert::add(double value) {
    PD_ASSERT(sqlite3_bind_double(statement_.get(), next_++, value) == SQLITE_OK);
    return *this;
}
Insert& Insert::add(std::string_view text) {
    PD_ASSERT(sqlite3_bind_text64(statement_.get(), next_++, text.data(), text.size(),
                                  SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
    return *this;
}
Insert& Insert::add_bytes(ByteView bytes) {
    PD_ASSERT(sqlite3_bind_blob64(statement_.get(), next_++, bytes.data(), bytes.size(),
                                  SQLITE_TRANSIENT) == SQLITE_OK);
    return *this;
}
Insert& Insert::add_null() {
    PD_ASSERT(sqlite3_bind_null(statement_.get(), next_++) == SQLITE_OK);
    return *this;
}

Result<void> Insert::run() {
    PD_ASSERT(next_ - 1 == sqlite3_bind_parameter_count(statement_.get()));
    int const code = sqlite3_step(statement_.get());
    sqlite3_reset(statement_.get());
    next_ = 1;
    if (code == SQLITE_DONE) return {};
    return failed(sqlite3_db_handle(statement_.get()));
}

Result<Database> Database::create(system::Path const& path) {
    if (system::exists(path)) return fail(Fault::conflict, path.native() + " exists already");
    PD_CHECK(system::step(system::Step::create, path.native()));
    sqlite3* opened = nullptr;
    int const code =
        sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Database database;
    database.database_.reset(opened);
    if (code != SQLITE_OK) return failed(opened);
    PD_CHECK(
        database.run("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; PRAGMA cache_size=-32000;"
                     "PRAGMA foreign_keys=OFF; BEGIN"));
    return database;
}

Result<void> Database::run(std::string const& sql) {
    if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
        return {};
    return failed(database_.get());
}

Insert Database::prepare(std::string const& sql) {
    sqlite3_stmt* statement = nullptr;
    int const code = sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr);
    if (code != SQLITE_OK) invariant_broken(sqlite3_errmsg(database_.get()), __FILE__, __LINE__);
    Insert insert;
    insert.statement_.reset(statement);
    return insert;
}

Insert Database::insert_into(std::string_view table, int columns) {
    std::string marks = "?";
    for (int i = 1; i < columns; ++i) marks += ",?";
    return prepare(fmt::format("INSERT INTO {} VALUES ({})", table, marks));
}

Result<void> Database::finish() {
    PD_CHECK(run("COMMIT"));
    sqlite3_stmt* check = nullptr;
    sqlite3_prepare_v2(database_.get(), "PRAGMA foreign_key_check", -1, &check, nullptr);
    std::unique_ptr<sqlite3_stmt, Close> const owner(check);
    PD_ASSERT(sqlite3_step(check) == SQLITE_DONE);  // a dangling row would be a bug of ours
    sqlite3_reset(check);
    return run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
}

Bytes make_embedding(Dice& dice, unsigned dimensions) {
    Bytes bytes(dimensions * std::size_t{4});
    double const scale = 1.0 / std::sqrt(dimensions / 3.0);
    for (unsigned i = 0; i < dimensions; ++i) {
        auto const number = static_cast<float>((2 * dice.fraction() - 1) * scale);
        auto const bits = std::bit_cast<std::uint32_t>(number);
        for (unsigned k = 0; k < 4; ++k) bytes[i * 4 + k] = static_cast<std::byte>(bits >> (8 * k));
    }
    return bytes;
}

}  // namespace perdure::demo
