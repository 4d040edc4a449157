#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace perdure::crypto {

/// Checksums by name, for lists that others made: md5, sha1, sha224, sha256, sha384, sha512.
class Checksum {
public:
    /// Fails: unsupported, for a name that is none of these.
    static Result<Checksum> open(std::string_view algorithm);
    ~Checksum();
    Checksum(Checksum&&) noexcept;
    Checksum& operator=(Checksum&&) noexcept;
    void update(ByteView bytes);
    /// Lower-case hexadecimal. Once.
    std::string finish();

private:
    struct State;
    explicit Checksum(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace perdure::crypto
