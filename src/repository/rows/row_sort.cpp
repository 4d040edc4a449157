// Invariants:
//  1. A record in the arena and in a spilled frame is u32 key length ‖ u32 payload length ‖ key ‖
//     payload; records never cross frames.
//  2. Every frame is sealed with a key of its own: HMAC(ephemeral key, run ‖ frame). Nothing of a
//     run can be read once this object is gone.
//  3. A level holds fewer than fan_in runs: fan_in of them are merged into one of the next level.
//  4. While writer_ is at work, written_, levels_, scratch_ and runs_made_ are its own; filling_ is
//     the caller's.
//  5. A run that nobody merges yet holds no frame: many runs cost descriptors, not memory.
#include "repository/rows/row_sort.h"

#include <algorithm>

#include "crypto/seal.h"
#include "system/memory.h"
#include "system/random.h"

namespace perdure::repository {

namespace {

constexpr std::size_t frame_bytes = 256u << 10;
constexpr std::size_t head_bytes = 8;

crypto::Secret32 random_key() {
    crypto::Secret32 key;
    system::real_random().fill(key.span());
    return key;
}

bool less(ByteView a, ByteView b) {
    int const order = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
    return order != 0 ? order < 0 : a.size() < b.size();
}

std::uint64_t big_endian_at(ByteView key, std::size_t offset) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        value <<= 8;
        if (offset + i < key.size()) value |= static_cast<std::uint64_t>(key[offset + i]);
    }
    return value;
}

std::uint32_t u32_at(std::byte const* at) {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

RowSort::Row parse(std::byte const* at) {
    std::uint32_t const key = u32_at(at), payload = u32_at(at + 4);
    return {{at + head_bytes, key}, {at + head_bytes + key, payload}};
}

void append_record(Bytes& out, RowSort::Row const& row) {
    std::uint32_t const lengths[2] = {static_cast<std::uint32_t>(row.key.size()),
                                      static_cast<std::uint32_t>(row.payload.size())};
    append(out, std::as_bytes(std::span(lengths)));
    append(out, row.key);
    append(out, row.payload);
}

}  // namespace

/// A sorted file of sealed frames, written once and then read once.
class RowSort::Run {
public:
    Run(crypto::HmacKey const& key, std::uint64_t number, system::File file, system::Path path)
        : key_(key), number_(number), file_(std::move(file)), path_(std::move(path)) {}
    ~Run() {
        file_ = system::File();
        (void)system::remove_file(path_);
    }

    Result<void> add(Row const& row) {
        append_record(frame_, row);
        return frame_.size() >= frame_bytes ? flush() : Result<void>();
    }
    Result<void> finish() {
        PD_CHECK(flush());
        PD_CHECK(file_.close());
        Bytes().swap(sealed_);
        Bytes().swap(frame_);
        PD_TRY(file_, system::File::open_to_read(path_));
        frame_number_ = 0;
        position_ = 0;
        return {};
    }
    /// The current row; only after advance(), and while !ended().
    Row const& row() const { return row_; }
    bool ended() const { return ended_; }
    Result<void> advance() {
        if (position_ == frame_.size()) {
            PD_CHECK(load());
            if (ended_) return {};
        }
        row_ = parse(frame_.data() + position_);
        position_ += head_bytes + row_.key.size() + row_.payload.size();
        return {};
    }

private:
    crypto::Secret32 frame_key() {
        std::uint64_t const ids[2] = {number_, frame_number_++};
        return key_.derive({std::as_bytes(std::span(ids))});
    }
    Result<void> flush() {
        if (frame_.empty()) return {};
        sealed_.assign(4, std::byte{});
        crypto::seal_once(frame_key(), {}, frame_, sealed_);
        auto const length = static_cast<std::uint32_t>(sealed_.size() - 4);
        std::memcpy(sealed_.data(), &length, sizeof length);
        frame_.clear();
        return file_.write(sealed_);
    }
    Result<void> load() {
        std::array<std::byte, 4> head;
        PD_TRY(std::size_t const count, file_.read_at(head, file_offset_));
        if (count == 0) {
            ended_ = true;
            Bytes().swap(frame_);
            return {};
        }
        Bytes sealed(u32_at(head.data()));
        PD_TRY(std::size_t const body, file_.read_at(sealed, file_offset_ + 4));
        if (count != 4 || body != sealed.size()) {
            return fail(Fault::corrupt, "a spilled run was truncated");
        }
        file_offset_ += 4 + sealed.size();
        PD_TRY(frame_, crypto::open_sealed(frame_key(), {}, sealed));
        position_ = 0;
        return {};
    }

    crypto::HmacKey const& key_;
    std::uint64_t number_, frame_number_ = 0;
    system::File file_;
    system::Path path_;
    std::uint64_t file_offset_ = 0;
    Bytes frame_, sealed_;
    std::size_t position_ = 0;
    Row row_;
    bool ended_ = false;
};

/// Merges runs; stays with one as long as it holds the smallest key, so runs that do not overlap
/// cost one comparison a row.
class RowSort::Merge {
public:
    static Result<std::unique_ptr<Merge>> of(std::vector<std::unique_ptr<Run>> runs) {
        auto merge = std::make_unique<Merge>();
        merge->runs_ = std::move(runs);
        for (auto const& run : merge->runs_) {
            PD_CHECK(run->advance());
            if (!run->ended()) merge->heap_.push_back(run.get());
        }
        std::make_heap(merge->heap_.begin(), merge->heap_.end(), later);
        merge->take_top();
        return merge;
    }
    Result<std::optional<Row>> next() {
        if (best_ == nullptr) return std::optional<Row>();
        if (given_) {
            PD_CHECK(best_->advance());
            if (best_->ended()) {
                take_top();
            } else if (!heap_.empty() && less(heap_.front()->row().key, best_->row().key)) {
                heap_.push_back(best_);
                std::push_heap(heap_.begin(), heap_.end(), later);
                take_top();
            }
            if (best_ == nullptr) return std::optional<Row>();
        }
        given_ = true;
        return std::optional<Row>(best_->row());
    }

private:
    static bool later(Run const* a, Run const* b) { return less(b->row().key, a->row().key); }
    void take_top() {
        best_ = nullptr;
        if (heap_.empty()) return;
        std::pop_heap(heap_.begin(), heap_.end(), later);
        best_ = heap_.back();
        heap_.pop_back();
    }

    std::vector<std::unique_ptr<Run>> runs_;
    std::vector<Run*> heap_;
    Run* best_ = nullptr;
    bool given_ = false;
};

RowSort::RowSort(RowSortOptions options) : options_(std::move(options)), key_(random_key()) {
    PD_ASSERT(options_.fan_in >= 2);
    options_.fan_in = system::descriptors_for(options_.fan_in);  // a run is an open file
}

RowSort::~RowSort() = default;

RowSort::Row RowSort::Arena::at(std::uint32_t offset) const {
    return parse(bytes.data() + offset);
}

void RowSort::Arena::clear() {
    bytes.clear();
    slots.clear();
    in_order = true;
}

Result<void> RowSort::add(std::initializer_list<ByteView> key_parts,
                          std::initializer_list<ByteView> payload_parts) {
    std::size_t key_length = 0, payload_length = 0;
    for (ByteView const part : key_parts) key_length += part.size();
    for (ByteView const part : payload_parts) payload_length += part.size();
    if (key_length > key_bytes_max) return fail(Fault::invalid, "its key exceeds 1 MiB");
    std::size_t const record = head_bytes + key_length + payload_length;
    std::size_t const held = filling_.bytes.size() + filling_.slots.size() * sizeof(Slot);
    if (held + record > options_.run_bytes && !filling_.slots.empty()) PD_CHECK(spill());
    Bytes& arena = filling_.bytes;
    auto& slots = filling_.slots;
    if (arena.capacity() < options_.run_bytes) arena.reserve(options_.run_bytes);
    PD_ASSERT(arena.size() + record <= UINT32_MAX);

    auto const offset = static_cast<std::uint32_t>(arena.size());
    std::uint32_t const lengths[2] = {static_cast<std::uint32_t>(key_length),
                                      static_cast<std::uint32_t>(payload_length)};
    append(arena, std::as_bytes(std::span(lengths)));
    for (ByteView const part : key_parts) append(arena, part);
    for (ByteView const part : payload_parts) append(arena, part);
    ByteView const key = filling_.at(offset).key;
    if (filling_.in_order && !slots.empty())
        filling_.in_order = !less(key, filling_.at(slots.back().offset).key);
    slots.push_back({big_endian_at(key, 0), big_endian_at(key, 8), offset});
    ++rows_;
    return {};
}

void RowSort::Arena::sort() {
    if (std::exchange(in_order, true)) return;
    auto const prefix_less = [](Slot const& a, Slot const& b) {
        return a.high != b.high ? a.high < b.high : a.low < b.low;
    };
    auto const key_less = [this](Slot const& a, Slot const& b) {
        return less(at(a.offset).key, at(b.offset).key);
    };
    // Stable, so rows that came in order within a person or table still are; only groups that
    // are not must be compared in full.
    std::stable_sort(slots.begin(), slots.end(), prefix_less);
    for (auto begin = slots.begin(); begin != slots.end();) {
        auto end = begin + 1;
        bool ordered = true;
        for (; end != slots.end() && !prefix_less(*begin, *end); ++end) {
            ordered = ordered && !key_less(*end, *(end - 1));
        }
        if (!ordered) std::sort(begin, end, key_less);
        begin = end;
    }
}

Result<std::unique_ptr<RowSort::Run>> RowSort::new_run() {
    if (!scratch_) {
        PD_TRY(scratch_, system::ScratchFolder::create(options_.spill_folder));
    }
    std::uint64_t const number = runs_made_++;
    system::Path path = scratch_->path() / std::to_string(number);
    PD_TRY(system::File file, system::File::create(path));
    return std::make_unique<Run>(key_, number, std::move(file), std::move(path));
}

Result<void> RowSort::wait_for_writer() {
    auto const writer = std::move(writer_);
    return writer ? writer->wait() : Result<void>();
}

Result<void> RowSort::spill() {
    PD_CHECK(wait_for_writer());
    std::swap(filling_, written_);
    writer_ = std::make_unique<TaskGroup>();
    writer_->spawn([this](std::stop_token) { return write_run(); });
    return {};
}

Result<void> RowSort::write_run() {
    written_.sort();
    PD_TRY(auto run, new_run());
    for (Slot const& slot : written_.slots) PD_CHECK(run->add(written_.at(slot.offset)));
    PD_CHECK(run->finish());
    written_.clear();
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].push_back(std::move(run));
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        if (levels_[level].size() >= options_.fan_in) PD_CHECK(merge_level(level));
    }
    return {};
}

Result<void> RowSort::merge_level(std::size_t level) {
    PD_TRY(auto merged, new_run());
    PD_TRY(auto merge, Merge::of(std::exchange(levels_[level], {})));
    while (true) {
        PD_TRY(std::optional<Row> const row, merge->next());
        if (!row) break;
        PD_CHECK(merged->add(*row));
    }
    PD_CHECK(merged->finish());
    if (levels_.size() == level + 1) levels_.emplace_back();
    levels_[level + 1].push_back(std::move(merged));
    return {};
}

Result<void> RowSort::finish() {
    if (!writer_) {
        filling_.sort();
        return {};
    }
    if (!filling_.slots.empty()) PD_CHECK(spill());
    PD_CHECK(wait_for_writer());
    filling_ = Arena();  // moved into: a copy would keep its room
    written_ = Arena();
    std::size_t count = 0;
    for (auto const& level : levels_) count += level.size();
    for (std::size_t level = 0; count > options_.fan_in; ++level) {
        count -= levels_[level].size();
        if (!levels_[level].empty()) {
            PD_CHECK(merge_level(level));
            ++count;
        }
    }
    std::vector<std::unique_ptr<Run>> runs;
    for (auto& level : levels_) {
        for (auto& run : level) runs.push_back(std::move(run));
    }
    levels_.clear();
    PD_TRY(merge_, Merge::of(std::move(runs)));
    return {};
}

Result<std::optional<RowSort::Row>> RowSort::next() {
    if (merge_) return merge_->next();
    if (next_slot_ == filling_.slots.size()) return std::optional<Row>();
    return std::optional<Row>(filling_.at(filling_.slots[next_slot_++].offset));
}

}  // namespace perdure::repository
