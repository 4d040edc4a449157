#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "base/channel.h"
#include "base/result.h"

namespace perdure::system {

/// Fills a new file from its beginning, past the page cache where the file system can (O_DIRECT):
/// the bytes are copied once less, and what other programs have in the cache stays there. Where it
/// cannot, or no longer can, the same bytes go through the cache. Nothing is durable before a sync.
/// For files of many MiB whose bytes nobody reads at once; a thread of its own waits for the
/// disk while the next ones come. Memory: 6 MiB. Threads: one.
class DirectAppend {
public:
    /// Shorter files gain nothing: they are gone from the cache soon, or are read again.
    static constexpr std::uint64_t worth_bytes = std::uint64_t{16} << 20;

    /// The descriptor is the caller's, stands at an empty file and outlives this.
    /// `what` names the file in errors.
    DirectAppend(int descriptor, std::string what);
    ~DirectAppend();
    DirectAppend(DirectAppend const&) = delete;
    DirectAppend& operator=(DirectAppend const&) = delete;

    /// Where the next bytes belong; never empty.
    ByteSpan room();
    /// The first `count` bytes of room() are there.
    Result<void> filled(std::size_t count);
    /// Writes what is left; the descriptor is an ordinary one again.
    Result<void> finish();
    /// The errno of the write that failed, once filled() or finish() has; else 0.
    int error_number() const { return error_number_; }

private:
    struct Free {
        void operator()(std::byte* bytes) const;
    };
    using Buffer = std::unique_ptr<std::byte, Free>;
    struct Piece {
        Buffer buffer;  ///< full
        std::uint64_t at = 0;
    };
    struct Written {
        Buffer buffer;
        std::optional<Error> failed = {};
    };

    static Buffer new_buffer();
    void write_pieces(std::stop_token const& stop);
    void start_writer();
    void stop_writer();
    Result<void> write(ByteView bytes, std::uint64_t at);
    void through_the_cache();

    int descriptor_;
    std::string what_;
    bool direct_ = false;
    Buffer buffer_;
    std::size_t held_ = 0;
    std::uint64_t at_ = 0;
    int error_number_ = 0;  ///< touched as the file is: by the thread until it ended
    Channel<Piece> full_;
    Channel<Written> back_;
    std::jthread writer_;
};

}  // namespace perdure::system
