#include "repository/snapshot.h"

#include "base/codec.h"
#include "base/time_codec.h"
#include "repository/stream/blob_list.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t snapshot_version = 1;
constexpr std::size_t text_bytes_max = 1u << 20;
constexpr std::uint64_t sources_max = 65'536;

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

Result<Timestamp> decode_exact_time(Decoder& in) {
    PD_TRY(Timestamp const time, decode_time(in));
    if (time.nanoseconds > 999'999'999) return bad("a time with too many nanoseconds");
    return time;
}

Result<std::uint64_t> decode_count(Decoder& in) {
    PD_TRY(std::uint64_t const count, in.varint());
    if (count > in.left()) return bad("a count in a snapshot that exceeds its bytes");
    return count;
}

Result<bool> decode_flag(Decoder& in) {
    PD_TRY(std::uint8_t const flag, in.u8());
    if (flag > 1) return bad("a flag that is neither 0 nor 1");
    return flag == 1;
}

void encode_problems(Encoder& out, SourceSnapshot const& source) {
    out.varint(source.problems_total);
    out.varint(source.problems.size());
    for (data::Problem const& problem : source.problems) {
        out.text(problem.path);
        out.text(problem.reason);
    }
}

Result<void> decode_problems(Decoder& in, SourceSnapshot& source) {
    PD_TRY(source.problems_total, in.varint());
    PD_TRY(std::uint64_t const count, decode_count(in));
    for (std::uint64_t i = 0; i < count; ++i) {
        data::Problem problem;
        PD_TRY(problem.path, in.text(text_bytes_max));
        PD_TRY(problem.reason, in.text(text_bytes_max));
        source.problems.push_back(std::move(problem));
    }
    return {};
}

void encode_source(Encoder& out, SourceSnapshot const& source) {
    out.text(source.name);
    out.text(source.type);
    out.text(source.location);
    out.u8(source.rows ? 1 : 0);
    encode_time(out, source.started);
    encode_list(out, source.root);
    encode_list(out, source.schema);
    out.varint(source.options.size());
    for (auto const& [key, value] : source.options) {
        out.text(key);
        out.text(value);
    }
    out.raw(source.digest.hash.view());
    for (std::uint64_t const number :
         {source.digest.items, source.digest.bytes, source.items, source.bytes_read,
          source.bytes_total, source.subjects, source.items_unchanged}) {
        out.varint(number);
    }
    encode_problems(out, source);
}

Result<SourceSnapshot> decode_source(Decoder& in) {
    SourceSnapshot source;
    PD_TRY(source.name, in.text(text_bytes_max));
    PD_TRY(source.type, in.text(text_bytes_max));
    PD_TRY(source.location, in.text(text_bytes_max));
    PD_TRY(source.rows, decode_flag(in));
    PD_TRY(source.started, decode_exact_time(in));
    PD_TRY(source.root, decode_list(in));
    PD_TRY(source.schema, decode_list(in));
    PD_TRY(std::uint64_t const options, decode_count(in));
    for (std::uint64_t i = 0; i < options; ++i) {
        PD_TRY(std::string key, in.text(text_bytes_max));
        PD_TRY(std::string value, in.text(text_bytes_max));
        if (!source.options.empty() && source.options.rbegin()->first >= key) {
            return bad("options of a source that are not sorted");
        }
        source.options.emplace_hint(source.options.end(), std::move(key), std::move(value));
    }
    PD_TRY(source.digest.hash, in.id<crypto::Digest>());
    for (std::uint64_t* number :
         {&source.digest.items, &source.digest.bytes, &source.items, &source.bytes_read,
          &source.bytes_total, &source.subjects, &source.items_unchanged}) {
        PD_TRY(*number, in.varint());
    }
    PD_CHECK(decode_problems(in, source));
    return source;
}

void encode_origin(Encoder& out, Snapshot const& snapshot) {
    out.text(snapshot.host);
    out.text(snapshot.user);
    out.text(snapshot.program);
    out.varint(snapshot.tags.size());
    for (std::string const& tag : snapshot.tags) out.text(tag);
}

Result<void> decode_origin(Decoder& in, Snapshot& snapshot) {
    PD_TRY(snapshot.host, in.text(text_bytes_max));
    PD_TRY(snapshot.user, in.text(text_bytes_max));
    PD_TRY(snapshot.program, in.text(text_bytes_max));
    PD_TRY(std::uint64_t const tags, decode_count(in));
    for (std::uint64_t i = 0; i < tags; ++i) {
        PD_TRY(std::string tag, in.text(text_bytes_max));
        snapshot.tags.push_back(std::move(tag));
    }
    return {};
}

void encode_parent(Encoder& out, Snapshot const& snapshot) {
    out.u8(snapshot.parent ? 1 : 0);
    if (snapshot.parent) out.raw(snapshot.parent->view());
    out.u8(snapshot.parent_receipt ? 1 : 0);
    if (snapshot.parent_receipt) encode_time(out, *snapshot.parent_receipt);
}

Result<void> decode_parent(Decoder& in, Snapshot& snapshot) {
    PD_TRY(bool const parent, decode_flag(in));
    if (parent) {
        PD_TRY(snapshot.parent, in.id<SessionId>());
    }
    PD_TRY(bool const receipt, decode_flag(in));
    if (receipt) {
        PD_TRY(snapshot.parent_receipt, decode_exact_time(in));
    }
    return {};
}

/// What later formats add: (tag, bytes), tags ascending. Nothing is defined yet; all are skipped.
Result<void> skip_additions(Decoder& in) {
    std::uint64_t previous = 0;
    while (!in.done()) {
        PD_TRY(std::uint64_t const tag, in.varint());
        if (tag <= previous) return bad("additions to a snapshot that are not sorted");
        previous = tag;
        PD_TRY(ByteView const skipped, in.bytes(in.left()));
        (void)skipped;
    }
    return {};
}

}  // namespace

Bytes Snapshot::encode() const {
    Encoder out;
    out.varint(snapshot_version);
    out.raw(session.view());
    encode_time(out, started);
    encode_time(out, finished);
    out.u8(static_cast<std::uint8_t>(type));
    encode_origin(out, *this);
    encode_parent(out, *this);
    out.varint(min_epoch);
    out.raw(writer.view());
    out.varint(sequence);
    out.raw(previous.view());
    out.varint(sources.size());
    for (SourceSnapshot const& source : sources) encode_source(out, source);
    for (std::uint64_t const number :
         {statistics.blobs_new, statistics.blobs_known, statistics.bytes_new,
          statistics.bytes_stored, statistics.packs}) {
        out.varint(number);
    }
    return out.take();
}

Result<Snapshot> Snapshot::decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(std::uint64_t const version, in.varint());
    if (version != snapshot_version) {
        return fail(Fault::unsupported, "a snapshot of format " + std::to_string(version));
    }
    Snapshot snapshot;
    PD_TRY(snapshot.session, in.id<SessionId>());
    PD_TRY(snapshot.started, decode_exact_time(in));
    PD_TRY(snapshot.finished, decode_exact_time(in));
    PD_TRY(std::uint8_t const type, in.u8());
    if (type < 1 || type > 3) return bad("a snapshot of an unknown type");
    snapshot.type = static_cast<SnapshotType>(type);
    PD_CHECK(decode_origin(in, snapshot));
    PD_CHECK(decode_parent(in, snapshot));
    PD_TRY(snapshot.min_epoch, in.varint());
    PD_TRY(snapshot.writer, in.id<crypto::Digest>());
    PD_TRY(snapshot.sequence, in.varint());
    PD_TRY(snapshot.previous, in.id<crypto::Digest>());
    PD_TRY(std::uint64_t const sources, in.varint());
    if (sources > sources_max || sources > in.left()) return bad("too many sources in a snapshot");
    for (std::uint64_t i = 0; i < sources; ++i) {
        PD_TRY(SourceSnapshot source, decode_source(in));
        snapshot.sources.push_back(std::move(source));
    }
    BlobStatistics& statistics = snapshot.statistics;
    for (std::uint64_t* number :
         {&statistics.blobs_new, &statistics.blobs_known, &statistics.bytes_new,
          &statistics.bytes_stored, &statistics.packs}) {
        PD_TRY(*number, in.varint());
    }
    PD_CHECK(skip_additions(in));
    return snapshot;
}

}  // namespace perdure::repository
