#include "base/codec.h"
#include "crypto/chacha.h"
#include "crypto/derive.h"
#include "format/container/age/age.h"
#include "format/container/age/age_stream.h"

namespace perdure::format {

namespace {

constexpr std::uint8_t state_version = 2;

class Encrypting : public AgeOutput {
public:
    Encrypting(std::unique_ptr<Output> below, AgeFront const& front, crypto::Secret32 const& key)
        : below_(std::move(below)),
          front_(front),
          key_(key),
          sealed_(age_chunk_bytes + age_tag_bytes) {
        waiting_.reserve(age_chunk_bytes);
    }
    Encrypting(Encrypting const&) = delete;
    Encrypting& operator=(Encrypting const&) = delete;
    ~Encrypting() override { crypto::wipe(waiting_); }

    Result<void> write(ByteView bytes) override {
        while (!bytes.empty()) {
            // A full chunk waits until more comes: the last one is marked, and may be full.
            if (waiting_.size() == age_chunk_bytes) PD_CHECK(seal(AgeChunk::inner));
            auto const part =
                bytes.first(std::min(bytes.size(), age_chunk_bytes - waiting_.size()));
            append(waiting_, part);
            bytes = bytes.subspan(part.size());
        }
        return {};
    }

    Result<void> finish() override {
        PD_CHECK(seal(AgeChunk::last));
        return below_->finish();
    }

    Bytes checkpoint() const override {
        Encoder out;
        out.u8(state_version);
        out.raw(key_.view());
        out.varint(front_.bytes);
        out.raw(front_.digest.view());
        out.varint(counter_);
        out.bytes(waiting_);
        return out.take();
    }

    Result<std::unique_ptr<data::ByteSource>> read_back(
        std::unique_ptr<data::ByteSource> below) const override {
        return open_age_chunks(std::move(below), front_, key_);
    }

    Result<void> restore(Decoder& in) {
        PD_TRY(counter_, in.varint());
        PD_TRY(auto const waiting, in.bytes(age_chunk_bytes));
        append(waiting_, waiting);
        return in.expect_end();
    }

private:
    Result<void> seal(AgeChunk which) {
        auto const into = ByteSpan(sealed_).first(waiting_.size() + age_tag_bytes);
        crypto::chacha_seal_into(key_, age_nonce(counter_++, which), waiting_, into);
        waiting_.clear();
        return below_->write(ByteView(into));
    }

    std::unique_ptr<Output> below_;
    AgeFront front_;
    crypto::Secret32 key_;
    std::uint64_t counter_ = 0;
    Bytes waiting_, sealed_;
};

}  // namespace

Result<std::unique_ptr<AgeOutput>> encrypt_age(std::unique_ptr<Output> below, AgeSeal const& seal,
                                               system::Random& random) {
    AgeFileKey file_key;
    random.fill(file_key.span());
    PD_TRY(auto const stanzas, wrap_age_key(file_key, seal, random));
    auto const header = age_header_text(stanzas, file_key);
    PD_CHECK(below->write(std::string_view(header)));
    Bytes nonce(age_nonce_bytes);
    random.fill(nonce);
    PD_CHECK(below->write(ByteView(nonce)));
    crypto::Sha256 hash;
    hash.update(as_bytes(std::string_view(header)));
    hash.update(nonce);
    AgeFront const front{header.size() + nonce.size(), hash.finish()};
    return std::make_unique<Encrypting>(std::move(below), front,
                                        crypto::hkdf(file_key.view(), nonce, as_bytes("payload")));
}

Result<std::unique_ptr<AgeOutput>> resume_age(std::unique_ptr<Output> below, ByteView state) {
    Decoder in(state);
    PD_TRY(auto const version, in.u8());
    if (version != state_version) return fail(Fault::corrupt, "a checkpoint of another version");
    PD_TRY(auto const key, in.raw(crypto::Secret32::size));
    AgeFront front;
    PD_TRY(front.bytes, in.varint());
    PD_TRY(front.digest, in.id<crypto::Digest>());
    auto output = std::make_unique<Encrypting>(
        std::move(below), front, crypto::Secret32(key.first<crypto::Secret32::size>()));
    PD_CHECK(output->restore(in));
    return output;
}

}  // namespace perdure::format
