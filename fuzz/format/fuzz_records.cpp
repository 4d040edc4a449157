// Files of records that claim to be perdure's own: json, ndjson, xml. What is read has a type that
// the file names and as many values as that type has columns, and is written again alike.
#include "data/schema.h"
#include "format/readers.h"
#include "format/record/json_text.h"
#include "format/record/read/count_records.h"
#include "format/record/read/json_records.h"
#include "format/record/xml/xml_records.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::format;

void read(Result<std::unique_ptr<data::RecordReader>> const& opened, bool typed) {
    if (!opened) return;
    auto& reader = **opened;
    for (int i = 0; i < 1000; ++i) {
        auto const record = reader.next({});
        if (!record || !*record) break;
        PD_ASSERT(!(*record)->type.empty());
        if (!typed) continue;
        auto const& types = reader.types();
        auto const type = std::ranges::find_if(
            types, [&](data::RecordType const& one) { return one.type == (*record)->type; });
        PD_ASSERT(type != types.end());
    }
    static_cast<void>(reader.take_problems());
    PD_ASSERT(!reader.open_media("x")->open({}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 7;
    fuzz::InputFile const file(input.rest());
    auto const path = file.path();
    if (kind == 0) read(open_json_records(path, {}), true);
    if (kind == 1) read(open_ndjson_records(path, {}), false);
    if (kind == 2) read(open_xml_records(path, {}), true);
    if (kind == 3) static_cast<void>(count_json(path, {}));
    if (kind == 4) static_cast<void>(count_ndjson(path, {}));
    if (kind == 5) static_cast<void>(count_xml(path, {}));
    if (kind == 6) static_cast<void>(count_csv(path, {}));
    return 0;
}
