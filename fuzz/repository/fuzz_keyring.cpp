// Everything a hostile store can put under keyring/: three copies, manifests, shards, additions.
#include "repository/keyring/manifest.h"
#include "repository/triple.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    auto const body = read_triple(bytes, 1 << 20);
    if (body && !body->damaged) PD_ASSERT(std::ranges::equal(make_triple(body->body), bytes));
    static_cast<void>(is_tombstone(bytes));
    static_cast<void>(read_manifest_header(bytes).has_value());
    static_cast<void>(addition_epoch(bytes).has_value());
    Decoder header(bytes);
    if (auto const manifest = Manifest::decode_header(header)) {
        Encoder again;
        manifest->encode_header(again);
        PD_ASSERT(again.size() <= bytes.size());
    }
    Decoder inside(bytes);
    if (auto const set = EntrySet::decode(inside)) {
        Encoder again;
        set->encode(again);
        PD_ASSERT(std::ranges::equal(again.view(), bytes.first(again.size())));
    }
    Decoder whole(bytes);
    if (auto const manifest = ManifestBody::decode(whole)) {
        Encoder again;
        manifest->encode(again);
        PD_ASSERT(std::ranges::equal(again.view(), bytes));
    }
    static_cast<void>(parse_recovery_phrase(as_text(bytes)).has_value());
    return 0;
}
