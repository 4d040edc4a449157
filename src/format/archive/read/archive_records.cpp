#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "format/archive/layout.h"
#include "format/archive/read/portable_archive.h"
#include "format/archive/read/records_cursor.h"
#include "format/archive/read/seed_records.h"
#include "format/archive/read/vector_files.h"
#include "format/archive/unpack/file_bytes.h"
#include "format/record/record_parser.h"

namespace perdure::format {

namespace {

/// A medium of the archive; the hash is its name.
class Medium : public data::Content {
public:
    Medium(PortableArchive const& archive, std::string path, std::string name)
        : archive_(archive), path_(std::move(path)), name_(std::move(name)) {}
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        if (name_.empty()) return fail(Fault::not_found, path_ + " is not in the archive");
        PD_TRY(auto file, archive_.open_file(name_));
        return std::make_unique<FileBytes>(std::move(file));
    }

private:
    PortableArchive const& archive_;
    std::string path_, name_;
};

/// Where media lie, by the names that records gave them.
class MediaNames {
public:
    void note(data::Record const& record, std::vector<std::string> const& hashes) {
        std::lock_guard const lock(mutex_);
        for (std::size_t i = 0; i < record.media.size(); ++i) {
            if (!hashes[i].empty()) names_[record.media[i].path] = media_name(hashes[i]);
        }
    }
    std::string find(std::string const& path) {
        std::lock_guard const lock(mutex_);
        auto const found = names_.find(path);
        return found == names_.end() ? std::string() : found->second;
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::string> names_;
};

class ArchiveRecords : public data::RecordReader {
public:
    explicit ArchiveRecords(PortableArchive const& archive)
        : archive_(archive),
          vectors_(archive),
          parser_(archive.manifest().types, [this](std::string_view place, std::string_view id) {
              return vector(place, id);
          }) {
        for (auto const& place : archive.manifest().places) {
            if (std::ranges::find(files_, place.file) == files_.end()) files_.push_back(place.file);
        }
    }

    std::vector<data::RecordType> const& types() const override {
        return archive_.manifest().types;
    }

    Result<data::Record const*> next(std::stop_token stop) override {
        while (file_ < files_.size()) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            if (!cursor_) {
                PD_TRY(cursor_, RecordsCursor::open(archive_, files_[file_]));
            }
            PD_TRY(auto const found, cursor_->next());
            if (!found) {
                cursor_.reset();
                ++file_;
                continue;
            }
            PD_TRY(auto const* const record, take(*found));
            if (record) return record;
        }
        if (!archive_.salvaged() && !std::exchange(ended_, true)) {
            for (auto const& file : files_) PD_CHECK(vectors_.check_all_used(file));
        }
        return nullptr;
    }

    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        return std::make_shared<Medium>(archive_, path, media_.find(path));
    }
    std::vector<data::Problem> take_problems() override { return std::exchange(problems_, {}); }

private:
    /// Null, where a salvage leaves the record out.
    Result<data::Record const*> take(RecordsCursor::Found const& found) {
        if (!found.lost.empty()) {
            problems_.push_back({shown(found.id), found.lost});
            return nullptr;
        }
        auto record = parser_.parse(found.json);
        if (!record) {
            auto error = Error(std::move(record).error()).within(shown(found.id));
            if (!archive_.salvaged()) return error;
            problems_.push_back({shown(found.id), error.message()});
            return nullptr;
        }
        if (!found.id.empty() && (*record)->id != found.id) {
            return fail(Fault::corrupt,
                        fmt::format("{}: the index calls the record {} by another id, {}",
                                    files_[file_], (*record)->id, found.id));
        }
        media_.note(**record, parser_.media_hashes());
        return *record;
    }

    std::string shown(std::string const& id) const {
        return id.empty() ? files_[file_] : fmt::format("{} {}", type_of_file(), id);
    }
    std::string type_of_file() const {
        auto const& places = archive_.manifest().places;
        auto const found =
            std::ranges::find(places, files_[file_], &ArchiveManifest::TypeFile::file);
        return archive_.manifest().types[static_cast<std::size_t>(found - places.begin())].type;
    }

    Result<Bytes> vector(std::string_view place, std::string_view id) {
        auto vector = vectors_.get(files_[file_], place, id);
        if (vector || !archive_.salvaged()) return vector;
        problems_.push_back({shown(std::string(id)), "its vector is lost"});
        return Bytes{};
    }

    PortableArchive const& archive_;
    VectorFiles vectors_;
    RecordParser parser_;
    std::vector<std::string> files_;
    std::size_t file_ = 0;
    bool ended_ = false;
    std::optional<RecordsCursor> cursor_;
    MediaNames media_;
    std::vector<data::Problem> problems_;
};

/// The flat variant of seed 002: one JSON document, vectors by position.
class SeedRecords : public data::RecordReader {
public:
    explicit SeedRecords(PortableArchive const& archive)
        : archive_(archive),
          vectors_(archive),
          parser_(archive.manifest().types, [this](std::string_view place, std::string_view id) {
              return vectors_.get(name, place, id);
          }) {}

    std::vector<data::RecordType> const& types() const override {
        return archive_.manifest().types;
    }

    Result<data::Record const*> next(std::stop_token stop) override {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (done_) return nullptr;
        if (!in_) PD_CHECK(start());
        PD_TRY(auto const event, in_->next());
        if (event == JsonEvent::end_array) {
            done_ = true;
            PD_CHECK(finish());
            return nullptr;
        }
        PD_TRY(auto const seed, read_value(*in_, event));
        auto const place = dtype_.empty() ? std::string() : fmt::format("embeddings/{}", count_);
        ++count_;
        auto migrated = migrate_3_to_4(seed, place, dtype_);
        if (!migrated) {
            return Error(std::move(migrated).error()).within(fmt::format("memory {}", count_));
        }
        json_.clear();
        write_json(json_, *migrated);
        return parser_.parse(json_);
    }

    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        return std::make_shared<Medium>(archive_, path, "");
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    static constexpr std::string_view name = "memories.json";

    Result<void> start() {
        PD_TRY(auto file, archive_.open_file(name));
        source_ = std::make_unique<FileBytes>(std::move(file));
        in_.emplace(*source_);
        PD_TRY(auto const first, in_->next());
        if (first != JsonEvent::begin_object) return fail(Fault::invalid, "memories.json");
        PD_CHECK(find_dtype());
        while (true) {
            PD_TRY(auto const event, in_->next());
            if (event == JsonEvent::end_object) {
                return fail(Fault::invalid, "memories.json holds no \"memories\"");
            }
            std::string const key(in_->text());
            PD_TRY(auto const value, in_->next());
            if (key == "memories") {
                if (value == JsonEvent::begin_array) return {};
                return fail(Fault::invalid, "the memories are no list");
            }
            PD_CHECK(in_->skip(value));
        }
    }

    Result<void> find_dtype() {
        if (!archive_.has("embeddings.npz")) return {};
        PD_TRY(auto const* const npz, vectors_.file(name));
        auto const* const array = npz->find("embeddings");
        if (!array || array->header.kind != 'f' || array->header.shape.size() > 2) {
            return fail(Fault::invalid, "embeddings.npz holds no matrix of numbers");
        }
        // numpy makes a list of empty vectors a matrix of no columns, or a flat list.
        if (array->header.shape.size() < 2 || array->header.shape[1] == 0) return {};
        dtype_ = fmt::format("f{}", array->header.element_bytes * 8);
        rows_ = array->header.rows();
        if (rows_ != archive_.manifest().memory_count) {
            return fail(Fault::corrupt,
                        fmt::format("{} vectors for {} memories: which belongs to which is unknown",
                                    rows_, archive_.manifest().memory_count));
        }
        return {};
    }

    Result<void> finish() {
        while (true) {
            PD_TRY(auto const event, in_->next());
            if (event == JsonEvent::end) break;
            if (event == JsonEvent::key) {
                PD_TRY(auto const value, in_->next());
                PD_CHECK(in_->skip(value));
            }
        }
        if (count_ == archive_.manifest().memory_count) return {};
        return fail(Fault::corrupt, fmt::format("the manifest tells of {} memories, there are {}",
                                                archive_.manifest().memory_count, count_));
    }

    PortableArchive const& archive_;
    VectorFiles vectors_;
    RecordParser parser_;
    std::unique_ptr<data::ByteSource> source_;
    std::optional<JsonReader> in_;
    std::string dtype_, json_;
    std::uint64_t rows_ = 0, count_ = 0;
    bool done_ = false;
};

}  // namespace

std::unique_ptr<data::RecordReader> open_archive_records(PortableArchive const& archive) {
    if (archive.manifest().schema == 3) return std::make_unique<SeedRecords>(archive);
    return std::make_unique<ArchiveRecords>(archive);
}

namespace {

/// An archive and its records.
class OwnedRecords : public data::RecordReader {
public:
    explicit OwnedRecords(PortableArchive archive)
        : archive_(std::move(archive)), records_(open_archive_records(archive_)) {}
    std::vector<data::RecordType> const& types() const override { return records_->types(); }
    Result<data::Record const*> next(std::stop_token stop) override {
        return records_->next(std::move(stop));
    }
    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        return records_->open_media(path);
    }
    std::vector<data::Problem> take_problems() override { return records_->take_problems(); }

private:
    PortableArchive archive_;
    std::unique_ptr<data::RecordReader> records_;
};

}  // namespace

Result<std::unique_ptr<data::RecordReader>> open_archive_file(system::Path const& path,
                                                              std::stop_token stop) {
    PD_TRY(auto archive, PortableArchive::open(path, {}, std::move(stop)));
    return std::make_unique<OwnedRecords>(std::move(archive));
}

}  // namespace perdure::format
