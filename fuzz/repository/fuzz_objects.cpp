// Small objects of a repository, unsealed: what is accepted keeps the format's limits and is
// written back byte for byte.
#include "fuzz/input.h"
#include "repository/config_object.h"
#include "repository/keyring/pin.h"
#include "repository/keyring/slot.h"
#include "repository/lease.h"
#include "repository/stream/blob_list.h"
#include "repository/upkeep/collect/collection.h"

namespace {

using namespace perdure;
using namespace perdure::repository;

/// The preamble's unknown compatible bits are dropped when an object is written.
bool alike(ByteView written, ByteView read) {
    constexpr std::size_t bits_at = 8, bits_end = 16;
    if (written.size() != read.size()) return false;
    Bytes copy = to_bytes(read);
    for (std::size_t i = bits_at; i < std::min(bits_end, copy.size()); ++i) copy[i] = written[i];
    return std::ranges::equal(written, copy);
}

void collection(ByteView bytes) {
    auto const record = CollectionRecord::decode(bytes);
    if (!record) return;
    PD_ASSERT(record->packs.size() <= condemned_packs_max);
    PD_ASSERT(alike(record->encode(), bytes));
}

void slot(ByteView bytes) {
    Decoder in(bytes);
    auto const read = Slot::decode(in);
    if (!read) return;
    PD_ASSERT(read->info.label.size() <= label_bytes_max);
    Encoder out;
    read->encode(out);
    PD_ASSERT(std::ranges::equal(out.view(), bytes.first(bytes.size() - in.left())));
}

void list(ByteView bytes) {
    Decoder in(bytes);
    auto const read = decode_list(in);
    if (!read) return;
    PD_ASSERT(read->ids.size() * BlobId::size <= bytes.size());
    Encoder out;
    encode_list(out, *read);
    PD_ASSERT(std::ranges::equal(out.view(), bytes.first(bytes.size() - in.left())));
}

void pin_file(ByteView bytes) {
    fuzz::InputFile const file(bytes);
    auto const pin = read_pin(file.path());
    if (!pin) return;
    PD_ASSERT(bytes.size() == 4 + 16 + 8 + 32);
    PD_ASSERT(pin->hash.view()[31] == bytes.back());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 6;
    auto const bytes = input.rest();
    switch (kind) {
        case 0:
            if (auto const config = RepositoryConfig::decode(bytes)) {
                PD_ASSERT(alike(config->encode(), bytes));
            }
            break;
        case 1:
            if (auto const lease = LeaseRecord::decode(bytes)) {
                PD_ASSERT(alike(lease->encode(), bytes));
            }
            break;
        case 2:
            collection(bytes);
            break;
        case 3:
            slot(bytes);
            break;
        case 4:
            list(bytes);
            break;
        default:
            pin_file(bytes);
    }
    return 0;
}
