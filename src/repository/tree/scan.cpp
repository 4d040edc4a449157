#include "repository/tree/scan.h"

#include "repository/tree/racy.h"

namespace perdure::repository {

namespace {

constexpr std::size_t batch_tokens_max = 512;
constexpr std::size_t batch_jobs_max = 64;
constexpr std::uint64_t batch_job_bytes_max = 4u << 20;
constexpr std::size_t batch_arena_bytes_max = 256u << 10;

}  // namespace

TreeScanner::TreeScanner(data::TreeReader& reader, SourceSnapshot const* parent,
                         WriteContext& context, Sink sink, std::stop_token stop)
    : reader_(reader),
      context_(context),
      domain_(context.domains.common()),
      sink_(std::move(sink)),
      stop_(stop),
      parent_(parent, context.known, domain_, stop),
      batch_(std::make_unique<TreeBatch>()) {
    if (parent != nullptr) parent_started_ = parent->started;
}

Result<void> TreeScanner::run() {
    while (true) {
        if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(std::optional<data::TreeItem> item, reader_.next(stop_));
        if (!item) break;
        PD_CHECK(take(*item));
        bool const full = batch_->tokens.size() >= batch_tokens_max ||
                          batch_->jobs.size() >= batch_jobs_max ||
                          batch_->job_bytes >= batch_job_bytes_max ||
                          batch_->arena.size() >= batch_arena_bytes_max;
        if (full && !flush()) return {};  // the assembler tells why
    }
    if (!last_names_.empty() || !root_seen_) {
        return fail(Fault::internal, "a tree reader ended within a folder");
    }
    (void)flush();
    return {};
}

Result<void> TreeScanner::check_order(data::TreeItem const& item) {
    std::string const& name = item.entry.name;
    if (last_names_.empty()) {
        if (root_seen_ || item.step != data::TreeItem::Step::enter || !name.empty()) {
            return fail(Fault::internal, "a tree reader began without its root");
        }
        root_seen_ = true;
        return {};
    }
    PD_CHECK(data::check_component(name));
    if (last_names_.back() >= name) {
        return fail(Fault::internal, "a tree reader gave names out of order");
    }
    last_names_.back() = name;
    return {};
}

Result<void> TreeScanner::take(data::TreeItem& item) {
    using Step = data::TreeItem::Step;
    if (item.step == Step::leave) {
        if (last_names_.empty()) return fail(Fault::internal, "a tree reader left too often");
        last_names_.pop_back();
        parent_.leave();
        add_token(TreeBatch::Token::Kind::leave, data::Entry{}, {});
        return {};
    }
    PD_CHECK(check_order(item));
    ++counts_.items;
    if (item.step == Step::leaf) return take_leaf(item);
    parent_.enter(item.entry.name);
    last_names_.emplace_back();
    scratch_.clear();
    data::encode_entry(scratch_, item.entry);
    add_token(TreeBatch::Token::Kind::enter, item.entry, scratch_.view());
    return {};
}

Result<bool> TreeScanner::take_over(RecordView const& before, data::Entry const& now) {
    bool const same_bytes =
        before.entry.size() == scratch_.size() &&
        std::memcmp(before.entry.data(), scratch_.view().data(), scratch_.size()) == 0;
    if (!same_bytes) {
        auto const record = decode_record(before.whole);
        if (!record || !has_list(record->entry)) return false;
        if (!data::looks_unchanged(record->entry, now)) return false;
        // What counts as a hole may change under equal stamps (space that was reserved and then
        // looked at): the list that is there holds the bytes of the extents of then.
        if (record->entry.sparse != now.sparse || record->entry.extents != now.extents)
            return false;
    }
    // Equal stamps, so the entry at hand speaks for the one before.
    if (is_racy(now, *parent_started_)) return false;
    Decoder in(before.list);
    auto const list = decode_list(in);
    if (!list || !in.done()) return false;
    return all_known(context_.known, domain_, *list, stop_);
}

Result<void> TreeScanner::take_leaf(data::TreeItem& item) {
    scratch_.clear();
    data::encode_entry(scratch_, item.entry);
    RecordView const* const before = parent_.find(item.entry.name);
    if (!has_list(item.entry)) {
        bool const further = !item.entry.same_as.empty();
        using Kind = TreeBatch::Token::Kind;
        add_token(further ? Kind::further_name : Kind::record, item.entry, scratch_.view());
        if (!further) return {};
        batch_->tokens.back().job = static_cast<std::uint32_t>(batch_->links.size());
        batch_->links.push_back(std::move(item.content));
        return {};
    }
    counts_.bytes_total += item.entry.size;
    if (before != nullptr && before->kind == data::EntryKind::file) {
        PD_TRY(bool const known, take_over(*before, item.entry));
        if (known) {
            ++counts_.files_unchanged;
            add_token(TreeBatch::Token::Kind::record, item.entry, scratch_.view(), before->list);
            return {};
        }
    }
    if (item.entry.size >= batch_job_bytes_max && !batch_->jobs.empty()) {
        if (!flush()) return {};  // a large file gets a batch of its own
    }
    add_token(TreeBatch::Token::Kind::file, item.entry, {});
    batch_->tokens.back().job = static_cast<std::uint32_t>(batch_->jobs.size());
    batch_->job_bytes += item.entry.size;
    batch_->jobs.push_back({std::move(item.entry), std::move(item.content), {}, {}, 0});
    return {};
}

void TreeScanner::add_token(TreeBatch::Token::Kind kind, data::Entry const& entry, ByteView bytes,
                            ByteView tail) {
    TreeBatch::Token token;
    token.kind = kind;
    token.linked = entry.links > 1 && entry.kind != data::EntryKind::folder;
    token.offset = batch_->arena.size();
    token.name_length = static_cast<std::uint32_t>(entry.name.size());
    token.length = static_cast<std::uint32_t>(bytes.size() + tail.size());
    append(batch_->arena, as_bytes(entry.name));
    append(batch_->arena, bytes);
    append(batch_->arena, tail);
    batch_->tokens.push_back(token);
}

bool TreeScanner::flush() {
    if (batch_->tokens.empty()) return true;
    auto full = std::exchange(batch_, std::make_unique<TreeBatch>());
    batch_->arena.reserve(64u << 10);
    batch_->tokens.reserve(batch_tokens_max);
    return sink_(std::move(full));
}

}  // namespace perdure::repository
