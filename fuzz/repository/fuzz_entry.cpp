// An entry or a folder's record from a hostile writer: what is accepted has a safe name and one
// encoding, and the quick look agrees with the full one.
#include "repository/tree/record.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    Decoder in(bytes);
    if (auto const entry = data::decode_entry(in)) {
        PD_ASSERT(data::check_component(entry->name));
        Encoder out;
        data::encode_entry(out, *entry);
        Decoder again(out.view());
        auto const back = data::decode_entry(again);
        PD_ASSERT(back && again.done() && *back == *entry);
    }
    auto const view = view_record(bytes);
    if (auto const record = decode_record(bytes)) {
        PD_ASSERT(view && view->name == record->entry.name && view->kind == record->entry.kind);
    }
    return 0;
}
