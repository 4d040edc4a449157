#pragma once

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "repository/snapshot.h"

namespace perdure::repository::testing {

/// Domains without a keyring. Tests only.
class FakeDomains final : public Domains {
public:
    FakeDomains() { common_ = make({}, 0); }
    DomainPtr common() const override { return common_; }
    Result<DomainPtr> find(Handle const& handle) const override {
        std::lock_guard lock(mutex_);
        if (handle.is_zero()) return common_;
        if (erased_.contains(handle)) return fail(Fault::denied, "erased");
        auto const at = by_handle_.find(handle);
        if (at == by_handle_.end()) return fail(Fault::not_found, "unknown handle");
        return at->second;
    }
    Result<DomainPtr> of_subject(std::string const& source, ByteView key) override {
        std::lock_guard lock(mutex_);
        DomainPtr& domain = by_subject_[source + '\0' + to_string(key)];
        if (!domain) {
            Handle handle;
            auto const digest = crypto::sha256(as_bytes(source + '/' + to_string(key)));
            std::memcpy(handle.bytes.data(), digest.bytes.data(), Handle::size);
            domain = make(handle, 1);
            by_handle_[handle] = domain;
        }
        return domain;
    }
    void erase(Handle const& handle) {
        std::lock_guard lock(mutex_);
        by_handle_.erase(handle);
        erased_.insert(handle);
    }

private:
    static DomainPtr make(Handle const& handle, std::uint32_t generation) {
        auto const digest = crypto::sha256(handle.view());
        return std::make_shared<Domain const>(
            RepositoryId{}, handle, generation,
            crypto::Secret32(std::span<std::byte const, 32>(digest.bytes)));
    }
    mutable std::mutex mutex_;
    DomainPtr common_;
    std::map<std::string, DomainPtr> by_subject_;
    std::map<Handle, DomainPtr> by_handle_;
    std::set<Handle> erased_;
};

/// Blobs in memory: what a repository's writer and reader do, without packs. Deltas are counted as
/// stored whole unless they share at least half of their bytes with their base. Tests only.
class FakeBlobs final : public BlobWriter, public BlobReader {
public:
    Result<BlobId> put(DomainPtr const& domain, ByteView plaintext, Put options) override {
        BlobId const id = domain->blob_id(plaintext);
        std::lock_guard lock(mutex_);
        if (fail_puts_after && puts++ >= *fail_puts_after) {
            return fail(Fault::exhausted, "the fake store is full");
        }
        auto [at, fresh] = blobs_.try_emplace(id);
        if (fresh) {
            bool const delta = options.base && is_close(plaintext, options.base_plaintext);
            at->second = {std::make_shared<Bytes const>(to_bytes(plaintext)), domain->handle(),
                          delta ? options.base : std::nullopt};
            if (options.base) PD_ASSERT(!blobs_.at(*options.base).base);
            ++statistics_.blobs_new;
            statistics_.bytes_new += plaintext.size();
            statistics_.bytes_stored +=
                delta ? changed_bytes(plaintext, options.base_plaintext) : plaintext.size();
        } else {
            ++statistics_.blobs_known;
        }
        if (options.rests_on != nullptr) *options.rests_on = at->second.base;
        return id;
    }
    Result<void> finish(std::stop_token) override { return {}; }
    BlobStatistics statistics() const override {
        std::lock_guard lock(mutex_);
        return statistics_;
    }

    bool knows(BlobId const& id) const override {
        std::lock_guard lock(mutex_);
        return blobs_.contains(id);
    }
    Result<BlobView> read(BlobId const& id, DomainPtr const& domain, std::stop_token) override {
        std::lock_guard lock(mutex_);
        auto const at = blobs_.find(id);
        if (at == blobs_.end()) return fail(Fault::not_found, "no such blob");
        PD_ASSERT(at->second.handle == domain->handle());
        if (at->second.damaged) return fail(Fault::corrupt, "a damaged blob");
        ++reads;
        return BlobView{at->second.bytes, 0, at->second.bytes->size()};
    }
    std::optional<BlobPlace> place(BlobId const&) const override { return std::nullopt; }
    Result<std::optional<BlobId>> base_of(BlobId const& id, std::stop_token) override {
        std::lock_guard lock(mutex_);
        auto const at = blobs_.find(id);
        if (at == blobs_.end()) return fail(Fault::not_found, "no such blob");
        return at->second.base;
    }

    void forget(BlobId const& id) {
        std::lock_guard lock(mutex_);
        blobs_.erase(id);
    }
    void damage(BlobId const& id) {
        std::lock_guard lock(mutex_);
        blobs_.at(id).damaged = true;
    }
    Handle handle_of(BlobId const& id) const { return blobs_.at(id).handle; }
    std::size_t count() const { return blobs_.size(); }
    std::vector<BlobId> ids() const {
        std::vector<BlobId> all;
        for (auto const& [id, blob] : blobs_) all.push_back(id);
        return all;
    }

    std::optional<std::uint64_t> fail_puts_after;
    std::uint64_t puts = 0, reads = 0;

private:
    struct Blob {
        std::shared_ptr<Bytes const> bytes;
        Handle handle;
        std::optional<BlobId> base;
        bool damaged = false;
    };
    /// About how many bytes of `now` a delta against `base` would have to spell out.
    static std::size_t changed_bytes(ByteView now, ByteView base) {
        auto const piece = [](ByteView bytes, std::size_t at) {
            std::uint64_t value = 0;
            std::memcpy(&value, bytes.data() + at, 8);
            return value * 0x9e37'79b9'7f4a'7c15ULL;
        };
        constexpr int bits = 20;
        std::vector<bool> pieces(std::size_t{1} << bits);
        for (std::size_t at = 0; at + 8 <= base.size(); ++at) {
            pieces[piece(base, at) >> (64 - bits)] = true;
        }
        std::size_t changed = 0;
        for (std::size_t at = 0; at + 8 <= now.size();) {
            bool const known = pieces[piece(now, at) >> (64 - bits)];
            changed += known ? 0 : 1;
            at += known ? 8 : 1;
        }
        return changed;
    }
    static bool is_close(ByteView now, ByteView base) {
        return changed_bytes(now, base) * 2 <= now.size();
    }

    mutable std::mutex mutex_;
    std::unordered_map<BlobId, Blob, OpaqueHash> blobs_;
    BlobStatistics statistics_;
};

}  // namespace perdure::repository::testing
