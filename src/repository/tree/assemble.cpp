#include "repository/tree/assemble.h"

#include "repository/tree/read_file.h"
#include "repository/tree/record.h"

namespace perdure::repository {

TreeAssembler::TreeAssembler(WriteContext& context, ContentWriter& contents, std::stop_token stop)
    : context_(context),
      contents_(contents),
      stop_(std::move(stop)),
      domain_(context.domains.common()),
      seed_(cut_seed(context.chunk_key)),
      root_(context.blobs, domain_, folder_cuts) {}

std::string TreeAssembler::path_of(std::string_view name) const {
    std::string path = path_;
    if (!path.empty()) path += '/';
    return path.append(name);
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

Result<void> TreeAssembler::add_further_name(std::string_view name, ByteView record,
                                             std::shared_ptr<data::Content> content) {
    std::uint64_t const hash = cut_hash(as_bytes(name), seed_);
    if (gone_.empty()) return open_.back().records.add(hash, record);
    PD_TRY(TreeRecord decoded, decode_record(record));
    auto const gone = gone_.find(decoded.entry.same_as);
    if (gone == gone_.end()) return open_.back().records.add(hash, record);
    auto const added = add_as_own(name, std::move(decoded.entry), gone, std::move(content));
    if (gone->second.names_left <= 1) {
        gone_.erase(gone);
    } else {
        --gone->second.names_left;
    }
    return added;
}

/// The first such name is read and stands for the others.
Result<void> TreeAssembler::add_as_own(std::string_view name, data::Entry entry,
                                       GoneFiles::iterator gone,
                                       std::shared_ptr<data::Content> content) {
    std::uint64_t const hash = cut_hash(as_bytes(name), seed_);
    if (std::string const& stand_in = gone->second.stand_in; !stand_in.empty()) {
        entry.same_as = stand_in;
        Encoder out;
        data::encode_entry(out, entry);
        return open_.back().records.add(hash, out.view());
    }
    if (!content) {
        problems.add({path_of(name), "is a hard link to the unreadable " + gone->first});
        ++items_left_out;
        return {};
    }
    FileJob job{.entry = std::move(entry), .content = std::move(content)};
    job.entry.same_as.clear();
    PD_CHECK(read_job(job, contents_, {.domain = domain_, .progress = &context_.progress}, stop_));
    if (!job.record.empty() && !job.other_file) gone->second.stand_in = path_of(name);
    bytes_of_own += job.entry.size;
    return add_file(job, name, false);
}

Result<void> TreeAssembler::add_file(FileJob& job, std::string_view name, bool linked) {
    bytes_read += job.bytes_read;
    if (!job.problem.empty()) problems.add({path_of(name), job.problem});
    bool const left_out = job.record.empty();
    if (linked && (left_out || job.other_file)) gone_[path_of(name)] = {job.names - 1, {}};
    if (left_out) {
        ++items_left_out;
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
                PD_CHECK(open_.back().records.add(cut_hash(as_bytes(name), seed_), bytes));
                break;
            case Kind::further_name:
                PD_CHECK(add_further_name(name, bytes, std::move(batch.links[token.job])));
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
