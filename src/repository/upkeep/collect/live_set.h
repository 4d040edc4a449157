#pragma once

#include <bit>
#include <cstring>
#include <vector>

#include "repository/index/index_tables.h"

namespace perdure::repository {

/// The blobs that some snapshot needs, by the first 63 bits of their ids: 8 bytes a slot, so that
/// ten million blobs fit 256 MB. Ids are outputs of HMAC; two that agree in 63 bits (one in 10^5
/// repositories of ten million) only keep a blob that nobody needs.
class LiveSet {
public:
    explicit LiveSet(std::uint64_t expected = 0)
        : slots_(std::bit_ceil(std::max<std::uint64_t>(1024, expected + expected / 2))) {}

    /// Whether it is new.
    bool insert(BlobPrefix const& id) {
        if ((count_ + 1) * 4 > slots_.size() * 3) grow();
        std::uint64_t& slot = slots_[place(key_of(id))];
        if (slot != 0) return false;
        slot = key_of(id);
        ++count_;
        return true;
    }
    bool contains(BlobPrefix const& id) const { return slots_[place(key_of(id))] != 0; }
    /// For an element: whether this was called for it before.
    bool mark(BlobPrefix const& id) {
        std::uint64_t& slot = slots_[place(key_of(id))];
        bool const before = (slot & 1) != 0;
        slot |= 1;
        return before;
    }
    std::uint64_t size() const { return count_; }

private:
    static std::uint64_t key_of(BlobPrefix const& id) {
        std::uint64_t key = 0;
        std::memcpy(&key, id.bytes.data(), sizeof key);
        key &= ~std::uint64_t{1};
        return key == 0 ? 2 : key;  // 0 is an empty slot, bit 0 the mark
    }
    std::size_t place(std::uint64_t key) const {
        std::size_t const mask = slots_.size() - 1;
        std::size_t at = (key >> 1) & mask;
        while (slots_[at] != 0 && (slots_[at] & ~std::uint64_t{1}) != key) at = (at + 1) & mask;
        return at;
    }
    void grow() {
        std::vector<std::uint64_t> old(slots_.size() * 2);
        old.swap(slots_);
        for (std::uint64_t const slot : old)
            if (slot != 0) slots_[place(slot & ~std::uint64_t{1})] = slot;
    }

    std::vector<std::uint64_t> slots_;
    std::uint64_t count_ = 0;
};

}  // namespace perdure::repository
