#include "repository/rows/row_batch.h"
#include "repository/tree/read_file.h"

namespace perdure::repository {

namespace {

Result<void> read_media(RowBlockJob& job, ContentWriter& contents, Progress const& progress,
                        std::stop_token stop) {
    for (RowBlockJob::Row const& row : job.rows) {
        if (!row.media) continue;
        FileJob& file = job.media[*row.media];
        ContentOptions const options{
            .domain = job.domain, .media = true, .flat = true, .progress = &progress};
        PD_CHECK(read_job(file, contents, options, stop));
        file.content.reset();
        job.media_bytes_read += file.bytes_read;
        if (file.problem.empty()) continue;
        ByteView const path = ByteView(job.arena).subspan(row.key_offset, row.key_length);
        job.problems.push_back({to_string(path), file.problem});
    }
    return {};
}

/// The ids that a row refers to, so that the roster names them.
Result<void> add_contents(StoredRow const& row, std::vector<BlobId>& ids) {
    bool const media = row.table == data::media_table;
    if (!media && !row.outlined) return {};
    Decoder in(row.payload);
    if (media) {
        PD_TRY(data::Entry const entry, data::decode_entry(in, true));
        (void)entry;
    }
    PD_TRY(BlobList const list, decode_list(in));
    ids.insert(ids.end(), list.ids.begin(), list.ids.end());
    return {};
}

struct Encoded {
    Bytes plaintext;
    std::vector<BlobId> contents;
    bool holds_media = false;
};

Result<Encoded> encode(RowBlockJob& job) {
    Encoded encoded;
    RowBlockWriter block;
    for (RowBlockJob::Row const& row : job.rows) {
        StoredRow stored;
        stored.table = row.table;
        stored.key = ByteView(job.arena).subspan(row.key_offset, row.key_length);
        stored.payload =
            ByteView(job.arena).subspan(row.key_offset + row.key_length, row.payload_length);
        stored.outlined = row.outlined;
        if (row.media) stored.payload = job.media[*row.media].record;
        if (stored.payload.empty() && row.media) {
            ++job.rows_left_out;
            continue;
        }
        encoded.holds_media |= row.table == data::media_table;
        PD_CHECK(add_contents(stored, encoded.contents));
        block.add(stored);
    }
    encoded.plaintext = block.take();
    return encoded;
}

/// Stores the block as a delta against what the parent had in its place. Deltas have depth one: the
/// base of a delta is the base of the next.
Result<std::optional<BlobId>> put_block(RowBlockJob const& job, ByteView plaintext,
                                        RosterEntry& entry, WriteContext& context,
                                        std::stop_token stop) {
    BlobWriter::Put options{.blob_class = BlobClass::rows};
    std::optional<BlobId> rests_on;
    options.rests_on = &rests_on;
    BlobView base;
    if (job.parent) {
        entry.id = job.domain->blob_id(plaintext);
        bool const base_known = !job.parent->base || context.known.knows(*job.parent->base);
        if (entry.id == job.parent->id && base_known && context.known.knows(entry.id)) {
            return job.parent->base;
        }
        BlobId const base_id = job.parent->base.value_or(job.parent->id);
        // What is being collected can still be read, but must not be built on.
        auto read = context.known.knows(base_id) ? context.known.read(base_id, job.domain, stop)
                                                 : Result<BlobView>(BlobView{});
        if (read && read->frame) {
            base = std::move(*read);
            options.base = rests_on = base_id;
            options.base_plaintext = base.view();
        }
    }
    PD_TRY(entry.id, context.blobs.put(job.domain, plaintext, options));
    return rests_on;
}

}  // namespace

Result<void> store_block(RowBlockJob& job, WriteContext& context, ContentWriter& contents,
                         std::stop_token stop) {
    PD_CHECK(read_media(job, contents, context.progress, stop));
    PD_TRY(Encoded const encoded, encode(job));
    if (encoded.plaintext.empty()) return {};
    RosterEntry entry;
    entry.handle = job.domain->handle();
    entry.generation = job.domain->generation();
    entry.tag = job.tag;
    entry.holds_media = encoded.holds_media;
    PD_TRY(entry.base, put_block(job, encoded.plaintext, entry, context, stop));
    job.entries.push_back(entry);
    for (BlobId const& id : encoded.contents) {
        RosterEntry content;
        content.handle = entry.handle;
        content.generation = entry.generation;
        content.kind = RosterEntry::Kind::content;
        content.id = id;
        job.entries.push_back(content);
    }
    Bytes().swap(job.arena);
    return {};
}

}  // namespace perdure::repository
