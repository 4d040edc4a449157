#include "format/archive/read/vector_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "format/archive/vectors_part.h"

namespace perdure::format {

namespace {

struct Place {
    std::string array;
    std::uint64_t row = 0;
};

Result<Place> parse_place(std::string_view text) {
    auto const slash = text.find('/');
    Place place{std::string(text.substr(0, slash))};
    if (slash != text.npos) {
        auto const* const end = text.data() + text.size();
        auto const parsed = std::from_chars(text.data() + slash + 1, end, place.row);
        if (parsed.ec == std::errc() && parsed.ptr == end) return place;
    }
    return fail(Fault::corrupt, fmt::format("\"{}\" is no place of a vector", text));
}

}  // namespace

std::string vectors_beside(std::string_view records) {
    auto const slash = records.rfind('/');
    return std::string(records.substr(0, slash == records.npos ? 0 : slash + 1)) + "embeddings.npz";
}

VectorFiles::Opened& VectorFiles::open(std::string_view records) {
    auto const name = vectors_beside(records);
    if (auto const found = files_.find(name); found != files_.end()) return found->second;
    auto& opened = files_[name];
    auto const scratch = archive_.files().scratch() / fmt::format("arrays-{}", files_.size());
    auto const made = system::make_folders(scratch);
    auto reader = !archive_.has(name)
                      ? Result<NpzReader>(fail(Fault::corrupt, name + " is missing"))
                  : !made ? Result<NpzReader>(made.error())
                          : NpzReader::open(archive_.path_of(name), scratch);
    if (reader) {
        opened.reader = std::move(*reader);
    } else {
        opened.error = Error(std::move(reader).error()).within(name);
    }
    return opened;
}

Result<NpzReader const*> VectorFiles::file(std::string_view records) {
    auto& opened = open(records);
    if (opened.error) return *opened.error;
    return &*opened.reader;
}

Result<Bytes> VectorFiles::get(std::string_view records, std::string_view place_text,
                               std::string_view id) {
    auto& opened = open(records);
    if (opened.error) return *opened.error;
    PD_TRY(auto const place, parse_place(place_text));
    auto vector = opened.reader->row(place.array, place.row);
    if (!vector) return fail(Fault::corrupt, vector.error().message());
    if (place.array.starts_with("vectors")) {
        auto& used = opened.used[place.array];
        if (used.size() <= place.row) used.resize(place.row + 1);
        used[place.row] = true;
        auto const owner = opened.reader->text("ids" + place.array.substr(7), place.row);
        if (!owner || *owner != vector_id(id)) {
            return fail(
                Fault::corrupt,
                fmt::format("the vector {} belongs to another record than {}", place_text, id));
        }
    }
    return vector;
}

Result<void> VectorFiles::check_all_used(std::string_view records) {
    if (!archive_.has(vectors_beside(records))) return {};
    auto& opened = open(records);
    if (opened.error) return *opened.error;
    std::uint64_t unused = 0;
    for (auto const& [name, array] : opened.reader->arrays()) {
        if (!name.starts_with("vectors")) continue;
        auto const& used = opened.used[name];
        auto const named = std::ranges::count(used, true);
        unused += array.header.rows() - static_cast<std::uint64_t>(named);
    }
    if (unused == 0) return {};
    return fail(Fault::corrupt, fmt::format("{} of the vectors in {} belong to no record", unused,
                                            vectors_beside(records)));
}

}  // namespace perdure::format
