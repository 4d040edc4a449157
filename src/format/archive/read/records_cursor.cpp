#include "format/archive/read/records_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crypto/hash.h"
#include "format/record/json_reader.h"

namespace perdure::format {

namespace {

constexpr std::string_view opening = "[\n", between = ",\n", closing = "\n]\n", none = "[\n]\n";
constexpr std::uint64_t record_max = std::uint64_t{512} << 20;

std::string index_of(std::string_view file) {
    return std::string(file.substr(0, file.rfind('.'))) + ".idx";
}

Error bad(std::string_view file, std::string what) {
    return fail(Fault::corrupt, fmt::format("{}: {}", file, what));
}

}  // namespace

Result<IndexLine> IndexLine::parse(std::string_view line) {
    auto const wrong = [] { return fail(Fault::invalid, "a line of an index that is none"); };
    // Event by event: a line may be long, and what it holds is four values.
    JsonReader in(line);
    auto const is = [&](JsonEvent wanted) {
        auto const event = in.next();
        return event && *event == wanted;
    };
    auto const whole = [&](std::uint64_t& number) {
        if (!is(JsonEvent::number)) return false;
        auto const text = in.text();
        auto const parsed = std::from_chars(text.data(), text.data() + text.size(), number);
        return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    };
    IndexLine index;
    if (!is(JsonEvent::begin_array)) return wrong();
    auto const first = in.next();
    if (first && *first == JsonEvent::string) {
        index.id = in.text();
    } else if (first && *first == JsonEvent::begin_object) {
        if (!is(JsonEvent::key) || in.text() != "$text" || !is(JsonEvent::string)) return wrong();
        auto const bytes = from_base64(in.text());
        if (!bytes || !is(JsonEvent::end_object)) return wrong();
        index.id = to_string(ByteView(*bytes));
    } else {
        return wrong();
    }
    if (!whole(index.offset) || !whole(index.length) || !is(JsonEvent::string)) return wrong();
    index.sha256 = in.text();
    bool const ends = is(JsonEvent::end_array) && is(JsonEvent::end);
    if (!ends || index.sha256.size() != 64) return wrong();
    return index;
}

Result<RecordsCursor> RecordsCursor::open(PortableArchive const& archive, std::string const& file) {
    RecordsCursor cursor;
    cursor.file_ = file;
    cursor.salvage_ = archive.salvaged();
    auto records = archive.open_file(file);
    if (!records) return bad(file, "is missing");
    cursor.records_ = std::move(*records);
    PD_TRY(cursor.size_, cursor.records_.size_bytes());
    cursor.by_index_ = !(cursor.salvage_ && archive.damaged(index_of(file)));
    auto lines = archive.open_file(cursor.by_index_ ? index_of(file) : file);
    if (!lines) return bad(index_of(file), "is missing");
    cursor.lines_ = LineReader(std::move(*lines));
    return cursor;
}

Result<std::optional<RecordsCursor::Found>> RecordsCursor::next() {
    return by_index_ ? next_by_index() : next_by_line();
}

Result<void> RecordsCursor::check_end() {
    auto const wanted = count_ > 0 ? closing : none;
    auto const offset = count_ > 0 ? expected_ - between.size() : 0;
    Bytes tail(wanted.size());
    PD_TRY(auto const got, records_.read_at(tail, offset));
    if (got != tail.size() || as_text(tail) != wanted || size_ != offset + wanted.size()) {
        return bad(file_, "does not end where its index says");
    }
    return {};
}

Result<std::optional<RecordsCursor::Found>> RecordsCursor::next_by_index() {
    PD_TRY(auto const line, lines_.next());
    if (!line) {
        if (!salvage_) PD_CHECK(check_end());
        return std::optional<Found>();
    }
    auto const index = IndexLine::parse(*line);
    if (!index) return bad(index_of(file_), index.error().message());
    auto const lost = [&](std::string why) -> Result<std::optional<Found>> {
        if (!salvage_) return bad(file_, fmt::format("record {}: {}", index->id, why));
        return std::optional(Found{.json = {}, .id = index->id, .lost = std::move(why)});
    };
    ++count_;
    bool const in_place = index->offset == expected_;
    expected_ = index->offset + index->length + between.size();
    if (!in_place && !salvage_) return lost("is not where the one before ends");
    if (index->length > record_max || index->offset > size_ ||
        size_ - index->offset < index->length || index->offset < opening.size()) {
        return lost("lies outside the file");
    }
    auto const before = count_ == 1 ? opening : between;
    json_.resize(index->length + before.size());
    PD_TRY(auto const got, records_.read_at(json_, index->offset - before.size()));
    auto const json = ByteView(json_).subspan(before.size());
    if (got != json_.size()) return lost("was cut short");
    if (to_hex(crypto::sha256(json)) != index->sha256) return lost("does not fit its checksum");
    if (!salvage_ && as_text(ByteView(json_).first(before.size())) != before) {
        return lost("is not framed as it must be");
    }
    return std::optional(Found{.json = as_text(json), .id = index->id, .lost = {}});
}

Result<std::optional<RecordsCursor::Found>> RecordsCursor::next_by_line() {
    while (true) {
        PD_TRY(auto const line, lines_.next());
        if (!line) return std::optional<Found>();
        ++count_;
        auto json = *line;
        if (json.ends_with(',')) json.remove_suffix(1);
        bool const frame = json == "[" || json == "]" || json.empty();
        if (frame) continue;
        JsonReader reader(json);
        auto const first = reader.next();
        bool const whole =
            first && *first == JsonEvent::begin_object && reader.skip(*first) && reader.next();
        if (whole) return std::optional(Found{.json = json, .id = {}, .lost = {}});
        return std::optional(
            Found{.json = {}, .id = {}, .lost = fmt::format("line {} is broken", count_)});
    }
}

}  // namespace perdure::format
