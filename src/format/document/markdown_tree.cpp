#include "format/document/markdown_tree.h"

#include <cstring>

#include "base/ascii.h"
#include "crypto/hash.h"
#include "format/document/markdown_text.h"
#include "format/document/page_text.h"

namespace perdure::format {

namespace {

/// In a table of contents; the record itself has its whole title.
constexpr std::size_t title_bytes_max = 1000;

std::uint64_t hash_of(std::string const& path) {
    auto const digest = crypto::sha256(as_bytes(path));
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest.bytes.data(), sizeof hash);
    return hash;
}

/// "photo.jpg" → "photo", ".jpg"; an extension is short and plain, or none.
std::pair<std::string, std::string> split_extension(std::string_view name) {
    auto const dot = name.rfind('.');
    if (dot == name.npos || dot == 0 || name.size() - dot > 12) return {std::string(name), ""};
    auto const extension = name.substr(dot);
    for (char const c : extension.substr(1)) {
        bool const plain = is_ascii_alphanumeric(c);
        if (!plain) return {std::string(name), ""};
    }
    return {std::string(name.substr(0, dot)), std::string(extension)};
}

}  // namespace

Result<void> MarkdownTree::open(OutputTree& tree, Start start) {
    PD_TRY(folder_spool_, tree.spool("markdown-folders"));
    PD_TRY(entries_, tree.spool("markdown-entries"));
    PD_TRY(name_spool_, tree.spool("markdown-names"));
    PD_TRY(attachment_spool_, tree.spool("markdown-attachments"));
    folders_.push_back({});
    if (start == Start::resumed) return reopen();
    names_.unique("", "README", ".md", "");
    place(root, "", names_.unique("", "attachments", "", ""));
    return put_names();
}

void MarkdownTree::place(std::size_t parent, std::string name, std::string path) {
    by_name_[{parent, name}] = folders_.size();
    folders_[parent].children.push_back(folders_.size());
    folders_.push_back({.parent = parent, .name = std::move(name), .path = std::move(path)});
}

Result<void> MarkdownTree::put_names() {
    Encoder out;
    for (auto const hash : names_.take_fresh()) out.u64(hash);
    return out.size() == 0 ? Result<void>() : name_spool_->append(out.view());
}

Result<void> MarkdownTree::reopen() {
    place(root, "", "attachments");
    ByteView frame;
    for (FrameReader reader(*folder_spool_);;) {
        PD_TRY(bool const more, reader.next(frame));
        if (!more) break;
        Decoder in(frame);
        PD_TRY(auto const parent, in.varint());
        PD_TRY(auto name, in.text(frame.size()));
        PD_TRY(auto path, in.text(frame.size()));
        if (parent >= folders_.size()) return fail(Fault::corrupt, "a folder without a parent");
        place(parent, std::move(name), std::move(path));
    }
    for (FrameReader reader(*entries_);;) {
        PD_TRY(bool const more, reader.next(frame));
        if (!more) break;
        PD_TRY(auto const entry, decode_entry(frame));
        if (entry.folder >= folders_.size()) return fail(Fault::corrupt, "a record in no folder");
        count(entry.folder, reader.offset());
    }
    for (FrameReader reader(*attachment_spool_);;) {
        PD_TRY(bool const more, reader.next(frame));
        if (!more) break;
        Decoder in(frame);
        PD_TRY(auto const hash, in.u64());
        attachments_[hash] = reader.offset();
    }
    Bytes piece(64 << 10);
    for (std::uint64_t at = 0; at < name_spool_->size_bytes(); at += piece.size()) {
        PD_TRY(auto const got, name_spool_->read_at(piece, at));
        Decoder in(ByteView(piece).first(got));
        while (!in.done()) {
            PD_TRY(auto const hash, in.u64());
            names_.remember(hash);
        }
    }
    return {};
}

Result<std::size_t> MarkdownTree::folder(std::size_t parent, std::string_view name) {
    std::pair<std::size_t, std::string> key{parent, name};
    if (auto const found = by_name_.find(key); found != by_name_.end()) return found->second;
    auto const line = one_line(name);
    auto path = names_.unique(folders_[parent].path, line.empty() ? "Unnamed" : line, "", "");
    // Its own table of contents comes before any record that is called like it.
    names_.unique(path, "README", ".md", "");
    Encoder frame;
    frame.varint(parent);
    frame.text(name);
    frame.text(path);
    PD_CHECK(append_frame(*folder_spool_, frame.view()));
    PD_CHECK(put_names());
    place(parent, std::move(key.second), std::move(path));
    return folders_.size() - 1;
}

Result<std::string> MarkdownTree::add_record(std::size_t folder, std::string_view title,
                                             std::string_view id, std::string_view date) {
    auto const path = names_.unique(folders_[folder].path, title, ".md", one_line(id));
    Encoder frame;
    frame.varint(folder);
    frame.text(path);
    frame.text(title.size() > title_bytes_max ? shortened(title, title_bytes_max)
                                              : std::string(title));
    frame.text(date);
    auto const offset = entries_->size_bytes();
    PD_CHECK(append_frame(*entries_, frame.view()));
    PD_CHECK(put_names());
    count(folder, offset);
    return path;
}

void MarkdownTree::count(std::size_t folder, std::uint64_t offset) {
    if (folders_[folder].records++ == 0) folders_[folder].first_entry = offset;
    folders_[folder].last_entry = offset;
    for (auto at = folder;; at = folders_[at].parent) {
        ++folders_[at].records_below;
        if (at == root) return;
    }
}

Result<MarkdownEntry> MarkdownTree::decode_entry(ByteView frame) {
    Decoder in(frame);
    MarkdownEntry entry;
    PD_TRY(entry.folder, in.varint());
    PD_TRY(entry.file, in.text(frame.size()));
    PD_TRY(entry.title, in.text(frame.size()));
    PD_TRY(entry.date, in.text(frame.size()));
    return entry;
}

Result<std::string> MarkdownTree::attachment(std::string const& source_path) {
    auto const found = attachments_.find(hash_of(source_path));
    if (found == attachments_.end()) return std::string();
    FrameReader reader(*attachment_spool_, found->second);
    ByteView frame;
    PD_TRY(bool const more, reader.next(frame));
    if (!more) return fail(Fault::corrupt, "an attachment was forgotten");
    Decoder in(frame.subspan(8));
    return in.text(frame.size());
}

Result<std::string> MarkdownTree::add_attachment(std::size_t folder, std::string_view file_name,
                                                 std::string const& source_path) {
    auto const [stem, extension] = split_extension(file_name);
    auto const path = names_.unique(folders_[folder].path, stem, extension, "");
    auto const hash = hash_of(source_path);
    Encoder frame;
    frame.u64(hash);
    frame.text(path);
    attachments_[hash] = attachment_spool_->size_bytes();
    PD_CHECK(append_frame(*attachment_spool_, frame.view()));
    PD_CHECK(put_names());
    return path;
}

}  // namespace perdure::format
