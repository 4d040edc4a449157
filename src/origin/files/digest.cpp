#include "origin/files/digest.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "data/bytes/placement.h"

namespace perdure::origin {
namespace {

constexpr std::size_t batch_items = 512;
constexpr std::size_t block_bytes = 64 << 10;

/// Hashes content by its 64 KiB blocks: (number, bytes without the zeros at their end), blocks of
/// zeros left out. So it does not matter whether zeros were stored or were a hole.
class ContentHash {
public:
    void feed(std::uint64_t offset, ByteView bytes) {
        while (!bytes.empty()) {
            std::uint64_t const number = offset / block_bytes;
            auto const within = static_cast<std::size_t>(offset % block_bytes);
            if (number != number_) flush(number);
            if (filled_ < within)
                std::fill(block_.begin() + filled_, block_.begin() + within, std::byte{});
            std::size_t const count = std::min(bytes.size(), block_bytes - within);
            std::copy_n(bytes.begin(), count, block_.begin() + within);
            filled_ = within + count;
            bytes = bytes.subspan(count);
            offset += count;
        }
    }

    crypto::Digest finish(std::uint64_t size) {
        flush(0);
        Encoder end;
        end.u64(size);
        hash_.update(end.view());
        return hash_.finish();
    }

private:
    void flush(std::uint64_t next_number) {
        while (filled_ > 0 && block_[filled_ - 1] == std::byte{}) --filled_;
        if (filled_ > 0) {
            head_.clear();
            head_.u64(number_);
            head_.u32(static_cast<std::uint32_t>(filled_));
            hash_.update(head_.view());
            hash_.update(ByteView(block_).first(filled_));
        }
        filled_ = 0;
        number_ = next_number;
    }

    crypto::Sha256 hash_;
    Encoder head_;
    Bytes block_ = Bytes(block_bytes);
    std::size_t filled_ = 0;
    std::uint64_t number_ = 0;
};

struct HashedContent {
    crypto::Digest digest;
    std::uint64_t bytes = 0;
};

/// A further name of a file is told by the first.
bool has_own_content(data::TreeItem const& item) {
    return item.content && item.entry.same_as.empty();
}

/// Empty when it cannot be read.
std::optional<HashedContent> hash_content(data::TreeItem const& item, ContentHash& hash,
                                          ByteSpan buffer, std::stop_token const& stop) {
    auto source = item.content->open(stop);
    if (!source) return std::nullopt;
    data::Placement placement(item.entry);
    auto const put = [&](std::uint64_t offset, ByteView bytes) -> Result<void> {
        hash.feed(offset, bytes);
        return {};
    };
    for (;;) {
        auto const got = (*source)->read(buffer);
        if (!got || stop.stop_requested()) {
            hash.finish(0);  // back to its beginning
            return std::nullopt;
        }
        if (*got == 0) break;
        // What has no place any more lies in extents that the file got since it was met.
        static_cast<void>(placement.feed(buffer.first(*got), put));
    }
    return HashedContent{hash.finish(placement.size()), placement.size()};
}

void encode_item(Encoder& out, data::TreeItem const& item) {
    data::Entry const& entry = item.entry;
    out.u8(static_cast<std::uint8_t>(item.step));
    if (item.step == data::TreeItem::Step::leave) return;
    out.text(entry.name);
    out.u8(static_cast<std::uint8_t>(entry.kind));
    out.text(entry.same_as);
    out.varint(entry.mode);
    out.varint(entry.uid);
    out.varint(entry.gid);
    out.svarint(entry.modified.seconds);
    out.varint(entry.modified.nanoseconds);
    out.varint(entry.special);
    out.text(entry.link_target);
    for (data::Xattr const& attribute : entry.xattrs) {
        if (attribute.name == "security.selinux") continue;
        out.text(attribute.name);
        out.bytes(attribute.value);
    }
    out.text({});  // no attribute has an empty name: the list ends here
}

class TreeHash {
public:
    void add_batch(std::vector<data::TreeItem> const& items, std::stop_token const& stop) {
        hashed_.assign(items.size(), std::nullopt);
        std::atomic<std::size_t> next = 0;
        auto const work = [&](Lane& lane) {
            for (std::size_t i = next++; i < items.size(); i = next++)
                if (has_own_content(items[i]))
                    hashed_[i] = hash_content(items[i], lane.hash, lane.buffer, stop);
        };
        {
            std::jthread const other([&] { work(lanes_[1]); });
            work(lanes_[0]);
        }
        for (std::size_t i = 0; i < items.size(); ++i) fold(items[i], hashed_[i]);
    }
    data::LogicalDigest finish() {
        total_.hash = hash_.finish();
        return total_;
    }

private:
    struct Lane {
        ContentHash hash;
        Bytes buffer = Bytes(256 << 10);
    };

    void fold(data::TreeItem const& item, std::optional<HashedContent> const& content) {
        if (has_own_content(item) && !content) return;
        text_.clear();
        encode_item(text_, item);
        if (content) {
            text_.raw(content->digest.view());
            total_.bytes += content->bytes;
        }
        if (item.step != data::TreeItem::Step::leave) ++total_.items;
        hash_.update(text_.view());
    }

    Lane lanes_[2];
    std::vector<std::optional<HashedContent>> hashed_;
    crypto::Sha256 hash_;
    Encoder text_;
    data::LogicalDigest total_;
};

}  // namespace

Result<data::LogicalDigest> digest_tree(data::TreeReader& reader, std::stop_token stop) {
    TreeHash hash;
    std::vector<data::TreeItem> batch;
    for (bool more = true; more;) {
        PD_TRY(auto item, reader.next(stop));
        more = item.has_value();
        if (more) batch.push_back(std::move(*item));
        if (batch.size() < batch_items && more) continue;
        hash.add_batch(batch, stop);
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        batch.clear();
    }
    return hash.finish();
}

}  // namespace perdure::origin
