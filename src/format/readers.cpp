#include "format/readers.h"

#include <algorithm>

#include "format/record/count_records.h"

namespace perdure::format {

namespace {

constexpr FormatReader readers[] = {
    {"json", "", count_json}, {"ndjson", "", count_ndjson}, {"csv", "dialect", count_csv},
    {"zip", "", nullptr},     {"tar.gz", "", nullptr},
};

}  // namespace

FormatReader const* find_format_reader(std::string_view format) {
    auto const found = std::ranges::find(readers, format, &FormatReader::format);
    return found == std::end(readers) ? nullptr : found;
}

}  // namespace perdure::format
