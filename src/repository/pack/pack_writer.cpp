#include "repository/pack/pack_writer.h"

#include <algorithm>

#include "crypto/seal.h"

namespace perdure::repository {
namespace {

constexpr std::size_t directory_bytes_max = 4 << 20;
constexpr std::size_t growth_bytes = 1 << 20;
/// Room behind the frames for directory, padding and parity.
constexpr std::size_t rest_bytes_max = directory_bytes_max + (256 << 10) + (2 << 20);

/// About what a frame costs in the directory.
std::size_t listed_bytes(FrameJob const& job) {
    return 64 + job.blobs.size() * 36;
}

}  // namespace

struct PackWriter::OpenPack {
    std::unique_ptr<ObjectSeal> seal;
    PackDirectory directory;
    Bytes body;
    std::size_t used = 0;  ///< of body, whose rest is left over from before
    std::size_t close_bytes = 0, listed = 0;
    /// The writer holds an open pack once, and each frame being sealed holds it once more.
    std::atomic<int> holders{1};
};

struct PackWriter::Place {
    std::shared_ptr<OpenPack> pack;
    std::uint32_t slot = 0;
    ByteSpan into;
};

PackWriter::PackWriter(PackWriterOptions options) : options_(std::move(options)) {}
PackWriter::~PackWriter() = default;

Bytes PackWriter::take_buffer() {
    std::unique_lock lock(buffers_mutex_);
    buffer_back_.wait(lock, [&] { return buffers_out_ < options_.buffers; });
    ++buffers_out_;
    if (spare_.empty()) return {};
    Bytes buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
}

void PackWriter::recycle(Bytes body) {
    std::lock_guard const lock(buffers_mutex_);
    --buffers_out_;
    spare_.push_back(std::move(body));
    buffer_back_.notify_one();
}

void PackWriter::free_buffers() {
    std::lock_guard const lock(buffers_mutex_);
    std::vector<Bytes>().swap(spare_);
}

std::shared_ptr<PackWriter::OpenPack> PackWriter::open_pack() {
    auto pack = std::make_shared<OpenPack>();
    pack->body = take_buffer();
    pack->seal = std::make_unique<ObjectSeal>(options_.repository, options_.kind, *options_.random);
    pack->directory.salt = pack->seal->salt();
    std::uint32_t jitter = 0;
    options_.random->fill(std::as_writable_bytes(std::span(&jitter, 1)));
    pack->close_bytes = options_.close_min_bytes +
                        jitter % (options_.close_max_bytes - options_.close_min_bytes + 1);
    Bytes const header = ObjectHeader{.kind = options_.kind, .salt = pack->seal->salt()}.encode();
    if (pack->body.size() < header.size()) pack->body.resize(header.size());
    copy_bytes(header, pack->body);
    pack->used = header.size();
    return pack;
}

/// Finds room for the frame and lists it. The pack that is full afterwards is let go of.
PackWriter::Place PackWriter::reserve(FrameJob const& job) {
    std::size_t const stored = job.packed.size() + crypto::seal_overhead_bytes;
    std::lock_guard const lock(mutex_);
    if (open_ && open_->used + stored > options_.close_max_bytes &&
        !open_->directory.frames.empty()) {
        // Let go before waiting for a buffer: this pack may be the one that gives it back.
        release(std::move(open_));
        open_ = nullptr;
    }
    if (!open_) open_ = open_pack();
    OpenPack& pack = *open_;
    // Bytes never move while frames are sealed into them side by side: a body gets its whole room
    // at its first frame, and grows into it by steps that cost nothing once the buffer is reused.
    std::size_t const offset = pack.used;
    if (pack.directory.frames.empty()) {
        pack.body.reserve(std::max(options_.close_max_bytes, offset + stored) + rest_bytes_max);
    }
    PD_ASSERT(pack.body.capacity() >= offset + stored);
    pack.used = offset + stored;
    if (pack.body.size() < pack.used) {
        pack.body.resize(std::min(pack.body.capacity(), pack.used + growth_bytes));
    }
    FrameRecord record;
    record.offset = static_cast<std::uint32_t>(offset);
    record.stored_bytes = static_cast<std::uint32_t>(stored);
    record.raw_bytes = static_cast<std::uint32_t>(job.raw.size());
    record.codec = job.codec;
    record.handle = job.domain->handle();
    record.generation = job.domain->generation();
    record.base = job.base;
    record.blobs = job.blobs;
    pack.directory.frames.push_back(std::move(record));
    pack.listed += listed_bytes(job);
    pack.holders.fetch_add(1);
    Place place{open_, static_cast<std::uint32_t>(pack.directory.frames.size() - 1),
                ByteSpan(pack.body).subspan(offset, stored)};
    if (pack.used >= pack.close_bytes || pack.listed >= directory_bytes_max / 2 ||
        pack.directory.frames.size() >= pack_frames_max / 2) {
        open_->holders.fetch_sub(1);  // never the last: the place just taken holds it too
        open_ = nullptr;
    }
    return place;
}

void PackWriter::release(std::shared_ptr<OpenPack> pack) {
    if (pack->holders.fetch_sub(1) > 1) return;
    pack->body.resize(pack->used);
    options_.on_filled({std::move(pack->seal), std::move(pack->directory), std::move(pack->body)});
}

Result<void> PackWriter::append(FrameJob const& job) {
    Place place = reserve(job);
    FrameFacts const facts = place.pack->seal->facts(place.slot, job.codec, job.raw.size());
    place.pack->seal->seal_frame(*job.domain, facts, job.packed, place.into);
    Result<void> outcome;
    if (job.compare) {
        auto const back =
            decode_frame(*job.domain, facts, to_bytes(place.into), job.base_plaintext);
        if (!back || !same_bytes(*back, job.raw)) {
            outcome = fail(Fault::internal,
                           "a frame does not decode to what was written; memory or processor of "
                           "this machine cannot be trusted");
        }
    }
    release(std::move(place.pack));
    return outcome;
}

void PackWriter::close() {
    std::shared_ptr<OpenPack> last;
    {
        std::lock_guard const lock(mutex_);
        last = std::move(open_);
        open_ = nullptr;
    }
    if (last) release(std::move(last));
}

}  // namespace perdure::repository
