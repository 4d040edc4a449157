#include "repository/stream/blob_list.h"

#include <bit>

namespace perdure::repository {

namespace {

constexpr std::size_t inline_ids_max = 32;  // more are folded into lists
constexpr std::size_t list_ids_min = 64;
constexpr std::size_t list_ids_max = 1024;
constexpr std::uint64_t list_ids_usual = 256;
constexpr std::uint8_t depth_max = 6;
constexpr std::size_t inline_ids_limit = 1u << 22;  // media lists are flat: 64 TiB of chunks

bool ends_list(BlobId const& id) {
    std::uint64_t value = 0;
    std::memcpy(&value, id.bytes.data() + 8, sizeof value);
    return value % list_ids_usual == 0;
}

ByteView id_bytes(std::vector<BlobId> const& ids) {
    return std::as_bytes(std::span(ids.data(), ids.size()));
}
static_assert(sizeof(BlobId) == 32, "lists are written as arrays of ids");

Result<std::vector<BlobId>> parse_ids(ByteView bytes) {
    if (bytes.empty() || bytes.size() % BlobId::size != 0 ||
        bytes.size() > list_ids_max * BlobId::size) {
        return fail(Fault::corrupt, "a list of blobs has a wrong length");
    }
    std::vector<BlobId> ids(bytes.size() / BlobId::size);
    std::memcpy(ids.data(), bytes.data(), bytes.size());
    return ids;
}

}  // namespace

void encode_list(Encoder& out, BlobList const& list) {
    out.varint(list.length_bytes);
    out.u8(list.depth);
    out.varint(list.ids.size());
    out.raw(id_bytes(list.ids));
}

Result<BlobList> decode_list(Decoder& in) {
    BlobList list;
    PD_TRY(list.length_bytes, in.varint());
    PD_TRY(list.depth, in.u8());
    PD_TRY(std::uint64_t const count, in.varint());
    if (list.depth > depth_max) return fail(Fault::corrupt, "a list of blobs is nested too deeply");
    if (count > inline_ids_limit || count > in.left() / BlobId::size) {
        return fail(Fault::corrupt, "a list of blobs exceeds its bytes");
    }
    if ((count == 0) != (list.length_bytes == 0) || (count == 0 && list.depth != 0)) {
        return fail(Fault::corrupt, "a list of blobs contradicts its length");
    }
    PD_TRY(ByteView const raw, in.raw(count * BlobId::size));
    list.ids.resize(count);
    if (count > 0) std::memcpy(list.ids.data(), raw.data(), raw.size());
    return list;
}

Result<void> ListWriter::add(BlobId const& id, std::uint64_t length_bytes) {
    length_bytes_ += length_bytes;
    return add_at(0, id);
}

Result<void> ListWriter::add_at(std::size_t level, BlobId const& id) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    std::vector<BlobId>& ids = levels_[level];
    ids.push_back(id);
    bool const full = ids.size() >= list_ids_max || (ids.size() >= list_ids_min && ends_list(id));
    return full ? fold(level) : Result<void>();
}

Result<void> ListWriter::fold(std::size_t level) {
    PD_TRY(BlobId const id, blobs_->put(domain_, id_bytes(levels_[level]),
                                        BlobWriter::Put{.blob_class = BlobClass::meta}));
    levels_[level].clear();
    return add_at(level + 1, id);
}

Result<BlobList> ListWriter::finish() {
    BlobList list;
    list.length_bytes = length_bytes_;
    // Whatever is pending below the top is folded upwards, until one short level remains.
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        bool const top = level + 1 == levels_.size();
        if (top && levels_[level].size() <= inline_ids_max) {
            list.depth = static_cast<std::uint8_t>(level);
            list.ids = std::move(levels_[level]);
            break;
        }
        if (!levels_[level].empty()) PD_CHECK(fold(level));
    }
    levels_.clear();
    return list;
}

ListReader::ListReader(BlobReader& blobs, DomainPtr domain, BlobList const& list)
    : blobs_(&blobs), domain_(std::move(domain)), depth_(list.depth) {
    levels_.push_back({list.ids, 0});
}

Result<std::optional<BlobId>> ListReader::next(std::stop_token stop) {
    while (!levels_.empty()) {
        Level& level = levels_.back();
        if (level.next == level.ids.size()) {
            levels_.pop_back();
            continue;
        }
        BlobId const id = level.ids[level.next++];
        if (levels_.size() == depth_ + 1u) return std::optional<BlobId>(id);
        if (on_list) PD_CHECK(on_list(id));
        PD_TRY(BlobView const blob, blobs_->read(id, domain_, stop));
        PD_TRY(std::vector<BlobId> ids, parse_ids(blob.view()));
        levels_.push_back({std::move(ids), 0});
    }
    return std::optional<BlobId>();
}

Result<bool> all_known(BlobReader& blobs, DomainPtr const& domain, BlobList const& list,
                       std::stop_token stop) {
    if (list.depth == 0) {
        for (BlobId const& id : list.ids) {
            if (!blobs.knows(id)) return false;
        }
        return true;
    }
    ListReader reader(blobs, domain, list);
    while (true) {
        auto id = reader.next(stop);
        if (!id) {
            if (id.error().fault() == Fault::cancelled) return id.error();
            return false;
        }
        if (!*id) return true;
        if (!blobs.knows(**id)) return false;
    }
}

}  // namespace perdure::repository
