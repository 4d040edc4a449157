#pragma once

#include "repository/blob_store.h"
#include "repository/index/index.h"

namespace perdure::repository {

struct BlobWriterOptions {
    std::shared_ptr<Index> index;  ///< says where to, under which keys, and what is known
    SessionId session;
    system::Random* random = nullptr;
    unsigned threads = 2;  ///< about how many put at once
    bool parity = true;
    std::stop_token stop;  ///< ends waiting puts and uploads with cancelled
};

/// Memory: per thread one open frame of each class (≤ 4 MiB + its last blob), at most three data
/// packs of 33 MiB and two metadata packs of 9 MiB between their first frame and their upload, and
/// 64 B for each blob not yet in an index segment (≤ 256 Ki + one pack's).
std::unique_ptr<BlobWriter> make_blob_writer(BlobWriterOptions options);

/// A pack that a read found damaged.
struct PackDamage {
    PackName pack;
    bool repairable = false;  ///< parity gave the body back: upkeep can write it again
};

struct BlobReaderOptions {
    std::shared_ptr<Index> index;
    std::size_t cache_bytes = 64 << 20;  ///< of decoded frames
    /// What the index finds in no listed pack is looked for in the directories of packs that no
    /// part of it names (a part may be lost), and in packs that only other destinations list.
    /// For those who write nothing: a session builds on what is listed.
    bool look_further = false;
    /// Called once for each damaged pack, from any thread.
    std::function<void(PackDamage const&)> on_damage;
};
std::unique_ptr<BlobReader> make_blob_reader(BlobReaderOptions options);

}  // namespace perdure::repository
