#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "origin/files/leftovers.h"
#include "origin/files/target.h"
#include "origin/holder.h"
#include "origin/sqlite/sqlite_origin.h"
#include "origin/sqlite/write/builder.h"
#include "origin/sqlite/write/media_target.h"

// A database appears under its name complete, or not at all: built under a temporary name beside
// it, synced, renamed. What is replaced is first brought to rest (its log folded in), so that no
// old -wal or -journal is ever left beside a new file.

namespace perdure::origin {

namespace {

system::Path with(system::Path const& path, char const* ending) {
    return system::Path(path.string() + ending);
}

Error in_use(system::Path const& database, std::string const& holder) {
    return fail(Fault::unavailable, fmt::format("{} has {} open", holder, database.string()))
        .with_code(11)
        .with_fix("stop the application that uses the database, then restore again");
}

class SqliteTarget final : public data::RowTarget {
public:
    SqliteTarget(system::Path path, TargetOptions options, TargetOptions media)
        : path_(std::move(path)), options_(std::move(options)), media_(std::move(media)) {}
    ~SqliteTarget() override {
        builder_.reset();
        if (!temporary_.empty()) (void)system::remove_file(temporary_);
    }

    Result<void> begin(data::DatabaseSchema const& schema) override;
    Result<void> add(data::RowView const& row) override;
    Result<void> add_media(data::Entry const& entry, std::string const& path,
                           data::ByteSource& content) override {
        return media_.add(entry, path, content);
    }
    Result<void> finish(std::stop_token stop) override;
    std::vector<data::Problem> take_problems() override;

private:
    Result<void> refuse_existing() const;
    Result<void> refuse_open() const;
    Result<void> claim();
    Result<void> bring_to_rest() const;
    Result<void> publish();

    system::Path path_, temporary_;
    system::File folder_;  ///< claimed while it is filled
    TargetOptions options_;
    MediaTarget media_;
    std::unique_ptr<Builder> builder_;
    std::vector<data::Problem> problems_;
};

Result<void> SqliteTarget::refuse_existing() const {
    if (options_.overwrite || !system::exists(path_)) return {};
    return fail(Fault::conflict, path_.string() + " exists")
        .with_fix("restore into another folder, or allow overwriting");
}

/// Between two transactions nobody holds a lock, so SQLite cannot tell; and whoever has the old
/// file open would go on writing into it, though it has no name any more.
Result<void> SqliteTarget::refuse_open() const {
    if (!options_.overwrite) return {};
    system::File const file(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    auto const holder = file.is_open() ? holder_of(file.descriptor()) : std::string();
    return holder.empty() ? Result<void>{} : in_use(path_, holder);
}

/// Takes away what a restore that was killed left here: all rows of people, unencrypted.
Result<void> SqliteTarget::claim() {
    int const opened = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return system::error_from_errno(errno, "open " + options_.folder.native());
    folder_ = system::File(opened);
    bool const alone = claim_folder(folder_);
    if (alone && options_.overwrite) sweep_leftovers_beside(options_.folder);
    return {};
}

Result<void> SqliteTarget::begin(data::DatabaseSchema const& schema) {
    PD_CHECK(refuse_existing());
    PD_CHECK(refuse_open());  // again when all is made; but now nothing was touched yet
    PD_CHECK(system::make_folders(options_.folder));
    std::error_code error;
    if (std::filesystem::is_symlink(options_.folder, error)) return refuse_link(options_.folder);
    PD_CHECK(claim());
    // Without the database's own name, which may be as long as a name can be.
    temporary_ = path_.parent_path() / (temporary_prefix() + "0");
    PD_TRY(system::File file, system::File::create(temporary_, 0600));
    PD_CHECK(file.close());
    PD_TRY(builder_, Builder::create(temporary_, schema));
    return {};
}

Result<void> SqliteTarget::add(data::RowView const& row) {
    if (builder_ == nullptr) return fail(Fault::invalid, "a row before the schema");
    return builder_->add(row);
}

Result<void> SqliteTarget::finish(std::stop_token stop) {
    if (builder_ == nullptr) return fail(Fault::invalid, "no schema was given");
    PD_CHECK(builder_->finish(std::move(stop)));
    problems_ = builder_->take_problems();
    builder_.reset();
    PD_CHECK(media_.finish());
    for (auto& problem : media_.take_problems()) problems_.push_back(std::move(problem));
    return publish();
}

Result<void> SqliteTarget::publish() {
    if (options_.durable) {
        PD_TRY(system::File file, system::File::open_to_read(temporary_));
        PD_CHECK(file.sync());
        PD_CHECK(file.close());
    }
    if (options_.overwrite) {
        PD_CHECK(bring_to_rest());
        PD_CHECK(refuse_open());
        PD_CHECK(system::rename(temporary_, path_));
    } else {
        PD_CHECK(system::rename_without_replacing(temporary_, path_));
    }
    temporary_.clear();
    if (!options_.durable) return {};
    return system::sync_folder(path_.parent_path());
}

/// Folds the old database's log into it and makes sure that nobody has it open; whatever it is, no
/// side file of it survives.
Result<void> SqliteTarget::bring_to_rest() const {
    std::error_code error;
    bool const link = std::filesystem::is_symlink(path_, error);  // goes; where it leads stays
    if (!link && !system::exists(path_)) return {};
    if (!link) {
        auto old = Connection::open(path_, {.flags = SQLITE_OPEN_READWRITE, .busy_wait_ms = 500});
        if (old) {
            sqlite3_db_config(old->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
            auto quiet = old->run("PRAGMA journal_mode=DELETE");
            if (quiet) quiet = old->run("BEGIN EXCLUSIVE; COMMIT");
            if (!quiet && quiet.error().fault() == Fault::unavailable) {
                return in_use(path_, "somebody");
            }
        }
    }
    for (char const* ending : {"-wal", "-shm", "-journal"}) {
        if (system::exists(with(path_, ending))) PD_CHECK(system::remove_file(with(path_, ending)));
    }
    return {};
}

std::vector<data::Problem> SqliteTarget::take_problems() {
    return std::move(problems_);
}

}  // namespace

system::Path media_name(SourceOptions const& source) {
    auto const name = source.media.filename();
    if (name.empty()) return "media";
    return name == source.path.filename() ? system::Path(name.string() + "-media") : name;
}

Result<std::unique_ptr<data::RowTarget>> open_sqlite_target(SourceOptions const& source,
                                                            TargetOptions const& options) {
    auto const name = source.path.filename();
    if (name.empty()) return fail(Fault::invalid, "source " + source.name + " has no file name");
    TargetOptions media = options;
    media.folder = options.folder / media_name(source);
    return std::make_unique<SqliteTarget>(options.folder / name, options, std::move(media));
}

}  // namespace perdure::origin
