#include "repository/tree/record.h"

namespace perdure::repository {

namespace {

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

/// The hot path's varint: 0 bytes taken means that it is wrong.
std::size_t quick_varint(ByteView in, std::size_t& value) {
    value = 0;
    for (std::size_t i = 0; i < 5 && i < in.size(); ++i) {
        auto const part = static_cast<std::size_t>(in[i]);
        value |= (part & 0x7f) << (7 * i);
        if (part < 0x80) return i + 1;
    }
    return 0;
}

}  // namespace

bool has_list(data::Entry const& entry) {
    return entry.kind == data::EntryKind::folder ||
           (entry.kind == data::EntryKind::file && entry.same_as.empty());
}

Result<TreeRecord> decode_record(ByteView record, bool is_root) {
    Decoder in(record);
    TreeRecord out;
    PD_TRY(out.entry, data::decode_entry(in, is_root));
    if (has_list(out.entry)) {
        PD_TRY(out.list, decode_list(in));
    }
    PD_CHECK(in.expect_end());
    return out;
}

Result<RecordView> view_record(ByteView record) {
    RecordView view;
    view.whole = record;
    std::size_t length = 0;
    std::size_t const prefix = quick_varint(record, length);
    if (prefix == 0 || length > record.size() - prefix || length < 2) {
        return bad("an entry exceeds its record");
    }
    view.entry = record.first(prefix + length);
    view.list = record.subspan(prefix + length);
    ByteView const body = view.entry.subspan(prefix);
    view.kind = static_cast<data::EntryKind>(body[0]);
    std::size_t name = 0;
    std::size_t const name_prefix = quick_varint(body.subspan(1), name);
    if (name_prefix == 0 || name > body.size() - 1 - name_prefix) {
        return bad("a name exceeds its entry");
    }
    view.name = as_text(body.subspan(1 + name_prefix, name));
    return view;
}

Result<std::optional<RecordView>> FolderCursor::next(std::stop_token stop) {
    PD_TRY(std::optional<ByteView> const record, records_.next(stop));
    if (!record) return std::optional<RecordView>();
    PD_TRY(RecordView const view, view_record(*record));
    if (!first_ && previous_ >= view.name) return bad("names of a folder that are not sorted");
    first_ = false;
    previous_ = view.name;
    return std::optional<RecordView>(view);
}

Result<TreeRecord> read_root(SourceSnapshot const& source, BlobReader& blobs,
                             DomainPtr const& domain, std::stop_token stop) {
    RecordReader records(blobs, domain, source.root);
    PD_TRY(std::optional<ByteView> const record, records.next(stop));
    if (!record) return bad("a tree without a root");
    PD_TRY(TreeRecord root, decode_record(*record, true));
    if (root.entry.kind != data::EntryKind::folder || !root.entry.name.empty()) {
        return bad("a tree whose root is no folder");
    }
    PD_TRY(std::optional<ByteView> const more, records.next(stop));
    if (more) return bad("a tree with two roots");
    return root;
}

}  // namespace perdure::repository
