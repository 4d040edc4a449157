#include "job/export/journal.h"

#include <fmt/format.h>
#include <sys/file.h>

#include "base/codec.h"
#include "base/time_codec.h"
#include "system/durable.h"

namespace perdure::job {

namespace {

constexpr std::string_view magic = "PDXJ";
constexpr std::uint8_t version = 1;
constexpr std::size_t text_max = 1 << 20, state_max = 64 << 20, journal_max = 256 << 20;

Result<ExportCheckpoint> get_checkpoint(Decoder& in) {
    ExportCheckpoint out;
    PD_TRY(out.records_read, in.varint());
    PD_TRY(out.records_taken, in.varint());
    for (auto* state : {&out.writer, &out.container, &out.disk}) {
        PD_TRY(auto const bytes, in.bytes(state_max));
        *state = to_bytes(bytes);
    }
    return out;
}

}  // namespace

Bytes ExportJournal::encode() const {
    Encoder body;
    body.raw(request.view());
    body.text(data);
    body.varint(words.size());
    for (auto const& word : words) body.text(word);
    encode_time(body, exported);
    encode_time(body, as_of);
    body.varint(problems.size());
    for (auto const& problem : problems) {
        body.text(problem.path);
        body.text(problem.reason);
    }
    body.u8(checkpoint ? 1 : 0);
    if (checkpoint) {
        body.varint(checkpoint->records_read);
        body.varint(checkpoint->records_taken);
        body.bytes(checkpoint->writer);
        body.bytes(checkpoint->container);
        body.bytes(checkpoint->disk);
    }
    Encoder out;
    out.raw(as_bytes(magic));
    out.u8(version);
    out.raw(crypto::sha256(body.view()).view());
    out.raw(body.view());
    return out.take();
}

Result<ExportJournal> ExportJournal::decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(auto const head, in.raw(magic.size()));
    PD_TRY(auto const is_version, in.u8());
    if (as_text(head) != magic || is_version != version) {
        return fail(Fault::corrupt, "no journal of this version");
    }
    PD_TRY(auto const seal, in.id<crypto::Digest>());
    PD_TRY(auto const rest, in.raw(in.left()));
    if (crypto::sha256(rest) != seal) return fail(Fault::corrupt, "the journal is damaged");
    Decoder body(rest);
    ExportJournal out;
    PD_TRY(out.request, body.id<crypto::Digest>());
    PD_TRY(out.data, body.text(text_max));
    PD_TRY(auto words, body.varint());
    for (; words > 0; --words) {
        PD_TRY(auto word, body.text(text_max));
        out.words.push_back(std::move(word));
    }
    PD_TRY(out.exported, decode_time(body));
    PD_TRY(out.as_of, decode_time(body));
    PD_TRY(auto problems, body.varint());
    for (; problems > 0; --problems) {
        data::Problem problem;
        PD_TRY(problem.path, body.text(text_max));
        PD_TRY(problem.reason, body.text(text_max));
        out.problems.push_back(std::move(problem));
    }
    PD_TRY(auto const has_checkpoint, body.u8());
    if (has_checkpoint != 0) {
        PD_TRY(out.checkpoint, get_checkpoint(body));
    }
    PD_CHECK(body.expect_end());
    return out;
}

Result<ExportJournal> read_journal(system::Path const& work) {
    PD_TRY(auto const bytes, system::read_file(work / "journal", journal_max));
    return ExportJournal::decode(bytes);
}

Result<void> write_journal(system::Path const& work, ExportJournal const& journal) {
    return system::write_file(work / "journal", journal.encode());
}

Result<WorkLock> WorkLock::take(system::Path const& work) {
    // Only the work folder is private: where the output will lie is not ours.
    if (work.has_parent_path()) PD_CHECK(system::make_folders(work.parent_path(), 0755));
    PD_CHECK(system::make_folders(work, 0700));
    auto const path = work / "lock";
    WorkLock lock;
    auto created = system::File::create(path);
    if (!created && created.error().fault() == Fault::conflict) {
        created = system::open_to_go_on(path, 0);
    }
    PD_TRY(lock.file_, std::move(created));
    if (::flock(lock.file_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        return fail(Fault::conflict,
                    fmt::format("another export writes there: {} is in use", work.string()))
            .with_code(11)
            .with_fix("wait for it, or name another output");
    }
    return lock;
}

}  // namespace perdure::job
