#pragma once

#include "base/bytes.h"

namespace perdure::crypto {

void wipe(ByteSpan bytes);

/// N secret bytes, wiped on destruction; never printed, never compared with ==.
template <std::size_t N>
class Secret {
public:
    Secret() = default;
    explicit Secret(std::span<std::byte const, N> bytes) {
        std::memcpy(bytes_.data(), bytes.data(), N);
    }
    Secret(Secret const&) = default;
    Secret& operator=(Secret const&) = default;
    ~Secret() { wipe(bytes_); }
    ByteView view() const { return bytes_; }
    ByteSpan span() { return bytes_; }
    static constexpr std::size_t size = N;

private:
    std::array<std::byte, N> bytes_{};
};
using Secret32 = Secret<32>;

/// A secret of any length (a passphrase), wiped on destruction.
class SecretBytes {
public:
    SecretBytes() = default;
    explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
    SecretBytes(SecretBytes&&) noexcept = default;
    SecretBytes& operator=(SecretBytes&& other) noexcept {
        wipe(bytes_);
        bytes_ = std::move(other.bytes_);
        return *this;
    }
    ~SecretBytes() { wipe(bytes_); }
    ByteView view() const { return bytes_; }
    SecretBytes copy() const { return SecretBytes(bytes_); }

private:
    Bytes bytes_;
};

}  // namespace perdure::crypto
