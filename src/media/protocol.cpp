#include "media/protocol.h"

namespace perdure::media {

namespace {

constexpr std::size_t text_max_bytes = 1 << 20;
constexpr std::size_t copy_max_bytes = 1ULL << 30;

/// A number that names one of the first `count` values of an enumeration.
template <typename Enumeration>
Result<Enumeration> read_enum(Decoder& in, unsigned count) {
    PD_TRY(std::uint8_t const value, in.u8());
    if (value >= count) return fail(Fault::corrupt, "a value that a worker does not know");
    return static_cast<Enumeration>(value);
}

}  // namespace

Bytes encode_task(Task const& task) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(task.what));
    out.text(task.media_type);
    out.u64(task.size_bytes);
    out.u32(task.edge);
    out.u8(static_cast<std::uint8_t>(task.wanted.picture));
    out.u32(task.wanted.edge_max);
    out.u32(task.wanted.quality);
    out.u8(static_cast<std::uint8_t>(task.wanted.strip));
    out.u64(task.pixels_max);
    out.u64(task.memory_bytes);
    out.u64(task.cpu_seconds);
    return out.take();
}

Result<Task> decode_task(ByteView bytes) {
    Decoder in(bytes);
    Task task;
    PD_TRY(task.what, read_enum<Task::What>(in, 3));
    PD_TRY(task.media_type, in.text(text_max_bytes));
    PD_TRY(task.size_bytes, in.u64());
    PD_TRY(task.edge, in.u32());
    PD_TRY(task.wanted.picture, read_enum<PictureFormat>(in, 4));
    PD_TRY(task.wanted.edge_max, in.u32());
    PD_TRY(task.wanted.quality, in.u32());
    PD_TRY(task.wanted.strip, read_enum<Strip>(in, 3));
    PD_TRY(task.pixels_max, in.u64());
    PD_TRY(task.memory_bytes, in.u64());
    PD_TRY(task.cpu_seconds, in.u64());
    PD_CHECK(in.expect_end());
    return task;
}

Bytes encode_answer(Result<Answer> const& answer) {
    Encoder out;
    out.u8(answer ? 1 : 0);
    if (!answer) {
        out.u8(static_cast<std::uint8_t>(answer.error().fault()));
        out.text(answer.error().message());
        return out.take();
    }
    auto const& facts = answer->facts;
    out.text(facts.media_type);
    out.u32(facts.width);
    out.u32(facts.height);
    out.u8(facts.taken ? 1 : 0);
    out.i64(facts.taken ? facts.taken->seconds : 0);
    out.u32(facts.taken ? facts.taken->nanoseconds : 0);
    out.text(facts.caption);
    out.u8(facts.located ? 1 : 0);
    out.bytes(answer->bytes);
    return out.take();
}

Result<Answer> decode_answer(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(std::uint8_t const succeeded, in.u8());
    if (succeeded == 0) {
        PD_TRY(auto fault, read_enum<Fault>(in, static_cast<unsigned>(Fault::internal) + 1));
        PD_TRY(std::string message, in.text(text_max_bytes));
        return fail(fault, std::move(message));
    }
    Answer answer;
    auto& facts = answer.facts;
    PD_TRY(facts.media_type, in.text(text_max_bytes));
    PD_TRY(facts.width, in.u32());
    PD_TRY(facts.height, in.u32());
    PD_TRY(std::uint8_t const has_taken, in.u8());
    Timestamp taken;
    PD_TRY(taken.seconds, in.i64());
    PD_TRY(taken.nanoseconds, in.u32());
    if (has_taken != 0) facts.taken = taken;
    PD_TRY(facts.caption, in.text(text_max_bytes));
    PD_TRY(std::uint8_t const located, in.u8());
    facts.located = located != 0;
    PD_TRY(auto copy, in.bytes(copy_max_bytes));
    answer.bytes = to_bytes(copy);
    PD_CHECK(in.expect_end());
    return answer;
}

}  // namespace perdure::media
