// Problem: read a database that others write, without leaving a trace on it.
//
// 1. One read transaction from the first statement to the last; nothing is read before it.
// 2. Never a descriptor of our own on a database that a connection of this process may have open:
//    closing it would drop that connection's POSIX locks. Only stat(), and SQLite's own file.
// 3. A non-empty -wal without -shm, or a hot -journal, means: a crash, nobody is connected. It is
//    copied, and the copy counts only if nothing changed meanwhile.
// 4. Side files are looked for where SQLite has them: beside the file that a link leads to, not
//    beside the link. Else a hot journal is overlooked, and half a commit taken for the data.
// 5. A -wal and -shm that were not there before are removed by a connection that closes in the
//    ordinary way, which SQLite does only when it is the last one.
//
// Rejected: sqlite3_backup (a copy of every page, restarted by every writer); opening for writing
// (recovers and checkpoints); locking_mode=EXCLUSIVE (the application would wait for the backup).
#include "origin/sqlite/source.h"

#include <sys/stat.h>

namespace perdure::origin {

namespace {

/// Above this size a crashed database is read in place, at the price of a -shm file that stays.
constexpr std::uint64_t copy_bytes_max = std::uint64_t{4} << 30;
constexpr std::size_t copy_block_bytes = std::size_t{1} << 20;
constexpr int copy_attempts_max = 3;

system::Path side(system::Path const& path, char const* ending) {
    return system::Path(path.string() + ending);
}

Result<void> copy_file(system::Path const& from, system::Path const& to,
                       std::stop_token const& stop) {
    PD_TRY(system::File in, system::File::open_to_read(from));
    PD_TRY(system::File out, system::File::create(to));
    Bytes block(copy_block_bytes);
    for (;;) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(std::size_t const count, in.read(block));
        if (count == 0) break;
        PD_CHECK(out.write(ByteView(block).first(count)));
    }
    return out.close();
}

/// Whether SQLite refused because it could not make or use its side files.
bool wants_side_files(Connection const& connection) {
    int const code = sqlite3_extended_errcode(connection.get());
    int const primary = code & 0xff;
    return primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_PERM ||
           code == SQLITE_IOERR_SHMOPEN || code == SQLITE_IOERR_SHMMAP ||
           code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_LOCK;
}

}  // namespace

Source::Identity Source::identity_of(system::Path const& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {static_cast<std::uint64_t>(status.st_size), status.st_ino, status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec};
}

Source::Sides Source::sides_of(system::Path const& path) {
    return {identity_of(path), identity_of(side(path, "-wal")), identity_of(side(path, "-journal")),
            identity_of(side(path, "-shm"))};
}

Result<Source> Source::open(system::Path const& path, std::stop_token stop) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        return system::error_from_errno(errno, "database " + path.string());
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(Fault::invalid, path.string() + " is no file, so no SQLite database");
    }
    std::error_code failed;
    auto const real = std::filesystem::canonical(path, failed);
    if (failed) return system::error_from_errno(failed.value(), "database " + path.string());
    Source source;
    source.path_ = real;
    source.before_ = sides_of(real);
    if (source.needs_copy()) {
        PD_CHECK(source.begin_copy(stop));
        return source;
    }
    auto const begun = source.begin(real, {}, stop);
    if (begun) {
        source.live_ = true;
        return source;
    }
    if (!source.connection_ || !wants_side_files(*source.connection_)) return begun.error();
    source.connection_.reset();
    if (source.before_.wal.size != 0 || source.before_.journal.size != 0) {
        PD_CHECK(source.begin_copy(stop));
        return source;
    }
    source.immutable_ = true;
    PD_CHECK(source.begin(real, {.immutable = true}, stop));
    return source;
}

bool Source::needs_copy() const {
    bool const orphan_wal = before_.wal.size != 0 && before_.index.inode == 0;
    return orphan_wal && before_.database.size + before_.wal.size <= copy_bytes_max;
}

Result<void> Source::begin(system::Path const& path, Connection::Options options,
                           std::stop_token const& stop) {
    PD_TRY(Connection connection, Connection::open(path, options));
    connection_.emplace(std::move(connection));
    connection_->watch(stop);
    PD_CHECK(connection_->run("PRAGMA cell_size_check=ON"));
    PD_CHECK(connection_->run("BEGIN"));
    PD_TRY(std::int64_t const objects,
           connection_->integer("SELECT count(*) FROM main.sqlite_schema"));
    (void)objects;
    PD_TRY(std::int64_t const pages, connection_->integer("PRAGMA main.page_count"));
    PD_TRY(std::int64_t const page_bytes, connection_->integer("PRAGMA main.page_size"));
    size_bytes_ = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
    return look_at_header();
}

Result<void> Source::look_at_header() {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(connection_->get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    unsigned char version = 0;
    constexpr sqlite3_int64 write_version_offset = 18;
    if (file != nullptr && file->pMethods != nullptr && size_bytes_ > 0) {
        int const code = file->pMethods->xRead(file, &version, 1, write_version_offset);
        if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
            return error_from_sqlite(nullptr, code, "reading the header of " + path_.string());
        }
    }
    is_wal_ = version == 2;
    return {};
}

Result<void> Source::begin_copy(std::stop_token const& stop) {
    for (int attempt = 0; attempt < copy_attempts_max; ++attempt) {
        Sides const before = sides_of(path_);
        PD_TRY(system::ScratchFolder scratch, system::ScratchFolder::create());
        system::Path const copy = scratch.path() / "copy.db";
        PD_CHECK(copy_file(path_, copy, stop));
        if (before.wal.inode != 0) {
            PD_CHECK(copy_file(side(path_, "-wal"), side(copy, "-wal"), stop));
        }
        if (before.journal.inode != 0) {
            PD_CHECK(copy_file(side(path_, "-journal"), side(copy, "-journal"), stop));
        }
        if (sides_of(path_) != before) continue;
        scratch_.emplace(std::move(scratch));
        // The copy is ours to recover, hence open for writing; the user's file is not touched.
        return begin(copy, {.flags = SQLITE_OPEN_READWRITE}, stop);
    }
    return fail(Fault::unavailable,
                path_.string() + " was left by a crash and is being changed while it is copied")
        .with_fix("start the application once, so that it recovers its database, then run again");
}

Result<void> Source::still_unchanged() const {
    if (!immutable_) return {};
    Sides const now = sides_of(path_);
    if (now.database == before_.database && now.wal == before_.wal &&
        now.journal == before_.journal) {
        return {};
    }
    return fail(Fault::conflict, path_.string() + " was written while it was read without locks")
        .with_fix("give perdure write access to the folder, or stop the application meanwhile");
}

Source::~Source() {
    if (path_.empty()) return;  // moved from
    bool const made_side_files = live_ && is_wal_ && before_.wal.inode == 0;
    connection_.reset();
    if (!made_side_files || identity_of(side(path_, "-wal")).size != 0) return;
    auto last = Connection::open(path_, {.flags = SQLITE_OPEN_READWRITE, .busy_wait_ms = 0});
    if (!last) return;
    sqlite3_db_config(last->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    (void)last->integer("SELECT count(*) FROM main.sqlite_schema");
}

}  // namespace perdure::origin
