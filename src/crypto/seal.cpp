#include "crypto/seal.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace perdure::crypto {

namespace {

constexpr std::array<unsigned char, 12> zero_nonce{};
constexpr std::size_t piece_bytes_max = 1U << 30;  // EVP counts in int

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

EVP_CIPHER const* aes_256_gcm() {
    static EVP_CIPHER const* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    PD_ASSERT(cipher != nullptr);
    return cipher;
}

// One context per thread and direction: re-keying one costs a tenth of making one.
EVP_CIPHER_CTX* context_for(bool encrypt) {
    thread_local std::array<Context, 2> contexts;
    Context& context = contexts[encrypt ? 1 : 0];
    if (!context) {
        context.reset(EVP_CIPHER_CTX_new());
        PD_ASSERT(context);
        PD_ASSERT(EVP_CipherInit_ex2(context.get(), aes_256_gcm(), nullptr, nullptr,
                                     encrypt ? 1 : 0, nullptr) == 1);
    }
    return context.get();
}

unsigned char const* octets(ByteView bytes) {
    return reinterpret_cast<unsigned char const*>(bytes.data());
}

void start(EVP_CIPHER_CTX* context, Secret32 const& key, ByteView associated) {
    PD_ASSERT(EVP_CipherInit_ex2(context, nullptr, octets(key.view()), zero_nonce.data(), -1,
                                 nullptr) == 1);
    PD_ASSERT(associated.size() < piece_bytes_max);
    int written = 0;
    if (!associated.empty()) {
        PD_ASSERT(EVP_CipherUpdate(context, nullptr, &written, octets(associated),
                                   static_cast<int>(associated.size())) == 1);
    }
}

void work(EVP_CIPHER_CTX* context, ByteView from, std::byte* into) {
    while (!from.empty()) {
        auto const piece = std::min(from.size(), piece_bytes_max);
        int written = 0;
        PD_ASSERT(EVP_CipherUpdate(context, reinterpret_cast<unsigned char*>(into), &written,
                                   octets(from), static_cast<int>(piece)) == 1);
        PD_ASSERT(static_cast<std::size_t>(written) == piece);
        into += piece;
        from = from.subspan(piece);
    }
}

}  // namespace

void seal_once(Secret32 const& key, ByteView associated, ByteView plaintext, Bytes& out) {
    auto const at = out.size();
    out.resize(at + plaintext.size() + seal_overhead_bytes);
    seal_once_into(key, associated, plaintext, ByteSpan(out).subspan(at));
}

void seal_once_into(Secret32 const& key, ByteView associated, ByteView plaintext, ByteSpan into) {
    PD_ASSERT(into.size() == plaintext.size() + seal_overhead_bytes);
    auto* const context = context_for(true);
    start(context, key, associated);
    work(context, plaintext, into.data());
    auto* const tag = reinterpret_cast<unsigned char*>(into.data() + plaintext.size());
    int written = 0;
    PD_ASSERT(EVP_CipherFinal_ex(context, tag, &written) == 1 && written == 0);
    PD_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, seal_overhead_bytes, tag) == 1);
}

Result<Bytes> open_sealed(Secret32 const& key, ByteView associated, ByteView sealed) {
    Bytes bytes = to_bytes(sealed);
    PD_CHECK(open_in_place(key, associated, bytes));
    return bytes;
}

Result<void> open_in_place(Secret32 const& key, ByteView associated, Bytes& sealed) {
    if (sealed.size() < seal_overhead_bytes) {
        return fail(Fault::corrupt, "a sealed part is shorter than its tag");
    }
    std::size_t const length = sealed.size() - seal_overhead_bytes;
    std::array<unsigned char, seal_overhead_bytes> tag;
    std::memcpy(tag.data(), sealed.data() + length, tag.size());
    auto* const context = context_for(false);
    start(context, key, associated);
    work(context, ByteView(sealed).first(length), sealed.data());
    PD_ASSERT(
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, seal_overhead_bytes, tag.data()) == 1);
    std::array<unsigned char, 16> rest;
    int written = 0;
    if (EVP_CipherFinal_ex(context, rest.data(), &written) != 1) {
        wipe(sealed);
        sealed.clear();
        return fail(Fault::corrupt, "a sealed part does not fit its tag");
    }
    sealed.resize(length);
    return {};
}

}  // namespace perdure::crypto
