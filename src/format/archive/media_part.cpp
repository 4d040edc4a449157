#include "format/archive/media_part.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "format/archive/layout.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

/// Media up to this size are read once; larger ones twice: for their hash, and to be written.
constexpr std::uint64_t held_bytes_max = 8 << 20;
constexpr std::size_t recent_max = 4096;
constexpr std::size_t entry_head_bytes = crypto::Digest::size + 8;

using Look = std::function<Result<void>(ByteView)>;

Result<void> each_part(data::Content& content, Look const& look, std::stop_token const& stop) {
    PD_TRY(auto source, content.open(stop));
    Bytes part(256 << 10);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const count, source->read(part));
        if (count == 0) return {};
        PD_CHECK(look(ByteView(part).first(count)));
    }
}

void member(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += fmt::format(",\"{}\":", name);
    json_value(out, value);
}

/// What is known of the file beside its name, after the members that every entry has.
std::string facts_of(MediaFile const& file) {
    std::string facts;
    member(facts, "mime", file.media_type);
    facts += fmt::format(",\"size\":{}", file.size_bytes);
    if (file.modified) member(facts, "modified", to_rfc3339(*file.modified));
    std::string exif;
    if (file.taken) member(exif, "taken", to_rfc3339(*file.taken));
    if (file.width > 0) {
        exif += fmt::format(",\"width\":{},\"height\":{}", file.width, file.height);
    }
    member(exif, "description", file.description);
    if (!exif.empty()) facts += fmt::format(",\"exif\":{{{}}}", exif.substr(1));
    if (!file.original) facts += ",\"original\":false";
    return facts;
}

}  // namespace

Result<MediaPart> MediaPart::open(OutputTree& tree) {
    MediaPart part;
    PD_TRY(part.entries_, tree.spool("archive-media"));
    return part;
}

Result<std::string> MediaPart::add(ArchiveFiles& files, data::MediaRef const& ref,
                                   MediaLibrary& library, std::stop_token stop) {
    if (auto const known = recent_.find(ref.path); known != recent_.end()) {
        return to_hex(known->second);
    }
    PD_TRY(auto file, library.open(ref, stop));
    PD_TRY(auto const hash, store(files, file, stop));
    PD_CHECK(remember(hash, ref.path, facts_of(file)));
    if (recent_.size() >= recent_max) recent_.clear();
    recent_.emplace(ref.path, hash);
    return to_hex(hash);
}

Result<crypto::Digest> MediaPart::store(ArchiveFiles& files, MediaFile& file,
                                        std::stop_token stop) {
    crypto::Sha256 hash;
    Bytes held;
    std::uint64_t size = 0;
    bool const holds = file.size_bytes <= held_bytes_max;
    PD_CHECK(each_part(
        *file.content,
        [&](ByteView bytes) -> Result<void> {
            hash.update(bytes);
            size += bytes.size();
            if (holds && size <= held_bytes_max) append(held, bytes);
            return {};
        },
        stop));
    auto const digest = hash.finish();
    file.size_bytes = size;
    if (seen_.contains(digest)) return digest;
    auto const name = media_name(to_hex(digest));
    FileOptions const options{.compressible = false, .size_bytes = size};
    auto const written =
        held.size() == size
            ? files.write(name, options, [&](Output& out) { return out.write(ByteView(held)); })
            : files.write(name, options, [&](Output& out) {
                  return each_part(
                      *file.content, [&](ByteView bytes) { return out.write(bytes); }, stop);
              });
    if (!written) return written.error();
    if (written->hash != digest) {
        return fail(Fault::conflict, file.name + " changed while it was read")
            .with_fix("export again, or from a snapshot: --snapshot latest");
    }
    seen_.insert(digest);
    bytes_ += size;
    return digest;
}

Result<void> MediaPart::remember(crypto::Digest const& hash, std::string_view name,
                                 std::string_view facts) {
    Entry const entry{hash, entries_->size_bytes() + entry_head_bytes,
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(facts.size())};
    Encoder out;
    out.raw(hash.view());
    out.u32(entry.name_bytes);
    out.u32(entry.facts_bytes);
    out.raw(as_bytes(name));
    out.raw(as_bytes(facts));
    index_.push_back(entry);
    return entries_->append(ByteView(out.view()));
}

Result<void> MediaPart::restore(std::uint64_t bytes) {
    bytes_ = bytes;
    Bytes head(entry_head_bytes);
    for (std::uint64_t at = 0; at < entries_->size_bytes();) {
        PD_TRY(auto const count, entries_->read_at(head, at));
        Decoder in(ByteView(head).first(count));
        PD_TRY(auto const hash, in.id<crypto::Digest>());
        PD_TRY(auto const name_bytes, in.u32());
        PD_TRY(auto const facts_bytes, in.u32());
        index_.push_back({hash, at + entry_head_bytes, name_bytes, facts_bytes});
        seen_.insert(hash);
        at += entry_head_bytes + name_bytes + facts_bytes;
    }
    return {};
}

Result<ArchiveFiles::Written> MediaPart::write(ArchiveFiles& files) {
    // By hash, and for one hash in the order they came: the first one's facts hold.
    std::ranges::sort(index_, {},
                      [](Entry const& entry) { return std::pair(entry.hash, entry.offset); });
    return files.write(archive_name::media, {}, [&](Output& out) { return write_entries(out); });
}

Result<void> MediaPart::write_entries(Output& out) {
    auto const text_at = [&](std::uint64_t offset, std::uint32_t size) -> Result<std::string> {
        Bytes bytes(size);
        PD_TRY(auto const count, entries_->read_at(bytes, offset));
        if (count != size) return fail(Fault::internal, "bytes put aside are gone");
        return to_string(ByteView(bytes));
    };
    PD_CHECK(out.write(std::string_view("{\n")));
    for (std::size_t i = 0; i < index_.size();) {
        auto const& first = index_[i];
        PD_TRY(auto const facts, text_at(first.offset + first.name_bytes, first.facts_bytes));
        std::vector<std::string> names;
        std::size_t next = i;
        for (; next < index_.size() && index_[next].hash == first.hash; ++next) {
            PD_TRY(auto name, text_at(index_[next].offset, index_[next].name_bytes));
            names.push_back(std::move(name));
        }
        std::ranges::sort(names);
        names.erase(std::unique(names.begin(), names.end()), names.end());
        std::string line = fmt::format("\"{}\":{{\"names\":[", to_hex(first.hash));
        for (auto const& name : names) {
            if (&name != &names.front()) line += ',';
            json_value(line, std::string_view(name));
        }
        line += fmt::format("]{}}}{}\n", facts, next < index_.size() ? "," : "");
        PD_CHECK(out.write(std::string_view(line)));
        i = next;
    }
    return out.write(std::string_view("}\n"));
}

}  // namespace perdure::format
