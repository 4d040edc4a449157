#pragma once

#include <memory>

#include "base/bytes.h"

namespace perdure::format {

/// CRC-32 as zip and gzip use it, of the bytes so far (0 at first) and these.
std::uint32_t crc32_of(std::uint32_t so_far, ByteView bytes);

enum class DeflateWrapping : std::uint8_t { none, gzip };

/// Unpacks DEFLATE (RFC 1951) of untrusted bytes, bit by bit; within gzip (RFC 1952) the member's
/// checksum and length too. Memory: 100 KiB.
class Inflater {
public:
    explicit Inflater(DeflateWrapping wrapping);
    ~Inflater();
    Inflater(Inflater&&) noexcept;
    Inflater& operator=(Inflater&&) noexcept;

    struct Step {
        std::size_t consumed = 0, produced = 0;
        bool done = false;  ///< the stream (of gzip: the member) is at its end
    };
    /// Fails: corrupt.
    Result<Step> step(ByteView in, ByteSpan out);
    void start_again();

private:
    struct State;
    std::unique_ptr<State> state_;
    DeflateWrapping wrapping_;
};

}  // namespace perdure::format
