#include <algorithm>

#include "crypto/chacha.h"
#include "crypto/derive.h"
#include "format/container/age/age.h"
#include "format/container/age/age_stream.h"

namespace perdure::format {

namespace {

/// Bytes of `below`, with a look ahead.
class Ahead {
public:
    explicit Ahead(std::unique_ptr<data::ByteSource> below) : below_(std::move(below)) {}

    /// Has at least `count` bytes ready, fewer only at the end.
    Result<void> want(std::size_t count) {
        while (ready_.size() < count && !ended_) {
            auto const have = ready_.size();
            ready_.resize(std::max(count, have + 4096));
            auto const read = below_->read(ByteSpan(ready_).subspan(have));
            ready_.resize(have + (read ? *read : 0));
            if (!read) return Error(read.error());
            ended_ = *read == 0;
        }
        return {};
    }
    ByteView ready() const { return ready_; }
    void drop(std::size_t count) {
        ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    }

private:
    std::unique_ptr<data::ByteSource> below_;
    Bytes ready_;
    bool ended_ = false;
};

class Decrypting : public data::ByteSource {
public:
    Decrypting(Ahead ahead, crypto::Secret32 const& key) : ahead_(std::move(ahead)), key_(key) {}

    Result<std::size_t> read(ByteSpan into) override {
        if (taken_ == plain_.size() && !done_ && !into.empty()) PD_CHECK(open_chunk());
        auto const count = std::min(into.size(), plain_.size() - taken_);
        std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(taken_), count, into.begin());
        taken_ += count;
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    Result<void> open_chunk() {
        constexpr auto sealed_max = age_chunk_bytes + age_tag_bytes;
        PD_CHECK(ahead_.want(sealed_max + 1));
        auto const size = std::min(ahead_.ready().size(), sealed_max);
        bool const last = ahead_.ready().size() <= sealed_max;
        if (size < age_tag_bytes) return fail(Fault::corrupt, "the encrypted file was cut short");
        // Only an empty file has an empty chunk.
        if (size == age_tag_bytes && counter_ > 0) {
            return fail(Fault::corrupt, "the encrypted file ends in an empty chunk");
        }
        plain_.resize(size - age_tag_bytes);
        taken_ = 0;
        auto const opened = crypto::chacha_open_into(
            key_, age_nonce(counter_, last ? AgeChunk::last : AgeChunk::inner),
            ahead_.ready().first(size), plain_);
        if (!opened) {
            plain_.clear();
            return fail(Fault::corrupt, last ? "the encrypted file was changed or cut short"
                                             : "the encrypted file was changed");
        }
        ahead_.drop(size);
        ++counter_;
        done_ = last;
        return {};
    }

    Ahead ahead_;
    crypto::Secret32 key_;
    std::uint64_t counter_ = 0;
    Bytes plain_;
    std::size_t taken_ = 0;
    bool done_ = false;
};

constexpr std::string_view start_of_age = "age-encryption.org/v1\n";

/// The header's length with its last line feed, when that lies within `bytes`.
std::optional<std::size_t> header_length(std::string_view bytes) {
    auto const last = bytes.find("\n--- ");
    if (last == bytes.npos) return std::nullopt;
    auto const end = bytes.find('\n', last + 1);
    if (end == bytes.npos) return std::nullopt;
    return end + 1;
}

}  // namespace

bool looks_like_age(ByteView start) {
    return as_text(start).starts_with(start_of_age);
}

Result<std::unique_ptr<data::ByteSource>> open_age_chunks(std::unique_ptr<data::ByteSource> below,
                                                          AgeFront const& front,
                                                          crypto::Secret32 const& key) {
    Ahead ahead(std::move(below));
    PD_CHECK(ahead.want(front.bytes));
    if (ahead.ready().size() < front.bytes) {
        return fail(Fault::corrupt, "the encrypted file was cut short");
    }
    if (crypto::sha256(ahead.ready().first(front.bytes)) != front.digest) {
        return fail(Fault::corrupt, "the encrypted file has another header");
    }
    ahead.drop(front.bytes);
    return std::make_unique<Decrypting>(std::move(ahead), key);
}

Result<std::unique_ptr<data::ByteSource>> decrypt_age(std::unique_ptr<data::ByteSource> below,
                                                      AgeKeys const& keys) {
    Ahead ahead(std::move(below));
    std::size_t wanted = 4096;
    std::optional<std::size_t> length;
    while (true) {
        PD_CHECK(ahead.want(wanted));
        if (!looks_like_age(ahead.ready())) return fail(Fault::invalid, "this is no age file");
        length = header_length(as_text(ahead.ready()));
        if (length) break;
        if (ahead.ready().size() < wanted) return fail(Fault::corrupt, "the age header has no end");
        if (wanted >= age_header_max) return fail(Fault::corrupt, "the age header is too long");
        wanted *= 2;
    }
    PD_TRY(auto const header, AgeHeader::parse(as_text(ahead.ready().first(*length))));
    PD_TRY(auto const file_key, unwrap_age_key(header, keys));
    ahead.drop(*length);
    PD_CHECK(ahead.want(age_nonce_bytes));
    if (ahead.ready().size() < age_nonce_bytes) {
        return fail(Fault::corrupt, "the encrypted file was cut short");
    }
    auto const nonce = to_bytes(ahead.ready().first(age_nonce_bytes));
    ahead.drop(age_nonce_bytes);
    return std::make_unique<Decrypting>(std::move(ahead),
                                        crypto::hkdf(file_key.view(), nonce, as_bytes("payload")));
}

}  // namespace perdure::format
