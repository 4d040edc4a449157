#include "repository/stream/content_writer.h"

#include <algorithm>
#include <atomic>

namespace perdure::repository {

namespace {

/// Bytes that are not zeroed first: buffers of megabytes are filled by read() at once.
class Buffer {
public:
    void grow(std::size_t bytes) {
        if (bytes <= size_) return;
        auto larger = std::make_unique_for_overwrite<std::byte[]>(bytes);
        if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
        data_ = std::move(larger);
        size_ = bytes;
    }
    std::size_t size() const { return size_; }
    ByteSpan span() { return {data_.get(), size_}; }

private:
    std::unique_ptr<std::byte[]> data_;
    std::size_t size_ = 0;
};

/// A chunk on its way through another thread.
struct Flight {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t length = 0;
    std::optional<Result<BlobId>> id;
    std::atomic<bool> done = false;
};

}  // namespace

BlobClass content_class(std::size_t bytes) {
    return bytes < content::data_chunks.min_bytes ? BlobClass::small : BlobClass::large;
}

Result<std::size_t> read_fully(data::ByteSource& source, ByteSpan into) {
    std::size_t filled = 0;
    while (filled < into.size()) {
        PD_TRY(std::size_t const count, source.read(into.subspan(filled)));
        if (count == 0) break;
        filled += count;
    }
    return filled;
}

/// One content on its way into blobs.
class ContentWriter::Run {
public:
    Run(ContentWriter& owner, ContentOptions const& options)
        : owner_(owner),
          options_(options),
          chunker_(options.media ? owner.media_ : owner.data_),
          list_(owner.blobs_, options.domain) {}
    /// Flights hold references into this object.
    ~Run() {
        while (!flights_.empty()) (void)land();
    }

    /// Cuts what `bytes` holds; returns how many bytes were taken.
    Result<std::size_t> cut(ByteView bytes, bool last) {
        std::size_t taken = 0;
        while (taken < bytes.size()) {
            ByteView const rest = bytes.subspan(taken);
            std::size_t const length = chunker_.cut(rest, last);
            if (length == 0) break;
            bool const alone = last && length == rest.size() && flights_.empty();
            if (alone) {
                PD_CHECK(put_here(rest.first(length)));
            } else {
                PD_CHECK(launch(rest.first(length)));
            }
            taken += length;
        }
        return taken;
    }

    Result<void> put_here(ByteView chunk) {
        PD_TRY(BlobId const id, owner_.blobs_.put(options_.domain, chunk,
                                                  {.blob_class = content_class(chunk.size())}));
        return keep(id, chunk.size());
    }

    Result<BlobList> finish() {
        while (!flights_.empty()) PD_CHECK(land());
        if (options_.flat) return std::move(flat_);
        return list_.finish();
    }

private:
    Result<void> keep(BlobId const& id, std::size_t length) {
        if (!options_.flat) return list_.add(id, length);
        flat_.ids.push_back(id);
        flat_.length_bytes += length;
        return {};
    }

    Result<void> launch(ByteView chunk) {
        if (flights_.size() > owner_.workers_.threads()) PD_CHECK(land());
        auto flight = std::make_shared<Flight>();
        flight->bytes = std::make_unique_for_overwrite<std::byte[]>(chunk.size());
        flight->length = chunk.size();
        std::memcpy(flight->bytes.get(), chunk.data(), chunk.size());
        flights_.push_back(flight);
        owner_.workers_.submit_urgent([flight, &blobs = owner_.blobs_, domain = options_.domain] {
            flight->id.emplace(blobs.put(domain, {flight->bytes.get(), flight->length},
                                         {.blob_class = BlobClass::large}));
            flight->bytes.reset();
            flight->done.store(true, std::memory_order_release);
        });
        return {};
    }

    Result<void> land() {
        std::shared_ptr<Flight> const flight = flights_.front();
        flights_.pop_front();
        owner_.workers_.help_until([&] { return flight->done.load(std::memory_order_acquire); });
        PD_TRY(BlobId const id, *flight->id);
        return keep(id, flight->length);
    }

    ContentWriter& owner_;
    ContentOptions const& options_;
    content::Chunker const& chunker_;
    ListWriter list_;
    BlobList flat_;
    std::deque<std::shared_ptr<Flight>> flights_;
};

ContentWriter::ContentWriter(BlobWriter& blobs, crypto::Secret32 const& chunk_key, Workers& workers)
    : blobs_(blobs),
      workers_(workers),
      data_(chunk_key, content::data_chunks),
      media_(chunk_key, content::media_chunks) {}

Result<StoredContent> ContentWriter::store(data::ByteSource& source, ContentOptions const& options,
                                           std::stop_token stop) {
    Run run(*this, options);
    std::size_t const chunk_max = (options.media ? media_ : data_).sizes().max_bytes;
    thread_local Buffer small_buffer;
    Buffer large_buffer;
    small_buffer.grow(content::data_chunks.min_bytes);
    Buffer* buffer = &small_buffer;
    std::size_t filled = 0;
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const count = read_fully(source, buffer->span().subspan(filled));
        if (!count) {
            if (count.error().fault() == Fault::cancelled) return count.error();
            return StoredContent{{}, count.error()};
        }
        filled += *count;
        bool const last = filled < buffer->size();
        ByteView const have = ByteView(buffer->span()).first(filled);
        if (last && buffer == &small_buffer) {
            if (filled > 0) PD_CHECK(run.put_here(have));
            break;
        }
        if (buffer == &small_buffer) {  // it is no small file: go on in a buffer for chunks
            std::size_t const hint = static_cast<std::size_t>(
                std::min<std::uint64_t>(options.size_hint + 1, 2 * chunk_max));
            large_buffer.grow(std::max({hint, filled + 1, std::size_t{512} << 10}));
            std::memcpy(large_buffer.span().data(), have.data(), filled);
            buffer = &large_buffer;
            continue;
        }
        PD_TRY(std::size_t const taken, run.cut(have, last));
        if (last) break;
        if (taken == 0) large_buffer.grow(2 * chunk_max);  // it grew beyond the hint
        filled -= taken;
        std::memmove(buffer->span().data(), buffer->span().data() + taken, filled);
    }
    PD_TRY(BlobList list, run.finish());
    return StoredContent{std::move(list), std::nullopt};
}

Result<BlobList> ContentWriter::store_bytes(ByteView bytes, ContentOptions const& options) {
    Run run(*this, options);
    if (bytes.size() < content::data_chunks.min_bytes) {
        if (!bytes.empty()) PD_CHECK(run.put_here(bytes));
    } else {
        PD_TRY(std::size_t const taken, run.cut(bytes, true));
        PD_ASSERT(taken == bytes.size());
    }
    return run.finish();
}

}  // namespace perdure::repository
