// What a portable archive says of itself: its index, its records, its manifest.
#include "format/archive/read/manifest.h"
#include "format/archive/read/records_cursor.h"
#include "format/record/json_text.h"
#include "format/record/record_parser.h"

namespace {

using namespace perdure;

/// A record that is accepted is written alike and read alike.
void record(std::string_view text) {
    std::vector<data::RecordType> const types = {
        {.type = "memory", .table = "memories", .columns = {"id", "a", "$b", "_c"}}};
    format::RecordParser parser(types), second(types);
    auto const read = parser.parse(text);
    if (!read) return;
    std::string written, again;
    format::json_record(written, **read);
    auto const reread = second.parse(written);
    PD_ASSERT(reread);
    format::json_record(again, **reread);
    PD_ASSERT(again == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0:
            if (auto const line = format::IndexLine::parse(text)) {
                PD_ASSERT(line->sha256.size() == 64);
            }
            break;
        case 1:
            record(text);
            break;
        default:
            if (auto const manifest = format::ArchiveManifest::parse(text)) {
                PD_ASSERT(manifest->types.size() == manifest->places.size());
                for (auto const& place : manifest->places) {
                    PD_ASSERT(place.file.find("..") == std::string::npos ||
                              !place.file.starts_with('/'));
                }
            }
    }
    return 0;
}
