#include "crypto/checksum.h"

#include <openssl/evp.h>

#include <algorithm>

namespace perdure::crypto {

namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

constexpr std::string_view known[] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"};

}  // namespace

struct Checksum::State {
    std::unique_ptr<EVP_MD_CTX, FreeContext> context;
};

Checksum::Checksum(std::unique_ptr<State> state) : state_(std::move(state)) {}
Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;

Result<Checksum> Checksum::open(std::string_view algorithm) {
    if (std::ranges::find(known, algorithm) == std::end(known)) {
        return fail(Fault::unsupported, "a checksum called \"" + std::string(algorithm) + "\"");
    }
    auto state = std::make_unique<State>();
    state->context.reset(EVP_MD_CTX_new());
    auto const* const kind = EVP_get_digestbyname(std::string(algorithm).c_str());
    if (!kind || !state->context || EVP_DigestInit_ex(state->context.get(), kind, nullptr) != 1) {
        // GCOVR_EXCL_START only where OpenSSL was built without it
        return fail(Fault::unsupported, "this machine's OpenSSL has no " + std::string(algorithm));
        // GCOVR_EXCL_STOP
    }
    return Checksum(std::move(state));
}

void Checksum::update(ByteView bytes) {
    PD_ASSERT(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Checksum::finish() {
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    PD_ASSERT(EVP_DigestFinal_ex(state_->context.get(),
                                 reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
    return to_hex(ByteView(digest).first(size));
}

}  // namespace perdure::crypto
