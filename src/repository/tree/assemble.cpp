#include "repository/tree/assemble.h"

#include "repository/tree/record.h"

namespace perdure::repository {

TreeAssembler::TreeAssembler(WriteContext& context)
    : context_(context),
      domain_(context.domains.common()),
      seed_(cut_seed(context.chunk_key)),
      root_(context.blobs, domain_, folder_cuts) {}

std::string TreeAssembler::path_of(std::string_view name) const {
    std::string path = path_;
    if (!path.empty()) path += '/';
    return path.append(name);
}

void TreeAssembler::note(std::string path, std::string reason) {
    ++problems_total;
    if (problems.size() < problems_kept_max) {
        problems.push_back({std::move(path), std::move(reason)});
    }
}

void TreeAssembler::enter(std::string_view name, ByteView entry) {
    std::size_t const path_length = path_.size();
    if (!open_.empty()) path_ = path_of(name);
    open_.push_back({to_bytes(entry), cut_hash(as_bytes(name), seed_), path_length,
                     RecordWriter(context_.blobs, domain_, folder_cuts)});
}

Result<void> TreeAssembler::leave() {
    PD_ASSERT(!open_.empty());
    Open folder = std::move(open_.back());
    open_.pop_back();
    path_.resize(folder.path_length);
    PD_TRY(BlobList const list, folder.records.finish());
    Encoder tail;
    encode_list(tail, list);
    RecordWriter& outer = open_.empty() ? root_ : open_.back().records;
    PD_CHECK(outer.add(folder.hash, folder.entry, tail.view()));
    if (open_.empty()) {
        PD_TRY(root_list_, root_.finish());
    }
    return {};
}

Result<void> TreeAssembler::add_record(std::string_view name, ByteView record, bool linked) {
    if (linked && !left_out_.empty()) {
        PD_TRY(TreeRecord const decoded, decode_record(record));
        if (left_out_.contains(decoded.entry.same_as)) {
            note(path_of(name), "is a hard link to the unreadable " + decoded.entry.same_as);
            ++items_left_out;
            return {};
        }
    }
    return open_.back().records.add(cut_hash(as_bytes(name), seed_), record);
}

Result<void> TreeAssembler::add_file(FileJob& job, std::string_view name, bool linked) {
    bytes_read += job.bytes_read;
    if (!job.problem.empty()) note(path_of(name), job.problem);
    if (job.record.empty()) {
        ++items_left_out;
        if (linked) left_out_.insert(path_of(name));
        return {};
    }
    return open_.back().records.add(cut_hash(as_bytes(name), seed_), job.record);
}

Result<void> TreeAssembler::add(TreeBatch& batch) {
    if (batch.error) return *batch.error;
    using Kind = TreeBatch::Token::Kind;
    std::size_t left = 0;  // folders, which were counted when they were entered
    for (TreeBatch::Token const& token : batch.tokens) {
        ByteView const all =
            ByteView(batch.arena).subspan(token.offset, token.name_length + token.length);
        std::string_view const name = as_text(all.first(token.name_length));
        ByteView const bytes = all.subspan(token.name_length);
        switch (token.kind) {
            case Kind::enter:
                enter(name, bytes);
                break;
            case Kind::leave:
                PD_CHECK(leave());
                ++left;
                break;
            case Kind::record:
                PD_CHECK(add_record(name, bytes, token.linked));
                break;
            case Kind::file:
                PD_CHECK(add_file(batch.jobs[token.job], name, token.linked));
                break;
        }
    }
    items_done += batch.tokens.size();
    items_done -= left;
    if (context_.progress.report) context_.progress.report(items_done, bytes_read, path_);
    return {};
}

BlobList TreeAssembler::take_root() {
    PD_ASSERT(root_list_.has_value());
    return std::move(*root_list_);
}

}  // namespace perdure::repository
