#pragma once

#include <algorithm>
#include <memory>

#include "data/stream.h"

namespace perdure::data {

/// Bytes in memory as a source. `entry` is what it says of their owner after reading.
class MemorySource final : public ByteSource {
public:
    /// The bytes must outlive it.
    explicit MemorySource(ByteView bytes, Entry entry = {})
        : rest_(bytes), entry_(std::move(entry)) {}
    explicit MemorySource(std::shared_ptr<Bytes const> bytes, Entry entry = {})
        : held_(std::move(bytes)), rest_(*held_), entry_(std::move(entry)) {}

    Result<std::size_t> read(ByteSpan into) override {
        std::size_t const count = std::min(into.size(), rest_.size());
        copy_bytes(rest_.first(count), into);
        rest_ = rest_.subspan(count);
        return count;
    }
    Result<Entry> entry_after_reading() override { return entry_; }

private:
    std::shared_ptr<Bytes const> held_;
    ByteView rest_;
    Entry entry_;
};

/// Bytes in memory that can be opened any number of times. Sources that are open outlive it.
/// Threads: any.
class MemoryContent final : public Content {
public:
    explicit MemoryContent(Bytes bytes, Entry entry = {})
        : bytes_(std::make_shared<Bytes const>(std::move(bytes))), entry_(std::move(entry)) {}

    Result<std::unique_ptr<ByteSource>> open(std::stop_token) override {
        return std::make_unique<MemorySource>(bytes_, entry_);
    }

private:
    std::shared_ptr<Bytes const> bytes_;
    Entry entry_;
};

}  // namespace perdure::data
