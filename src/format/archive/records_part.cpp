#include "format/archive/records_part.h"

#include <fmt/format.h>

#include "format/record/json_text.h"

namespace perdure::format {

namespace {
constexpr std::string_view opening = "[\n", between = ",\n", closing = "\n]\n", none = "]\n";
}

Result<RecordsPart> RecordsPart::open(OutputTree& tree, std::string const& name) {
    RecordsPart part;
    PD_TRY(part.json_, tree.spool(name + "-records"));
    PD_TRY(part.index_, tree.spool(name + "-index"));
    return part;
}

Result<void> RecordsPart::restore(Decoder& in) {
    PD_TRY(count_, in.varint());
    return {};
}

Result<void> RecordsPart::add(std::string_view id, std::string_view json) {
    if (count_ > 0) PD_CHECK(json_->append(between));
    auto const offset = opening.size() + json_->size_bytes();
    PD_CHECK(json_->append(json));
    std::string line = "[";
    json_value(line, id);
    line += fmt::format(",{},{},\"{}\"]\n", offset, json.size(),
                        to_hex(crypto::sha256(as_bytes(json))));
    PD_CHECK(index_->append(std::string_view(line)));
    ++count_;
    return {};
}

Result<ArchiveFiles::Written> RecordsPart::write_records(ArchiveFiles& files,
                                                         std::string_view name) {
    auto const end = count_ > 0 ? closing : none;
    auto const size = opening.size() + json_->size_bytes() + end.size();
    return files.write(name, {.size_bytes = size}, [&](Output& out) -> Result<void> {
        PD_CHECK(out.write(opening));
        PD_CHECK(copy_spool(*json_, [&](ByteView bytes) { return out.write(bytes); }));
        return out.write(end);
    });
}

Result<ArchiveFiles::Written> RecordsPart::write_index(ArchiveFiles& files, std::string_view name) {
    return files.write(name, {.size_bytes = index_->size_bytes()}, [&](Output& out) {
        return copy_spool(*index_, [&](ByteView bytes) { return out.write(bytes); });
    });
}

}  // namespace perdure::format
