#include "format/record/read/json_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "crypto/hash.h"
#include "data/bytes/memory_content.h"
#include "format/record/read/line_reader.h"
#include "format/record/read/no_content.h"
#include "format/record/read/record_types.h"
#include "format/record/record_parser.h"

namespace perdure::format {

namespace {

constexpr std::string_view line_start = "{\"_type\":", seal_start = ",\"_sha256\":\"";

Error bad_line(std::uint64_t line, std::string_view what) {
    return fail(Fault::corrupt, fmt::format("line {}: {}", line, what));
}

/// The line without its seal is what the seal is of.
bool seal_holds(std::string_view line) {
    constexpr std::size_t seal_bytes = seal_start.size() + 64 + 2;
    if (line.size() < seal_bytes || !line.ends_with("\"}")) return false;
    auto const body = line.substr(0, line.size() - seal_bytes);
    auto const seal = line.substr(body.size());
    if (!seal.starts_with(seal_start)) return false;
    crypto::Sha256 hash;
    hash.update(as_bytes(body));
    hash.update(as_bytes(std::string_view("}")));
    return to_hex(hash.finish()) == seal.substr(seal_start.size(), 64);
}

/// Where a medium stands: in which line, and as which of its media.
struct Place {
    std::uint64_t offset = 0;
    std::size_t bytes = 0, position = 0;
};

class Inside : public data::Content {
public:
    Inside(LineReader const& lines, Place place, std::string path)
        : lines_(lines), place_(place), path_(std::move(path)) {}
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        PD_TRY(auto const line, lines_.bytes_at(place_.offset, place_.bytes));
        PD_TRY(auto const record, read_json(line));
        auto const* const list = record.find("_media_data");
        auto const* const all = list ? list->array() : nullptr;
        if (!all || place_.position >= all->size() || !(*all)[place_.position].members()) {
            return fail(Fault::not_found, path_ + " is not in this file");
        }
        auto const& medium = (*all)[place_.position];
        PD_TRY(auto bytes, from_base64(medium.text("base64")));
        if (to_hex(crypto::sha256(bytes)) != medium.text("sha256")) {
            return fail(Fault::corrupt, path_ + " is not what was written");
        }
        return std::make_unique<data::MemorySource>(
            std::make_shared<Bytes const>(std::move(bytes)));
    }

private:
    LineReader const& lines_;
    Place place_;
    std::string path_;
};

class JsonFile : public data::RecordReader {
public:
    enum class Shape : std::uint8_t { document, lines };

    static Result<std::unique_ptr<data::RecordReader>> open(system::Path const& file, Shape shape,
                                                            std::stop_token const& stop) {
        auto reader = std::make_unique<JsonFile>(shape);
        if (shape == Shape::lines) PD_CHECK(reader->find_types(file, stop));
        PD_TRY(auto opened, system::File::open_to_read(file));
        reader->lines_ = LineReader(std::move(opened));
        if (shape == Shape::document) PD_CHECK(reader->read_header());
        return reader;
    }

    explicit JsonFile(Shape shape) : shape_(shape), parser_(types_) {}

    std::vector<data::RecordType> const& types() const override { return types_; }

    Result<data::Record const*> next(std::stop_token stop) override {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (done_) return nullptr;
        PD_TRY(auto line, lines_.next());
        ++line_;
        if (!line && shape_ == Shape::document) return bad_line(line_, "the file was cut short");
        if (!line || (shape_ == Shape::document && *line == "]}")) {
            done_ = true;
            return nullptr;
        }
        auto text = *line;
        if (shape_ == Shape::document && text.ends_with(',')) text.remove_suffix(1);
        if (!seal_holds(text)) return bad_line(line_, "it was changed, or cut short");
        auto const at = lines_.line_offset();
        auto const size = text.size();
        bool const inside = text.find(",\"_media_data\":[") != text.npos;
        auto record = parser_.parse(text);
        if (!record) return Error(std::move(record).error()).within(fmt::format("line {}", line_));
        for (std::size_t i = 0; inside && i < (*record)->media.size(); ++i) {
            std::lock_guard const lock(mutex_);
            media_.try_emplace((*record)->media[i].path, Place{at, size, i});
        }
        return *record;
    }

    /// What stands in a line is read, and held, when it is asked for.
    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        std::lock_guard const lock(mutex_);
        auto const found = media_.find(path);
        if (found == media_.end()) return no_content(path);
        return std::make_shared<Inside>(lines_, found->second, path);
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    /// The first line is `{"perdure_export":{…},`.
    Result<void> read_header() {
        PD_TRY(auto const first, lines_.next());
        if (!first || !first->starts_with("{\"perdure_export\":") || !first->ends_with(',')) {
            return fail(Fault::invalid, "this is no export of perdure: its first line is another");
        }
        PD_TRY(auto const root, read_json(std::string(first->substr(0, first->size() - 1)) + "}"));
        auto const* const header = root.find("perdure_export");
        if (!header->text("version").starts_with("1.")) {
            return fail(Fault::unsupported, "the export has version " + header->text("version"))
                .with_fix("read it with a newer perdure");
        }
        auto const* const types = header->find("types");
        if (!types || !types->array()) return fail(Fault::invalid, "the header names no types");
        for (auto const& json : *types->array()) {
            PD_TRY(auto type, record_type_of(json));
            types_.push_back(std::move(type));
        }
        line_ = 1;
        while (true) {
            PD_TRY(auto const line, lines_.next());
            if (!line) return bad_line(line_, "the file was cut short");
            ++line_;
            if (*line == "\"records\":[") return {};
        }
    }

    Result<void> find_types(system::Path const& file, std::stop_token const& stop) {
        PD_TRY(auto opened, system::File::open_to_read(file));
        LineReader lines(std::move(opened));
        std::string last;
        for (std::uint64_t number = 1;; ++number) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(auto const line, lines.next());
            if (!line) return {};
            if (!line->starts_with(line_start)) {
                return bad_line(number, "it does not begin with its type");
            }
            auto const rest = line->substr(line_start.size());
            // The next member is the id.
            auto const end = rest.find(",\"_id\":");
            auto const spelt = rest.substr(0, end);
            if (end == rest.npos) return bad_line(number, "a record without an id");
            if (spelt == last) continue;
            last = spelt;
            PD_TRY(auto const json, read_json(spelt));
            auto const name = any_text(json);
            if (!name) return bad_line(number, "its type is no text");
            auto const known = std::ranges::find(types_, *name, &data::RecordType::type);
            if (known == types_.end()) types_.push_back({.type = *name});
        }
    }

    Shape shape_;
    std::vector<data::RecordType> types_;
    RecordParser parser_;
    LineReader lines_;
    std::mutex mutex_;
    std::map<std::string, Place> media_;
    std::uint64_t line_ = 0;
    bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<data::RecordReader>> open_json_records(system::Path const& file,
                                                              std::stop_token stop) {
    return JsonFile::open(file, JsonFile::Shape::document, stop);
}
Result<std::unique_ptr<data::RecordReader>> open_ndjson_records(system::Path const& file,
                                                                std::stop_token stop) {
    return JsonFile::open(file, JsonFile::Shape::lines, stop);
}

}  // namespace perdure::format
