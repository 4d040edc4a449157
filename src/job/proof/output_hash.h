#pragma once

#include <memory>

#include "crypto/hash.h"
#include "data/stream.h"

namespace perdure::job {

/// SHA-256 of what a command printed, taken while its output is read: it cannot be asked again, and
/// whether what comes back is what it said must be known all the same.
/// Threads: one at a time reads, finish() after that.
class OutputHash {
public:
    void begin() { *this = {}; }
    void add(ByteView bytes) {
        hash_.update(bytes);
        bytes_ += bytes.size();
    }
    data::LogicalDigest finish() { return {hash_.finish(), 1, bytes_}; }

private:
    crypto::Sha256 hash_;
    std::uint64_t bytes_ = 0;
};

/// The same tree; `hash` is that of the content that was read last. `hash` must outlive it.
std::unique_ptr<data::TreeReader> hashed(std::unique_ptr<data::TreeReader> reader,
                                         OutputHash& hash);

}  // namespace perdure::job
