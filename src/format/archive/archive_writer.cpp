// How a portable archive is written in one pass:
//
//  1. Records, their index, their vectors and their ids wait in spools, for a file's size must be
//     known before it is written. Media go straight into the tree, each content once.
//  2. Types come one after the other. When none of those that share a file is to come, the file is
//     written and its spools are let go, so that 400 tables do not hold 800 files open.
//  3. Every file leaves a line in a spool of checksums, which becomes checksums.sha256 and, around
//     it, BagIt's manifest. Nothing but the manifest's own times tells when the export ran.
#include "format/archive/archive_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/archive/layout.h"
#include "format/archive/manifest_text.h"
#include "format/archive/media_part.h"
#include "format/archive/records_part.h"
#include "format/archive/statistics.h"
#include "format/archive/vectors_part.h"
#include "format/container/minisign/minisign.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

constexpr std::uint8_t state_version = 1;
constexpr std::size_t omissions_max = 1000, sign_key_max = 64 << 10;

/// The files of one place, while records for them come.
struct Part {
    TypePlace place;  ///< its `type` is the first of those that share it
    std::optional<RecordsPart> records;
    std::optional<VectorsPart> vectors;
    std::uint64_t count = 0;
    bool written = false;
};

class ArchiveWriter : public RecordWriter {
public:
    explicit ArchiveWriter(OutputTree& tree) : tree_(tree) {}

    Result<void> begin(ExportInfo const& info) override { return prepare(info); }
    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override;
    Result<FormatSummary> finish(std::stop_token stop) override;
    Result<std::optional<Bytes>> checkpoint() override;
    Result<void> resume(ExportInfo const& info, ByteView state) override;

private:
    Result<void> prepare(ExportInfo const& info);
    Result<void> prepare_parts();
    Result<Part*> part_for(std::string_view type);
    Result<void> open_part(Part& part);
    Result<void> write_part(Part& part);
    Result<void> enter_type(std::size_t position);
    Result<void> store_media(data::Record const& record, MediaLibrary& media, std::stop_token stop);
    Result<void> place_vector(Part& part, data::Record const& record);
    void omit(data::Record const& record, std::string what);
    Result<void> write_fixed(std::string_view name, std::string_view text);
    Result<void> write_end();
    Result<void> sign(crypto::Digest64 const& hash);

    OutputTree& tree_;
    ExportInfo info_;
    std::optional<ArchiveFiles> files_;
    std::optional<MediaPart> media_;
    std::optional<MinisignKey> key_;
    std::vector<TypePlace> places_;           ///< beside ExportInfo::types
    std::vector<std::size_t> part_of_;        ///< type → part
    std::vector<std::string> vector_column_;  ///< type → the column that holds its embedding
    std::vector<Part> parts_;
    std::map<std::string, std::string> hashes_;  ///< file → sha256, without media
    std::size_t type_ = 0;
    ArchiveStatistics statistics_;
    FormatSummary summary_;
    JsonRecords spelling_;
    std::string line_, embedding_;
    std::vector<std::string> media_hashes_;
};

Result<void> ArchiveWriter::prepare(ExportInfo const& info) {
    info_ = info;
    auto const option = [&](char const* name) {
        auto const found = info.options.find(name);
        return found == info.options.end() ? std::string() : found->second;
    };
    auto const layout = option("layout");
    if (!layout.empty() && layout != "flat" && layout != "bagit") {
        return fail(Fault::invalid, fmt::format("\"{}\" is no layout of an archive", layout))
            .with_fix("take --layout flat or --layout bagit");
    }
    if (auto const path = option("sign-key"); !path.empty()) {
        auto file = system::read_file(path, sign_key_max);
        if (!file) return Error(std::move(file).error()).within("the signing key");
        auto key = MinisignKey::parse(as_text(*file), as_bytes(option("sign-passphrase")));
        if (!key) return Error(std::move(key).error()).within(path);
        key_ = std::move(*key);
    }
    files_.emplace(tree_, layout == "bagit" ? ArchiveLayout::bagit : ArchiveLayout::flat,
                   info.as_of);
    PD_CHECK(files_->start());
    PD_TRY(media_, MediaPart::open(tree_));
    return prepare_parts();
}

Result<void> ArchiveWriter::prepare_parts() {
    // The three fixed places exist in every archive, so that a reader needs no special case.
    for (std::string_view const type : {"memory", "project", "code_unit"}) {
        parts_.push_back({place_types({{.type = std::string(type)}}).front(), {}, {}});
    }
    places_ = place_types(info_.types);
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto const found = std::ranges::find(parts_, places_[i].records,
                                             [](Part const& part) { return part.place.records; });
        part_of_.push_back(static_cast<std::size_t>(found - parts_.begin()));
        if (found == parts_.end()) parts_.push_back({places_[i], {}, {}});
        auto const& type = info_.types[i];
        auto const role = type.roles.find("embedding");
        bool const own = role != type.roles.end() &&
                         std::ranges::find(type.columns, role->second) != type.columns.end();
        vector_column_.push_back(own ? role->second : "");
    }
    return {};
}

Result<void> ArchiveWriter::open_part(Part& part) {
    PD_ASSERT(!part.written);
    if (part.records) return {};
    auto const name = fmt::format("archive-{}", &part - parts_.data());
    PD_TRY(part.records, RecordsPart::open(tree_, name));
    if (part.place.vectors.empty()) return {};
    PD_TRY(part.vectors, VectorsPart::open(tree_, name));
    return {};
}

Result<void> ArchiveWriter::write_part(Part& part) {
    PD_CHECK(open_part(part));
    PD_TRY(auto const records, part.records->write_records(*files_, part.place.records));
    PD_TRY(auto const index, part.records->write_index(*files_, part.place.index));
    hashes_[part.place.records] = to_hex(records.hash);
    hashes_[part.place.index] = to_hex(index.hash);
    if (part.vectors) {
        PD_TRY(auto const vectors, part.vectors->write(*files_, part.place.vectors));
        hashes_[part.place.vectors] = to_hex(vectors.hash);
    }
    part.count = part.records->count();
    part.records.reset();
    part.vectors.reset();
    part.written = true;
    return {};
}

/// Writes the parts that no type from `position` on adds to.
Result<void> ArchiveWriter::enter_type(std::size_t position) {
    while (type_ < position) {
        auto const part = part_of_[type_++];
        bool const more =
            std::ranges::any_of(part_of_.begin() + static_cast<std::ptrdiff_t>(type_),
                                part_of_.end(), [&](std::size_t other) { return other == part; });
        if (!more && !parts_[part].written) PD_CHECK(write_part(parts_[part]));
    }
    return {};
}

Result<Part*> ArchiveWriter::part_for(std::string_view type) {
    auto const found = std::ranges::find(info_.types, type, &data::RecordType::type);
    auto const position = static_cast<std::size_t>(found - info_.types.begin());
    if (found == info_.types.end() || position < type_) {
        return fail(Fault::internal, fmt::format("a record of type \"{}\" out of turn", type));
    }
    PD_CHECK(enter_type(position));
    auto& part = parts_[part_of_[position]];
    PD_CHECK(open_part(part));
    return &part;
}

Result<void> ArchiveWriter::store_media(data::Record const& record, MediaLibrary& media,
                                        std::stop_token stop) {
    media_hashes_.clear();
    for (auto const& ref : record.media) {
        media_hashes_.emplace_back();
        auto stored = media_->add(*files_, ref, media, stop);
        if (stored) {
            media_hashes_.back() = std::move(*stored);
            ++summary_.media;
            continue;
        }
        auto const fault = stored.error().fault();
        if (fault != Fault::not_found && fault != Fault::corrupt && fault != Fault::unsupported &&
            fault != Fault::denied) {
            return Error(std::move(stored).error());
        }
        omit(record, fmt::format("media {}: {}", ref.path, stored.error().message()));
    }
    return {};
}

Result<void> ArchiveWriter::place_vector(Part& part, data::Record const& record) {
    embedding_.clear();
    if (!part.vectors || !record.embedding) return {};
    auto const& column = vector_column_[type_];
    if (!column.empty()) {
        // What the role tells must be what the column holds, or the column would be lost.
        auto const field = std::ranges::find(record.fields, column, &data::FieldView::name);
        auto const* const bytes =
            field == record.fields.end() ? nullptr : std::get_if<ByteView>(&field->value);
        if (!bytes || !std::ranges::equal(*bytes, record.embedding->vector)) return {};
    }
    PD_TRY(auto place, part.vectors->add(record.id, *record.embedding));
    if (place) embedding_ = std::move(*place);
    return {};
}

Result<void> ArchiveWriter::add(data::Record const& record, MediaLibrary& media,
                                std::stop_token stop) {
    PD_TRY(auto* const part, part_for(record.type));
    PD_CHECK(store_media(record, media, stop));
    PD_CHECK(place_vector(*part, record));
    line_.clear();
    spelling_.append(line_, record,
                     {.embedding = embedding_,
                      .embedding_column = vector_column_[type_],
                      .media_hashes = media_hashes_});
    PD_CHECK(part->records->add(record.id, line_));
    statistics_.add(record, line_.size());
    ++summary_.records;
    ++summary_.per_type[std::string(record.type)];
    return {};
}

void ArchiveWriter::omit(data::Record const& record, std::string what) {
    ++summary_.omissions_total;
    if (summary_.omissions.size() >= omissions_max) return;
    summary_.omissions.push_back({fmt::format("{} {}", record.type, record.id), std::move(what)});
}

Result<void> ArchiveWriter::write_fixed(std::string_view name, std::string_view text) {
    PD_TRY(auto const written, files_->write_text(name, text));
    hashes_[std::string(name)] = to_hex(written.hash);
    return {};
}

Result<void> ArchiveWriter::sign(crypto::Digest64 const& hash) {
    if (!key_) return {};
    auto const trusted = fmt::format(
        "timestamp:{}\tfile:checksums.sha256\tperdure portable archive", info_.as_of.seconds);
    PD_CHECK(files_->write_text(archive_name::signature, minisign(*key_, hash, trusted)));
    return {};
}

Result<void> ArchiveWriter::write_end() {
    PD_TRY(auto const media, media_->write(*files_));
    hashes_[std::string(archive_name::media)] = to_hex(media.hash);
    PD_CHECK(write_fixed(archive_name::configuration,
                         configuration_text(info_, key_ ? key_->open().line() : "")));
    PD_CHECK(
        write_fixed(archive_name::statistics,
                    statistics_text(statistics_, {media_->count(), media_->bytes()}, summary_)));
    ManifestFacts facts{.projects = statistics_.projects, .hashes = hashes_};
    for (auto const& part : parts_) facts.counts.emplace_back(part.place.count, part.count);
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto const found = summary_.per_type.find(places_[i].type);
        facts.types.push_back(
            {&info_.types[i], &places_[i], found == summary_.per_type.end() ? 0 : found->second});
    }
    facts.media = {media_->count(), media_->bytes()};
    PD_CHECK(files_->write_text(archive_name::manifest, manifest_text(info_, facts)));
    crypto::Blake2b hash;
    PD_CHECK(files_->write_checksums(archive_name::checksums,
                                     [&](ByteView bytes) { hash.update(bytes); }));
    PD_CHECK(sign(hash.finish()));
    return files_->write_bag(info_.as_of, info_.program);
}

Result<FormatSummary> ArchiveWriter::finish(std::stop_token) {
    PD_CHECK(enter_type(places_.size()));
    for (auto& part : parts_) {
        if (!part.written) PD_CHECK(write_part(part));
    }
    PD_CHECK(write_end());
    summary_.files = files_->totals().files;
    summary_.bytes = files_->totals().bytes;
    return std::move(summary_);
}

Result<std::optional<Bytes>> ArchiveWriter::checkpoint() {
    Encoder out;
    out.u8(state_version);
    out.varint(type_);
    out.varint(files_->totals().files);
    out.varint(files_->totals().bytes);
    out.varint(media_->bytes());
    for (auto const& part : parts_) {
        out.u8(part.written ? 2 : part.records ? 1 : 0);
        out.varint(part.count);
        if (part.records) part.records->save(out);
        if (part.vectors) part.vectors->save(out);
    }
    out.varint(hashes_.size());
    for (auto const& [name, hash] : hashes_) {
        out.text(name);
        out.text(hash);
    }
    statistics_.save(out);
    save_summary(out, summary_);
    return std::optional(out.take());
}

Result<void> ArchiveWriter::resume(ExportInfo const& info, ByteView state) {
    PD_CHECK(prepare(info));
    Decoder in(state);
    PD_TRY(auto const version, in.u8());
    if (version != state_version) return fail(Fault::corrupt, "a checkpoint of another version");
    PD_TRY(type_, in.varint());
    ArchiveFiles::Totals totals;
    PD_TRY(totals.files, in.varint());
    PD_TRY(totals.bytes, in.varint());
    files_->restore(totals);
    PD_TRY(auto const media_bytes, in.varint());
    PD_CHECK(media_->restore(media_bytes));
    for (auto& part : parts_) {
        PD_TRY(auto const kind, in.u8());
        PD_TRY(part.count, in.varint());
        part.written = kind == 2;
        if (kind != 1) continue;
        PD_CHECK(open_part(part));
        PD_CHECK(part.records->restore(in));
        if (part.vectors) PD_CHECK(part.vectors->restore(in));
    }
    PD_TRY(auto const hashes, in.varint());
    for (std::uint64_t i = 0; i < hashes; ++i) {
        PD_TRY(auto name, in.text(4096));
        PD_TRY(hashes_[name], in.text(64));
    }
    PD_CHECK(statistics_.restore(in));
    PD_TRY(summary_, restore_summary(in));
    return in.expect_end();
}

}  // namespace

std::unique_ptr<RecordWriter> open_archive_writer(OutputTree& tree) {
    return std::make_unique<ArchiveWriter>(tree);
}

}  // namespace perdure::format
