#include "origin/records/record_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/ascii.h"
#include "origin/file_bytes.h"
#include "origin/files/below.h"
#include "origin/records/record_sql.h"
#include "origin/sqlite/selection.h"

namespace perdure::origin {

namespace {

/// Formats only look different for many records; counting all would read a large table once more.
constexpr std::int64_t rows_counted_max = 20'000;

/// Qualified, since an argument of std::string would find std::quoted as well.
std::string sql_name(std::string_view name) {
    return origin::identifier(name);
}

data::ValueView column_value(sqlite3_stmt* row, int column) {
    switch (sqlite3_column_type(row, column)) {
        case SQLITE_INTEGER:
            return static_cast<std::int64_t>(sqlite3_column_int64(row, column));
        case SQLITE_FLOAT:
            return sqlite3_column_double(row, column);
        case SQLITE_TEXT: {
            auto const* text = reinterpret_cast<char const*>(sqlite3_column_text(row, column));
            return std::string_view(text,
                                    static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
        }
        case SQLITE_BLOB: {
            auto const* bytes = static_cast<std::byte const*>(sqlite3_column_blob(row, column));
            return ByteView(bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
        }
        default:
            return data::Null{};
    }
}

/// Single-valued roles, by their place in role_names.
enum Role : std::size_t {
    title,
    body,
    project,
    category,
    collection,
    created,
    updated,
    subject,
    subject_label,
    embedding,
    embedding_model,
    role_count
};
constexpr std::array<char const*, role_count> role_names{
    "title",   "body",    "project",       "category",  "collection",     "created",
    "updated", "subject", "subject_label", "embedding", "embedding_model"};

/// What the mapping says in words, such as body_format; empty: nothing.
std::string_view word(data::RecordType const& type, char const* role) {
    auto const found = type.roles.find(role);
    return found == type.roles.end() ? std::string_view() : std::string_view(found->second);
}

/// A value as people write it; numbers in `keep`, which must outlive the view.
std::string_view text_of(data::ValueView const& value, std::string& keep) {
    if (auto const* text = std::get_if<std::string_view>(&value)) return *text;
    if (auto const* number = std::get_if<std::int64_t>(&value)) keep = std::to_string(*number);
    if (auto const* number = std::get_if<double>(&value)) keep = fmt::format("{}", *number);
    if (auto const* bytes = std::get_if<ByteView>(&value)) keep = to_hex(*bytes);
    if (std::holds_alternative<data::Null>(value)) keep.clear();
    return keep;
}

/// A media file, opened beneath its folder only.
class MediaFile : public data::Content {
public:
    MediaFile(system::Path folder, std::string path)
        : folder_(std::move(folder)), path_(std::move(path)) {}

    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override;

private:
    system::Path folder_;
    std::string path_;
};

bool safe_relative(std::string const& path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string::npos) return false;
    for (auto const& part : system::Path(path)) {
        if (part == "..") return false;
    }
    return true;
}

/// The folder itself may be reached through links: a person wrote its path.
Result<system::File> open_folder(system::Path const& folder) {
    int const opened = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened >= 0) return system::File(opened);
    return system::error_from_errno(errno, "opening " + folder.string());
}

Result<std::unique_ptr<data::ByteSource>> MediaFile::open(std::stop_token) {
    if (!safe_relative(path_)) {
        return fail(Fault::denied, path_ + ": lies outside the media folder");
    }
    PD_TRY(auto const root, open_folder(folder_));
    int const opened = open_beneath(root.descriptor(), path_, O_RDONLY | O_NONBLOCK);
    if (opened < 0) return system::error_from_errno(-opened, "opening " + path_);
    return std::make_unique<FileBytes>(system::File(opened));
}

/// perdure_instant(X): microseconds since 1970 of a time as applications store it, or NULL.
void instant_in_sql(sqlite3_context* context, int, sqlite3_value** arguments) {
    auto const instant = [&]() -> std::optional<Timestamp> {
        switch (sqlite3_value_type(arguments[0])) {
            case SQLITE_INTEGER:
                return instant_of(std::int64_t{sqlite3_value_int64(arguments[0])});
            case SQLITE_FLOAT:
                return instant_of(sqlite3_value_double(arguments[0]));
            case SQLITE_TEXT: {
                auto const* text = sqlite3_value_text(arguments[0]);
                auto const size = static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]));
                return instant_of(std::string_view(reinterpret_cast<char const*>(text), size));
            }
            default:
                return std::nullopt;
        }
    }();
    if (!instant) return sqlite3_result_null(context);
    sqlite3_result_int64(context, instant->seconds * 1'000'000 + instant->nanoseconds / 1000);
}

Result<void> add_instant_function(Connection& database) {
    int const flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    if (sqlite3_create_function_v2(database.get(), instant_function, 1, flags, nullptr,
                                   instant_in_sql, nullptr, nullptr, nullptr) == SQLITE_OK) {
        return {};
    }
    return database.error("prepare");
}

class SqliteRecords : public data::RecordReader {
public:
    SqliteRecords(Connection database, system::Path media)
        : database_(std::move(database)), media_(std::move(media)) {}

    Result<void> prepare(SourceOptions const& source, RecordOptions const& options,
                         std::stop_token stop) {
        database_.watch(stop);
        if (auto root = open_folder(media_); root && !media_.empty())
            media_root_ = std::move(*root);
        PD_CHECK(add_instant_function(database_));
        PD_CHECK(database_.run("BEGIN"));
        PD_CHECK(find_people(source, options));
        auto mappings = source.mapping.records;
        if (options.unmapped_tables) PD_CHECK(add_unmapped(mappings));
        for (auto const& mapping : mappings) {
            if (!options.types.empty() &&
                std::ranges::find(options.types, mapping.type) == options.types.end()) {
                continue;
            }
            PD_TRY(auto compiled, compile_record(database_, mapping,
                                                 {.subjects = source.mapping.subjects,
                                                  .order = options.order,
                                                  .whose = whose(mapping.table)}));
            PD_TRY(auto const rows,
                   database_.integer(fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {})",
                                                 sql_name(mapping.table), rows_counted_max)));
            compiled.type.rows = static_cast<std::uint64_t>(rows);
            types_.push_back(compiled.type);
            compiled_.push_back(std::move(compiled));
        }
        return {};
    }

    std::vector<data::RecordType> const& types() const override { return types_; }

    Result<data::Record const*> next(std::stop_token stop) override {
        PD_TRY(bool const row, step(stop));
        if (!row) return nullptr;
        PD_CHECK(fill());
        return &record_;
    }

    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        return std::make_shared<MediaFile>(media_, path);
    }
    std::vector<data::Problem> take_problems() override { return std::exchange(problems_, {}); }

private:
    /// As a backup finds out whose a row is.
    Result<void> find_people(SourceOptions const& source, RecordOptions const& options) {
        if (!options.follow_people || !source.mapping.subjects) return {};
        PD_TRY(layout_, read_layout(database_, false));
        PD_TRY(people_, route_people(database_, layout_, source.mapping));
        return {};
    }
    std::string whose(std::string const& table) const {
        auto const at = find_table(layout_, table);
        return at ? people_.expression(*at, "t") : std::string();
    }

    Result<void> add_unmapped(std::vector<data::RecordMapping>& mappings) {
        PD_TRY(auto statement,
               database_.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND "
                                 "type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                                 "ORDER BY name"));
        while (true) {
            PD_TRY(bool const row, statement.step());
            if (!row) return {};
            auto const name = statement.text(0);
            bool const mapped = std::ranges::any_of(
                mappings, [&](auto const& mapping) { return ascii_same(mapping.table, name); });
            if (!mapped) mappings.push_back({.type = name, .table = name, .fields = {}});
        }
    }

    /// To the next row, of the next type if need be. False at the end.
    Result<bool> step(std::stop_token const& stop) {
        while (type_ < compiled_.size()) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            if (!main_) PD_CHECK(start_type());
            PD_TRY(bool const row, main_.step());
            if (row) return true;
            main_ = {};
            ++type_;
        }
        return false;
    }

    /// What is the same for every record of the type is looked up here, once.
    Result<void> start_type() {
        auto const& compiled = compiled_[type_];
        PD_TRY(main_, database_.prepare(compiled.sql));
        tags_ = {};
        linked_media_ = {};
        if (compiled.tags) {
            PD_TRY(tags_, database_.prepare(compiled.tags->sql));
        }
        if (compiled.media) {
            PD_TRY(linked_media_, database_.prepare(compiled.media->sql));
        }
        record_ = {.type = compiled.type.type, .table = compiled.type.table};
        for (auto const& column : compiled.type.columns) record_.fields.push_back({column, {}});
        record_.body_format = word(compiled.type, "body_format");
        embedding_dtype_ = word(compiled.type, "embedding_dtype");
        if (embedding_dtype_.empty()) embedding_dtype_ = "f32";
        for (std::size_t role = 0; role < role_count; ++role) {
            auto const found = compiled.role_columns.find(role_names[role]);
            role_at_[role] = found == compiled.role_columns.end() ? -1 : found->second;
        }
        return {};
    }

    data::ValueView value_at(int column) const {
        auto const at = static_cast<std::size_t>(column);
        return at < record_.fields.size() ? record_.fields[at].value
                                          : column_value(main_.get(), column);
    }

    data::ValueView role(Role role) const {
        return role_at_[role] < 0 ? data::Null{} : value_at(role_at_[role]);
    }

    std::string_view role_text(Role role) { return text_of(this->role(role), kept_[role]); }

    Result<void> fill() {
        auto const& compiled = compiled_[type_];
        for (std::size_t i = 0; i < record_.fields.size(); ++i) {
            record_.fields[i].value = column_value(main_.get(), static_cast<int>(i));
        }
        fill_key(compiled);
        record_.title = role_text(title);
        record_.body = role_text(body);
        record_.project = role_text(project);
        record_.category = role_text(category);
        record_.collection = role_text(collection);
        record_.created = instant_of(role(created));
        record_.updated = instant_of(role(updated));
        bool const nobodys = std::holds_alternative<data::Null>(role(subject));
        record_.subject = nobodys ? std::string_view() : role_text(subject);
        record_.subject_label = role_text(subject_label);
        fill_embedding();
        PD_CHECK(fill_tags(compiled));
        return fill_media(compiled);
    }

    void fill_key(RecordSql const& compiled) {
        std::string keep;
        record_.id.clear();
        for (int const column : compiled.key_columns) {
            if (!record_.id.empty()) record_.id += '/';
            record_.id += text_of(value_at(column), keep);
        }
        if (compiled.key_columns.empty()) {
            record_.id = text_of(value_at(compiled.rowid_column), keep);
        }
    }

    void fill_embedding() {
        record_.embedding.reset();
        auto const value = role(embedding);
        auto const* vector = std::get_if<ByteView>(&value);
        if (!vector) return;
        record_.embedding = data::EmbeddingView{
            .model = role_text(embedding_model), .dtype = embedding_dtype_, .vector = *vector};
    }

    /// Runs a many-valued role's statement for the current record.
    template <typename Each>
    Result<void> each_value(Statement& statement, ManyRole const& many, Each each) {
        statement.reset();
        sqlite3_bind_value(statement.get(), 1, sqlite3_column_value(main_.get(), many.key_column));
        std::string keep;
        while (true) {
            PD_TRY(bool const row, statement.step());
            if (!row) return {};
            each(std::string(text_of(column_value(statement.get(), 0), keep)));
        }
    }

    Result<void> fill_tags(RecordSql const& compiled) {
        record_.tags.clear();
        if (!compiled.tags) return {};
        return each_value(tags_, *compiled.tags,
                          [&](std::string tag) { record_.tags.push_back(std::move(tag)); });
    }

    Result<void> fill_media(RecordSql const& compiled) {
        record_.media.clear();
        if (!compiled.media) return {};
        PD_CHECK(each_value(linked_media_, *compiled.media, [&](std::string path) {
            record_.media.push_back({.path = std::move(path)});
        }));
        for (auto& media : record_.media) {
            if (!safe_relative(media.path)) {
                problems_.push_back({media.path, "lies outside the media folder"});
                continue;
            }
            struct stat status{};
            int const opened = media_root_.is_open()
                                   ? open_beneath(media_root_.descriptor(), media.path, O_PATH)
                                   : -ENOENT;
            system::File const file(opened);
            if (opened >= 0 && ::fstat(opened, &status) == 0 && S_ISREG(status.st_mode)) {
                media.present = true;
                media.size = static_cast<std::uint64_t>(status.st_size);
                continue;
            }
            bool const link = opened == -ELOOP || (opened >= 0 && S_ISLNK(status.st_mode));
            problems_.push_back({media.path, link ? "lies behind a link, which may lead anywhere"
                                                  : "the media file is missing"});
        }
        return {};
    }

    Connection database_;
    system::Path media_;
    system::File media_root_;
    Layout layout_;   ///< empty, unless people are followed
    Routing people_;  ///< the same
    std::vector<data::RecordType> types_;
    std::vector<RecordSql> compiled_;
    std::size_t type_ = 0;
    Statement main_, tags_, linked_media_;
    data::Record record_;
    std::array<int, role_count> role_at_{};     ///< place in the row; below 0: not mapped
    std::array<std::string, role_count> kept_;  ///< numbers among roles, as text
    std::string_view embedding_dtype_;
    std::vector<data::Problem> problems_;
};

}  // namespace

std::optional<Timestamp> instant_of(data::ValueView const& value) {
    if (auto const* text = std::get_if<std::string_view>(&value)) {
        auto parsed = parse_time(*text);
        if (parsed) return *parsed;
        return std::nullopt;
    }
    double seconds = 0;
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        seconds = static_cast<double>(*number);
    } else if (auto const* real = std::get_if<double>(&value); real && std::isfinite(*real)) {
        seconds = *real;
    } else {
        return std::nullopt;
    }
    if (std::abs(seconds) > 1e14) {
        seconds /= 1e6;
    } else if (std::abs(seconds) > 1e11) {
        seconds /= 1e3;
    }
    auto const whole = std::floor(seconds);
    return Timestamp{static_cast<std::int64_t>(whole),
                     static_cast<std::uint32_t>((seconds - whole) * 1e9)};
}

Result<std::unique_ptr<data::RecordReader>> open_records(SourceOptions const& source,
                                                         RecordOptions const& options,
                                                         std::stop_token stop) {
    PD_TRY(auto database, Connection::open(source.path, {}));
    auto records = std::make_unique<SqliteRecords>(std::move(database), source.media);
    PD_CHECK(records->prepare(source, options, std::move(stop)));
    return records;
}

}  // namespace perdure::origin
