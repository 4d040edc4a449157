#include "origin/records/record_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "origin/records/record_sql.h"

namespace perdure::origin {

namespace {

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

class MediaBytes : public data::ByteSource {
public:
    explicit MediaBytes(system::File file) : file_(std::move(file)) {}
    Result<std::size_t> read(ByteSpan into) override { return file_.read(into); }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    system::File file_;
};

bool safe_relative(std::string const& path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string::npos) return false;
    for (auto const& part : system::Path(path)) {
        if (part == "..") return false;
    }
    return true;
}

Result<std::unique_ptr<data::ByteSource>> MediaFile::open(std::stop_token) {
    if (!safe_relative(path_)) {
        return fail(Fault::denied, path_ + ": lies outside the media folder");
    }
    PD_TRY(auto file, system::File::open_to_read(folder_ / path_));
    return std::make_unique<MediaBytes>(std::move(file));
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
        PD_CHECK(add_instant_function(database_));
        PD_CHECK(database_.run("BEGIN"));
        auto mappings = source.mapping.records;
        if (options.unmapped_tables) PD_CHECK(add_unmapped(mappings));
        for (auto const& mapping : mappings) {
            if (!options.types.empty() &&
                std::ranges::find(options.types, mapping.type) == options.types.end()) {
                continue;
            }
            PD_TRY(auto compiled,
                   compile_record(database_, mapping, source.mapping.subjects, options.order));
            PD_TRY(auto const rows,
                   database_.integer("SELECT count(*) FROM " + sql_name(mapping.table)));
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
                mappings, [&](auto const& mapping) { return same_name(mapping.table, name); });
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
        return {};
    }

    data::ValueView role(std::string const& name) const {
        auto const& columns = compiled_[type_].role_columns;
        auto const found = columns.find(name);
        return found == columns.end() ? data::Null{} : column_value(main_.get(), found->second);
    }

    std::string_view role_text(std::string const& name) { return text_of(role(name), kept_[name]); }

    Result<void> fill() {
        auto const& compiled = compiled_[type_];
        record_.type = compiled.type.type;
        record_.table = compiled.type.table;
        record_.fields.clear();
        for (std::size_t i = 0; i < compiled.type.columns.size(); ++i) {
            record_.fields.push_back(
                {compiled.type.columns[i], column_value(main_.get(), static_cast<int>(i))});
        }
        record_.id = key_text(compiled);
        record_.title = role_text("title");
        record_.body = role_text("body");
        auto const format = compiled.type.roles.find("body_format");
        record_.body_format = format == compiled.type.roles.end()
                                  ? std::string_view()
                                  : std::string_view(format->second);
        record_.project = role_text("project");
        record_.category = role_text("category");
        record_.collection = role_text("collection");
        record_.created = instant_of(role("created"));
        record_.updated = instant_of(role("updated"));
        record_.subject = role_text("subject");
        record_.subject_label = role_text("subject_label");
        fill_embedding(compiled);
        PD_CHECK(fill_tags(compiled));
        return fill_media(compiled);
    }

    std::string key_text(RecordSql const& compiled) {
        std::string key, keep;
        for (int const column : compiled.key_columns) {
            if (!key.empty()) key += '/';
            key += text_of(column_value(main_.get(), column), keep);
        }
        if (compiled.key_columns.empty()) {
            key = text_of(column_value(main_.get(), compiled.rowid_column), keep);
        }
        return key;
    }

    void fill_embedding(RecordSql const& compiled) {
        record_.embedding.reset();
        auto const value = role("embedding");
        auto const* vector = std::get_if<ByteView>(&value);
        if (!vector) return;
        auto const dtype = compiled.type.roles.find("embedding_dtype");
        record_.embedding = data::EmbeddingView{
            .model = role_text("embedding_model"),
            .dtype = dtype == compiled.type.roles.end() ? "f32" : std::string_view(dtype->second),
            .vector = *vector};
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
            struct stat status{};
            if (!safe_relative(media.path)) {
                problems_.push_back({media.path, "lies outside the media folder"});
            } else if (media_.empty() || ::lstat((media_ / media.path).c_str(), &status) != 0 ||
                       !S_ISREG(status.st_mode)) {
                problems_.push_back({media.path, "the media file is missing"});
            } else {
                media.present = true;
                media.size = static_cast<std::uint64_t>(status.st_size);
            }
        }
        return {};
    }

    Connection database_;
    system::Path media_;
    std::vector<data::RecordType> types_;
    std::vector<RecordSql> compiled_;
    std::size_t type_ = 0;
    Statement main_, tags_, linked_media_;
    data::Record record_;
    std::map<std::string, std::string> kept_;
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
