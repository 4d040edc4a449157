// What the targets share: an input cut into parts, and an input as a file.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "system/file.h"

namespace perdure::fuzz {

/// An input from front to back; behind its end everything is zero or empty.
class Input {
public:
    Input(unsigned char const* data, std::size_t size)
        : bytes_(std::as_bytes(std::span(data, size))) {}

    unsigned byte() {
        if (bytes_.empty()) return 0;
        auto const value = std::to_integer<unsigned>(bytes_.front());
        bytes_ = bytes_.subspan(1);
        return value;
    }
    /// At most 255 bytes, their number in front.
    std::string_view text() {
        auto const size = std::min<std::size_t>(byte(), bytes_.size());
        auto const view = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return as_text(view);
    }
    ByteView rest() const { return bytes_; }
    std::string_view rest_as_text() const { return as_text(bytes_); }
    bool empty() const { return bytes_.empty(); }

private:
    ByteView bytes_;
};

/// The bytes as a file that needs no disk.
class InputFile {
public:
    explicit InputFile(ByteView bytes) : descriptor_(::memfd_create("fuzz", 0)) {
        PD_ASSERT(descriptor_ >= 0);
        auto const written = ::write(descriptor_, bytes.data(), bytes.size());
        PD_ASSERT(written == static_cast<ssize_t>(bytes.size()));
    }
    ~InputFile() { ::close(descriptor_); }
    InputFile(InputFile const&) = delete;
    InputFile& operator=(InputFile const&) = delete;

    system::Path path() const {
        return system::Path("/proc/self/fd") / std::to_string(descriptor_);
    }

private:
    int descriptor_;
};

/// A good object, damaged as the input says: where, and what is written over it; an odd first byte
/// cuts it off there instead.
inline Bytes damaged(ByteView good, Input input) {
    bool const cut = input.byte() % 2 == 1;
    std::size_t const at = (input.byte() | input.byte() << 8 | input.byte() << 16) % good.size();
    Bytes bytes = to_bytes(good);
    for (std::size_t i = 0; i < input.rest().size() && at + i < bytes.size(); ++i) {
        bytes[at + i] ^= input.rest()[i];
    }
    if (cut) bytes.resize(at);
    return bytes;
}

}  // namespace perdure::fuzz
